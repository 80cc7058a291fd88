/**
 * A machine of a virtual network: its addresses, its line, its disk, and what it has open.
 * @module
 */

import type { ByteStream, MulticastOptions, World } from '../net/world.js'
import { type Address, addressKey } from '../util/address.js'
import { type DiskOptions, VirtualDisk } from './disk.js'
import { VirtualInterfaces } from './interfaces.js'
import { Line } from './line.js'
import type { VirtualStream } from './stream.js'
import type { Wire } from './wire.js'

export interface HostOptions {
  /** IPv4 or IPv6; the next free of 10.0.0.1, 10.0.0.2, ... by default. */
  readonly ip?: string
  /** A second address, of the other family. */
  readonly ip6?: string
  /** Name of the local network that its first interface, `eth0`, is on; none by default. Multicast stays within one. */
  readonly lan?: string
  /** Bytes/s that the host can send. No limit by default. */
  readonly upload?: number
  /** Bytes/s that the host can receive. No limit by default. */
  readonly download?: number
  /** ms added to every way to and from this host. 0 by default. */
  readonly latency?: number
  /** Dials to it get no answer, and datagrams pass only from where this host has sent to. */
  readonly nat?: boolean
  /** Chance (0 .. 1) that a dial to this host is refused. */
  readonly refuse?: number
  /** Mean life (ms) of this host's incoming connections, after which they are reset. No limit by default. */
  readonly connectionLife?: number
  /** Chance (0 .. 1) that a datagram from or to this host is lost. */
  readonly dropDatagrams?: number
  /** The host's disk; unlimited and instant by default. */
  readonly disk?: DiskOptions
}

/** What hosts need of their network. */
export interface Surroundings {
  readonly wire: Wire
  readonly seed: number
  /** Unix time in ms at which the world began. */
  readonly startTime: number
  readonly hosts: readonly VirtualHost[]
  hostAt(ip: string): VirtualHost | undefined
  /** Makes a host reachable at these addresses. Throws RangeError, and changes nothing, when one is taken. */
  claim(ips: readonly string[], host: VirtualHost): void
  release(ips: readonly string[]): void
  /** ms one way. */
  latencyBetween(a: VirtualHost, b: VirtualHost): number
  canReach(a: VirtualHost, b: VirtualHost): boolean
  stall(stream: VirtualStream): void
  /** Lets stalled streams try again. */
  unstall(): void
  lookup(
    name: string,
    options?: { readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<readonly string[]>
  /** Extra delays (ms), one for each copy of a datagram that arrives. */
  datagramFates(from: VirtualHost, to: VirtualHost, bytes: number): readonly number[]
}

/** Something bound to a port. */
export interface Bound {
  readonly kind: 'tcp' | 'udp'
  /** Undefined: all addresses. */
  readonly host: string | undefined
  readonly port: number
  readonly accept?: (stream: ByteStream) => void
  readonly receive?: (bytes: Uint8Array, from: Address) => void
  /** Remote ends that this socket has sent to, which opens a NAT for their answers. */
  readonly contacts?: Set<string>
  /** Others may bind the same when they say so, too. */
  readonly reuse?: boolean
  readonly multicast?: MulticastOptions
  /** Groups joined, each with the interface: `239.1.2.3 eth0`. */
  readonly groups?: Set<string>
}

/** Made by `VirtualNetwork.host`. */
export class VirtualHost {
  readonly ip: string
  readonly ip6: string | undefined
  /** What code under test runs in. */
  readonly world: World
  readonly disk: VirtualDisk
  readonly options: HostOptions
  /** @internal */
  readonly line: Line
  /** @internal Open streams, both directions. */
  readonly streams: Set<VirtualStream> = new Set()
  /** Pending timers, dials and look-ups of the world, by what they are. */
  readonly waiting: Set<{ readonly kind: string }> = new Set()
  /** Its loopback, `eth0` with the addresses of the options, and what is added. */
  readonly interfaces: VirtualInterfaces
  /** Side of a partition: hosts reach each other only on the same one. */
  side = 0
  readonly #around: Surroundings
  readonly #bound: Set<Bound> = new Set()
  #nextPort = 49_152
  #online = true

  /**
   * Hosts are made by their network.
   * @param makeWorld makes {@link VirtualHost.world}, once the rest is there
   * @internal
   */
  constructor(
    around: Surroundings,
    ip: string,
    options: HostOptions,
    makeWorld: (host: VirtualHost) => World,
  ) {
    this.#around = around
    this.ip = ip
    this.ip6 = options.ip6
    this.options = options
    const { clock, blocks } = around.wire
    this.interfaces = new VirtualInterfaces({
      clock,
      claim: (ips) => around.claim(ips, this),
      release: (ips) => around.release(ips),
      changed: () => around.unstall(),
      waiting: this.waiting,
    })
    const { ip6, lan } = options
    this.interfaces.add({
      name: 'eth0',
      ip,
      ...(ip6 !== undefined && { ip6 }),
      ...(lan !== undefined && { lan }),
    })
    this.line = new Line(clock, rate('upload', options.upload), rate('download', options.download))
    this.disk = new VirtualDisk(clock, blocks, around.startTime, options.disk)
    this.world = makeWorld(this)
  }

  /** While false no packet goes in or out: connections hang, and go on when it is true again. */
  get online(): boolean {
    return this.#online
  }

  set online(online: boolean) {
    this.#online = online
    if (online) this.#around.unstall()
  }

  /** Resets all connections of this host, in the middle of whatever they carry. */
  cutConnections(code = 'ECONNRESET'): void {
    for (const stream of [...this.streams]) stream.cut(code)
  }

  /** What the host has open, one line each; empty after a clean close. */
  get open(): readonly string[] {
    return [
      ...[...this.waiting].map(({ kind }) => kind),
      ...[...this.#bound].map(({ kind, port }) => `${kind} port ${port}`),
      ...[...this.streams].map(({ local, remote }) => `tcp ${addressKey(local)} ${addressKey(remote)}`),
    ]
  }

  /** Bytes of TCP payload sent and received so far, by connections that are open or closed. */
  get traffic(): { readonly sent: number; readonly received: number } {
    return { sent: this.line.sent, received: this.line.received }
  }

  canReach(other: VirtualHost): boolean {
    return this.#around.canReach(this, other)
  }

  /** @internal */
  stall(stream: VirtualStream): void {
    this.#around.stall(stream)
  }

  /** True for an address that the host had and has not now. */
  lacks(ip: string): boolean {
    return this.interfaces.lacks(ip)
  }

  /** The own address to use towards `remote`. */
  addressTowards(remote: string): string {
    if (isLoopback(remote)) return remote
    return this.interfaces.source(remote.includes(':') ? 6 : 4) ?? this.ip
  }

  /** @internal Takes a port, a free one for 0; undefined when it is taken. */
  bind(bound: Omit<Bound, 'port'>, port: number): Bound | undefined {
    let wanted = port
    while (wanted === 0) {
      const candidate = this.freePort()
      if (![...this.#bound].some((other) => other.port === candidate)) wanted = candidate
    }
    for (const other of this.#bound) {
      if (other.port !== wanted || other.kind !== bound.kind || !overlap(other.host, bound.host)) continue
      if (!other.reuse || !bound.reuse) return undefined
    }
    const taken = { ...bound, port: wanted }
    this.#bound.add(taken)
    return taken
  }

  /** @internal */
  release(bound: Bound): void {
    this.#bound.delete(bound)
  }

  /** @internal */
  boundTo(kind: 'tcp' | 'udp', address: Address): Bound | undefined {
    for (const bound of this.#bound) {
      if (bound.kind === kind && bound.port === address.port && covers(bound.host, address.host)) return bound
    }
    return undefined
  }

  /** @internal The UDP sockets of a port that joined a group on one of these interfaces. */
  listeners(group: string, port: number, interfaces: readonly string[]): readonly Bound[] {
    return [...this.#bound].filter(
      (bound) => bound.port === port && interfaces.some((name) => bound.groups?.has(`${group} ${name}`)),
    )
  }

  /** @internal */
  freePort(): number {
    if (this.#nextPort > 65_535) this.#nextPort = 49_152
    return this.#nextPort++
  }
}

/** True for the addresses that mean the host itself. */
export function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1'
}

function covers(bound: string | undefined, ip: string): boolean {
  if (bound === undefined) return true
  if (bound === '0.0.0.0') return !ip.includes(':')
  return bound === '::' ? ip.includes(':') : bound === ip
}

function overlap(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || covers(a, b) || covers(b, a)
}

function rate(name: string, bytesPerSecond: number | undefined): number {
  if (bytesPerSecond === undefined) return Number.POSITIVE_INFINITY
  if (!(bytesPerSecond > 0)) throw new RangeError(`${name} must be above 0 bytes/s, got ${bytesPerSecond}`)
  return bytesPerSecond
}
