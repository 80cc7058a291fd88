import { describe, expect, it } from 'vitest'
import { TrackerCore, type TrackerCoreOptions } from '../../../src/tracker/server.js'
import type { AnnounceRequest } from '../../../src/tracker/types.js'
import {
  decodeUdpResponse,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  type UdpResponse,
} from '../../../src/tracker/udp-codec.js'
import { seededRandom } from '../../support/random.js'
import { announceRequest } from '../../support/tracker.js'

const MINUTE = 60_000
const hashOf = (torrent: number) => new Uint8Array(20).fill(torrent)
const request = (changes: Partial<AnnounceRequest> = {}) =>
  announceRequest({ infoHash: hashOf(1), ...changes })

const core = (options: Partial<TrackerCoreOptions> = {}) =>
  new TrackerCore({ random: seededRandom(1), requestsPerSecond: Number.POSITIVE_INFINITY, ...options })

const counts = (tracker: TrackerCore) => {
  const { complete, incomplete, downloaded, downloaders } = tracker.scrape(hashOf(1), 0)
  return [complete, incomplete, downloaded, downloaders]
}

function udp(tracker: TrackerCore, bytes: Uint8Array, host: string, now: number): UdpResponse | undefined {
  const reply = tracker.udp(bytes, host, now)
  const decoded = reply && decodeUdpResponse(reply, host.includes(':') ? 6 : 4)
  return decoded?.ok ? decoded.value : undefined
}
function connect(tracker: TrackerCore, host: string, now = 0): bigint {
  const reply = udp(tracker, encodeConnect(1), host, now)
  if (reply?.action !== 'connect') throw new Error('no connection')
  return reply.connectionId
}
function udpAnnounce(tracker: TrackerCore, host: string, changes: Partial<AnnounceRequest> = {}, now = 0) {
  const reply = udp(tracker, encodeAnnounce(connect(tracker, host, now), 9, request(changes)), host, now)
  if (reply?.action !== 'announce') throw new Error(`got ${reply?.action}`)
  return reply
}

describe('UDP', () => {
  it('announces: counts, interval, peers of the family of the datagram', () => {
    const tracker = core({ interval: 900 })
    udpAnnounce(tracker, '10.0.0.1', { left: 0 })
    udpAnnounce(tracker, '2001:db8::1')
    expect(udpAnnounce(tracker, '10.0.0.2')).toEqual({
      action: 'announce',
      transactionId: 9,
      interval: 900,
      leechers: 2,
      seeders: 1,
      peers: [{ host: '10.0.0.1', port: 6881 }],
    })
    expect(udpAnnounce(tracker, '2001:db8::2').peers).toEqual([{ host: '2001:db8::1', port: 6881 }])
    expect(tracker.stats.peers).toBe(4)
  })

  it('hears events, value 4 for a partial seed among them', () => {
    const tracker = core()
    udpAnnounce(tracker, '10.0.0.1', { event: 'started' })
    udpAnnounce(tracker, '10.0.0.1', { event: 'completed', left: 0 })
    expect(counts(tracker)).toEqual([1, 0, 1, 0])
    const paused = encodeAnnounce(connect(tracker, '10.0.0.2'), 9, request())
    paused[83] = 4
    expect(udp(tracker, paused, '10.0.0.2', 0)?.action).toBe('announce')
    expect(counts(tracker)).toEqual([1, 1, 1, 0])
    expect(udpAnnounce(tracker, '10.0.0.1', { event: 'stopped' }).peers).toEqual([])
    expect(counts(tracker)).toEqual([0, 1, 1, 0])
  })

  it('answers within the size of a datagram', () => {
    const tracker = core()
    for (let i = 0; i < 400; i++) {
      udpAnnounce(tracker, `10.0.${i >> 8}.${i & 255}`, { numwant: 0 })
      udpAnnounce(tracker, `2001:db8::${i.toString(16)}`, { numwant: 0 })
    }
    for (const host of ['10.9.9.9', '2001:db8:9::9']) {
      for (const numwant of [undefined, 1_000_000]) {
        const bytes = encodeAnnounce(connect(tracker, host), 9, request({ numwant }))
        const size = tracker.udp(bytes, host, 0)?.length ?? 0
        expect(size).toBeLessThanOrEqual(1400)
        expect(size).toBeGreaterThanOrEqual(320)
      }
    }
    const scrape = encodeScrape(connect(tracker, '10.0.0.1'), 9, new Array(74).fill(hashOf(1)))
    expect(tracker.udp(scrape, '10.0.0.1', 0)).toHaveLength(8 + 74 * 12)
  })

  it('scrapes in the order asked', () => {
    const tracker = core()
    udpAnnounce(tracker, '10.0.0.1', { left: 0 })
    const bytes = encodeScrape(connect(tracker, '10.0.0.1'), 9, [hashOf(2), hashOf(1)])
    expect(udp(tracker, bytes, '10.0.0.1', 0)).toMatchObject({
      transactionId: 9,
      entries: [
        { complete: 0, downloaded: 0, incomplete: 0 },
        { complete: 1, downloaded: 0, incomplete: 0 },
      ],
    })
  })

  it('refuses port 0 with a reason', () => {
    const tracker = core()
    const bytes = encodeAnnounce(connect(tracker, '10.0.0.1'), 9, request({ port: 0 }))
    expect(udp(tracker, bytes, '10.0.0.1', 0)).toMatchObject({ action: 'error', transactionId: 9 })
    expect(tracker.stats).toMatchObject({ refused: 1, peers: 0 })
  })

  it('binds connection ids to the IP, not to the port, for two to four minutes', () => {
    const tracker = core()
    const good = (id: bigint, host: string, now: number) =>
      udp(tracker, encodeAnnounce(id, 1, request()), host, now) !== undefined
    for (const issued of [0, 119_999, 1_234_567]) {
      const id = connect(tracker, '10.0.0.1', issued)
      expect(good(id, '10.0.0.1', issued)).toBe(true)
      expect(good(id, '::ffff:10.0.0.1', issued)).toBe(true)
      expect(good(id, '10.0.0.1', issued + 2 * MINUTE)).toBe(true)
      expect(good(id, '10.0.0.1', issued + 4 * MINUTE)).toBe(false)
      expect(good(id, '10.0.0.2', issued)).toBe(false)
      expect(good(id ^ 1n, '10.0.0.1', issued)).toBe(false)
    }
    expect(good(0n, '10.0.0.1', 0)).toBe(false)
    expect(connect(tracker, '10.0.0.1')).not.toBe(connect(core({ random: seededRandom(2) }), '10.0.0.1'))
  })

  it('says nothing to what is malformed or forged', () => {
    const tracker = core()
    const id = connect(tracker, '10.0.0.1')
    const announce = encodeAnnounce(id, 1, request())
    const wrongMagic = encodeConnect(1)
    wrongMagic[0] = 1
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(15),
      wrongMagic,
      announce.subarray(0, 97),
      encodeScrape(id ^ 1n, 1, [hashOf(1)]),
    ])
      expect(tracker.udp(bytes, '10.0.0.1', 0)).toBeUndefined()
    expect(tracker.stats).toMatchObject({ connects: 1, refused: 5, announces: 0, scrapes: 0 })
  })

  it('never answers a connect with more than it got', () => {
    expect(core().udp(encodeConnect(1), '10.0.0.1', 0)).toHaveLength(16)
  })

  it('limits UDP by silence', () => {
    const tracker = core({ requestsPerSecond: 1, burst: 1 })
    const id = connect(tracker, '10.0.0.1')
    const bytes = encodeAnnounce(id, 1, request())
    expect(udp(tracker, bytes, '10.0.0.1', 0)?.action).toBe('announce')
    expect(udp(tracker, bytes, '10.0.0.1', 0)).toBeUndefined()
    expect(udp(tracker, encodeScrape(id, 1, [hashOf(1)]), '10.0.0.1', 0)).toBeUndefined()
    expect(connect(tracker, '10.0.0.1')).toBe(id)
  })

  it('refuses what is not allowed, with the reason', () => {
    const tracker = core({ allow: () => false })
    const id = connect(tracker, '10.0.0.1')
    expect(udp(tracker, encodeAnnounce(id, 1, request()), '10.0.0.1', 0)).toMatchObject({
      action: 'error',
      transactionId: 1,
      message: 'this torrent is not tracked here',
    })
    expect(tracker.stats).toMatchObject({ refused: 1, swarms: 0 })
  })
})
