/**
 * Large pieces in bounded memory. What is hashed goes to the disk before the piece is whole and frees its
 * memory; when the budget is used up all the same, blocks that the hash has not reached go there too, and
 * are read back when it gets to them. None of that counts as verified before the whole piece is.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import type { StorageError } from './error.js'
import { LEASED, type OpenPiece, RECEIVED, SPILLED } from './open-piece.js'
import type { Placement } from './placement.js'
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
  readonly #placement: Placement
  readonly #writer: Writer
  readonly #pool: SlabPool
  readonly #budget: number
  readonly #on: SpillEvents
  /** Bytes on their way out under pressure. */
  #leaving = 0
  /** Pieces whose read failed: the user has to repair something first. */
  readonly #stuck = new Set<OpenPiece>()

  constructor(placement: Placement, writer: Writer, pool: SlabPool, budget: number, on: SpillEvents) {
    this.#placement = placement
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
    return this.#pool.used - this.#leaving > this.#budget
  }

  /** Sends cells that the hash will not reach soon to the disk, until a quarter of the budget is free. */
  relieve(pieces: Iterable<OpenPiece>): void {
    for (const open of pieces) {
      for (let index = open.cells.length - 1; index > open.hashCell; index--) {
        if (this.#pool.used - this.#leaving <= this.#budget * 0.75) return
        if (open.cells[index] && !open.busy.has(index) && this.#isIdle(open, index)) this.#send(open, index)
      }
    }
  }

  /** Reads back what the hash needs next; `progress` follows. */
  async load(open: OpenPiece): Promise<void> {
    const index = open.hashCell
    if (open.busy.has(index)) return
    open.busy.add(index)
    const base = open.piece * this.#placement.layout.pieceLength
    const { first, end } = open.blocksOf(index)
    try {
      for (let block = first; block < end; block++) {
        if (open.states[block] !== SPILLED) continue
        let stop = block + 1
        while (stop < end && open.states[stop] === SPILLED) stop++
        const start = block * BLOCK_LENGTH
        const length = Math.min(open.size, stop * BLOCK_LENGTH) - start
        await this.#placement.read(base + start, open.memory(start, length))
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
      position: open.piece * this.#placement.layout.pieceLength + start,
      length: end - start,
      chunks,
      done: () => {
        for (let i = 0; i < chunks.length; i++) open.freeCell(first + i)
        open.runs--
        this.#on.progress(open)
      },
    })
  }

  /** True when nobody writes to a cell and there is something in it. */
  #isIdle(open: OpenPiece, index: number): boolean {
    const { first, end } = open.blocksOf(index)
    let received = false
    for (let block = first; block < end; block++) {
      if (open.states[block] === LEASED) return false
      if (open.states[block] === RECEIVED) received = true
    }
    return received
  }

  #send(open: OpenPiece, index: number): void {
    const { first, end } = open.blocksOf(index)
    const base = open.piece * this.#placement.layout.pieceLength
    open.busy.add(index)
    let pending = 0
    let lost = false
    const sent: number[] = []
    for (let block = first; block < end; block++) {
      if (open.states[block] !== RECEIVED) continue
      let stop = block + 1
      while (stop < end && open.states[stop] === RECEIVED) stop++
      const from = block
      const start = block * BLOCK_LENGTH
      const length = Math.min(open.size, stop * BLOCK_LENGTH) - start
      block = stop
      pending++
      open.runs++
      this.#leaving += length
      const done = (dropped: boolean): void => {
        this.#leaving -= length
        open.runs--
        pending--
        lost ||= dropped
        for (let at = from; at < stop; at++) sent.push(at)
        if (pending === 0) this.#sent(open, index, lost ? [] : sent)
      }
      this.#writer.addRun({
        piece: open.piece,
        position: base + start,
        length,
        chunks: [open.memory(start, length)],
        done,
      })
    }
  }

  /** Frees a cell that is on the disk, unless blocks have come into it meanwhile. */
  #sent(open: OpenPiece, index: number, blocks: readonly number[]): void {
    open.busy.delete(index)
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
