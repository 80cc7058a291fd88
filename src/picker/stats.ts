/**
 * Figures of a picker for people to look at.
 * @module
 */

import { hasBit } from './bitset32.js'
import type { Progress } from './progress.js'
import type { Rarity } from './rarity.js'

/** A snapshot of a picker. */
export interface PickerStats {
  /** Pieces that are wanted and not verified. */
  readonly missingPieces: number
  readonly openPieces: number
  /** Requests outstanding at all peers, duplicates included. */
  readonly requestedBlocks: number
  /** Copies of the rarest missing piece among the connected peers; 0 when nothing is missing. */
  readonly rarest: number
  /** Whole copies among the connected peers, plus the share of pieces with more than that. */
  readonly distributedCopies: number
}

/** Takes a snapshot; O(pieces). */
export function snapshot(
  rarity: Rarity,
  progress: Progress<unknown>,
  missing: Int32Array,
  missingCount: number,
): PickerStats {
  const { counts, seeds } = rarity
  let rarest = Number.POSITIVE_INFINITY
  let least = counts.length === 0 ? 0 : Number.POSITIVE_INFINITY
  let above = 0
  for (let piece = 0; piece < counts.length; piece++) {
    const count = counts[piece] as number
    if (count < rarest && hasBit(missing, piece)) rarest = count
    if (count < least) {
      // All pieces before this one had more.
      least = count
      above = piece
    } else if (count > least) above++
  }
  return {
    missingPieces: missingCount,
    openPieces: progress.pieces.size,
    requestedBlocks: progress.requests,
    rarest: missingCount === 0 ? 0 : rarest + seeds,
    distributedCopies: counts.length === 0 ? 0 : least + seeds + above / counts.length,
  }
}
