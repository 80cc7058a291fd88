import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { decode, type Encodable, encode } from '../../../src/bencode/index.js'
import { toLatin1, utf8 } from '../../../src/util/bytes.js'

const encoded = (value: Encodable): string => toLatin1(encode(value))

describe('encode', () => {
  it.each([
    [0, 'i0e'],
    [-0, 'i0e'],
    [-3, 'i-3e'],
    [9, 'i9e'],
    [10, 'i10e'],
    [99_999, 'i99999e'],
    [1_073_741_823, 'i1073741823e'],
    [1_073_741_824, 'i1073741824e'],
    [Number.MAX_SAFE_INTEGER, 'i9007199254740991e'],
    [Number.MIN_SAFE_INTEGER, 'i-9007199254740991e'],
    [-(2n ** 70n), 'i-1180591620717411303424e'],
    ['', '0:'],
    ['spam', '4:spam'],
    ['spä', '4:sp\xc3\xa4'],
    ['\u{1f984}', '4:\xf0\x9f\xa6\x84'],
    ['a'.repeat(65), `65:${'a'.repeat(65)}`],
    [Uint8Array.of(0, 255), '2:\x00\xff'],
    [new Uint8Array(40).fill(65), `40:${'A'.repeat(40)}`],
    [[], 'le'],
    [['a', [1, 2n]], 'l1:ali1ei2eee'],
    [{}, 'de'],
    [{ b: 1, a: { d: 2, c: 3 } }, 'd1:ad1:ci3e1:di2ee1:bi1ee'],
    [{ 10: 'x', 9: 'y' }, 'd2:101:x1:91:ye'],
    [{ a: undefined, b: 1 }, 'd1:bi1ee'],
    [
      new Map<string, Encodable | undefined>([
        ['b', 1],
        ['a', undefined],
        ['A', 2],
      ]),
      'd1:Ai2e1:bi1ee',
    ],
    [
      new Map([
        ['\xff', 1],
        ['\x80', 2],
        ['a', 3],
      ]),
      'd1:ai3e1:\x80i2e1:\xffi1ee',
    ],
    [Object.assign(Object.create(null), { a: 1 }), 'd1:ai1ee'],
  ])('writes %o', (value, text) => {
    expect(encoded(value)).toBe(text)
  })

  it('sorts text keys by their UTF-8 bytes, not by UTF-16', () => {
    // U+FF5E sorts after U+1F984 in UTF-16 (0xd83e), before it in UTF-8.
    expect([
      ...(decode(encode({ '\u{1f984}': 1, '\uff5e': 2, z: 3 })) as Map<string, unknown>).values(),
    ]).toEqual([3, 2, 1])
  })

  it('writes what is far larger than the scratch memory, and small values after it', () => {
    const large = new Uint8Array(1_000_000).fill(7)
    expect(encode([large, large]).length).toBe(2_000_018)
    expect(encoded('a')).toBe('1:a')
  })

  it('gives memory of its own each time', () => {
    const first = encode('first')
    encode('other')
    expect(first).toEqual(utf8('5:first'))
  })

  it('stands a getter that encodes something itself, and an error in the middle', () => {
    const nested = {
      get a() {
        return encode(['inner'])
      },
      b: 'outer',
    }
    expect(encoded(nested)).toBe('d1:a9:l5:innere1:b5:outere')
    expect(() => encode(['left over', null as never])).toThrow(TypeError)
    expect(encoded(1)).toBe('i1e')
  })

  it('takes containers and bytes of another realm', () => {
    const foreign = runInNewContext('({ b: new Uint8Array([65]), m: new Map([["k", [1]]]) })') as Encodable
    expect(encoded(foreign)).toBe('d1:b1:A1:md1:kli1eeee')
  })

  it.each([
    [1.5, RangeError],
    [Number.NaN, RangeError],
    [2 ** 53, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    [new Map([['Ā', 1]]), RangeError],
    [new Map([[1, 1]]), TypeError],
    [{ '\ud800': 1, '\ud801': 2 }, RangeError],
    [null, TypeError],
    [undefined, TypeError],
    [true, TypeError],
    [Symbol('s'), TypeError],
    [() => 1, TypeError],
    [new Date(0), TypeError],
    [new Set([1]), TypeError],
    [new Uint16Array(1), TypeError],
    [new (class Thing {})(), TypeError],
    [[undefined], TypeError],
    [new Array(3), TypeError],
  ])('refuses %o', (value, type) => {
    expect(() => encode(value as never)).toThrow(type)
  })

  it('names what it cannot say', () => {
    expect(() => encode(new Date(0) as never)).toThrow(/got Date$/)
    expect(() => encode(null as never)).toThrow(/got null$/)
  })

  it('refuses cycles and excessive nesting instead of overflowing the stack', () => {
    const cycle: unknown[] = []
    cycle.push({ cycle })
    expect(() => encode(cycle as never)).toThrow(/cyclic or nested deeper than 1000/)
    let deep: Encodable = []
    for (let i = 1; i < 1000; i++) deep = [deep]
    expect(encode(deep).length).toBe(2000)
    expect(() => encode([deep])).toThrow(RangeError)
  })
})
