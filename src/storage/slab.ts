/**
 * Reused memory in pieces of one size. Allocating and zeroing fresh memory for every torrent piece
 * costs more than writing it to the page cache, and leaves the collector behind.
 * @module
 */

/** The most that is allocated at once, and the longest contiguous memory anyone gets: 1 MiB. */
export const SLAB_LENGTH = 1_048_576

export class SlabPool {
  /** Bytes of every cell, 1 .. 1 MiB. */
  readonly cellLength: number
  readonly #free: Uint8Array[] = []
  #used = 0

  constructor(cellLength: number) {
    this.cellLength = cellLength
  }

  /** Bytes handed out and not given back. */
  get used(): number {
    return this.#used * this.cellLength
  }

  /** Bytes kept for reuse. */
  get idle(): number {
    return this.#free.length * this.cellLength
  }

  /** A cell with whatever bytes its last user left in it. */
  take(): Uint8Array {
    this.#used++
    const cell = this.#free.pop()
    if (cell) return cell
    const count = Math.floor(SLAB_LENGTH / this.cellLength)
    const slab = new ArrayBuffer(count * this.cellLength)
    for (let i = 1; i < count; i++)
      this.#free.push(new Uint8Array(slab, i * this.cellLength, this.cellLength))
    return new Uint8Array(slab, 0, this.cellLength)
  }

  /** Gives back a cell of {@link SlabPool.take}; the most recently used one is the next to go out (it is in the cache). */
  give(cell: Uint8Array): void {
    this.#used--
    this.#free.push(cell)
  }

  /** Forgets all idle memory. */
  trim(): void {
    this.#free.length = 0
  }
}
