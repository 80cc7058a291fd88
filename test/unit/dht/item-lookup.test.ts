/** What a look-up takes for an item, and what not (BEP 44). */
import { describe, expect, it } from 'vitest'
import { type Item, itemTarget, type MutableItem, signedBytes } from '../../../src/dht/items.js'
import { decodeKrpc, encodeReply, type KrpcReply } from '../../../src/dht/krpc/krpc.js'
import { DhtNode } from '../../../src/dht/node.js'
import type { DhtEvent } from '../../../src/dht/node-types.js'
import { makeNodeId } from '../../../src/dht/table/node-id.js'
import { ed25519 } from '../../../src/hash/ed25519.js'
import { encodeCompact, ipToBytes } from '../../../src/util/address.js'
import { concatBytes, utf8 } from '../../../src/util/bytes.js'
import { seededRandom } from '../../support/random.js'

const seed = new Uint8Array(32).fill(1)
const publicKey = ed25519.publicKeyOf(seed)

function signed(value: string, seq: bigint, salt = '', secret = seed): MutableItem {
  const item = {
    type: 'mutable' as const,
    value: utf8(`${value.length}:${value}`),
    publicKey: ed25519.publicKeyOf(secret),
    salt: utf8(salt),
    seq,
  }
  return { ...item, signature: ed25519.sign(secret, signedBytes(item)) }
}

const fields = ({ value: v, publicKey: k, seq, signature: sig }: MutableItem): Partial<KrpcReply> => ({
  v,
  k,
  seq,
  sig,
})

/** The items that a look-up finds where each of these is the answer of a node, in turn. */
function found(target: Uint8Array, answers: readonly Partial<KrpcReply>[], salt?: string): Item[] {
  const random = seededRandom(4)
  const node = new DhtNode({ random, family: 4, now: 0, signatures: ed25519, id: random.bytes(20) })
  const remotes = answers.map((_, i) => {
    const address = { host: `20.${i}.0.1`, port: 6881 }
    return { address, id: makeNodeId(ipToBytes(address.host) as Uint8Array, random) }
  })
  const first = { address: { host: '99.0.0.1', port: 1 }, id: makeNodeId(Uint8Array.of(99, 0, 0, 1), random) }
  const nodes = concatBytes(...remotes.flatMap(({ id, address }) => [id, encodeCompact(address)]))
  node.addRouter(first.address, 0)
  node.get(target, salt === undefined ? {} : { salt: utf8(salt) }, 0)
  const items: Item[] = []
  let isOver = false
  for (let now = 1; !isOver && now < 60_000; now += 500) {
    node.timeout(now)
    for (let sent = node.transmit(now); sent; sent = node.transmit(now)) {
      const decoded = decodeKrpc(sent.bytes)
      if (!decoded.ok || decoded.value.type !== 'query') continue
      const { transactionId } = decoded.value
      const { host } = sent.to
      const i = remotes.findIndex(({ address }) => address.host === host)
      const reply = i < 0 ? { id: first.id, nodes } : { id: remotes[i]!.id, ...answers[i] }
      node.receive(encodeReply({ type: 'reply', transactionId, ...reply }), sent.to, now)
    }
    for (let event: DhtEvent | undefined = node.poll(); event; event = node.poll()) {
      if (event.type === 'item') items.push(event.item)
      if (event.type === 'done') isOver = true
    }
  }
  expect(isOver).toBe(true)
  return items
}

describe('a look-up for a mutable item', () => {
  const item = signed('one', 5n)
  const target = itemTarget(item)

  it.each<[string, Partial<KrpcReply>]>([
    ['no signature', { v: item.value, k: publicKey, seq: 5n }],
    ['no key', { v: item.value, sig: item.signature, seq: 5n }],
    ['no number', { v: item.value, k: publicKey, sig: item.signature }],
    ['another value', { ...fields(item), v: utf8('3:two') }],
    ['another number', { ...fields(item), seq: 6n }],
    ['a broken signature', { ...fields(item), sig: new Uint8Array(64).fill(3) }],
    ['the item of another key', fields(signed('one', 9n, '', new Uint8Array(32).fill(2)))],
    ['the item of another salt', fields(signed('one', 9n, 'salt'))],
    ['an immutable value', { v: item.value }],
    ['too large a value, rightly signed', fields(signed('x'.repeat(1001), 9n))],
  ])('ignores %s, and finds the true one', (_, answer) => {
    expect(found(target, [answer])).toEqual([])
    expect(found(target, [answer, answer, fields(item), answer])).toMatchObject([{ seq: 5n }])
  })

  it('never goes back to what is replayed', () => {
    const versions = [4n, 7n, 6n, 7n, 9n, 1n].map((seq) => fields(signed(`v${seq}`, seq)))
    const seqs = found(target, versions).map((each) => each.type === 'mutable' && each.seq)
    expect(seqs).toEqual([...seqs].sort())
    expect(new Set(seqs).size).toBe(seqs.length)
    expect(seqs.at(-1)).toBe(9n)
  })

  it('checks the salt that was asked for', () => {
    const salted = signed('one', 1n, 'n')
    expect(found(itemTarget(salted), [fields(salted)], 'n')).toHaveLength(1)
    expect(found(itemTarget(salted), [fields(salted)])).toEqual([])
  })
})

describe('a look-up for an immutable item', () => {
  it('takes what has the hash, and nothing else', () => {
    const value = utf8('5:hello')
    const target = itemTarget({ type: 'immutable', value })
    const others = [{ v: utf8('5:jello') }, { v: utf8('5:hell') }, fields(signed('hello', 1n))]
    expect(found(target, others)).toEqual([])
    expect(found(target, [...others, { v: value }])).toMatchObject([{ type: 'immutable', value }])
  })
})
