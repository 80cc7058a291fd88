/**
 * Memory that is lent to listeners and taken back: overwritten on return, so that a listener that keeps a
 * borrowed chunk reads garbage at once instead of once a month.
 * @module
 */

const SMALLEST = 8
const LARGEST = 16
/** Buffers kept for each size. */
const KEPT = 256
const GARBAGE = 0xdb

/** Buffers of 256 bytes to 64 KiB in powers of two. */
export class LentMemory {
  readonly #free: Uint8Array[][] = Array.from({ length: LARGEST + 1 }, () => [])

  /** A buffer of at least `length` bytes (65,536 at most), with any content. */
  take(length: number): Uint8Array {
    const size = sizeOf(length)
    return this.#free[size]?.pop() ?? new Uint8Array(2 ** size)
  }

  /** Keeps a buffer of {@link take} for the next taker. */
  giveBack(buffer: Uint8Array): void {
    const free = this.#free[sizeOf(buffer.length)]
    if (free && free.length < KEPT) free.push(buffer)
  }
}

/** Overwrites bytes whose loan is over. */
export function spoil(bytes: Uint8Array): void {
  bytes.fill(GARBAGE)
}

function sizeOf(length: number): number {
  return Math.max(SMALLEST, 32 - Math.clz32(Math.max(length, 1) - 1))
}
