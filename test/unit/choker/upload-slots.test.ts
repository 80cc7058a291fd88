import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type SlotClaim, UploadSlots } from '../../../src/choker/upload-slots.js'

/** Each takes what it may, a few seconds long. */
function settle(claims: readonly SlotClaim[], demands: readonly number[], start: number): number[] {
  for (let now = start; now < start + 8_000; now += 2_000) {
    for (const [i, claim] of claims.entries()) {
      claim.set(claim.used, demands[i] as number)
      claim.set(Math.min(demands[i] as number, claim.available(now)), demands[i] as number)
    }
  }
  return claims.map((claim) => claim.used)
}

describe('UploadSlots', () => {
  it('give every torrent what it wants where they suffice', () => {
    const slots = new UploadSlots(20)
    const claims = [slots.claim(8), slots.claim(8), slots.claim(8)]
    expect(settle(claims, [3, 20, 1], 0)).toEqual([3, 8, 1])
    expect(slots.used).toBe(12)
  })

  it('give all the same where they do not', () => {
    const slots = new UploadSlots(12)
    const claims = [slots.claim(8), slots.claim(8), slots.claim(8)]
    expect(settle(claims, [20, 20, 2], 0)).toEqual([5, 5, 2])
  })

  it('take back from those that have more when others come', () => {
    const slots = new UploadSlots(8)
    const [first, second] = [slots.claim(8), slots.claim(8)]
    expect(settle([first], [20], 0)).toEqual([8])
    second.set(0, 20)
    expect(second.available(2_000)).toBe(0)
    expect(first.available(2_000)).toBe(4)
    first.set(4, 20)
    expect(second.available(2_000)).toBe(4)
    first.set(0, 0)
    expect(second.available(4_000)).toBe(8)
  })

  it('let what does not divide go round', () => {
    const slots = new UploadSlots(2)
    const claims = Array.from({ length: 5 }, () => slots.claim(8))
    const sums = new Array<number>(5).fill(0)
    for (let minute = 0; minute < 50; minute++) {
      for (const claim of claims) claim.set(claim.used, 9)
      // Claims that have to give up do so first.
      for (const claim of claims) claim.set(Math.min(claim.used, claim.available(minute * 60_000)), 9)
      for (const claim of claims) claim.set(claim.available(minute * 60_000), 9)
      expect(slots.used).toBe(2)
      for (const [i, claim] of claims.entries()) sums[i] = (sums[i] as number) + claim.used
    }
    expect(sums).toEqual([20, 20, 20, 20, 20])
  })

  it('are never exceeded, and max-min fair once settled', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 20 })), {
          minLength: 1,
          maxLength: 10,
        }),
        (max, torrents) => {
          const slots = new UploadSlots(max)
          const claims = torrents.map(([most]) => slots.claim(most))
          const wants = torrents.map(([most, demand]) => Math.min(most, demand))
          for (const [i, claim] of claims.entries()) claim.set(0, torrents[i]?.[1] as number)
          const used = settle(claims, wants, 5_000)
          const sum = used.reduce((all, one) => all + one, 0)
          expect(sum).toBe(
            Math.min(
              max,
              wants.reduce((all, one) => all + one, 0),
            ),
          )
          expect(slots.used).toBe(sum)
          // A claim that goes short has no less than any other, but for the one slot that goes round.
          const short = used.filter((own, i) => own < (wants[i] as number))
          if (short.length > 0) expect(Math.max(...used) - Math.min(...short)).toBeLessThanOrEqual(1)
        },
      ),
    )
  })
})
