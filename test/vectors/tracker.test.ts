import { describe, expect, it } from 'vitest'
import { announceUrl, decodeAnnounce, decodeScrape, scrapeUrl } from '../../src/tracker/http-codec.js'
import { parseAnnounceQuery } from '../../src/tracker/http-server-codec.js'
import { escapeBytes } from '../../src/tracker/text.js'
import type { AnnounceRequest } from '../../src/tracker/types.js'
import {
  decodeUdpRequest,
  decodeUdpResponse,
  decodeUrlData,
  encodeAnnounce,
  encodeConnect,
  encodeUdpResponse,
  encodeUrlData,
} from '../../src/tracker/udp-codec.js'
import { fromHex, fromLatin1, toHex, utf8 } from '../../src/util/bytes.js'

const hex = (text: string) => fromHex(text.replace(/\s/g, '')) as Uint8Array
const value = <T>(result: { ok: true; value: T } | { ok: false }): T => {
  if (!result.ok) throw new Error('refused')
  return result.value
}

describe('HTTP announce', () => {
  it('reads peers of both families (BEP 7)', () => {
    const answer = value(
      decodeAnnounce(utf8('d8:intervali1800e5:peers6:iiiipp6:peers618:iiiiiiiiiiiiiiiippe')),
    )
    const i6 = Array.from({ length: 8 }, () => '6969').join(':')
    expect(answer).toEqual({
      interval: 1800,
      peers: [
        { address: { host: '105.105.105.105', port: 0x7070 } },
        { address: { host: i6, port: 0x7070 } },
      ],
    })
  })

  it('is asked for as in BEP 23', () => {
    const target =
      '/announce?peer_id=aaaaaaaaaaaaaaaaaaaa&info_hash=aaaaaaaaaaaaaaaaaaaa&port=6881&left=0&downloaded=100&uploaded=0&compact=1'
    const query = target.slice(target.indexOf('?') + 1)
    expect(parseAnnounceQuery(query)).toEqual({
      infoHash: utf8('a'.repeat(20)),
      peerId: utf8('a'.repeat(20)),
      port: 6881,
      isComplete: true,
      event: undefined,
      numwant: undefined,
      isCompact: true,
      wantsPeerIds: true,
    })
    const ours = announceUrl('http://t/announce', {
      infoHash: utf8('a'.repeat(20)),
      peerId: utf8('a'.repeat(20)),
      port: 6881,
      uploaded: 0,
      downloaded: 100,
      left: 0,
      key: 1,
    })
    const said = new URL(ours).searchParams
    for (const [name, text] of new URLSearchParams(query)) expect(said.get(name)).toBe(text)
  })

  it('escapes binary values as in BEP 17', () => {
    const text = '%9C%D9i%8A%F5Uu%1A%91%86%AE%06lW%EA%21W%235%E0'
    const bytes = hex('9cd9698af555751a9186ae066c57ea21572335e0')
    expect(escapeBytes(bytes)).toBe(text)
    expect(parseAnnounceQuery(`info_hash=${text}&peer_id=${'b'.repeat(20)}&port=1`)).toMatchObject({
      infoHash: bytes,
    })
  })
})

describe('HTTP scrape (BEP 48)', () => {
  it('reads the corrected example', () => {
    const body =
      'd5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19ee' +
      '20:yyyyyyyyyyyyyyyyyyyyd8:completei21e10:downloadedi206e10:incompletei20eeee'
    expect(value(decodeScrape(utf8(body)))).toEqual(
      new Map([
        ['78'.repeat(20), { complete: 11, downloaded: 13_772, incomplete: 19 }],
        ['79'.repeat(20), { complete: 21, downloaded: 206, incomplete: 20 }],
      ]),
    )
    expect(decodeScrape(utf8(body.slice(0, -1)))).toMatchObject({ ok: false })
  })

  it.each([
    ['http://example.com/announce', 'http://example.com/scrape'],
    ['http://example.com/x/announce', 'http://example.com/x/scrape'],
    ['http://example.com/announce.php', 'http://example.com/scrape.php'],
    ['http://example.com/a', undefined],
    ['http://example.com/announce?x2%0644', 'http://example.com/scrape?x2%0644'],
    ['http://example.com/announce?x=2/4', 'http://example.com/scrape?x=2/4'],
    ['http://example.com/x%064announce', undefined],
  ])('of %s is %s', (url, scrape) => {
    expect(scrapeUrl(url, [])).toBe(scrape)
  })
})

describe('UDP packets', () => {
  const request: AnnounceRequest = {
    infoHash: new Uint8Array(20).fill(0xaa),
    peerId: fromLatin1('-XX0001-abcdefghijkl'),
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 1000,
    event: 'started',
    key: 0xdeadbeef,
  }
  const announce = hex(`
    11223344556677880000000112345679aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2d5858303030312d6162636465666768696a6b6c
    000000000000000000000000000003e800000000000000000000000200000000deadbeefffffffff1ae1`)

  it('connect', () => {
    const bytes = hex('00000417271019800000000012345678')
    expect(encodeConnect(0x12345678)).toEqual(bytes)
    expect(value(decodeUdpRequest(bytes))).toEqual({ action: 'connect', transactionId: 0x12345678 })
  })

  it('connect reply', () => {
    const bytes = hex('00000000123456781122334455667788')
    const reply = {
      action: 'connect',
      transactionId: 0x12345678,
      connectionId: 0x1122334455667788n,
    } as const
    expect(value(decodeUdpResponse(bytes, 4))).toEqual(reply)
    expect(encodeUdpResponse(reply)).toEqual(bytes)
  })

  it('announce', () => {
    expect(toHex(encodeAnnounce(0x1122334455667788n, 0x12345679, request))).toBe(toHex(announce))
    expect(value(decodeUdpRequest(announce))).toEqual({
      action: 'announce',
      connectionId: 0x1122334455667788n,
      transactionId: 0x12345679,
      infoHash: request.infoHash,
      peerId: request.peerId,
      downloaded: 0,
      left: 1000,
      uploaded: 0,
      event: 'started',
      key: 0xdeadbeef,
      numwant: undefined,
      port: 6881,
      urlData: '',
    })
  })

  it('announce reply', () => {
    const bytes = hex('00000001123456790000070800000003000000057f0000011ae1')
    const reply = {
      action: 'announce',
      transactionId: 0x12345679,
      interval: 1800,
      leechers: 3,
      seeders: 5,
      peers: [{ host: '127.0.0.1', port: 6881 }],
    } as const
    expect(value(decodeUdpResponse(bytes, 4))).toEqual(reply)
    expect(encodeUdpResponse(reply)).toEqual(bytes)
  })
})

describe('URL data (BEP 41)', () => {
  const dir = '020c2f6469723f613d6226633d64'

  it('names the path and query', () => {
    expect(toHex(encodeUrlData('/dir?a=b&c=d'))).toBe(dir)
    expect(decodeUrlData(hex(dir))).toBe('/dir?a=b&c=d')
  })

  it('may be padded', () => {
    expect(decodeUrlData(hex(`${dir}010100`))).toBe('/dir?a=b&c=d')
  })

  it('may be empty', () => {
    expect(toHex(encodeUrlData(''))).toBe('0200')
    expect(decodeUrlData(hex('0200'))).toBe('')
  })
})
