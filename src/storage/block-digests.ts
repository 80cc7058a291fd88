/**
 * What the blocks of failed pieces were, so that those who sent them can be told apart: digests of each
 * block of a piece that fails, and of the same piece when it is right in the end. Blocks of a large piece
 * that went to the disk before it was judged are read back for it. Pieces that pass at once cost nothing.
 * @module
 */

import { sha1 } from '#hash'
import { BLOCK_LENGTH } from '../metainfo/layout.js'
import { type OpenPiece, RECEIVED } from './open-piece.js'

/** Pieces whose digests wait to be taken. */
const MAX_KEPT = 32
/** Failed pieces that are looked at again when they pass. */
const MAX_WRONG = 4_096

export class BlockDigests {
  /** Reads bytes of a piece back from the disk. */
  readonly #read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  /** Pieces that failed and have not passed yet. */
  readonly #wrong: Set<number> = new Set()
  readonly #kept: Map<number, (Uint8Array | undefined)[]> = new Map()
  /** Pieces of which something is read back. */
  readonly #reading: Map<number, Promise<void>> = new Map()

  constructor(read: (piece: number, begin: number, into: Uint8Array) => Promise<void>) {
    this.#read = read
  }

  /** A piece was found right (`matched`) or wrong; its memory is still there, or its bytes are on the disk. */
  judged(open: OpenPiece): void {
    const { piece, matched } = open
    if (!this.#wrong.delete(piece) && matched) return
    if (!matched) {
      this.#wrong.add(piece)
      if (this.#wrong.size > MAX_WRONG) dropOldest(this.#wrong)
    }
    const { digests, away } = examine(open)
    this.#kept.delete(piece)
    this.#kept.set(piece, digests)
    if (this.#kept.size > MAX_KEPT) dropOldest(this.#kept)
    if (away.length === 0) return
    const reading = this.#readBack(open, away, digests).finally(() => this.#reading.delete(piece))
    this.#reading.set(piece, reading)
  }

  /** Calls when all that there is to know of a judged piece is known: at once, unless its bytes have to be read back first. */
  after(piece: number, then: () => void): void {
    const reading = this.#reading.get(piece)
    if (reading) void reading.then(then)
    else then()
  }

  take(piece: number): (Uint8Array | undefined)[] | undefined {
    const digests = this.#kept.get(piece)
    this.#kept.delete(piece)
    return digests
  }

  /** Cell by cell. What cannot be read stays unknown. */
  async #readBack(
    { piece, size, cellLength }: OpenPiece,
    away: readonly number[],
    digests: (Uint8Array | undefined)[],
  ): Promise<void> {
    const buffer = new Uint8Array(cellLength)
    const perCell = cellLength / BLOCK_LENGTH
    for (let at = 0; at < away.length; ) {
      const cell = Math.floor((away[at] as number) / perCell)
      const begin = cell * cellLength
      const bytes = buffer.subarray(0, Math.min(cellLength, size - begin))
      try {
        await this.#read(piece, begin, bytes)
      } catch {
        return
      }
      for (; at < away.length && Math.floor((away[at] as number) / perCell) === cell; at++) {
        const block = away[at] as number
        const from = block * BLOCK_LENGTH - begin
        digests[block] = sha1(bytes.subarray(from, from + BLOCK_LENGTH))
      }
    }
  }
}

/** Digests of the blocks in memory, and which ones are on the disk only. */
function examine(open: OpenPiece): { digests: (Uint8Array | undefined)[]; away: number[] } {
  const digests = new Array<Uint8Array | undefined>(open.blockCount).fill(undefined)
  const away: number[] = []
  for (let block = 0; block < open.blockCount; block++) {
    if (open.states[block] !== RECEIVED) continue
    const begin = block * BLOCK_LENGTH
    const inMemory = open.cells[Math.floor(begin / open.cellLength)] !== undefined
    if (inMemory) digests[block] = sha1(open.memory(begin, Math.min(BLOCK_LENGTH, open.size - begin)))
    else away.push(block)
  }
  return { digests, away }
}

function dropOldest(entries: Set<number> | Map<number, unknown>): void {
  const oldest = entries.keys().next()
  if (!oldest.done) entries.delete(oldest.value)
}
