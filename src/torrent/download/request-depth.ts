/**
 * How many requests to keep open at a source of blocks. Between ticks the depth grows by one for each block that
 * arrives, which doubles it per round trip; the tick brings it back to what the rate justifies.
 * @module
 */

import { BLOCK_LENGTH } from '../../metainfo/layout.js'

/**
 * Seconds of a source's rate that the tick leaves on order. With what is added until the next tick that is a
 * half to one and a half: more than any round trip, little enough for others to take over what a slow
 * source holds.
 */
const AHEAD = 0.5

/** Seconds of its rate that a source gets as a run of adjacent blocks, and the most blocks of it: 8 MiB (libtorrent). */
const RUN_SECONDS = 20
const LONGEST_RUN = 512

/** Blocks in a row that a rate (bytes a second) is worth. */
export function fastRun(rate: number): number {
  return Math.min(LONGEST_RUN, Math.floor((rate * RUN_SECONDS) / BLOCK_LENGTH))
}

/** The queue depth for the next second, `least` .. `most`; `rate` in bytes a second. */
export function nextDepth(depth: number, rate: number, least: number, most: number): number {
  const justified = Math.ceil((rate * AHEAD) / BLOCK_LENGTH) + least
  return Math.max(least, Math.min(depth, justified, most))
}
