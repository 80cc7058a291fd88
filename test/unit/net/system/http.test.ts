import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import type { TLSSocket } from 'node:tls'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { readAll } from '../../../../src/net/http/body.js'
import { fetchOver, isLocalAddress } from '../../../../src/net/http/fetch.js'
import { Resolver } from '../../../../src/net/system/dns.js'
import { speakHttp } from '../../../../src/net/system/http-client.js'
import { systemWorld } from '../../../../src/net/system/world.js'
import type {
  HttpLimits,
  HttpRequest,
  HttpServerRequest,
  StreamServer,
  World,
} from '../../../../src/net/world.js'
import { wrapWorld } from '../../../../src/net/wrap-world.js'
import { fromUtf8, utf8 } from '../../../../src/util/bytes.js'
import { CERTIFICATE, CERTIFICATE_KEY } from '../../../support/certificate.js'
import { expectNothingLeft } from '../../../support/resources.js'

const world = systemWorld()
const open: Server[] = []
const sockets = new Set<Socket>()
const served: StreamServer[] = []

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve))
  for (const server of served.splice(0)) await server.close()
  await expectNothingLeft([], /TCP/)
})

function keep(server: Server): Promise<string> {
  open.push(server)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

function site(listener: RequestListener): Promise<string> {
  return keep(createServer(listener))
}

/** A server that does whatever it likes with the connection. */
function rogue(act: (socket: Socket) => void): Promise<string> {
  return keep(createTcpServer(act))
}

/** Asks and reads all of the answer. */
async function get(
  url: string,
  {
    limits,
    through = world,
    ...options
  }: Partial<Omit<HttpRequest, 'limits'>> & { limits?: Partial<HttpLimits>; through?: World } = {},
) {
  const response = await through.fetch({
    url,
    limits: { bodyBytes: 10_000, total: 5_000, redirects: 3, ...limits },
    ...options,
  })
  return { ...response, body: await readAll(response.body) }
}

/** The machine with a name service of the test. */
function withNames(resolve: ConstructorParameters<typeof Resolver>[1]): World {
  const names = new Resolver(() => 0, resolve)
  return wrapWorld(world, { lookup: (name, options) => names.lookup(name, options) })
}

describe('fetch', () => {
  it('gets a body, its status and headers, with the target untouched', async () => {
    const seen: (string | undefined)[] = []
    const base = await site((request, response) => {
      seen.push(request.url, request.headers['x-test'] as string, request.headers.connection)
      response.writeHead(404, { 'X-Name': 'v', 'set-cookie': ['a=1', 'b=2'] })
      response.end('gone')
    })
    const url = `${base}/a%2fb?info_hash=%00%ff%7e~%41&x=1`
    const response = await get(url, { headers: { 'X-Test': 'yes' } })
    expect(response.status).toBe(404)
    expect(response.headers['x-name']).toBe('v')
    expect(response.headers['set-cookie']).toBe('a=1, b=2')
    expect(fromUtf8(response.body)).toBe('gone')
    expect(Buffer.isBuffer(response.body)).toBe(false)
    expect(response.url).toBe(url)
    expect(seen).toEqual(['/a%2fb?info_hash=%00%ff%7e~%41&x=1', 'yes', 'close'])
  })

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['identity', (body: Uint8Array) => body],
  ] as const)('unpacks %s', async (encoding, pack) => {
    const base = await site((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding })
      response.end(pack(utf8('hello hello hello')))
    })
    expect(fromUtf8((await get(base)).body)).toBe('hello hello hello')
  })

  it('refuses what does not unpack, and unknown encodings', async () => {
    for (const encoding of ['gzip', 'compress', 'gzip, gzip']) {
      const base = await site((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding })
        response.end('not packed')
      })
      await expect(get(base)).rejects.toMatchObject({ code: 'http/bad-encoding' })
    }
  })

  it('stops a bomb at the limit of the unpacked body', async () => {
    for (const [encoding, pack] of [
      ['gzip', gzipSync],
      ['br', brotliCompressSync],
      ['deflate', deflateSync],
    ] as const) {
      const bomb = pack(new Uint8Array(8_000_000))
      expect(bomb.length).toBeLessThan(10_000)
      const base = await site((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding })
        response.end(bomb)
      })
      await expect(get(base)).rejects.toMatchObject({ code: 'http/too-large' })
    }
  })

  it('stops an endless body, and a declared one at once', async () => {
    let sent = 0
    const base = await rogue((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const more = (): void => {
        while (!socket.destroyed && sent < 1e9) {
          sent += 65_536
          if (!socket.write(new Uint8Array(65_536))) return
        }
      }
      socket.on('drain', more)
      more()
    })
    await expect(get(base)).rejects.toMatchObject({ code: 'http/too-large' })
    expect(sent).toBeLessThan(50_000_000)
    const declared = await rogue((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n')
    })
    await expect(get(declared)).rejects.toMatchObject({ code: 'http/too-large' })
    const exact = await site((_request, response) => response.end(new Uint8Array(10_000)))
    expect((await get(exact)).body.length).toBe(10_000)
  })

  it('gives up on a body of a byte now and then, and on silence', async () => {
    const drip = await rogue((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 5)
      socket.on('close', () => clearInterval(timer))
    })
    await expect(get(drip, { limits: { total: 100 } })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const silent = await rogue(() => {})
    await expect(get(silent, { limits: { firstByte: 50 } })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  it('refuses endless headers, garbage, a switch of protocols and a cut body', async () => {
    const headers = await rogue((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      for (let i = 0; i < 2_000; i++) socket.write(`x-${i}: ${'y'.repeat(50)}\r\n`)
    })
    await expect(get(headers)).rejects.toMatchObject({ code: 'http/headers-too-large' })
    const garbage = await rogue((socket) => socket.end('d8:intervali1ee'))
    await expect(get(garbage)).rejects.toMatchObject({ code: 'http/bad-response' })
    const switched = await rogue((socket) =>
      socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    )
    await expect(get(switched)).rejects.toMatchObject({ code: 'http/bad-response' })
    const cut = await rogue((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'))
    })
    await expect(get(cut)).rejects.toMatchObject({ code: 'ECONNRESET' })
    const closed = await rogue((socket) => socket.destroy())
    await expect(get(closed)).rejects.toMatchObject({ code: expect.any(String) })
  })

  it('follows redirects up to the limit', async () => {
    const base = await site((request, response) => {
      const hops = Number(request.url?.slice(1))
      if (hops === 0) response.end('there')
      else response.writeHead(302, { location: `/${hops - 1}` }).end('moved')
    })
    const response = await get(`${base}/3`)
    expect(fromUtf8(response.body)).toBe('there')
    expect(response.url).toBe(`${base}/0`)
    await expect(get(`${base}/4`)).rejects.toMatchObject({ code: 'http/too-many-redirects' })
    const loop = await site((_request, res) => res.writeHead(301, { location: '/' }).end())
    await expect(get(loop)).rejects.toMatchObject({ code: 'http/too-many-redirects' })
    const nowhere = await site((_request, res) => res.writeHead(304).end())
    expect((await get(nowhere)).status).toBe(304)
  })

  it('keeps credentials at their origin and does not leave http', async () => {
    const seen: (string | undefined)[] = []
    const other = await site((request, response) => {
      seen.push(request.headers.authorization, request.headers.cookie, request.headers['x-mine'] as string)
      response.end()
    })
    const base = await site((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(307, { location: `${other}/` }).end()
    })
    await get(base, { headers: { Authorization: 'secret', cookie: 'c', 'x-mine': 'm' } })
    expect(seen).toEqual(['secret', undefined, undefined, 'm'])
    const auth = base.replace('http://', 'http://me:p%40ss@')
    await get(auth)
    expect(seen[4]).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
    for (const location of ['file:///etc/passwd', 'ftp://x/', 'http://[bad']) {
      const evil = await site((_request, response) => response.writeHead(302, { location }).end())
      await expect(get(evil)).rejects.toMatchObject({ code: 'http/bad-url' })
    }
    await expect(get('data:,x')).rejects.toMatchObject({ code: 'http/bad-url' })
    await expect(get('nonsense')).rejects.toMatchObject({ code: 'http/bad-url' })
  })

  it('looks names up through the resolver and minds the family', async () => {
    const through = withNames((name, done) =>
      name === 'tracker.test'
        ? done(null, [{ address: '::1' }, { address: '127.0.0.1' }])
        : done(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []),
    )
    const base = await site((request, response) => response.end(request.headers.host))
    const url = base.replace('127.0.0.1', 'tracker.test')
    const response = await get(url, { through, family: 4 })
    expect(fromUtf8(response.body)).toBe(url.slice('http://'.length))
    // Nothing listens at the first address: the second one is tried.
    expect(fromUtf8((await get(url, { through })).body)).toBe(url.slice('http://'.length))
    await expect(get(url, { through, family: 6 })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(get(base, { through, family: 6 })).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(get('http://other.test/', { through })).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  it('does not follow a redirect from the internet into the local network', async () => {
    const through = withNames((_name, done) => done(null, [{ address: '127.0.0.2' }]))
    const isLocal = (ip: string): boolean => ip === '127.0.0.2'
    for (const target of ['http://127.0.0.2:1/', 'http://inside.test:1/']) {
      const base = await site((_request, response) => response.writeHead(302, { location: target }).end())
      const request = { url: base, limits: { bodyBytes: 100, redirects: 1 } }
      await expect(fetchOver(through, request, speakHttp, isLocal)).rejects.toMatchObject({
        code: 'http/local-redirect',
      })
      await expect(fetchOver(through, request, speakHttp)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  it.each([
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['169.254.169.254', true],
    ['0.0.0.0', true],
    ['8.8.8.8', false],
    ['::1', true],
    ['::', true],
    ['fe80::1', true],
    ['fd00::1', true],
    ['::ffff:10.0.0.1', true],
    ['2001:db8::1', false],
    ['nonsense', false],
  ])('%s is local: %s', (ip, local) => {
    expect(isLocalAddress(ip)).toBe(local)
  })

  it('ends with the reason of its signal', async () => {
    const silent = await rogue(() => {})
    const reason = new Error('enough')
    await expect(get(silent, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const aborter = new AbortController()
    const pending = get(silent, { signal: aborter.signal })
    setImmediate(() => aborter.abort(reason))
    await expect(pending).rejects.toBe(reason)
  })

  it('tells a refused connection', async () => {
    const base = await site(() => {})
    await new Promise((resolve) => open.pop()?.close(resolve))
    await expect(get(base)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('fetch over https', () => {
  /** A site with our certificate, which echoes the name that it was asked for. */
  async function secure(): Promise<string> {
    const server = createSecureServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (request, response) => {
      if (request.url === '/down') response.writeHead(302, { location: 'http://127.0.0.1:1/' })
      response.end(`${request.headers.host} ${(request.socket as TLSSocket).servername}`)
    })
    return (await keep(server)).replace('http:', 'https:')
  }
  const through = withNames((_name, done) => done(null, [{ address: '127.0.0.1' }]))
  const trusting = (url: string) =>
    fetchOver(through, { url, limits: { bodyBytes: 100 } }, (stream, exchange) =>
      speakHttp(stream, exchange, CERTIFICATE),
    )

  it('trusts whom it is told to, by name and by address', async () => {
    const base = await secure()
    const named = base.replace('127.0.0.1', 'site.test')
    for (const [url, name] of [
      [named, 'site.test'],
      [base, 'false'],
    ] as const) {
      const { body } = await trusting(url)
      expect(fromUtf8(await readAll(body))).toBe(`${new URL(url).host} ${name}`)
    }
  })

  it('refuses strangers, other names, and the way down to http', async () => {
    const base = await secure()
    const code = expect.stringMatching(/^(DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/)
    await expect(get(base)).rejects.toMatchObject({ code })
    await expect(trusting(base.replace('127.0.0.1', 'other.test'))).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    await expect(trusting(`${base}/down`)).rejects.toMatchObject({ code: 'http/insecure-redirect' })
    const plain = await site((_request, response) => response.end())
    await expect(trusting(plain.replace('http:', 'https:'))).rejects.toMatchObject({
      code: expect.any(String),
    })
  })
})

describe('serveHttp', () => {
  async function serve(respond: (request: HttpServerRequest) => { status: number; body: Uint8Array }) {
    const server = await world.serveHttp({ host: '127.0.0.1', port: 0 }, respond)
    served.push(server)
    return `http://127.0.0.1:${server.address.port}`
  }

  it('hands over the target as received and answers', async () => {
    const seen: HttpServerRequest[] = []
    const base = await serve((request) => {
      seen.push(request)
      return { status: 200, headers: { 'x-a': 'b' }, body: utf8('d4:infoe') }
    })
    const response = await get(`${base}/announce?info_hash=%124Vx%9a%bc&port=1`)
    expect(fromUtf8(response.body)).toBe('d4:infoe')
    expect(response.headers['x-a']).toBe('b')
    expect(response.headers.connection).toBe('close')
    expect(seen[0]).toMatchObject({
      method: 'GET',
      target: '/announce?info_hash=%124Vx%9a%bc&port=1',
      remote: { host: '127.0.0.1' },
    })
  })

  it('answers 500 when the responder throws, and lives', async () => {
    let calls = 0
    const base = await serve(() => {
      if (++calls === 1) throw new Error('bug')
      return { status: 200, body: utf8('ok') }
    })
    expect((await get(base)).status).toBe(500)
    expect((await get(base)).status).toBe(200)
  })

  it('refuses a long head and bad requests', async () => {
    const base = await serve(() => ({ status: 200, body: utf8('ok') }))
    expect((await get(`${base}/${'x'.repeat(10_000)}`)).status).toBe(431)
    const socket = connect(Number(new URL(base).port), '127.0.0.1')
    sockets.add(socket)
    socket.end('\x13BitTorrent protocol')
    const text = await new Promise<string>((resolve) => {
      let all = ''
      socket.on('data', (chunk) => {
        all += String(chunk)
      })
      socket.on('close', () => resolve(all))
    })
    expect(text).toMatch(/^HTTP\/1.1 400/)
  })

  it.each(['\0', '\r\n\0\0', 'x'])('answers a request with %j behind it', async (behind) => {
    const base = await serve(() => ({ status: 200, body: utf8('ok') }))
    const socket = connect(Number(new URL(base).port), '127.0.0.1')
    sockets.add(socket)
    socket.write(`GET / HTTP/1.0\r\nHost: a\r\n\r\n${behind}`)
    let all = ''
    socket.on('data', (chunk) => {
      all += String(chunk)
    })
    await once(socket, 'close')
    expect(all).toMatch(/^HTTP\/1.1 200 .*ok$/s)
  })

  it('cuts off a client that drips its request', async () => {
    let calls = 0
    const respond = () => {
      calls++
      return { status: 200, body: utf8('ok') }
    }
    const limits = { request: 50 }
    const server = await world.serveHttp({ host: '127.0.0.1', port: 0, limits }, respond)
    served.push(server)
    const socket = connect(server.address.port, '127.0.0.1')
    sockets.add(socket)
    socket.on('error', () => {})
    const timer = setInterval(() => socket.write('x'), 5)
    socket.write('GET /')
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
    })
    await new Promise((resolve) => socket.on('close', resolve))
    clearInterval(timer)
    expect(text).toMatch(/^HTTP\/1.1 408/)
    expect(calls).toBe(0)
  })

  it('cuts open connections on close, and refuses a taken port', async () => {
    const base = await serve(() => ({ status: 200, body: utf8('ok') }))
    const port = Number(new URL(base).port)
    await expect(
      world.serveHttp({ host: '127.0.0.1', port }, () => ({ status: 200, body: utf8('') })),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' })
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    socket.on('error', () => {})
    await new Promise((resolve) => socket.on('connect', resolve))
    const closed = new Promise((resolve) => socket.on('close', resolve))
    await served[0]!.close()
    await closed
  })
})
