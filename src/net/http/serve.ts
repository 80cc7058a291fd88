/**
 * What every HTTP server of ours does the same, whatever writes the bytes.
 * @module
 */

import { errorCode, errorMessage } from '../../util/errors.js'
import { logger } from '../log.js'
import type {
  ByteSource,
  HttpResponder,
  HttpServerLimits,
  HttpServerRequest,
  HttpServerResponse,
} from '../world.js'

const log = logger('http')

/** Bytes: a scrape of 74 infohashes fits, and as many connections as the server takes cannot fill its memory. */
const HEADER_BYTES = 8_192
/** ms: short, since servers meet more idle sockets than slow ones. */
const REQUEST = 5_000
/** ms: a slow answer of ours is silence too. */
const IDLE = 30_000
const CONNECTIONS = 1_024

/** The limits of a server, with their defaults. */
export function limitsOf(limits: HttpServerLimits = {}): Required<HttpServerLimits> {
  return {
    headerBytes: limits.headerBytes ?? HEADER_BYTES,
    bodyBytes: limits.bodyBytes ?? 0,
    connections: limits.connections ?? CONNECTIONS,
    request: limits.request ?? REQUEST,
    idle: limits.idle ?? IDLE,
  }
}

/** Path of a request target. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** The answer of a responder, whatever it does. */
export async function answerOf(
  respond: HttpResponder,
  request: HttpServerRequest,
): Promise<HttpServerResponse> {
  try {
    return await respond(request)
  } catch (error) {
    if (request.signal.aborted) return { status: 500 }
    log('%s %s: %s', request.method, request.path, errorMessage(error))
    return { status: errorCode(error) === 'http/too-large' ? 413 : 500 }
  }
}

/**
 * Hands the chunks of a source to `write`, which resolves when it takes more, until the source ends or the client
 * is gone; then the source ends, too. Rejects with what the source or `write` throws, and `signal.reason`.
 */
export async function pump(
  source: ByteSource,
  signal: AbortSignal,
  write: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const chunks = source[Symbol.asyncIterator]()
  let isDone = false
  let gone: (() => void) | undefined
  try {
    for (;;) {
      signal.throwIfAborted()
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        gone = () => reject(signal.reason)
        signal.addEventListener('abort', gone)
        chunks.next().then(resolve, (error: unknown) => {
          isDone = true
          reject(error)
        })
      })
      signal.removeEventListener('abort', gone as unknown as () => void)
      if (next.done) {
        isDone = true
        return
      }
      await write(next.value)
    }
  } finally {
    if (gone) signal.removeEventListener('abort', gone)
    // Not awaited: a source that hangs ends when it can.
    if (!isDone) chunks.return?.()?.then(ignore, ignore)
  }
}

function ignore(): void {}
