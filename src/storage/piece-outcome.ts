/**
 * What becomes of a piece that was judged.
 *
 * | the piece is | what follows |
 * |---|---|
 * | right | written, `written` |
 * | wrong, its blocks can be told apart | `doubtful`; when `reopen` found the wrong ones it is open again |
 * | wrong, or `discard` | failed: its memory is freed as soon as its bytes are known, for those who sent them |
 * | right by one hash and wrong by another | gone; the store fails |
 * | of unknown hash, found right on the disk later | `settled` |
 *
 * What there is to tell waits for the end of the turn.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'
import type { Assembly } from './assembly.js'
import type { Autopsy } from './block-digests.js'
import type { OpenPiece } from './open-piece.js'
import type { Spill } from './spill.js'
import type { Verifier } from './verifier.js'
import type { Writer } from './writer.js'

export interface VerdictsParts {
  readonly verifier: Verifier
  readonly assembly: Assembly
  readonly writer: Writer
  readonly spill: Spill | undefined
  readonly autopsy: Autopsy
  /** The pieces that are verified and written; those found on the disk are added. */
  readonly verified: Bitfield
  /** Whether anybody can tell the blocks of a wrong piece apart. */
  readonly canDoubt: () => boolean
  /** The number of this turn of the event loop. */
  readonly turn: () => number
  /** There is something to tell at the end of this turn. */
  readonly work: () => void
  /** All of a large piece is written, and right. */
  readonly written: (open: OpenPiece) => void
}

/** Pieces to tell of, by what became of them. */
export interface Told {
  /** Found on the disk, and right, when their hash became known. */
  readonly settled: readonly number[]
  readonly failed: readonly number[]
  readonly doubtful: readonly number[]
}

export class Verdicts {
  readonly #parts: VerdictsParts
  #settled: number[] = []
  #failed: number[] = []
  #doubtful: number[] = []

  constructor(parts: VerdictsParts) {
    this.#parts = parts
  }

  /** All of a piece is here and hashed. */
  judged(open: OpenPiece): void {
    const { verifier, autopsy, spill, writer, canDoubt, turn } = this.#parts
    if (verifier.hasVerified) this.settle()
    if (verifier.contradiction !== undefined) this.#contradicted(open)
    else if (!open.matched) {
      if (!open.doubtful || !canDoubt()) this.#giveUp(open)
      else this.#doubt(open)
    } else {
      autopsy.judged(open)
      if (spill) spill.flush(open)
      else writer.add(open, turn())
    }
  }

  /** The disk is through with a part of a large piece. */
  progress(open: OpenPiece): void {
    if (open.gone) this.free(open)
    else if (open.doubtful) this.#doubt(open)
    else if (!open.matched) this.#parts.assembly.resume(open)
    else if (open.runs === 0 && open.flushed === open.size) this.#parts.written(open)
  }

  /** Takes in what was found right on the disk before its hash was known. */
  settle(): void {
    const { verifier, verified, assembly } = this.#parts
    for (const piece of verifier.takeVerified?.() ?? []) {
      if (verified.has(piece) || assembly.has(piece)) continue
      verified.add(piece)
      this.#settled.push(piece)
    }
  }

  /** A doubtful piece fails as a whole. */
  discard(piece: number): void {
    const open = this.#parts.assembly.doubtful(piece)
    if (!open) return
    this.#giveUp(open)
    this.#parts.work()
  }

  /** Frees a piece that came to nothing as soon as neither a peer nor the disk uses its memory. */
  free(open: OpenPiece): void {
    if (open.leases === 0 && open.runs === 0 && open.busy.size === 0) open.free()
  }

  /** What there is to tell since the last time. */
  take(): Told {
    const told = { settled: this.#settled, failed: this.#failed, doubtful: this.#doubtful }
    this.#settled = []
    this.#failed = []
    this.#doubtful = []
    return told
  }

  /** A wrong piece whose blocks can be told apart: said when the disk is through with what it has of it. */
  #doubt(open: OpenPiece): void {
    if (open.runs > 0 || open.busy.size > 0 || this.#doubtful.includes(open.piece)) return
    this.#doubtful.push(open.piece)
    this.#parts.work()
  }

  /** A whole piece came to nothing. */
  #giveUp(open: OpenPiece): void {
    const { autopsy, assembly, writer } = this.#parts
    open.doubtful = false
    open.gone = true
    autopsy.judged(open)
    writer.drop(open.piece)
    // Not before the bytes of it are known: the next ones to come take their place on the disk.
    autopsy.after(open.piece, () => {
      assembly.close(open)
      this.free(open)
      this.#failed.push(open.piece)
      this.#parts.work()
    })
  }

  /** No data can be right: the piece goes, without blame for anyone, and the store stops. */
  #contradicted(open: OpenPiece): void {
    open.gone = true
    open.matched = false
    this.#parts.assembly.close(open)
    this.#parts.writer.drop(open.piece)
    this.free(open)
  }
}
