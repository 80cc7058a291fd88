/**
 * Reading the bodies of HTTP messages.
 * @module
 */

import { RarestError } from '../../util/errors.js'
import type { ByteSource } from '../world.js'

/** All bytes of a source. Rejects with what the source throws, and `http/too-large` beyond `maxBytes`. */
export async function readAll(
  source: ByteSource,
  maxBytes: number = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  const [first] = chunks
  if (first && chunks.length === 1) return first
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** What a body of more bytes than allowed fails with. */
export function tooLarge(maxBytes: number): RarestError {
  return new RarestError('http/too-large', `the body is longer than ${maxBytes} bytes`)
}

/** A source of nothing. */
export const EMPTY: ByteSource = Object.freeze({
  async *[Symbol.asyncIterator]() {},
})
