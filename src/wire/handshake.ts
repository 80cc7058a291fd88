/**
 * The 68 bytes that open every peer connection (BEP 3), and their reserved bits (BEP 5, 6, 10, 52).
 * @module
 */

import { fromLatin1 } from '../util/bytes.js'

/** Bytes of a handshake. */
export const HANDSHAKE_LENGTH = 68

/** Bytes after which the infohash is known: an acceptor may choose its torrent and answer. */
const INFOHASH_END = 48

const PREFIX: Uint8Array = fromLatin1('\x13BitTorrent protocol')

/** What both sides say before the first message. */
export interface Handshake {
  /** 20 bytes: SHA-1 of `info`, or the first 20 bytes of its SHA-256 (BEP 52). */
  readonly infoHash: Uint8Array
  /** 20 bytes, any value. */
  readonly peerId: Uint8Array
  /** 8 bytes; {@link supports} reads them. */
  readonly reserved: Uint8Array
}

/** The reserved bits that we set and test. All others are ignored. */
export interface Support {
  /** Extension protocol (BEP 10): byte 5, 0x10. */
  readonly extended: boolean
  /** Fast extension (BEP 6): byte 7, 0x04. */
  readonly fast: boolean
  /** DHT and the port message (BEP 5): byte 7, 0x01. */
  readonly dht: boolean
  /** An initiator that sends the v1 hash of a hybrid and also speaks v2 (BEP 52): byte 7, 0x10. */
  readonly v2upgrade: boolean
}

/** The 8 reserved bytes that announce `support`; what is left out is not announced. */
export function reservedBits(support: Partial<Support>): Uint8Array {
  const reserved = new Uint8Array(8)
  if (support.extended) reserved[5] = 0x10
  reserved[7] = (support.dht ? 0x01 : 0) | (support.fast ? 0x04 : 0) | (support.v2upgrade ? 0x10 : 0)
  return reserved
}

/** What 8 reserved bytes announce. */
export function supports(reserved: Uint8Array): Support {
  const five = reserved[5] ?? 0
  const seven = reserved[7] ?? 0
  return {
    extended: (five & 0x10) !== 0,
    fast: (seven & 0x04) !== 0,
    dht: (seven & 0x01) !== 0,
    v2upgrade: (seven & 0x10) !== 0,
  }
}

/** The 68 bytes of a handshake. Throws RangeError for a part of the wrong length. */
export function encodeHandshake(handshake: Handshake): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_LENGTH)
  bytes.set(PREFIX)
  bytes.set(exactly('reserved', handshake.reserved, 8), 20)
  bytes.set(exactly('infoHash', handshake.infoHash, 20), 28)
  bytes.set(exactly('peerId', handshake.peerId, 20), INFOHASH_END)
  return bytes
}

/** The handshake in the first 68 bytes (its parts are copies), or undefined when there is none. */
export function decodeHandshake(bytes: Uint8Array): Handshake | undefined {
  if (bytes.length < HANDSHAKE_LENGTH) return undefined
  for (let i = 0; i < PREFIX.length; i++) if (bytes[i] !== PREFIX[i]) return undefined
  return {
    infoHash: copy(bytes, 28, INFOHASH_END),
    peerId: copy(bytes, INFOHASH_END, HANDSHAKE_LENGTH),
    reserved: copy(bytes, 20, 28),
  }
}

export type HandshakeEvent =
  /** 48 bytes are here: an acceptor can find its torrent and answer. */
  | { readonly type: 'infohash'; readonly infoHash: Uint8Array; readonly reserved: Uint8Array }
  /** All 68 bytes are here. `rest` is a copy of what followed them in the same chunk. */
  | { readonly type: 'done'; readonly handshake: Handshake; readonly rest: Uint8Array }
  /** The first wrong byte was seen: no BitTorrent, perhaps an encrypted connection. */
  | { readonly type: 'error'; readonly code: 'wire/not-bittorrent'; readonly message: string }

/**
 * Reads a handshake that arrives in any number of chunks.
 *
 * | bytes so far | event |
 * |---|---|
 * | first wrong one of 0 .. 19 | `error`, then nothing |
 * | 48 | `infohash` |
 * | 68 | `done`, then nothing |
 *
 * Sees no clock: its owner ends a connection that is slow.
 */
export class HandshakeReader {
  readonly #bytes: Uint8Array = new Uint8Array(HANDSHAKE_LENGTH)
  readonly #events: HandshakeEvent[] = []
  #length = 0
  #ended = false

  /** The next event, or undefined; one chunk can complete two. */
  poll(): HandshakeEvent | undefined {
    return this.#events.shift()
  }

  /** Takes the next bytes, which are borrowed. Bytes after the last event are ignored. */
  receive(chunk: Uint8Array): void {
    if (this.#ended) return
    const before = this.#length
    const taken = Math.min(chunk.length, HANDSHAKE_LENGTH - before)
    this.#bytes.set(view(chunk, 0, taken), before)
    this.#length = before + taken
    for (let i = before; i < PREFIX.length && i < this.#length; i++) {
      if (this.#bytes[i] === PREFIX[i]) continue
      this.#ended = true
      const message = `byte ${i} is ${this.#bytes[i]}, a handshake has ${PREFIX[i]}`
      this.#events.push({ type: 'error', code: 'wire/not-bittorrent', message })
      return
    }
    if (before < INFOHASH_END && this.#length >= INFOHASH_END) {
      this.#events.push({
        type: 'infohash',
        infoHash: copy(this.#bytes, 28, INFOHASH_END),
        reserved: copy(this.#bytes, 20, 28),
      })
    }
    if (this.#length === HANDSHAKE_LENGTH) {
      this.#ended = true
      const handshake = decodeHandshake(this.#bytes) as Handshake
      this.#events.push({ type: 'done', handshake, rest: copy(chunk, taken, chunk.length) })
    }
  }
}

function exactly(name: string, bytes: Uint8Array, length: number): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array, got ${typeof bytes}`)
  if (bytes.length !== length) throw new RangeError(`${name} must be ${length} bytes, got ${bytes.length}`)
  return bytes
}

function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}

/** Not `slice`: on a Node Buffer, which is what sockets deliver, that is a view and no copy. */
function copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(view(bytes, start, end))
}
