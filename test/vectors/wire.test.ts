import { describe, expect, it } from 'vitest'
import { fromHex, fromLatin1, toHex } from '../../src/util/bytes.js'
import { allowedFastSet } from '../../src/wire/allowed-fast.js'
import { decodeExtensionHandshake, encodeExtensionHandshake } from '../../src/wire/extension.js'
import { encodeMessage } from '../../src/wire/message.js'

describe('allowed fast set (BEP 6)', () => {
  const infoHash = new Uint8Array(20).fill(0xaa)
  const seven = [1059, 431, 808, 1217, 287, 376, 1188]

  it('has the vectors of the BEP', () => {
    expect(allowedFastSet('80.4.4.200', infoHash, 1313, 7)).toEqual(seven)
    expect(allowedFastSet('80.4.4.200', infoHash, 1313, 9)).toEqual([...seven, 353, 508])
    expect(allowedFastSet('80.4.4.200', infoHash, 1313)).toHaveLength(10)
  })

  it('is the same for the whole /24 and for mapped addresses', () => {
    expect(allowedFastSet('80.4.4.7', infoHash, 1313, 7)).toEqual(seven)
    expect(allowedFastSet('::ffff:80.4.4.1', infoHash, 1313, 7)).toEqual(seven)
    expect(allowedFastSet('80.4.5.200', infoHash, 1313, 7)).not.toEqual(seven)
  })

  it('ends when there are fewer pieces than k', () => {
    expect(allowedFastSet('80.4.4.200', infoHash, 3).sort()).toEqual([0, 1, 2])
    expect(allowedFastSet('80.4.4.200', infoHash, 1)).toEqual([0])
    expect(allowedFastSet('80.4.4.200', infoHash, 0)).toEqual([])
  })

  it('is empty for IPv6 and for no address', () => {
    expect(allowedFastSet('2001:db8::1', infoHash, 1313)).toEqual([])
    expect(allowedFastSet('example.org', infoHash, 1313)).toEqual([])
  })
})

it('extension handshake (BEP 10, corrected)', () => {
  const bytes = fromLatin1('d1:md11:LT_metadatai1e6:ut_pexi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e')
  const handshake = {
    extensions: new Map([
      ['LT_metadata', 1],
      ['ut_pex', 2],
    ]),
    port: 6881,
    client: '\u00b5Torrent 1.2',
  }
  expect(decodeExtensionHandshake(bytes)).toEqual(handshake)
  expect(encodeExtensionHandshake(handshake)).toEqual(bytes)
  const disabled = decodeExtensionHandshake(fromLatin1('d1:md11:LT_metadatai0eee'), handshake)
  expect(disabled?.extensions).toEqual(new Map([['ut_pex', 2]]))
})

it('hash request (BEP 52, row 2 of the table)', () => {
  const root = fromHex('cb'.repeat(32)) as Uint8Array
  const bytes = encodeMessage({
    type: 'hash-request',
    request: { root, base: 0, index: 4, length: 2, proofs: 2 },
  })
  expect(toHex(bytes)).toBe(`0000003115${'cb'.repeat(32)}00000000000000040000000200000002`)
})

it.each([
  [2, 2, 177],
  [2, 2, 177],
  [4, 1, 209],
  [8, 0, 305],
  [2, 1, 145],
])('hashes: %i hashes and %i uncles have length field %i', (length, uncles, field) => {
  const request = { root: new Uint8Array(32), base: 0, index: 0, length, proofs: uncles }
  const bytes = encodeMessage({ type: 'hashes', request, hashes: new Uint8Array(32 * (length + uncles)) })
  expect(new DataView(bytes.buffer).getUint32(0)).toBe(field)
})
