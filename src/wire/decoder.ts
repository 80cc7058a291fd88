/**
 * The stream decoder: frames messages out of chunks that end anywhere (BEP 3), with a cap per id, and
 * copies each block's payload once, straight to where it belongs. It is pulled, so that nothing is
 * called back and nothing is allocated for a message that lies whole in a chunk.
 *
 * | state | waits for | then |
 * |---|---|---|
 * | head | 4, 5, 13 or all bytes of a short message | a message, or one of the states below |
 * | block | the payload of a `piece` | `PIECE_END`, head |
 * | body | the payload of a message of variable length | that message, head |
 * | skip | the payload of an unknown message | `UNKNOWN`, head |
 * | broken | nothing | `BAD`, for ever |
 * @module
 */

import { readU16, readU32 } from '../util/bytes.js'
import {
  BITFIELD,
  EXTENDED,
  FIXED_LENGTH,
  HASH_REJECT,
  HASH_REQUEST,
  HASHES,
  lengthFits,
  MAX_BLOCK,
  MAX_EXTENDED,
  MAX_HASHES,
  MAX_MESSAGE,
  MAX_PIECES,
  PIECE,
  PORT,
} from './message.js'

/** What {@link Decoder.next} returns besides message ids: the chunk is used up. */
export const NEED = -1
/** The bytes broke a rule: `error` and `message` say which. Final. */
export const BAD = -2
/** A keep-alive. */
export const KEEP_ALIVE = 256
/** The payload of the last `PIECE` is complete. */
export const PIECE_END = 257
/** A message with an unknown id was skipped. */
export const UNKNOWN = 258

/** The codes of framing errors. */
export type FramingCode = 'wire/message-too-long' | 'wire/bad-length' | 'wire/bad-bitfield'

const HEAD = 0
const BLOCK = 1
const BODY = 2
const SKIP = 3
const BROKEN = 4

/** Longest message that is gathered in the head buffer: request and its kin. */
const SHORT = 17
/** First allocation for a body that is split over chunks: a length prefix alone buys no more memory. */
const FIRST_BODY = 4096
const NOTHING: Uint8Array = new Uint8Array(0)

export class Decoder {
  /** First u32 of the message: the piece; the port of `PORT`. */
  piece = 0
  /** Second u32: the offset in the piece. */
  begin = 0
  /** Third u32 of a request, cancel or reject; bytes of payload after `PIECE`. */
  length = 0
  /** Payload of a message of variable length, lent until the next call; {@link Decoder.takeBody} keeps it. */
  body: Uint8Array = NOTHING
  /** Why `next` returned `BAD`. */
  error: FramingCode = 'wire/bad-length'
  message = ''
  /** Payload bytes of `piece` messages copied to their place, and payload bytes dropped. */
  copied = 0
  skipped = 0

  private chunk: Uint8Array = NOTHING
  private at = 0
  private end = 0
  private state = HEAD
  /** Head bytes gathered so far. */
  private readonly head: Uint8Array = new Uint8Array(SHORT)
  private gathered = 0
  /** Where the payload of the current block goes, or undefined to drop it; `filled` bytes are there. */
  private target: Uint8Array | undefined
  private filled = 0
  /** Bytes of the current payload that are still to come. */
  private remaining = 0
  /** Id, memory and exact size of the body that is being gathered. */
  private bodyId = 0
  private store: Uint8Array = NOTHING
  private bodyLength = 0
  private bodyOwned = false
  private bitfieldBytes = -1

  /** Requires bitfields of exactly this many bytes; before that, any up to 2^21 pieces. */
  expectBitfield(bytes: number): void {
    this.bitfieldBytes = bytes
  }

  /** Offers a chunk; call {@link Decoder.next} until it returns `NEED`. The memory is lent until then. */
  feed(chunk: Uint8Array): void {
    this.chunk = chunk
    this.at = 0
    this.end = chunk.length
  }

  /** Directly after `PIECE`: names the memory, exactly `length` bytes, for the payload. Undefined drops it. */
  into(target: Uint8Array | undefined): void {
    this.target = target
  }

  /** Drops the rest of the payload that is arriving; its memory is not touched again. */
  discard(): void {
    this.target = undefined
  }

  /** Bytes of the block's payload that have arrived. */
  get arrived(): number {
    return this.filled
  }

  /** The body as memory of its own. */
  takeBody(): Uint8Array {
    if (!this.bodyOwned) return new Uint8Array(this.body)
    this.store = NOTHING
    return this.body
  }

  /** The next message id, or one of the constants above. */
  next(): number {
    switch (this.state) {
      case BLOCK:
        return this.takeBlock()
      case BODY:
        return this.gatherBody()
      case SKIP:
        return this.takeSkip()
      case BROKEN:
        return BAD
    }
    let source = this.chunk
    let p = this.at
    const direct = this.gathered === 0 && this.end - p >= SHORT
    if (!direct) {
      if (!this.gather()) return NEED
      source = this.head
      p = 0
    }
    const length = readU32(source, p)
    if (length === 0) return this.consume(direct, 4, KEEP_ALIVE)
    if (length > MAX_MESSAGE) return this.fail('wire/message-too-long', `a message of ${length} bytes`)
    const id = source[p + 4] as number
    if (id === PIECE) {
      if (length < 9) return this.badLength(id, length)
      if (length > 9 + MAX_BLOCK) {
        return this.fail('wire/message-too-long', `a block of ${length - 9} bytes`)
      }
      this.piece = readU32(source, p + 5)
      this.begin = readU32(source, p + 9)
      this.length = length - 9
      this.remaining = length - 9
      this.filled = 0
      this.target = undefined
      this.state = BLOCK
      return this.consume(direct, 13, PIECE)
    }
    const fixed = FIXED_LENGTH[id] as number
    if (fixed !== 0 && fixed <= 13) {
      if (length !== fixed) return this.badLength(id, length)
      if (fixed >= 5) {
        this.piece = readU32(source, p + 5)
        if (fixed === 13) {
          this.begin = readU32(source, p + 9)
          this.length = readU32(source, p + 13)
        }
      } else if (id === PORT) this.piece = readU16(source, p + 5)
      return this.consume(direct, 4 + fixed, id)
    }
    return this.startBody(direct, id, length)
  }

  private consume(direct: boolean, bytes: number, result: number): number {
    if (direct) this.at += bytes
    else this.gathered = 0
    return result
  }

  /** Moves bytes into the head buffer until it holds a short message or a whole header; false when the chunk ends first. */
  private gather(): boolean {
    while (this.gathered < this.wanted()) {
      if (this.at === this.end) {
        this.chunk = NOTHING
        return false
      }
      this.head[this.gathered++] = this.chunk[this.at++] as number
    }
    return true
  }

  private wanted(): number {
    if (this.gathered < 4) return 4
    const length = readU32(this.head, 0)
    if (length === 0 || length > MAX_MESSAGE) return 4
    if (this.gathered < 5) return 5
    const id = this.head[4] as number
    if (!lengthFits(id, length)) return 5
    const fixed = FIXED_LENGTH[id] as number
    if (fixed !== 0 && fixed <= 13) return 4 + fixed
    return id === PIECE ? 13 : 5
  }

  private takeBlock(): number {
    const n = Math.min(this.remaining, this.end - this.at)
    if (n > 0) {
      const target = this.target
      if (target === undefined) this.skipped += n
      else {
        const chunk = this.chunk
        target.set(new Uint8Array(chunk.buffer, chunk.byteOffset + this.at, n), this.filled)
        this.copied += n
      }
      this.filled += n
      this.at += n
      this.remaining -= n
    }
    if (this.remaining > 0) {
      this.chunk = NOTHING
      return NEED
    }
    this.target = undefined
    this.state = HEAD
    return PIECE_END
  }

  private startBody(direct: boolean, id: number, length: number): number {
    if (!lengthFits(id, length)) return this.badLength(id, length)
    const size = length - 1
    switch (id) {
      case BITFIELD:
        if (this.bitfieldBytes < 0 ? size > MAX_PIECES / 8 : size !== this.bitfieldBytes) {
          return this.fail('wire/bad-bitfield', `a bitfield of ${size} bytes`)
        }
        break
      case EXTENDED:
        if (length > MAX_EXTENDED)
          return this.fail('wire/message-too-long', `an extended message of ${length}`)
        break
      case HASHES:
        if (length > MAX_HASHES) return this.fail('wire/message-too-long', `hashes of ${length} bytes`)
        break
      case HASH_REQUEST:
      case HASH_REJECT:
        break
      default:
        this.remaining = size
        this.state = SKIP
        this.consume(direct, 5, UNKNOWN)
        return this.takeSkip()
    }
    this.consume(direct, 5, id)
    if (this.end - this.at >= size) {
      const chunk = this.chunk
      this.body = new Uint8Array(chunk.buffer, chunk.byteOffset + this.at, size)
      this.bodyOwned = false
      this.at += size
      return id
    }
    this.bodyId = id
    this.bodyLength = size
    this.filled = 0
    this.store = new Uint8Array(Math.min(size, FIRST_BODY))
    this.state = BODY
    return this.gatherBody()
  }

  private gatherBody(): number {
    const n = Math.min(this.bodyLength - this.filled, this.end - this.at)
    if (this.filled + n > this.store.length) {
      const grown = new Uint8Array(
        Math.min(this.bodyLength, Math.max(2 * this.store.length, this.filled + n)),
      )
      grown.set(this.store)
      this.store = grown
    }
    const chunk = this.chunk
    this.store.set(new Uint8Array(chunk.buffer, chunk.byteOffset + this.at, n), this.filled)
    this.filled += n
    this.at += n
    if (this.filled < this.bodyLength) {
      this.chunk = NOTHING
      return NEED
    }
    this.body = this.store
    this.bodyOwned = true
    this.state = HEAD
    return this.bodyId
  }

  private takeSkip(): number {
    const n = Math.min(this.remaining, this.end - this.at)
    this.at += n
    this.remaining -= n
    if (this.remaining > 0) {
      this.chunk = NOTHING
      return NEED
    }
    this.state = HEAD
    return UNKNOWN
  }

  private badLength(id: number, length: number): number {
    return this.fail('wire/bad-length', `length ${length} is wrong for message id ${id}`)
  }

  private fail(code: FramingCode, message: string): number {
    this.state = BROKEN
    this.error = code
    this.message = message
    this.chunk = NOTHING
    this.target = undefined
    return BAD
  }
}
