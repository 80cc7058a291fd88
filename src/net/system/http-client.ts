/**
 * HTTP of the system world, asking: Node's HTTP and TLS on a stream that is open already.
 * @module
 */

import { type IncomingMessage, request as requestHttp } from 'node:http'
import { Readable, type Transform } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib'
import { ipToBytes } from '../../util/address.js'
import { errorCode, errorMessage, RarestError } from '../../util/errors.js'
import { tooLarge } from '../http/body.js'
import type { HttpAnswer, HttpExchange } from '../http/fetch.js'
import type { ByteSource, ByteStream } from '../world.js'
import { StreamSocket } from './stream-socket.js'

/** The contract is `SpeakHttp`. `ca` (PEM) replaces the certificate authorities that the machine trusts. */
export function speakHttp(stream: ByteStream, exchange: HttpExchange, ca?: string): Promise<HttpAnswer> {
  const { url, method, headers, body, headerBytes, bodyBytes } = exchange
  return new Promise((resolve, reject) => {
    const socket = new StreamSocket(stream)
    const fail = (error: unknown): void => reject(plainError(error))
    const request = requestHttp({
      createConnection: () => (url.protocol === 'https:' ? secure(socket, url, ca) : socket),
      method,
      path: url.pathname + url.search,
      headers: { 'accept-encoding': 'gzip, deflate, br', ...headers },
      setHost: false,
      maxHeaderSize: headerBytes,
    })
    request.on('error', fail)
    // Without this, a server that switches protocols would leave the promise open.
    request.on('upgrade', () => fail(new RarestError('http/bad-response', 'the server switched protocols')))
    request.on('response', (response) => {
      response.on('error', ignore)
      const flat = headersOf(response)
      resolve({
        status: response.statusCode ?? 0,
        headers: flat,
        body: unpacked(response, flat['content-encoding'], bodyBytes),
      })
    })
    request.end(body)
  })
}

/** Headers with one text each. */
export function headersOf(message: IncomingMessage): Readonly<Record<string, string>> {
  const headers: [string, string][] = []
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.push([name, Array.isArray(value) ? value.join(', ') : value])
  }
  return Object.fromEntries(headers)
}

/** The bytes of a message, at most so many, read as they are asked for. */
export async function* bytesOf(message: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > maxBytes) throw tooLarge(maxBytes)
      yield plain(chunk)
    }
  } catch (error) {
    throw plainError(error)
  }
}

function secure(socket: StreamSocket, url: URL, ca: string | undefined): ReturnType<typeof connectTls> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return connectTls({
    socket,
    host,
    // An IP is no server name (RFC 6066).
    servername: ipToBytes(host) ? '' : host,
    ALPNProtocols: ['http/1.1'],
    ...(ca !== undefined && { ca }),
  })
}

async function* unpacked(
  response: IncomingMessage,
  encoding: string | undefined,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const name = (encoding ?? '').trim().toLowerCase()
  const packed = bytesOf(response, maxBytes)
  if (name === '' || name === 'identity') {
    yield* packed
    return
  }
  const first = await packed.next()
  if (first.done) return
  const unpacker = unpackerOf(name, first.value)
  if (!unpacker) throw new RarestError('http/bad-encoding', `unknown content encoding ${name.slice(0, 40)}`)
  yield* through(unpacker, first.value, packed)
}

async function* through(
  unpacker: Transform,
  first: Uint8Array,
  rest: ByteSource,
): AsyncGenerator<Uint8Array> {
  let failure: unknown
  const packed = Readable.from(
    (async function* () {
      yield first
      try {
        yield* rest
      } catch (error) {
        failure = error
        throw error
      }
    })(),
    { objectMode: false },
  )
  packed.on('error', (error) => unpacker.destroy(error))
  try {
    for await (const chunk of packed.pipe(unpacker) as AsyncIterable<Buffer>) yield plain(chunk)
  } catch (error) {
    throw failure ?? new RarestError('http/bad-encoding', 'the body does not unpack', { cause: error })
  } finally {
    packed.destroy()
    unpacker.destroy()
  }
}

function unpackerOf(encoding: string, body: Uint8Array): Transform | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'br') return createBrotliDecompress()
  // Servers send both the zlib form that the standard means and the bare one.
  if (encoding === 'deflate') return ((body[0] as number) & 0x0f) === 8 ? createInflate() : createInflateRaw()
  return undefined
}

/** Node's words for what a server did wrong, as codes that stay. */
function plainError(error: unknown): unknown {
  const code = errorCode(error)
  if (code === 'HPE_HEADER_OVERFLOW')
    return new RarestError('http/headers-too-large', 'the headers of the answer are too long', {
      cause: error,
    })
  if (code.startsWith('HPE_'))
    return new RarestError('http/bad-response', `not an HTTP answer: ${errorMessage(error)}`, {
      cause: error,
    })
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ERR_STREAM_DESTROYED')
    return new RarestError('ECONNRESET', 'the connection closed within the answer', { cause: error })
  return error
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function ignore(): void {}
