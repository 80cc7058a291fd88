/**
 * One attempt at the metadata: blocks of an agreed size from one or many peers (BEP 9).
 *
 * | a block is | next |
 * |---|---|
 * | never asked for | asked for, in order |
 * | asked for | here; or after its time is up, a reject or the peer's end: to be asked for again |
 * | to be asked for again | asked for, before those never asked for |
 * @module
 */

import { METADATA_BLOCK } from './message.js'

/** ms after which a block is asked of another peer too (libtorrent). */
const PATIENCE = 3_000

export class MetadataAttempt<K> {
  /** Bytes of the whole. */
  readonly size: number
  /** Whose blocks it holds. */
  readonly sources: Set<K> = new Set()
  /** Bytes held. */
  held = 0
  /** Time (ms) of the last block. */
  progressAt: number
  readonly #blocks = new Map<number, Uint8Array>()
  /** Missing blocks that were asked for, by time, oldest first. */
  readonly #asked = new Map<number, number>()
  readonly #again = new Set<number>()
  #next = 0

  constructor(size: number, now: number) {
    this.size = size
    this.progressAt = now
  }

  get isComplete(): boolean {
    return this.held === this.size
  }

  get remaining(): number {
    return this.size - this.held
  }

  /** Number of blocks. */
  get count(): number {
    return Math.ceil(this.size / METADATA_BLOCK)
  }

  /** Bytes that a block must have. */
  blockSize(piece: number): number {
    return Math.min(METADATA_BLOCK, this.size - piece * METADATA_BLOCK)
  }

  has(piece: number): boolean {
    return this.#blocks.has(piece)
  }

  /** The block to ask for now, not one of those that `skip` says; undefined when all are asked for. */
  choose(now: number, skip: (piece: number) => boolean): number | undefined {
    for (const piece of this.#again) if (!skip(piece)) return this.#ask(piece, now)
    if (this.#next < this.count) return this.#ask(this.#next++, now)
    for (const [piece, at] of this.#asked) {
      if (now - at < PATIENCE) return undefined
      if (!skip(piece)) return this.#ask(piece, now)
    }
    return undefined
  }

  /** When {@link MetadataAttempt.choose} finds a block, ms; Infinity when all are here or skipped. */
  choosableAt(skip: (piece: number) => boolean): number {
    for (const piece of this.#again) if (!skip(piece)) return 0
    if (this.#next < this.count) return 0
    for (const [piece, at] of this.#asked) if (!skip(piece)) return at + PATIENCE
    return Number.POSITIVE_INFINITY
  }

  /** A request came to nothing. */
  release(piece: number): void {
    if (this.#asked.delete(piece)) this.#again.add(piece)
  }

  /** Keeps a copy of a block that is not here yet. */
  add(piece: number, block: Uint8Array, source: K, now: number): void {
    this.#asked.delete(piece)
    this.#again.delete(piece)
    this.#blocks.set(piece, new Uint8Array(block))
    this.sources.add(source)
    this.held += block.length
    this.progressAt = now
  }

  /** The whole. Only when complete. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.size)
    for (const [piece, block] of this.#blocks) bytes.set(block, piece * METADATA_BLOCK)
    return bytes
  }

  /** Forgets every block. */
  clear(): void {
    this.held = 0
    this.sources.clear()
    this.#blocks.clear()
    this.#asked.clear()
    this.#again.clear()
    this.#next = 0
  }

  #ask(piece: number, now: number): number {
    this.#again.delete(piece)
    this.#asked.delete(piece)
    this.#asked.set(piece, now)
    return piece
  }
}
