import { describe, expect, it } from 'vitest'
import { type Candidate, chokeRound, type SeedChoking } from '../../../src/choker/choker.js'
import { seededRandom } from '../../support/random.js'

const KIB = 1024
const MIB = 1024 * 1024
const NOW = 1_000_000

interface Named extends Candidate {
  readonly name: string
}

function peer(name: string, traits: Partial<Candidate> = {}): Named {
  return {
    name,
    interested: true,
    isUploadOnly: false,
    unchoked: false,
    snubbed: false,
    optimistic: false,
    interesting: true,
    recentDownload: 0,
    uploadRate: 0,
    downloaded: 0,
    uploaded: 0,
    progress: 0,
    sentSinceUnchoke: 0,
    unchokedAt: 0,
    usedAt: Number.POSITIVE_INFINITY,
    idle: false,
    waitingSince: 0,
    connectedAt: 0,
    ...traits,
  }
}

interface Circumstances {
  readonly slots?: number
  readonly seeding?: SeedChoking
  readonly rotate?: boolean
  readonly random?: ReturnType<typeof seededRandom>
}

function decide(candidates: Named[], { slots = 4, seeding, rotate = false, random }: Circumstances = {}) {
  const decision = chokeRound({
    slots,
    seeding,
    rotate,
    pieceLength: 256 * KIB,
    now: NOW,
    random: random ?? seededRandom(1),
    candidates,
  })
  return {
    unchoked: [...decision.unchoke].map((candidate) => candidate.name).sort(),
    optimistic: [...decision.optimistic].map((candidate) => candidate.name).sort(),
  }
}

const earned = ({ unchoked, optimistic }: ReturnType<typeof decide>): string[] =>
  unchoked.filter((name) => !optimistic.includes(name))

describe('choking as a leecher', () => {
  it('unchokes the fastest uploaders and one more', () => {
    const peers = [1, 2, 3, 4, 5, 6].map((rate) => peer(`r${rate}`, { recentDownload: rate * 1000 }))
    const decision = decide(peers)
    expect(earned(decision)).toEqual(['r4', 'r5', 'r6'])
    expect(decision.optimistic).toHaveLength(1)
  })

  it('takes a fifth of many slots for optimistic ones', () => {
    const peers = Array.from({ length: 40 }, (_, i) => peer(`p${i}`, { recentDownload: i }))
    const decision = decide(peers, { slots: 20 })
    expect(decision.optimistic).toHaveLength(4)
    expect(decision.unchoked).toHaveLength(20)
  })

  it('gives nothing to peers that want nothing or have everything', () => {
    const { unchoked } = decide([
      peer('bored', { interested: false, recentDownload: 9e9 }),
      peer('full', { isUploadOnly: true, recentDownload: 9e9 }),
      peer('wants'),
    ])
    expect(unchoked).toEqual(['wants'])
  })

  it('gives nothing without slots', () => {
    expect(decide([peer('a')], { slots: 0 }).unchoked).toEqual([])
    expect(decide([peer('a')], { slots: 0, seeding: 'round-robin' }).unchoked).toEqual([])
  })

  it('gives a peer that snubs us no slot by merit', () => {
    const rivals = [1, 2, 3, 4].map((rate) => peer(`r${rate}`, { recentDownload: rate }))
    const decision = decide([peer('snub', { snubbed: true, recentDownload: 9e9 }), ...rivals])
    expect(earned(decision)).toEqual(['r2', 'r3', 'r4'])
  })

  it('gives slots that nobody earns to those that snub us, too', () => {
    const peers = ['a', 'b', 'c', 'd', 'e'].map((name) => peer(name, { snubbed: true }))
    expect(decide(peers).unchoked).toHaveLength(4)
  })

  it('keeps the optimistic peer until it is time to rotate, then takes another', () => {
    const peers = [
      peer('a', { recentDownload: 3 }),
      peer('b', { recentDownload: 2 }),
      peer('c', { recentDownload: 1 }),
      peer('held', { optimistic: true, unchoked: true }),
      peer('next'),
    ]
    expect(decide(peers).optimistic).toEqual(['held'])
    expect(decide(peers, { rotate: true }).optimistic).toEqual(['next'])
  })

  const draws = (one: Named, other: Named): number => {
    const random = seededRandom(7)
    let ones = 0
    for (let i = 0; i < 4000; i++) {
      const { optimistic } = decide([one, other], { slots: 1, rotate: true, random })
      if (optimistic[0] === one.name) ones++
    }
    return ones / (4000 - ones)
  }

  it('draws new connections three times as often', () => {
    const ratio = draws(peer('fresh', { connectedAt: NOW - 1_000 }), peer('old'))
    expect(ratio).toBeGreaterThan(2.6)
    expect(ratio).toBeLessThan(3.4)
  })

  it('draws peers that only take a ninth as often, and lets them earn nothing', () => {
    const taker = { uploaded: 2 * MIB, downloaded: 128 * KIB }
    const ratio = draws(peer('fair', { uploaded: 2 * MIB, downloaded: MIB }), peer('taker', taker))
    expect(ratio).toBeGreaterThan(7.5)
    expect(ratio).toBeLessThan(10.5)
    const decision = decide([peer('taker', { ...taker, unchoked: true }), peer('a'), peer('b')])
    expect(earned(decision)).not.toContain('taker')
  })

  it('does not hold it against a peer that it has nothing to give', () => {
    const ratio = draws(peer('fair'), peer('poor', { uploaded: 2 * MIB, interesting: false }))
    expect(ratio).toBeGreaterThan(0.85)
    expect(ratio).toBeLessThan(1.15)
  })

  it('fills all slots when there are few peers', () => {
    expect(decide([peer('a'), peer('b'), peer('c')]).unchoked).toEqual(['a', 'b', 'c'])
  })
})

describe('choking as a seed, each in turn', () => {
  const seeding = 'round-robin'
  const turn = (since: number, sent: number) => ({
    unchoked: true,
    unchokedAt: NOW - since,
    sentSinceUnchoke: sent,
  })
  const waiting = peer('waiting', { waitingSince: NOW - 1 })

  it.each([
    ['too young', 59_000, 64 * MIB, 'holder'],
    ['too little sent', 70_000, 20 * 256 * KIB, 'holder'],
    ['both are enough', 60_000, 20 * 256 * KIB + 1, 'waiting'],
    ['it takes too long', 180_000, 1, 'waiting'],
  ])('a turn: %s', (_, since, sent, expected) => {
    expect(decide([peer('holder', turn(since, sent)), waiting], { slots: 1, seeding }).unchoked).toEqual([
      expected,
    ])
  })

  it('ends for a peer that asks for nothing, when others wait', () => {
    const asleep = peer('asleep', { ...turn(11_000, 0), usedAt: NOW - 11_000 })
    expect(decide([asleep, waiting], { slots: 1, seeding }).unchoked).toEqual(['waiting'])
    expect(decide([asleep], { slots: 1, seeding }).unchoked).toEqual(['asleep'])
  })

  it('serves the peer that waited longest, whatever it gives or when it came', () => {
    const peers = [
      peer('c', { waitingSince: 300, recentDownload: 9e9 }),
      peer('a', { waitingSince: 100 }),
      peer('b', { waitingSince: 200, connectedAt: NOW }),
    ]
    expect(decide(peers, { slots: 2, seeding })).toEqual({ unchoked: ['a', 'b'], optimistic: [] })
  })

  it('serves those last that let their slot lie idle', () => {
    const idle = peer('idle', { idle: true, waitingSince: 1 })
    expect(decide([idle, waiting], { slots: 1, seeding }).unchoked).toEqual(['waiting'])
    expect(decide([idle, waiting], { slots: 2, seeding }).unchoked).toEqual(['idle', 'waiting'])
  })
})

describe('choking as a seed, otherwise', () => {
  it('fastest: serves those that take fastest, and one more', () => {
    const peers = [1, 2, 3, 4].map((rate) => peer(`u${rate}`, { uploadRate: rate, unchoked: true }))
    const decision = decide([...peers, peer('new')], { slots: 3, seeding: 'fastest' })
    expect(earned(decision)).toEqual(['u3', 'u4'])
    expect(decision.optimistic).toHaveLength(1)
  })

  it('anti-leech: prefers the beginning and the end of a download', () => {
    const peers = [0, 0.2, 0.5, 0.7, 0.95].map((progress) => peer(`p${progress}`, { progress }))
    const decision = decide(peers, { slots: 3, seeding: 'anti-leech' })
    expect(earned(decision)).toEqual(['p0', 'p0.95'])
  })

  it('anti-leech: lets a turn run its course', () => {
    const holder = peer('holder', { progress: 0.5, unchoked: true, unchokedAt: NOW - 30_000 })
    const peers = [holder, peer('a'), peer('b'), peer('c')]
    expect(earned(decide(peers, { slots: 2, seeding: 'anti-leech' }))).toEqual(['holder'])
  })
})
