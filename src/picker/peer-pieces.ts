/**
 * What a peer has, and how it counts in the availability: a seed as one for all pieces, any other peer piece by
 * piece.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'
import { bitset, bitsetOf, clearBit, fillBits, hasBit, setBit } from './bitset32.js'
import type { Rarity } from './rarity.js'

export class PeerPieces {
  readonly #rarity: Rarity
  #isSeed = false
  #bits: Int32Array | undefined

  constructor(rarity: Rarity) {
    this.#rarity = rarity
  }

  /** True when the peer announced that it has everything and has not taken it back. */
  get isSeed(): boolean {
    return this.#isSeed
  }

  /** The pieces of a peer that is no seed; undefined while it has none. */
  get bits(): Int32Array | undefined {
    return this.#bits
  }

  has(piece: number): boolean {
    return this.#isSeed || (this.#bits !== undefined && hasBit(this.#bits, piece))
  }

  /** The peer has exactly these pieces, which are copied. */
  set(pieces: Bitfield): void {
    this.clear()
    if (pieces.isFull) {
      this.#isSeed = true
      this.#rarity.seeds++
    } else if (!pieces.isEmpty) {
      this.#bits = bitsetOf(pieces)
      this.#rarity.spread(this.#bits, 1)
    }
  }

  /** The peer has one piece more, which it had not. */
  add(piece: number): void {
    this.#bits ??= bitset(this.#rarity.length)
    setBit(this.#bits, piece)
    this.#rarity.increment(piece)
  }

  /** The peer no longer has a piece; true when it was a seed until now. */
  remove(piece: number): boolean {
    if (!this.has(piece)) return false
    const wasSeed = this.#isSeed
    // From now on it counts piece by piece, for good: changing back and forth would cost O(pieces) each time.
    if (wasSeed) this.#countSingly()
    if (this.#bits) clearBit(this.#bits, piece)
    this.#rarity.decrement(piece)
    return wasSeed
  }

  /** Takes all that the peer has out of the availability. */
  clear(): void {
    if (this.#isSeed) this.#rarity.seeds--
    if (this.#bits) this.#rarity.spread(this.#bits, -1)
    this.#isSeed = false
    this.#bits = undefined
  }

  #countSingly(): void {
    const { length } = this.#rarity
    this.#isSeed = false
    this.#rarity.seeds--
    this.#bits = bitset(length)
    fillBits(this.#bits, length)
    this.#rarity.spread(this.#bits, 1)
    this.#rarity.settle()
  }
}
