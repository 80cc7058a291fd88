import { describe, expect, it } from 'vitest'
import { BLOCK, RateLimiter, UNVERIFIED_FACTOR, WINDOW } from '../../../src/dht/rate-limiter.js'
import { seededRandom } from '../../support/random.js'

const none = Number.POSITIVE_INFINITY
const at = (host: string, port = 6881) => ({ host, port })

describe('rate limiter', () => {
  it('blocks an address for five minutes at its 51st query in ten seconds', () => {
    const limiter = new RateLimiter({}, seededRandom(1), 0)
    for (let i = 0; i < 50; i++) expect(limiter.admit(at('10.0.0.1', i + 1), i * 100)).toBe(true)
    expect(limiter.admit(at('10.0.0.1'), 5_000)).toBe(false)
    expect(limiter.admit(at('10.0.0.2'), 5_000)).toBe(true)
    expect(limiter.admit(at('10.0.0.1'), 5_000 + WINDOW)).toBe(false)
    expect(limiter.admit(at('10.0.0.1'), 5_000 + BLOCK - 1)).toBe(false)
    expect(limiter.admit(at('10.0.0.1'), 5_000 + BLOCK)).toBe(true)
    expect(limiter.refused).toBe(3)
  })

  it('lets five queries a second go on for ever', () => {
    const limiter = new RateLimiter({}, seededRandom(2), 0)
    for (let i = 0; i < 2_000; i++) expect(limiter.admit(at('10.0.0.1'), i * 200)).toBe(true)
  })

  it('counts an IPv6 network of 64 bits as one', () => {
    const limiter = new RateLimiter({}, seededRandom(3), 0)
    const admitted = Array.from({ length: 200 }, (_, i) =>
      limiter.admit(at(`2001:db8:1:2:${i.toString(16)}:1:1:1`), 0),
    )
    expect(admitted.filter(Boolean).length).toBe(50)
    expect(limiter.admit(at('2001:db8:1:3::1'), 0)).toBe(true)
  })

  it('keeps nobody out on loopback', () => {
    const limiter = new RateLimiter({ queriesPerSecond: none }, seededRandom(4), 0)
    for (let i = 0; i < 1_000; i++) expect(limiter.admit(at('127.0.0.1'), 0)).toBe(true)
    for (let i = 0; i < 1_000; i++) expect(limiter.admit(at('::1'), 0)).toBe(true)
  })

  it('answers so many a second in total', () => {
    const limiter = new RateLimiter({ queriesPerSecond: 100 }, seededRandom(5), 0)
    const admitted = (now: number) =>
      Array.from({ length: 1_000 }, (_, i) => limiter.admit(at(`10.${i >> 8}.${i & 255}.1`), now)).filter(
        Boolean,
      ).length
    expect(admitted(0)).toBe(300)
    expect(admitted(1_000)).toBe(100)
  })

  it('does not let ten thousand forged addresses wash out a blocked one', () => {
    const limiter = new RateLimiter({ queriesPerSecond: none }, seededRandom(6), 0)
    for (let i = 0; i <= 50; i++) limiter.admit(at('66.66.66.66'), 0)
    let random = 1
    for (let i = 0; i < 10_000; i++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
      limiter.admit(
        at(`${(random >>> 24) + 1}.${(random >>> 16) & 255}.${(random >>> 8) & 255}.${i & 255}`),
        i,
      )
    }
    expect(limiter.admit(at('66.66.66.66'), 10_001)).toBe(false)
  })

  it('gives strangers a few times what they sent, and acquaintances more', () => {
    const limiter = new RateLimiter({}, seededRandom(7), 0)
    expect(limiter.allowance(at('10.0.0.1'), 100, false, 0)).toBe(100 * UNVERIFIED_FACTOR)
    expect(limiter.allowance(at('10.0.0.1'), 100, true, 0)).toBe(9_000)
  })

  it('sends one address no more than its share', () => {
    const limiter = new RateLimiter({}, seededRandom(8), 0)
    let sent = 0
    for (let now = 0; now <= 60_000; now += 10) {
      const size = Math.min(1_000, limiter.allowance(at('10.0.0.1'), 100, true, now))
      limiter.sent(at('10.0.0.1'), size, now)
      sent += size
    }
    expect(sent).toBeLessThanOrEqual(9_000 + 60 * 3_000 + 1_000)
    expect(sent).toBeGreaterThan(60 * 3_000)
    expect(limiter.allowance(at('10.0.0.2'), 100, true, 60_000)).toBeGreaterThan(1_000)
  })

  it('sends all together no more than its limit', () => {
    const limiter = new RateLimiter({ bytesPerSecond: 10_000 }, seededRandom(9), 0)
    let sent = 0
    for (let i = 0; i < 6_000; i++) {
      const to = at(`10.${i >> 8}.${i & 255}.1`)
      const size = Math.min(500, limiter.allowance(to, 1_000, true, i * 10))
      limiter.sent(to, size, i * 10)
      sent += size
    }
    expect(sent).toBeLessThanOrEqual(30_000 + 60 * 10_000 + 500)
    expect(sent).toBeGreaterThan(590_000)
  })

  it('can be without limits, and survives a clock that jumps back', () => {
    const limits = {
      queriesPerWindow: none,
      queriesPerSecond: none,
      bytesPerAddress: none,
      bytesPerSecond: none,
    }
    const free = new RateLimiter(limits, seededRandom(10), 0)
    for (let i = 0; i < 1_000; i++) {
      expect(free.admit(at('10.0.0.1'), 0)).toBe(true)
      free.sent(at('10.0.0.1'), 1_000, 0)
    }
    expect(free.allowance(at('10.0.0.1'), 1, true, 0)).toBe(none)
    const limiter = new RateLimiter({}, seededRandom(11), 1e9)
    for (let i = 0; i < 40; i++) expect(limiter.admit(at('10.0.0.1'), 1e9 - i * 1e5)).toBe(true)
    expect(limiter.allowance(at('10.0.0.1'), 100, false, 0)).toBe(400)
  })
})
