import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatMagnet, type Magnet, parseMagnet, tryParseMagnet } from '../../../src/metainfo/index.js'
import { isMagnet } from '../../../src/metainfo/magnet.js'
import { toHex } from '../../../src/util/bytes.js'
import { runs } from '../../support/depth.js'

const V1 = '1229028f25a3b9ce15a9aedd746207e1622d3b3f'
const V2 = '256ef37801343d5f1459f2f46b1e282cf056ea0c7083bf788c6605485e462a50'
const BASE = `magnet:?xt=urn:btih:${V1}`

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && toHex(bytes)
const code = (uri: string): string => {
  const result = tryParseMagnet(uri)
  return result.ok ? 'ok' : result.error.code
}

describe('parseMagnet', () => {
  it.each([
    ['hex', `magnet:?xt=urn:btih:${V1}`],
    ['upper case', `MAGNET:?XT=URN:BTIH:${V1.toUpperCase()}`],
    ['base32', 'magnet:?xt=urn:btih:CIUQFDZFUO444FNJV3OXIYQH4FRC2OZ7'],
    ['base32 in lower case', 'magnet:?xt=urn:btih:ciuqfdzfuo444fnjv3oxiyqh4frc2oz7'],
    ['percent signs', `magnet:?xt=urn%3Abtih%3A${V1}`],
    ['numbered', `magnet:?xt.1=urn:btih:${V1}&tr.1=http%3A%2F%2Fa%2F`],
    ['the same twice', `magnet:?xt=urn:btih:${V1}&xt=urn:btih:CIUQFDZFUO444FNJV3OXIYQH4FRC2OZ7`],
    ['unknown keys and topics', `magnet:?foo=bar&xt=urn:sha1:ABC&xt=urn:btih:${V1}&&=&x`],
  ])('reads a v1 hash: %s', (_, uri) => {
    expect(hex(parseMagnet(uri).infoHash)).toBe(V1)
  })

  it('reads both hashes of a hybrid', () => {
    const magnet = parseMagnet(`${BASE}&xt=urn:btmh:1220${V2}`)
    expect([hex(magnet.infoHash), hex(magnet.infoHashV2)]).toEqual([V1, V2])
    expect(hex(parseMagnet(`magnet:?xt=urn:btmh:1220${V2.toUpperCase()}`).infoHashV2)).toBe(V2)
  })

  it('reads everything else', () => {
    const key = 'ab'.repeat(32)
    const magnet = parseMagnet(
      `${BASE}&dn=a+b%20c%2Bd&tr=http%3A%2F%2Ft%2Fa&tr=udp%3A%2F%2Fu%3A1&tr=nonsense&ws=http%3A%2F%2Fw%2F&xl=123` +
        `&xs=http%3A%2F%2Fx%2Fy.torrent&x.pe=1.2.3.4:5&x.pe=[2001:db8::1]:6&x.pe=name.example:7&x.pe=bad&x.pe=a:0` +
        `&so=0,2,4,6-8&kt=one+two%2Bthree&xs=urn:btpk:${key}&s=6e`,
    )
    expect(magnet).toMatchObject({
      name: 'a b c+d',
      trackers: ['http://t/a', 'udp://u:1'],
      webSeeds: ['http://w/'],
      exactSource: ['http://x/y.torrent'],
      length: 123,
      peers: [
        { host: '1.2.3.4', port: 5 },
        { host: '2001:db8::1', port: 6 },
        { host: 'name.example', port: 7 },
      ],
      select: [0, 2, 4, 6, 7, 8],
      keywords: ['one', 'two+three'],
    })
    expect([hex(magnet.publicKey), hex(magnet.salt)]).toEqual([key, '6e'])
  })

  it('needs a key or a hash, one of them', () => {
    expect(code(`magnet:?xs=urn:btpk:${'0'.repeat(64)}`)).toBe('ok')
    expect(code('magnet:?dn=x')).toBe('magnet/no-infohash')
  })

  it.each([
    ['no magnet', 'magnet/not-a-magnet', 'http://a/?xt=urn:btih:00'],
    ['two v1 hashes', 'magnet/conflict', `${BASE}&xt=urn:btih:${'0'.repeat(40)}`],
    ['two v2 hashes', 'magnet/conflict', `magnet:?xt=urn:btmh:1220${V2}&xt=urn:btmh:1220${'0'.repeat(64)}`],
    ['39 digits', 'magnet/bad-infohash', BASE.slice(0, -1)],
    ['41 digits', 'magnet/bad-infohash', `${BASE}0`],
    ['no hex', 'magnet/bad-infohash', `${BASE.slice(0, -1)}g`],
    ['no base32', 'magnet/bad-infohash', 'magnet:?xt=urn:btih:CIUQFDZFUO444FNJV3OXIYQH4FRC2OZ1'],
    ['SHA-1 multihash', 'magnet/unsupported-hash', `magnet:?xt=urn:btmh:1114${V1}`],
    ['SHA-512 multihash', 'magnet/unsupported-hash', `magnet:?xt=urn:btmh:1340${V2}${V2}`],
    ['short multihash', 'magnet/bad-infohash', `magnet:?xt=urn:btmh:1220${V2.slice(2)}`],
    ['long multihash', 'magnet/bad-infohash', `magnet:?xt=urn:btmh:1220${V2}00`],
    ['multihash of no hex', 'magnet/bad-infohash', `magnet:?xt=urn:btmh:1220${V2.slice(1)}x`],
    ['short public key', 'magnet/bad-infohash', 'magnet:?xs=urn:btpk:00'],
    ['more than 64 KiB', 'magnet/too-long', `${BASE}&dn=${'a'.repeat(65_536)}`],
  ])('refuses %s', (_, expected, uri) => {
    expect(code(uri)).toBe(expected)
  })

  it.each([
    ['every file there may be', '0-4294967295', []],
    ['a large range behind another', '0-2,7-300000,5', [0, 1, 2, 5]],
    ['a reversed range', '4-2,1', [1]],
    ['words', 'all,3', [3]],
    [
      'more than there can be in all',
      `0-1,${'2-200000,'.repeat(2)}3,9`,
      Array.from({ length: 200_001 }, (_, i) => i),
    ],
  ])('drops of so what names no files: %s', (_, so, select) => {
    expect(parseMagnet(`${BASE}&so=${so}`).select).toEqual(select)
  })

  const tracker = 'http://t/announce'
  const tr = encodeURIComponent(tracker)
  const plain = `magnet:?xt=urn:btih:${V1}&dn=x&tr=${tr}`
  it.each([
    ['blanks before', `  ${plain}`],
    ['a line feed behind', `${plain}\r\n`],
    ['a line feed behind the hash', `magnet:?dn=x&tr=${tr}&xt=urn:btih:${V1}\r\n`],
    ['quotes', `"${plain}"`],
    ['angle brackets', `<${plain}>`],
    ['marks without width', `\ufeff\u200b${plain}`],
    ['slashes', plain.replace('magnet:?', 'magnet:///?')],
    ['two slashes', plain.replace('magnet:?', 'magnet://?')],
    ['& behind the ?', plain.replace('?', '?&')],
    ['&amp;', plain.replaceAll('&', '&amp;')],
    ['&amp;amp;', plain.replaceAll('&', '&amp;amp;')],
    ['a tracker escaped twice', plain.replace(tr, encodeURIComponent(tr))],
    ['a tracker escaped thrice', plain.replace(tr, encodeURIComponent(encodeURIComponent(tr)))],
    ['everything escaped', `magnet:?${encodeURIComponent(plain.slice(8))}`],
    ['a topic escaped twice', plain.replace('urn:btih:', 'urn%253Abtih%253A')],
    ['capitals', `MAGNET:?XT=URN:BTIH:${V1.toUpperCase()}&DN=x&TR=${tr}`],
    ['blanks around the tracker', plain.replace(tr, `%20${tr}%20`)],
    ['a stray percent sign', `${plain}&kt=100%`],
  ])('reads links as they are pasted: %s', (_, link) => {
    expect(isMagnet(link)).toBe(true)
    const { infoHash, name, trackers } = parseMagnet(link)
    expect([toHex(infoHash as Uint8Array), name, trackers]).toEqual([V1, 'x', [tracker]])
  })

  it('reads names in Latin-1, and beside a stray percent sign', () => {
    expect(parseMagnet(`${BASE}&dn=x%E9`).name).toBe('x\u00e9')
    expect(parseMagnet(`${BASE}&dn=100%25%20or%20100%`).name).toBe('100% or 100%')
  })

  it('reads bare infohashes, and takes no path for one', () => {
    for (const text of [V1, ` ${V1.toUpperCase()}\n`, 'A'.repeat(32)]) {
      expect(isMagnet(text)).toBe(true)
      expect(parseMagnet(text).infoHash).toHaveLength(20)
    }
    expect(isMagnet(V2)).toBe(true)
    expect(parseMagnet(V2).infoHashV2).toHaveLength(32)
    for (const path of ['', 'a.torrent', `${V1}.torrent`, `./${V1}`, `${V1}0`, 'http://t/magnet:?']) {
      expect(isMagnet(path)).toBe(false)
      expect(code(path)).toBe('magnet/not-a-magnet')
    }
  })

  it('keeps a bounded number of trackers and peers', () => {
    const many = Array.from({ length: 2000 }, (_, i) => `&tr=udp://t${i}:1&x.pe=a${i}:1`).join('')
    const magnet = parseMagnet(BASE + many)
    expect(magnet.trackers.length).toBe(200)
    expect(magnet.peers.length).toBe(200)
  })
})

describe('formatMagnet', () => {
  const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: length, maxLength: length })
  const word = fc.string({ minLength: 1, unit: 'grapheme' })
  const magnets: fc.Arbitrary<Magnet> = fc.record({
    infoHash: bytes(20),
    infoHashV2: fc.option(bytes(32), { nil: undefined }),
    name: fc.option(word, { nil: undefined }),
    trackers: fc.uniqueArray(fc.constantFrom('http://a/?x=1&y=2', 'udp://b:1', 'wss://[::1]:2/é+')),
    webSeeds: fc.uniqueArray(fc.constantFrom('http://a/b c', 'https://d/')),
    exactSource: fc.uniqueArray(fc.constantFrom('http://x/y', 'urn:other:1')),
    peers: fc.uniqueArray(
      fc.constantFrom(
        { host: '1.2.3.4', port: 1 },
        { host: '::1', port: 65_535 },
        { host: 'n.example', port: 9 },
      ),
    ),
    select: fc.uniqueArray(fc.nat(50)).map((list) => list.sort((a, b) => a - b)),
    length: fc.option(fc.maxSafeNat(), { nil: undefined }),
    keywords: fc.uniqueArray(word),
    publicKey: fc.option(bytes(32), { nil: undefined }),
    salt: fc.option(fc.uint8Array({ minLength: 1, maxLength: 64 }), { nil: undefined }),
  })

  it('writes what reads back to the same', () => {
    fc.assert(
      fc.property(magnets, (magnet) => {
        expect(parseMagnet(formatMagnet(magnet))).toEqual(magnet)
      }),
    )
  })

  it('writes what no URI can hold as U+FFFD', () => {
    expect(formatMagnet({ name: '\ud800' })).toBe('magnet:?dn=%EF%BF%BD')
  })

  it('never throws while reading', () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom('&', '=', 'xt=urn:btih:', 'so=', '1-', ',', 'x.pe=', '%', '%ff', V1, 'urn:btmh:1220'),
    )
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(code(`magnet:?${parts.join('')}`)).toMatch(/^(ok|magnet\/[a-z-]+)$/)
      }),
      { numRuns: runs(200) },
    )
  })
})
