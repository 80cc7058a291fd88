/**
 * The way of a piece through the store: assembled (`assembly.ts`), hashed, judged, written (`writer.ts`, in parts
 * `spill.ts`), and what is told of it. The parts tell this file of each step, and this file alone decides on the
 * next one.
 *
 * | the piece is | what follows |
 * |---|---|
 * | right | written, `verified` |
 * | wrong, its blocks can be told apart | `doubtful`; when `reopen` found the wrong ones it is open again |
 * | wrong, or `discard` | `failed`: its memory is freed as soon as the digests of its blocks are known |
 * | right by one hash and wrong by another | gone; the store fails |
 * | of unknown hash, found right on the disk later | `verified` |
 *
 * What there is to tell waits for the end of the turn, or comes from the disk.
 * @module
 */

import type { Layout } from '../metainfo/layout.js'
import type { Bitfield } from '../util/bitfield.js'
import { Assembly, type AssemblyEvents } from './assembly.js'
import type { StorageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import { BlockDigests } from './block-digests.js'
import type { OpenPiece } from './open-piece.js'
import type { SlabPool } from './slab.js'
import { Spill, type SpillEvents } from './spill.js'
import type { Verifier } from './verifier.js'
import { Writer, type WriterEvents } from './writer.js'

export interface PieceOutcomesParts {
  readonly layout: Layout
  readonly mapping: FileMapping
  readonly verifier: Verifier
  readonly pool: SlabPool
  /** Bytes of memory for open pieces. */
  readonly budget: () => number
  /** Pieces are so large that what is hashed of them goes to the disk before they are whole. */
  readonly spills: boolean
  /** The pieces that are verified and written; those that come about are added. */
  readonly verified: Bitfield
  /** Whether anybody can tell the blocks of a wrong piece apart. */
  readonly canDoubt: boolean
  /** Reads bytes of a piece back from the disk. */
  readonly read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  readonly on: PieceOutcomesListener
}

export interface PieceOutcomesListener {
  /** There is something to do at the end of this turn: {@link PieceOutcomes.turn}. */
  work(): void
  /** Bytes of a piece that may not be verified are about to be written. */
  writing(piece: number): void
  /** A piece is written, and right. */
  written(piece: number): void
  /** The same, once the digests of its blocks are known too, should it have been wrong before. */
  verified(piece: number): void
  failed(error: StorageError): void
}

/** Pieces to tell of, by what became of them. */
export interface Told {
  /** Found on the disk, and right, when their hash became known. */
  readonly found: readonly number[]
  readonly failed: readonly number[]
  readonly doubtful: readonly number[]
}

export class PieceOutcomes implements AssemblyEvents, WriterEvents, SpillEvents {
  readonly assembly: Assembly
  readonly writer: Writer
  /** Only where pieces are large enough to spill. */
  readonly spill: Spill | undefined
  readonly digests: BlockDigests
  readonly #verifier: Verifier
  readonly #verified: Bitfield
  readonly #canDoubt: boolean
  readonly #on: PieceOutcomesListener
  #turn = 0
  #found: number[] = []
  #failed: number[] = []
  #doubtful: number[] = []

  constructor(parts: PieceOutcomesParts) {
    const { layout, mapping, verifier, pool, budget, spills } = parts
    this.assembly = new Assembly(layout, verifier, pool, this)
    this.writer = new Writer(mapping, this)
    this.spill = spills ? new Spill(mapping, this.writer, pool, budget, this) : undefined
    this.digests = new BlockDigests(parts.read)
    this.#verifier = verifier
    this.#verified = parts.verified
    this.#canDoubt = parts.canDoubt
    this.#on = parts.on
  }

  /** True when the next turn has something to do. */
  get isBusy(): boolean {
    return this.assembly.isBusy || this.writer.isHolding
  }

  /** Everything that is done once in a turn, after all sockets were read. */
  turn(): void {
    this.#turn++
    this.assembly.turn()
    if (this.spill?.isPressed) this.spill.relieve(this.assembly.pieces)
    this.writer.start(this.#turn)
  }

  /** What there is to tell since the last time. */
  take(): Told {
    const told = { found: this.#found, failed: this.#failed, doubtful: this.#doubtful }
    this.#found = []
    this.#failed = []
    this.#doubtful = []
    return told
  }

  /** Hashes of pieces that were not known are known now: judges what waits for them. */
  hashesKnown(): void {
    this.#takeFound()
    this.assembly.judgeWaiting()
  }

  /** A doubtful piece fails as a whole. */
  discard(piece: number): void {
    const open = this.assembly.doubtful(piece)
    if (!open) return
    this.#giveUp(open)
    this.#on.work()
  }

  work(): void {
    this.#on.work()
  }

  away(open: OpenPiece): void {
    void this.spill?.load(open)
  }

  hashed(open: OpenPiece): void {
    this.spill?.flush(open)
  }

  judged(open: OpenPiece): void {
    if (this.#verifier.hasVerified) this.#takeFound()
    if (this.#verifier.contradiction !== undefined) this.#contradicted(open)
    else if (!open.matched) {
      if (!open.doubtful || !this.#canDoubt) this.#giveUp(open)
      else this.#doubt(open)
    } else {
      this.digests.judged(open)
      if (this.spill) this.spill.flush(open)
      else this.writer.add(open, this.#turn)
    }
  }

  orphaned(open: OpenPiece): void {
    this.#free(open)
  }

  progress(open: OpenPiece): void {
    if (open.gone) this.#free(open)
    else if (open.doubtful) this.#doubt(open)
    else if (!open.matched) this.assembly.resume(open)
    else if (open.runs === 0 && open.flushed === open.size) this.written(open)
  }

  queued(piece: number): void {
    this.#on.writing(piece)
  }

  written(open: OpenPiece): void {
    const { piece } = open
    this.assembly.close(open)
    open.free()
    this.#verified.add(piece)
    this.#on.written(piece)
    this.digests.after(piece, () => this.#on.verified(piece))
  }

  ended(): void {
    this.#on.work()
  }

  failed(error: StorageError): void {
    this.#on.failed(error)
  }

  /** Takes in what was found right on the disk before its hash was known. */
  #takeFound(): void {
    for (const piece of this.#verifier.takeVerified?.() ?? []) {
      if (this.#verified.has(piece) || this.assembly.has(piece)) continue
      this.#verified.add(piece)
      this.#found.push(piece)
    }
  }

  /** Frees a piece that came to nothing as soon as neither a peer nor the disk uses its memory. */
  #free(open: OpenPiece): void {
    if (open.leases === 0 && open.runs === 0 && open.busy.size === 0) open.free()
  }

  /** A wrong piece whose blocks can be told apart: said when the disk is through with what it has of it. */
  #doubt(open: OpenPiece): void {
    if (open.runs > 0 || open.busy.size > 0 || this.#doubtful.includes(open.piece)) return
    this.#doubtful.push(open.piece)
    this.#on.work()
  }

  /** A whole piece came to nothing. */
  #giveUp(open: OpenPiece): void {
    open.doubtful = false
    open.gone = true
    this.digests.judged(open)
    this.writer.drop(open.piece)
    // Not before the bytes of it are known: the next ones to come take their place on the disk.
    this.digests.after(open.piece, () => {
      this.assembly.close(open)
      this.#free(open)
      this.#failed.push(open.piece)
      this.#on.work()
    })
  }

  /** No data can be right: the piece goes, without blame for anyone, and the store stops. */
  #contradicted(open: OpenPiece): void {
    open.gone = true
    open.matched = false
    this.assembly.close(open)
    this.writer.drop(open.piece)
    this.#free(open)
  }
}
