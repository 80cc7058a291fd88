import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import { systemWorld } from '../../src/net/system/world.js'
import { TrackerClient, type TrackerClientOptions } from '../../src/net/tracker/client.js'
import { TrackerServer, type TrackerServerOptions } from '../../src/net/tracker/server.js'
import type { World } from '../../src/net/world.js'
import { toHex } from '../../src/util/bytes.js'
import { expectNothingLeft, openResources } from '../support/resources.js'
import {
  httpServer,
  LOOPBACKS,
  announceRequest as request,
  udpServer,
  udpSocket,
  worldWithNames,
} from '../support/tracker.js'

let open: { close(): unknown }[]
let before: string[]
const own = <T extends { close(): unknown }>(closable: T): T => {
  open.push(closable)
  return closable
}

beforeEach(() => {
  open = []
  before = openResources()
})

afterEach(async () => {
  for (const each of open.reverse()) await each.close()
  await expectNothingLeft(before, /UDP|TCP|Timeout/)
})

const client = (options: TrackerClientOptions = {}, world: World = systemWorld()) =>
  own(new TrackerClient(world, options))

async function listening(options: TrackerServerOptions = {}) {
  const server = own(new TrackerServer({ host: '127.0.0.1', ...options }))
  return { server, ...(await server.listen()) }
}
const answering = async (respond: RequestListener) => own(await httpServer(respond))
const bencoded =
  (value: Parameters<typeof encode>[0]): RequestListener =>
  (_, response) => {
    response.end(encode(value))
  }
const fails = (code: string) => expect.objectContaining({ code })
const infoHash = request().infoHash

describe.each(LOOPBACKS)('client and server on %s', (host) => {
  it.each(['httpUrl', 'udpUrl'] as const)('meet over %s', async (kind) => {
    const { server, [kind]: url } = await listening({ host })
    const tracker = client()
    const seed = request({ port: 1, left: 0, event: 'started' })
    expect(await tracker.announce(url as string, seed)).toMatchObject({
      interval: 1800,
      peers: [],
      complete: 1,
    })
    const answer = await tracker.announce(url as string, request({ port: 2, event: 'started', numwant: 10 }))
    expect(answer).toMatchObject({ interval: 1800, complete: 1, incomplete: 1 })
    expect(answer.peers).toEqual([{ address: { host, port: 1 } }])
    const other = new Uint8Array(32).fill(1)
    const hex = Buffer.from(infoHash).toString('hex').toUpperCase()
    const entries = await tracker.scrape(url as string, [hex, other])
    expect([...entries.keys()].sort()).toEqual(['01'.repeat(20), toHex(infoHash)])
    expect(entries.get(toHex(infoHash))).toMatchObject({ complete: 1, downloaded: 0, incomplete: 1 })
    await tracker.announce(url as string, request({ port: 2, event: 'stopped', numwant: 0 }))
    expect(server.stats).toMatchObject({ announces: 3, scrapes: 1, peers: 1 })
  })

  it('scrape more torrents than a request holds', async () => {
    const { httpUrl, udpUrl, server } = await listening({ host })
    const hashes = Array.from({ length: 160 }, (_, i) => new Uint8Array(20).fill(i))
    for (const url of [httpUrl, udpUrl])
      expect((await client().scrape(url as string, hashes)).size).toBe(hashes.length)
    expect(server.stats.scrapes).toBe(4 + 3)
    expect(await client().scrape(httpUrl as string, [])).toEqual(new Map())
  })
})

describe.runIf(LOOPBACKS.length === 2)('both families (BEP 7)', () => {
  const names = { 'both.test': ['127.0.0.1', '::1'] }

  it('are announced side by side and joined', async () => {
    const four = await listening()
    const six = await listening({ host: '::1', port: four.port, interval: 2_000 })
    const url = `udp://both.test:${four.port}/announce`
    await client({}, worldWithNames(names)).announce(url, request({ port: 1 }))
    const answer = await client({}, worldWithNames(names)).announce(url, request({ port: 2 }))
    expect(answer.interval).toBe(2_000)
    expect(answer.peers.map(({ address }) => address.host).sort()).toEqual(['127.0.0.1', '::1'])
    const only = client({ families: [6] }, worldWithNames(names))
    expect((await only.announce(url, request({ port: 3 }))).peers).toHaveLength(2)
    expect([four.server.stats.announces, six.server.stats.announces]).toEqual([2, 3])
  })

  it('need only one that answers', async () => {
    const { httpUrl, port } = await listening()
    const tracker = client({}, worldWithNames(names, 20))
    const url = (httpUrl as string).replace('127.0.0.1', 'both.test')
    // Over HTTP the second family refuses, over UDP it stays silent.
    expect((await tracker.announce(url, request())).peers).toEqual([])
    const answer = await tracker.announce(`udp://both.test:${port}`, request())
    expect(answer.peers).toEqual([])
  })
})

describe('calls that end early', () => {
  it('by a signal, before and during the call, over both transports', async () => {
    const silent = await answering(() => {})
    const mute = own(await udpServer(() => {}))
    const tracker = client()
    const reason = new Error('enough')
    await expect(tracker.announce(silent.url, request(), { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
    for (const url of [silent.url, mute.url]) {
      const controller = new AbortController()
      const calls = [
        tracker.announce(url, request(), { signal: controller.signal }),
        tracker.scrape(url, [infoHash], { signal: controller.signal }),
      ]
      setTimeout(() => controller.abort(reason), 20)
      for (const call of calls) await expect(call).rejects.toBe(reason)
    }
  })

  it('by their time-out', async () => {
    const silent = await answering((_, response) => response.write('d8:inter'))
    const mute = own(await udpServer(() => {}))
    for (const url of [silent.url, mute.url])
      await expect(client().announce(url, request(), { timeout: 50 })).rejects.toEqual(
        fails('tracker/timeout'),
      )
  })

  it('by close, which waits for the sockets, and after which nothing begins', async () => {
    const silent = await answering(() => {})
    const mute = own(await udpServer(() => {}))
    const tracker = client({ maxConcurrent: 1 })
    const calls = [silent.url, silent.url, mute.url].map((url) => tracker.announce(url, request()))
    const ends = Promise.allSettled(calls)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await tracker.close()
    for (const end of await ends) expect(end).toMatchObject({ reason: { code: 'tracker/closed' } })
    await expect(tracker.announce(mute.url, request())).rejects.toEqual(fails('tracker/closed'))
  })

  it('by close at any moment of the start leave no socket behind', async () => {
    const mute = own(await udpServer(() => {}))
    for (let turns = 0; turns < 8; turns++) {
      const tracker = new TrackerClient(systemWorld())
      const call = tracker.announce(mute.url, request())
      const end = expect(call).rejects.toEqual(fails('tracker/closed'))
      for (let i = 0; i < turns; i++) await Promise.resolve()
      await tracker.close()
      await end
    }
  })
})

describe('URLs', () => {
  it.each([
    ['not a url', 'tracker/invalid-url'],
    ['http://', 'tracker/invalid-url'],
    ['udp://127.0.0.1/announce', 'tracker/invalid-url'],
    ['http://127.0.0.1:1\\@example.com/announce', 'tracker/invalid-url'],
    ['wss://127.0.0.1/announce', 'tracker/unsupported-scheme'],
    ['file:///announce', 'tracker/invalid-url'],
    // A torrent cannot make us call whatever service this machine runs.
    ['http://127.0.0.1:1/admin', 'tracker/refused-address'],
    ['http://127.1.2.3:1/announc', 'tracker/refused-address'],
    ['http://[::1]:1/', 'tracker/refused-address'],
    ['http://0.0.0.0:1/admin', 'tracker/refused-address'],
    ['http://[::]:1/admin', 'tracker/refused-address'],
    ['http://[::ffff:127.0.0.1]:1/admin', 'tracker/refused-address'],
    ['http://127.0.0.1:1/announce/../admin', 'tracker/refused-address'],
    ['http://127.0.0.1:1/announce/%2e%2E/admin', 'tracker/refused-address'],
    ['http://127.0.0.1:1/announce\\..\\admin', 'tracker/refused-address'],
    ['http://127.0.0.1:1/announce', 'tracker/unreachable'],
  ])('%s fails with %s', async (url, code) => {
    await expect(client().announce(url, request())).rejects.toEqual(fails(code))
  })

  it('without an address of our families is unreachable', async () => {
    const { udpUrl } = await listening()
    const six = client({ families: [6] })
    await expect(six.announce(udpUrl as string, request())).rejects.toEqual(fails('tracker/unreachable'))
    await expect(six.scrape(udpUrl as string, [infoHash])).rejects.toEqual(fails('tracker/unreachable'))
  })

  it('wrong arguments of ours are RangeErrors', async () => {
    const { httpUrl, udpUrl } = await listening()
    const tracker = client()
    const wrong = { infoHash: new Uint8Array(5) }
    for (const url of [httpUrl, udpUrl, udpUrl])
      await expect(tracker.announce(url as string, request(wrong))).rejects.toThrow(RangeError)
    await expect(tracker.scrape(udpUrl as string, [new Uint8Array(5)])).rejects.toThrow(RangeError)
    await tracker.announce(udpUrl as string, request())
  })
})

describe('HTTP trackers', () => {
  const fixed =
    (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
    (_, response) => {
      response.writeHead(status, headers).end(body)
    }

  it.each<[string, RequestListener, object]>([
    ['garbage', fixed(200, '<html>'), { code: 'tracker/malformed' }],
    ['nothing', fixed(200, ''), { code: 'tracker/malformed' }],
    ['404', fixed(404, 'not here'), { code: 'tracker/http-status', retryIn: undefined }],
    ['404 with a good answer', fixed(404, 'd8:intervali1ee'), { code: 'tracker/http-status' }],
    ['503 with a time', fixed(503, '', { 'retry-after': '120' }), { retryIn: 120_000 }],
    ['503 with a date', fixed(503, '', { 'retry-after': 'Fri, 31 Dec 2027' }), { retryIn: undefined }],
    [
      '403 with a reason',
      fixed(403, 'd14:failure reason2:no8:retry ini5ee'),
      { code: 'tracker/failure', retryIn: 300_000 },
    ],
    [
      'never',
      fixed(200, 'd14:failure reason2:no8:retry in5:nevere'),
      { code: 'tracker/failure', retryIn: Number.POSITIVE_INFINITY },
    ],
    ['a redirect to itself', fixed(302, '', { location: '/announce' }), { code: 'tracker/bad-redirect' }],
    ['a redirect to a file', fixed(302, '', { location: 'file:///etc/passwd' }), { code: /^tracker\// }],
    [
      'a declared gigabyte',
      fixed(200, 'd', { 'content-length': '1000000000' }),
      { code: 'tracker/too-large' },
    ],
    [
      'an unpacked gigabyte',
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        response.end(gzipSync(new Uint8Array(2_000_000)))
      },
      { code: 'tracker/too-large' },
    ],
    [
      'a body without end',
      (_, response) => {
        const pour = () => {
          while (!response.destroyed && response.write(new Uint8Array(65_536)));
        }
        response.on('drain', pour)
        pour()
      },
      { code: 'tracker/too-large' },
    ],
    ['a slammed door', (incoming) => void incoming.socket.destroy(), { code: 'tracker/unreachable' }],
  ])('that answer %s fail', async (_, respond, error) => {
    const { url } = await answering(respond)
    const end: unknown = await client()
      .announce(url, request())
      .catch((reason: unknown) => reason)
    expect(end).toMatchObject(
      Object.fromEntries(
        Object.entries(error).map(([key, value]) => [
          key,
          value instanceof RegExp ? expect.stringMatching(value) : value,
        ]),
      ),
    )
  })

  it('may redirect, compress, and name peers', async () => {
    const peers = [
      { ip: '10.0.0.1', port: 1 },
      { ip: 'peer.test', port: 2, 'peer id': 'p'.repeat(20) },
      { ip: 'nobody.test', port: 3 },
      { ip: 'void.test', port: 4 },
    ]
    const agents: (string | undefined)[] = []
    const { url } = await answering((incoming, response) => {
      agents.push(incoming.headers['user-agent'])
      if (incoming.url?.startsWith('/announce?')) response.writeHead(302, { location: '/elsewhere' }).end()
      else
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(encode({ interval: 5, peers })))
    })
    const names = { 'peer.test': ['10.0.0.2'], 'nobody.test': [], 'void.test': ['0.0.0.0'] }
    const answer = await client({ userAgent: 'me/1' }, worldWithNames(names)).announce(url, request())
    expect(answer).toEqual({
      interval: 5,
      peers: [
        { address: { host: '10.0.0.1', port: 1 } },
        { address: { host: '10.0.0.2', port: 2 }, peerId: new Uint8Array(20).fill(0x70) },
      ],
    })
    expect(agents).toEqual(['me/1', 'me/1'])
  })

  it('are asked so many at once', async () => {
    let now = 0
    let most = 0
    const { url } = await answering((_, response) => {
      most = Math.max(most, ++now)
      setTimeout(() => {
        now--
        response.end(encode({ interval: 5 }))
      }, 5)
    })
    const tracker = client({ maxConcurrent: 2 })
    await Promise.all(Array.from({ length: 8 }, () => tracker.announce(url, request())))
    expect(most).toBe(2)
  })

  it('may be given up while they wait for their turn', async () => {
    const held: (() => void)[] = []
    const { url } = await answering((_, response) => {
      held.push(() => response.end(encode({ interval: 5 })))
    })
    const tracker = client({ maxConcurrent: 1 })
    const first = tracker.announce(url, request())
    await expect.poll(() => held.length, { interval: 2 }).toBe(1)
    const controller = new AbortController()
    const second = tracker.announce(url, request(), { signal: controller.signal })
    const third = tracker.announce(url, request())
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    held[0]?.()
    await first
    await expect.poll(() => held.length, { interval: 2 }).toBe(2)
    held[1]?.()
    expect((await third).interval).toBe(5)
  })

  it('have no scrape when their path says so', async () => {
    const { url } = await answering(bencoded({ files: {} }))
    const tracker = client({}, worldWithNames({ 'tracker.test': ['192.0.2.1'] }))
    await expect(tracker.scrape('http://tracker.test/a', [infoHash])).rejects.toEqual(
      fails('tracker/scrape-unsupported'),
    )
    expect(await tracker.scrape(url, [infoHash])).toEqual(new Map())
  })
})

describe('UDP trackers', () => {
  const good = { action: 'announce', interval: 7, leechers: 0, seeders: 0, peers: [] } as const

  it('are heard only from their own address and with our transaction', async () => {
    const elsewhere = await udpSocket()
    own({ close: () => elsewhere.close() })
    const log: string[] = []
    const { url } = own(
      await udpServer((asked, send) => {
        log.push(asked.action)
        const { transactionId } = asked
        if (asked.action === 'connect') {
          send({ action: 'connect', transactionId, connectionId: 1n }, elsewhere)
          send({ action: 'connect', transactionId: transactionId ^ 1, connectionId: 2n })
          send({ action: 'error', transactionId: transactionId ^ 1, message: 'forged' })
          send({ action: 'connect', transactionId, connectionId: 3n })
        } else if (asked.action === 'announce') {
          expect(asked.connectionId).toBe(3n)
          expect(asked.urlData).toBe('/announce')
          send({ ...good, interval: 1, transactionId }, elsewhere)
          send({ ...good, interval: 2, transactionId: transactionId ^ 1 })
          send({ ...good, transactionId })
        }
      }),
    )
    expect((await client().announce(url, request())).interval).toBe(7)
    expect(log).toEqual(['connect', 'announce'])
  })

  it('share one connection id, and an error of one request is its own', async () => {
    const log: string[] = []
    const { url } = own(
      await udpServer((asked, send) => {
        log.push(asked.action)
        const { transactionId, action } = asked
        if (action === 'connect') send({ action, transactionId, connectionId: 3n })
        else if (action === 'announce') send({ ...good, transactionId })
        else send({ action: 'error', transactionId, message: 'no scrape here' })
      }),
    )
    const tracker = client()
    const calls = await Promise.allSettled([
      tracker.announce(url, request()),
      tracker.scrape(url, [infoHash]),
      tracker.announce(url, request()),
    ])
    expect(calls).toMatchObject([
      { value: { interval: 7 } },
      { reason: { code: 'tracker/failure', message: 'the tracker refused: no scrape here' } },
      { value: { interval: 7 } },
    ])
    expect(log).toEqual(['connect', 'announce', 'scrape', 'announce'])
  })

  it('may be asked over a socket that is shared', async () => {
    const { udpUrl } = await listening()
    const world = systemWorld()
    const strays: number[] = []
    const socket = own(
      await world.bind({ host: '127.0.0.1', port: 0 }, (bytes, from) => {
        if (!tracker.receive(bytes, from)) strays.push(bytes.length)
      }),
    )
    const tracker = client({ sockets: { 4: socket } }, world)
    expect((await tracker.announce(udpUrl as string, request())).peers).toEqual([])
    const stranger = await udpSocket()
    own({ close: () => stranger.close() })
    stranger.send(new Uint8Array(30), socket.address.port, '127.0.0.1')
    await expect.poll(() => strays, { interval: 5 }).toEqual([30])
    const other = client({ sockets: {} }, world)
    await expect(other.announce(udpUrl as string, request())).rejects.toEqual(fails('tracker/unreachable'))
  })

  it('see the local address that was asked for', async () => {
    const { udpUrl, httpUrl, server } = await listening()
    const tracker = client({ localAddresses: { 4: '127.0.0.1' } })
    for (const url of [udpUrl, httpUrl]) await tracker.announce(url as string, request())
    expect(server.stats.peers).toBe(1)
    const wrong = client({ localAddresses: { 4: '192.0.2.77' } })
    for (const url of [udpUrl, httpUrl])
      await expect(wrong.announce(url as string, request())).rejects.toEqual(fails('tracker/unreachable'))
  })
})

describe('server', () => {
  it('serves one transport alone', async () => {
    const http = await listening({ udp: false })
    expect(http).toMatchObject({ udpUrl: undefined, httpUrl: `http://127.0.0.1:${http.port}/announce` })
    const udp = await listening({ http: false })
    expect(udp).toMatchObject({ httpUrl: undefined, udpUrl: `udp://127.0.0.1:${udp.port}/announce` })
    await client().announce(udp.udpUrl as string, request())
    await expect(client().announce(`http://127.0.0.1:${udp.port}/announce`, request())).rejects.toEqual(
      fails('tracker/unreachable'),
    )
  })

  it('names an address that can be dialled', async () => {
    const { httpUrl, port } = await listening({ host: '0.0.0.0' })
    expect(httpUrl).toBe(`http://127.0.0.1:${port}/announce`)
    if (LOOPBACKS.includes('::1'))
      expect((await listening({ host: '::' })).httpUrl).toMatch(/^http:\/\/\[::1]:/)
  })

  it('rejects a port that is taken, and frees what it had', async () => {
    const { port, server } = await listening()
    for (const options of [{}, { http: false }]) {
      const second = own(new TrackerServer({ host: '127.0.0.1', port, ...options }))
      await expect(second.listen()).rejects.toEqual(fails('EADDRINUSE'))
      await second.close()
    }
    await server.close()
    expect((await listening({ port })).port).toBe(port)
  })

  it('does not begin once it is closed', async () => {
    const server = own(new TrackerServer({ host: '127.0.0.1' }))
    await server.close()
    await expect(server.listen()).rejects.toEqual(fails('tracker/closed'))
  })

  it('answers GET and HEAD alone', async () => {
    const { port } = await listening()
    const raw = async (text: string) => {
      const socket = connect(port, '127.0.0.1')
      socket.end(text)
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
      })
      await once(socket, 'close')
      return answer
    }
    expect(await raw('POST /announce HTTP/1.1\r\nHost: t\r\n\r\n')).toMatch(/^HTTP\/1.1 405 /)
    expect(await raw('HEAD /announce HTTP/1.1\r\nHost: t\r\n\r\n')).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n$/)
    expect(await raw('GET / HTTP/1.1\r\nHost: t\r\n\r\n')).toMatch(/^HTTP\/1.1 404 /)
    expect(await raw('\0\0\0\0\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  })
})
