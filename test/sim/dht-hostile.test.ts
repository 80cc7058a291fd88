/** Networks of real node cores, with nodes among them that lie in every way, and floods. */
import { describe, expect, it } from 'vitest'
import { itemTarget } from '../../src/dht/items.js'
import { decodeKrpc, encodeQuery, encodeReply, type KrpcReply } from '../../src/dht/krpc/krpc.js'
import type { DhtNodeOptions } from '../../src/dht/node-types.js'
import { makeNodeId, randomIdNear } from '../../src/dht/table/node-id.js'
import { type Address, encodeCompact, ipToBytes } from '../../src/util/address.js'
import { concatBytes, utf8 } from '../../src/util/bytes.js'
import { below } from '../../src/util/random.js'
import { DhtNetwork, type Endpoint, type Host } from '../support/dht-network.js'

const SEED = 5
const MINUTE = 60_000

/** A node that is no node: greets whom it likes, and answers by `lie`, a reply or any bytes. */
class Liar implements Endpoint {
  readonly address: Address
  readonly id: Uint8Array
  received = 0
  readonly #network: DhtNetwork
  readonly #lie: (self: Liar, transactionId: Uint8Array) => Partial<KrpcReply> | Uint8Array | undefined

  constructor(
    network: DhtNetwork,
    address: Address,
    id: Uint8Array,
    lie: (self: Liar, transactionId: Uint8Array) => Partial<KrpcReply> | Uint8Array | undefined,
  ) {
    this.#network = network
    this.address = address
    this.id = id
    this.#lie = lie
    network.attach(this)
  }

  get compact(): Uint8Array {
    return concatBytes(this.id, encodeCompact(this.address))
  }

  greet(to: Address): void {
    const query = { type: 'query', method: 'ping', readOnly: false, transactionId: utf8('hi') } as const
    this.#network.send(encodeQuery({ ...query, id: this.id }), this.address, to)
  }

  receive(bytes: Uint8Array, from: Address): void {
    this.received++
    const decoded = decodeKrpc(bytes)
    if (!decoded.ok || decoded.value.type !== 'query') return
    const { transactionId, method } = decoded.value
    // A node that does not answer a ping is never asked anything else.
    const lie = method === 'ping' ? {} : this.#lie(this, transactionId)
    if (lie === undefined) return
    const isRaw = lie instanceof Uint8Array
    const reply = isRaw ? lie : encodeReply({ type: 'reply', transactionId, id: this.id, ...lie })
    this.#network.send(reply, this.address, from)
  }
}

/** `count` nodes that know each other. */
function grow(network: DhtNetwork, count: number, options: Partial<DhtNodeOptions>): Host[] {
  const router = network.add(options)
  const hosts = [router]
  while (hosts.length < count) {
    const host = network.add(options)
    host.node.addRouter(router.address, network.now)
    host.drain()
    hosts.push(host)
    network.run(network.now + 2_000)
  }
  network.run(network.now + 5 * MINUTE)
  return hosts
}

/** What the liars tell, by name. `near`: ids near the target. */
function liars(network: DhtNetwork, target: Uint8Array): Liar[] {
  const { random } = network
  const all: Liar[] = []
  const add = (
    lie: ConstructorParameters<typeof Liar>[3],
    { prefix, near = 0 }: { prefix?: readonly [number, number, number]; near?: number } = {},
  ) => {
    const address = network.freeAddress(prefix)
    const id =
      near > 0
        ? randomIdNear(target, near, false, random)
        : makeNodeId(ipToBytes(address.host) as Uint8Array, random)
    const liar = new Liar(network, address, id, lie)
    all.push(liar)
    return liar
  }
  const token = utf8('tokn')
  const nowhere = ['127.0.0.1', '10.1.1.1', '224.0.0.5', '255.255.255.255', '0.0.0.0', '192.168.0.1']
  for (let i = 0; i < 4; i++) {
    for (const near of [0, 20]) {
      add((self) => ({ nodes: concatBytes(...Array<Uint8Array>(16).fill(self.compact)), token }), { near })
      add(() => undefined, { near })
      add(() => random.bytes(below(random, 1500)), { near })
      add((_, transactionId) => concatBytes(utf8('d1:rd2:id5:shorte1:t2:'), transactionId, utf8('1:y1:re')), {
        near,
      })
      add(
        () => ({ nodes: random.bytes(26 * 8 + 3), token: new Uint8Array(400), values: [random.bytes(5)] }),
        { near },
      )
      add(
        () => ({
          nodes: concatBytes(
            ...nowhere.flatMap((host) => [
              randomIdNear(target, 30, false, random),
              encodeCompact({ host, port: 9 }),
            ]),
          ),
          values: nowhere.map((host) => encodeCompact({ host, port: 9 })),
          token,
        }),
        { near },
      )
      // Forged items, and bytes that are no value.
      add(() => ({ v: utf8('5:forge'), k: random.bytes(32), sig: random.bytes(64), seq: 99n, token }), {
        near,
      })
      add(() => ({ v: utf8('5:forge'), token }), { near })
    }
  }
  // A thousand nodes of one /24, all next to the target, which know each other alone.
  const crowd: Liar[] = Array.from({ length: 100 }, (_, i) =>
    add(
      () => {
        const nodes = Array.from(
          { length: 8 },
          () => crowd[below(random, crowd.length)]?.compact as Uint8Array,
        )
        return { nodes: concatBytes(...nodes), token }
      },
      { prefix: [66, 77, 88], near: 25 + (i % 20) },
    ),
  )
  for (let i = 0; i < 900; i++) {
    const host = `66.77.88.${i & 255}`
    const id = randomIdNear(target, 25, false, random)
    crowd.push(
      new Liar(network, { host, port: 20_000 + i }, id, () => ({ nodes: crowd[0]?.compact ?? id, token })),
    )
  }
  return [...all, ...crowd.slice(100)]
}

describe('among liars', () => {
  it('look-ups end, and find honest peers and items', () => {
    const network = new DhtNetwork({ seed: SEED })
    const hosts = grow(network, 60, {})
    const item = { type: 'immutable', value: utf8('6:honest') } as const
    const infoHash = network.random.bytes(20)
    for (const target of [infoHash, itemTarget(item)]) {
      const crowd = liars(network, target)
      for (const liar of crowd)
        for (const host of hosts) if (below(network.random, 4) === 0) liar.greet(host.address)
      network.run(network.now + 2 * MINUTE)
    }
    const some = (i: number) => hosts[i] as Host
    const announced = network.lookup(some(3), (node, now) =>
      node.getPeers(infoHash, { announce: { port: 7 } }, now),
    )
    expect(announced.at(-1), `seed ${SEED}`).toMatchObject({ type: 'done', reason: 'complete' })
    network.lookup(some(4), (node, now) => node.put(item, {}, now))
    for (const i of [20, 30, 40, 50]) {
      const before = network.now
      const peers = network.lookup(some(i), (node, now) => node.getPeers(infoHash, {}, now))
      const hostsTold = peers.flatMap((event) =>
        event.type === 'peers' ? event.peers.map(({ host }) => host) : [],
      )
      expect(hostsTold, `seed ${SEED}`).toContain(some(3).address.host)
      const items = network.lookup(some(i), (node, now) => node.get(itemTarget(item), {}, now))
      expect(
        items.filter(({ type }) => type === 'item'),
        `seed ${SEED}`,
      ).toMatchObject([{ item: { value: item.value } }])
      for (const last of [peers.at(-1), items.at(-1)])
        expect(last?.type === 'done' && last.stats.queries, `seed ${SEED}`).toBeLessThan(200)
      expect(network.now - before, `seed ${SEED}`).toBeLessThan(2 * MINUTE)
    }
    for (const host of hosts) host.node.checkInvariants()
  }, 60_000)
})

describe('floods', () => {
  /** Queries that get a large answer, from these addresses in turn, for ten seconds. Bytes and datagrams that come back. */
  function flood(limits: boolean, addresses: number, perSecond: number) {
    const network = new DhtNetwork({ seed: SEED })
    const hosts = grow(network, 40, limits ? {} : { rateLimits: false })
    const infoHash = network.random.bytes(20)
    network.lookup(hosts[3] as Host, (node, now) => node.getPeers(infoHash, { announce: { port: 7 } }, now))
    const back = { datagrams: 0, bytes: 0, sent: 0, largest: 0, query: 0 }
    // Forged sources: nobody there ever answers.
    const sources = Array.from({ length: addresses }, () => ({
      address: network.freeAddress(),
      receive(bytes: Uint8Array) {
        back.datagrams++
        back.bytes += bytes.length
        back.largest = Math.max(back.largest, bytes.length)
      },
    }))
    for (const source of sources) network.attach(source)
    const begin = network.now
    // All nodes at once, those that store the peer among them.
    const query = {
      type: 'query',
      method: 'get_peers',
      infoHash,
      readOnly: false,
      noSeed: false,
      scrape: true,
    } as const
    for (let i = 0; i < 10 * perSecond; i++) {
      network.at(begin + (1000 * i) / perSecond, () => {
        const { address } = sources[i % addresses] as Endpoint
        const transactionId = Uint8Array.of(i >> 8, i)
        const bytes = encodeQuery({ ...query, transactionId, id: network.random.bytes(20) })
        back.sent += bytes.length
        back.query = bytes.length
        network.send(bytes, address, (hosts[i % 40] as Host).address)
      })
    }
    network.run(begin + 5_000)
    const told: string[] = []
    let over = 0
    for (const host of hosts.slice(20, 30)) {
      host.start(
        (node, now) => node.getPeers(infoHash, {}, now),
        (events) => {
          over++
          for (const event of events)
            if (event.type === 'peers') told.push(...event.peers.map((peer) => peer.host))
        },
      )
    }
    network.run(begin + 40_000)
    const found = told.filter((host) => host === hosts[3]?.address.host).length
    for (const host of hosts) host.node.checkInvariants()
    return { ...back, over, found: Math.min(10, found), nodes: hosts[5]?.node.stats(network.now).nodes ?? 0 }
  }

  it('of one address end after 50 queries to each node, and without limits go on', () => {
    // 40 nodes, each asked 20 times a second.
    const limited = flood(true, 1, 800)
    // 50 queries, and 50 answers or pings for each at most.
    expect(limited.datagrams, `seed ${SEED}`).toBeLessThanOrEqual(40 * 100)
    const free = flood(false, 1, 800)
    expect(free.datagrams, `seed ${SEED}`).toBeGreaterThan(8_000 - 400)
    expect(free.largest, `seed ${SEED}`).toBeGreaterThan(5 * free.query)
    expect([limited.over, limited.found], `seed ${SEED}`).toEqual([10, 10])
  }, 60_000)

  it('of ten thousand forged addresses get little more than they sent, and look-ups go on', () => {
    const limited = flood(true, 10_000, 4_000)
    expect(limited.datagrams, `seed ${SEED}`).toBeGreaterThan(1_000)
    expect(limited.largest, `seed ${SEED}`).toBeLessThanOrEqual(4 * limited.query)
    expect(limited.bytes, `seed ${SEED}`).toBeLessThan(4 * limited.sent)
    expect([limited.over, limited.found], `seed ${SEED}`).toEqual([10, 10])
    // None of them ever answered: none is in a table.
    expect(limited.nodes, `seed ${SEED}`).toBeLessThan(40)
  }, 60_000)
})
