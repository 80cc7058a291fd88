import { describe, expect, it } from 'vitest'
import { Rate } from '../../../src/util/rate.js'

describe('Rate', () => {
  it('is zero before anything came', () => {
    expect(new Rate().at(1_000)).toBe(0)
  })

  it('reads a steady flow, from soon after its start on', () => {
    const rate = new Rate(5_000)
    for (let now = 100_000; now <= 120_000; now += 100) {
      rate.add(1_000, now)
      if (now >= 101_000) expect(rate.at(now)).toBeGreaterThan(8_900)
      if (now >= 101_000) expect(rate.at(now)).toBeLessThan(11_600)
    }
    expect(rate.total).toBe(201_000)
  })

  it('forgets what is older than its window', () => {
    const rate = new Rate(5_000)
    rate.add(1_000_000, 0)
    expect(rate.at(2_000)).toBeGreaterThan(0)
    expect(rate.at(10_000)).toBe(0)
    rate.add(500, 1e9)
    expect(rate.at(1e9)).toBeLessThanOrEqual(1_000)
    expect(rate.total).toBe(1_000_500)
  })
})
