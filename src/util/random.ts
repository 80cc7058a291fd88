/**
 * Randomness as an injected value: the system world hands out a cryptographic source, the virtual
 * world a seeded one.
 * @module
 */

/** A source of random numbers. */
export interface Random {
  /** Uniform integer in 0 .. 2^32 - 1. */
  uint32(): number
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array
}

/** Uniform integer in 0 .. `bound` - 1, for 1 <= bound <= 2^32. */
export function below(random: Random, bound: number): number {
  return Math.floor((random.uint32() / 0x1_0000_0000) * bound)
}

/** Shuffles in place (Fisher-Yates) and returns the same array. */
export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(random, i + 1)
    const swap = items[i] as T
    items[i] = items[j] as T
    items[j] = swap
  }
  return items
}
