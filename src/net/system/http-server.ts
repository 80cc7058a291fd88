/**
 * HTTP of the system world, answering: Node's HTTP on streams that were accepted already.
 * @module
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { RarestError } from '../../util/errors.js'
import { EMPTY, tooLarge } from '../http/body.js'
import { answerOf, limitsOf, pathOf, pump } from '../http/serve.js'
import type {
  ByteSource,
  HttpResponder,
  HttpServerLimits,
  HttpServerOptions,
  HttpServerRequest,
  HttpServerResponse,
  StreamServer,
  Timer,
  World,
} from '../world.js'
import { bytesOf, headersOf } from './http-client.js'
import { StreamSocket } from './stream-socket.js'

const TIMED_OUT = refusal('408 Request Timeout')
const MALFORMED = refusal('400 Bad Request')
const HEAD_TOO_LONG = refusal('431 Request Header Fields Too Large')

/** A connection, and what has happened on it. */
interface Connection {
  readonly socket: StreamSocket
  readonly opened: number
  /** Its request, once the head of it is there. */
  request: IncomingMessage | undefined
  /** Bytes moved when it was looked at last, and when they changed. */
  moved: number
  changed: number
}

/** The contract is `World.serveHttp`. Every answer closes its connection. */
export async function serveHttp(
  world: World,
  at: HttpServerOptions,
  respond: HttpResponder,
): Promise<StreamServer> {
  const limits = limitsOf(at.limits)
  const connections = new Map<StreamSocket, Connection>()
  const watch = new Watch(world, limits, connections)
  const server = createServer({ maxHeaderSize: limits.headerBytes }, (message, response) => {
    const socket = message.socket as unknown as StreamSocket
    const connection = connections.get(socket)
    if (connection) connection.request = message
    message.on('error', ignore)
    response.on('error', ignore)
    const request = new ServedRequest(message, socket, limits.bodyBytes)
    void answerOf(respond, request)
      .then((answer) => send(request, response, answer))
      .catch(() => socket.destroy())
  })
  server.on('clientError', (error: NodeJS.ErrnoException, raw) => {
    const socket = raw as unknown as StreamSocket
    const request = connections.get(socket)?.request
    // Bytes behind a whole request, such as the NUL of some clients: its answer is on the way and closes.
    if (request?.complete) return
    if (request || socket.writableEnded || socket.destroyed) socket.destroy()
    else {
      const tooLong = error.code === 'HPE_HEADER_OVERFLOW'
      socket.end(tooLong ? HEAD_TOO_LONG : MALFORMED, () => socket.destroy())
    }
  })
  const listening = await world.listen(at, (stream) => {
    if (connections.size >= limits.connections) {
      stream.listen({ data() {}, drain() {}, close() {} })
      stream.destroy()
      return
    }
    const socket = new StreamSocket(stream)
    const now = world.now()
    connections.set(socket, { socket, opened: now, request: undefined, moved: 0, changed: now })
    socket.on('close', () => connections.delete(socket))
    watch.start()
    server.emit('connection', socket)
  })
  let closing: Promise<void> | undefined
  return {
    address: listening.address,
    close() {
      closing ??= (async () => {
        const closed = listening.close()
        watch.stop()
        for (const socket of [...connections.keys()]) socket.destroy()
        await closed
      })()
      return closing
    },
  }
}

/** Looks after the connections of one server, while it has any. */
class Watch {
  readonly #world: World
  readonly #limits: Required<HttpServerLimits>
  readonly #connections: ReadonlyMap<StreamSocket, Connection>
  readonly #period: number
  #timer: Timer | undefined
  #isOver = false

  constructor(
    world: World,
    limits: Required<HttpServerLimits>,
    connections: ReadonlyMap<StreamSocket, Connection>,
  ) {
    this.#world = world
    this.#limits = limits
    this.#connections = connections
    this.#period = Math.max(5, Math.min(limits.request, limits.idle) / 5)
  }

  start(): void {
    if (this.#isOver) return
    this.#timer ??= this.#world.setTimer(this.#period, () => {
      this.#timer = undefined
      const now = this.#world.now()
      for (const connection of this.#connections.values()) this.#look(connection, now)
      if (this.#connections.size > 0) this.start()
    })
  }

  stop(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  #look(connection: Connection, now: number): void {
    const { socket, opened, request, moved, changed } = connection
    if (!request && now - opened >= this.#limits.request) {
      // Closed in any case: the client may take its time.
      if (socket.writableEnded) socket.destroy()
      else socket.end(TIMED_OUT, () => socket.destroy())
    } else if (socket.moved !== moved) {
      connection.moved = socket.moved
      connection.changed = now
    } else if (now - changed >= this.#limits.idle) socket.destroy()
  }
}

class ServedRequest implements HttpServerRequest {
  readonly method: string
  readonly target: string
  readonly path: string
  readonly remote: HttpServerRequest['remote']
  readonly headers: Readonly<Record<string, string>>
  readonly body: ByteSource
  readonly #socket: StreamSocket
  #gone: AbortController | undefined
  #isAnswered = false

  constructor(message: IncomingMessage, socket: StreamSocket, maxBytes: number) {
    this.method = message.method ?? ''
    this.target = message.url ?? ''
    this.path = pathOf(this.target)
    this.remote = socket.stream.remote
    this.headers = headersOf(message)
    this.body = maxBytes === 0 ? EMPTY : bodyOf(message, maxBytes)
    this.#socket = socket
  }

  /** Made when it is asked for: most answers are given at once. */
  get signal(): AbortSignal {
    if (!this.#gone) {
      const gone = new AbortController()
      this.#gone = gone
      const abort = (): void => {
        if (!this.#isAnswered) gone.abort(new RarestError('http/client-gone', 'the client is gone'))
      }
      if (this.#socket.destroyed) abort()
      else this.#socket.once('close', abort)
    }
    return this.#gone.signal
  }

  answered(): void {
    this.#isAnswered = true
  }
}

async function* bodyOf(message: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (Number(message.headers['content-length']) > maxBytes) throw tooLarge(maxBytes)
  yield* bytesOf(message, maxBytes)
}

async function send(
  request: ServedRequest,
  response: ServerResponse,
  { status, headers, body = new Uint8Array(0) }: HttpServerResponse,
): Promise<void> {
  if (body instanceof Uint8Array) {
    request.answered()
    response.writeHead(status, { ...headers, 'content-length': body.length, connection: 'close' })
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  response.strictContentLength = true
  response.writeHead(status, { ...headers, connection: 'close' })
  if (request.method !== 'HEAD')
    await pump(body, request.signal, (chunk) => (response.write(chunk) ? undefined : drained(response)))
  request.answered()
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || !response.socket) {
      resolve()
      return
    }
    const go = (): void => {
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.on('drain', go)
    response.on('close', go)
  })
}

function refusal(status: string): string {
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}

function ignore(): void {}
