/**
 * One HTTP(S) GET under caps, and a minimal HTTP server. Trackers, web seeds and redirects are named by
 * strangers: everything is bounded in size, time and number, and a redirect never leads from the
 * internet into the local network or from https to http.
 * @module
 */

import { createServer, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import { ipToBytes } from '../../util/address.js'
import { errorCode, RarestError } from '../../util/errors.js'
import type {
  HttpRequest,
  HttpResponse,
  HttpServerRequest,
  HttpServerResponse,
  StreamServer,
} from '../world.js'
import type { Resolver } from './dns.js'
import { plainIp } from './tcp.js'

/** Bytes of response headers; Node's own default, stated since it is a promise here. */
const MAX_HEADER_BYTES = 16_384

/**
 * Bytes of a request line with its headers on the server side: a scrape of 74 infohashes fits, and as
 * many connections as the server takes cannot fill its memory.
 */
const MAX_REQUEST_BYTES = 8_192
/** ms for a client to send its whole request: short, since trackers meet more idle sockets than slow ones. */
const REQUEST_TIMEOUT = 5_000
/** ms of silence on a connection, a slow answer of ours included. */
const SERVER_IDLE = 30_000
/** Connections open at once; further ones are closed at once. */
const MAX_CONNECTIONS = 1_024

/** Headers that name us to one origin and stay there when a redirect leaves it. */
const ORIGIN_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * One GET; the contract is `World.fetch`. Codes: `http/*`, the system's, or `signal.reason`. `isLocal` tells
 * the addresses to which no redirect from the internet may lead.
 */
export function fetchHttp(
  request: HttpRequest,
  names: Resolver,
  isLocal: (ip: string) => boolean = isLocalAddress,
): Promise<HttpResponse> {
  const { signal } = request
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const abort = new AbortController()
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (error: unknown): void => {
      settle()
      abort.abort()
      reject(error)
    }
    const onAbort = (): void => fail(signal?.reason)
    const timer = setTimeout(
      () => fail(new RarestError('ETIMEDOUT', `no whole answer within ${request.timeout} ms`)),
      request.timeout,
    )
    signal?.addEventListener('abort', onAbort)
    follow(request, { names, isLocal, signal: abort.signal }).then((response) => {
      settle()
      resolve(response)
    }, fail)
  })
}

interface Means {
  readonly names: Resolver
  readonly isLocal: (ip: string) => boolean
  readonly signal: AbortSignal
}

async function follow(request: HttpRequest, means: Means): Promise<HttpResponse> {
  let url = parseUrl(request.url, undefined)
  let headers = { 'accept-encoding': 'gzip, deflate, br', ...lowerCase(request.headers) }
  let fromInternet = false
  for (let hop = 0; ; hop++) {
    const answer = await exchange(url, headers, request, means, fromInternet)
    if (answer.redirect === undefined) {
      const body = await decode(answer.body, answer.headers['content-encoding'], request.maxBytes)
      return { status: answer.status, headers: answer.headers, body, url: url.href }
    }
    if (hop === request.maxRedirects)
      throw new RarestError('http/too-many-redirects', `more than ${request.maxRedirects} redirects`)
    const next = parseUrl(answer.redirect, url)
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new RarestError('http/insecure-redirect', 'a redirect leads from https to http')
    if (next.origin !== url.origin) headers = withoutOriginHeaders(headers)
    fromInternet ||= !answer.local
    url = next
  }
}

/** A query may carry raw bytes as percent escapes: the URL parser keeps those, and only those are sent. */
function parseUrl(text: string, base: URL | undefined): URL {
  let url: URL
  try {
    url = new URL(text, base)
  } catch {
    throw new RarestError('http/bad-url', 'not a valid URL')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new RarestError('http/bad-url', `scheme must be http or https, got ${url.protocol.slice(0, 20)}`)
  return url
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Where to go instead. */
  readonly redirect: string | undefined
  /** Whether the address that answered is of this machine or a private network. */
  readonly local: boolean
}

function exchange(
  url: URL,
  headers: Readonly<Record<string, string>>,
  limits: HttpRequest,
  means: Means,
  fromInternet: boolean,
): Promise<Answer> {
  const { isLocal, signal } = means
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const literal = ipToBytes(host)
    if (literal && fromInternet && isLocal(host)) {
      reject(localRedirect())
      return
    }
    if (literal && limits.family !== undefined && limits.family !== (host.includes(':') ? 6 : 4)) {
      reject(new RarestError('ENOTFOUND', `${host} is not of IPv${limits.family}`))
      return
    }
    const options: RequestOptions = {
      method: 'GET',
      headers,
      // No pool: every exchange closes its connection, so that nothing outlives it.
      agent: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      lookup: lookupFunction(means, limits, fromInternet),
      signal,
      ...(url.username === '' ? {} : { auth: `${decodePart(url.username)}:${decodePart(url.password)}` }),
      ...(limits.localAddress === undefined ? {} : { localAddress: limits.localAddress }),
    }
    const client = url.protocol === 'https:' ? requestHttps : requestHttp
    const { port, pathname, search } = url
    const request = client({
      ...options,
      protocol: url.protocol,
      host,
      ...(port === '' ? {} : { port }),
      path: pathname + search,
    })
    request.on('error', reject)
    // Without this, a server that switches protocols would leave the promise open.
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(new RarestError('http/bad-response', 'the server switched protocols'))
    })
    request.on('response', (response) => {
      const status = response.statusCode ?? 0
      const { location } = response.headers
      const answer = {
        status,
        headers: flatten(response),
        redirect: isRedirect(status) ? location : undefined,
        local: isLocal(plainIp(response.socket.remoteAddress ?? '')),
      }
      if (answer.redirect !== undefined) {
        request.destroy()
        resolve({ ...answer, body: new Uint8Array(0) })
        return
      }
      readBody(response, limits.maxBytes).then(
        (body) => resolve({ ...answer, body }),
        (error: unknown) => {
          request.destroy()
          reject(error)
        },
      )
    })
    request.end()
  })
}

function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const declared = Number(response.headers['content-length'])
    if (declared > maxBytes) {
      reject(tooLarge(maxBytes))
      return
    }
    const chunks: Buffer[] = []
    let length = 0
    response.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBytes) reject(tooLarge(maxBytes))
      else chunks.push(chunk)
    })
    response.on('error', reject)
    response.on('end', () => resolve(plain(Buffer.concat(chunks, length))))
  })
}

async function decode(body: Uint8Array, encoding: string | undefined, maxBytes: number): Promise<Uint8Array> {
  const name = (encoding ?? '').trim().toLowerCase()
  if (name === '' || name === 'identity' || body.length === 0) return body
  const unpack = unpackerOf(name, body)
  if (!unpack) throw new RarestError('http/bad-encoding', `unknown content encoding ${name.slice(0, 40)}`)
  return new Promise((resolve, reject) => {
    unpack(body, { maxOutputLength: Math.max(1, maxBytes) }, (error, unpacked) => {
      if (!error) resolve(plain(unpacked))
      else if (errorCode(error) === 'ERR_BUFFER_TOO_LARGE') reject(tooLarge(maxBytes))
      else reject(new RarestError('http/bad-encoding', 'the body does not unpack', { cause: error }))
    })
  })
}

type Unpack = (
  body: Uint8Array,
  options: { maxOutputLength: number },
  done: (error: Error | null, unpacked: Buffer) => void,
) => void

function unpackerOf(encoding: string, body: Uint8Array): Unpack | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return gunzip
  if (encoding === 'br') return brotliDecompress
  // Servers send both the zlib form that the standard means and the bare one.
  if (encoding === 'deflate') return ((body[0] as number) & 0x0f) === 8 ? inflate : inflateRaw
  return undefined
}

function lookupFunction(
  { names, isLocal, signal }: Means,
  limits: HttpRequest,
  fromInternet: boolean,
): LookupFunction {
  return (host, options, done) => {
    const fail = (error: NodeJS.ErrnoException): void => done(error, '', 0)
    names.lookup(host, { signal, timeout: limits.timeout }).then(
      (all) => {
        const wanted = limits.family ?? options.family
        const found = all
          .map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
          .filter(({ family }) => (wanted !== 4 && wanted !== 6) || family === wanted)
        const first = found[0]
        if (!first) fail(new RarestError('ENOTFOUND', `${host} has no IPv${wanted} address`))
        else if (fromInternet && found.some(({ address }) => isLocal(address))) fail(localRedirect())
        else if (options.all) done(null, found)
        else done(null, first.address, first.family)
      },
      (error: unknown) => fail(error instanceof Error ? error : new RarestError('ENOTFOUND', String(error))),
    )
  }
}

/** This machine, private and link-local networks: where a redirect from the internet must not lead. */
export function isLocalAddress(host: string): boolean {
  const bytes = ipToBytes(host)
  if (!bytes) return false
  const [a, b] = bytes as unknown as readonly [number, number]
  if (bytes.length === 4) {
    return (
      a === 0 ||
      a === 10 ||
      a === 127 ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168)
    )
  }
  if ((a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0x80)) return true
  return bytes.subarray(0, 15).every((byte) => byte === 0)
}

function localRedirect(): RarestError {
  return new RarestError('http/local-redirect', 'a redirect leads from the internet into the local network')
}

function tooLarge(maxBytes: number): RarestError {
  return new RarestError('http/too-large', `the body is longer than ${maxBytes} bytes`)
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function lowerCase(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
}

function withoutOriginHeaders<T extends Readonly<Record<string, string>>>(headers: T): T {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ORIGIN_HEADERS.has(name))) as T
}

function flatten(message: IncomingMessage): Readonly<Record<string, string>> {
  const headers: [string, string][] = []
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.push([name, Array.isArray(value) ? value.join(', ') : value])
  }
  return Object.fromEntries(headers)
}

function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * A minimal HTTP server; the contract is `World.serveHttp`. Every answer closes its connection. A client gets
 * `requestTimeout` ms (5 s) for its whole request, however it drips.
 */
export function serveHttp(
  at: { readonly host?: string; readonly port: number },
  respond: (request: HttpServerRequest) => Promise<HttpServerResponse> | HttpServerResponse,
  requestTimeout: number = REQUEST_TIMEOUT,
): Promise<StreamServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_REQUEST_BYTES,
      headersTimeout: requestTimeout,
      requestTimeout,
      connectionsCheckingInterval: Math.ceil(requestTimeout / 5),
      noDelay: true,
    },
    (request, response) => {
      const { remoteAddress, remotePort } = request.socket
      // A body is never read: the connection closes after the answer.
      request.on('error', ignore)
      response.on('error', ignore)
      const answer = async (): Promise<HttpServerResponse> =>
        respond({
          method: request.method ?? '',
          target: request.url ?? '',
          remote: { host: plainIp(remoteAddress ?? ''), port: remotePort ?? 0 },
          headers: flatten(request),
        })
      answer()
        .then(({ status, headers, body }) => {
          response.writeHead(status, { ...headers, 'content-length': body.length, connection: 'close' })
          response.end(request.method === 'HEAD' ? undefined : body)
        })
        .catch(() => {
          if (response.headersSent) response.destroy()
          else response.writeHead(500, { 'content-length': 0, connection: 'close' }).end()
        })
    },
  )
  server.timeout = SERVER_IDLE
  server.maxConnections = MAX_CONNECTIONS
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, ipv6Only: at.host === '::' }, () => {
      server.off('error', reject)
      server.on('error', ignore)
      const bound = server.address()
      const address =
        typeof bound === 'object' && bound !== null
          ? { host: plainIp(bound.address), port: bound.port }
          : { host: '::', port: at.port }
      let closing: Promise<void> | undefined
      resolve({
        address,
        close() {
          closing ??= new Promise((done) => {
            server.close(() => done())
            server.closeAllConnections()
          })
          return closing
        },
      })
    })
  })
}

function ignore(): void {}
