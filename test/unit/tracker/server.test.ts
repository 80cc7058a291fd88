import { describe, expect, it } from 'vitest'
import { asBytes, asDict, asInteger, asList, asText, decode } from '../../../src/bencode/index.js'
import { decodeAnnounce, decodeScrape } from '../../../src/tracker/http-codec.js'
import { TrackerCore, type TrackerCoreOptions } from '../../../src/tracker/server.js'
import { toHex, toLatin1 } from '../../../src/util/bytes.js'
import { seededRandom } from '../../support/random.js'

const MINUTE = 60_000
const hashOf = (torrent: number) => new Uint8Array(20).fill(torrent)

const core = (options: Partial<TrackerCoreOptions> = {}) =>
  new TrackerCore({ random: seededRandom(1), requestsPerSecond: Number.POSITIVE_INFINITY, ...options })

type Query = Partial<
  Record<'event' | 'left' | 'numwant' | 'compact' | 'no_peer_id' | 'port', string | number>
>

/** The body of an announce over HTTP. */
function ask(tracker: TrackerCore, host: string, query: Query = {}, now = 0, torrent = 1) {
  const all = { left: 1, port: 6881, ...query }
  const text = Object.entries(all).map(([name, value]) => `${name}=${value}`)
  const hash = `%${toHex(Uint8Array.of(torrent))}`.repeat(20)
  const target = `/announce?info_hash=${hash}&peer_id=${host.padEnd(20, '-').slice(0, 20)}&${text.join('&')}`
  const { status, body } = tracker.http(target, host, now)
  expect(status).toBe(200)
  return body
}
function answer(...request: Parameters<typeof ask>) {
  const decoded = decodeAnnounce(ask(...request))
  if (!decoded.ok) throw decoded.error
  return decoded.value
}
const hosts = (...request: Parameters<typeof ask>) =>
  answer(...request)
    .peers.map(({ address }) => address.host)
    .sort()
const counts = (tracker: TrackerCore, now = 0, torrent = 1) => {
  const { complete, incomplete, downloaded, downloaders } = tracker.scrape(hashOf(torrent), now)
  return [complete, incomplete, downloaded, downloaders]
}

describe('a swarm', () => {
  it('brings peers together, without the asker', () => {
    const tracker = core()
    expect(hosts(tracker, '10.0.0.1')).toEqual([])
    expect(hosts(tracker, '10.0.0.2')).toEqual(['10.0.0.1'])
    expect(hosts(tracker, '10.0.0.1', {}, 5)).toEqual(['10.0.0.2'])
    expect(hosts(tracker, '10.0.0.3', {}, 5, 2)).toEqual([])
    expect(tracker.stats).toMatchObject({ announces: 4, swarms: 2, peers: 3, refused: 0 })
  })

  it('knows peers by address and port', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1', { port: 1 })
    answer(tracker, '10.0.0.1', { port: 2 })
    expect(answer(tracker, '10.0.0.1', { port: 1 }).peers).toEqual([
      { address: { host: '10.0.0.1', port: 2 } },
    ])
    expect(tracker.stats.peers).toBe(2)
  })

  it('counts seeds, leechers and partial seeds through all events', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1', { left: 0, event: 'started' })
    answer(tracker, '10.0.0.2', { event: 'started' })
    answer(tracker, '10.0.0.3', { event: 'paused' })
    expect(counts(tracker)).toEqual([1, 2, 0, 1])
    answer(tracker, '10.0.0.2', { left: 0, event: 'completed' })
    expect(counts(tracker)).toEqual([2, 1, 1, 0])
    answer(tracker, '10.0.0.2', { left: 0, event: 'completed' })
    answer(tracker, '10.0.0.2', { left: 0 })
    expect(counts(tracker)).toEqual([2, 1, 1, 0])
    answer(tracker, '10.0.0.3', { left: 1 })
    expect(counts(tracker)).toEqual([2, 1, 1, 1])
    expect(answer(tracker, '10.0.0.2', { event: 'stopped' })).toMatchObject({
      peers: [],
      complete: 1,
      incomplete: 1,
    })
    answer(tracker, '10.0.0.2', { event: 'stopped' })
    expect(counts(tracker)).toEqual([1, 1, 1, 1])
    expect(tracker.stats.peers).toBe(2)
  })

  it('is not made by a farewell', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1', { event: 'stopped' })
    expect(tracker.stats).toMatchObject({ swarms: 0, peers: 0 })
  })

  it('hands seeds to seeds and partial seeds only where leechers leave room', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1', { left: 0 })
    answer(tracker, '10.0.0.2', { left: 1 })
    answer(tracker, '10.0.0.3', { left: 1, event: 'paused' })
    answer(tracker, '2001:db8::1', { left: 1 })
    const seed = { left: 0, numwant: 2 }
    expect(hosts(tracker, '10.0.0.4', seed)).toEqual(['10.0.0.2', '2001:db8::1'])
    expect(hosts(tracker, '10.0.0.3', { left: 1, event: 'paused', numwant: 2 })).toEqual([
      '10.0.0.2',
      '2001:db8::1',
    ])
    expect(hosts(tracker, '10.0.0.4', { left: 0 })).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
      '2001:db8::1',
    ])
    expect(hosts(tracker, '10.0.0.2')).toEqual(['10.0.0.1', '10.0.0.3', '10.0.0.4', '2001:db8::1'])
  })

  it('names its seeds to a client with a magnet, which announces left=0 until it has the metadata', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1', { left: 0, event: 'started' })
    expect(hosts(tracker, '10.0.0.2', { left: 0, event: 'started' })).toEqual(['10.0.0.1'])
  })

  it('gives leechers both kinds, whatever the proportion', () => {
    for (const [seeds, leechers] of [
      [1, 200],
      [200, 1],
      [5, 5],
      [0, 60],
      [60, 0],
    ] as const) {
      const tracker = core()
      for (let i = 0; i < seeds; i++) answer(tracker, `10.1.0.${i}`, { left: 0 })
      for (let i = 0; i < leechers; i++) answer(tracker, `10.2.0.${i}`)
      const found = hosts(tracker, '10.3.0.1', { numwant: 20 })
      expect(found).toHaveLength(Math.min(20, seeds + leechers))
      expect(new Set(found).size).toBe(found.length)
      expect(found.some((host) => host.startsWith('10.1'))).toBe(seeds > 0)
      expect(found.some((host) => host.startsWith('10.2'))).toBe(leechers > 0)
    }
  })

  it('hands out other peers each time', () => {
    const tracker = core()
    for (let i = 0; i < 250; i++) answer(tracker, `10.0.0.${i}`, { numwant: 0 })
    const seen = new Set<string>()
    for (let i = 0; i < 60; i++)
      for (const host of hosts(tracker, '10.9.9.9', { numwant: 20 })) seen.add(host)
    expect(seen.size).toBeGreaterThan(230)
  })

  it.each([
    [undefined, 50],
    [0, 0],
    [1, 1],
    [7, 7],
    [-1, 50],
    [1_000_000, 200],
  ])('numwant %s gives %i', (numwant, count) => {
    const tracker = core()
    for (let i = 0; i < 250; i++) answer(tracker, `10.0.${i}.1`, { left: i % 2, numwant: 0 })
    expect(answer(tracker, '10.9.9.9', numwant === undefined ? {} : { numwant }).peers).toHaveLength(count)
  })

  it('forgets peers after two intervals and a bit, and itself with them', () => {
    const tracker = core({ interval: 60 })
    answer(tracker, '10.0.0.1', { left: 0 }, 0)
    answer(tracker, '10.0.0.2', {}, 2 * MINUTE)
    expect(counts(tracker, 2.2 * MINUTE)).toEqual([1, 1, 0, 1])
    expect(counts(tracker, 2.2 * MINUTE + 1)).toEqual([0, 1, 0, 1])
    answer(tracker, '10.0.0.9', {}, 10 * MINUTE, 2)
    answer(tracker, '10.0.0.9', {}, 10 * MINUTE, 2)
    expect(tracker.stats).toMatchObject({ swarms: 1, peers: 1 })
  })
})

describe('bounds', () => {
  it('remembers so many torrents, the ones that were announced last', () => {
    const tracker = core({ maxSwarms: 3 })
    for (const torrent of [1, 2, 3, 1, 4, 5]) answer(tracker, '10.0.0.1', {}, torrent, torrent)
    expect(tracker.stats).toMatchObject({ swarms: 3, peers: 3 })
    expect([1, 2, 3, 4, 5].map((torrent) => counts(tracker, 0, torrent)[1])).toEqual([1, 0, 0, 1, 1])
  })

  it('remembers so many peers', () => {
    const tracker = core({ maxPeers: 10 })
    for (let i = 0; i < 50; i++) answer(tracker, `10.0.0.${i}`, {}, i, 1 + (i % 3))
    expect(tracker.stats.peers).toBe(10)
    const known = [1, 2, 3].map((torrent) => counts(tracker, 50, torrent)[1] ?? 0)
    expect(known.reduce((sum, count) => sum + count)).toBe(10)
    const one = core({ maxPeers: 5 })
    for (let i = 0; i < 20; i++) answer(one, `10.0.0.${i}`, {}, i)
    expect(hosts(one, '10.0.0.19')).toEqual(['10.0.0.15', '10.0.0.16', '10.0.0.17', '10.0.0.18'])
  })

  it('answers so many requests of an address a second, and says when to come back', () => {
    const tracker = core({ requestsPerSecond: 2, burst: 3 })
    const asked = (host: string, now: number) => decodeAnnounce(ask(tracker, host, {}, now)).ok
    expect([0, 0, 0, 0].map((now) => asked('10.0.0.1', now))).toEqual([true, true, true, false])
    expect(asked('10.0.0.2', 0)).toBe(true)
    expect([499, 500, 501].map((now) => asked('10.0.0.1', now))).toEqual([false, true, false])
    expect(decodeAnnounce(ask(tracker, '10.0.0.1', {}, 502))).toMatchObject({
      error: { code: 'tracker/failure', retryIn: MINUTE },
    })
    expect(asked('10.0.0.1', 10 * MINUTE)).toBe(true)
    expect(tracker.stats.refused).toBe(4)
  })

  it('counts an IPv6 /64 as one, and a mapped address as IPv4', () => {
    const tracker = core({ requestsPerSecond: 1, burst: 1 })
    const asked = (host: string) => decodeAnnounce(ask(tracker, host)).ok
    expect(['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'].map(asked)).toEqual([true, false, true])
    expect(['::ffff:10.0.0.1', '10.0.0.1'].map(asked)).toEqual([true, false])
  })

  it('tracks only what is allowed', () => {
    const tracker = core({ allow: (infoHash) => infoHash[0] === 2 })
    expect(decodeAnnounce(ask(tracker, '10.0.0.1'))).toMatchObject({
      error: { code: 'tracker/failure', retryIn: Number.POSITIVE_INFINITY },
    })
    expect(answer(tracker, '10.0.0.1', {}, 0, 2).peers).toEqual([])
    expect(tracker.stats).toMatchObject({ refused: 1, swarms: 1 })
  })
})

describe('HTTP', () => {
  it('answers in the compact form, peers of both families', () => {
    const tracker = core({ interval: 900 })
    answer(tracker, '10.0.0.1')
    answer(tracker, '2001:db8::1')
    for (const host of ['10.0.0.9', '2001:db8::9']) {
      const body = asDict(decode(ask(tracker, host, { event: 'stopped' })))
      expect(asBytes(body?.get('peers'))).toHaveLength(0)
      const full = asDict(decode(ask(tracker, host)))
      expect(toHex(asBytes(full?.get('peers')) as Uint8Array)).toContain('0a0000011ae1')
      expect((asBytes(full?.get('peers6')) as Uint8Array).length % 18).toBe(0)
      expect(hosts(tracker, host)).toEqual(expect.arrayContaining(['10.0.0.1', '2001:db8::1']))
    }
    expect(answer(tracker, '10.0.0.9')).toMatchObject({
      interval: 900,
      minInterval: 60,
      externalIp: '10.0.0.9',
    })
    expect(answer(tracker, '2001:db8::9').externalIp).toBe('2001:db8::9')
  })

  it('answers in the dictionary form on request, with or without peer ids', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1')
    answer(tracker, '2001:db8::1')
    const peers = (query: Query) =>
      asList(asDict(decode(ask(tracker, '10.0.0.9', query)))?.get('peers')) ?? []
    const full = peers({ compact: 0 }).map(asDict)
    expect(full.map((peer) => asText(peer?.get('ip'))).sort()).toEqual(['10.0.0.1', '2001:db8::1'])
    expect(full.map((peer) => asInteger(peer?.get('port')))).toEqual([6881, 6881])
    expect(asText(full[0]?.get('peer id'))).toBe('10.0.0.1------------')
    const [bare] = peers({ compact: 0, no_peer_id: 1 }).map(asDict)
    expect(bare?.has('peer id')).toBe(false)
  })

  it('keeps numwant over both families together', () => {
    const tracker = core()
    for (let i = 1; i < 10; i++) {
      answer(tracker, `10.0.0.${i}`, { numwant: 0 })
      answer(tracker, `2001:db8::${i}`, { numwant: 0 })
    }
    expect(answer(tracker, '10.9.9.9', { numwant: 12 }).peers).toHaveLength(12)
  })

  it('scrapes the torrents that are named, zeros for unknown ones', () => {
    const tracker = core()
    answer(tracker, '10.0.0.1', { left: 0, event: 'completed' })
    answer(tracker, '10.0.0.2', { event: 'paused' })
    const { body } = tracker.http(
      `/scrape?info_hash=${'%01'.repeat(20)}&info_hash=${'%02'.repeat(20)}`,
      '::1',
      0,
    )
    expect(decodeScrape(body)).toEqual({
      ok: true,
      value: new Map([
        ['01'.repeat(20), { complete: 1, downloaded: 1, incomplete: 1, downloaders: 0 }],
        ['02'.repeat(20), { complete: 0, downloaded: 0, incomplete: 0, downloaders: 0 }],
      ]),
    })
    expect(tracker.stats).toMatchObject({ scrapes: 1, swarms: 1 })
  })

  it('scrapes everything only where that is wanted', () => {
    const closed = core()
    expect(decodeScrape(closed.http('/scrape', '::1', 0).body)).toMatchObject({ ok: false })
    const open = core({ fullScrape: true })
    answer(open, '10.0.0.1', {}, 0, 1)
    answer(open, '10.0.0.1', {}, 0, 2)
    const all = decodeScrape(open.http('/scrape', '::1', 0).body)
    expect(all.ok && all.value.size).toBe(2)
    expect(decodeScrape(open.http('/scrape?info_hash=%zz', '::1', 0).body)).toMatchObject({ ok: false })
  })

  it.each(['/announce', '/announce?', '/announce?info_hash=abc', '/scrape?info_hash=abc', '/announce?%'])(
    'refuses %s with a reason, for good',
    (target) => {
      const tracker = core()
      const { status, body } = tracker.http(target, '10.0.0.1', 0)
      expect(status).toBe(200)
      expect(decodeAnnounce(body)).toMatchObject({
        error: { code: 'tracker/failure', retryIn: Number.POSITIVE_INFINITY },
      })
      expect(tracker.stats.refused).toBe(1)
    },
  )

  it.each(['/', '', '/announce/x', '/favicon.ico', 'http://t/announce?x', '*'])('has no %j', (target) => {
    const { status, body } = core().http(target, '10.0.0.1', 0)
    expect(status).toBe(404)
    expect(toLatin1(body)).toContain('tracker')
  })
})
