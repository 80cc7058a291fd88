/**
 * Memory for blocks whose own place another peer is writing (end-game).
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'

/** Scratch blocks at once: 4 MiB. End-game of a usual swarm needs a few dozen. */
const MAX_BLOCKS = 256

export class Scratch {
  readonly #free: Uint8Array[] = []
  readonly #lent = new Set<ArrayBufferLike>()

  /** Bytes lent. */
  get used(): number {
    return this.#lent.size * BLOCK_LENGTH
  }

  /** Memory of at most a block's length, or undefined when too much is lent. */
  take(length: number): Uint8Array | undefined {
    if (this.#lent.size >= MAX_BLOCKS) return undefined
    const block = this.#free.pop() ?? new Uint8Array(BLOCK_LENGTH)
    this.#lent.add(block.buffer)
    return block.subarray(0, length)
  }

  owns(data: Uint8Array): boolean {
    return this.#lent.size > 0 && this.#lent.has(data.buffer)
  }

  /** Takes memory back; false when it is not scratch memory. */
  give(data: Uint8Array): boolean {
    if (!this.#lent.delete(data.buffer)) return false
    this.#free.push(new Uint8Array(data.buffer))
    return true
  }
}
