/**
 * A light network of datagrams for thousands of DHT nodes: virtual time, latency, loss, hosts that come and
 * go. Everything follows from the seed.
 */
import { DhtNode } from '../../src/dht/node.js'
import type { DhtEvent, DhtNodeOptions, LookupId } from '../../src/dht/node-types.js'
import { type Address, addressKey, ipFromBytes } from '../../src/util/address.js'
import { isLocalIp } from '../../src/util/locality.js'
import { below } from '../../src/util/random.js'
import { seededRandom } from './random.js'

export interface NetworkOptions {
  readonly seed: number
  /** Chance that a datagram is lost. Default 0. */
  readonly loss?: number
  /** ms of one way, uniform between both. Default 10 and 100. */
  readonly latency?: readonly [number, number]
}

/** Anything that receives datagrams. */
export interface Endpoint {
  readonly address: Address
  receive(bytes: Uint8Array, from: Address, now: number): void
}

/** A host with one node. */
export class Host implements Endpoint {
  readonly address: Address
  readonly node: DhtNode
  isOn = true
  /** When its timer is set; later settings make earlier ones void. */
  timer = Number.POSITIVE_INFINITY
  readonly #network: DhtNetwork
  readonly #running = new Map<LookupId, { events: DhtEvent[]; done: (events: DhtEvent[]) => void }>()

  constructor(network: DhtNetwork, address: Address, node: DhtNode) {
    this.#network = network
    this.address = address
    this.node = node
  }

  /** A look-up of its own is under way. */
  get isBusy(): boolean {
    return this.#running.size > 0
  }

  receive(bytes: Uint8Array, from: Address, now: number): void {
    this.node.receive(bytes, from, now)
    this.drain()
  }

  /** Begins a look-up; `done` gets all its events, the one of type `done` last. */
  start(begin: (node: DhtNode, now: number) => LookupId, done: (events: DhtEvent[]) => void): void {
    this.#running.set(begin(this.node, this.#network.now), { events: [], done })
    this.drain()
  }

  /** Takes over what the node has to send and to tell; call it after every command. */
  drain(): void {
    const { node } = this
    const network = this.#network
    for (let datagram = node.transmit(network.now); datagram; datagram = node.transmit(network.now))
      network.send(datagram.bytes, this.address, datagram.to)
    for (let event = node.poll(); event; event = node.poll()) {
      if (!('lookup' in event)) continue
      const running = this.#running.get(event.lookup)
      running?.events.push(event)
      if (event.type !== 'done') continue
      this.#running.delete(event.lookup)
      running?.done(running.events)
    }
    network.setTimer(this, node.nextTimeout())
  }
}

interface Entry {
  readonly at: number
  readonly order: number
  /** A timer has no bytes. */
  readonly bytes: Uint8Array | undefined
  readonly from: Address | undefined
  readonly to: string
  readonly host: Host | undefined
  readonly call?: () => void
}

export class DhtNetwork {
  now = 0
  datagrams = 0
  bytes = 0
  readonly random: ReturnType<typeof seededRandom>
  readonly #loss: number
  readonly #latency: readonly [number, number]
  readonly #hosts = new Map<string, Endpoint>()
  readonly #heap: Entry[] = []
  #order = 0

  constructor(options: NetworkOptions) {
    this.random = seededRandom(options.seed)
    this.#loss = options.loss ?? 0
    this.#latency = options.latency ?? [10, 100]
  }

  /** A public IPv4 address that nobody has; optionally in the /24 of three given bytes. */
  freeAddress(prefix?: readonly [number, number, number]): Address {
    for (;;) {
      const ip = this.random.bytes(4)
      if (prefix) ip.set(prefix)
      if ((ip[0] as number) === 0 || (ip[0] as number) >= 224 || isLocalIp(ip)) continue
      const address = { host: ipFromBytes(ip), port: 1024 + below(this.random, 60_000) }
      if (!this.#hosts.has(addressKey(address))) return address
    }
  }

  /** A host with a node, which begins at once. */
  add(options: Partial<DhtNodeOptions> = {}, address: Address = this.freeAddress()): Host {
    const seed = this.random.uint32()
    const node = new DhtNode({
      random: seededRandom(seed),
      family: address.host.includes(':') ? 6 : 4,
      now: this.now,
      ...options,
    })
    const host = new Host(this, address, node)
    this.attach(host)
    host.drain()
    return host
  }

  attach(endpoint: Endpoint): void {
    this.#hosts.set(addressKey(endpoint.address), endpoint)
  }

  detach(endpoint: Endpoint): void {
    this.#hosts.delete(addressKey(endpoint.address))
  }

  /** Off without a word. */
  remove(host: Host): void {
    host.isOn = false
    this.detach(host)
  }

  send(bytes: Uint8Array, from: Address, to: Address): void {
    this.datagrams++
    this.bytes += bytes.length
    if (this.#loss > 0 && this.random.uint32() < this.#loss * 0x1_0000_0000) return
    const [least, most] = this.#latency
    const delay = least + ((most - least) * this.random.uint32()) / 0x1_0000_0000
    this.#push({
      at: this.now + delay,
      order: this.#order++,
      bytes,
      from,
      to: addressKey(to),
      host: undefined,
    })
  }

  setTimer(host: Host, at: number): void {
    if (at === host.timer || (at > host.timer && host.timer > this.now)) return
    host.timer = at
    if (at !== Number.POSITIVE_INFINITY)
      this.#push({
        at: Math.max(at, this.now),
        order: this.#order++,
        bytes: undefined,
        from: undefined,
        to: '',
        host,
      })
  }

  /** Lets time pass. `until` is asked after every event; true ends the run early. */
  run(end: number, until?: () => boolean): void {
    for (let entry = this.#heap[0]; entry && entry.at <= end; entry = this.#heap[0]) {
      this.#pop()
      this.now = Math.max(this.now, entry.at)
      if (entry.bytes && entry.from) this.#hosts.get(entry.to)?.receive(entry.bytes, entry.from, this.now)
      else if (entry.call) entry.call()
      else if (entry.host?.isOn && entry.host.timer <= this.now) {
        const { host } = entry
        host.timer = Number.POSITIVE_INFINITY
        host.node.timeout(this.now)
        host.drain()
      }
      if (until?.()) return
    }
    this.now = Math.max(this.now, end)
  }

  /** Runs one look-up of a host to its end; all its events, `done` last. */
  lookup(host: Host, begin: (node: DhtNode, now: number) => LookupId): DhtEvent[] {
    let found: DhtEvent[] | undefined
    host.start(begin, (events) => {
      found = events
    })
    this.run(this.now + 600_000, () => found !== undefined)
    return found ?? []
  }

  /** Calls at a time to come. */
  at(time: number, call: () => void): void {
    this.#push({
      at: time,
      order: this.#order++,
      bytes: undefined,
      from: undefined,
      to: '',
      host: undefined,
      call,
    })
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Entry
      if (above.at < entry.at || (above.at === entry.at && above.order < entry.order)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    const { length } = heap
    if (length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      const right = heap[child + 1]
      const left = heap[child] as Entry
      if (right && (right.at < left.at || (right.at === left.at && right.order < left.order))) child++
      const below = heap[child] as Entry
      if (last.at < below.at || (last.at === below.at && last.order < below.order)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}
