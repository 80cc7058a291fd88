import { expect, it } from 'vitest'
import { AddressLimit } from '../../../src/tracker/rate-limit.js'

it('refills slowly, up to the burst', () => {
  const limit = new AddressLimit(10, 3)
  const taken = (now: number, cost = 1) => limit.take('10.0.0.1', cost, now)
  expect([taken(0), taken(0), taken(0), taken(0)]).toEqual([true, true, true, false])
  expect([taken(100), taken(100)]).toEqual([true, false])
  expect([taken(100_000, 3), taken(100_000)]).toEqual([true, false])
  expect(taken(1_000_000, 4)).toBe(false)
})

it('remembers a bounded number of addresses, those seen last', () => {
  const limit = new AddressLimit(1, 1)
  const host = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
  for (let i = 0; i < 65_536; i++) expect(limit.take(host(i), 1, 0)).toBe(true)
  expect(limit.take(host(0), 1, 0)).toBe(false)
  // One more address: the one unseen for longest is forgotten, and begins anew.
  expect(limit.take(host(65_536), 1, 0)).toBe(true)
  expect(limit.take(host(0), 1, 0)).toBe(false)
  expect(limit.take(host(2), 1, 0)).toBe(false)
  expect(limit.take(host(1), 1, 0)).toBe(true)
})

it('lets everything through without a limit', () => {
  const limit = new AddressLimit(Number.POSITIVE_INFINITY, 0)
  for (let i = 0; i < 10; i++) expect(limit.take('10.0.0.1', 1, 0)).toBe(true)
})

it('judges what is no address by its text', () => {
  const limit = new AddressLimit(1, 1)
  expect(['a:b', 'a:b', 'a:c'].map((host) => limit.take(host, 1, 0))).toEqual([true, false, true])
})
