import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { announceUrl, decodeAnnounce, decodeScrape, scrapeUrl } from '../../src/tracker/http-codec.js'
import {
  encodeHttpAnnounce,
  encodeHttpScrape,
  parseAnnounceQuery,
  parseScrapeQuery,
} from '../../src/tracker/http-server-codec.js'
import { TrackerCore } from '../../src/tracker/server.js'
import { Swarm, type SwarmAnnounce } from '../../src/tracker/swarm.js'
import { escapeBytes, messageText, parseTrackerUrl } from '../../src/tracker/text.js'
import { type AnnounceRequest, MAX_PEERS } from '../../src/tracker/types.js'
import {
  decodeUdpRequest,
  decodeUdpResponse,
  decodeUrlData,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  encodeUdpResponse,
  encodeUrlData,
  SCRAPE_BATCH,
  type UdpResponse,
} from '../../src/tracker/udp-codec.js'
import { UdpExchange } from '../../src/tracker/udp-exchange.js'
import { encodeCompact, ipFromBytes, isDialable } from '../../src/util/address.js'
import { concatBytes, toHex, toLatin1 } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'
import { seededRandom } from '../support/random.js'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const port = fc.integer({ min: 1, max: 65_535 })
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const hash = bytes(20)
const event = fc.constantFrom('started', 'completed', 'stopped', undefined)
const addresses = (family: 4 | 6) =>
  fc
    .record({ host: bytes(family === 4 ? 4 : 16).map(ipFromBytes), port })
    .filter((address) => isDialable(address) && address.host.includes(':') === (family === 6))

const request: fc.Arbitrary<AnnounceRequest> = fc.record({
  infoHash: hash,
  peerId: hash,
  port,
  uploaded: u64,
  downloaded: u64,
  left: u64,
  event,
  numwant: fc.option(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { nil: undefined }),
  key: u32,
  trackerId: fc.option(
    fc.uint8Array({ maxLength: 30 }).map((id) => toLatin1(id)),
    { nil: undefined },
  ),
})

const response: fc.Arbitrary<{ family: 4 | 6; response: UdpResponse }> = fc
  .constantFrom<4 | 6>(4, 6)
  .chain((family) =>
    fc.record({
      family: fc.constant(family),
      response: fc.oneof(
        fc.record({ action: fc.constant('connect' as const), transactionId: u32, connectionId: u64 }),
        fc.record({
          action: fc.constant('announce' as const),
          transactionId: u32,
          interval: u32,
          leechers: u32,
          seeders: u32,
          peers: fc.array(addresses(family), { maxLength: 10 }),
        }),
        fc.record({
          action: fc.constant('scrape' as const),
          transactionId: u32,
          entries: fc.array(fc.record({ complete: u32, downloaded: u32, incomplete: u32 }), {
            maxLength: 10,
          }),
        }),
        fc.record({
          action: fc.constant('error' as const),
          transactionId: u32,
          message: fc.stringMatching(/^([!-~]([ -~]{0,40}[!-~])?)?$/),
        }),
      ),
    }),
  )

/** Good bytes with some of them changed, taken out, or put in. */
const mutated = (good: fc.Arbitrary<Uint8Array>) =>
  fc
    .tuple(
      good,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'put')), {
        maxLength: 6,
      }),
    )
    .map(([start, changes]) => {
      const list = [...start]
      for (const [at, byte, how] of changes) {
        const place = list.length === 0 ? 0 : at % list.length
        if (how === 'set') list[place] = byte
        else list.splice(place, how === 'cut' ? 1 : 0, ...(how === 'put' ? [byte] : []))
      }
      return Uint8Array.from(list)
    })
const hostile = (good: fc.Arbitrary<Uint8Array>) => fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated(good))

describe('round trips', () => {
  it('an announce over HTTP', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const url = announceUrl('http://t/announce?pass=x%26', asked)
        expect(url).toMatch(/^[!-~]+$/)
        expect(parseAnnounceQuery(url.slice(url.indexOf('?') + 1))).toEqual({
          infoHash: asked.infoHash,
          peerId: asked.peerId,
          port: asked.port,
          isComplete: asked.left === 0n,
          event: asked.event,
          numwant: asked.numwant,
          isCompact: true,
          wantsPeerIds: false,
        })
      }),
    )
  })

  it('an announce over UDP', () => {
    fc.assert(
      fc.property(
        request,
        u64,
        u32,
        fc.string({ unit: 'grapheme', maxLength: 400 }),
        (asked, id, transactionId, target) => {
          const decoded = decodeUdpRequest(encodeAnnounce(id, transactionId, asked, target))
          if (!decoded.ok || decoded.value.action !== 'announce') throw new Error('no announce')
          const { trackerId: _, ...said } = asked
          const { uploaded, downloaded, left } = decoded.value
          expect({
            ...decoded.value,
            uploaded: BigInt(uploaded),
            downloaded: BigInt(downloaded),
            left: BigInt(left),
          }).toEqual({
            ...said,
            action: 'announce',
            connectionId: id,
            transactionId,
            urlData: target,
          })
          expect(typeof left).toBe(asked.left <= BigInt(Number.MAX_SAFE_INTEGER) ? 'number' : 'bigint')
        },
      ),
    )
  })

  it('a UDP answer', () => {
    fc.assert(
      fc.property(response, fc.uint8Array({ maxLength: 3 }), ({ family, response: said }, more) => {
        const encoded = encodeUdpResponse(said)
        expect(decodeUdpResponse(encoded, family)).toEqual({ ok: true, value: said })
        // Longer packets are legal.
        if (said.action !== 'error')
          expect(decodeUdpResponse(concatBytes(encoded, more), family)).toEqual({ ok: true, value: said })
      }),
    )
  })

  it('URL data', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 700 }), (target) => {
        expect(decodeUrlData(encodeUrlData(target))).toBe(target)
      }),
    )
  })

  it('a scrape', () => {
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 60 }), u64, u32, (hashes, connectionId, transactionId) => {
        const url = scrapeUrl('http://t/announce', hashes) as string
        expect(parseScrapeQuery(url.slice(url.indexOf('?') + 1 || url.length))).toEqual({
          infoHashes: hashes,
        })
        expect(decodeUdpRequest(encodeScrape(connectionId, transactionId, hashes))).toEqual({
          ok: true,
          value: { action: 'scrape', connectionId, transactionId, infoHashes: hashes },
        })
        const entries = hashes.map((key, i) => [
          key,
          { complete: i, downloaded: 2 * i, incomplete: 3, downloaders: 1 },
        ]) as [
          Uint8Array,
          { complete: number; downloaded: number; incomplete: number; downloaders: number },
        ][]
        const body = encodeHttpScrape(new Map(entries.map(([key, entry]) => [toLatin1(key), entry])))
        const value = new Map(entries.map(([key, entry]) => [toHex(key), entry]))
        expect(decodeScrape(body)).toEqual({ ok: true, value })
      }),
    )
  })

  it('peers over HTTP, in both forms', () => {
    const list = (family: 4 | 6) => fc.array(addresses(family), { maxLength: 10 })
    fc.assert(
      fc.property(list(4), list(6), fc.boolean(), (four, six, isCompact) => {
        const swarm = new Swarm()
        const peersOf = (family: 4 | 6) => swarm.pick([family], 100, '', 0, true, seededRandom(1)).flat()
        const keys = new Set([...four, ...six].map((address) => `${address.host} ${address.port}`))
        for (const { host, port: at } of [...four, ...six]) {
          const peerId = new Uint8Array(20)
          swarm.announce({ host, port: at, peerId, isSeed: false, isPartialSeed: false, event: undefined }, 0)
        }
        const counts = { interval: 1, minInterval: 1, complete: 0, incomplete: 0, downloaded: 0 }
        const form = { isCompact, wantsPeerIds: true }
        const body = encodeHttpAnnounce({ ...counts, externalIp: undefined }, peersOf(4), peersOf(6), form)
        const decoded = decodeAnnounce(body)
        if (!decoded.ok) throw decoded.error
        const found = decoded.value.peers.map(({ address }) => `${address.host} ${address.port}`)
        expect(found.sort()).toEqual([...keys].sort())
      }),
    )
  })
})

describe('hostile bytes never throw', () => {
  const answer: fc.Arbitrary<Uint8Array> = fc
    .record({
      interval: fc.integer(),
      peers: fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.record({ ip: fc.string({ maxLength: 20 }), port: fc.integer({ min: -1, max: 70_000 }) })),
      ),
      peers6: fc.uint8Array({ maxLength: 60 }),
      'retry in': fc.oneof(fc.integer(), fc.string()),
      'warning message': fc.uint8Array({ maxLength: 40 }),
      'external ip': fc.uint8Array({ maxLength: 17 }),
    })
    .map((value) => encode(value as Record<string, Encodable>))

  it('in answers over HTTP', () => {
    fc.assert(
      fc.property(hostile(answer), (body) => {
        const decoded = decodeAnnounce(body)
        if (decoded.ok) {
          expect(decoded.value.interval).toBeGreaterThanOrEqual(0)
          expect(decoded.value.peers.length).toBeLessThanOrEqual(MAX_PEERS)
          for (const { address } of decoded.value.peers) expect(isDialable(address)).toBe(true)
        } else expect(decoded.error.code).toMatch(/^tracker\//)
        decodeScrape(body)
      }),
      { numRuns: runs(100) },
    )
  })

  it('in answers over UDP, also to an exchange that asks', () => {
    const replies = hostile(response.map(({ response: said }) => encodeUdpResponse(said)))
    fc.assert(
      fc.property(fc.array(replies, { maxLength: 8 }), fc.constantFrom<4 | 6>(4, 6), (all, family) => {
        const remote = { host: family === 4 ? '192.0.2.1' : '2001:db8::1', port: 80 }
        const exchange = new UdpExchange(remote, seededRandom(1))
        const ask = { infoHash: new Uint8Array(20), peerId: new Uint8Array(20), port: 1, key: 1 }
        exchange.announce({ ...ask, uploaded: 0, downloaded: 0, left: 0 }, '/', 0)
        let transaction = exchange.transmit()?.subarray(12, 16) ?? new Uint8Array(4)
        for (const [i, reply] of all.entries()) {
          decodeUdpResponse(reply, family)
          // The transaction is right: a sender that sees the traffic can do that.
          const aimed = reply.slice()
          if (aimed.length >= 8) aimed.set(transaction, 4)
          exchange.receive(aimed, remote, i)
          for (let sent = exchange.transmit(); sent; sent = exchange.transmit())
            transaction = sent.subarray(12, 16)
        }
        let events = 0
        while (exchange.poll()) events++
        expect(events).toBeLessThanOrEqual(1)
      }),
      { numRuns: runs(100) },
    )
  })

  it('in datagrams to the server, which answers no more than it should', () => {
    const tracker = new TrackerCore({ random: seededRandom(1), maxSwarms: 20, maxPeers: 50 })
    const good = fc.oneof(
      fc.constant(encodeConnect(1)),
      fc.tuple(u64, request).map(([id, asked]) => encodeAnnounce(id, 2, asked, '/a?b')),
      fc.tuple(u64, fc.array(hash, { maxLength: SCRAPE_BATCH })).map(([id, all]) => encodeScrape(id, 3, all)),
    )
    fc.assert(
      fc.property(hostile(good), fc.boolean(), bytes(2), fc.nat(), ([...datagram], isKnown, end, now) => {
        const host = `10.0.${end[0]}.${end[1]}`
        const sent = Uint8Array.from(datagram)
        if (isKnown) {
          const id = tracker.udp(encodeConnect(1), host, now)?.subarray(8, 16)
          if (id && sent.length >= 16) sent.set(id)
        }
        const reply = tracker.udp(sent, host, now)
        expect(reply?.length ?? 0).toBeLessThanOrEqual(1400)
        expect(decodeUdpRequest(sent).ok || reply === undefined).toBe(true)
        expect(tracker.stats.swarms).toBeLessThanOrEqual(20)
        expect(tracker.stats.peers).toBeLessThanOrEqual(50)
      }),
      { numRuns: runs(100) },
    )
  })

  it('in queries to the server', () => {
    const tracker = new TrackerCore({ random: seededRandom(1), maxSwarms: 20, maxPeers: 50 })
    const good = request.map((asked) => announceUrl('', asked))
    const query = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'grapheme' }),
      good,
    )
    const target = fc
      .tuple(fc.constantFrom('/announce', '/scrape', '', '/'), query, fc.nat(), fc.string({ maxLength: 2 }))
      .map(([path, text, at, put]) => {
        const place = at % (text.length + 1)
        return `${path}${text.slice(0, place)}${put}${text.slice(place)}`
      })
    fc.assert(
      fc.property(target, fc.oneof(addresses(4), addresses(6)), fc.nat(), (text, { host }, now) => {
        const { status, body } = tracker.http(text, host, now)
        expect([200, 404]).toContain(status)
        if (status === 200 && text.startsWith('/announce')) {
          const decoded = decodeAnnounce(body)
          expect(decoded.ok || decoded.error.code === 'tracker/failure').toBe(true)
        }
        expect(tracker.stats.peers).toBeLessThanOrEqual(50)
      }),
      { numRuns: runs(100) },
    )
  })

  it('in URLs and messages', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 2_500 }), (text, message) => {
        for (const url of [text, `http://${text}`, `udp://t:1/${text}`]) {
          const parsed = parseTrackerUrl(url)
          if (parsed) expect(parsed.port).toBeLessThanOrEqual(65_535)
          announceUrl(url, {
            infoHash: new Uint8Array(20),
            peerId: new Uint8Array(20),
            port: 1,
            uploaded: 0,
            downloaded: 0,
            left: 0,
            key: 0,
          })
          scrapeUrl(url, [])
        }
        const line = messageText(message)
        expect(line.length).toBeLessThanOrEqual(500)
        expect(line).not.toMatch(/\p{Cc}|\p{Zl}|\p{Zp}/u)
        expect(escapeBytes(message)).toMatch(/^[!-~]*$/)
      }),
    )
  })

  it('in the host of a URL that its parser takes, both parsers see the same', () => {
    const part = fc.stringMatching(/^[a-z0-9@\\:.[\]%]{1,20}$/)
    fc.assert(
      fc.property(part, part, (a, b) => {
        const url = `http://${a}@${b}/announce`
        const parsed = parseTrackerUrl(url)
        if (!parsed || !URL.canParse(url) || /%|^[\d.]+$|(^|\.)0x|\.\d+\.?$/.test(parsed.host)) return
        expect(new URL(url).hostname.replace(/^\[|\]$/g, '')).toBe(
          parsed.host.includes(':') ? expect.anything() : parsed.host,
        )
      }),
      { numRuns: runs(200) },
    )
  })
})

it('a swarm counts as a plain list does, and picks what it should', () => {
  const step: fc.Arbitrary<SwarmAnnounce> = fc.record({
    host: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::1', '2001:db8::2'),
    port: fc.integer({ min: 1, max: 3 }),
    peerId: fc.constant(new Uint8Array(20)),
    isSeed: fc.boolean(),
    isPartialSeed: fc.boolean(),
    event: fc.constantFrom('started', 'completed', 'stopped', 'paused', undefined),
  })
  const at = (port: number, what: Partial<SwarmAnnounce>): SwarmAnnounce => ({
    host: '10.0.0.1',
    port,
    peerId: new Uint8Array(20),
    isSeed: false,
    isPartialSeed: false,
    event: 'started',
    ...what,
  })
  const plain = step.map((one) => ({ ...one, isPartialSeed: one.isPartialSeed && !one.isSeed }))
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 60 }), fc.integer({ min: 0, max: 8 }), (steps, count) => {
      const swarm = new Swarm()
      const model = new Map<string, { peer: SwarmAnnounce; now: number }>()
      let size = 0
      for (const [now, peer] of steps.entries()) {
        const key = toHex(encodeCompact(peer))
        size += swarm.announce(peer, now)
        model.delete(key)
        if (peer.event !== 'stopped') model.set(key, { peer, now })
        if (now % 7 === 6) {
          size -= swarm.expire(now - 5, 100)
          for (const [old, { now: seen }] of model) if (seen < now - 5) model.delete(old)
        }
        const known = [...model.values()].map((entry) => entry.peer)
        const seeds = known.filter((one) => one.isSeed).length
        const partial = known.filter((one) => one.isPartialSeed).length
        expect([size, swarm.size, swarm.complete, swarm.incomplete, swarm.downloaders]).toEqual([
          known.length,
          known.length,
          seeds,
          known.length - seeds,
          known.length - seeds - partial,
        ])
        const family = peer.host.includes(':') ? 6 : 4
        const takes = !peer.isSeed && !peer.isPartialSeed
        const picked = swarm.pick([family], count, peer.host, peer.port, takes, seededRandom(now)).flat()
        const fit = known.filter(
          (one) =>
            one.host.includes(':') === (family === 6) && !(one.host === peer.host && one.port === peer.port),
        )
        expect(picked).toHaveLength(Math.min(count, fit.length))
        const gives = (one: { isSeed: boolean; isPartialSeed: boolean }) => one.isSeed || one.isPartialSeed
        const leechers = fit.length - fit.filter(gives).length
        // Seeds come to seeds last.
        if (!takes) expect(picked.filter(gives)).toHaveLength(Math.max(0, picked.length - leechers))
        const names = picked.map((one) => `${one.host} ${one.port}`)
        expect(new Set(names).size).toBe(names.length)
        for (const name of names) expect(fit.map((one) => `${one.host} ${one.port}`)).toContain(name)
      }
    }),
    // Who has just stopped is no peer, and is given no more than it asks for.
    {
      examples: [[[at(1, { isSeed: true }), at(2, { isPartialSeed: true }), at(3, { event: 'stopped' })], 1]],
    },
  )
})
