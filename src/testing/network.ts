/**
 * A network of virtual hosts with its own time. Everything that happens is an event in one queue, and
 * everything random comes from one seed: a run is repeatable to the event.
 * @module
 */

import { SharedBlocks } from './blocks.js'
import { VirtualClock } from './clock.js'
import { Digest } from './digest.js'
import { type HostOptions, type Surroundings, VirtualHost } from './host.js'
import { LentMemory } from './memory.js'
import { VirtualNames } from './names.js'
import { SeededRandom } from './random.js'
import { type RunOptions, runEvents } from './run.js'
import type { VirtualStream } from './stream.js'
import type { TraceEvent, Wire } from './wire.js'
import { VirtualWorld } from './world.js'

/** What may happen to datagrams between two hosts. Chances are 0 .. 1; all 0 by default. */
export interface DatagramOptions {
  readonly loss?: number
  readonly duplicate?: number
  /** Chance that a datagram is late, by up to `reorderDelay`. */
  readonly reorder?: number
  /** ms; 20 by default. */
  readonly reorderDelay?: number
  /** Largest IP packet (bytes); larger datagrams vanish. No limit by default. */
  readonly mtu?: number
}

export interface NetworkOptions {
  /** Decides everything that is random. */
  readonly seed: number
  /** ms one way between two hosts, their own latencies apart; 10 by default, 0 from a host to itself. */
  readonly latency?: number | ((a: VirtualHost, b: VirtualHost) => number)
  /** Unacknowledged bytes a connection may have under way; 1 MiB by default, near what systems grow to. */
  readonly window?: number
  /** Bytes that a connection takes from its writer ahead of the line; 64 KiB by default. */
  readonly sendBuffer?: number
  /** Chance (0 .. 1) that an arriving segment is handed over in several pieces; 0 by default. */
  readonly fragment?: number
  readonly datagrams?: DatagramOptions
  /** Unix time (ms) at which the world begins; 2025-01-01 by default. */
  readonly startTime?: number
  /** Sees everything that happens on the network. */
  readonly trace?: (event: TraceEvent) => void
}

const LATENCY = 10
const START_TIME = 1_735_689_600_000
const IP_UDP_HEADERS = 28

export class VirtualNetwork {
  readonly seed: number
  readonly names: VirtualNames
  readonly #options: NetworkOptions
  readonly #wire: Wire
  readonly #hosts: VirtualHost[] = []
  readonly #byIp: Map<string, VirtualHost> = new Map()
  readonly #stalled: Set<VirtualStream> = new Set()
  readonly #around: Surroundings
  #running = false

  constructor(options: NetworkOptions) {
    this.seed = options.seed
    this.#options = options
    const clock = new VirtualClock()
    this.#wire = {
      clock,
      random: new SeededRandom(options.seed),
      digest: new Digest(),
      memory: new LentMemory(),
      blocks: new SharedBlocks(),
      window: options.window ?? 1_048_576,
      sendBuffer: options.sendBuffer ?? 65_536,
      fragment: options.fragment ?? 0,
      trace: options.trace,
    }
    this.names = new VirtualNames(clock)
    this.#around = {
      wire: this.#wire,
      seed: options.seed,
      startTime: options.startTime ?? START_TIME,
      hosts: this.#hosts,
      hostAt: (ip) => this.#byIp.get(ip),
      claim: (ips, host) => {
        const taken = ips.find((ip) => this.#byIp.has(ip))
        if (taken !== undefined) throw new RangeError(`ip ${taken} is taken`)
        for (const ip of ips) this.#byIp.set(ip, host)
      },
      release: (ips) => {
        for (const ip of ips) this.#byIp.delete(ip)
      },
      latencyBetween: (a, b) => this.#latencyBetween(a, b),
      canReach: (a, b) => a === b || (a.side === b.side && a.online && b.online),
      stall: (stream) => this.#stalled.add(stream),
      unstall: () => this.#unstall(),
      lookup: (name, lookupOptions) => this.names.lookup(name, lookupOptions),
      datagramFates: (from, to, bytes) => this.#datagramFates(from, to, bytes),
    }
  }

  /** ms since the world began. */
  get now(): number {
    return this.#wire.clock.now
  }

  /** 16 hexadecimal digits over all events so far: equal for two runs of one seed. */
  get digest(): string {
    return this.#wire.digest.toString()
  }

  get hosts(): readonly VirtualHost[] {
    return this.#hosts
  }

  /** Adds a host. Throws RangeError when the address is taken or no IP. */
  host(options: HostOptions = {}): VirtualHost {
    const ip = options.ip ?? this.#freeIp()
    const random = new SeededRandom(this.#around.seed, this.#hosts.length + 1)
    const host = new VirtualHost(
      this.#around,
      ip,
      options,
      (made) => new VirtualWorld(made, this.#around, random),
    )
    this.#hosts.push(host)
    return host
  }

  /**
   * Splits the network: hosts of different groups no longer reach each other, nor the hosts in no group.
   * Connections across hang.
   */
  partition(...groups: readonly (readonly VirtualHost[])[]): void {
    for (const host of this.#hosts) host.side = 0
    groups.forEach((group, index) => {
      for (const host of group) host.side = index + 1
    })
    this.#unstall()
  }

  /** Ends a partition; hanging connections go on. */
  heal(): void {
    this.partition()
  }

  /**
   * Runs events until `until` is true (asked whenever time moves) or, being a promise, settled; resolves to the value
   * of the promise. Rejects, naming the seed and the time, when nothing is left to happen before that,
   * when `limit` virtual ms have passed (1 hour by default), or when the code under test throws in an
   * event.
   */
  async run<T = void>(options: RunOptions<T>): Promise<T> {
    if (this.#running) throw new Error('this network runs already')
    this.#running = true
    try {
      return await runEvents(this.#wire, this.seed, options)
    } finally {
      this.#running = false
    }
  }

  /** Runs all events of the next `ms` virtual ms. */
  async advance(ms: number): Promise<void> {
    const { clock } = this.#wire
    let reached = false
    clock.at(clock.now + ms, () => {
      reached = true
    })
    await this.run({ until: () => reached, limit: Number.POSITIVE_INFINITY })
  }

  #freeIp(): string {
    for (let n = this.#hosts.length + 1; ; n++) {
      const ip = `10.${(n >>> 16) & 0xff}.${(n >>> 8) & 0xff}.${n & 0xff}`
      if (!this.#byIp.has(ip)) return ip
    }
  }

  #latencyBetween(a: VirtualHost, b: VirtualHost): number {
    if (a === b) return 0
    const { latency = LATENCY } = this.#options
    const between = typeof latency === 'number' ? latency : latency(a, b)
    return between + (a.options.latency ?? 0) + (b.options.latency ?? 0)
  }

  #unstall(): void {
    const stalled = [...this.#stalled]
    this.#stalled.clear()
    for (const stream of stalled) stream.unstall()
  }

  #datagramFates(from: VirtualHost, to: VirtualHost, bytes: number): readonly number[] {
    if (from === to) return [0]
    const { loss = 0, duplicate = 0, reorder = 0, reorderDelay = 20, mtu } = this.#options.datagrams ?? {}
    const { random } = this.#wire
    if (mtu !== undefined && bytes + IP_UDP_HEADERS > mtu) return []
    const chances = [loss, from.options.dropDatagrams ?? 0, to.options.dropDatagrams ?? 0]
    if (chances.some((chance) => random.happens(chance))) return []
    const late = (): number => (random.happens(reorder) ? random.fraction() * reorderDelay : 0)
    return random.happens(duplicate) ? [late(), late()] : [late()]
  }
}
