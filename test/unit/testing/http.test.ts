import { describe, expect, it } from 'vitest'
import { readAll } from '../../../src/net/http/body.js'
import type { HttpRequest, HttpServerRequest } from '../../../src/net/world.js'
import { VirtualNetwork } from '../../../src/testing/index.js'
import { fromUtf8, utf8 } from '../../../src/util/bytes.js'

function rig() {
  const net = new VirtualNetwork({ seed: 1, latency: 10 })
  const client = net.host()
  const server = net.host({ upload: 100_000 })
  net.names.set('site.test', ['2001:db8::5', server.ip])
  const ask = async (url: string, options: Partial<HttpRequest>) => {
    const limits = { bodyBytes: 100_000, total: 5_000, redirects: 2 }
    const response = await client.world.fetch({ url, limits, family: 4, ...options })
    return { ...response, body: await readAll(response.body) }
  }
  const get = (url: string, options: Partial<HttpRequest> = {}) => net.run({ until: ask(url, options) })
  return { net, client, server, get }
}

/** A server that answers every connection with these bytes. */
async function raw(host: ReturnType<typeof rig>['server'], answer: string, end = true): Promise<void> {
  await host.world.listen({ port: 80 }, (stream) => {
    stream.listen({ data() {}, drain() {}, close() {} })
    stream.write([utf8(answer)])
    if (end) stream.end()
  })
}

describe('HTTP in the virtual world', () => {
  it('asks and answers in virtual time', async () => {
    const { net, client, server, get } = rig()
    const seen: HttpServerRequest[] = []
    const served = await server.world.serveHttp({ port: 80 }, async (request) => {
      seen.push(request)
      if (request.target === '/bug') throw new Error('bug')
      return { status: 404, headers: { 'X-Size': '50000' }, body: new Uint8Array(50_000).fill(1) }
    })
    const response = await get('http://site.test/announce?info_hash=%00%ff~', { headers: { 'X-Test': 'y' } })
    expect(response.status).toBe(404)
    expect(response.headers['x-size']).toBe('50000')
    expect(response.body).toEqual(new Uint8Array(50_000).fill(1))
    // Name, dial, question, and the body over the line.
    expect(net.now).toBeGreaterThan(5 + 20 + 20 + 500)
    expect(net.now).toBeLessThan(5 + 20 + 20 + 520)
    expect(seen[0]).toMatchObject({ method: 'GET', target: '/announce?info_hash=%00%ff~' })
    expect(seen[0]!.headers).toMatchObject({ host: 'site.test', 'x-test': 'y' })
    expect((await get('http://site.test/bug')).status).toBe(500)
    await served.close()
    await expect(get('http://site.test/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await net.advance(10_000)
    expect([...client.open, ...server.open]).toEqual([])
  })

  it('follows redirects up to the limit', async () => {
    const { server, get } = rig()
    await server.world.serveHttp({ port: 443 }, ({ target }) => {
      const hops = Number(target.slice(1))
      if (hops === 0) return { status: 200, body: utf8('there') }
      return { status: 302, headers: { Location: `/${hops - 1}` }, body: utf8('') }
    })
    const response = await get('https://site.test/2')
    expect([fromUtf8(response.body), response.url]).toEqual(['there', 'https://site.test/0'])
    await expect(get('https://site.test/3')).rejects.toMatchObject({ code: 'http/too-many-redirects' })
  })

  it.each([
    ['HTTP/1.1 200 OK\r\n\r\nall of it', true, 'all of it'],
    ['HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nall', false, 'all'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall', true, { code: 'ECONNRESET' }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall', false, { code: 'ETIMEDOUT' }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n', false, { code: 'http/too-large' }],
    [`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(100_001)}`, false, { code: 'http/too-large' }],
    [`HTTP/1.1 200 OK\r\n${'x'.repeat(20_000)}`, false, { code: 'http/headers-too-large' }],
    ['garbage\r\n\r\n', false, { code: 'http/bad-response' }],
    ['', true, { code: 'ECONNRESET' }],
    ['', false, { code: 'ETIMEDOUT' }],
  ])('handles the answer %#', async (answer, end, expected) => {
    const { net, client, server, get } = rig()
    await raw(server, answer, end)
    const response = get('http://site.test/')
    if (typeof expected === 'string') expect(fromUtf8((await response).body)).toBe(expected)
    else await expect(response).rejects.toMatchObject(expected)
    await net.advance(10_000)
    expect(client.open).toEqual([])
  })

  it('refuses bad URLs, missing families, and ends with its signal', async () => {
    const { server, get } = rig()
    await expect(get('nonsense')).rejects.toMatchObject({ code: 'http/bad-url' })
    await expect(get('ftp://site.test/')).rejects.toMatchObject({ code: 'http/bad-url' })
    await expect(get(`http://${server.ip}/`, { family: 6 })).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await raw(server, '', false)
    const aborter = new AbortController()
    server.world.setTimer(1_000, () => aborter.abort(new Error('enough')))
    await expect(get('http://site.test/', { signal: aborter.signal })).rejects.toThrow('enough')
  })

  it('serves only requests, within their time', async () => {
    const { net, client, server } = rig()
    await server.world.serveHttp({ port: 80 }, () => ({ status: 200, body: utf8('') }))
    for (const [request, answer] of [
      ['nonsense\r\n\r\n', /^HTTP\/1.1 400/],
      [`GET /${'x'.repeat(20_000)}`, /^HTTP\/1.1 431/],
      ['GET / HT', /^HTTP\/1.1 408/],
    ] as const) {
      const stream = await net.run({
        until: client.world.connect({ host: server.ip, port: 80 }, { timeout: 100 }),
      })
      let text = ''
      let closed = false
      stream.listen({
        data(chunk) {
          text += fromUtf8(chunk)
        },
        drain() {},
        close() {
          closed = true
        },
      })
      stream.write([utf8(request)])
      await net.run({ until: () => closed })
      expect(text).toMatch(answer)
    }
  })
})
