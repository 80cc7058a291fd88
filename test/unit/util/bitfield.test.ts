import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bitfield } from '../../../src/util/bitfield.js'

describe('Bitfield', () => {
  it('looks for the next member up to an end', () => {
    const set = new Bitfield(100)
    set.add(20)
    set.add(99)
    expect([set.next(0, 20), set.next(0, 21), set.next(20, 21), set.next(21, 99), set.next(21)]).toEqual([
      -1, 20, 20, -1, 99,
    ])
    expect([set.next(5, 5), set.next(21, 1000), set.next(100)]).toEqual([-1, 99, -1])
  })

  it('has the bit order of the wire', () => {
    const set = new Bitfield(10)
    set.add(0)
    set.add(9)
    expect([...set.bytes]).toEqual([0x80, 0x40])
  })

  it('parses exactly the right length with clear spare bits', () => {
    expect(Bitfield.parse(Uint8Array.of(0x80, 0x40), 10)?.count).toBe(2)
    expect(Bitfield.parse(Uint8Array.of(0x80, 0x20), 10)).toBeUndefined()
    expect(Bitfield.parse(Uint8Array.of(0x80), 10)).toBeUndefined()
    expect(Bitfield.parse(Uint8Array.of(0x80, 0x40, 0), 10)).toBeUndefined()
    expect(Bitfield.parse(new Uint8Array(0), 0)?.isFull).toBe(true)
  })

  it('copies what it parses', () => {
    const bytes = Uint8Array.of(0xff)
    const set = Bitfield.parse(bytes, 8)
    bytes[0] = 0
    expect(set?.isFull).toBe(true)
  })

  it('throws outside of its length and answers false there', () => {
    const set = Bitfield.full(9)
    expect(set.has(9)).toBe(false)
    expect(set.has(2 ** 32)).toBe(false)
    for (const index of [-1, 9, 2 ** 32, Number.NaN]) {
      expect(() => set.add(index)).toThrow(RangeError)
      expect(() => set.delete(index)).toThrow(RangeError)
    }
  })

  it('does what a set does', () => {
    const step = fc.tuple(fc.constantFrom('add', 'delete', 'next', 'missing'), fc.nat(40))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 60 }), (length, steps) => {
        const set = new Bitfield(length)
        const model = new Set<number>()
        for (const [kind, any] of steps) {
          const index = any % length
          if (kind === 'add') expect(set.add(index)).toBe(!model.has(index) && !!model.add(index))
          else if (kind === 'delete') expect(set.delete(index)).toBe(model.delete(index))
          else {
            const wanted = kind === 'next'
            let expected = -1
            for (let i = length - 1; i >= index; i--) if (model.has(i) === wanted) expected = i
            expect(wanted ? set.next(index) : set.nextMissing(index)).toBe(expected)
          }
          expect(set.count).toBe(model.size)
          expect(set.isEmpty).toBe(model.size === 0)
          expect(set.isFull).toBe(model.size === length)
        }
        expect([...set]).toEqual([...model].sort((a, b) => a - b))
        expect([...(Bitfield.parse(set.bytes, length) ?? [])]).toEqual([...set])
        const copy = set.clone()
        copy.add(0)
        expect(copy.count).toBe(new Set([...model, 0]).size)
        expect(set.count).toBe(model.size)
      }),
    )
  })
})
