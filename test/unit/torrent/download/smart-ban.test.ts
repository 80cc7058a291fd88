import { describe, expect, it } from 'vitest'
import { SmartBan } from '../../../../src/torrent/download/smart-ban.js'
import { type KnownPeer, PeerList } from '../../../../src/torrent/peers/peer-list.js'

const list = new PeerList()
const [a, b, c] = [1, 2, 3].map((i) => list.incoming({ host: `10.0.0.${i}`, port: 6881 }, 0)) as [
  KnownPeer,
  KnownPeer,
  KnownPeer,
]
const digest = (fill: number): Uint8Array => new Uint8Array(20).fill(fill)
const right = [digest(1), digest(2), digest(3)]

describe('SmartBan', () => {
  it('finds nothing where nothing failed', () => {
    const smart = new SmartBan()
    expect(smart.learned(0, right)).toEqual({ liars: new Set(), cleared: [] })
  })

  it('compares every failure of a piece, once', () => {
    const smart = new SmartBan()
    smart.failed(0, [digest(1), digest(8), digest(3)], [a, b, a])
    smart.failed(0, [digest(1), digest(2), digest(7)], [a, a, c])
    smart.failed(1, right, [a, b, c])
    expect(smart.learned(0, right)).toEqual({ liars: new Set([b, c]), cleared: [a, a] })
    expect(smart.learned(0, right).liars.size).toBe(0)
    expect(smart.size).toBe(1)
  })

  it('does not clear a peer of whose blocks one is unknown, nor one that lied elsewhere', () => {
    const smart = new SmartBan()
    smart.failed(0, [digest(1), undefined, digest(9)], [a, a, b])
    smart.failed(0, [digest(1), digest(2), digest(9)], [b, undefined, c])
    expect(smart.learned(0, right)).toEqual({ liars: new Set([b, c]), cleared: [] })
  })

  it('forgets the oldest pieces beyond its memory', () => {
    const smart = new SmartBan()
    const many = 4096
    const senders = new Array<KnownPeer>(many).fill(a)
    const digests = new Array<Uint8Array>(many).fill(digest(1))
    for (let piece = 0; piece < 10; piece++) smart.failed(piece, digests, senders)
    expect(smart.size).toBe(4)
    const proof = new Array<Uint8Array>(many).fill(digest(2))
    expect(smart.learned(5, proof).liars.size).toBe(0)
    expect(smart.learned(9, proof).liars).toEqual(new Set([a]))
    for (let i = 0; i < 100; i++) smart.failed(11, [digest(1)], [b])
    expect(smart.learned(11, [digest(1)]).cleared).toHaveLength(8)
  })
})
