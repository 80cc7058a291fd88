/**
 * Sets of piece or block indices as 32-bit words, lowest index in the highest bit, so that
 * `Math.clz32` finds the first member and two sets are intersected 32 indices at a time.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'

/** An empty set over `length` indices. */
export function bitset(length: number): Int32Array {
  return new Int32Array((length + 31) >>> 5)
}

/** Makes `bits` the set of 0 .. `length` - 1. */
export function fillBits(bits: Int32Array, length: number): void {
  bits.fill(-1)
  const spare = length & 31
  if (spare !== 0) bits[bits.length - 1] = -1 << (32 - spare)
}

/** A copy of a wire bitfield. */
export function bitsetOf(pieces: Bitfield): Int32Array {
  const bits = bitset(pieces.length)
  const bytes = pieces.bytes
  for (let i = 0; i < bytes.length; i++) {
    bits[i >>> 2] = (bits[i >>> 2] as number) | ((bytes[i] as number) << (24 - 8 * (i & 3)))
  }
  return bits
}

/** True when `index` is a member. */
export function hasBit(bits: Int32Array, index: number): boolean {
  return ((bits[index >>> 5] as number) & (0x8000_0000 >>> (index & 31))) !== 0
}

/** Adds `index`. */
export function setBit(bits: Int32Array, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] as number) | (0x8000_0000 >>> (index & 31))
}

/** Removes `index`. */
export function clearBit(bits: Int32Array, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] as number) & ~(0x8000_0000 >>> (index & 31))
}

/** Number of members; for tests and bulk work. */
export function countBits(bits: Int32Array): number {
  let count = 0
  for (let i = 0; i < bits.length; i++) {
    let rest = bits[i] as number
    rest -= (rest >>> 1) & 0x5555_5555
    rest = (rest & 0x3333_3333) + ((rest >>> 2) & 0x3333_3333)
    count += Math.imul((rest + (rest >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
  }
  return count
}
