import { describe, expect, it } from 'vitest'
import {
  type BencodeValue,
  type DecodeOptions,
  decode,
  decodePrefix,
  encode,
  tryDecode,
  tryDecodePrefix,
} from '../../../src/bencode/index.js'
import { fromLatin1, utf8 } from '../../../src/util/bytes.js'
import type { ProtocolError } from '../../../src/util/errors.js'

const dict = (entries: Record<string, BencodeValue>): Map<string, BencodeValue> =>
  new Map(Object.entries(entries))

const valid: readonly (readonly [string, BencodeValue])[] = [
  ['0:', utf8('')],
  ['10:0123456789', utf8('0123456789')],
  ['i0e', 0],
  ['i9007199254740991e', Number.MAX_SAFE_INTEGER],
  ['i-9007199254740991e', Number.MIN_SAFE_INTEGER],
  ['i9007199254740992e', 9_007_199_254_740_992n],
  ['i-9007199254740993e', -9_007_199_254_740_993n],
  ['i999999999999999e', 999_999_999_999_999],
  ['i1000000000000000e', 1_000_000_000_000_000],
  ['i18446744073709551615e', 18_446_744_073_709_551_615n],
  ['le', []],
  ['lli1eeli2eee', [[1], [2]]],
  ['de', new Map()],
  ['d0:i1e1:ai2e2:aai3e1:bi4ee', dict({ '': 1, a: 2, aa: 3, b: 4 })],
  ['d1:\x7fi1e1:\x80i2e1:\xffi3ee', dict({ '\x7f': 1, '\x80': 2, '\xff': 3 })],
  ['d9:__proto__i1e11:constructori2ee', dict({ ['__proto__']: 1, constructor: 2 })],
  [
    'd10:0123456789i1e26:a key longer than the restlee',
    dict({ '0123456789': 1, 'a key longer than the rest': [] }),
  ],
]

const invalid: readonly (readonly [string, string, number, DecodeOptions?])[] = [
  ['', 'unexpected-end', 0],
  ['i1ei2e', 'trailing-bytes', 3],
  ['4:spam\n', 'trailing-bytes', 6],
  ['e', 'unknown-type', 0],
  [' i1e', 'unknown-type', 0],
  ['-1:a', 'unknown-type', 0],
  ['+1:a', 'unknown-type', 0],
  ['l\x00e', 'unknown-type', 1],
  ['ie', 'invalid-integer', 1],
  ['i-e', 'invalid-integer', 2],
  ['i-0e', 'invalid-integer', 2],
  ['i-01e', 'invalid-integer', 2],
  ['i00e', 'invalid-integer', 1],
  ['i03e', 'invalid-integer', 1],
  ['i+3e', 'invalid-integer', 1],
  ['i 3e', 'invalid-integer', 1],
  ['i3 e', 'invalid-integer', 2],
  ['i1.5e', 'invalid-integer', 2],
  ['i1-e', 'invalid-integer', 2],
  ['i--1e', 'invalid-integer', 2],
  ['i1', 'unexpected-end', 2],
  ['i12345e', 'integer-too-long', 0, { maxDigits: 4 }],
  ['i-12345e', 'integer-too-long', 0, { maxDigits: 4 }],
  ['04:spam', 'invalid-length', 0],
  ['00:', 'invalid-length', 0],
  ['4spam', 'invalid-length', 1],
  ['1-:a', 'invalid-length', 1],
  ['4', 'unexpected-end', 1],
  ['4:spa', 'string-past-end', 0],
  ['l6:spame', 'string-past-end', 1],
  ['99999999999999999999999999:a', 'string-past-end', 0],
  ['d99999999999999999999:ae', 'string-past-end', 1],
  ['d9:ae', 'string-past-end', 1],
  ['l', 'unexpected-end', 1],
  ['li1e', 'unexpected-end', 4],
  ['d', 'unexpected-end', 1],
  ['d1:a', 'unexpected-end', 4],
  ['d1:ai1e', 'unexpected-end', 7],
  ['di1ei2ee', 'key-not-string', 1],
  ['dlei2ee', 'key-not-string', 1],
  ['d-3:i1ee', 'key-not-string', 1],
  ['d04:spami1ee', 'invalid-length', 1],
  ['d1:ae', 'missing-value', 4],
  ['d1:bi1e1:ai2ee', 'unsorted-key', 7],
  ['d2:aai1e1:ai2ee', 'unsorted-key', 8],
  ['d1:\x80i1e1:\x7fi2ee', 'unsorted-key', 7],
  ['d1:ai1e1:ai2ee', 'duplicate-key', 7],
  ['d1:bi1e1:ai2e1:bi3ee', 'duplicate-key', 13, { unsortedKeys: true }],
  ['d1:ci1e1:bi2e1:bi3ee', 'duplicate-key', 13, { unsortedKeys: true }],
  ['d1:ci1e1:ai2e1:bi3e1:ai4ee', 'duplicate-key', 19, { unsortedKeys: true }],
  ['d1:ad1:bi1e1:ai2eee', 'unsorted-key', 11],
  [`${'l'.repeat(101)}${'e'.repeat(101)}`, 'too-deep', 100],
  ['d1:ad1:ad1:aleeee', 'too-deep', 8, { maxDepth: 2 }],
  ['li1ei2ee', 'too-many-tokens', 4, { maxTokens: 2 }],
  ['d1:ai2ee', 'too-many-tokens', 1, { maxTokens: 1 }],
  ['4:spam', 'too-long', 5, { maxLength: 5 }],
]

function failure(read: () => unknown): ProtocolError {
  try {
    read()
  } catch (error) {
    return error as ProtocolError
  }
  throw new Error('nothing was thrown')
}

describe('decode', () => {
  it.each(valid)('reads %j', (text, value) => {
    expect(decode(fromLatin1(text))).toEqual(value)
    expect(tryDecode(fromLatin1(text))).toEqual({ ok: true, value })
    expect(encode(decode(fromLatin1(text)))).toEqual(fromLatin1(text))
  })

  it.each(valid)('finds every proper prefix of %j too short', (text) => {
    const bytes = fromLatin1(text)
    for (let length = 0; length < bytes.length; length++) {
      const { code } = failure(() => decode(bytes.subarray(0, length)))
      expect(['bencode/unexpected-end', 'bencode/string-past-end']).toContain(code)
    }
  })

  it.each(invalid.map(([text, kind, offset, options]) => ({ text, kind, offset, options })))(
    'refuses $text as $kind at $offset',
    ({ text, kind, offset, options }) => {
      const error = failure(() => decode(fromLatin1(text), options))
      expect(error).toMatchObject({ name: 'ProtocolError', code: `bencode/${kind}`, offset, fault: 'remote' })
      expect(tryDecode(fromLatin1(text), options)).toMatchObject({
        ok: false,
        error: { code: error.code, offset },
      })
    },
  )

  it('accepts unsorted keys on request, at every level, in their order', () => {
    const bytes = utf8('d1:bi1e1:ad1:di2e1:ci3ee1:ci4ee')
    const value = decode(bytes, { unsortedKeys: true }) as Map<string, BencodeValue>
    expect([...value.keys()]).toEqual(['b', 'a', 'c'])
    expect(encode(value)).toEqual(utf8('d1:ad1:ci3e1:di2ee1:bi1e1:ci4ee'))
  })

  it('gives views of the input, never copies, and never Buffers', () => {
    const bytes = Buffer.from('xl4:spam3:abce').subarray(1)
    const [spam] = decode(bytes) as [Uint8Array]
    expect(spam.constructor).toBe(Uint8Array)
    expect(spam.buffer).toBe(bytes.buffer)
    bytes[3] = 0x53
    expect(spam).toEqual(utf8('Spam'))
  })

  it('reads integers at the limit and refuses a megabyte of digits in no time', () => {
    const digits = '7'.repeat(10_000)
    expect(decode(utf8(`i-${digits}e`))).toBe(BigInt(`-${digits}`))
    const long = failure(() => decode(utf8(`i${'7'.repeat(1_000_000)}e`)))
    expect(long.code).toBe('bencode/integer-too-long')
    expect(decode(utf8(`i${'7'.repeat(20_000)}e`), { maxDigits: 20_000 })).toBe(BigInt('7'.repeat(20_000)))
  })

  it('nests to exactly the limit, and to a thousand', () => {
    const nested = (depth: number): Uint8Array => utf8('l'.repeat(depth) + 'e'.repeat(depth))
    expect(() => decode(nested(100))).not.toThrow()
    expect(() => decode(nested(1000), { maxDepth: 1000 })).not.toThrow()
    expect(failure(() => decode(nested(1_000_000))).code).toBe('bencode/too-deep')
    expect(decode(utf8('i1e'), { maxDepth: 0 })).toBe(1)
  })

  it('stops a dictionary bomb by its tokens', () => {
    const bytes = utf8(`l${'de'.repeat(3_000_001)}e`)
    expect(failure(() => decode(bytes)).code).toBe('bencode/too-many-tokens')
  })

  it('refuses arguments that are wrong by our own fault', () => {
    expect(() => decode('i1e' as never)).toThrow(TypeError)
    expect(() => tryDecode(undefined as never)).toThrow(TypeError)
    expect(() => decode(utf8('le'), { maxDepth: -1 })).toThrow(RangeError)
    expect(() => decode(utf8('le'), { maxDepth: 1001 })).toThrow(
      'maxDepth must be an integer in 0 .. 1000, got 1001',
    )
    expect(() => decode(utf8('le'), { maxTokens: 1.5 })).toThrow(RangeError)
    expect(() => decode(utf8('le'), { maxLength: '5' as never })).toThrow(TypeError)
    expect(decode(utf8('le'), { maxLength: Number.POSITIVE_INFINITY })).toEqual([])
  })
})

describe('decodePrefix', () => {
  it('says where the value ended', () => {
    const bytes = utf8('d8:msg_typei1e5:piecei0ee\x00raw')
    expect(decodePrefix(bytes)).toEqual({ value: dict({ msg_type: 1, piece: 0 }), end: 25 })
    expect(tryDecodePrefix(bytes)).toEqual({ ok: true, value: decodePrefix(bytes) })
  })

  it('is as strict as decode inside the value', () => {
    expect(failure(() => decodePrefix(utf8('i01eraw'))).code).toBe('bencode/invalid-integer')
    expect(tryDecodePrefix(utf8('d'))).toMatchObject({ ok: false, error: { code: 'bencode/unexpected-end' } })
  })
})
