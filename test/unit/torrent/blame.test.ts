import { describe, expect, it } from 'vitest'
import { Blame } from '../../../src/torrent/blame.js'
import { type KnownPeer, PeerList } from '../../../src/torrent/peer-list.js'

function peers(count: number): KnownPeer[] {
  const list = new PeerList()
  return Array.from({ length: count }, (_, i) => list.incoming({ host: `10.0.0.${i + 1}`, port: 6881 }, 0))
}

describe('Blame', () => {
  it('bans a lone contributor at once', () => {
    const [liar] = peers(1)
    expect(new Blame().judge([liar as KnownPeer])).toEqual([liar])
  })

  it('bans the repeat suspect and spares those whose other pieces were right', () => {
    const [liar, ...honest] = peers(5) as [KnownPeer, ...KnownPeer[]]
    const blame = new Blame()
    const banned = new Set<KnownPeer>()
    for (let round = 0; round < 8 && banned.size === 0; round++) {
      const other = honest[round % honest.length] as KnownPeer
      for (const peer of honest) peer.trust = Math.min(8, peer.trust + 1)
      for (const peer of blame.judge([liar, other])) banned.add(peer)
    }
    expect([...banned]).toEqual([liar])
  })

  it('bans nobody for one failed piece with several contributors', () => {
    expect(new Blame().judge(peers(3))).toEqual([])
  })
})
