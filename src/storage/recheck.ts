/**
 * Verifies again what is on the disk while peers read it and add to it.
 *
 * | the piece is | bytes are right | wrong or gone |
 * |---|---|---|
 * | verified | stays | lost |
 * | not there | found | |
 * | being put together | found, unless bytes of it are on their way to the disk | |
 * | written since the re-check began | not looked at | not looked at |
 *
 * Nothing that was not looked at yet is read for anybody before it was: files that are known to differ from
 * what they were hold no bytes that can be trusted. That stays so when a re-check is given up half way.
 * @module
 */

import type { ReadWriteLock } from '../util/async/rw-lock.js'
import { Bitfield } from '../util/bitfield.js'
import { StorageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import { type CheckOptions, checkPieces, isPieceRight } from './check.js'
import type { Verifier } from './verifier.js'

/** What a read rejects with when a piece under it was found to be lost: whoever reads is to look again. */
export const PIECE_LOST: StorageError = new StorageError('storage/missing', '', 'a piece of it was lost')

export interface RecheckParts {
  readonly mapping: FileMapping
  readonly verifier: Verifier
  readonly lock: ReadWriteLock
  readonly defer: (call: () => void) => void
  /** The pieces that are verified. Live. */
  readonly verified: Bitfield
  /** A piece that is verified is no longer there. */
  readonly lost: (piece: number) => void
  /** A piece that is not verified is right on the disk. */
  readonly found: (piece: number) => void
  /** The answer of the disk about a piece is known. */
  readonly judged: (piece: number) => void
}

export class Recheck {
  readonly #parts: RecheckParts
  /** Pieces that need not be looked at any more. */
  readonly #judged: Bitfield
  /** Large pieces of which unverified bytes may be on their way to the disk: what was read of them says nothing. */
  readonly #unsure: Set<number>
  readonly #looks = new Map<number, Promise<void>>()
  readonly #abort = new AbortController()

  /** `unsure`: pieces that are written to at present without being verified. */
  constructor(parts: RecheckParts, unsure: Iterable<number>) {
    this.#parts = parts
    this.#judged = new Bitfield(parts.verified.length)
    this.#unsure = new Set(unsure)
  }

  /** True when every piece was looked at. */
  get isOver(): boolean {
    return this.#judged.isFull
  }

  /** Looks at all pieces. Rejects as `Store.check` does; gives each file's time of change, as it was before. */
  async run(options: Pick<CheckOptions, 'signal' | 'onProgress'>): Promise<(number | undefined)[]> {
    const { mapping, verifier, lock, defer } = this.#parts
    const modified: (number | undefined)[] = []
    const { signal } = this.#abort
    const right = await checkPieces(mapping, verifier, defer, {
      signal: options.signal ? AbortSignal.any([options.signal, signal]) : signal,
      read: (position, into) => lock.read(() => mapping.read(position, into)),
      onStatus: (file, at) => {
        modified[file] = at
      },
      onProgress: (piece, isRight) => {
        this.#judge(piece, isRight)
        options.onProgress?.(piece, isRight)
      },
    })
    // Some are found right when the hashes of all are compared (v2), and some could not be taken before.
    for (const piece of right) this.#find(piece)
    return modified
  }

  /**
   * Call before verified bytes are read. Looks at the pieces that were not looked at yet, and rejects with
   * {@link PIECE_LOST} when one of them is lost.
   */
  async before(position: number, length: number): Promise<void> {
    const { mapping, verified } = this.#parts
    const { pieceLength } = mapping.layout
    const last = Math.floor((position + length - 1) / pieceLength)
    let isLost = false
    for (let piece = Math.floor(position / pieceLength); piece <= last; piece++) {
      if (!this.#judged.has(piece)) await this.#look(piece)
      isLost ||= !verified.has(piece)
    }
    if (isLost) throw PIECE_LOST
  }

  /** A piece was verified and written, or checked otherwise: it is what it should be. */
  known(piece: number): void {
    this.#judged.add(piece)
    this.#parts.judged(piece)
  }

  /** Bytes of a piece that is not verified are about to be written. */
  writing(piece: number): void {
    this.#unsure.add(piece)
  }

  /** Ends the run: it rejects soon. */
  close(): void {
    this.#abort.abort(new StorageError('storage/io', '', 'the storage is closed'))
  }

  /** One look for all who wait for it. */
  #look(piece: number): Promise<void> {
    let look = this.#looks.get(piece)
    if (!look) {
      look = this.#lookNow(piece).finally(() => this.#looks.delete(piece))
      this.#looks.set(piece, look)
    }
    return look
  }

  async #lookNow(piece: number): Promise<void> {
    const { mapping, verifier, lock } = this.#parts
    this.#judge(piece, await lock.read(() => isPieceRight(mapping, verifier, piece)))
  }

  #judge(piece: number, isRight: boolean): void {
    // Whatever was read before it was written, or looked at by another, is old.
    if (this.#judged.has(piece)) return
    this.#judged.add(piece)
    this.#parts.judged(piece)
    if (isRight) this.#find(piece)
    else if (this.#parts.verified.has(piece)) this.#parts.lost(piece)
  }

  #find(piece: number): void {
    if (!this.#parts.verified.has(piece) && !this.#unsure.has(piece)) this.#parts.found(piece)
  }
}
