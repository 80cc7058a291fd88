import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../../../src/util/token-bucket.js'

describe('TokenBucket', () => {
  it('gives a burst at once, and then its rate', () => {
    const bucket = new TokenBucket(10, 3, 0)
    expect([1, 2, 3, 4].map(() => bucket.take(1, 0))).toEqual([true, true, true, false])
    expect(bucket.take(1, 99)).toBe(false)
    expect(bucket.take(1, 100)).toBe(true)
    expect(bucket.take(1, 100)).toBe(false)
  })

  it('never holds more than its burst', () => {
    const bucket = new TokenBucket(10, 3, 0)
    expect(bucket.level(3_600_000)).toBe(3)
  })

  it('goes into debt by a charge, and pays it off', () => {
    const bucket = new TokenBucket(1_000, 1_000, 0)
    bucket.charge(3_000, 0)
    expect(bucket.level(0)).toBe(-2_000)
    expect(bucket.availableAt(1, 1_000)).toBe(2_001)
    expect(bucket.take(0, 1_999)).toBe(false)
    expect(bucket.take(1, 2_001)).toBe(true)
  })

  it('tells when there is enough', () => {
    const bucket = new TokenBucket(10, 5, 0)
    expect(bucket.availableAt(5, 7)).toBe(7)
    bucket.charge(5, 0)
    expect(bucket.availableAt(1, 0)).toBe(100)
    expect(bucket.availableAt(6, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(new TokenBucket(0, 0, 0).availableAt(1, 0)).toBe(Number.POSITIVE_INFINITY)
  })

  it('counts nothing without a limit', () => {
    const bucket = new TokenBucket(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0)
    bucket.charge(1e12, 0)
    expect(bucket.level(0)).toBe(Number.POSITIVE_INFINITY)
    expect(bucket.take(1e12, 0)).toBe(true)
    expect(bucket.availableAt(1, 5)).toBe(5)
  })

  it('gains nothing from a clock that goes back', () => {
    const bucket = new TokenBucket(10, 1, 1_000)
    expect(bucket.take(1, 1_000)).toBe(true)
    expect(bucket.take(1, 0)).toBe(false)
    expect(bucket.take(1, 1_099)).toBe(false)
    expect(bucket.take(1, 1_100)).toBe(true)
  })

  it('changes its rate while it runs', () => {
    const bucket = new TokenBucket(10, 10, 0)
    bucket.charge(10, 0)
    bucket.configure(100, 2, 500)
    expect(bucket.level(500)).toBe(2)
    bucket.charge(2, 500)
    expect(bucket.level(510)).toBe(1)
    bucket.configure(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 510)
    expect(bucket.take(1_000, 510)).toBe(true)
    bucket.configure(10, 4, 600)
    expect(bucket.level(600)).toBe(4)
    expect(bucket.level(550)).toBe(4)
  })
})
