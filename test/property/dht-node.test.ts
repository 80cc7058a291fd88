import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asBigInt, asBytes, asDict, asInteger, asList } from '../../src/bencode/access.js'
import { tryDecode } from '../../src/bencode/decode.js'
import { encode } from '../../src/bencode/encode.js'
import type { Encodable } from '../../src/bencode/value.js'
import {
  decodeKrpc,
  encodeQuery,
  encodeReply,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcReply,
} from '../../src/dht/krpc/krpc.js'
import { encodeLookupReply } from '../../src/dht/krpc/lookup-reply.js'
import { DhtNode } from '../../src/dht/node.js'
import type { NodeEntry } from '../../src/dht/table/node-entry.js'
import {
  compareDistance,
  isEntitled,
  prefixOf,
  randomIdNear,
  sharedBits,
} from '../../src/dht/table/node-id.js'
import { RoutingTable } from '../../src/dht/table/routing-table.js'
import { compareBytes, concatBytes, toHex, toLatin1, utf8 } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'
import { seededRandom } from '../support/random.js'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const id = bytes(20)
const transactionId = fc.uint8Array({ minLength: 1, maxLength: 8 })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const wide = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const want = fc.constantFrom<(4 | 6)[] | undefined>(undefined, [4], [6], [4, 6])
const token = fc.uint8Array({ minLength: 1, maxLength: 20 })
const value = fc
  .oneof(fc.string({ maxLength: 50 }), fc.integer(), fc.array(fc.integer(), { maxLength: 5 }))
  .map((one) => encode(one))
const head = {
  type: fc.constant('query' as const),
  transactionId,
  id,
  readOnly: fc.boolean(),
  version: maybe(bytes(4)),
}
const query: fc.Arbitrary<KrpcQuery> = fc.oneof(
  fc.record({ ...head, method: fc.constant('ping' as const) }),
  fc.record({ ...head, method: fc.constant('find_node' as const), target: id, want }),
  fc.record({
    ...head,
    method: fc.constant('get_peers' as const),
    infoHash: id,
    want,
    noSeed: fc.boolean(),
    scrape: fc.boolean(),
  }),
  fc.record({
    ...head,
    method: fc.constant('announce_peer' as const),
    infoHash: id,
    port: fc.integer({ min: 1, max: 65_535 }),
    impliedPort: fc.boolean(),
    seed: fc.boolean(),
    token,
  }),
  fc.record({ ...head, method: fc.constant('get' as const), target: id, want, seq: maybe(wide) }),
  fc.record({
    ...head,
    method: fc.constant('put' as const),
    token,
    v: value,
    k: maybe(bytes(32)),
    seq: maybe(wide),
    sig: maybe(bytes(64)),
    salt: maybe(fc.uint8Array({ minLength: 1, maxLength: 64 })),
    cas: maybe(wide),
  }),
  fc.record({ ...head, method: fc.constant('sample_infohashes' as const), target: id, want }),
)
const reply: fc.Arbitrary<KrpcReply> = fc.record({
  type: fc.constant('reply' as const),
  transactionId,
  id,
  version: maybe(bytes(4)),
  ip: maybe(fc.oneof(bytes(6), bytes(18))),
  nodes: maybe(fc.integer({ min: 0, max: 8 }).chain((n) => bytes(26 * n))),
  nodes6: maybe(fc.integer({ min: 0, max: 8 }).chain((n) => bytes(38 * n))),
  values: maybe(fc.array(fc.oneof(bytes(6), bytes(18)), { minLength: 1, maxLength: 10 })),
  token: maybe(token),
  seedFilter: fc.constant(undefined),
  peerFilter: fc.constant(undefined),
  v: maybe(value),
  k: maybe(bytes(32)),
  seq: maybe(wide),
  sig: maybe(bytes(64)),
  interval: maybe(fc.integer({ min: 0, max: 21_600 })),
  num: maybe(fc.nat()),
  samples: fc.constant(undefined),
})

/** What any field may hold: other types and lengths than it should have. */
const anything = fc.oneof(
  fc.constantFrom(19, 20, 20, 20, 21, 26, 52, 76).chain(bytes),
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: -1, max: 70_000 }),
  fc.array(fc.oneof(bytes(6), bytes(18), fc.uint8Array({ maxLength: 20 })), { maxLength: 3 }),
)
const fieldNames = ['id', 'target', 'info_hash', 'token', 'port', 'implied_port', 'want', 'nodes', 'nodes6']
const valueNames = [
  'values',
  'v',
  'k',
  'sig',
  'seq',
  'cas',
  'salt',
  'BFsd',
  'samples',
  'interval',
  'num',
  'x',
]
const fields = fc.tuple(
  fc.dictionary(fc.constantFrom(...fieldNames, ...valueNames), anything),
  fc.oneof({ weight: 4, arbitrary: id }, { weight: 1, arbitrary: anything }),
)
/** Well-formed bencoding that is a message, or nearly one. */
const loose = fc
  .record({
    t: fc.oneof(bytes(2), anything),
    y: fc.constantFrom('q', 'r', 'e', 'x'),
    q: fc.constantFrom('ping', 'find_node', 'get_peers', 'announce_peer', 'get', 'put', 'other'),
    a: fields,
    r: fields,
  })
  .map(({ t, y, q, a, r }) =>
    encode({ t, y, q, a: { ...a[0], id: a[1] }, r: { ...r[0], id: r[1] }, e: [201, 'error'] } as Encodable),
  )

/** Good bytes with some of them changed, taken out, or put in, and some of the end left off. */
const hostile = fc
  .tuple(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      query.map(encodeQuery),
      reply.map((one) => encodeReply(one)),
      loose,
    ),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...utf8('0123456789:dilei'))),
        fc.constantFrom('set', 'cut', 'put'),
      ),
      { maxLength: 4 },
    ),
    fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 30 }) }),
  )
  .map(([start, changes, less]) => {
    const list = [...start.subarray(0, Math.max(0, start.length - less))]
    for (const [at, byte, how] of changes) {
      const place = list.length === 0 ? 0 : at % list.length
      if (how === 'set') list[place] = byte
      else list.splice(place, how === 'cut' ? 1 : 0, ...(how === 'put' ? [byte] : []))
    }
    return Uint8Array.from(list)
  })

describe('KRPC', () => {
  it('queries and replies round-trip, and are canonical bencoding', () => {
    fc.assert(
      fc.property(fc.oneof(query, reply), (message) => {
        const encoded = message.type === 'query' ? encodeQuery(message) : encodeReply(message, 4_000)
        expect(decodeKrpc(encoded)).toEqual({ ok: true, value: message })
        const tree = tryDecode(encoded)
        if (!tree.ok) throw tree.error
        expect(toLatin1(encode(tree.value as Encodable))).toBe(toLatin1(encoded))
      }),
    )
  })

  it('replies to look-ups written straight from table and store are those of the codec', () => {
    const nodes = (size: number) => maybe(fc.array(bytes(size), { maxLength: 8 }))
    const flat = (list: readonly Uint8Array[] | undefined) => list && concatBytes(...list)
    fc.assert(
      fc.property(
        fc.record({
          transactionId,
          id,
          version: maybe(bytes(4)),
          nodes: nodes(26),
          nodes6: nodes(38),
          token: maybe(bytes(4)),
        }),
        fc.constantFrom(6, 18).chain((width) => fc.tuple(bytes(width), fc.array(bytes(width)))),
        fc.integer({ min: 120, max: 1_024 }),
        (head, [ip, peers], limit) => {
          const { nodes, nodes6 } = head
          const entries = peers.map((peer) => concatBytes(utf8(`${ip.length}:`), peer))
          const inHand = { ...head, ip, peers: flat(entries) }
          const wrap = (list: Uint8Array[] | undefined) => list?.map((node) => ({ node }))
          const encode = (most: number) =>
            encodeLookupReply({ ...inHand, nodes: wrap(nodes), nodes6: wrap(nodes6) }, most)
          const whole = { ...head, ip, nodes: flat(nodes), nodes6: flat(nodes6), values: peers }
          expect(encode(4_000)).toEqual(encodeReply({ type: 'reply', ...whole }, 4_000))
          // Cut short it is a beginning of each list, and peers go first.
          const cut = encode(limit)
          expect(cut.length).toBeLessThanOrEqual(limit)
          const decoded = decodeKrpc(cut)
          if (!decoded.ok || decoded.value.type !== 'reply') throw new Error('no reply')
          const { value } = decoded
          const values = value.values ?? []
          expect(values).toEqual(peers.slice(0, values.length))
          expect(value.nodes).toEqual(whole.nodes?.subarray(0, value.nodes?.length))
          expect(value.nodes6).toEqual(whole.nodes6?.subarray(0, value.nodes6?.length))
          const isCut =
            value.nodes?.length !== whole.nodes?.length || value.nodes6?.length !== whole.nodes6?.length
          if (isCut) expect(values).toEqual([])
          // No room is given away: another entry of the list that was cut would not have fitted.
          if (values.length < peers.length && !isCut)
            expect(cut.length + ip.length + 30).toBeGreaterThan(limit)
        },
      ),
    )
  })

  it('reads what a decoder that builds a tree reads', () => {
    fc.assert(
      fc.property(hostile, (datagram) => {
        const decoded = decodeKrpc(datagram)
        const tree = tryDecode(datagram, { unsortedKeys: true, maxDigits: 18 })
        if (tree.ok) expect(summary(decoded.ok ? decoded.value : undefined)).toEqual(reference(datagram))
      }),
      { numRuns: runs(400) },
    )
  })
})

/** The fields that {@link reference} knows. */
function summary(message: KrpcMessage | undefined): unknown {
  if (message === undefined) return undefined
  if (message.type === 'error') return { type: 'error', t: toHex(message.transactionId), code: message.code }
  if (message.type === 'bad-query') return { type: 'bad-query', t: toHex(message.transactionId) }
  const t = toHex(message.transactionId)
  if (message.type === 'query') return { type: 'query', t, id: toHex(message.id), method: message.method }
  const { nodes, token: given, seq, values } = message
  return {
    type: 'reply',
    t,
    id: toHex(message.id),
    nodes: nodes && toHex(nodes),
    token: given && toHex(given),
    seq,
    values: values?.map(toHex),
  }
}

/** The message read by way of the general decoder. */
function reference(datagram: Uint8Array): unknown {
  const tree = tryDecode(datagram, { unsortedKeys: true })
  const dict = tree.ok ? asDict(tree.value) : undefined
  const transaction = asBytes(dict?.get('t'))
  if (!dict || !transaction || transaction.length === 0 || transaction.length > 64) return undefined
  const t = toHex(transaction)
  const kind = asBytes(dict.get('y'))
  const sized = (one: Uint8Array | undefined) => (one?.length === 20 ? one : undefined)
  switch (kind && toLatin1(kind)) {
    case 'e': {
      const first = asList(dict.get('e'))?.[0]
      return { type: 'error', t, code: asInteger(first) ?? 201 }
    }
    case 'r': {
      const values = asDict(dict.get('r'))
      const sender = sized(asBytes(values?.get('id')))
      if (!values || !sender) return undefined
      const nodes = asBytes(values.get('nodes'))
      const given = asBytes(values.get('token'))
      return {
        type: 'reply',
        t,
        id: toHex(sender),
        nodes: nodes && nodes.length % 26 === 0 ? toHex(nodes) : undefined,
        token: given && given.length > 0 && given.length <= 256 ? toHex(given) : undefined,
        seq: asBigInt(values.get('seq')),
        values: asList(values.get('values'))
          ?.map(asBytes)
          .flatMap((one) => (one && (one.length === 6 || one.length === 18) ? [toHex(one)] : [])),
      }
    }
    case 'q': {
      const name = asBytes(dict.get('q'))
      const args = asDict(dict.get('a'))
      const sender = sized(asBytes(args?.get('id')))
      if (!name || !args || !sender) return { type: 'bad-query', t }
      const known = ['ping', 'find_node', 'get_peers', 'announce_peer', 'get', 'put', 'sample_infohashes']
      const method = known.includes(toLatin1(name)) ? toLatin1(name) : 'unknown'
      const has = (key: string) => sized(asBytes(args.get(key))) !== undefined
      const given = asBytes(args.get('token'))
      const isProven = given !== undefined && given.length > 0 && given.length <= 256
      const port = asInteger(args.get('port')) ?? 0
      const implied = asBigInt(args.get('implied_port')) ?? 0n
      const isWhole = {
        ping: true,
        unknown: true,
        find_node: has('target'),
        get: has('target'),
        sample_infohashes: has('target'),
        get_peers: has('info_hash'),
        announce_peer: has('info_hash') && isProven && ((port >= 1 && port <= 65_535) || implied !== 0n),
        put: isProven && args.has('v'),
      }[method]
      return isWhole ? { type: 'query', t, id: toHex(sender), method } : { type: 'bad-query', t }
    }
    default:
      return undefined
  }
}

describe('the routing table', () => {
  // Few networks and ids near our own, so that buckets split and clash.
  const own = seededRandom(1).bytes(20)
  const spot = fc.record({
    bits: fc.integer({ min: 0, max: 12 }),
    seed: fc.nat({ max: 40 }),
    host: fc.nat({ max: 60 }),
    port: fc.constantFrom(1, 2),
  })
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('answered' as const),
        spot,
        rtt: fc.integer({ min: 1, max: 500 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('failed' as const), spot }) },
    // Of those that are in it, by number; of the first few more often, so that failures add up.
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('fails' as const, 'fails' as const, 'repeats' as const),
        which: fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 60 })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('heard' as const), spot }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('changeId' as const), seed: fc.nat() }) },
  )

  it('keeps its rules, and finds the nearest of what it holds, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 250 }), id, (steps, target) => {
        const table = new RoutingTable(own, [4, 2])
        let now = 0
        /** Of every endpoint that ever answered, the id that it last answered with. */
        const ids = new Map<string, string>()
        for (const one of steps) {
          now += 1_000
          if (one.do === 'changeId') {
            table.changeId(randomIdNear(own, 5, false, seededRandom(one.seed)))
            table.checkInvariants()
            continue
          }
          if ('which' in one) {
            const contacts = [...table]
            const contact = contacts[one.which % contacts.length]
            if (!contact) continue
            const nodeId = contact.node.slice(0, 20)
            const endpoint = contact.node.slice(20)
            if (one.do === 'fails') table.failed(nodeId, endpoint)
            else expect(table.answered(nodeId, endpoint, 10, now)).toBe(true)
            table.checkInvariants()
            continue
          }
          const { bits, seed, host, port } = one.spot
          const nodeId = randomIdNear(own, bits, true, seededRandom(seed))
          const endpoint = Uint8Array.of(20, 1, host, 9, 0, port)
          if (one.do === 'answered') {
            const isIn = table.answered(nodeId, endpoint, one.rtt, now)
            ids.set(toHex(endpoint), toHex(nodeId))
            expect(
              table.at(endpoint) !== undefined && sharedBits(table.at(endpoint)?.node ?? own, nodeId) === 160,
            ).toBe(isIn)
          } else if (one.do === 'failed') table.failed(nodeId, endpoint)
          else table.heard(nodeId, endpoint, now)
          table.checkInvariants()
        }
        const all = [...table]
        for (const contact of all)
          expect(ids.get(toHex(contact.node.subarray(20)))).toBe(toHex(contact.node.subarray(0, 20)))
        // The model: all of them, sorted.
        const prefix = prefixOf(target)
        const distance = (contact: NodeEntry) =>
          contact.node.subarray(0, 20).map((byte, i) => byte ^ (target[i] as number))
        const model = all
          .filter((contact) => contact.failures < 2)
          .sort((a, b) => compareBytes(distance(a), distance(b)))
        expect([...model].sort((a, b) => compareDistance(a, b, target, prefix))).toEqual(model)
        const found = table.closest(target, 8)
        const strangers = model.slice(0, 8).filter((contact) => !contact.isEntitled).length
        if (strangers <= 4) expect(found).toEqual(model.slice(0, 8))
        else {
          expect(found).toHaveLength(Math.min(8, model.length))
          const entitled = model.filter((contact) => contact.isEntitled).slice(0, 4)
          for (const contact of entitled) expect(found).toContain(contact)
        }
      }),
      { numRuns: runs(40) },
    )
  })

  it('a made id is entitled, and only local addresses are free to choose', () => {
    fc.assert(
      fc.property(id, bytes(4), (any, ip) => {
        const made = randomIdNear(any, 12, true, seededRandom(1))
        expect(sharedBits(made, any)).toBe(12)
        if (
          isEntitled(any, ip) &&
          isEntitled(
            Uint8Array.from(any, (byte, i) => (i === 0 ? byte ^ 1 : byte)),
            ip,
          )
        )
          expect([10, 127, 169, 172, 192]).toContain(ip[0])
      }),
    )
  })
})

it('no datagram makes a node throw, grow without bounds, or answer more than it may', () => {
  const from = fc.record({
    host: fc.oneof(
      fc.constantFrom(
        '127.0.0.1',
        '224.0.0.1',
        '255.255.255.255',
        '0.0.0.0',
        '::1',
        'fe80::1%eth0',
        'nonsense',
        '',
      ),
      bytes(4).map((ip) => ip.join('.')),
    ),
    port: fc.integer({ min: 0, max: 65_535 }),
  })
  const node = new DhtNode({ random: seededRandom(1), family: 4, now: 0, maxItems: 20, maxInfoHashes: 20 })
  let now = 0
  let transaction = new Uint8Array(2)
  let asked = { host: '1.2.3.4', port: 1 }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(hostile, from, fc.boolean(), fc.nat({ max: 3_000 })), { maxLength: 10 }),
      id,
      (all, target) => {
        node.getPeers(target, {}, now)
        for (const [datagram, sender, isAimed, pause] of all) {
          now += pause
          // The right address and transaction, and anything besides: a node that is asked can do that.
          const t = toLatin1(datagram).indexOf('1:t2:')
          if (isAimed && t >= 0 && t + 7 <= datagram.length) datagram.set(transaction, t + 5)
          node.receive(datagram, isAimed ? asked : sender, now)
          if (now >= node.nextTimeout()) node.timeout(now)
          for (let sent = node.transmit(now); sent; sent = node.transmit(now)) {
            expect(sent.bytes.length).toBeLessThanOrEqual(1_300)
            expect(sent.to.host).not.toMatch(/^(0|22[4-9]|2[345]\d)\./)
            const decoded = decodeKrpc(sent.bytes)
            if (!decoded.ok) throw decoded.error
            if (decoded.value.type === 'query') {
              transaction = decoded.value.transactionId.slice()
              asked = sent.to
            }
          }
          node.checkInvariants()
        }
        for (let event = node.poll(); event; event = node.poll()) expect(event.type).toMatch(/^[a-z-]+$/)
      },
    ),
    { numRuns: runs(60) },
  )
})
