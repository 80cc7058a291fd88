import type { Random } from '../../src/util/random.js'

/** A repeatable source of random numbers (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const uint32 = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const bytes = (length: number) => {
    const filled = new Uint8Array(length)
    for (let i = 0; i < length; i++) filled[i] = uint32()
    return filled
  }
  return { uint32, bytes }
}
