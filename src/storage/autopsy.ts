/**
 * What the blocks of failed pieces were, so that those who sent them can be told apart: digests of each
 * block of a piece that fails, and of the same piece when it is right in the end. Pieces that pass at once
 * cost nothing.
 * @module
 */

import { sha1 } from '#hash'
import { BLOCK_LENGTH } from '../metainfo/layout.js'
import { type OpenPiece, RECEIVED } from './open-piece.js'

/** Pieces whose digests wait to be taken. */
const MAX_KEPT = 32
/** Failed pieces that are looked at again when they pass. */
const MAX_SUSPECTS = 4_096

export class Autopsy {
  /** Pieces that failed and have not passed yet. */
  readonly #suspects: Set<number> = new Set()
  readonly #kept: Map<number, (Uint8Array | undefined)[]> = new Map()

  /** A piece was found right (`matched`) or wrong; its memory is still there. */
  judged(open: OpenPiece): void {
    const { piece, matched } = open
    if (!this.#suspects.delete(piece) && matched) return
    if (!matched) {
      this.#suspects.add(piece)
      if (this.#suspects.size > MAX_SUSPECTS) dropOldest(this.#suspects)
    }
    this.#kept.delete(piece)
    this.#kept.set(piece, digests(open))
    if (this.#kept.size > MAX_KEPT) dropOldest(this.#kept)
  }

  take(piece: number): (Uint8Array | undefined)[] | undefined {
    const digests = this.#kept.get(piece)
    this.#kept.delete(piece)
    return digests
  }
}

/** Blocks of a large piece that went to the disk before the piece was judged are left out. */
function digests(open: OpenPiece): (Uint8Array | undefined)[] {
  return Array.from({ length: open.blockCount }, (_, block) => {
    const begin = block * BLOCK_LENGTH
    const inMemory = open.cells[Math.floor(begin / open.cellLength)] !== undefined
    if (open.states[block] !== RECEIVED || !inMemory) return undefined
    return sha1(open.memory(begin, Math.min(BLOCK_LENGTH, open.size - begin)))
  })
}

function dropOldest(entries: Set<number> | Map<number, unknown>): void {
  const oldest = entries.keys().next()
  if (!oldest.done) entries.delete(oldest.value)
}
