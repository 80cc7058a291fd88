import { describe, expect, it } from 'vitest'
import {
  decodeKrpc,
  encodeQuery,
  encodeReply,
  type KrpcQuery,
  type KrpcReply,
} from '../../../src/dht/krpc/krpc.js'
import { DhtNode } from '../../../src/dht/node.js'
import type { Datagram, DhtEvent, DhtNodeOptions } from '../../../src/dht/node-types.js'
import { isEntitled, makeNodeId, randomIdNear } from '../../../src/dht/table/node-id.js'
import { type Address, encodeCompact, ipToBytes } from '../../../src/util/address.js'
import { concatBytes, toHex, utf8 } from '../../../src/util/bytes.js'
import { DhtNetwork } from '../../support/dht-network.js'
import { seededRandom } from '../../support/random.js'

const random = seededRandom(3)
const target = random.bytes(20)

const create = (options: Partial<DhtNodeOptions> = {}) =>
  new DhtNode({ random: seededRandom(1), family: 4, now: 0, ...options })

function sent(node: DhtNode, now = 0): Datagram[] {
  const all: Datagram[] = []
  for (let datagram = node.transmit(now); datagram; datagram = node.transmit(now)) all.push(datagram)
  return all
}

function told(node: DhtNode): DhtEvent[] {
  const all: DhtEvent[] = []
  for (let event = node.poll(); event; event = node.poll()) all.push(event)
  return all
}

function queryOf(datagram: Datagram | undefined): KrpcQuery {
  const decoded = datagram && decodeKrpc(datagram.bytes)
  if (!decoded?.ok || decoded.value.type !== 'query') throw new Error('no query')
  return decoded.value
}

function replyOf(datagram: Datagram | undefined): KrpcReply {
  const decoded = datagram && decodeKrpc(datagram.bytes)
  if (!decoded?.ok || decoded.value.type !== 'reply') throw new Error('no reply')
  return decoded.value
}

/** A remote node with an id that its address entitles to. */
function remote(host: string, port = 6881, id = makeNodeId(ipToBytes(host) as Uint8Array, random)) {
  const address: Address = { host, port }
  return { address, id, compact: concatBytes(id, encodeCompact(address)) }
}

function ask(node: DhtNode, from: Address, query: Record<string, unknown>, now = 0): Datagram[] {
  const base = { type: 'query', transactionId: utf8('xy'), id: target, readOnly: false }
  node.receive(encodeQuery({ ...base, ...query } as KrpcQuery), from, now)
  return sent(node, now)
}

/** Lets a remote answer what it was asked. */
function answers(
  node: DhtNode,
  datagram: Datagram,
  id: Uint8Array,
  fields: Partial<KrpcReply> = {},
  now = 1,
): void {
  const { transactionId } = queryOf(datagram)
  node.receive(encodeReply({ type: 'reply', transactionId, id, ...fields }), datagram.to, now)
}

/** A node that knows these remotes. */
function knowing(remotes: ReturnType<typeof remote>[], options: Partial<DhtNodeOptions> = {}): DhtNode {
  const node = create(options)
  node.timeout(0)
  for (const one of remotes) {
    node.addNode(one.address, 0)
    for (const datagram of sent(node)) {
      const asked = remotes.find(
        ({ address }) => address.host === datagram.to.host && address.port === datagram.to.port,
      )
      if (asked) answers(node, datagram, asked.id)
    }
  }
  told(node)
  sent(node)
  return node
}

describe('answers', () => {
  const asker = { host: '8.8.8.8', port: 4000 }

  it('a ping, with the address that we saw', () => {
    const node = create()
    const [reply] = ask(node, asker, { method: 'ping' })
    expect(reply?.to).toEqual(asker)
    expect(replyOf(reply)).toMatchObject({ id: node.id, transactionId: utf8('xy'), ip: encodeCompact(asker) })
  })

  it('announce_peer with the token of get_peers, found by the next get_peers', () => {
    const node = create()
    const { token } = replyOf(ask(node, asker, { method: 'get_peers', infoHash: target })[0])
    const announce = { method: 'announce_peer', infoHash: target, port: 7000, token, seed: false }
    ask(node, asker, { ...announce, impliedPort: false })
    ask(node, asker, { ...announce, impliedPort: true })
    const { values } = replyOf(
      ask(node, { host: '9.9.9.9', port: 1 }, { method: 'get_peers', infoHash: target })[0],
    )
    expect(values?.map(toHex).sort()).toEqual(['080808080fa0', '080808081b58'])
  })

  it.each([
    ['a token of another address', { host: '8.8.4.4', port: 4000 }, target, 0],
    ['a token for another infohash', asker, random.bytes(20), 0],
    ['a token of long ago', asker, target, 700_000],
  ])('error 203 to %s', (_, from, infoHash, later) => {
    const node = create()
    const { token } = replyOf(ask(node, asker, { method: 'get_peers', infoHash: target })[0])
    const announce = { method: 'announce_peer', infoHash, port: 7000, token, seed: false, impliedPort: false }
    const [datagram] = ask(node, from, announce, later)
    expect(datagram && decodeKrpc(datagram.bytes)).toMatchObject({ value: { type: 'error', code: 203 } })
    expect(node.stats(0).peers).toBe(0)
  })

  it('204 to a method without a target, nodes to one with', () => {
    const node = create()
    const [datagram] = ask(node, asker, { method: 'unknown', target: undefined })
    expect(datagram && decodeKrpc(datagram.bytes)).toMatchObject({ value: { type: 'error', code: 204 } })
    expect(replyOf(ask(node, asker, { method: 'unknown', target })[0]).nodes).toBeDefined()
  })

  it('nobody while it is read-only, and then its own queries say so', () => {
    const node = create({ readOnly: true })
    expect(ask(node, asker, { method: 'ping' })).toEqual([])
    node.ping(asker, 0)
    expect(queryOf(sent(node)[0]).readOnly).toBe(true)
  })

  it.each(['224.0.0.1', '255.255.255.255', '0.0.0.0', 'nonsense', '::1'])('nothing to %s', (host) => {
    expect(ask(create(), { host, port: 4000 }, { method: 'ping' })).toEqual([])
    expect(ask(create(), { host: '8.8.8.8', port: 0 }, { method: 'ping' })).toEqual([])
  })

  it('only who answers a ping of ours becomes a node, and never a read-only one', () => {
    const node = create()
    const [, ping] = ask(node, asker, { method: 'ping' })
    expect(node.stats(0).nodes).toBe(0)
    answers(node, ping as Datagram, target)
    expect(node.stats(0).nodes).toBe(1)
    expect(ask(create(), asker, { method: 'ping', readOnly: true })).toHaveLength(1)
  })

  it('no more than a few times the query, until the asker has shown that it receives', () => {
    const node = create()
    for (let i = 0; i < 80; i++) {
      const from = { host: `20.${i}.0.1`, port: 1000 }
      const { token } = replyOf(
        ask(node, from, { method: 'get_peers', infoHash: target, readOnly: true }, 100 * i)[0],
      )
      ask(
        node,
        from,
        {
          method: 'announce_peer',
          infoHash: target,
          port: 1,
          impliedPort: false,
          seed: false,
          token,
          readOnly: true,
        },
        100 * i,
      )
    }
    const now = 20_000
    expect(node.stats(now).peers).toBe(80)
    const query = { method: 'get_peers', infoHash: target }
    // A read-only asker cannot be pinged: it gets what fits.
    const short = ask(node, asker, { ...query, readOnly: true }, now)
    expect(short).toHaveLength(1)
    expect((short[0] as Datagram).bytes.length).toBeLessThan(500)
    const other = { host: '9.9.9.9', port: 4000 }
    const [ping, ...rest] = ask(node, other, query, now)
    expect([queryOf(ping).method, rest.length]).toEqual(['ping', 1])
    answers(node, ping as Datagram, target, {}, now + 50)
    const [full] = sent(node, now + 50)
    expect(full?.to).toEqual(other)
    expect(replyOf(full).values?.length).toBeGreaterThan(50)
  })
})

describe('replies', () => {
  const honest = remote('20.0.0.1')

  it('from another address, with an unknown transaction, or twice are dropped', () => {
    const node = create()
    node.ping(honest.address, 0)
    const [ping] = sent(node) as [Datagram]
    const { transactionId } = queryOf(ping)
    const reply = { type: 'reply', id: honest.id } as const
    const before = node.stats(0).dropped
    node.receive(encodeReply({ ...reply, transactionId }), { host: '20.0.0.2', port: 6881 }, 1)
    node.receive(encodeReply({ ...reply, transactionId }), { host: '20.0.0.1', port: 6882 }, 1)
    node.receive(encodeReply({ ...reply, transactionId: utf8('zzz') }), honest.address, 1)
    expect([node.stats(1).dropped - before, node.stats(1).nodes, told(node)]).toEqual([3, 0, []])
    answers(node, ping, honest.id)
    expect(told(node).map(({ type }) => type)).toEqual(['pong', 'done'])
    answers(node, ping, honest.id)
    expect(node.stats(1).dropped - before).toBe(4)
  })

  it('an id that changes drops its node', () => {
    const node = knowing([honest])
    expect(node.stats(1).nodes).toBe(1)
    node.ping(honest.address, 1)
    answers(node, sent(node)[0] as Datagram, random.bytes(20))
    expect(node.stats(1).nodes).toBe(0)
  })

  it('of a node that tells only itself, nonsense addresses, ourselves, or one /24 end the look-up at once', () => {
    const node = knowing([honest])
    const crowd = Array.from({ length: 16 }, (_, i) => remote(`30.0.0.${i + 1}`).compact)
    const bad = ['127.0.0.1', '10.0.0.1', '224.0.0.1', '0.0.0.0', '192.168.1.1'].map(
      (host) => remote(host).compact,
    )
    const self = concatBytes(node.id, encodeCompact({ host: '40.0.0.1', port: 1 }))
    const lists = [[honest.compact], bad, [self, remote('50.0.0.1', 0).compact], crowd]
    const asked = [0, 0, 0, 1]
    for (const [i, list] of lists.entries()) {
      const lookup = node.findNode(target, 1)
      answers(node, sent(node)[0] as Datagram, honest.id, { nodes: concatBytes(...list) })
      expect(sent(node)).toHaveLength(asked[i] as number)
      if (asked[i] === 0)
        expect(told(node)).toMatchObject([{ type: 'done', lookup, stats: { queries: 1, responded: 1 } }])
    }
  })

  it('a local node may tell local nodes', () => {
    const local = remote('127.0.0.1', 7001)
    const node = knowing([local])
    node.findNode(target, 1)
    answers(node, sent(node)[0] as Datagram, local.id, { nodes: remote('127.0.0.1', 7002).compact })
    expect(sent(node).map(({ to }) => to)).toEqual([{ host: '127.0.0.1', port: 7002 }])
  })

  it('ever nearer nodes without end: a look-up ends all the same', () => {
    const node = knowing([honest])
    const lookup = node.getPeers(target, {}, 1)
    let queries = 0
    for (;;) {
      const open = sent(node)
      if (open.length === 0) break
      for (const datagram of open) {
        queries++
        const fresh = Array.from({ length: 3 }, (_, i) => {
          const at = queries * 3 + i
          return remote(
            `${60 + (at >> 12)}.${(at >> 4) & 255}.${at & 15}.1`,
            1,
            randomIdNear(target, Math.min(150, queries), false, random),
          ).compact
        })
        const asked = datagram.to.host === honest.address.host ? honest.id : ids.get(datagram.to.host)
        for (const one of fresh) ids.set(one.subarray(20, 24).join('.'), one.slice(0, 20))
        answers(node, datagram, asked as Uint8Array, { nodes: concatBytes(...fresh) })
      }
    }
    expect(queries).toBeLessThan(250)
    expect(told(node)).toMatchObject([{ type: 'done', lookup, reason: 'complete' }])
  })
  const ids = new Map<string, Uint8Array>()

  it('nodes that never answer: the look-up ends, and they are told to nobody', () => {
    const remotes = Array.from({ length: 9 }, (_, i) => remote(`20.0.${i}.1`))
    const node = knowing(remotes)
    let now = 1
    for (let round = 0; round < 2; round++) {
      node.findNode(target, now)
      for (let i = 0; i < 60 && Number.isFinite(node.nextTimeout()) && node.stats(now).lookups > 0; i++) {
        now = Math.max(now, node.nextTimeout())
        node.timeout(now)
        sent(node)
      }
      expect(told(node).at(-1)).toMatchObject({ type: 'done', stats: { responded: 0 } })
    }
    expect(now).toBeLessThan(40_000)
    const [reply] = ask(node, { host: '8.8.8.8', port: 1 }, { method: 'find_node', target }, now)
    expect(replyOf(reply).nodes).toHaveLength(0)
  })
})

describe('the own address', () => {
  const ip = '81.2.69.142'
  const seen = encodeCompact({ host: ip, port: 9 })
  const voters = Array.from({ length: 8 }, (_, i) => remote(`${20 + i}.${i}.0.1`))

  it('is what unrelated nodes agree on; the id follows it, and the table stays', () => {
    const node = knowing(voters)
    const before = toHex(node.id)
    for (const { address, id } of voters) {
      node.ping(address, 1)
      const ping = sent(node).find(({ to }) => to.host === address.host) as Datagram
      answers(node, ping, id, { ip: seen })
    }
    expect(told(node).filter(({ type }) => type === 'external-address')).toMatchObject([
      { address: ip, id: node.id },
    ])
    expect(node.externalAddress).toBe(ip)
    expect(toHex(node.id)).not.toBe(before)
    expect(isEntitled(node.id, ipToBytes(ip) as Uint8Array)).toBe(true)
    expect(node.stats(1).nodes).toBe(8)
    node.checkInvariants()
  })

  it('is not what one node repeats', () => {
    const node = knowing(voters)
    const before = toHex(node.id)
    const [first] = voters as [(typeof voters)[0]]
    for (let i = 0; i < 20; i++) {
      node.ping(first.address, 1)
      answers(node, sent(node)[0] as Datagram, first.id, { ip: seen })
    }
    expect([node.externalAddress, toHex(node.id)]).toEqual([undefined, before])
  })
})

describe('floods', () => {
  it('of one address: it is cut off, others are not', () => {
    const node = create()
    let replies = 0
    for (let i = 0; i < 1_000; i++) {
      const all = ask(node, { host: '8.8.8.8', port: 4000 }, { method: 'ping', readOnly: true }, i)
      replies += all.length
    }
    expect(replies).toBeLessThanOrEqual(50)
    expect(ask(node, { host: '9.9.9.9', port: 1 }, { method: 'ping', readOnly: true }, 1_000)).toHaveLength(1)
  })

  it('of ten thousand addresses: bounded answers, pings and memory', () => {
    const node = create()
    let bytes = 0
    for (let i = 0; i < 10_000; i++) {
      const from = { host: `${20 + (i >> 13)}.${(i >> 5) & 255}.${i & 31}.7`, port: 4000 }
      for (const datagram of ask(node, from, { method: 'find_node', target, id: random.bytes(20) }, i / 10))
        bytes += datagram.bytes.length
    }
    // One second: the burst of three and one more.
    expect(bytes).toBeLessThan(4 * 32_000 + 10_000)
    node.checkInvariants()
  })
})

it('clocks that jump: forward makes everything time out, backward does no harm', () => {
  const node = knowing([remote('20.0.0.1')])
  node.findNode(target, 10)
  sent(node)
  node.timeout(1e12)
  expect(told(node).at(-1)).toMatchObject({ type: 'done', reason: 'complete' })
  node.findNode(target, 5)
  node.timeout(5)
  sent(node)
  node.checkInvariants()
  expect(node.nextTimeout()).toBeLessThan(Number.POSITIVE_INFINITY)
})

it('abort ends a look-up, once', () => {
  const node = knowing([remote('20.0.0.1')])
  const lookup = node.getPeers(target, { announce: { port: 1 } }, 1)
  const [query] = sent(node) as [Datagram]
  node.abort(lookup, 2)
  node.abort(lookup, 2)
  expect(told(node)).toMatchObject([{ type: 'done', lookup, reason: 'aborted' }])
  answers(node, query, remote('20.0.0.1').id, {
    token: utf8('t'),
    values: [encodeCompact({ host: '7.7.7.7', port: 7 })],
  })
  expect([told(node), sent(node)]).toEqual([[], []])
})

it('saved and restored, a node comes back without a router', () => {
  const network = new DhtNetwork({ seed: 5 })
  const router = network.add({ rateLimits: false })
  const hosts = Array.from({ length: 30 }, () => network.add({ rateLimits: false }))
  for (const host of hosts) {
    host.node.addRouter(router.address, network.now)
    host.drain()
    network.run(network.now + 2_000)
  }
  network.run(network.now + 60_000)
  const [first] = hosts as [(typeof hosts)[0]]
  const state = first.node.state()
  expect(state.nodes.length).toBeGreaterThan(20)
  network.remove(first)
  network.remove(router)
  const again = network.add({ rateLimits: false, ...state }, first.address)
  network.run(network.now + 30_000)
  expect(toHex(again.node.id)).toBe(toHex(state.id))
  expect(again.node.stats(network.now).goodNodes).toBeGreaterThan(20)
})

it('both families side by side: IPv6 nodes are learnt over IPv4 (BEP 32)', () => {
  const network = new DhtNetwork({ seed: 6 })
  const duals = Array.from({ length: 12 }, (_, i) => {
    const four = network.add({ rateLimits: false })
    const six = network.add({ rateLimits: false }, { host: `2a02:${i + 1}::1`, port: 6881 })
    four.node.join(six.node)
    return { four, six }
  })
  const [first] = duals as [(typeof duals)[0]]
  for (const { four } of duals.slice(1)) four.node.addRouter(first.four.address, network.now)
  // Only one of them knows another IPv6 node by address.
  duals[1]?.six.node.addNode(first.six.address, network.now)
  for (const { four, six } of duals) {
    four.drain()
    six.drain()
  }
  network.run(network.now + 30 * 60_000)
  for (const { six } of duals) expect(six.node.stats(network.now).nodes).toBeGreaterThan(8)
})
