import { describe, expect, it } from 'vitest'
import { BloomFilter } from '../../../src/dht/bloom.js'
import { PEER_LIFE, PeerStore } from '../../../src/dht/peer-store.js'
import { SAMPLE_LIFE, SAMPLE_SIZE } from '../../../src/dht/sample-infohashes-server.js'
import { encodeCompact } from '../../../src/util/address.js'
import { toHex, writeU32 } from '../../../src/util/bytes.js'
import { storedPeers } from '../../support/dht-peers.js'
import { seededRandom } from '../../support/random.js'

function hash(index: number): Uint8Array {
  const bytes = new Uint8Array(20)
  writeU32(bytes, 0, Math.imul(index, 0x9e37_79b1))
  writeU32(bytes, 16, index)
  return bytes
}

const peer = (host: string, port = 6881) => encodeCompact({ host, port })
const store = (options = {}) => new PeerStore(seededRandom(1), 0, options)
const texts = (peers: readonly Uint8Array[]) => peers.map(toHex).sort()

describe('peer store', () => {
  it.each([{ maxTorrents: 0 }, { maxPeers: 0 }])('without room for any keeps none: %j', (options) => {
    const peers = store(options)
    for (let i = 0; i < 3; i++) peers.add(hash(i), peer('10.0.0.1'), false, 0)
    expect([peers.infoHashes, peers.peerCount]).toEqual([0, 0])
    expect(storedPeers(peers, hash(1), 50, false, 1)).toEqual([])
  })

  it('keeps peers of both families for 45 minutes', () => {
    const peers = store()
    peers.add(hash(1), peer('10.0.0.1'), false, 0)
    peers.add(hash(1), peer('2001:db8::1'), false, 1_000)
    expect(texts(storedPeers(peers, hash(1), 50, false, 2_000))).toEqual(
      texts([peer('10.0.0.1'), peer('2001:db8::1')]),
    )
    expect(storedPeers(peers, hash(2), 50, false, 2_000)).toEqual([])
    expect(storedPeers(peers, hash(1), 50, false, PEER_LIFE).length).toBe(2)
    expect(storedPeers(peers, hash(1), 50, false, PEER_LIFE + 1_999)).toEqual([peer('2001:db8::1')])
    expect(storedPeers(peers, hash(1), 50, false, PEER_LIFE + 3_000)).toEqual([])
    for (let i = 0; i < 8; i++) peers.expire(PEER_LIFE + 3_000)
    expect([peers.infoHashes, peers.peerCount]).toEqual([0, 0])
  })

  it('lives on from the last announce', () => {
    const peers = store()
    peers.add(hash(1), peer('10.0.0.1'), false, 0)
    peers.add(hash(1), peer('10.0.0.1'), true, 1_800_000)
    expect(peers.peerCount).toBe(1)
    expect(storedPeers(peers, hash(1), 1, false, PEER_LIFE + 1_700_000).length).toBe(1)
    expect(storedPeers(peers, hash(1), 1, true, PEER_LIFE + 1_700_000).length).toBe(0)
  })

  it('lets one host take eight places of a swarm at most', () => {
    const peers = store()
    for (let port = 1; port <= 100; port++) peers.add(hash(1), peer('10.0.0.1', port), false, port * 1_000)
    peers.add(hash(1), peer('10.0.0.2'), false, 0)
    const found = storedPeers(peers, hash(1), 500, false, 100_000)
    expect(found.length).toBe(9)
    const kept = Array.from({ length: 8 }, (_, i) => peer('10.0.0.1', 93 + i))
    expect(texts(found)).toEqual(texts([...kept, peer('10.0.0.2')]))
  })

  it('keeps 500 of a swarm, rather the fresh ones', () => {
    const peers = store()
    for (let i = 0; i < 500; i++) peers.add(hash(1), peer(`10.1.${i >> 8}.${i & 255}`), false, 0)
    for (let i = 0; i < 400; i++) peers.add(hash(1), peer(`10.2.${i >> 8}.${i & 255}`), false, 60_000)
    expect(peers.peerCount).toBe(500)
    const fresh = storedPeers(peers, hash(1), 500, false, 60_000).filter((found) => found[1] === 2)
    expect(fresh.length).toBeGreaterThan(330)
  })

  it('keeps 2,000 swarms, and gives up small ones for new ones', () => {
    const peers = store()
    for (let i = 0; i < 100; i++)
      for (let k = 0; k < 5; k++) peers.add(hash(i), peer(`10.1.${i}.${k}`), false, 0)
    for (let i = 100; i < 20_000; i++) peers.add(hash(i), peer('10.9.9.9'), false, i)
    expect(peers.infoHashes).toBe(2_000)
    let large = 0
    for (let i = 0; i < 100; i++) large += storedPeers(peers, hash(i), 50, false, 20_000).length > 0 ? 1 : 0
    expect(large).toBe(100)
  })

  it('tells random peers, each once', () => {
    const peers = store()
    for (let i = 0; i < 200; i++) peers.add(hash(1), peer(`10.1.0.${i}`), i % 2 === 0, 0)
    const seen = new Map<string, number>()
    for (let round = 0; round < 400; round++) {
      const found = texts(storedPeers(peers, hash(1), 50, false, 0))
      expect(new Set(found).size).toBe(50)
      for (const text of found) seen.set(text, (seen.get(text) ?? 0) + 1)
    }
    expect(seen.size).toBe(200)
    for (const count of seen.values()) expect(Math.abs(count - 100)).toBeLessThan(50)
    for (const found of storedPeers(peers, hash(1), 30, true, 0)) expect((found[3] as number) % 2).toBe(1)
  })

  it('counts in bloom filters, each IP once', () => {
    const peers = store()
    expect(peers.filters(hash(1), 0)).toBeUndefined()
    const seeds = new BloomFilter()
    const others = new BloomFilter()
    for (let i = 0; i < 100; i++) {
      const address = i % 3 === 0 ? peer(`2001:db8::${i}`) : peer(`10.1.0.${i}`)
      const filter = i % 2 === 0 ? seeds : others
      filter.add(address.subarray(0, -2))
      peers.add(hash(1), address, i % 2 === 0, 0)
    }
    peers.add(hash(1), peer('10.1.0.1', 7), false, 0)
    expect(peers.filters(hash(1), 0)).toEqual({ seeds: seeds.bytes, peers: others.bytes })
    peers.add(hash(1), peer('10.2.0.1'), false, 1)
    others.add(Uint8Array.of(10, 2, 0, 1))
    expect(peers.filters(hash(1), 1)).toEqual({ seeds: seeds.bytes, peers: others.bytes })
    expect(peers.filters(hash(1), PEER_LIFE + 2_000)).toBeUndefined()
  })

  it('shows the same sample for ten minutes (BEP 51)', () => {
    const peers = store()
    expect(peers.sample(20, 0)).toEqual({ samples: new Uint8Array(0), num: 0, interval: 600 })
    for (let i = 0; i < 3; i++) peers.add(hash(i), peer('10.0.0.1'), false, 0)
    expect(peers.sample(20, 1_000).samples.length).toBe(60)
    for (let i = 0; i < 300; i++) peers.add(hash(i), peer('10.0.0.1'), false, 0)
    const first = peers.sample(20, 2_000)
    expect([first.num, first.interval, first.samples.length]).toEqual([300, 600, 20 * SAMPLE_SIZE])
    expect(peers.sample(20, 2_000 + SAMPLE_LIFE - 1)).toEqual({ ...first, interval: 1 })
    const second = peers.sample(20, 2_000 + SAMPLE_LIFE)
    expect(second.samples).not.toEqual(first.samples)
    expect(peers.sample(5, 2_001 + SAMPLE_LIFE).samples).toEqual(second.samples.subarray(0, 100))
  })

  it('ignores what is no endpoint, and copies what is', () => {
    const peers = store()
    peers.add(hash(1), new Uint8Array(7), false, 0)
    expect(peers.infoHashes).toBe(0)
    const infoHash = hash(1)
    const address = peer('10.0.0.1')
    peers.add(infoHash, address, false, 0)
    infoHash.fill(0)
    address.fill(0)
    expect(storedPeers(peers, hash(1), 1, false, 0)).toEqual([peer('10.0.0.1')])
    expect(peers.sample(1, 0).samples).toEqual(hash(1))
  })
})
