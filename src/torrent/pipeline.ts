/**
 * How many requests to keep open at a peer. Between ticks the depth grows by one for each block that
 * arrives, which doubles it per round trip; the tick brings it back to what the rate justifies.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'

/** Seconds of a peer's rate to have on order: more than any round trip, little enough to change one's mind. */
const AHEAD = 0.5
/** Requests that even the slowest peer gets: one under way, others waiting. */
const LEAST = 4

/** The queue depth for the next second; `rate` in bytes a second, `most` the cap. */
export function nextDepth(depth: number, rate: number, most: number): number {
  const justified = Math.ceil((rate * AHEAD) / BLOCK_LENGTH) + LEAST
  return Math.max(LEAST, Math.min(depth, justified, most))
}
