import { describe, expect, it } from 'vitest'
import { asBigInt, asBytes, asDict, asInteger, asList, asText, decode } from '../../../src/bencode/index.js'
import { utf8 } from '../../../src/util/bytes.js'

const values = ['i7e', 'i99999999999999999999e', '3:\u00e4b', 'le', 'de'].map((text) => decode(utf8(text)))
const all = [...values, undefined]

describe('typed access', () => {
  it('gives each type to its own reader only', () => {
    expect(all.map(asInteger)).toEqual([7, undefined, undefined, undefined, undefined, undefined])
    expect(all.map(asBigInt)).toEqual([
      7n,
      99_999_999_999_999_999_999n,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(all.map(asBytes)).toEqual([undefined, undefined, utf8('äb'), undefined, undefined, undefined])
    expect(all.map(asText)).toEqual([undefined, undefined, 'äb', undefined, undefined, undefined])
    expect(all.map(asList)).toEqual([undefined, undefined, undefined, [], undefined, undefined])
    expect(all.map(asDict)).toEqual([undefined, undefined, undefined, undefined, new Map(), undefined])
  })

  it('replaces malformed UTF-8 and keeps a byte order mark', () => {
    expect(asText(Uint8Array.of(0x61, 0xff))).toBe('a\ufffd')
    expect(asText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
  })
})
