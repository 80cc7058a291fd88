/**
 * Large pieces in bounded memory. What is hashed goes to the disk before the piece is whole and frees its
 * memory; when the budget is used up all the same, blocks that the hash has not reached go there too, and
 * are read back when it gets to them. None of that counts as verified before the whole piece is.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import type { StorageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import { LEASED, type OpenPiece, RECEIVED, SPILLED } from './open-piece.js'
import { SLAB_LENGTH, type SlabPool } from './slab.js'
import type { Writer } from './writer.js'

/** Pieces above this length spill: 4 MiB, of which the default budget has 16 open at once. */
export const SPILL_ABOVE = 4_194_304

/** Memory of a spilling piece is taken and freed in cells of 256 KiB: few enough to scan, small enough to have one at every place that peers write to. */
export const SPILL_CELL = 262_144

export interface SpillEvents {
  /** The disk is through with a cell of the piece: the hash may go on, or the piece may be done. */
  progress(piece: OpenPiece): void
  failed(error: StorageError): void
}

export class Spill {
  readonly #mapping: FileMapping
  readonly #writer: Writer
  readonly #pool: SlabPool
  readonly #budget: () => number
  readonly #on: SpillEvents
  /** Memory that will be free when the disk has what is in it. */
  #leaving = 0
  /** Pieces whose read failed: the user has to repair something first. */
  readonly #stuck = new Set<OpenPiece>()

  constructor(mapping: FileMapping, writer: Writer, pool: SlabPool, budget: () => number, on: SpillEvents) {
    this.#mapping = mapping
    this.#writer = writer
    this.#pool = pool
    this.#budget = budget
    this.#on = on
  }

  /** Queues hashed cells in runs of 1 MiB, and the rest when the piece is whole and right. */
  flush(open: OpenPiece): void {
    const whole = open.matched
    for (;;) {
      const end = Math.min(open.size, open.flushed + SLAB_LENGTH)
      if (end === open.flushed || end > open.hashed || (end === open.size && !whole)) return
      this.#queueHashed(open, open.flushed, end)
    }
  }

  /** True when more memory is in use than the budget allows, beside what is leaving already. */
  get isPressed(): boolean {
    return this.#pool.used - this.#leaving > this.#budget()
  }

  /**
   * Sends cells that the hash will not reach soon to the disk until a quarter of the budget is free, those
   * with the most blocks first: whole ones are sure to free their memory.
   */
  relieve(pieces: Iterable<OpenPiece>): void {
    const candidates: { open: OpenPiece; index: number; blocks: number }[] = []
    for (const open of pieces) {
      for (let index = open.hashCell + 1; index < open.cells.length; index++) {
        if (!open.cells[index] || open.busy.has(index)) continue
        const blocks = this.#idleBlocks(open, index)
        if (blocks > 0) candidates.push({ open, index, blocks })
      }
    }
    candidates.sort((a, b) => b.blocks - a.blocks)
    for (const { open, index } of candidates) {
      if (this.#pool.used - this.#leaving <= this.#budget() * 0.75) return
      this.#send(open, index)
    }
  }

  /** Reads back what the hash needs next; `progress` follows. */
  async load(open: OpenPiece): Promise<void> {
    const index = open.hashCell
    if (open.busy.has(index)) return
    open.busy.add(index)
    const base = open.piece * this.#mapping.layout.pieceLength
    const { first, end } = open.blocksOf(index)
    try {
      for (let block = first; block < end; block++) {
        if (open.states[block] !== SPILLED) continue
        let stop = block + 1
        while (stop < end && open.states[stop] === SPILLED) stop++
        const start = block * BLOCK_LENGTH
        const length = Math.min(open.size, stop * BLOCK_LENGTH) - start
        await this.#mapping.read(base + start, open.memory(start, length))
        for (; block < stop; block++) open.states[block] = RECEIVED
      }
    } catch (error) {
      open.busy.delete(index)
      this.#stuck.add(open)
      this.#on.failed(error as StorageError)
      return
    }
    open.busy.delete(index)
    this.#on.progress(open)
  }

  /** Goes on after an error. */
  retry(): void {
    const stuck = [...this.#stuck]
    this.#stuck.clear()
    for (const open of stuck) this.#on.progress(open)
  }

  #queueHashed(open: OpenPiece, start: number, end: number): void {
    const chunks = open.chunks(start, end)
    const first = Math.floor(start / open.cellLength)
    open.flushed = end
    open.runs++
    this.#writer.addRun({
      piece: open.piece,
      position: open.piece * this.#mapping.layout.pieceLength + start,
      length: end - start,
      chunks,
      done: () => {
        for (let i = 0; i < chunks.length; i++) open.freeCell(first + i)
        open.runs--
        this.#on.progress(open)
      },
    })
  }

  /** Blocks that came into a cell, 0 while a write to it is under way. */
  #idleBlocks(open: OpenPiece, index: number): number {
    const { first, end } = open.blocksOf(index)
    let received = 0
    for (let block = first; block < end; block++) {
      if (open.states[block] === LEASED) return 0
      if (open.states[block] === RECEIVED) received++
    }
    return received
  }

  #send(open: OpenPiece, index: number): void {
    const { first, end } = open.blocksOf(index)
    const base = open.piece * this.#mapping.layout.pieceLength
    const sent: number[] = []
    let pending = 0
    let lost = false
    open.busy.add(index)
    this.#leaving += open.cellLength
    for (let block = first; block < end; block++) {
      if (open.states[block] !== RECEIVED) continue
      const start = block * BLOCK_LENGTH
      for (; block < end && open.states[block] === RECEIVED; block++) sent.push(block)
      const length = Math.min(open.size, block * BLOCK_LENGTH) - start
      pending++
      open.runs++
      this.#writer.addRun({
        piece: open.piece,
        position: base + start,
        length,
        chunks: [open.memory(start, length)],
        done: (dropped) => {
          open.runs--
          lost ||= dropped
          if (--pending === 0) this.#sent(open, index, lost ? [] : sent)
        },
      })
    }
  }

  /** Frees a cell that is on the disk, unless blocks have come into it meanwhile. */
  #sent(open: OpenPiece, index: number, blocks: readonly number[]): void {
    open.busy.delete(index)
    this.#leaving -= open.cellLength
    const { first, end } = open.blocksOf(index)
    const received = open.states.subarray(first, end).filter((state) => state === RECEIVED).length
    const leased = open.states.subarray(first, end).includes(LEASED)
    if (!leased && received === blocks.length && !open.gone) {
      for (const block of blocks) open.states[block] = SPILLED
      open.hasSpilled = true
      open.freeCell(index)
    }
    this.#on.progress(open)
  }
}
