import { describe, expect, it } from 'vitest'
import { type Candidate, chokeRound } from '../../../src/torrent/choker.js'
import { seededRandom } from '../../support/random.js'

interface Named extends Candidate {
  readonly name: string
}

function peer(name: string, traits: Partial<Candidate> = {}): Named {
  return {
    name,
    interested: true,
    unchoked: false,
    snubbed: false,
    downloadRate: 0,
    uploadRate: 0,
    sentSinceUnchoke: 0,
    unchokedAt: 0,
    connectedAt: 0,
    optimistic: false,
    seed: false,
    ...traits,
  }
}

function decide(
  candidates: Named[],
  round: { slots?: number; seeding?: boolean; rotate?: boolean; now?: number } = {},
) {
  const decision = chokeRound({
    slots: 4,
    seeding: false,
    rotate: false,
    now: 1_000_000,
    random: seededRandom(1),
    candidates,
    ...round,
  })
  return {
    unchoked: [...decision.unchoke].map((candidate) => candidate.name).sort(),
    optimistic: decision.optimistic?.name,
  }
}

describe('choking as a leecher', () => {
  it('unchokes the fastest uploaders and one more', () => {
    const peers = [1, 2, 3, 4, 5, 6].map((rate) => peer(`r${rate}`, { downloadRate: rate * 1000 }))
    const { unchoked, optimistic } = decide(peers)
    expect(unchoked).toHaveLength(4)
    expect(unchoked).toEqual(expect.arrayContaining(['r4', 'r5', 'r6']))
    expect(['r1', 'r2', 'r3']).toContain(optimistic)
  })

  it('gives nothing to peers that want nothing or have everything', () => {
    const { unchoked } = decide([
      peer('bored', { interested: false, downloadRate: 9e9 }),
      peer('seed', { seed: true, downloadRate: 9e9 }),
      peer('wants'),
    ])
    expect(unchoked).toEqual(['wants'])
  })

  it('gives a peer that snubs us no slot by merit', () => {
    const rivals = [1, 2, 3, 4].map((rate) => peer(`r${rate}`, { downloadRate: rate }))
    const { unchoked, optimistic } = decide([peer('snub', { snubbed: true, downloadRate: 9e9 }), ...rivals])
    expect(unchoked.filter((name) => name !== optimistic)).toEqual(['r2', 'r3', 'r4'])
  })

  it('keeps the optimistic peer until it is time to rotate, then takes another', () => {
    const peers = [
      peer('a', { downloadRate: 3 }),
      peer('b', { downloadRate: 2 }),
      peer('c', { downloadRate: 1 }),
      peer('held', { optimistic: true, unchoked: true }),
      peer('next'),
    ]
    expect(decide(peers).optimistic).toBe('held')
    expect(decide(peers, { rotate: true }).optimistic).toBe('next')
  })

  it('draws new connections three times as often', () => {
    const counts = { fresh: 0, old: 0 }
    const random = seededRandom(7)
    for (let i = 0; i < 4000; i++) {
      const { optimistic } = chokeRound({
        slots: 1,
        seeding: false,
        rotate: true,
        now: 1_000_000,
        random,
        candidates: [peer('fresh', { connectedAt: 999_000 }), peer('old')],
      })
      counts[optimistic?.name as 'fresh' | 'old']++
    }
    expect(counts.fresh / counts.old).toBeGreaterThan(2.6)
    expect(counts.fresh / counts.old).toBeLessThan(3.4)
  })

  it('fills all slots when there are few peers', () => {
    expect(decide([peer('a'), peer('b'), peer('c')]).unchoked).toEqual(['a', 'b', 'c'])
  })
})

describe('choking as a seed', () => {
  it('lets a turn run its course and then serves whoever waited longest', () => {
    const now = 1_000_000
    const serving = peer('serving', { unchoked: true, unchokedAt: now - 5_000, sentSinceUnchoke: 1 })
    const served = peer('served', {
      unchoked: true,
      unchokedAt: now - 60_000,
      sentSinceUnchoke: 64 * 1024 * 1024,
    })
    const waiting = peer('waiting', { unchokedAt: now - 200_000 })
    const { unchoked } = decide([served, serving, waiting], { slots: 2, seeding: true, now })
    expect(unchoked).toContain('serving')
    const regular = decide([served, serving, waiting], { slots: 3, seeding: true, now })
    expect(regular.unchoked.filter((name) => name !== regular.optimistic)).toEqual(['serving', 'waiting'])
  })
})
