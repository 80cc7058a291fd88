import { describe, expect, it } from 'vitest'
import { encode } from '../../../src/bencode/encode.js'
import { ITEM_LIFE, ItemStore } from '../../../src/dht/item-store.js'
import {
  type Item,
  immutableTarget,
  itemTarget,
  MAX_SEQ,
  type MutableItem,
  signedBytes,
} from '../../../src/dht/items.js'
import { ed25519 } from '../../../src/hash/ed25519.js'
import { utf8 } from '../../../src/util/bytes.js'
import { seededRandom } from '../../support/random.js'

const seed = new Uint8Array(32).fill(1)
const NO_SALT = new Uint8Array(0)

function immutable(text: string): Item {
  return { type: 'immutable', value: encode(text) }
}

function mutable(text: string, seq: bigint, salt: Uint8Array = NO_SALT): MutableItem {
  const item = { value: encode(text), publicKey: ed25519.publicKeyOf(seed), salt, seq }
  return { type: 'mutable', ...item, signature: ed25519.sign(seed, signedBytes(item)) }
}

function storeOf(maxItems?: number, closeness?: (target: Uint8Array) => number): ItemStore {
  return new ItemStore(ed25519, seededRandom(1), {
    ...(maxItems !== undefined && { maxItems }),
    ...(closeness && { closeness }),
  })
}

const ok = { ok: true }
const refused = (code: number) => expect.objectContaining({ ok: false, code })

describe('item store', () => {
  it('without room for any refuses every put', () => {
    const store = storeOf(0)
    expect(store.put(immutable('hello'), undefined, 0)).toEqual(refused(202))
    expect(store.put(mutable('hello', 1n), undefined, 0)).toEqual(refused(202))
    expect(store.size).toBe(0)
  })

  it('keeps immutable items for two hours after their last put', () => {
    const store = storeOf()
    const item = immutable('hello')
    expect(store.put(item, undefined, 0)).toEqual(ok)
    expect(store.get(itemTarget(item), ITEM_LIFE - 1)).toEqual(item)
    expect(store.put(item, undefined, 5_000)).toEqual(ok)
    expect(store.size).toBe(1)
    store.expire(ITEM_LIFE + 4_999)
    expect(store.get(itemTarget(item), ITEM_LIFE + 4_999)).toEqual(item)
    expect(store.get(itemTarget(item), ITEM_LIFE + 5_000)).toBeUndefined()
    store.expire(ITEM_LIFE + 5_000)
    expect(store.size).toBe(0)
  })

  it('copies what it keeps', () => {
    const store = storeOf()
    const item = mutable('hello', 1n, utf8('salt'))
    const datagram = new Uint8Array(300)
    const view = (bytes: Uint8Array, offset: number) => {
      datagram.set(bytes, offset)
      return datagram.subarray(offset, offset + bytes.length)
    }
    store.put(
      {
        type: 'mutable',
        seq: item.seq,
        value: view(item.value, 0),
        publicKey: view(item.publicKey, 50),
        salt: view(item.salt, 100),
        signature: view(item.signature, 150),
      },
      undefined,
      0,
    )
    datagram.fill(0)
    expect(store.get(itemTarget(item), 0)).toEqual(item)
  })

  it('replaces mutable items only by higher numbers', () => {
    const store = storeOf()
    const target = itemTarget(mutable('', 0n))
    expect(store.put(mutable('five', 5n), undefined, 0)).toEqual(ok)
    expect(store.put(mutable('four', 4n), undefined, 0)).toEqual(refused(302))
    expect(store.put(mutable('other five', 5n), undefined, 0)).toEqual(refused(302))
    expect(store.put(mutable('five', 5n), undefined, 9)).toEqual(ok)
    expect(store.put(mutable('six', 6n), undefined, 9)).toEqual(ok)
    expect(store.get(target, 9)).toEqual(mutable('six', 6n))
    expect(store.put(mutable('last', MAX_SEQ), undefined, 9)).toEqual(ok)
    expect(store.put(mutable('seven', 7n), undefined, ITEM_LIFE + 9)).toEqual(ok)
    expect(store.size).toBe(1)
  })

  it('compares cas with what is stored, and ignores it when nothing is', () => {
    const store = storeOf()
    expect(store.put(mutable('one', 1n), 77n, 0)).toEqual(ok)
    expect(store.put(mutable('two', 2n), 0n, 0)).toEqual(refused(301))
    expect(store.put(mutable('two', 2n), 1n, 0)).toEqual(ok)
    expect(store.put(mutable('two', 2n), 1n, 0)).toEqual(refused(301))
    expect(store.put(mutable('three', 3n), 1n, ITEM_LIFE)).toEqual(ok)
  })

  it('tells keys, salts and values apart', () => {
    const store = storeOf()
    const salted = mutable('a', 1n, utf8('x'))
    store.put(mutable('a', 1n), undefined, 0)
    store.put(salted, undefined, 0)
    store.put(immutable('a'), undefined, 0)
    expect(store.size).toBe(3)
    expect(store.get(itemTarget(salted), 0)).toEqual(salted)
    expect(store.get(immutableTarget(encode('b')), 0)).toBeUndefined()
  })

  it('refuses what breaks a rule', () => {
    const store = storeOf()
    const good = mutable('a', 1n)
    const cases: [Item, number][] = [
      [{ type: 'immutable', value: encode('x'.repeat(997)) }, 205],
      [{ type: 'immutable', value: utf8('5:abc') }, 203],
      [{ type: 'immutable', value: utf8('1:a1:b') }, 203],
      [{ type: 'immutable', value: utf8('d1:b0:1:a0:e') }, 203],
      [{ type: 'immutable', value: NO_SALT }, 203],
      [{ ...good, salt: new Uint8Array(65) }, 207],
      [{ ...good, seq: -1n }, 203],
      [{ ...good, seq: MAX_SEQ + 1n }, 203],
      [{ ...good, publicKey: new Uint8Array(31) }, 203],
      [{ ...good, signature: new Uint8Array(63) }, 206],
      [{ ...good, signature: new Uint8Array(64) }, 206],
      [{ ...good, value: encode('b') }, 206],
      [{ ...good, seq: 2n }, 206],
      [{ ...good, salt: utf8('y') }, 206],
    ]
    for (const [item, code] of cases) expect(store.put(item, undefined, 0)).toEqual(refused(code))
    expect(store.size).toBe(0)
    expect(new ItemStore(undefined, seededRandom(1)).put(good, undefined, 0)).toEqual(refused(206))
    expect(store.put({ type: 'immutable', value: encode('x'.repeat(996)) }, undefined, 0)).toEqual(ok)
  })

  it('makes room by what fits this node least', () => {
    const close = new Set<string>()
    const store = storeOf(50, (target) => (close.has(String(target)) ? 20 : (target[0] as number) & 7))
    const ours = Array.from({ length: 20 }, (_, i) => immutable(`ours ${i}`))
    for (const item of ours) {
      close.add(String(itemTarget(item)))
      store.put(item, undefined, 0)
    }
    for (let i = 0; i < 5_000; i++) store.put(immutable(`sprayed ${i}`), undefined, i)
    expect(store.size).toBe(50)
    const left = ours.filter((item) => store.get(itemTarget(item), 5_000))
    expect(left.length).toBe(20)
  })
})
