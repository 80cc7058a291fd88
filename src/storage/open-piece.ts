/**
 * A piece that is being put together: the state of its blocks and the memory they go to.
 *
 * A block is free -> leased (someone writes it) -> received, or back to free when the lease is given
 * back unfilled. A pad block needs no bytes from anyone.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import type { SlabPool } from './slab.js'
import type { PieceHash } from './verifier.js'

export const FREE = 0
export const LEASED = 1
export const RECEIVED = 2
export const PAD = 3

export class OpenPiece {
  readonly piece: number
  /** Bytes. */
  readonly size: number
  readonly blockCount: number
  readonly states: Uint8Array
  /** Memory of the piece in runs of one cell each; made when the first block of the run is placed. */
  readonly cells: (Uint8Array | undefined)[]
  readonly hash: PieceHash
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

  constructor(piece: number, size: number, hash: PieceHash, pool: SlabPool) {
    this.piece = piece
    this.size = size
    this.hash = hash
    this.#pool = pool
    this.blockCount = Math.ceil(size / BLOCK_LENGTH)
    this.states = new Uint8Array(this.blockCount)
    this.cells = new Array<Uint8Array | undefined>(Math.ceil(size / pool.cellLength)).fill(undefined)
    this.missing = this.blockCount
  }

  /** The memory of `length` bytes from `begin`, which lie in one cell. */
  memory(begin: number, length: number): Uint8Array {
    const { cellLength } = this.#pool
    const index = Math.floor(begin / cellLength)
    const start = begin - index * cellLength
    return this.cell(index).subarray(start, start + length)
  }

  cell(index: number): Uint8Array {
    let cell = this.cells[index]
    if (!cell) {
      cell = this.#pool.take()
      this.cells[index] = cell
    }
    return cell
  }

  /** True when `data` is the piece's own memory for the block at `begin`, not scratch memory. */
  owns(begin: number, data: Uint8Array): boolean {
    const { cellLength } = this.#pool
    const index = Math.floor(begin / cellLength)
    const cell = this.cells[index]
    return (
      cell !== undefined &&
      cell.buffer === data.buffer &&
      data.byteOffset === cell.byteOffset + begin - index * cellLength
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

  /** Zeros the pad bytes from `start` to `end` of the piece; blocks that hold nothing else need not arrive. */
  pad(start: number, end: number): void {
    const { cellLength } = this.#pool
    for (let at = start; at < end; ) {
      const index = Math.floor(at / cellLength)
      const stop = Math.min(end, (index + 1) * cellLength)
      this.cell(index).fill(0, at - index * cellLength, stop - index * cellLength)
      at = stop
    }
    for (let block = Math.ceil(start / BLOCK_LENGTH); block < this.blockCount; block++) {
      if (Math.min(this.size, (block + 1) * BLOCK_LENGTH) > end) break
      this.states[block] = PAD
      this.missing--
    }
    this.#advance()
  }

  /** Bytes that can be hashed: the gapless prefix. */
  get hashable(): number {
    return Math.min(this.size, this.prefix * BLOCK_LENGTH)
  }

  /** Hashes up to `limit` bytes of the prefix; gives how many. */
  hashSome(limit: number): number {
    const target = Math.min(this.hashable, this.hashed + limit)
    const from = this.hashed
    const { cellLength } = this.#pool
    while (this.hashed < target) {
      const index = Math.floor(this.hashed / cellLength)
      const start = index * cellLength
      const end = Math.min(target, start + cellLength)
      this.hash.update((this.cells[index] as Uint8Array).subarray(this.hashed - start, end - start))
      this.hashed = end
    }
    return target - from
  }

  /** The bytes from `start` to `end` of the piece, in one chunk for each cell. */
  chunks(start: number, end: number): Uint8Array[] {
    const chunks: Uint8Array[] = []
    const { cellLength } = this.#pool
    for (let at = start; at < end; ) {
      const index = Math.floor(at / cellLength)
      const stop = Math.min(end, (index + 1) * cellLength)
      chunks.push(
        (this.cells[index] as Uint8Array).subarray(at - index * cellLength, stop - index * cellLength),
      )
      at = stop
    }
    return chunks
  }

  /** Gives the memory back. Only with no lease open. */
  free(): void {
    for (let i = 0; i < this.cells.length; i++) {
      const cell = this.cells[i]
      if (cell) this.#pool.give(cell)
      this.cells[i] = undefined
    }
  }

  #advance(): void {
    while (this.prefix < this.blockCount && (this.states[this.prefix] as number) >= RECEIVED) this.prefix++
  }
}
