/**
 * One HTTP(S) request on the streams of any world: names, addresses, redirects, limits and the life of the
 * body. How a request is written and an answer is read on one connection is the part of the world
 * ({@link SpeakHttp}). Trackers, web seeds and redirects are named by strangers: everything is bounded in size,
 * time and number, and a redirect never leads from the internet into the local network or from https to http.
 * @module
 */

import { ipToBytes } from '../../util/address.js'
import { RarestError } from '../../util/errors.js'
import type { ByteSource, ByteStream, HttpLimits, HttpRequest, HttpResponse, Timer, World } from '../world.js'
import { EMPTY, tooLarge } from './body.js'
import { connectToAny } from './connect.js'

/** Node's own. */
const HEADER_BYTES = 16_384
/** ms: as libtorrent gives trackers. */
const FIRST_BYTE = 30_000
const IDLE = 30_000
const REDIRECTS = 5

/** Headers that name us to one origin and stay there when a redirect leaves it. */
const ORIGIN_HEADERS: readonly string[] = ['authorization', 'cookie', 'proxy-authorization']
/** Headers that speak of a body, which goes when a redirect makes a GET of the request. */
const BODY_HEADERS: readonly string[] = ['content-type', 'content-encoding', 'content-length']

/** What is to be asked on one connection. */
export interface HttpExchange {
  readonly url: URL
  readonly method: string
  /** Lower-case names; `host` and `connection` are among them. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
  readonly headerBytes: number
  /** Bytes of the body as they travel. */
  readonly bodyBytes: number
}

/** An answer on one connection. */
export interface HttpAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Unpacked; undefined when the answer has no body. Throws when the connection breaks. */
  readonly body: ByteSource | undefined
}

/**
 * Asks on a connection that is open; the caller destroys it in the end. Rejects with a code, also when the
 * connection closes early.
 */
export type SpeakHttp = (stream: ByteStream, exchange: HttpExchange) => Promise<HttpAnswer>

/**
 * The contract is `World.fetch`. `isLocal` tells the addresses to which no redirect from the internet may lead.
 */
export function fetchOver(
  world: World,
  request: HttpRequest,
  speak: SpeakHttp,
  isLocal: (ip: string) => boolean = isLocalAddress,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    if (request.signal?.aborted) {
      reject(request.signal.reason)
      return
    }
    const call = new Call(world, request, reject)
    call.run(speak, isLocal).then(resolve, (error: unknown) => call.fail(error))
  })
}

/** One request from its beginning to the end of its body. */
class Call {
  readonly #world: World
  readonly #request: HttpRequest
  readonly #limits: HttpLimits
  readonly #rejected: (error: unknown) => void
  /** Ends look-ups and dials under way. */
  readonly #abort = new AbortController()
  readonly #total: Timer | undefined
  #firstByte: Timer | undefined
  #stream: ByteStream | undefined
  #isOver = false
  #failure: { readonly error: unknown } | undefined
  /** Rejects what the reader of the body waits for. */
  #interrupt: ((error: unknown) => void) | undefined

  constructor(world: World, request: HttpRequest, rejected: (error: unknown) => void) {
    this.#world = world
    this.#request = request
    this.#limits = request.limits
    this.#rejected = rejected
    const { total, firstByte = FIRST_BYTE } = request.limits
    this.#firstByte = this.#timer(firstByte, 'no answer')
    this.#total = total === undefined ? undefined : this.#timer(total, 'no whole answer')
    request.signal?.addEventListener('abort', this.#aborted)
  }

  async run(speak: SpeakHttp, isLocal: (ip: string) => boolean): Promise<HttpResponse> {
    const request = this.#request
    const { redirects = REDIRECTS } = this.#limits
    let url = parseUrl(request.url, undefined)
    let method = request.method ?? 'GET'
    let { body } = request
    let headers = headersOf(request)
    let fromInternet = false
    for (let hop = 0; ; hop++) {
      const stream = await this.#connect(url, hop, fromInternet ? isLocal : undefined)
      const answer = await speak(stream, {
        url,
        method,
        headers: { host: url.host, connection: 'close', ...authorizationOf(url), ...headers },
        body,
        headerBytes: this.#limits.headerBytes ?? HEADER_BYTES,
        bodyBytes: this.#limits.bodyBytes,
      })
      const location = isRedirect(answer.status) ? answer.headers.location : undefined
      if (location === undefined) return this.#deliver(answer, url, method)
      fromInternet ||= !isLocal(stream.remote.host)
      this.#stream = undefined
      stream.destroy()
      if (hop >= redirects)
        throw new RarestError('http/too-many-redirects', `more than ${redirects} redirects`)
      const next = parseUrl(location, url)
      if (url.protocol === 'https:' && next.protocol === 'http:')
        throw new RarestError('http/insecure-redirect', 'a redirect leads from https to http')
      if (next.origin !== url.origin) headers = without(headers, ORIGIN_HEADERS)
      if (losesBody(answer.status, method)) {
        method = 'GET'
        body = undefined
        headers = without(headers, BODY_HEADERS)
      }
      url = next
    }
  }

  /** Ends everything, because of this; what comes after the first time changes nothing. */
  fail(error: unknown): void {
    if (this.#isOver) return
    this.#failure = { error }
    this.end()
    this.#rejected(error)
    this.#interrupt?.(error)
  }

  /** Ends everything: the body was read, or nobody wants it. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#firstByte?.cancel()
    this.#total?.cancel()
    this.#request.signal?.removeEventListener('abort', this.#aborted)
    this.#abort.abort(this.#failure?.error)
    this.#stream?.destroy()
  }

  readonly #aborted = (): void => this.fail(this.#request.signal?.reason)

  #timer(ms: number, what: string): Timer {
    return this.#world.setTimer(ms, () => this.fail(timedOut(what, ms)))
  }

  async #connect(
    url: URL,
    redirects: number,
    isForbidden: ((ip: string) => boolean) | undefined,
  ): Promise<ByteStream> {
    const { family, localAddress, permit } = this.#request
    const { signal } = this.#abort
    const name = url.hostname.replace(/^\[|\]$/g, '')
    const timeout = this.#limits.firstByte ?? FIRST_BYTE
    const wanted = family ?? (localAddress === undefined ? undefined : familyOfHost(localAddress))
    const found = await this.#world.lookup(name, { signal, timeout })
    const addresses = found.filter((ip) => wanted === undefined || familyOfHost(ip) === wanted)
    if (addresses.length === 0)
      throw new RarestError('ENOTFOUND', `${name} has no ${wanted ? `IPv${wanted} ` : ''}address`)
    if (isForbidden && addresses.some(isForbidden))
      throw new RarestError(
        'http/local-redirect',
        'a redirect leads from the internet into the local network',
      )
    permit?.({ url: url.href, addresses, redirects })
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
    const stream = await connectToAny(this.#world, addresses, port, { timeout, signal, localAddress })
    if (this.#isOver) stream.destroy()
    this.#stream = stream
    return stream
  }

  #deliver(answer: HttpAnswer, url: URL, method: string): HttpResponse {
    const { status, headers } = answer
    const { bodyBytes } = this.#limits
    this.#firstByte?.cancel()
    const isEmpty = method === 'HEAD' || status === 204 || status === 304 || headers['content-length'] === '0'
    if (!isEmpty && Number(headers['content-length']) > bodyBytes) throw tooLarge(bodyBytes)
    if (isEmpty || !answer.body) this.end()
    const body = isEmpty || !answer.body ? EMPTY : this.#body(answer.body)
    return { status, headers, url: url.href, body, cancel: () => this.end() }
  }

  #body(source: ByteSource): ByteSource {
    const { bodyBytes, idle = IDLE } = this.#limits
    const chunks = source[Symbol.asyncIterator]()
    let length = 0
    const take = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (this.#failure) throw this.#failure.error
      if (this.#isOver) return DONE
      try {
        const next = await this.#within(idle, chunks.next())
        if (next.done) {
          this.end()
          return DONE
        }
        length += next.value.length
        if (length > bodyBytes) throw tooLarge(bodyBytes)
        return next
      } catch (error) {
        // What broke because it was given up is no error.
        if (this.#isOver && !this.#failure) return DONE
        this.fail(error)
        throw (this.#failure ?? { error }).error
      }
    }
    const iterator: AsyncIterableIterator<Uint8Array, undefined> = {
      next: take,
      return: async () => {
        this.end()
        return DONE
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  /** The next bytes, unless they take too long or everything ends. */
  async #within<T>(ms: number, bytes: Promise<T>): Promise<T> {
    const timer = this.#world.setTimer(ms, () => this.fail(timedOut('no more of the body', ms)))
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#interrupt = reject
        bytes.then(resolve, reject)
      })
    } finally {
      timer.cancel()
      this.#interrupt = undefined
    }
  }
}

const DONE = Object.freeze({ done: true, value: undefined })

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

function headersOf({ method = 'GET', headers = {}, body, range }: HttpRequest): Record<string, string> {
  if (!/^[A-Z]+$/.test(method)) throw new RangeError(`method must be upper-case letters, got ${method}`)
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new RangeError(`headers must be valid names and values, got ${JSON.stringify(name)}`)
    all[name.toLowerCase()] = value
  }
  if (body) all['content-length'] = String(body.length)
  if (range) {
    const { start, end } = range
    if (!Number.isSafeInteger(start) || start < 0 || (end !== undefined && !(end >= start)))
      throw new RangeError(`range must be 0 <= start <= end, got ${start} .. ${end}`)
    all.range = `bytes=${start}-${end ?? ''}`
    all['accept-encoding'] = 'identity'
  }
  return all
}

function authorizationOf(url: URL): { authorization?: string } {
  if (url.username === '') return {}
  const credentials = `${decodePart(url.username)}:${decodePart(url.password)}`
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

/** As browsers do (RFC 9110, section 15.4). */
function losesBody(status: number, method: string): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD'
  return (status === 301 || status === 302) && method === 'POST'
}

function without(headers: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
}

function familyOfHost(ip: string): 4 | 6 {
  return ip.includes(':') ? 6 : 4
}

function timedOut(what: string, ms: number): RarestError {
  return new RarestError('ETIMEDOUT', `${what} within ${ms} ms`)
}
