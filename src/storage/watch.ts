/**
 * Notices that another program changes the files we seed. A finished file whose time of change is not what
 * it was is served on only after the pieces asked for were hashed again.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'
import { StorageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import { isPieceRight } from './check.js'
import { SLAB_LENGTH } from './slab.js'
import type { Verifier } from './verifier.js'

/** Bytes read from a file between two looks at its status: a stat for every 16 MiB costs nothing. */
const LOOK_EVERY = 16 * SLAB_LENGTH

interface Watched {
  /** Time of change when it was known to be good. */
  modified: number | undefined
  /** Bytes that may be read before the next look. */
  left: number
  /** Pieces hashed again since it changed, undefined while it has not. */
  rechecked: Set<number> | undefined
}

export class Watch {
  readonly #mapping: FileMapping
  readonly #verifier: Verifier
  readonly #verified: Bitfield
  readonly #files = new Map<number, Watched>()

  constructor(mapping: FileMapping, verifier: Verifier, verified: Bitfield) {
    this.#mapping = mapping
    this.#verifier = verifier
    this.#verified = verified
  }

  /** After a check: what is on the disk now is what was verified. */
  learn(file: number, modified: number | undefined): void {
    this.#files.set(file, { modified, left: 0, rechecked: undefined })
  }

  /**
   * After a re-check beside which files were written: their times of change, as they were before it, are those
   * of whole files; whatever is not whole is looked at again when it is.
   */
  learnAll(modified: readonly (number | undefined)[]): void {
    this.#files.clear()
    for (let file = 0; file < modified.length; file++)
      if (this.#isComplete(file)) this.learn(file, modified[file])
  }

  /**
   * Call before verified bytes are read. Rejects with `storage/missing` when a file is gone or too short,
   * with `storage/changed` when it was altered and the bytes are no longer those of the torrent.
   */
  async look(position: number, length: number): Promise<void> {
    const { layout } = this.#mapping
    for (let file = layout.fileAt(position); (layout.offsets[file] ?? Infinity) < position + length; file++) {
      if (!this.#mapping.isOwnPlace(file) || !this.#isComplete(file)) continue
      const watched = this.#files.get(file)
      if (watched && watched.left > 0) watched.left -= length
      else await this.#lookAt(file)
      if (this.#files.get(file)?.rechecked) await this.#recheck(file, position, length)
    }
  }

  async #lookAt(file: number): Promise<void> {
    const status = await this.#mapping.status(file)
    const path = this.#mapping.pathOf(file)
    if (status.length < (this.#mapping.layout.files[file]?.length ?? 0)) {
      this.#files.delete(file)
      const now = status.length < 0 ? 'is gone' : `has only ${status.length} bytes`
      throw new StorageError('storage/missing', path, `${path} ${now}`)
    }
    const known = this.#files.get(file)
    const watched = known ?? { modified: status.modified, left: 0, rechecked: undefined }
    watched.left = LOOK_EVERY
    if (watched.modified !== undefined && watched.modified !== status.modified) watched.rechecked = new Set()
    watched.modified ??= status.modified
    if (watched.rechecked) watched.modified = status.modified
    this.#files.set(file, watched)
  }

  async #recheck(file: number, position: number, length: number): Promise<void> {
    const { layout } = this.#mapping
    const first = Math.floor(position / layout.pieceLength)
    const last = Math.floor((position + length - 1) / layout.pieceLength)
    for (let piece = first; piece <= last; piece++) {
      const rechecked = this.#files.get(file)?.rechecked
      if (!rechecked || rechecked.has(piece)) continue
      if (!(await isPieceRight(this.#mapping, this.#verifier, piece))) {
        const path = this.#mapping.pathOf(file)
        throw new StorageError(
          'storage/changed',
          path,
          `${path} was changed: piece ${piece} is no longer valid`,
        )
      }
      rechecked.add(piece)
    }
  }

  #isComplete(file: number): boolean {
    const range = this.#mapping.layout.piecesOf(file)
    if (!range) return false
    const missing = this.#verified.nextMissing(range.first)
    return missing < 0 || missing > range.last
  }
}
