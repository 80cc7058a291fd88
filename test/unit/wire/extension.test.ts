import { describe, expect, it } from 'vitest'
import { encode } from '../../../src/bencode/index.js'
import { fromLatin1, toLatin1, utf8 } from '../../../src/util/bytes.js'
import { decodeExtensionHandshake, encodeExtensionHandshake } from '../../../src/wire/extension.js'

const full = {
  extensions: new Map([
    ['ut_metadata', 3],
    ['ut_pex', 1],
  ]),
  client: 'rarest 0.1.0',
  port: 6881,
  reqq: 500,
  yourIp: Uint8Array.of(10, 0, 0, 1),
  ipv4: Uint8Array.of(1, 2, 3, 4),
  ipv6: new Uint8Array(16).fill(0x20),
  metadataSize: 31235,
  uploadOnly: true,
  prefersEncryption: false,
}

describe('extension handshake', () => {
  it('goes there and back', () => {
    expect(decodeExtensionHandshake(encodeExtensionHandshake(full))).toEqual(full)
    expect(toLatin1(encodeExtensionHandshake({}))).toBe('d1:mdee')
    expect(
      toLatin1(encodeExtensionHandshake({ extensions: { ut_pex: 1 }, client: 'x', uploadOnly: false })),
    ).toBe('d1:md6:ut_pexi1ee11:upload_onlyi0e1:v1:xe')
    expect(decodeExtensionHandshake(utf8('de'))).toEqual({ extensions: new Map() })
  })

  it('accepts unsorted keys and bytes after the dictionary', () => {
    const handshake = decodeExtensionHandshake(utf8('d1:v1:x1:md1:bi2e1:ai1eee trailing'))
    expect(handshake).toEqual({
      client: 'x',
      extensions: new Map([
        ['b', 2],
        ['a', 1],
      ]),
    })
  })

  it.each(['', 'le', 'i1e', '1:a', 'd', 'd1:mdee'.slice(0, 6), 'd1:a', 'x'.repeat(100), 'd'.repeat(1000)])(
    'is not in %s',
    (text) => {
      expect(decodeExtensionHandshake(utf8(text))).toBeUndefined()
    },
  )

  it.each([
    ['m', 'm', 3],
    ['m', 'm', 'text'],
    ['v', 'v', 7],
    ['p below', 'p', 0],
    ['p above', 'p', 65_536],
    ['p as text', 'p', '6881'],
    ['reqq zero', 'reqq', 0],
    ['reqq negative', 'reqq', -1],
    ['reqq huge', 'reqq', 1n << 70n],
    ['yourip', 'yourip', 'abc'],
    ['ipv4', 'ipv4', 'abcde'],
    ['ipv6', 'ipv6', 'abcd'],
    ['metadata_size zero', 'metadata_size', 0],
    ['metadata_size negative', 'metadata_size', -5],
    ['upload_only', 'upload_only', 'yes'],
    ['e', 'e', []],
  ])('leaves out what is wrong: %s', (_name, key, value) => {
    expect(decodeExtensionHandshake(encode({ [key]: value }))).toEqual({ extensions: new Map() })
  })

  it('ignores ids out of range, doubled ids and long names', () => {
    const m = { a: 256, b: -1, c: 'x', d: 5, e: 5, f: 255, ['n'.repeat(101)]: 9 }
    expect(decodeExtensionHandshake(encode({ m }))?.extensions).toEqual(
      new Map([
        ['d', 5],
        ['f', 255],
      ]),
    )
  })

  it('adds later handshakes to earlier ones, id 0 disables, names may swap ids', () => {
    const first = decodeExtensionHandshake(encode({ m: { a: 1, b: 2, c: 3 }, v: 'x', reqq: 9 }))
    const second = decodeExtensionHandshake(encode({ m: { a: 2, b: 1, c: 0, d: 3 }, reqq: 7 }), first)
    expect(second).toEqual({
      client: 'x',
      reqq: 7,
      extensions: new Map([
        ['a', 2],
        ['b', 1],
        ['d', 3],
      ]),
    })
    expect(first?.extensions.get('a')).toBe(1)
    expect(decodeExtensionHandshake(encode({ m: { e: 2 } }), second)?.extensions.has('e')).toBe(false)
  })

  it('keeps a bounded number of names and a short printable client', () => {
    const m = new Map(Array.from({ length: 250 }, (_, i) => [`name ${i}`, i + 1] as const))
    const handshake = decodeExtensionHandshake(encode({ m, v: `a\u0000b\u001b[31m\u202e${'x'.repeat(500)}` }))
    expect(handshake?.extensions.size).toBe(100)
    expect(handshake?.client).toMatch(/^ab\[31mx+$/)
    expect(handshake?.client?.length).toBeLessThanOrEqual(128)
    const many = Array.from({ length: 2000 }, () => 0)
    expect(decodeExtensionHandshake(encode({ many }))).toBeUndefined()
  })

  it('keeps nothing of the memory it was read from', () => {
    const bytes = Buffer.from(encodeExtensionHandshake(full))
    const handshake = decodeExtensionHandshake(bytes)
    bytes.fill(0)
    expect(handshake).toEqual(full)
  })

  it('survives a name like __proto__ and keys that are no text', () => {
    const bytes = fromLatin1('d1:md9:__proto__i7e2:\xff\xfei8eee')
    expect(decodeExtensionHandshake(bytes)?.extensions).toEqual(
      new Map([
        ['__proto__', 7],
        ['\xff\xfe', 8],
      ]),
    )
  })
})
