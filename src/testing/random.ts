/**
 * Seeded random numbers: the same seed gives the same numbers on every machine.
 * @module
 */

import type { Random } from '../util/random.js'

/** The generator sfc32: small, fast, and passes the usual test batteries. Not for secrets. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** @param seed any number; `stream` gives independent generators of one seed. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0
    this.#c = stream | 0
    for (let i = 0; i < 16; i++) this.uint32()
  }

  uint32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let at = 0
    for (; at + 4 <= length; at += 4) {
      const word = this.uint32()
      bytes[at] = word
      bytes[at + 1] = word >>> 8
      bytes[at + 2] = word >>> 16
      bytes[at + 3] = word >>> 24
    }
    for (let word = this.uint32(); at < length; at++, word >>>= 8) bytes[at] = word
    return bytes
  }

  /** True with probability `chance`. Draws nothing when that is 0, so that unused options change no run. */
  happens(chance: number): boolean {
    return chance > 0 && this.uint32() < chance * 0x1_0000_0000
  }

  /** Uniform in 0 (included) .. 1 (not included). */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000
  }
}
