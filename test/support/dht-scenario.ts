/**
 * What a network of real nodes goes through in simulation: growth from one router, churn, loss, look-ups,
 * sybils, items. The tests run it with a thousand nodes, `bench/dht` with ten thousand.
 */

import { itemTarget } from '../../src/dht/items.js'
import { decodeKrpc, encodeQuery, encodeReply } from '../../src/dht/krpc/krpc.js'
import type { DhtEvent, LookupStats } from '../../src/dht/node-types.js'
import { isEntitled, makeNodeId, randomIdNear, sharedBits } from '../../src/dht/table/node-id.js'
import { type Address, encodeCompact, ipToBytes } from '../../src/util/address.js'
import { utf8 } from '../../src/util/bytes.js'
import { below } from '../../src/util/random.js'
import { DhtNetwork, type Endpoint, type Host } from './dht-network.js'

const MINUTE = 60_000

export interface LookupFigures {
  readonly lookups: number
  readonly found: number
  readonly medianRounds: number
  readonly medianQueries: number
  /** ms. */
  readonly medianDuration: number
}

export class Scenario {
  readonly network: DhtNetwork
  readonly router: Host
  hosts: Host[]
  #sybils: Sybil[] = []

  constructor(seed: number, loss = 0.05) {
    this.network = new DhtNetwork({ seed, loss, latency: [10, 150] })
    this.router = this.network.add({ rateLimits: false })
    this.hosts = [this.router]
  }

  /** A new node that knows the router alone. */
  join(): Host {
    const host = this.network.add({ rateLimits: false })
    host.node.addRouter(this.router.address, this.network.now)
    host.drain()
    this.hosts.push(host)
    return host
  }

  /** Grows to `count` nodes within `duration` ms. */
  grow(count: number, duration: number): void {
    const { network } = this
    const pace = duration / (count - this.hosts.length)
    const from = network.now
    for (let i = 0; this.hosts.length < count; i++) {
      this.join()
      network.run(from + pace * (i + 1))
    }
  }

  /** A random node that is not the router. */
  any(): Host {
    return this.hosts[1 + below(this.network.random, this.hosts.length - 1)] as Host
  }

  /** From now on until `end`, this part of the nodes an hour leaves without a word, and as many come. */
  churn(perHour: number, end: number): void {
    const { network } = this
    const pace = (60 * MINUTE) / (perHour * this.hosts.length)
    const step = () => {
      // A node that leaves during a look-up of its own ends it, and that is no figure of the network.
      let host = this.any()
      while (host.isBusy) host = this.any()
      this.leave(host)
      this.join()
      if (network.now + pace < end) network.at(network.now + pace, step)
    }
    network.at(network.now + pace, step)
  }

  leave(host: Host): void {
    const at = this.hosts.indexOf(host)
    const last = this.hosts.pop() as Host
    if (last !== host) this.hosts[at] = last
    this.network.remove(host)
  }

  /** Bytes a second that a node sends and receives, over the next `duration` ms. */
  traffic(duration: number): number {
    const before = this.network.bytes
    this.network.run(this.network.now + duration)
    return (2 * (this.network.bytes - before)) / (duration / 1000) / this.hosts.length
  }

  /** `count` peers are announced within `spread` ms; 15 min after each another node looks for it. */
  findAnnounced(count: number, targets?: readonly Uint8Array[], spread: number = 10 * MINUTE): LookupFigures {
    const { network } = this
    const stats: LookupStats[] = []
    let found = 0
    let over = 0
    for (let i = 0; i < count; i++) {
      const infoHash = targets?.[i] ?? network.random.bytes(20)
      network.at(network.now + (spread * i) / count, () => {
        const announcer = this.any()
        const announce = { announce: { port: 6881 } }
        announcer.start(
          (node, now) => node.getPeers(infoHash, announce, now),
          () => {
            network.at(network.now + 15 * MINUTE, () => {
              let seeker = this.any()
              while (seeker === announcer) seeker = this.any()
              seeker.start(
                (node, now) => node.getPeers(infoHash, {}, now),
                (events) => {
                  over++
                  if (tells(events, announcer.address)) found++
                  const done = events.at(-1)
                  if (done?.type === 'done') stats.push(done.stats)
                },
              )
            })
          },
        )
      })
    }
    network.run(network.now + spread + 17 * MINUTE)
    return {
      lookups: over,
      found,
      medianRounds: median(stats.map((one) => one.rounds)),
      medianQueries: median(stats.map((one) => one.queries)),
      medianDuration: median(stats.map((one) => one.duration)),
    }
  }

  /** Puts `count` items, lets half of the nodes leave, puts them again, and reads them elsewhere: how many. */
  readAfterExodus(count: number): number {
    const { network } = this
    const items = Array.from({ length: count }, (_, i) => {
      const text = `value ${i} of ${network.random.uint32()}`
      return { type: 'immutable' as const, value: utf8(`${text.length}:${text}`) }
    })
    for (const item of items) network.lookup(this.any(), (node, now) => node.put(item, {}, now))
    const half = Math.floor(this.hosts.length / 2)
    const pace = (10 * MINUTE) / half
    for (let i = 0; i < half; i++) {
      this.leave(this.any())
      network.run(network.now + pace)
    }
    // Puts are repeated every hour (BEP 44): half of that passes on average.
    network.run(network.now + 30 * MINUTE)
    for (const item of items) {
      // A reader of an item may put it again (BEP 44).
      const keeper = this.any()
      network.lookup(keeper, (node, now) => node.put(item, {}, now))
    }
    let read = 0
    for (const item of items) {
      const target = itemTarget(item)
      const events = network.lookup(this.any(), (node, now) => node.get(target, {}, now))
      if (events.some((event) => event.type === 'item')) read++
    }
    return read
  }

  /**
   * Surrounds a target with sybils: ids nearer to it than any honest node, ten each in a hundred networks
   * of /24, which answer with each other alone. `entitled`: networks chosen so that in each of them one
   * address entitles to its id.
   */
  surround(target: Uint8Array, entitled: boolean): void {
    const { network } = this
    let bits = 0
    for (const host of this.hosts) bits = Math.max(bits, sharedBits(host.node.id, target))
    const cluster: Sybil[] = []
    for (let i = 0; i < 100; i++) {
      const first = entitled ? this.entitledSybil(target, bits + 1) : undefined
      const base = first?.address ?? network.freeAddress()
      const prefix = (ipToBytes(base.host) as Uint8Array).subarray(0, 3)
      if (first) cluster.push(new Sybil(network, base, first.id, cluster))
      for (let j = first ? 1 : 0; j < 10; j++) {
        const address = network.freeAddress([prefix[0] as number, prefix[1] as number, prefix[2] as number])
        let id = randomIdNear(target, bits + 1, false, network.random)
        while (isEntitled(id, ipToBytes(address.host) as Uint8Array))
          id = randomIdNear(target, bits + 1, false, network.random)
        cluster.push(new Sybil(network, address, id, cluster))
      }
    }
    this.#sybils.push(...cluster)
    const near = [...this.hosts].sort((a, b) => sharedBits(b.node.id, target) - sharedBits(a.node.id, target))
    for (const sybil of cluster) {
      for (const host of near.slice(0, 20)) sybil.greet(host.address)
      for (let i = 0; i < 10; i++) sybil.greet(this.any().address)
    }
  }

  /** All sybils are gone without a word. */
  expelSybils(): void {
    for (const sybil of this.#sybils) this.network.detach(sybil)
    this.#sybils = []
  }

  /** An address of the attacker's choice and the id that it entitles to. */
  private entitledSybil(target: Uint8Array, bits: number): { address: Address; id: Uint8Array } {
    const { network } = this
    for (;;) {
      const address = network.freeAddress()
      const ip = ipToBytes(address.host) as Uint8Array
      for (let r = 0; r < 8; r++) {
        const id = makeNodeId(ip, {
          uint32: () => 0,
          bytes: (length) => {
            const filled = network.random.bytes(length)
            filled[length - 1] = r
            return filled
          },
        })
        if (sharedBits(id, target) < Math.min(bits, 21)) continue
        const whole = target.slice()
        whole.set(id.subarray(0, 3))
        whole.set(network.random.bytes(10), 9)
        whole[19] = r
        return { address, id: whole }
      }
    }
  }
}

/** Says nothing but lies: nodes of its own cluster, no peers, and every announce is welcome. */
class Sybil implements Endpoint {
  readonly address: Address
  readonly id: Uint8Array
  readonly #network: DhtNetwork
  readonly #cluster: readonly Sybil[]

  constructor(network: DhtNetwork, address: Address, id: Uint8Array, cluster: readonly Sybil[]) {
    this.#network = network
    this.#cluster = cluster
    this.address = address
    this.id = id
    network.attach(this)
  }

  greet(to: Address): void {
    const query = {
      type: 'query',
      method: 'ping',
      id: this.id,
      readOnly: false,
      transactionId: utf8('sy'),
    } as const
    this.#network.send(encodeQuery(query), this.address, to)
  }

  receive(bytes: Uint8Array, from: Address): void {
    const decoded = decodeKrpc(bytes)
    if (!decoded.ok || decoded.value.type !== 'query') return
    const { transactionId, method } = decoded.value
    const nodes = new Uint8Array(8 * 26)
    for (let i = 0; i < 8; i++) {
      const other = this.#cluster[below(this.#network.random, this.#cluster.length)] as Sybil
      nodes.set(other.id, 26 * i)
      nodes.set(encodeCompact(other.address), 26 * i + 20)
    }
    const base = { type: 'reply', transactionId, id: this.id } as const
    const reply =
      method === 'ping' || method === 'announce_peer' ? base : { ...base, nodes, token: utf8('tokn') }
    this.#network.send(encodeReply(reply), this.address, from)
  }
}

function tells(events: readonly DhtEvent[], address: Address): boolean {
  return events.some(
    (event) =>
      event.type === 'peers' && event.peers.some((peer) => peer.host === address.host && peer.port === 6881),
  )
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
