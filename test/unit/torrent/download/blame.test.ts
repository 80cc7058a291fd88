import { describe, expect, it } from 'vitest'
import { Blame } from '../../../../src/torrent/download/blame.js'
import { type KnownPeer, PeerList } from '../../../../src/torrent/peers/peer-list.js'

function peers(count: number): KnownPeer[] {
  const list = new PeerList()
  return Array.from({ length: count }, (_, i) => list.incoming({ host: `10.0.0.${i + 1}`, port: 6881 }, 0))
}

const digest = (fill: number): Uint8Array => new Uint8Array(20).fill(fill)

describe('Blame', () => {
  it('bans a lone contributor at once', () => {
    const [liar] = peers(1)
    expect(new Blame().failed(0, [liar, liar], [])).toEqual([liar])
  })

  it('bans no lone contributor when some blocks came from nobody known', () => {
    const [suspect] = peers(1)
    const blame = new Blame()
    expect(blame.failed(0, [suspect, undefined], [])).toEqual([])
    expect(blame.isOnParole(suspect as KnownPeer)).toBe(true)
  })

  it('bans the repeat suspect and spares those whose other pieces were right', () => {
    const [liar, ...honest] = peers(5) as [KnownPeer, ...KnownPeer[]]
    const blame = new Blame()
    const banned = new Set<KnownPeer>()
    for (let round = 0; round < 8 && banned.size === 0; round++) {
      const other = honest[round % honest.length] as KnownPeer
      for (const peer of honest) blame.passed(100 + round, [peer], undefined)
      for (const peer of blame.failed(round, [liar, other], [])) banned.add(peer)
    }
    expect([...banned]).toEqual([liar])
  })

  it('bans nobody for one failed piece with several contributors', () => {
    expect(new Blame().failed(0, peers(3), [])).toEqual([])
  })

  it('bans who sent the blocks that differ when the piece is right in the end, and clears the others', () => {
    const [liar, honest, helper] = peers(3) as [KnownPeer, KnownPeer, KnownPeer]
    const blame = new Blame()
    blame.failed(7, [liar, honest, honest, liar], [digest(9), digest(1), digest(2), digest(3)])
    expect(blame.isOnParole(honest)).toBe(true)
    const right = [digest(0), digest(1), digest(2), digest(3)]
    expect(blame.passed(7, [helper], right)).toEqual([liar])
    expect(blame.isOnParole(honest)).toBe(false)
    expect(blame.isOnParole(liar)).toBe(true)
    expect(honest.trust).toBe(0)
    expect(liar.trust).toBe(-2)
  })

  it('ends parole with a right piece of the peer alone', () => {
    const [suspect, other] = peers(2) as [KnownPeer, KnownPeer]
    const blame = new Blame()
    blame.failed(0, [suspect, other], [])
    blame.passed(1, [suspect, other], undefined)
    expect(blame.isOnParole(suspect)).toBe(true)
    blame.passed(2, [suspect], undefined)
    expect(blame.isOnParole(suspect)).toBe(false)
    expect(blame.isOnParole(other)).toBe(true)
  })
})
