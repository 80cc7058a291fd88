import { describe, expect, it } from 'vitest'
import { type AnnounceRequest, MAX_PEERS } from '../../../src/tracker/types.js'
import {
  decodeUdpRequest,
  decodeUdpResponse,
  decodeUrlData,
  encodeAnnounce,
  encodeAnnounceResponse,
  encodeConnect,
  encodeScrape,
  encodeUdpResponse,
  encodeUrlData,
  SCRAPE_BATCH,
} from '../../../src/tracker/udp-codec.js'
import { concatBytes, fromHex, readU32, utf8, writeU32 } from '../../../src/util/bytes.js'

const ID = 0xffee_ddcc_bbaa_9988n
const request: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: new Uint8Array(20).fill(0x70),
  port: 65_535,
  uploaded: 0,
  downloaded: 0,
  left: 0,
  key: 1,
}
const announced = (changes: Partial<AnnounceRequest>, target = '') => {
  const result = decodeUdpRequest(encodeAnnounce(ID, 7, { ...request, ...changes }, target))
  if (!result.ok || result.value.action !== 'announce') throw new Error('no announce')
  return result.value
}
const code = (result: { ok: true } | { ok: false; error: { code: string } }) =>
  result.ok ? 'ok' : result.error.code

describe('announce request', () => {
  it.each([
    ['downloaded', 0],
    ['downloaded', 2 ** 32 - 1],
    ['left', 2 ** 32],
    ['left', 2 ** 53 - 1],
    ['uploaded', 2n ** 53n],
    ['uploaded', 2n ** 64n - 1n],
  ] as const)('carries %s = %s exactly', (field, value) => {
    expect(announced({ [field]: value })).toMatchObject({
      downloaded: 0,
      left: 0,
      uploaded: 0,
      [field]: value,
    })
  })

  it.each([
    [undefined, 0],
    ['completed', 1],
    ['started', 2],
    ['stopped', 3],
  ] as const)('event %s is %i', (event, number) => {
    expect(readU32(encodeAnnounce(ID, 7, { ...request, event }), 80)).toBe(number)
    expect(announced({ event }).event).toBe(event)
  })

  it('of a partial seed has no event of its own (BEP 21), but one of 4 is understood', () => {
    const bytes = encodeAnnounce(ID, 7, { ...request, paused: true })
    expect(readU32(bytes, 80)).toBe(0)
    for (const [number, event] of [
      [4, 'paused'],
      [5, undefined],
      [0xffffffff, undefined],
    ] as const) {
      writeU32(bytes, 80, number)
      expect(decodeUdpRequest(bytes)).toMatchObject({ ok: true, value: { event } })
    }
  })

  it('leaves the IP to the source, and numwant to the tracker', () => {
    const bytes = encodeAnnounce(ID, 7, request)
    expect(bytes).toHaveLength(98)
    expect(readU32(bytes, 84)).toBe(0)
    expect(readU32(bytes, 92)).toBe(0xffffffff)
    expect(announced({}).numwant).toBeUndefined()
    expect(announced({ numwant: 0 }).numwant).toBe(0)
    expect(announced({ numwant: 200 }).numwant).toBe(200)
  })

  it('sends the first 20 bytes of a v2 hash, and refuses other lengths', () => {
    const v2 = Uint8Array.from({ length: 32 }, (_, i) => i)
    expect(announced({ infoHash: v2 }).infoHash).toEqual(v2.slice(0, 20))
    expect(() => announced({ infoHash: new Uint8Array(21) })).toThrow(RangeError)
    expect(() => announced({ peerId: new Uint8Array(19) })).toThrow(RangeError)
  })
})

describe('URL data (BEP 41)', () => {
  it.each([0, 1, 254, 255, 256, 510, 511, 7_000])('of %i bytes comes back', (length) => {
    const target = `/${'é'.repeat(length)}`.slice(0, length)
    const options = encodeUrlData(target)
    const bytes = utf8(target).length
    expect(options.length).toBe(bytes + 2 * Math.max(1, Math.ceil(bytes / 255)))
    expect(decodeUrlData(options)).toBe(target)
    expect(announced({}, target).urlData).toBe(target)
  })

  it.each([
    ['no option', '', ''],
    ['an end before it', '00020161', ''],
    ['an end behind it', '02016100020162', 'a'],
    ['NOPs around it', '010102016101', 'a'],
    ['unknown options around it', '05026262020161ff00', 'a'],
    ['an empty unknown option', '0300020161', 'a'],
    ['two parts', '020161020162', 'ab'],
    ['a part cut short', '020161020562', 'a'],
    ['no length', '02016102', 'a'],
    ['an unknown option cut short', '020161090561', 'a'],
  ])('with %s', (_, hex, target) => {
    expect(decodeUrlData(fromHex(hex) as Uint8Array)).toBe(target)
  })

  it('splits a character in two and joins it again', () => {
    const target = `/${'a'.repeat(253)}é`
    expect(encodeUrlData(target)[1]).toBe(255)
    expect(decodeUrlData(encodeUrlData(target))).toBe(target)
  })
})

describe('requests that are none', () => {
  const connect = encodeConnect(7)
  const scrape = encodeScrape(ID, 7, [request.infoHash])
  const wrong = connect.slice()
  wrong[7] = 0x81
  const other = connect.slice()
  writeU32(other, 8, 3)

  it.each([
    ['empty', new Uint8Array(0), 'tracker/short-datagram'],
    ['a connect of 15 bytes', connect.subarray(0, 15), 'tracker/short-datagram'],
    ['a connect without the magic number', wrong, 'tracker/wrong-protocol'],
    ['an announce of 97 bytes', encodeAnnounce(ID, 7, request).subarray(0, 97), 'tracker/short-datagram'],
    ['action 3', other, 'tracker/unknown-action'],
    ['a longer connect', concatBytes(connect, new Uint8Array(9)), 'ok'],
    ['a scrape of nothing', scrape.subarray(0, 16), 'ok'],
    ['a scrape of half a hash', scrape.subarray(0, 26), 'ok'],
  ])('%s', (_, bytes, expected) => {
    expect(code(decodeUdpRequest(bytes))).toBe(expected)
  })

  it('take 74 hashes of a scrape, and encode no more', () => {
    const hashes = Array.from({ length: SCRAPE_BATCH }, (_, i) => new Uint8Array(20).fill(i))
    expect(decodeUdpRequest(encodeScrape(ID, 7, hashes))).toMatchObject({ value: { infoHashes: hashes } })
    expect(() => encodeScrape(ID, 7, [...hashes, request.infoHash])).toThrow(RangeError)
    expect(() => encodeScrape(ID, 7, [new Uint8Array(5)])).toThrow(RangeError)
    const longer = concatBytes(encodeScrape(ID, 7, hashes), new Uint8Array(2_000))
    expect(decodeUdpRequest(longer)).toMatchObject({ value: { infoHashes: { length: SCRAPE_BATCH } } })
  })
})

describe('responses', () => {
  it('decode to what was encoded', () => {
    for (const [family, response] of [
      [4, { action: 'connect', transactionId: 0xffffffff, connectionId: ID }],
      [6, { action: 'error', transactionId: 1, message: 'sorry, é' }],
      [
        4,
        {
          action: 'scrape',
          transactionId: 2,
          entries: [
            { complete: 1, downloaded: 2, incomplete: 3 },
            { complete: 0xffffffff, downloaded: 0, incomplete: 0 },
          ],
        },
      ],
      [
        6,
        {
          action: 'announce',
          transactionId: 3,
          interval: 0xffffffff,
          leechers: 1,
          seeders: 2,
          peers: [
            { host: '2001:db8::1', port: 1 },
            { host: '::1', port: 65_535 },
          ],
        },
      ],
    ] as const)
      expect(decodeUdpResponse(encodeUdpResponse(response), family)).toEqual({ ok: true, value: response })
  })

  it.each([
    ['nothing', '', 'tracker/short-datagram'],
    ['7 bytes', '00000003000000', 'tracker/short-datagram'],
    ['a connect of 15 bytes', '000000000000000100000000000000', 'tracker/short-datagram'],
    ['an announce of 19 bytes', `0000000100000001${'00'.repeat(11)}`, 'tracker/short-datagram'],
    ['action 4', '0000000400000001', 'tracker/unknown-action'],
    ['a longer connect', `0000000000000001${'00'.repeat(20)}`, 'ok'],
    ['an error without text', '0000000300000001', 'ok'],
    ['a scrape without entries', '0000000200000001', 'ok'],
  ])('of %s', (_, hex, expected) => {
    expect(code(decodeUdpResponse(fromHex(hex) as Uint8Array, 4))).toBe(expected)
  })

  const answer = (list: Uint8Array, family: 4 | 6) => {
    const head = encodeAnnounceResponse(7, 1, 0, 0, [])
    const result = decodeUdpResponse(concatBytes(head, list), family)
    if (!result.ok || result.value.action !== 'announce') throw new Error('no announce')
    return result.value.peers
  }

  it('have entries of the family of the packet, unusable and cut ones left out', () => {
    const list = Uint8Array.of(1, 2, 3, 4, 0, 80, 0, 0, 0, 0, 0, 80, 5, 6, 7, 8, 0, 0, 1, 1)
    expect(answer(list, 4)).toEqual([{ host: '1.2.3.4', port: 80 }])
    expect(answer(list, 6)).toEqual([])
    expect(answer(Uint8Array.of(...new Uint8Array(15), 1, 0, 80, 9), 6)).toEqual([{ host: '::1', port: 80 }])
  })

  it(`name ${MAX_PEERS} peers at most`, () => {
    expect(answer(new Uint8Array(65_480).fill(1), 4)).toHaveLength(MAX_PEERS)
  })

  it('make an error one line of printable text', () => {
    const bytes = concatBytes(
      Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 1),
      utf8(`no\u001b[2J\n${'x'.repeat(2_000)}`),
    )
    const result = decodeUdpResponse(bytes, 4)
    const message = result.ok && result.value.action === 'error' ? result.value.message : ''
    expect(message.startsWith('no [2J x')).toBe(true)
    expect(message.length).toBeLessThanOrEqual(500)
  })
})
