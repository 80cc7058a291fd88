/**
 * Serving the metadata of a torrent to one peer (BEP 9).
 * @module
 */

import { decodeMetadataMessage, encodeMetadataMessage, METADATA_BLOCK } from './message.js'

/** Blocks that a peer may have beyond the whole metadata twice, and how many more each second. */
const SPARE = 64
const REFILL = 16
/** Rejects that a peer may have, and how many more each second, before it is closed. */
const MAX_REJECTS = 1_024
const FORGIVEN = 1

/**
 * Answers the requests of one peer, each once and in order; a peer that asks for everything at once is
 * served piecemeal: call {@link MetadataServe.transmit} as long as its connection takes more. Each peer
 * gets the metadata twice, then a steady trickle. What goes beyond it is rejected, as is everything while
 * there are no metadata.
 */
export class MetadataServe {
  readonly #info: Uint8Array | undefined
  readonly #count: number
  readonly #waiting = new Set<number>()
  readonly #rejects: number[] = []
  #credit: number
  #rejected = 0
  #at: number

  /** @param info the verified info dictionary, exactly the bytes that were hashed; undefined while we lack it. */
  constructor(info: Uint8Array | undefined, now: number) {
    this.#info = info
    this.#count = Math.ceil((info?.length ?? 0) / METADATA_BLOCK)
    this.#credit = 2 * this.#count + SPARE
    this.#at = now
  }

  /** Takes a `ut_metadata` message; only requests matter here. A code says: close this peer. */
  receive(payload: Uint8Array, now: number): string | undefined {
    const message = decodeMetadataMessage(payload)
    if (message?.type !== 'request' || this.#waiting.has(message.piece)) return undefined
    const seconds = Math.max(0, now - this.#at) / 1000
    this.#at = now
    this.#credit = Math.min(2 * this.#count + SPARE, this.#credit + seconds * REFILL)
    this.#rejected = Math.max(0, this.#rejected - seconds * FORGIVEN)
    if (message.piece < this.#count && this.#credit >= 1) {
      this.#credit--
      this.#waiting.add(message.piece)
      return undefined
    }
    if (++this.#rejected > MAX_REJECTS) return 'metadata/request-flood'
    this.#rejects.push(message.piece)
    return undefined
  }

  /** The next answer to send, undefined when all are given. */
  transmit(): Uint8Array | undefined {
    const rejected = this.#rejects.shift()
    if (rejected !== undefined) return encodeMetadataMessage({ type: 'reject', piece: rejected })
    for (const piece of this.#waiting) {
      this.#waiting.delete(piece)
      const info = this.#info as Uint8Array
      const block = info.subarray(piece * METADATA_BLOCK, (piece + 1) * METADATA_BLOCK)
      return encodeMetadataMessage({ type: 'data', piece, totalSize: info.length, block })
    }
    return undefined
  }
}
