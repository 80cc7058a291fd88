import { describe, expect, it } from 'vitest'
import { hashBytes, infoHashBytes, swarmKey } from '../../../src/metainfo/infohash.js'

const HEX = '0123456789abcdef0123456789ABCDEF01234567'
const BYTES = Uint8Array.from(Buffer.from(HEX, 'hex'))

describe('an infohash of a user', () => {
  it.each([
    ['hex in any case', HEX, BYTES],
    ['bytes', BYTES, BYTES],
    ['a Buffer', Buffer.from(BYTES), BYTES],
    ['an ArrayBuffer', BYTES.buffer, BYTES],
    ['64 digits', 'aB'.repeat(32), new Uint8Array(32).fill(0xab)],
    ['32 bytes', new Uint8Array(32).fill(0xab), new Uint8Array(32).fill(0xab)],
  ])('may be %s', (_, value, expected) => {
    expect(infoHashBytes('infoHash', value)).toEqual(expected)
    expect(swarmKey('infoHash', value)).toEqual(expected.subarray(0, 20))
  })

  it('is a copy: what the user does with the bytes afterwards changes nothing', () => {
    const given = BYTES.slice()
    const held = infoHashBytes('infoHash', given)
    given.fill(0)
    expect(held).toEqual(BYTES)
  })

  it.each([
    ['', RangeError, 'must be 40 or 64 hex digits or 20 or 32 bytes, got ""'],
    ['0123', RangeError, 'got "0123"'],
    ['g'.repeat(40), RangeError, 'got "ggg'],
    ['a'.repeat(1_000_000), RangeError, `got "${'a'.repeat(80)}..."`],
    [new Uint8Array(21), RangeError, 'got 21 bytes'],
    [undefined, TypeError, 'got undefined'],
    [null, TypeError, 'got null'],
    [7, TypeError, 'got number'],
    [new Float64Array(20), TypeError, 'got object'],
  ])('is refused when it is %.40s', (value, kind, message) => {
    const attempt = (): Uint8Array => infoHashBytes('hash', value as never)
    expect(attempt).toThrow(kind)
    expect(attempt).toThrow(/^hash must be /)
    expect(attempt).toThrow(message)
  })

  it('names the lengths that other hashes have', () => {
    expect(() => hashBytes('target', 'ab', [20])).toThrow(
      'target must be 40 hex digits or 20 bytes, got "ab"',
    )
  })
})
