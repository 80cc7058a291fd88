/** The contract of `World.fetch` and `World.serveHttp`, on the machine and in the virtual world. */

import { afterEach, describe, expect, it } from 'vitest'
import { readAll } from '../../../src/net/http/body.js'
import { systemWorld } from '../../../src/net/system/world.js'
import type {
  HttpHop,
  HttpLimits,
  HttpRequest,
  HttpResponder,
  HttpServerLimits,
  StreamServer,
  World,
} from '../../../src/net/world.js'
import { wrapWorld } from '../../../src/net/wrap-world.js'
import { type SiteFault, serveSite, VirtualNetwork } from '../../../src/testing/index.js'
import { fromUtf8, utf8 } from '../../../src/util/bytes.js'
import { errorCode } from '../../../src/util/errors.js'
import { expectNothingLeft } from '../../support/resources.js'

const CHUNK = 65_536
/** Chunks of an answer that no buffers on its way can hold. */
const CHUNKS = 300

/** Two worlds that reach each other. */
interface Rig {
  readonly client: World
  readonly server: World
  /** Where the server is. */
  readonly host: string
  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T>
  /** Fails when anything is open. */
  check(): Promise<void>
}

const RIGS: Readonly<Record<string, () => Rig>> = {
  system() {
    const world = systemWorld()
    return {
      client: world,
      server: world,
      host: '127.0.0.1',
      run: (promise) => promise,
      check: () => expectNothingLeft([], /TCP|Server|Timeout|Immediate/),
    }
  },
  virtual() {
    const network = new VirtualNetwork({ seed: 5 })
    const [client, server] = [network.host(), network.host()]
    return {
      client: client.world,
      server: server.world,
      host: server.ip,
      run: (promise) => network.run({ until: promise }),
      async check() {
        await network.advance(10_000)
        expect([...client.open, ...server.open]).toEqual([])
      },
    }
  },
}

describe.each(Object.keys(RIGS))('HTTP in the %s world', (name) => {
  let rig = RIGS[name]!()
  const servers: StreamServer[] = []

  afterEach(async () => {
    for (const server of servers.splice(0)) await rig.run(server.close())
    await rig.check()
    rig = RIGS[name]!()
  })

  /** A test whose waits happen in the time of its world. */
  const test = (title: string, body: () => Promise<void>): void => it(title, () => rig.run(body()))

  async function serve(respond: HttpResponder, limits: HttpServerLimits = {}): Promise<string> {
    const server = await rig.server.serveHttp({ host: rig.host, port: 0, limits }, respond)
    servers.push(server)
    return `http://${rig.host}:${server.address.port}`
  }

  async function site(fault?: SiteFault, files: Record<string, Uint8Array> = { '/file': pattern(100_000) }) {
    const site = await serveSite(rig.server, {
      files,
      fault: ({ path }) => (path === '/fine' ? undefined : fault),
      host: rig.host,
      port: 0,
    })
    servers.push(site)
    return { site, url: `http://${rig.host}:${site.address.port}` }
  }

  type Asked = Partial<Omit<HttpRequest, 'limits'>> & { readonly limits?: Partial<HttpLimits> }

  function ask(url: string, { limits, ...rest }: Asked = {}, world: World = rig.client) {
    return world.fetch({ url, limits: { bodyBytes: 100 * CHUNK, ...limits }, ...rest })
  }

  async function get(url: string, request: Asked = {}) {
    const response = await ask(url, request)
    return { ...response, body: await readAll(response.body) }
  }

  async function codeOf(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => 'no error',
      (error: unknown) => errorCode(error),
    )
  }

  /** Resolves when it is so; the test fails by its time-out otherwise. */
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await pause()
  }

  function pause(ms = 1): Promise<void> {
    return new Promise((resolve) => rig.client.setTimer(ms, resolve))
  }

  test('carries method, path, headers and bodies both ways', async () => {
    const url = await serve(
      async ({ method, path, target, headers, body, remote }) => {
        expect(remote.port).toBeGreaterThan(0)
        const text = `${method} ${path} ${target} ${headers['x-name']} ${headers.host}`
        return { status: 201, headers: { 'X-Answer': text }, body: await readAll(body) }
      },
      { bodyBytes: 300_000 },
    )
    const sent = pattern(300_000)
    const answer = await get(`${url}/a%2fb?c=%00%ff`, {
      method: 'POST',
      headers: { 'X-Name': 'n' },
      body: sent,
    })
    expect(answer.status).toBe(201)
    expect(answer.headers['x-answer']).toBe(`POST /a%2fb /a%2fb?c=%00%ff n ${new URL(url).host}`)
    expect(Buffer.compare(answer.body, sent)).toBe(0)
  })

  test('refuses bodies beyond the limit of a server, and has none by default', async () => {
    const echo: HttpResponder = async ({ body }) => ({ status: 200, body: await readAll(body) })
    const small = await serve(echo, { bodyBytes: 10 })
    expect((await get(small, { method: 'PUT', body: new Uint8Array(10) })).body.length).toBe(10)
    expect((await get(small, { method: 'PUT', body: new Uint8Array(11) })).status).toBe(413)
    const none = await serve(echo)
    expect((await get(none, { method: 'PUT', body: new Uint8Array(10) })).body.length).toBe(0)
  })

  test('makes no more of an answer than the reader takes', async () => {
    let made = 0
    const url = await serve(() => ({
      status: 200,
      body: (async function* () {
        for (; made < CHUNKS; made++) yield new Uint8Array(CHUNK).fill(made)
      })(),
    }))
    const { body } = await ask(url, { limits: { bodyBytes: CHUNKS * CHUNK } })
    const chunks = body[Symbol.asyncIterator]()
    const first = await chunks.next()
    for (let i = 0; i < 200; i++) await pause()
    // Both ends and the systems between them hold some MiB at most.
    expect(made).toBeLessThan(CHUNKS - 100)
    let length = first.value?.length ?? 0
    let sum = sumOf(first.value ?? new Uint8Array(0))
    for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) {
      length += chunk.length
      sum += sumOf(chunk)
    }
    expect([length, made]).toEqual([CHUNKS * CHUNK, CHUNKS])
    let whole = 0
    for (let i = 0; i < CHUNKS; i++) whole += CHUNK * (i & 0xff)
    expect(sum).toBe(whole)
  })

  test('ends the source when the client leaves, by a break, a cancel, or an abort', async () => {
    const ends: string[] = []
    const url = await serve(({ path, signal }) => {
      signal.addEventListener('abort', () => ends.push(`gone ${path} ${errorCode(signal.reason)}`))
      return { status: 200, body: endless(() => ends.push(`ended ${path}`)) }
    })
    for await (const _ of (await ask(`${url}/break`)).body) break
    const cancelled = await ask(`${url}/cancel`)
    cancelled.cancel()
    cancelled.cancel()
    // Given up is not broken.
    expect(await readAll(cancelled.body)).toEqual(new Uint8Array(0))
    const abort = new AbortController()
    const reason = new Error('enough')
    const aborted = await ask(`${url}/abort`, {
      signal: abort.signal,
      limits: { bodyBytes: Number.POSITIVE_INFINITY },
    })
    const reading = readAll(aborted.body)
    const rejected = expect(reading).rejects.toBe(reason)
    await pause(5)
    abort.abort(reason)
    await rejected
    await until(() => ends.length === 6)
    for (const path of ['/break', '/cancel', '/abort']) {
      expect(ends).toContain(`ended ${path}`)
      expect(ends).toContain(`gone ${path} http/client-gone`)
    }
  })

  test('asks no source for the answer to a HEAD', async () => {
    let began = false
    const url = await serve(() => ({
      status: 200,
      headers: { 'content-length': '5', 'x-a': 'b' },
      body: (async function* () {
        began = true
        yield utf8('hello')
      })(),
    }))
    const answer = await get(url, { method: 'HEAD' })
    expect([answer.headers['content-length'], answer.headers['x-a'], answer.body.length]).toEqual([
      '5',
      'b',
      0,
    ])
    expect(began).toBe(false)
    expect(fromUtf8((await get(url)).body)).toBe('hello')
  })

  test('lets the client see that an answer is not whole', async () => {
    const sources: Record<string, () => AsyncGenerator<Uint8Array>> = {
      '/throws': async function* () {
        yield utf8('half')
        throw new Error('disk')
      },
      '/short': async function* () {
        yield utf8('half')
      },
      '/long': async function* () {
        yield utf8('more than it said')
      },
    }
    const url = await serve(({ path }) => ({
      status: 200,
      headers: path === '/throws' ? {} : { 'Content-Length': '10' },
      body: sources[path]!(),
    }))
    for (const path of Object.keys(sources))
      expect([path, await codeOf(get(url + path))]).toEqual([path, 'ECONNRESET'])
  })

  test('answers 500 when the responder throws, and lives', async () => {
    const url = await serve(({ path }) => {
      if (path === '/bug') throw new Error('bug')
      return { status: 204 }
    })
    expect((await get(`${url}/bug`)).status).toBe(500)
    expect((await get(`${url}/`)).status).toBe(204)
  })

  test('asks for ranges', async () => {
    const { site: served, url } = await site()
    const file = pattern(100_000)
    const middle = await get(`${url}/file`, { range: { start: 70_000, end: 70_009 } })
    expect([middle.status, middle.headers['content-range']]).toEqual([206, 'bytes 70000-70009/100000'])
    expect(Buffer.compare(middle.body, file.subarray(70_000, 70_010))).toBe(0)
    const rest = await get(`${url}/file`, { range: { start: 99_990 } })
    expect(rest.body.length).toBe(10)
    expect((await get(`${url}/file`, { range: { start: 100_000 } })).status).toBe(416)
    expect((await get(`${url}/none`)).status).toBe(404)
    expect(served.requests.map(({ headers }) => headers.range)).toEqual([
      'bytes=70000-70009',
      'bytes=99990-',
      'bytes=100000-',
      undefined,
    ])
    for (const range of [{ start: -1 }, { start: 0.5 }, { start: 5, end: 4 }])
      await expect(ask(`${url}/file`, { range })).rejects.toThrow(RangeError)
    const whole = await site({ kind: 'no-range' })
    const ignored = await get(`${whole.url}/file`, { range: { start: 5, end: 9 } })
    expect([ignored.status, ignored.body.length]).toEqual([200, 100_000])
  })

  it.each<[SiteFault, Partial<HttpLimits>, string]>([
    [{ kind: 'cut', after: 50_000 }, {}, 'ECONNRESET'],
    [{ kind: 'length', declared: 100_001 }, {}, 'ECONNRESET'],
    [{ kind: 'length', declared: 1e12 }, {}, 'http/too-large'],
    [{ kind: 'endless' }, {}, 'http/too-large'],
    [{ kind: 'silent' }, { firstByte: 50 }, 'ETIMEDOUT'],
    [{ kind: 'silent' }, { total: 50 }, 'ETIMEDOUT'],
    [{ kind: 'slow', bytesPerSecond: 1_000 }, { total: 300 }, 'ETIMEDOUT'],
    [{ kind: 'slow', bytesPerSecond: 1 }, { idle: 50 }, 'ETIMEDOUT'],
    [{ kind: 'garbage' }, {}, 'http/bad-response'],
    [
      { kind: 'status', status: 200, headers: { 'x-long': 'y'.repeat(20_000) } },
      {},
      'http/headers-too-large',
    ],
    [
      { kind: 'status', status: 200, headers: { 'x-long': 'y'.repeat(500) } },
      { headerBytes: 400 },
      'http/headers-too-large',
    ],
    [{ kind: 'redirect', to: '/file' }, {}, 'http/too-many-redirects'],
    [{ kind: 'redirect', to: 'ftp://other/' }, {}, 'http/bad-url'],
    [{ kind: 'redirect', to: 'http://[bad' }, {}, 'http/bad-url'],
  ])('ends in a code when a site does %j', async (fault, limits, code) => {
    await rig.run(
      (async () => {
        const { url } = await site(fault)
        expect(await codeOf(get(`${url}/file`, { limits }))).toBe(code)
      })(),
    )
  })

  test('asks before each connection, with what will be dialled', async () => {
    const { site: served, url } = await site(
      { kind: 'redirect', to: '/fine', status: 307 },
      { '/fine': utf8('ok') },
    )
    const hops: HttpHop[] = []
    const permit = (hop: HttpHop): void => void hops.push(hop)
    expect(fromUtf8((await get(`${url}/a`, { permit, method: 'POST', body: utf8('x') })).body)).toBe('ok')
    expect(hops).toEqual([
      { url: `${url}/a`, addresses: [rig.host], redirects: 0 },
      { url: `${url}/fine`, addresses: [rig.host], redirects: 1 },
    ])
    expect(served.requests.map(({ method }) => method)).toEqual(['POST', 'POST'])
    const no = new Error('not there')
    const refuse = ({ redirects }: HttpHop): void => {
      if (redirects === 1) throw no
    }
    await expect(ask(`${url}/a`, { permit: refuse })).rejects.toBe(no)
    expect(served.requests.length).toBe(3)
  })

  test('makes a GET of what a redirect answers', async () => {
    const { site: served, url } = await site(
      { kind: 'redirect', to: '/fine', status: 303 },
      { '/fine': utf8('ok') },
    )
    const headers = { 'content-type': 'text/plain' }
    await get(`${url}/a`, { method: 'POST', body: utf8('x'), headers })
    expect(served.requests.map(({ method, headers }) => [method, headers['content-type']])).toEqual([
      ['POST', 'text/plain'],
      ['GET', undefined],
    ])
  })

  test('ends with its signal at any time', async () => {
    const { url } = await site({ kind: 'silent' })
    const reason = new Error('enough')
    await expect(ask(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const abort = new AbortController()
    const pending = ask(url, { signal: abort.signal })
    const rejected = expect(pending).rejects.toBe(reason)
    await pause(20)
    abort.abort(reason)
    await rejected
  })

  test('closes clients that are too many, too slow, or silent', async () => {
    let waiting = 0
    const reasons: unknown[] = []
    const url = await serve(
      ({ signal }) => {
        waiting++
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          }),
        )
      },
      { connections: 2, idle: 200 },
    )
    const hanging = [codeOf(ask(`${url}/1`)), codeOf(ask(`${url}/2`))]
    await until(() => waiting === 2)
    expect(await codeOf(ask(`${url}/3`))).toBe('ECONNRESET')
    expect(await Promise.all(hanging)).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect(reasons.map(errorCode)).toEqual(['http/client-gone', 'http/client-gone'])
  })

  test('has a bound for the head of a request', async () => {
    const url = await serve(() => ({ status: 200 }), { headerBytes: 1_000 })
    expect((await get(url, { headers: { 'x-long': 'y'.repeat(500) } })).status).toBe(200)
    expect((await get(url, { headers: { 'x-long': 'y'.repeat(1_000) } })).status).toBe(431)
  })

  test('cuts what is open on close, and frees the port', async () => {
    const url = await serve(() => ({ status: 200, body: endless(() => {}) }))
    const { body } = await ask(url, { limits: { bodyBytes: Number.POSITIVE_INFINITY } })
    const reading = codeOf(readAll(body))
    const port = Number(new URL(url).port)
    expect(await codeOf(rig.server.serveHttp({ host: rig.host, port }, () => ({ status: 200 })))).toBe(
      'EADDRINUSE',
    )
    await Promise.all([servers[0]!.close(), servers[0]!.close()])
    expect(await reading).toBe('ECONNRESET')
    const again = await rig.server.serveHttp({ host: rig.host, port }, () => ({ status: 200 }))
    await again.close()
    expect(await codeOf(ask(url))).toBe('ECONNREFUSED')
  })

  test('goes through a world that wraps it', async () => {
    const calls: string[] = []
    const wrapped = (world: World) =>
      wrapWorld(world, {
        lookup: async (name) => {
          calls.push(`lookup ${name}`)
          return [rig.host]
        },
        connect: (to, options) => {
          calls.push('connect')
          return world.connect(to, options)
        },
        listen: (at, accept) => {
          calls.push('listen')
          return world.listen(at, accept)
        },
      })
    const server = await wrapWorld(wrapped(rig.server), {}).serveHttp({ host: rig.host, port: 0 }, () => ({
      status: 200,
      body: utf8('ok'),
    }))
    servers.push(server)
    const url = `http://name.test:${server.address.port}/`
    const answer = await ask(url, {}, wrapWorld(wrapped(rig.client), {}))
    expect(fromUtf8(await readAll(answer.body))).toBe('ok')
    expect(calls).toEqual(['listen', 'lookup name.test', 'connect'])
    const failing = wrapWorld(rig.client, {
      connect() {
        throw Object.assign(new Error('no'), { code: 'EPERM' })
      },
    })
    expect(await codeOf(ask(url.replace('name.test', rig.host), {}, failing))).toBe('EPERM')
  })
})

function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 7 + (i >>> 8)) & 0xff)
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum += byte
  return sum
}

async function* endless(ended: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (;;) yield new Uint8Array(CHUNK)
  } finally {
    ended()
  }
}
