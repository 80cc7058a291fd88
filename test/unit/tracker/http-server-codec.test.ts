import { describe, expect, it } from 'vitest'
import { decodeAnnounce, decodeScrape } from '../../../src/tracker/http-codec.js'
import {
  encodeHttpAnnounce,
  encodeHttpFailure,
  encodeHttpScrape,
  parseAnnounceQuery,
  parseScrapeQuery,
} from '../../../src/tracker/http-server-codec.js'
import { toHex, toLatin1, utf8 } from '../../../src/util/bytes.js'

const infoHash = new Uint8Array(20).fill(0xaa)
const hash = '%AA'.repeat(20)

describe('announce query', () => {
  const query = (changes: Record<string, string | undefined> = {}) =>
    Object.entries({ info_hash: hash, peer_id: 'p'.repeat(20), port: '6881', left: '1', ...changes })
      .filter(([, text]) => text !== undefined)
      .map(([name, text]) => `${name}=${text}`)
      .join('&')

  it('has defaults', () => {
    expect(parseAnnounceQuery(query())).toEqual({
      infoHash,
      peerId: utf8('p'.repeat(20)),
      port: 6881,
      isComplete: false,
      event: undefined,
      numwant: undefined,
      isCompact: true,
      wantsPeerIds: true,
    })
  })

  it.each([
    [{ left: '0' }, { isComplete: true }],
    [{ left: '000' }, { isComplete: true }],
    [{ left: '18446744073709551615' }, { isComplete: false }],
    [{ left: undefined }, { isComplete: false }],
    [{ left: 'x' }, { isComplete: false }],
    [{ event: 'started' }, { event: 'started' }],
    [{ event: 'paused' }, { event: 'paused' }],
    [{ event: '' }, { event: undefined }],
    [{ event: 'exploded' }, { event: undefined }],
    [{ numwant: '0' }, { numwant: 0 }],
    [{ numwant: '-1' }, { numwant: undefined }],
    [{ compact: '0' }, { isCompact: false }],
    [{ no_peer_id: '1' }, { wantsPeerIds: false }],
    [{ peer_id: `${'+'.repeat(19)}%7E` }, { peerId: utf8(`${' '.repeat(19)}~`) }],
    [{ info_hash: '%aA'.repeat(20) }, { infoHash }],
    [{ info_hash: '\xaa'.repeat(20) }, { infoHash }],
  ])('%j', (changes, parts) => {
    expect(parseAnnounceQuery(query(changes))).toMatchObject(parts)
  })

  it.each([
    ['', 'info_hash'],
    ['&&&=&', 'info_hash'],
    [query({ info_hash: undefined }), 'info_hash'],
    [query({ info_hash: '%AA'.repeat(19) }), 'info_hash'],
    [query({ info_hash: '' }), 'info_hash'],
    [query({ peer_id: 'p' }), 'peer_id'],
    [query({ port: undefined }), 'port'],
    [query({ port: '0' }), 'port'],
    [query({ port: '65536' }), 'port'],
    [query({ port: '-6881' }), 'port'],
    [query({ port: '68.81' }), 'port'],
    [query({ x: '%4' }), 'malformed'],
    [query({ x: '%' }), 'malformed'],
    [query({ x: '%zz' }), 'malformed'],
    [query({ x: '\u0100' }), 'malformed'],
    ['a=1&'.repeat(121), 'malformed'],
  ])('refuses %j', (text, reason) => {
    expect(parseAnnounceQuery(text)).toEqual({ failure: expect.stringContaining(reason) })
  })

  it('of a scrape names at most 100 hashes of 20 bytes', () => {
    expect(parseScrapeQuery('')).toEqual({ infoHashes: [] })
    expect(parseScrapeQuery(`info_hash=${hash}&info_hash=${hash}`)).toEqual({
      infoHashes: [infoHash, infoHash],
    })
    expect(parseScrapeQuery('info_hash=abc')).toEqual({ failure: expect.stringContaining('20 bytes') })
    const many = Array.from({ length: 101 }, () => `info_hash=${hash}`).join('&')
    expect(parseScrapeQuery(many)).toEqual({ failure: expect.stringContaining('100') })
    // A broken query is no request for everything.
    expect(parseScrapeQuery('info_hash=%zz')).toEqual({ failure: 'malformed query' })
  })
})

describe('answers of the server', () => {
  const counts = { interval: 1, minInterval: 1, complete: 0, incomplete: 0, downloaded: 0 }
  const form = { isCompact: true, wantsPeerIds: true }

  it('are canonical bencode', () => {
    const body = encodeHttpAnnounce({ ...counts, externalIp: Uint8Array.of(1, 2, 3, 4) }, [], [], form)
    expect(toLatin1(body)).toBe(
      'd8:completei0e10:downloadedi0e11:external ip4:\x01\x02\x03\x0410:incompletei0e8:intervali1e12:min intervali1e5:peers0:e',
    )
  })

  it('say failures with the minutes of BEP 31', () => {
    expect(toLatin1(encodeHttpFailure('no'))).toBe('d14:failure reason2:noe')
    expect(decodeAnnounce(encodeHttpFailure('no', 1))).toMatchObject({ error: { retryIn: 60_000 } })
    expect(decodeAnnounce(encodeHttpFailure('no', 'never'))).toMatchObject({
      error: { retryIn: Number.POSITIVE_INFINITY },
    })
  })

  it('count torrents by their hash', () => {
    const entry = { complete: 1, downloaded: 2, incomplete: 3, downloaders: 2 }
    const body = encodeHttpScrape(new Map([['\xff'.repeat(20), entry]]))
    const decoded = decodeScrape(body)
    expect(decoded).toEqual({ ok: true, value: new Map([['ff'.repeat(20), entry]]) })
    expect(toHex(body)).toContain('ff'.repeat(20))
  })
})
