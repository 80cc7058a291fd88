/**
 * Sets of piece indices with an exact length, in the bit order of the wire (bit 7 of byte 0 is
 * piece 0). Wraps the `bitfield` package and adds what it lacks: bounds, a cached count, a check of
 * the spare bits.
 * @module
 */

import Bits from 'bitfield'

const POPCOUNT: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
})

export class Bitfield {
  /** Number of pieces. */
  readonly length: number
  readonly #bits: Bits
  #count: number

  /**
   * A set over `length` pieces: empty, or what `bytes` says, which must be in wire form with clear
   * spare bits and is adopted, not copied. Remote bytes go through {@link Bitfield.parse}.
   */
  constructor(length: number, bytes?: Uint8Array) {
    this.length = length
    this.#bits = new Bits(bytes ?? length)
    this.#count = 0
    if (bytes) for (const byte of bytes) this.#count += POPCOUNT[byte] as number
  }

  /**
   * The set that wire bytes describe (copied), or undefined when the byte count is not
   * ceil(length / 8) or a spare bit is set (BEP 3: such a peer is cut off).
   */
  static parse(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== (length + 7) >>> 3) return undefined
    const spare = bytes.length * 8 - length
    if (spare > 0 && ((bytes[bytes.length - 1] as number) & ((1 << spare) - 1)) !== 0) return undefined
    return new Bitfield(length, bytes.slice())
  }

  /** The set of all `length` pieces. */
  static full(length: number): Bitfield {
    const bytes = new Uint8Array((length + 7) >>> 3).fill(0xff)
    const spare = bytes.length * 8 - length
    if (spare > 0) bytes[bytes.length - 1] = (0xff << spare) & 0xff
    return new Bitfield(length, bytes)
  }

  /** Number of pieces in the set. */
  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.length
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** The live wire form, ceil(length / 8) bytes: copy it before you keep it, never write to it. */
  get bytes(): Uint8Array {
    return this.#bits.buffer
  }

  /** False for every index outside the set's length. */
  has(index: number): boolean {
    return (
      index < this.length && (((this.#bits.buffer[index >>> 3] as number) >>> (7 - (index & 7))) & 1) === 1
    )
  }

  /** Adds a piece; true when it was new. Throws RangeError outside 0 .. length - 1. */
  add(index: number): boolean {
    this.#check(index)
    if (this.has(index)) return false
    this.#bits.set(index, true)
    this.#count++
    return true
  }

  /** Removes a piece; true when it was there. Throws RangeError outside 0 .. length - 1. */
  delete(index: number): boolean {
    this.#check(index)
    if (!this.has(index)) return false
    this.#bits.set(index, false)
    this.#count--
    return true
  }

  /** Smallest member from `from` up to `end`, which is left out, or -1. Skips empty bytes. */
  next(from: number, end: number = this.length): number {
    const bytes = this.#bits.buffer
    const last = Math.min(bytes.length, (end + 7) >>> 3)
    for (let at = from >>> 3; at < last; at++) {
      let byte = bytes[at] as number
      if (at === from >>> 3) byte &= 0xff >>> (from & 7)
      if (byte === 0) continue
      const index = at * 8 + Math.clz32(byte) - 24
      return index < end ? index : -1
    }
    return -1
  }

  /** Smallest non-member >= `from`, or -1. Skips full bytes. */
  nextMissing(from: number): number {
    const bytes = this.#bits.buffer
    for (let at = from >>> 3; at < bytes.length; at++) {
      let byte = ~(bytes[at] as number) & 0xff
      if (at === from >>> 3) byte &= 0xff >>> (from & 7)
      if (byte === 0) continue
      const index = at * 8 + Math.clz32(byte) - 24
      return index < this.length ? index : -1
    }
    return -1
  }

  /** An independent copy. */
  clone(): Bitfield {
    return new Bitfield(this.length, this.#bits.buffer.slice())
  }

  /** Members in ascending order. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let index = this.next(0); index >= 0; index = this.next(index + 1)) yield index
  }

  #check(index: number): void {
    if (!(index >= 0 && index < this.length)) {
      throw new RangeError(`piece index must be in 0 .. ${this.length - 1}, got ${index}`)
    }
  }
}
