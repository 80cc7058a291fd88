/**
 * HTTP of the virtual world: one exchange per connection, for code that talks to trackers and web seeds.
 * `https` is spoken without its encryption, on port 443. Nothing is packed: an answer with a content encoding
 * fails with `http/bad-encoding`.
 * @module
 */

import { EMPTY, tooLarge } from '../net/http/body.js'
import { fetchOver, type HttpAnswer, type HttpExchange } from '../net/http/fetch.js'
import { answerOf, limitsOf, pathOf, pump } from '../net/http/serve.js'
import type {
  ByteStream,
  HttpRequest,
  HttpResponder,
  HttpResponse,
  HttpServerLimits,
  HttpServerOptions,
  HttpServerRequest,
  StreamServer,
  Timer,
  World,
} from '../net/world.js'
import { utf8 } from '../util/bytes.js'
import { errorCode, RarestError } from '../util/errors.js'
import { type Head, HttpWire, headOf } from './http-wire.js'

/** The contract is `World.fetch`. */
export function fetchVirtual(world: World, request: HttpRequest): Promise<HttpResponse> {
  return fetchOver(world, request, speak)
}

async function speak(stream: ByteStream, exchange: HttpExchange): Promise<HttpAnswer> {
  const { url, method, headers, body, headerBytes, bodyBytes } = exchange
  const wire = new HttpWire(stream)
  void wire.write(headOf(`${method} ${url.pathname}${url.search} HTTP/1.1`, headers), ...(body ? [body] : []))
  for (;;) {
    const head = await wire.head(headerBytes)
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.first)?.[1])
    if (Number.isNaN(status) || status === 101)
      throw new RarestError('http/bad-response', 'not an HTTP answer')
    if (status < 200) continue
    const encoding = head.headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity')
      throw new RarestError('http/bad-encoding', `no content encoding here, got ${encoding.slice(0, 40)}`)
    return { status, headers: head.headers, body: wire.body(head, bodyBytes, { toEnd: true }) }
  }
}

/** The contract is `World.serveHttp`. */
export async function serveVirtual(
  world: World,
  at: HttpServerOptions,
  respond: HttpResponder,
): Promise<StreamServer> {
  const limits = limitsOf(at.limits)
  const connections = new Set<ByteStream>()
  const listening = await world.listen(at, (stream) => {
    if (connections.size >= limits.connections) {
      stream.listen({ data() {}, drain() {}, close() {} })
      stream.destroy()
      return
    }
    connections.add(stream)
    new Served(world, stream, limits, () => connections.delete(stream)).run(respond)
  })
  return {
    address: listening.address,
    async close() {
      const closed = listening.close()
      for (const stream of [...connections]) stream.destroy()
      await closed
    },
  }
}

/** One connection of a server. */
class Served {
  readonly #world: World
  readonly #limits: Required<HttpServerLimits>
  readonly #wire: HttpWire
  readonly #gone = new AbortController()
  #timer: Timer
  #isAnswered = false

  constructor(world: World, stream: ByteStream, limits: Required<HttpServerLimits>, closed: () => void) {
    this.#world = world
    this.#limits = limits
    this.#timer = world.setTimer(limits.request, () => void this.#fail(408))
    this.#wire = new HttpWire(stream)
    this.#wire.onEnd = () => {
      this.#timer.cancel()
      if (!this.#isAnswered) this.#gone.abort(new RarestError('http/client-gone', 'the client is gone'))
      closed()
    }
  }

  run(respond: HttpResponder): void {
    void this.#run(respond).catch(() => this.#wire.stream.destroy())
  }

  async #run(respond: HttpResponder): Promise<void> {
    let head: Head
    try {
      head = await this.#wire.head(this.#limits.headerBytes)
    } catch (error) {
      await this.#fail(errorCode(error) === 'http/headers-too-large' ? 431 : 400)
      return
    }
    this.#watch(0)
    const [method, target] = head.first.split(' ')
    if (method === undefined || !target || !/ HTTP\/1\.[01]$/.test(head.first)) {
      await this.#fail(400)
      return
    }
    const request = this.#request(method, target, head)
    const answer = await answerOf(respond, request)
    await this.#send(request, answer)
  }

  #request(method: string, target: string, head: Head): HttpServerRequest {
    const { bodyBytes } = this.#limits
    return {
      method,
      target,
      path: pathOf(target),
      remote: this.#wire.stream.remote,
      headers: head.headers,
      body: bodyBytes === 0 ? EMPTY : this.#wire.body(head, bodyBytes, { toEnd: false }),
      signal: this.#gone.signal,
    }
  }

  async #send(
    request: HttpServerRequest,
    { status, headers, body = new Uint8Array(0) }: Awaited<ReturnType<HttpResponder>>,
  ): Promise<void> {
    const wire = this.#wire
    const first = `HTTP/1.1 ${status} -`
    const given = lowerCase(headers)
    if (body instanceof Uint8Array) {
      this.#isAnswered = true
      const head = headOf(first, { ...given, 'content-length': String(body.length), connection: 'close' })
      void wire.write(head, ...(request.method === 'HEAD' ? [] : [body]))
      wire.stream.end()
      return
    }
    const declared = given['content-length']
    const framing = declared === undefined ? { 'transfer-encoding': 'chunked' } : {}
    void wire.write(headOf(first, { ...given, ...framing, connection: 'close' }))
    let left = declared === undefined ? Number.POSITIVE_INFINITY : Number(declared)
    if (request.method !== 'HEAD') {
      await pump(body, request.signal, async (chunk) => {
        left -= chunk.length
        if (left < 0) throw tooLarge(Number(declared))
        if (chunk.length === 0) return
        if (declared !== undefined) await wire.write(chunk)
        else await wire.write(utf8(`${chunk.length.toString(16)}\r\n`), chunk, utf8('\r\n'))
      })
      if (declared === undefined) void wire.write(utf8('0\r\n\r\n'))
      else if (left > 0) throw new RarestError('ECONNABORTED', 'the body is shorter than it said')
    }
    this.#isAnswered = true
    wire.stream.end()
  }

  async #fail(status: number): Promise<void> {
    this.#isAnswered = true
    void this.#wire.write(headOf(`HTTP/1.1 ${status} -`, { 'content-length': '0', connection: 'close' }))
    this.#wire.stream.end()
  }

  /** Closes the connection when nothing moves on it for too long. */
  #watch(moved: number): void {
    this.#timer.cancel()
    this.#timer = this.#world.setTimer(this.#limits.idle, () => {
      if (this.#wire.moved === moved) this.#wire.stream.destroy()
      else this.#watch(this.#wire.moved)
    })
  }
}

function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
