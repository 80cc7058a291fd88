/**
 * Memory for outgoing datagrams: bencoded pieces are written one after the other into a slab, and each
 * finished message is a view of it. A typed array of its own for every reply would cost more than
 * the reply.
 * @module
 */

const SLAB = 32_768
/** Nothing that is written is longer: an item's value, key and signature with all around them stay below. */
const LONGEST = 2_048

/** Appends to one message at a time; {@link KrpcWriter.end} hands it out, never to be written again. */
class KrpcWriter {
  private bytes = new Uint8Array(0)
  private at = 0
  private start = 0

  /** Begins a message. */
  begin(): void {
    if (this.bytes.length - this.at < LONGEST) {
      this.bytes = new Uint8Array(SLAB)
      this.at = 0
    }
    this.start = this.at
  }

  /** Bytes as they are, from ASCII text. */
  raw(text: string): void {
    const { bytes } = this
    let at = this.at
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.at = at
  }

  /** Bytes as they are: those of `source` from `from` up to `to`. */
  copy(source: Uint8Array, from = 0, to: number = source.length): void {
    const { bytes } = this
    let at = this.at
    // Below some 40 bytes a loop is faster than `set`.
    if (to - from <= 40) for (let i = from; i < to; i++) bytes[at++] = source[i] as number
    else {
      bytes.set(from === 0 && to === source.length ? source : source.subarray(from, to), at)
      at += to - from
    }
    this.at = at
  }

  /** A byte string: its length, a colon, its bytes. */
  string(source: Uint8Array): void {
    this.head(source.length)
    this.copy(source)
  }

  /** The head of a byte string of `length` bytes, which must follow. */
  head(length: number): void {
    this.digits(length)
    this.bytes[this.at++] = 0x3a
  }

  /** An integer: `i`, its digits, `e`. */
  integer(value: number | bigint): void {
    this.bytes[this.at++] = 0x69
    this.raw(String(value))
    this.bytes[this.at++] = 0x65
  }

  /** A key, with its length, and the byte string that it has. */
  field(key: string, value: Uint8Array): void {
    this.raw(key)
    this.string(value)
  }

  /** A key, with its length, and the integer that it has. */
  integerField(key: string, value: number | bigint): void {
    this.raw(key)
    this.integer(value)
  }

  /** The last keys of any message; returns it. */
  end(transactionId: Uint8Array, version: Uint8Array | undefined, kind: 'q' | 'r' | 'e'): Uint8Array {
    this.field('1:t', transactionId)
    if (version !== undefined) this.field('1:v', version)
    this.raw(kind === 'q' ? '1:y1:qe' : kind === 'r' ? '1:y1:re' : '1:y1:ee')
    return this.bytes.subarray(this.start, this.at)
  }

  private digits(value: number): void {
    const { bytes } = this
    if (value >= 1000) {
      this.raw(String(value))
      return
    }
    if (value >= 100) bytes[this.at++] = 0x30 + ((value / 100) | 0)
    if (value >= 10) bytes[this.at++] = 0x30 + (((value / 10) | 0) % 10)
    bytes[this.at++] = 0x30 + (value % 10)
  }
}

/** The one writer: encoding is synchronous and never nests. */
export const writer: KrpcWriter = new KrpcWriter()
