/**
 * How many requests to keep open at a peer. Between ticks the depth grows by one for each block that
 * arrives, which doubles it per round trip; the tick brings it back to what the rate justifies.
 * @module
 */

import { BLOCK_LENGTH } from '../../metainfo/layout.js'

/**
 * Seconds of a peer's rate that the tick leaves on order. With what is added until the next tick that is a
 * half to one and a half: more than any round trip, little enough for others to take over what a slow
 * peer holds.
 */
const AHEAD = 0.5
/** Requests that even the slowest peer gets: one under way, others waiting. */
const LEAST = 4

/** Seconds of its rate that a peer gets as a run of adjacent blocks, and the most blocks of it: 8 MiB (LT). */
const RUN_SECONDS = 20
const LONGEST_RUN = 512

/** Blocks in a row that a peer's rate (bytes a second) is worth. */
export function fastRun(rate: number): number {
  return Math.min(LONGEST_RUN, Math.floor((rate * RUN_SECONDS) / BLOCK_LENGTH))
}

/** The queue depth for the next second; `rate` in bytes a second, `most` the cap. */
export function nextDepth(depth: number, rate: number, most: number): number {
  const justified = Math.ceil((rate * AHEAD) / BLOCK_LENGTH) + LEAST
  return Math.max(LEAST, Math.min(depth, justified, most))
}
