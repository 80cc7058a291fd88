import reference from 'bencode'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LazyDict, walk } from '../../src/bencode/cursor.js'
import {
  type BencodeValue,
  decode,
  type Encodable,
  encode,
  span,
  tryDecode,
  tryDecodePrefix,
} from '../../src/bencode/index.js'
import { compareBytes, concatBytes, fromLatin1, toLatin1, utf8 } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'

const key = fc.uint8Array({ maxLength: 6 }).map(toLatin1)

const { value } = fc.letrec<{ value: BencodeValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.maxSafeInteger(),
    fc.bigInt().map((integer) => (Number.isSafeInteger(Number(integer)) ? Number(integer) : integer)),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => new Map(entries)),
  ),
}))

/** Bytes that look like bencode more often than noise does. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'd',
        'l',
        'e',
        'i',
        'i1e',
        '1:a',
        '1:b',
        '0:',
        '2:',
        '-',
        '0',
        ':',
        '99',
        'i-0e',
        'de',
        'le',
      ),
      fc.uint8Array({ maxLength: 2 }).map(toLatin1),
    ),
    { maxLength: 24 },
  )
  .map((parts) => fromLatin1(parts.join('')))

const mutated = fc
  .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
  .map(([whole, edits]) => {
    const bytes = encode(whole).slice()
    for (const [at, byte] of edits) bytes[at % bytes.length] = byte
    return bytes
  })

const anything = fc.oneof(fc.uint8Array({ maxLength: 64 }), nearly, mutated)

describe('bencode', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(value, (original) => {
        const decoded = decode(encode(original))
        expect(decoded).toEqual(sorted(original))
        expect(encode(decoded)).toEqual(encode(original))
      }),
      { numRuns: runs(200) },
    )
  })

  it('encodes exactly what the strict decoder accepted, and ends with a code otherwise', () => {
    let accepted = 0
    fc.assert(
      fc.property(anything, (bytes) => {
        const result = tryDecode(bytes)
        if (result.ok) {
          accepted++
          expect(encode(result.value)).toEqual(bytes)
        } else {
          expect(result.error.code).toMatch(/^bencode\//)
          expect(result.error.offset).toBeGreaterThanOrEqual(0)
          expect(result.error.offset).toBeLessThanOrEqual(bytes.length)
        }
      }),
      { numRuns: runs(1_000) },
    )
    expect(accepted).toBeGreaterThan(runs(1_000) / 100)
  })

  it('accepts in lenient mode exactly what sorting would make strict', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const lenient = tryDecode(bytes, { unsortedKeys: true })
        const strict = tryDecode(bytes)
        if (strict.ok) expect(lenient).toEqual(strict)
        if (lenient.ok) {
          const canonical = encode(lenient.value)
          expect(decode(canonical)).toEqual(sorted(lenient.value))
          expect(canonical.length).toBe(bytes.length)
        }
      }),
      { numRuns: runs(600) },
    )
  })

  it('finds the end of a value whatever follows', () => {
    fc.assert(
      fc.property(value, fc.uint8Array({ maxLength: 20 }), (original, rest) => {
        const bytes = encode(original)
        expect(tryDecodePrefix(concatBytes(bytes, rest))).toEqual({
          ok: true,
          value: { value: sorted(original), end: bytes.length },
        })
      }),
    )
  })

  it('walks over a value exactly as it decodes it', () => {
    fc.assert(
      fc.property(anything, fc.boolean(), (bytes, unsortedKeys) => {
        const decoded = tryDecodePrefix(bytes, { unsortedKeys })
        if (decoded.ok) {
          expect(span(bytes, [], { unsortedKeys })).toEqual({ start: 0, end: decoded.value.end })
        } else {
          const { code, offset } = decoded.error
          expect(() => span(bytes, [], { unsortedKeys })).toThrow(expect.objectContaining({ code, offset }))
        }
      }),
      { numRuns: runs(600) },
    )
  })

  it('reads checked bytes as it decodes them', () => {
    fc.assert(
      fc.property(value, fc.boolean(), (original, long) => {
        const outer = new Map<string, BencodeValue>([
          ['a', long ? [new Uint8Array(5000), original] : original],
          ['b', original],
        ])
        const bytes = encode(outer)
        const decoded = decode(bytes) as ReadonlyMap<string, BencodeValue>
        const dict = new LazyDict(walk(bytes).start)
        for (const name of ['a', 'b', 'c']) {
          expect(dict.has(name)).toBe(decoded.has(name))
          expect(dict.get(name)).toEqual(decoded.get(name))
        }
        const { start: cursor, end } = walk(bytes)
        expect(end).toBe(bytes.length)
        cursor.skip()
        expect(cursor.at).toBe(bytes.length)
      }),
    )
  })

  it('gives the raw bytes of every value at its path', () => {
    fc.assert(
      fc.property(value, (original) => {
        const bytes = encode(original)
        for (const [path, member] of members(original)) {
          const found = span(bytes, path)
          expect(found && bytes.subarray(found.start, found.end)).toEqual(encode(member))
        }
      }),
    )
  })

  it('agrees with the npm package on what that package can say', () => {
    const text = fc.string({ maxLength: 12 }).map((raw) => raw.replaceAll(/[^ -~]/g, '-'))
    const { plain } = fc.letrec<{ plain: Encodable }>((tie) => ({
      plain: fc.oneof(
        fc.integer(),
        text,
        fc.array(tie('plain'), { maxLength: 5 }),
        fc.dictionary(text, tie('plain'), { maxKeys: 5, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(plain, (original) => {
        expect(encode(original)).toEqual(new Uint8Array(reference.encode(original)))
      }),
    )
  })

  it('orders text keys as their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.constant(1)), (object) => {
        const keys = [...(decode(encode(object)) as Map<string, unknown>).keys()].map(fromLatin1)
        expect(keys).toEqual(Object.keys(object).map(utf8).sort(compareBytes))
      }),
    )
  })
})

/** The same value with its dictionaries in canonical order. */
function sorted(original: BencodeValue): BencodeValue {
  if (original instanceof Map) {
    const entries = [...(original as Map<string, BencodeValue>)].sort(([a], [b]) => (a < b ? -1 : 1))
    return new Map(entries.map(([name, member]) => [name, sorted(member)]))
  }
  return Array.isArray(original) ? original.map(sorted) : original
}

function* members(
  original: BencodeValue,
  path: (string | number)[] = [],
): Generator<[(string | number)[], BencodeValue]> {
  yield [path, original]
  if (original instanceof Map) for (const [name, member] of original) yield* members(member, [...path, name])
  else if (Array.isArray(original))
    for (const [i, member] of original.entries()) yield* members(member, [...path, i])
}
