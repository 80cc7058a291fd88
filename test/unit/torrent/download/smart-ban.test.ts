import { describe, expect, it } from 'vitest'
import { Layout } from '../../../../src/metainfo/layout.js'
import { Picker } from '../../../../src/picker/picker.js'
import { type BlockOrigin, type BlockSource, Intake } from '../../../../src/torrent/download/block-source.js'
import { type BlockDigests, SmartBan } from '../../../../src/torrent/download/smart-ban.js'
import { isUnacceptable, joinStandings, raise } from '../../../../src/torrent/download/standing.js'
import { seededRandom } from '../../../support/random.js'

const digest = (fill: number): Uint8Array => new Uint8Array(20).fill(fill)
const right = [digest(1), digest(2), digest(3)]

/** A smart ban with a source for each of these names. */
function rig(...names: string[]) {
  const picker = new Picker<BlockOrigin>({
    layout: new Layout([{ length: 1 << 20, pad: false }], 1 << 18),
    random: seededRandom(1),
  })
  const sources = new Map<BlockOrigin, BlockSource>()
  const banned: string[] = []
  const ended: string[] = []
  const parole = new Map<string, boolean>()
  const setParole = picker.setParole.bind(picker)
  picker.setParole = (peer, isOnParole) => {
    parole.set(peer.owner.key, isOnParole)
    setParole(peer, isOnParole)
  }
  const smart = new SmartBan({ picker, sources, ban: ({ key }, code) => banned.push(`${key} ${code}`) })
  const origins = names.map((key) => ({ key, standing: 0 }))
  const sourceOf = (origin: BlockOrigin): BlockSource => ({
    origin,
    picks: picker.addPeer(origin),
    intake: new Intake(0),
    outstanding: 0,
    requestLimit: 0,
    request: () => {},
    cancel: () => {},
    pause: () => {},
    resume: () => {},
    touch: () => {},
    end: (code) => ended.push(`${origin.key} ${code}`),
  })
  for (const origin of origins) sources.set(origin, sourceOf(origin))
  const isOnParole = (origin: BlockOrigin): boolean => parole.get(origin.key) === true
  return { smart, origins, sources, sourceOf, banned, ended, isOnParole }
}

const of = (...names: string[]): string[] => names.map((name) => `${name} torrent/corrupt-data`)

describe('SmartBan', () => {
  it('bans a lone contributor at once, with its source', () => {
    const { smart, origins, banned, ended } = rig('a')
    smart.failed(0, [origins[0], origins[0]], [])
    expect([banned, ended]).toEqual([of('a'), of('a')])
  })

  it('bans an origin whose source is gone', () => {
    const { smart, origins, sources, banned, ended } = rig('a')
    sources.clear()
    smart.failed(0, [origins[0]], [])
    expect([banned, ended]).toEqual([of('a'), []])
  })

  it('bans once, and again only when the origin has come back', () => {
    const { smart, origins, sourceOf, banned } = rig('a')
    const [a] = origins as [BlockOrigin]
    smart.failed(0, [a], [])
    smart.failed(1, [a], [])
    smart.failedBlocks([a])
    expect(banned).toEqual(of('a'))
    smart.joined(sourceOf(a))
    smart.failed(2, [a], [])
    expect(banned).toEqual(of('a', 'a'))
  })

  it('bans no lone contributor when some blocks came from an earlier run', () => {
    const { smart, origins, banned, isOnParole } = rig('a')
    smart.failed(0, [origins[0], undefined], [])
    expect(banned).toEqual([])
    expect(isOnParole(origins[0]!)).toBe(true)
  })

  it('bans what sent blocks that are proven wrong', () => {
    const { smart, origins, banned } = rig('a', 'b')
    smart.failedBlocks(origins)
    expect(banned).toEqual(of('a', 'b'))
  })

  it('bans the repeated contributor and spares those whose other pieces were right', () => {
    const { smart, origins, banned } = rig('bad', 'b', 'c', 'd', 'e')
    const [bad, ...good] = origins as [BlockOrigin, ...BlockOrigin[]]
    for (let round = 0; round < 8 && banned.length === 0; round++) {
      for (const origin of good) {
        raise(origin)
        smart.passed(100 + round, [origin], undefined)
      }
      smart.failed(round, [bad, good[round % good.length]], [])
    }
    expect(banned).toEqual(of('bad'))
  })

  it('bans nothing for one wrong piece with several contributors', () => {
    const { smart, origins, banned } = rig('a', 'b', 'c')
    smart.failed(0, origins, [])
    expect(banned).toEqual([])
  })

  it('bans what sent the blocks that differ when the piece is right in the end, and clears the others', () => {
    const { smart, origins, banned, isOnParole } = rig('bad', 'good', 'helper')
    const [bad, good, helper] = origins as [BlockOrigin, BlockOrigin, BlockOrigin]
    smart.failed(7, [bad, good, good, bad], [digest(9), digest(1), digest(2), digest(3)])
    expect(isOnParole(good)).toBe(true)
    smart.passed(7, [helper], [digest(0), digest(1), digest(2), digest(3)])
    expect(banned).toEqual(of('bad'))
    expect([isOnParole(good), isOnParole(bad)]).toEqual([false, true])
    expect([good.standing, bad.standing]).toEqual([0, -2])
  })

  it('compares every arrival of a piece, once', () => {
    const { smart, origins, banned } = rig('a', 'b', 'c')
    const [a, b, c] = origins as [BlockOrigin, BlockOrigin, BlockOrigin]
    smart.failed(0, [a, b, a], [digest(1), digest(8), digest(3)])
    smart.failed(0, [a, a, c], [digest(1), digest(2), digest(7)])
    smart.failed(1, [a, b, c], right)
    smart.passed(0, [], right)
    expect(banned).toEqual(of('b', 'c'))
    expect(a.standing).toBe(-2)
    smart.passed(0, [], right)
    expect(banned).toHaveLength(2)
    expect(smart.size).toBe(1)
  })

  it('does not clear an origin of whose blocks one is unknown, nor one that sent a wrong one elsewhere', () => {
    const { smart, origins, banned, isOnParole } = rig('a', 'b', 'c')
    const [a, b, c] = origins as [BlockOrigin, BlockOrigin, BlockOrigin]
    smart.failed(0, [a, a, b], [digest(1), undefined, digest(9)])
    smart.failed(0, [b, undefined, c], [digest(1), digest(2), digest(9)])
    smart.passed(0, [], right)
    expect(banned).toEqual(of('b', 'c'))
    expect([isOnParole(a), isOnParole(b)]).toEqual([true, true])
    expect([a.standing, b.standing]).toEqual([-2, -4])
  })

  it('ends parole with a right piece of the origin alone', () => {
    const { smart, origins, isOnParole } = rig('a', 'b')
    const [a, b] = origins as [BlockOrigin, BlockOrigin]
    smart.failed(0, [a, b], [])
    smart.passed(1, [a, b], undefined)
    expect(isOnParole(a)).toBe(true)
    smart.passed(2, [a], undefined)
    expect([isOnParole(a), isOnParole(b)]).toEqual([false, true])
  })

  it('keeps an origin on parole that comes again', () => {
    const { smart, origins, sources, sourceOf, isOnParole } = rig('a', 'b')
    const [a] = origins as [BlockOrigin]
    sources.clear()
    smart.failed(0, origins, [])
    expect(isOnParole(a)).toBe(false)
    smart.joined(sourceOf(a))
    expect(isOnParole(a)).toBe(true)
  })

  it('forgets the oldest pieces beyond its memory', () => {
    const { smart, origins, banned } = rig('a', 'b')
    const [a, b] = origins as [BlockOrigin, BlockOrigin]
    const many = 4096
    const senders = Array.from({ length: many }, (_, i) => (i === 0 ? a : undefined))
    const digests: BlockDigests = new Array<Uint8Array>(many).fill(digest(1))
    const proof: BlockDigests = new Array<Uint8Array>(many).fill(digest(2))
    for (let piece = 0; piece < 3; piece++) smart.failed(piece, senders, digests)
    expect(smart.size).toBe(3)
    for (let piece = 3; piece < 10; piece++) {
      for (let i = 0; i < 3; i++) raise(b)
      smart.failed(piece, [b, ...senders.slice(1)], digests)
    }
    expect(smart.size).toBe(4)
    banned.length = 0
    smart.passed(2, [], proof)
    expect(banned).toEqual([])
    smart.passed(9, [], proof)
    expect(banned).toEqual(of('b'))
  })

  it('remembers the last eight arrivals of a piece', () => {
    const { smart, origins } = rig('a', 'b')
    const [a] = origins as [BlockOrigin]
    for (let i = 0; i < 100; i++) smart.failed(11, [a, undefined], [digest(1), undefined])
    const before = a.standing
    smart.passed(11, [], [digest(1), undefined])
    expect(a.standing - before).toBe(16)
  })
})

describe('a standing', () => {
  it('has an upper limit and survives that two records turn out to be of one', () => {
    const one = { standing: 0 }
    for (let i = 0; i < 20; i++) raise(one)
    expect(one.standing).toBe(8)
    joinStandings(one, { standing: 5 })
    expect(one.standing).toBe(8)
    joinStandings(one, { standing: -15 })
    expect(isUnacceptable(one)).toBe(true)
  })
})
