/**
 * Whether what is on the disk is still what was verified: the check before the start, the re-check at work,
 * the look at a file before it is read at all, and the files that turned out missing or changed.
 * @module
 */

import type { ReadWriteLock } from '../util/async/rw-lock.js'
import { Bitfield } from '../util/bitfield.js'
import { StorageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import { type CheckOptions, checkPieces } from './check.js'
import { Recheck } from './recheck.js'
import type { Verifier } from './verifier.js'
import { Watch } from './watch.js'

export interface InspectionParts {
  readonly mapping: FileMapping
  readonly verifier: Verifier
  readonly lock: ReadWriteLock
  readonly defer: (call: () => void) => void
  /** The pieces that are verified. Live. */
  readonly verified: Bitfield
  /** Large pieces of which parts are on their way to the disk, unverified. */
  readonly partial: () => Iterable<number>
  /** A checked piece is right on the disk, or is not. */
  readonly checked: (piece: number, isRight: boolean) => void
  /** A re-check found a verified piece wrong. */
  readonly lost: (piece: number) => void
  /** A re-check found a piece right that is not verified; false when it cannot be taken. */
  readonly found: (piece: number) => boolean
}

export class Inspection {
  readonly #parts: InspectionParts
  readonly #watch: Watch
  /** Until every piece was looked at again. */
  #recheck: Recheck | undefined
  #rechecking: Promise<void> | undefined
  #suspects: Bitfield | undefined
  #closed = false

  constructor(parts: InspectionParts) {
    this.#parts = parts
    this.#watch = new Watch(parts.mapping, parts.verifier, parts.verified)
  }

  /** Pieces of files that were found missing or changed and were not checked since; a copy, undefined for none. */
  get suspects(): Bitfield | undefined {
    return this.#suspects?.isEmpty === false ? this.#suspects.clone() : undefined
  }

  /** Settles when the re-check under way has ended; undefined when there is none. */
  get ended(): Promise<void> | undefined {
    return this.#rechecking
  }

  /** A file was found missing or changed. */
  suspect(path: string): void {
    const { mapping } = this.#parts
    const file = mapping.indexOf(path)
    const range = file < 0 ? undefined : mapping.layout.piecesOf(file)
    if (!range) return
    this.#suspects ??= new Bitfield(mapping.layout.pieceCount)
    for (let piece = range.first; piece <= range.last; piece++) this.#suspects.add(piece)
  }

  /** Reads verified bytes, if they still are what was verified as far as one can see. Rejects with a {@link StorageError}. */
  async read(position: number, into: Uint8Array): Promise<void> {
    const { mapping, lock } = this.#parts
    if (this.#recheck?.isOver && !this.#rechecking) this.#recheck = undefined
    const recheck = this.#recheck
    if (recheck) await recheck.before(position, into.length)
    await lock.read(async () => {
      if (!recheck) await this.#watch.look(position, into.length)
      if (this.#closed) throw new StorageError('storage/io', '', 'the storage is closed')
      await mapping.read(position, into)
    })
  }

  /** See `Store.check`. */
  async check(options: CheckOptions): Promise<Bitfield> {
    const { mapping, verifier, defer, checked } = this.#parts
    const valid = await checkPieces(mapping, verifier, defer, {
      ...options,
      onStatus: (file, modified) => this.#watch.learn(file, modified),
    })
    for (let piece = 0; piece < valid.length; piece++) {
      if (options.pieces && !options.pieces.has(piece)) continue
      this.#suspects?.delete(piece)
      this.#recheck?.known(piece)
      checked(piece, valid.has(piece))
    }
    return valid
  }

  /** See `Store.recheck`. */
  async recheck(
    options: Pick<CheckOptions, 'signal' | 'onProgress'>,
  ): Promise<{ readonly lost: number; readonly found: number }> {
    const { mapping, verifier, lock, defer, verified } = this.#parts
    const changes = { lost: 0, found: 0 }
    const recheck = new Recheck(
      {
        mapping,
        verifier,
        lock,
        defer,
        verified,
        lost: (piece) => {
          changes.lost++
          this.#parts.lost(piece)
        },
        found: (piece) => {
          if (this.#parts.found(piece)) changes.found++
        },
        judged: (piece) => this.#suspects?.delete(piece),
      },
      this.#parts.partial(),
    )
    this.#recheck = recheck
    const run = recheck.run(options)
    const ended = run.then(nothing, nothing)
    this.#rechecking = ended
    try {
      this.#watch.learnAll(await run)
      if (this.#recheck === recheck) this.#recheck = undefined
      return changes
    } finally {
      if (this.#rechecking === ended) this.#rechecking = undefined
    }
  }

  /** A part of a piece that may not be verified is about to be written. */
  writing(piece: number): void {
    this.#recheck?.writing(piece)
  }

  /** A piece was verified and written. */
  written(piece: number): void {
    this.#recheck?.known(piece)
  }

  /** Ends the re-check: it rejects soon. Nothing is read any more. */
  close(): void {
    this.#closed = true
    this.#recheck?.close()
  }
}

function nothing(): void {}
