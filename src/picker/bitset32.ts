/**
 * Sets of piece or block indices as 32-bit words, lowest index in the highest bit, so that
 * `Math.clz32` finds the first member and two sets are intersected 32 indices at a time.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'

/** An empty set over `length` indices. */
export function emptyWords(length: number): Int32Array {
  return new Int32Array((length + 31) >>> 5)
}

/** Makes `words` the set of 0 .. `length` - 1. */
export function fillWords(words: Int32Array, length: number): void {
  words.fill(-1)
  const spare = length & 31
  if (spare !== 0) words[words.length - 1] = -1 << (32 - spare)
}

/** A copy of a wire bitfield. */
export function wordsOf(pieces: Bitfield): Int32Array {
  const words = emptyWords(pieces.length)
  const bytes = pieces.bytes
  for (let i = 0; i < bytes.length; i++) {
    words[i >>> 2] = (words[i >>> 2] as number) | ((bytes[i] as number) << (24 - 8 * (i & 3)))
  }
  return words
}

/** True when `index` is a member. */
export function hasBit(words: Int32Array, index: number): boolean {
  return ((words[index >>> 5] as number) & (0x8000_0000 >>> (index & 31))) !== 0
}

/** Adds `index`. */
export function setBit(words: Int32Array, index: number): void {
  words[index >>> 5] = (words[index >>> 5] as number) | (0x8000_0000 >>> (index & 31))
}

/** Removes `index`. */
export function clearBit(words: Int32Array, index: number): void {
  words[index >>> 5] = (words[index >>> 5] as number) & ~(0x8000_0000 >>> (index & 31))
}

/** Number of members; for tests and bulk work. */
export function countBits(words: Int32Array): number {
  let count = 0
  for (let i = 0; i < words.length; i++) {
    let rest = words[i] as number
    rest -= (rest >>> 1) & 0x5555_5555
    rest = (rest & 0x3333_3333) + ((rest >>> 2) & 0x3333_3333)
    count += Math.imul((rest + (rest >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
  }
  return count
}
