import { describe, expect, it } from 'vitest'
import { Bans } from '../../../../src/torrent/peers/bans.js'

const HOUR = 3_600_000
const at = (host: string, port = 6881) => ({ host, port })

describe('Bans', () => {
  it('ban a host with all its ports until they expire', () => {
    const bans = new Bans()
    bans.add('10.0.0.1', 1000, 'user', 500)
    expect(bans.has(at('10.0.0.1', 1), 1499)).toBe(true)
    expect(bans.until(at('10.0.0.1'))).toBe(1500)
    expect(bans.has(at('10.0.0.1', 1), 1500)).toBe(false)
    expect(bans.has(at('10.0.0.2', 1), 500)).toBe(false)
    expect(bans.list(600)).toEqual([{ address: '10.0.0.1', reason: 'user', remaining: 900 }])
    expect(bans.list(1500)).toEqual([])
    expect(bans.size).toBe(0)
  })

  it.each([
    ['10.0.0.1', '::ffff:10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]:80', '2001:db8::1'],
    ['10.0.0.1:80', '10.0.0.1'],
  ])('take %s and %s for the same host', (banned, met) => {
    const bans = new Bans()
    bans.add(banned, Number.POSITIVE_INFINITY, 'user', 0)
    expect(bans.has(at(met), 1e15)).toBe(true)
    expect(bans.list(0)[0]?.remaining).toBe(Number.POSITIVE_INFINITY)
    expect(bans.remove(banned)).toBe(true)
    expect(bans.has(at(met), 0)).toBe(false)
    expect(bans.remove(banned)).toBe(false)
  })

  it('tell the ports of loopback addresses apart, unless the user bans the address', () => {
    const bans = new Bans()
    for (const host of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) bans.ban(at(host, 7), 'x', 0)
    expect(bans.list(0).map(({ address }) => address)).toEqual(['[::1]:7', '127.0.0.1:7'])
    expect(bans.has(at('127.0.0.1', 7), 0)).toBe(true)
    expect(bans.has(at('127.0.0.1', 8), 0)).toBe(false)
    expect(bans.remove('127.0.0.1:7')).toBe(true)
    bans.add('127.0.0.1', 1, 'user', 0)
    expect(bans.has(at('127.0.0.1', 8), 0)).toBe(true)
  })

  it.each(['example.org', 'example.org:80', '10.0.0.1:0', '10.0.0.1:70000', '', '10.0.0.256'])(
    'refuse %s as an address',
    (text) => {
      expect(() => new Bans().add(text, 1, 'user', 0)).toThrow(RangeError)
      expect(() => new Bans().remove(text)).toThrow(RangeError)
    },
  )

  it.each([0, -1, Number.NaN])('refuse %s as a duration', (duration) => {
    expect(() => new Bans().add('10.0.0.1', duration, 'user', 0)).toThrow(RangeError)
  })

  it('come never for a deep queue of requests: rtorrent keeps thousands open', () => {
    const bans = new Bans()
    for (let i = 0; i < 10; i++) expect(bans.closed(at('10.0.0.1'), 'wire/request-flood', i)).toBe(false)
    expect(bans.size).toBe(0)
  })

  it('come for a flood at once and for other violations at the fourth within an hour', () => {
    const bans = new Bans()
    expect(bans.closed(at('10.0.0.1'), 'wire/send-queue-full', 0)).toBe(true)
    expect(bans.has(at('10.0.0.1'), HOUR - 1)).toBe(true)
    expect(bans.has(at('10.0.0.1'), HOUR)).toBe(false)
    const strikes = [0, 1, 2, 3].map((time) => bans.closed(at('10.0.0.2', time), 'wire/bad-have', time))
    expect(strikes).toEqual([false, false, false, true])
    const slow = [0, 1, 2, HOUR].map((time) => bans.closed(at('10.0.0.3'), 'wire/bad-have', time))
    expect(slow).toEqual([false, false, false, false])
    for (let i = 0; i < 10; i++) expect(bans.closed(at('10.0.0.4'), 'net/ended', i)).toBe(false)
  })

  it('tell when there is one more', () => {
    let told = 0
    const bans = new Bans(() => told++)
    bans.ban(at('10.0.0.1'), 'x', 0)
    bans.add('10.0.0.2', 1, 'user', 0)
    bans.closed(at('10.0.0.3'), 'wire/bad-have', 0)
    expect(told).toBe(2)
  })

  it('stay within bounds, and a botnet does not push out what the user banned', () => {
    const bans = new Bans()
    bans.add('9.9.9.9', HOUR, 'user', 0)
    for (let i = 0; i < 20_000; i++) {
      const host = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      bans.closed(at(host), 'wire/bad-have', 0)
      bans.ban(at(host), 'x', 0)
    }
    expect(bans.size).toBe(10_001)
    expect(bans.has(at('9.9.9.9'), 0)).toBe(true)
    expect(bans.has(at('10.0.0.0'), 0)).toBe(false)
    expect(bans.has(at('10.0.78.31'), 0)).toBe(true)
  })
})
