import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  fromLatin1,
  readU16,
  readU32,
  toHex,
  toLatin1,
  writeU16,
  writeU32,
} from '../../../src/util/bytes.js'
import { errorCode, errorMessage, RarestError } from '../../../src/util/errors.js'
import { below, shuffle } from '../../../src/util/random.js'
import { seededRandom } from '../../support/random.js'

const bytes = fc.uint8Array({ maxLength: 9_000 })

describe('bytes', () => {
  it('round-trip through hex and latin1', () => {
    fc.assert(
      fc.property(bytes, (any) => {
        expect(toHex(any)).toBe(Buffer.from(any).toString('hex'))
        expect(Buffer.from(fromHex(toHex(any)) ?? []).equals(any)).toBe(true)
        expect(Buffer.from(fromLatin1(toLatin1(any))).equals(any)).toBe(true)
      }),
    )
    expect(fromHex('0')).toBeUndefined()
    expect(fromHex('0g')).toBeUndefined()
  })

  it('compare as unsigned bytes, a prefix first', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
        expect(Buffer.from(concatBytes(a, b)).equals(Buffer.concat([a, b]))).toBe(true)
      }),
    )
  })

  it('hold big-endian integers', () => {
    const memory = new Uint8Array(6)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        writeU32(memory, 1, value)
        expect(readU32(memory, 1)).toBe(value)
        writeU16(memory, 3, value)
        expect(readU16(memory, 3)).toBe(value & 0xffff)
      }),
    )
  })
})

describe('random numbers', () => {
  it('stay below their bound and shuffle without loss', () => {
    const random = seededRandom(5)
    const seen = new Set(Array.from({ length: 1_000 }, () => below(random, 7)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
    const deck = Array.from({ length: 50 }, (_, i) => i)
    const shuffled = shuffle(random, [...deck])
    expect(shuffled).not.toEqual(deck)
    expect(shuffled.sort((a, b) => a - b)).toEqual(deck)
  })
})

describe('errors', () => {
  it('have a code and a sentence, whatever was thrown', () => {
    expect(errorCode(new RarestError('wire/idle', 'no'))).toBe('wire/idle')
    expect(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
    for (const thrown of [new Error('x'), 'x', undefined, null, { code: 7 }])
      expect(errorCode(thrown)).toBe('internal')
    expect(errorMessage(new Error('sentence'))).toBe('sentence')
    expect(errorMessage('text')).toBe('text')
  })
})
