import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import type { HttpServerResponse } from '../../src/net/world.js'
import type { VirtualHost } from '../../src/testing/index.js'
import { toHex, utf8 } from '../../src/util/bytes.js'
import { v2Content } from '../support/v2.js'
import { at, content, contentOfFiles, isWhole, KIB, type Member, type Sim, scenario } from './world.js'

const SIZE = 512 * KIB
const torrent = (...trackers: string[]) => content(SIZE, 64 * KIB, trackers)

/** The compact form of a member's address. */
function compact(...hosts: readonly VirtualHost[]): Uint8Array {
  return Uint8Array.from(hosts.flatMap((host) => [...host.ip.split('.').map(Number), 6881 >> 8, 6881 & 255]))
}

function answer(peers: Uint8Array, more: Record<string, number | string> = {}): HttpServerResponse {
  return { status: 200, body: encode({ interval: 1800, peers, ...more }) }
}

interface Scripted {
  readonly url: string
  /** The queries that came, in order. */
  readonly queries: URLSearchParams[]
  /** Their infohashes, 40 hex digits each. */
  readonly infoHashes: string[]
  readonly host: VirtualHost
}

/** An HTTP tracker that answers as told. */
async function scripted(
  sim: Sim,
  name: string,
  respond: (query: URLSearchParams) => HttpServerResponse,
): Promise<Scripted> {
  const host = sim.network.host()
  sim.network.names.set(name, [host.ip])
  const queries: URLSearchParams[] = []
  const infoHashes: string[] = []
  await sim.run(
    host.world.serveHttp({ port: 80 }, ({ target }) => {
      const query = new URLSearchParams(target.slice(target.indexOf('?')))
      queries.push(query)
      infoHashes.push(infoHashOf(target))
      return respond(query)
    }),
  )
  return { url: `http://${name}/announce`, queries, infoHashes, host }
}

/** The infohash that a request names, as hex: it is no text, and `URLSearchParams` would take it for some. */
function infoHashOf(target: string): string {
  const escaped = /[?&]info_hash=([^&]*)/.exec(target)?.[1] ?? ''
  return Array.from(escaped.matchAll(/%([0-9a-f]{2})|(.)/gi), ([, hex, plain]) =>
    (hex ?? (plain as string).charCodeAt(0).toString(16)).toLowerCase(),
  ).join('')
}

/** A tracker that is a mere TCP server. */
async function mere(
  sim: Sim,
  name: string,
  accept: Parameters<VirtualHost['world']['listen']>[1],
): Promise<string> {
  const host = sim.network.host()
  sim.network.names.set(name, [host.ip])
  await sim.run(host.world.listen({ port: 80 }, accept))
  return `http://${name}/announce`
}

const events = (tracker: Scripted) => tracker.queries.map((query) => query.get('event'))
const codesOf = (member: Member, url: string) =>
  member.warnings.filter(({ message }) => message.startsWith(`${url}:`)).map(({ code }) => code)

describe('hostile trackers', () => {
  scenario('of every kind are warnings, and the one that works brings the peers', async (sim) => {
    const seedHost = sim.network.host({ latency: 20 })
    const body = (text: string) => () => ({ status: 200, body: utf8(text) })
    const expected: Record<string, string> = {}
    const http = async (name: string, code: string, respond: () => HttpServerResponse) => {
      const tracker = await scripted(sim, name, respond)
      expected[tracker.url] = code
    }
    await http('garbage.test', 'tracker/malformed', body('<html>welcome</html>'))
    await http('empty.test', 'tracker/malformed', body(''))
    await http('deep.test', 'tracker/malformed', body('l'.repeat(100_000)))
    await http('refuses.test', 'tracker/failure', body('d14:failure reason4:nope e'.replace('nope ', 'nope')))
    await http('missing.test', 'tracker/http-status', () => ({ status: 404, body: utf8('not found') }))
    await http('broken.test', 'tracker/http-status', () => ({ status: 500, body: new Uint8Array(0) }))
    await http('circle.test', 'tracker/bad-redirect', () => ({
      status: 302,
      headers: { location: 'http://circle.test/announce?again' },
      body: new Uint8Array(0),
    }))
    await http('large.test', 'tracker/too-large', () => ({
      status: 200,
      body: new Uint8Array(64 * 1024 * KIB),
    }))
    const silent = { data() {}, drain() {}, close() {} }
    expected[await mere(sim, 'mute.test', (stream) => stream.listen(silent))] = 'tracker/timeout'
    expected[await mere(sim, 'slams.test', (stream) => stream.destroy())] = 'tracker/unreachable'
    const flood = new Uint8Array(256 * KIB)
    const flooding = await mere(sim, 'endless.test', (stream) => {
      let open = true
      const pour = () => {
        while (open && stream.write([flood]));
      }
      stream.listen({
        data() {},
        drain: pour,
        close() {
          open = false
        },
      })
      stream.write([utf8('HTTP/1.1 200 OK\r\n\r\n')])
      pour()
    })
    expected[flooding] = 'tracker/too-large'
    expected['http://nowhere.test/announce'] = 'tracker/unreachable'
    expected['udp://nowhere.test:80/announce'] = 'tracker/unreachable'
    const good = await scripted(sim, 'good.test', () => answer(compact(seedHost)))
    const hostile = Object.keys(expected)
    const subject = torrent(...hostile, 'wss://socket.test/announce', good.url)
    await sim.join(subject, { on: seedHost, seed: true, add: { paused: true } }).then(async (seed) => {
      await sim.run(seed.torrent.ready)
      seed.torrent.addTracker('http://nobody.test/announce')
      void seed.torrent.resume()
    })
    const leecher = await sim.join(subject)
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    await sim.network.advance(60_000)
    for (const [url, code] of Object.entries(expected)) {
      expect(codesOf(leecher, url)[0], url).toBe(code)
    }
    expect(codesOf(leecher, good.url)).toEqual([])
    const socket = leecher.torrent.trackers.find(({ url }) => url.startsWith('wss:'))
    expect(socket?.lastError?.code).toBe('tracker/unsupported-scheme')
    expect(isWhole(leecher.host, subject)).toBe(true)
  })

  scenario('over UDP that answer from elsewhere or to others are not believed', async (sim) => {
    const subject = torrent('udp://tracker.test:6969/announce')
    const seed = await sim.join(torrent(), { seed: true })
    const trap = sim.network.host()
    const tracker = sim.network.host()
    const spoofer = sim.network.host()
    sim.network.names.set('tracker.test', [tracker.ip])
    const elsewhere = await sim.run(spoofer.world.bind({ port: 6969 }, () => {}))
    const otherPort = await sim.run(tracker.world.bind({ port: 7000 }, () => {}))
    let dialled = 0
    await sim.run(
      trap.world.listen({ port: 6881 }, (stream) => {
        dialled++
        stream.destroy()
      }),
    )
    let asked = 0
    const socket = await sim.run(
      tracker.world.bind({ port: 6969 }, (bytes, from) => {
        asked++
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
        const action = bytes.length === 16 ? 0 : 1
        const transaction = view.getUint32(12)
        const reply = (id: number, peers: Uint8Array) => {
          const out = new Uint8Array(action === 0 ? 16 : 20 + peers.length)
          const outView = new DataView(out.buffer)
          outView.setUint32(0, action)
          outView.setUint32(4, id)
          if (action === 0) outView.setUint32(8, 0x12345678)
          else {
            outView.setUint32(8, 1800)
            out.set(peers, 20)
          }
          return out
        }
        const lie = reply(transaction, compact(trap))
        elsewhere.send(lie, from)
        otherPort.send(lie, from)
        socket.send(reply(transaction ^ 1, compact(trap)), from)
        socket.send(lie.subarray(0, 7), from)
        socket.send(utf8('rubbish'), from)
        socket.send(reply(transaction, compact(seed.host)), from)
      }),
    )
    const leecher = await sim.join(subject)
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(asked).toBe(2)
    expect(dialled).toBe(0)
    expect(codesOf(leecher, 'udp://tracker.test:6969/announce')).toEqual([])
  })

  scenario('over UDP that never answer rightly time out', async (sim) => {
    const url = 'udp://tracker.test:6969/announce'
    const tracker = sim.network.host()
    sim.network.names.set('tracker.test', [tracker.ip])
    const socket = await sim.run(
      tracker.world.bind({ port: 6969 }, (bytes, from) => {
        const out = new Uint8Array(16)
        out[7] = (bytes[15] as number) ^ 1
        for (let i = 0; i < 50; i++) socket.send(out, from)
      }),
    )
    const leecher = await sim.join(torrent(url))
    await sim.run(() => leecher.warnings.length > 0, 120_000)
    expect(codesOf(leecher, url)).toEqual(['tracker/timeout'])
    expect(leecher.torrent.state).toBe('downloading')
  })
})

describe('what a tracker hears', () => {
  scenario('of a download: started, completed, stopped, with the right sums', async (sim) => {
    const seed = await sim.join(torrent(), { seed: true })
    const tracker = await scripted(sim, 'tracker.test', () => answer(compact(seed.host)))
    const leecher = await sim.join(torrent(tracker.url))
    await sim.run(leecher.torrent.done)
    await sim.network.advance(5_000)
    await sim.run(leecher.session.close(), 10_000)
    expect(events(tracker)).toEqual(['started', 'completed', 'stopped'])
    const sums = tracker.queries.map((query) => [
      query.get('left'),
      query.get('downloaded'),
      query.get('uploaded'),
    ])
    expect(sums).toEqual([
      [String(SIZE), '0', '0'],
      ['0', String(SIZE), '0'],
      ['0', String(SIZE), '0'],
    ])
    for (const query of tracker.queries) expect(query.get('port')).toBe('6881')
    const ids = new Set(tracker.queries.map((query) => query.get('peer_id')))
    expect(ids.size).toBe(1)
  })

  scenario('of a seed: started and stopped, but never completed', async (sim) => {
    const tracker = await scripted(sim, 'tracker.test', () => answer(compact()))
    const seed = await sim.join(torrent(tracker.url), { seed: true })
    await sim.run(seed.torrent.done)
    await sim.network.advance(4_000_000)
    await sim.run(seed.torrent.close(), 10_000)
    expect(events(tracker)).toEqual(['started', null, null, 'stopped'])
    expect(tracker.queries.map((query) => query.get('left'))).toEqual(['0', '0', '0', '0'])
  })

  scenario('of a pause: stopped, then started', async (sim) => {
    const seed = await sim.join(torrent(), { seed: true, host: { upload: 32 * KIB } })
    const tracker = await scripted(sim, 'tracker.test', () => answer(compact(seed.host)))
    const leecher = await sim.join(torrent(tracker.url))
    await sim.network.advance(5_000)
    void leecher.torrent.pause()
    await sim.network.advance(600_000)
    expect(events(tracker)).toEqual(['started', 'stopped'])
    void leecher.torrent.resume()
    await sim.run(leecher.torrent.done)
    await sim.network.advance(2_000)
    expect(events(tracker)).toEqual(['started', 'stopped', 'started', 'completed'])
  })

  scenario('of a pause while it thinks: the farewell follows, and nothing is left behind', async (sim) => {
    const tracker = await mere(sim, 'mute.test', (stream) =>
      stream.listen({ data() {}, drain() {}, close() {} }),
    )
    const leecher = await sim.join(torrent(tracker))
    await sim.network.advance(1_000)
    void leecher.torrent.pause()
    void leecher.torrent.resume()
    void leecher.torrent.pause()
    await sim.network.advance(20_000)
    expect(leecher.host.open).toEqual(['tcp port 6881'])
  })

  scenario('of a torrent that is added paused: nothing until it is resumed', async (sim) => {
    const tracker = await scripted(sim, 'tracker.test', () => answer(compact()))
    const leecher = await sim.join(torrent(tracker.url), { add: { paused: true } })
    await sim.network.advance(60_000)
    expect(events(tracker)).toEqual([])
    void leecher.torrent.resume()
    await sim.network.advance(1_000)
    expect(events(tracker)).toEqual(['started'])
    await sim.run(leecher.torrent.close())
  })

  scenario('that is mute holds up a close by seconds only', async (sim) => {
    const url = await mere(sim, 'mute.test', (stream) => stream.listen({ data() {}, drain() {}, close() {} }))
    const leecher = await sim.join(torrent(url))
    await sim.network.advance(1_000)
    await sim.run(leecher.session.close(), 6_000)
    expect(leecher.host.open).toEqual([])
  })

  scenario('of a partial download: no completed', async (sim) => {
    const seeds = contentOfFiles([100 * KIB, 100 * KIB], 32 * KIB)
    const seed = await sim.join(seeds, { seed: true })
    const tracker = await scripted(sim, 'tracker.test', () => answer(compact(seed.host)))
    const part = contentOfFiles([100 * KIB, 100 * KIB], 32 * KIB, { trackers: [tracker.url] })
    const leecher = await sim.join(part, { add: { select: [0] } })
    await sim.run(leecher.torrent.done)
    await sim.run(leecher.session.close(), 10_000)
    expect(events(tracker)).toEqual(['started', 'stopped'])
  })
})

describe('a private torrent', () => {
  scenario('uses one tracker at a time and drops its peers when it changes', async (sim) => {
    const files = contentOfFiles([SIZE], 64 * KIB, { private: true })
    const seed = await sim.join(files, { seed: true, host: { upload: 4 * KIB } })
    let healthy = true
    const first = await scripted(sim, 'first.test', () =>
      healthy ? answer(compact(seed.host), { interval: 60 }) : { status: 500, body: new Uint8Array(0) },
    )
    const second = await scripted(sim, 'second.test', () => answer(compact(seed.host)))
    const subject = contentOfFiles([SIZE], 64 * KIB, { private: true, trackers: [first.url, second.url] })
    expect(subject.metainfo.infoHash).toEqual(files.metainfo.infoHash)
    const leecher = await sim.join(subject)
    await sim.network.advance(10_000)
    expect(first.queries).toHaveLength(1)
    expect(second.queries).toHaveLength(0)
    expect(leecher.torrent.peers).toHaveLength(1)
    healthy = false
    await sim.run(() => second.queries.length > 0, 300_000)
    await sim.network.advance(1_000)
    expect(leecher.closes.map(({ code }) => code)).toContain('torrent/tracker-changed')
    expect(await sim.run(leecher.torrent.done, 600_000)).toBe('complete')
  })
})

describe('a tracker server', () => {
  scenario('brings a swarm together over HTTP and counts it', async (sim) => {
    const url = await sim.tracker('tracker.test')
    const subject = torrent(url)
    const seed = await sim.join(subject, { seed: true })
    await sim.run(seed.torrent.done)
    await sim.network.advance(1_000)
    const leechers: Member[] = []
    for (let i = 0; i < 4; i++) leechers.push(await sim.join(subject))
    await sim.run(Promise.all(leechers.map((leecher) => leecher.torrent.done)), 60_000)
    await sim.network.advance(2_000)
    const [known] = seed.torrent.trackers
    expect(known?.url).toBe(url)
    for (const leecher of leechers) {
      expect(isWhole(leecher.host, subject)).toBe(true)
      expect(at(leecher)).toBe(`${leecher.host.ip}:6881`)
    }
  })
})

describe('the trackers of a hybrid that was added by one of its infohashes', () => {
  const hybrid = v2Content([100_000], 65_536, { version: 'hybrid' })
  const { infoHash, infoHashV2 } = hybrid.metainfo as { infoHash: Uint8Array; infoHashV2: Uint8Array }

  scenario('are those that it has when the other one becomes known', async (sim) => {
    const seed = await sim.join(hybrid, { seed: true })
    await sim.run(seed.torrent.done)
    const none = () => answer(new Uint8Array(0))
    const given = await scripted(sim, 'given.test', none)
    const added = await scripted(sim, 'added.test', none)
    const removed = await scripted(sim, 'removed.test', none)
    const leecher = await sim.join(hybrid, {
      magnet: `magnet:?xt=urn:btih:${toHex(infoHash)}&tr=${given.url}&tr=${removed.url}`,
    })
    leecher.torrent.addTracker(added.url)
    leecher.torrent.removeTracker(removed.url)
    leecher.torrent.addPeers([at(seed)])
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    await sim.network.advance(5_000)
    const namedTo = ({ infoHashes }: Scripted): string[] => [...new Set(infoHashes)]
    const both = [toHex(infoHash), toHex(infoHashV2).slice(0, 40)]
    expect(namedTo(given)).toEqual(both)
    expect(namedTo(added)).toEqual(both)
    expect(namedTo(removed)).not.toContain(both[1])
    expect(leecher.torrent.trackers.map(({ url }) => url)).toEqual([given.url, added.url])
    // Removed, they hear no more of either.
    leecher.torrent.removeTracker(added.url)
    await sim.network.advance(5_000)
    expect(events(added).slice(-2)).toEqual(['stopped', 'stopped'])
  })
})
