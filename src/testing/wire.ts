/**
 * What all parts of one virtual network share.
 * @module
 */

import type { SharedBlocks } from './blocks.js'
import type { VirtualClock } from './clock.js'
import type { Digest } from './digest.js'
import type { LentMemory } from './memory.js'
import type { SeededRandom } from './random.js'

/** What happened, for {@link NetworkOptions.trace}. */
export interface TraceEvent {
  /** ms since the world began. */
  readonly time: number
  readonly kind: 'dial' | 'open' | 'refuse' | 'data' | 'close' | 'datagram' | 'drop'
  /** `host:port` of the side that acts, and of the other one. */
  readonly from: string
  readonly to: string
  /** Payload bytes. */
  readonly bytes: number
}

export interface Wire {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly digest: Digest
  readonly memory: LentMemory
  readonly blocks: SharedBlocks
  /** Unacknowledged bytes of a connection. */
  readonly window: number
  /** Bytes that a connection takes from a writer before it has sent them. */
  readonly sendBuffer: number
  /** Chance that a segment reaches the listener in several pieces. */
  readonly fragment: number
  readonly trace: ((event: TraceEvent) => void) | undefined
}
