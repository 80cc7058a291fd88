import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encode } from '../../src/bencode/encode.js'
import { BloomFilter } from '../../src/dht/bloom.js'
import { ITEM_LIFE, ItemStore } from '../../src/dht/item-store.js'
import { type Item, itemTarget, type Signatures } from '../../src/dht/items.js'
import { PEER_LIFE, PeerStore } from '../../src/dht/peer-store.js'
import { decodeState, encodeState } from '../../src/dht/state.js'
import { SECRET_LIFE, Tokens } from '../../src/dht/tokens.js'
import { ipFromBytes } from '../../src/util/address.js'
import { toHex, writeU32 } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'
import { storedPeers } from '../support/dht-peers.js'
import { seededRandom } from '../support/random.js'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const small = (most: number) => fc.integer({ min: 0, max: most })

describe('bloom filter', () => {
  it('estimates up to 1,000 addresses within 10 %, and never misses one', () => {
    fc.assert(
      fc.property(small(0xffff_ffff), fc.integer({ min: 100, max: 1000 }), (seed, count) => {
        const random = seededRandom(seed)
        const filter = new BloomFilter()
        const ips = new Set<string>()
        while (ips.size < count) ips.add(toHex(random.bytes(ips.size % 2 === 0 ? 4 : 16)))
        for (const ip of ips) filter.add(Uint8Array.from(Buffer.from(ip, 'hex')))
        // The standard deviation is below 2.5 % here: ten percent is four of them.
        expect(Math.abs(filter.estimate / count - 1)).toBeLessThan(0.1 + 5 / count)
        for (const ip of ips) expect(filter.mayHave(Uint8Array.from(Buffer.from(ip, 'hex')))).toBe(true)
      }),
      { numRuns: runs(10) },
    )
  })

  it('of a union is the union', () => {
    fc.assert(
      fc.property(fc.array(bytes(4), { maxLength: 50 }), fc.array(bytes(16), { maxLength: 50 }), (a, b) => {
        const one = new BloomFilter()
        const other = new BloomFilter()
        const both = new BloomFilter()
        for (const ip of a) for (const filter of [one, both]) filter.add(ip)
        for (const ip of b) for (const filter of [other, both]) filter.add(ip)
        one.unite(other.bytes)
        expect(one.bytes).toEqual(both.bytes)
      }),
    )
  })
})

describe('peer store', () => {
  const operation = fc.oneof(
    fc.record({
      do: fc.constant('add' as const),
      torrent: small(5),
      ip: small(20),
      port: small(2),
      six: fc.boolean(),
      seed: fc.boolean(),
    }),
    fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 1500 }) }),
    fc.record({ do: fc.constant('look' as const), torrent: small(5), noSeed: fc.boolean() }),
    fc.record({ do: fc.constant('expire' as const) }),
  )

  function endpoint(ip: number, port: number, six: boolean): Uint8Array {
    const address = new Uint8Array(six ? 18 : 6).fill(1)
    address[2] = ip
    address[address.length - 1] = port
    return address
  }

  it('is a map that forgets, whatever happens to it (below its caps)', () => {
    fc.assert(
      fc.property(small(0xffff_ffff), fc.array(operation, { maxLength: 120 }), (seed, operations) => {
        const store = new PeerStore(seededRandom(seed), 0)
        const model = new Map<string, { at: number; seed: boolean; torrent: number; bytes: Uint8Array }>()
        let now = 0
        const alive = (torrent: number) =>
          [...model.values()].filter((entry) => entry.torrent === torrent && now - entry.at <= PEER_LIFE)
        for (const step of operations) {
          if (step.do === 'wait') now += step.seconds * 1_000
          else if (step.do === 'expire') for (let i = 0; i < 8; i++) store.expire(now)
          else {
            const infoHash = new Uint8Array(20).fill(step.torrent)
            if (step.do === 'add') {
              const peer = endpoint(step.ip, step.port, step.six)
              store.add(infoHash, peer, step.seed, now)
              const entry = { at: now, seed: step.seed, torrent: step.torrent, bytes: peer }
              model.set(`${step.torrent} ${toHex(peer)}`, entry)
            } else {
              const wanted = alive(step.torrent).filter((entry) => !step.noSeed || !entry.seed)
              const found = storedPeers(store, infoHash, 1_000, step.noSeed, now)
              expect(found.map(toHex).sort()).toEqual(wanted.map((entry) => toHex(entry.bytes)).sort())
              const filters = store.filters(infoHash, now)
              expect(filters === undefined).toBe(alive(step.torrent).length === 0)
              for (const entry of alive(step.torrent)) {
                const filter = new BloomFilter((entry.seed ? filters?.seeds : filters?.peers) as Uint8Array)
                expect(filter.mayHave(entry.bytes.subarray(0, -2))).toBe(true)
              }
            }
          }
        }
        for (let i = 0; i < 8; i++) store.expire(now)
        const left = [0, 1, 2, 3, 4, 5].map((torrent) => alive(torrent).length)
        expect(store.peerCount).toBe(left.reduce((sum, count) => sum + count, 0))
        expect(store.infoHashes).toBe(left.filter((count) => count > 0).length)
      }),
      { numRuns: runs(30) },
    )
  })

  it('stays within its caps', () => {
    fc.assert(
      fc.property(small(0xffff_ffff), fc.integer({ min: 1, max: 20 }), (seed, most) => {
        const random = seededRandom(seed)
        const store = new PeerStore(random, 0, { maxTorrents: most, maxPeers: most })
        for (let i = 0; i < 600; i++) {
          const infoHash = new Uint8Array(20)
          writeU32(infoHash, 0, random.uint32() % 40)
          store.add(infoHash, random.bytes(random.uint32() % 2 === 0 ? 6 : 18), i % 3 === 0, i * 500)
          expect(store.infoHashes).toBeLessThanOrEqual(most)
          expect(store.peerCount).toBeLessThanOrEqual(2 * most * most)
        }
        const { samples, num } = store.sample(20, 300_000)
        expect(num).toBe(store.infoHashes)
        const shown = new Set(
          Array.from({ length: samples.length / 20 }, (_, i) => toHex(samples.subarray(20 * i, 20 * i + 20))),
        )
        expect(shown.size).toBe(Math.min(20, num))
      }),
      { numRuns: runs(10) },
    )
  })
})

describe('item store', () => {
  // A toy scheme, so that sequences of hundreds of puts are quick: the signature names key and message.
  const toy: Signatures = {
    verify: (publicKey, signature, message) => signature[0] === publicKey[0] && signature[1] === sum(message),
  }
  const sum = (message: Uint8Array) => message.reduce((total, byte) => (total * 31 + byte) & 0xff, 7)

  it('is a map of highest numbers', () => {
    const put = fc.record({
      key: small(2),
      salt: small(1),
      seq: small(4),
      value: small(2),
      cas: fc.option(small(4), { nil: undefined }),
      forged: fc.boolean(),
      wait: fc.constantFrom(0, 1, 1_000_000, ITEM_LIFE),
    })
    fc.assert(
      fc.property(fc.array(put, { maxLength: 60 }), (puts) => {
        const store = new ItemStore(toy, seededRandom(1))
        const model = new Map<string, { item: Item & { type: 'mutable' }; at: number }>()
        let now = 0
        for (const { key, salt, seq, value, cas, forged, wait } of puts) {
          now += wait
          const item = {
            type: 'mutable' as const,
            value: encode(`value ${value}`),
            publicKey: new Uint8Array(32).fill(key),
            salt: new Uint8Array(salt),
            seq: BigInt(seq),
            signature: new Uint8Array(64),
          }
          item.signature[0] = key
          const salted = salt === 0 ? '' : `4:salt${salt}:\0`
          item.signature[1] = sum(Buffer.from(`${salted}3:seqi${seq}e1:v7:value ${value}`)) + (forged ? 1 : 0)
          const name = toHex(itemTarget(item))
          const stored = model.get(name)
          const current = stored && now - stored.at < ITEM_LIFE ? stored : undefined
          let code = 0
          if (current && cas !== undefined && BigInt(cas) !== current.item.seq) code = 301
          else if (current && item.seq < current.item.seq) code = 302
          else if (current && item.seq === current.item.seq) {
            if (toHex(current.item.value) !== toHex(item.value)) code = 302
            else current.at = now
          } else if (forged) code = 206
          else model.set(name, { item, at: now })
          const outcome = store.put(item, cas === undefined ? undefined : BigInt(cas), now)
          expect(outcome.ok ? 0 : outcome.code).toBe(code)
          const kept = model.get(name)
          const expected = kept && now - kept.at < ITEM_LIFE ? kept.item : undefined
          expect(store.get(itemTarget(item), now)).toEqual(expected)
        }
        store.expire(now)
        expect(store.size).toBe([...model.values()].filter(({ at }) => now - at < ITEM_LIFE).length)
      }),
      { numRuns: runs(40) },
    )
  })
})

describe('tokens', () => {
  it('live between one and two lives of a secret', () => {
    fc.assert(
      fc.property(
        small(0xffff_ffff),
        fc.array(fc.integer({ min: 0, max: 2 * SECRET_LIFE }), { minLength: 1, maxLength: 20 }),
        bytes(6),
        (seed, waits, from) => {
          const tokens = new Tokens(seededRandom(seed), 0)
          const target = new Uint8Array(20)
          const issued: { at: number; token: Uint8Array }[] = []
          let now = 0
          for (const wait of waits) {
            now += wait
            issued.push({ at: now, token: tokens.issue(from, target, now) })
            for (const { at, token } of issued) {
              if (now - at < SECRET_LIFE) expect(tokens.isValid(token, from, target, now)).toBe(true)
              if (now - at >= 2 * SECRET_LIFE) expect(tokens.isValid(token, from, target, now)).toBe(false)
            }
          }
        },
      ),
      { numRuns: runs(20) },
    )
  })
})

describe('saved state', () => {
  it('comes back, and nothing makes reading it throw', () => {
    const nodes = (family: 4 | 6) =>
      fc.array(
        fc.record({
          id: bytes(20),
          address: fc.record({
            host: bytes(family === 4 ? 4 : 16).map((ip) =>
              ipFromBytes(Uint8Array.from(ip, (byte, i) => (i === 0 ? 0x20 : byte))),
            ),
            port: fc.integer({ min: 1, max: 65_535 }),
          }),
        }),
        { maxLength: 20 },
      )
    const state = (family: 4 | 6) => fc.record({ id: bytes(20), nodes: nodes(family) })
    fc.assert(
      fc.property(state(4), state(6), (four, six) => {
        expect(decodeState(encodeState({ 4: four, 6: six }))).toEqual({ 4: four, 6: six })
        expect(decodeState(encodeState({ 6: six }))).toEqual({ 6: six })
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        decodeState(garbage)
      }),
    )
  })
})
