import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../src/util/bytes.js'
import { decodeMessage, encodeMessage, type Message } from '../../../src/wire/message.js'

const root = new Uint8Array(32).fill(0xcb)
const request = { root, base: 0, index: 4, length: 2, proofs: 2 }
const body = `${'cb'.repeat(32)}00000000000000040000000200000002`

const table: readonly (readonly [Message, string])[] = [
  [{ type: 'keep-alive' }, '00000000'],
  [{ type: 'choke' }, '0000000100'],
  [{ type: 'unchoke' }, '0000000101'],
  [{ type: 'interested' }, '0000000102'],
  [{ type: 'not-interested' }, '0000000103'],
  [{ type: 'have', piece: 0x01020304 }, '000000050401020304'],
  [{ type: 'have', piece: 0xffffffff }, '0000000504ffffffff'],
  [{ type: 'bitfield', bits: Uint8Array.of(0xff, 0xc0) }, '0000000305ffc0'],
  [{ type: 'bitfield', bits: new Uint8Array(0) }, '0000000105'],
  [{ type: 'request', piece: 1, begin: 0x4000, length: 0x4000 }, '0000000d06000000010000400000004000'],
  [{ type: 'piece', piece: 1, begin: 2, data: Uint8Array.of(9, 8) }, '0000000b0700000001000000020908'],
  [{ type: 'piece', piece: 1, begin: 2, data: new Uint8Array(0) }, '00000009070000000100000002'],
  [{ type: 'cancel', piece: 1, begin: 2, length: 3 }, '0000000d08000000010000000200000003'],
  [{ type: 'port', port: 6881 }, '00000003091ae1'],
  [{ type: 'suggest', piece: 7 }, '000000050d00000007'],
  [{ type: 'have-all' }, '000000010e'],
  [{ type: 'have-none' }, '000000010f'],
  [{ type: 'reject', piece: 1, begin: 2, length: 3 }, '0000000d10000000010000000200000003'],
  [{ type: 'allowed-fast', piece: 7 }, '000000051100000007'],
  [{ type: 'extended', id: 3, payload: Uint8Array.of(0x64, 0x65) }, '0000000414036465'],
  [{ type: 'extended', id: 0, payload: new Uint8Array(0) }, '000000021400'],
  [{ type: 'hash-request', request }, `0000003115${body}`],
  [{ type: 'hashes', request, hashes: new Uint8Array(64).fill(1) }, `0000007116${body}${'01'.repeat(64)}`],
  [{ type: 'hash-reject', request }, `0000003117${body}`],
  [{ type: 'unknown', id: 99, payload: Uint8Array.of(1) }, '000000026301'],
]

describe('messages', () => {
  it.each(table)('%o', (message, hex) => {
    expect(toHex(encodeMessage(message))).toBe(hex)
    expect(decodeMessage(fromHex(hex) as Uint8Array)).toEqual({ ok: true, value: message })
  })

  it.each(table)('cut short or too long: %o', (_message, hex) => {
    const bytes = fromHex(`${hex}00`) as Uint8Array
    expect(decodeMessage(bytes)).toMatchObject({
      ok: false,
      error: { code: 'wire/trailing-bytes', offset: bytes.length - 1 },
    })
    for (let end = 0; end < bytes.length - 1; end++) {
      expect(decodeMessage(bytes.subarray(0, end))).toMatchObject({
        ok: false,
        error: { code: 'wire/truncated', offset: end },
      })
    }
  })

  it.each([
    '000000020000',
    '0000000104',
    '0000000106',
    '0000000107',
    '000000040900000000'.slice(0, 16),
    '0000000114',
    `0000003016${body.slice(2)}`,
    `0000003216${body}00`,
  ])('a length that the id cannot have: %s', (hex) => {
    expect(decodeMessage(fromHex(hex) as Uint8Array)).toMatchObject({
      ok: false,
      error: { code: 'wire/bad-length', fault: 'remote' },
    })
  })

  it('needs a root of 32 bytes', () => {
    expect(() =>
      encodeMessage({ type: 'hash-request', request: { ...request, root: new Uint8Array(20) } }),
    ).toThrow(/root must be 32 bytes/)
  })
})
