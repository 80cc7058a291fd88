/**
 * Memory for outgoing datagrams: bencoded pieces are written one after the other into a slab, and each
 * finished message is a view of it. A typed array of its own for every reply would cost more than
 * the reply.
 * @module
 */

const SLAB = 32_768
/** Nothing that is written is longer: an item's value, key and signature with all around them stay below. */
const LONGEST = 2_048

/** Appends to one message at a time; {@link KrpcWriter.finish} hands it out, never to be written again. */
export class KrpcWriter {
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

  /** Bytes of the message so far. */
  get length(): number {
    return this.at - this.start
  }

  /** The message. */
  finish(): Uint8Array {
    return this.bytes.subarray(this.start, this.at)
  }

  /** Bytes as they are, from ASCII text. */
  raw(text: string): void {
    const { bytes } = this
    let at = this.at
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.at = at
  }

  /** Bytes as they are. */
  copy(source: Uint8Array): void {
    const { bytes } = this
    const { length } = source
    let at = this.at
    // Below some 40 bytes a loop is faster than `set`.
    if (length <= 40) for (let i = 0; i < length; i++) bytes[at++] = source[i] as number
    else {
      bytes.set(source, at)
      at += length
    }
    this.at = at
  }

  /** A byte string: its length, a colon, its bytes. */
  string(source: Uint8Array): void {
    this.digits(source.length)
    this.bytes[this.at++] = 0x3a
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
