/**
 * HTTP over virtual streams: just enough of HTTP/1.1, one exchange per connection, for code that talks
 * to trackers and web seeds. `https` is spoken without its encryption, on port 443.
 * @module
 */

import type {
  ByteStream,
  HttpRequest,
  HttpResponse,
  HttpServerRequest,
  HttpServerResponse,
  StreamServer,
  World,
} from '../net/world.js'
import { concatBytes, utf8 } from '../util/bytes.js'
import { RarestError } from '../util/errors.js'

const MAX_HEAD = 16_384
const SERVER_TIMEOUT = 5_000
const HEAD_END = '\r\n\r\n'

/** The contract is `World.fetch`. */
export async function fetchVirtual(world: World, request: HttpRequest): Promise<HttpResponse> {
  const deadline = world.now() + request.timeout
  let url = parseUrl(request.url, undefined)
  for (let hop = 0; ; hop++) {
    const answer = await exchange(world, url, request, deadline - world.now())
    const { location } = answer.headers
    if (location === undefined || ![301, 302, 303, 307, 308].includes(answer.status))
      return { ...answer, url: url.href }
    if (hop === request.maxRedirects)
      throw new RarestError('http/too-many-redirects', `more than ${request.maxRedirects} redirects`)
    url = parseUrl(location, url)
  }
}

function parseUrl(text: string, base: URL | undefined): URL {
  let url: URL | undefined
  try {
    url = new URL(text, base)
  } catch {
    // Falls through to the same complaint as a wrong scheme.
  }
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new RarestError('http/bad-url', 'not a valid http or https URL')
  return url
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

async function exchange(world: World, url: URL, request: HttpRequest, timeout: number): Promise<Answer> {
  const { signal, family, localAddress } = request
  const limits = { timeout, ...(signal ? { signal } : {}) }
  const started = world.now()
  const name = url.hostname.replace(/^\[|\]$/g, '')
  const found = (await world.lookup(name, limits)).filter(
    (ip) => family === undefined || ip.includes(':') === (family === 6),
  )
  const [host] = found
  if (host === undefined) throw new RarestError('ENOTFOUND', `${name} has no address of the wanted family`)
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const left = (): number => timeout - (world.now() - started)
  const stream = await world.connect(
    { host, port },
    { ...limits, timeout: left(), ...(localAddress === undefined ? {} : { localAddress }) },
  )
  return new Promise((resolve, reject) => {
    let received: Uint8Array = new Uint8Array(0)
    const settle = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      stream.destroy()
    }
    const fail = (error: unknown): void => {
      settle()
      reject(error)
    }
    const onAbort = (): void => fail(signal?.reason)
    const timer = world.setTimer(left(), () =>
      fail(new RarestError('ETIMEDOUT', `no whole answer within ${request.timeout} ms`)),
    )
    const advance = (ended: boolean): void => {
      const head = parseHead(received)
      if (!head) {
        if (received.length > MAX_HEAD) fail(new RarestError('http/bad-response', 'the head is too long'))
        else if (ended) fail(new RarestError('ECONNRESET', 'the connection closed before an answer'))
        return
      }
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.first)?.[1])
      if (Number.isNaN(status)) {
        fail(new RarestError('http/bad-response', 'not an HTTP answer'))
        return
      }
      const body = received.subarray(head.length)
      const declared = head.headers['content-length']
      const length = declared === undefined ? undefined : Number(declared)
      if (Math.max(body.length, length ?? 0) > request.maxBytes) {
        fail(new RarestError('http/too-large', `the body is longer than ${request.maxBytes} bytes`))
      } else if (length === undefined ? ended : body.length >= length) {
        settle()
        resolve({ status, headers: head.headers, body: body.slice(0, length) })
      } else if (ended) fail(new RarestError('ECONNRESET', 'the connection closed within the body'))
    }
    signal?.addEventListener('abort', onAbort)
    stream.listen({
      data(chunk) {
        received = concatBytes(received, chunk)
        advance(false)
      },
      drain() {},
      close(error) {
        if (error) fail(error)
        else advance(true)
      },
    })
    const headers = { host: url.host, connection: 'close', ...request.headers }
    stream.write([utf8(headOf(`GET ${url.pathname}${url.search} HTTP/1.1`, headers))])
  })
}

/** The contract is `World.serveHttp`. */
export function serveVirtual(
  world: World,
  at: { readonly host?: string; readonly port: number },
  respond: (request: HttpServerRequest) => Promise<HttpServerResponse> | HttpServerResponse,
): Promise<StreamServer> {
  return world.listen(at, (stream) => {
    serveOne(world, stream, respond)
  })
}

function serveOne(
  world: World,
  stream: ByteStream,
  respond: (request: HttpServerRequest) => Promise<HttpServerResponse> | HttpServerResponse,
): void {
  let received: Uint8Array = new Uint8Array(0)
  let answered = false
  const timer = world.setTimer(SERVER_TIMEOUT, () => stream.destroy())
  const answer = (status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void => {
    const all = { 'content-length': String(body.length), connection: 'close', ...headers }
    stream.write([utf8(headOf(`HTTP/1.1 ${status} -`, all)), body])
    stream.end()
  }
  const handle = async (request: HttpServerRequest): Promise<void> => {
    try {
      const { status, headers, body } = await respond(request)
      answer(status, headers ?? {}, body)
    } catch {
      answer(500, {}, new Uint8Array(0))
    }
  }
  stream.listen({
    data(chunk) {
      if (answered) return
      received = concatBytes(received, chunk)
      const head = parseHead(received)
      if (!head && received.length <= MAX_HEAD) return
      answered = true
      timer.cancel()
      const [method, target] = head?.first.split(' ') ?? []
      if (!head || method === undefined || target === undefined) answer(400, {}, new Uint8Array(0))
      else void handle({ method, target, remote: stream.remote, headers: head.headers })
    },
    drain() {},
    close() {
      timer.cancel()
    },
  })
}

function headOf(first: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${first}\r\n${lines.join('')}\r\n`
}

interface Head {
  readonly first: string
  readonly headers: Readonly<Record<string, string>>
  /** Bytes up to the body. */
  readonly length: number
}

function parseHead(bytes: Uint8Array): Head | undefined {
  // One character for each byte, so that lengths agree.
  const text = String.fromCharCode(...bytes.subarray(0, MAX_HEAD))
  const end = text.indexOf(HEAD_END)
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { first, headers: Object.fromEntries(headers), length: end + 4 }
}
