import { expect, it } from 'vitest'
import { nextDepth } from '../../../../src/torrent/download/request-depth.js'

it('leaves half a second of a rate on order', () => {
  expect(nextDepth(500, 1_600 * 1024, 4, 500)).toBe(54)
})

it('never grows on its own, and never falls below four', () => {
  expect(nextDepth(8, 1e9, 4, 500)).toBe(8)
  expect(nextDepth(100, 0, 4, 500)).toBe(4)
})

it('keeps to the cap', () => {
  expect(nextDepth(900, 1e9, 4, 500)).toBe(500)
})

it('leaves a source of ranges as much as one range', () => {
  expect(nextDepth(64, 0, 64, 500)).toBe(64)
  expect(nextDepth(8, 0, 64, 500)).toBe(64)
})
