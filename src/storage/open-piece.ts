/**
 * A piece that is being put together: the state of its blocks and the memory they go to.
 *
 * A block is free -> leased (someone writes it) -> received, or back to free when the lease is given
 * back unfilled; in a large piece a received block may be on the disk for a while, until the hash gets
 * there. A pad block needs no bytes from anyone. A whole piece may have to wait for its hash (`waiting`), or
 * be wrong with some of its blocks right (`doubtful`): then those that are not become free again.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import type { SlabPool } from './slab.js'
import type { PieceHash, Verifier } from './verifier.js'

export const FREE = 0
export const LEASED = 1
export const RECEIVED = 2
export const PAD = 3
/** Received, and its bytes are on the disk only. */
export const SPILLED = 4

const NEVER_BUSY: Set<number> = new Set()

export class OpenPiece {
  readonly piece: number
  /** Bytes. */
  readonly size: number
  readonly blockCount: number
  readonly states: Uint8Array
  /** Memory of the piece in runs of one cell each; made when the first block of the run is placed. */
  readonly cells: (Uint8Array | undefined)[]
  readonly cellLength: number
  readonly #verifier: Verifier
  #hash: PieceHash | undefined
  #isRight: boolean | undefined
  /** Start and end of each pad in the piece, in order. */
  readonly #pads: readonly number[]
  readonly #pool: SlabPool
  /** Blocks that are neither received nor pads. */
  missing: number
  /** Open leases on the memory of the cells. */
  leases = 0
  /** Blocks received without a gap from the start. */
  prefix = 0
  /** Bytes hashed from the start. */
  hashed = 0
  /** True while it waits for its turn to be hashed. */
  queued = false
  /** Turn in which it was verified. */
  readyAt = 0
  /** Bytes from the start that are written, or queued to be (large pieces only). */
  flushed = 0
  /** Runs of it in the writer (large pieces only). */
  runs = 0
  /** Cells whose memory the disk is busy with: the hash must not pass, the cell must not be freed. */
  readonly busy: Set<number>
  /** True once any block of the piece was spilled. */
  hasSpilled = false
  /** True once its hash was right. */
  matched = false
  /** True once it was abandoned or its hash was wrong. */
  gone = false
  /** True while it is hashed and nobody knows what its hash should be. */
  waiting = false
  /** True while its hash is wrong and the hashes of its blocks may tell which of them are right. */
  doubtful = false

  constructor(piece: number, size: number, verifier: Verifier, pool: SlabPool, pads: readonly number[] = []) {
    this.piece = piece
    this.size = size
    this.#verifier = verifier
    this.#pool = pool
    this.#pads = pads
    this.cellLength = pool.cellLength
    this.blockCount = Math.ceil(size / BLOCK_LENGTH)
    this.states = new Uint8Array(this.blockCount)
    // A piece of one cell never spills: it needs no set of its own.
    this.busy = size > pool.cellLength ? new Set() : NEVER_BUSY
    this.cells = new Array<Uint8Array | undefined>(Math.ceil(size / pool.cellLength)).fill(undefined)
    this.missing = this.blockCount
    for (let i = 0; i < pads.length; i += 2) this.#pad(pads[i] as number, pads[i + 1] as number)
    this.#advance()
  }

  /** The memory of `length` bytes from `begin`, which lie in one cell. */
  memory(begin: number, length: number): Uint8Array {
    const index = Math.floor(begin / this.cellLength)
    const start = begin - index * this.cellLength
    return this.cell(index).subarray(start, start + length)
  }

  /** The cell, made if need be, pads zeroed. */
  cell(index: number): Uint8Array {
    return this.cells[index] ?? this.#makeCell(index)
  }

  /** True when `data` is the piece's own memory for the block at `begin`, not scratch memory. */
  owns(begin: number, data: Uint8Array): boolean {
    const index = Math.floor(begin / this.cellLength)
    const cell = this.cells[index]
    return (
      cell !== undefined &&
      cell.buffer === data.buffer &&
      data.byteOffset === cell.byteOffset + begin - index * this.cellLength
    )
  }

  /** Marks a block that has arrived; true when that made the gapless prefix longer. */
  receive(block: number): boolean {
    this.states[block] = RECEIVED
    this.missing--
    if (block !== this.prefix) return false
    this.#advance()
    return true
  }

  /** Bytes that could be hashed: the gapless prefix. */
  get hashable(): number {
    return Math.min(this.size, this.prefix * BLOCK_LENGTH)
  }

  /** Index of the cell that the hash goes to next. */
  get hashCell(): number {
    return Math.floor(this.hashed / this.cellLength)
  }

  /** Hashes up to `limit` bytes of the prefix, as far as they are in memory; gives how many. */
  hashSome(limit: number): number {
    const target = Math.min(this.hashable, this.hashed + limit)
    const from = this.hashed
    while (this.hashed < target) {
      const index = this.hashCell
      if (this.isAway(index)) break
      const start = index * this.cellLength
      const end = Math.min(target, start + this.cellLength)
      const bytes = this.cell(index).subarray(this.hashed - start, end - start)
      if (bytes.length === this.size && this.#verifier.knows?.(this.piece) !== false)
        this.#isRight = this.#verifier.verify(this.piece, bytes)
      else {
        this.#hash ??= this.#verifier.start(this.piece)
        this.#hash.update(bytes)
      }
      this.hashed = end
    }
    return this.hashed - from
  }

  /** True when the hash, which has gone through the whole piece, is right. */
  matches(): boolean {
    return this.#isRight ?? this.#hash?.matches() ?? false
  }

  /** The hash of each block, 32 bytes, of a piece whose hash is wrong; undefined where pieces have but one hash. */
  leaves(): Uint8Array | undefined {
    if (!this.#hash) {
      // Judged in one go: it is all in one cell.
      this.#hash = this.#verifier.start(this.piece)
      if (this.#hash.leaves) this.#hash.update(this.cell(0).subarray(0, this.size))
    }
    return this.#hash.leaves?.()
  }

  /** Frees the blocks of a whole piece that are wrong, and hashes anew from the start when others came for them. */
  reopen(wrong: readonly number[]): void {
    for (const block of wrong) this.states[block] = FREE
    this.missing = wrong.length
    for (let block = 0; block < this.blockCount; block++) {
      if (this.states[block] !== RECEIVED) continue
      if (this.cells[Math.floor((block * BLOCK_LENGTH) / this.cellLength)] !== undefined) continue
      this.states[block] = SPILLED
      this.hasSpilled = true
    }
    this.#hash = undefined
    this.#isRight = undefined
    this.doubtful = false
    this.prefix = 0
    this.hashed = 0
    this.flushed = 0
    this.#advance()
  }

  /** True when the hash cannot enter a cell: the disk is busy with it, or has blocks of it. */
  isAway(index: number): boolean {
    return this.busy.has(index) || (this.hasSpilled && this.#hasSpilledIn(index))
  }

  /** First and last block of a cell, the last one excluded. */
  blocksOf(index: number): { readonly first: number; readonly end: number } {
    const perCell = this.cellLength / BLOCK_LENGTH
    return { first: index * perCell, end: Math.min(this.blockCount, (index + 1) * perCell) }
  }

  /** The bytes from `start` to `end` of the piece, in one chunk for each cell. */
  chunks(start: number, end: number): Uint8Array[] {
    const chunks: Uint8Array[] = []
    for (let at = start; at < end; ) {
      const index = Math.floor(at / this.cellLength)
      const base = index * this.cellLength
      const stop = Math.min(end, base + this.cellLength)
      chunks.push(this.cell(index).subarray(at - base, stop - base))
      at = stop
    }
    return chunks
  }

  /** Gives the memory of one cell back. */
  freeCell(index: number): void {
    const cell = this.cells[index]
    if (cell) this.#pool.give(cell)
    this.cells[index] = undefined
  }

  /** Gives all memory back. Only with no lease open and no run under way. */
  free(): void {
    for (let i = 0; i < this.cells.length; i++) this.freeCell(i)
  }

  #makeCell(index: number): Uint8Array {
    const cell = this.#pool.take()
    this.cells[index] = cell
    const base = index * this.cellLength
    for (let i = 0; i < this.#pads.length; i += 2) {
      const start = Math.max(0, (this.#pads[i] as number) - base)
      const end = Math.min(this.cellLength, (this.#pads[i + 1] as number) - base)
      if (start < end) cell.fill(0, start, end)
    }
    return cell
  }

  #pad(start: number, end: number): void {
    for (let block = Math.ceil(start / BLOCK_LENGTH); block < this.blockCount; block++) {
      if (Math.min(this.size, (block + 1) * BLOCK_LENGTH) > end) break
      this.states[block] = PAD
      this.missing--
    }
  }

  #hasSpilledIn(index: number): boolean {
    const { first, end } = this.blocksOf(index)
    for (let block = first; block < end; block++) if (this.states[block] === SPILLED) return true
    return false
  }

  #advance(): void {
    while (this.prefix < this.blockCount && (this.states[this.prefix] as number) >= RECEIVED) this.prefix++
  }
}
