/**
 * Which files are whole: every piece that holds bytes of them is verified.
 * @module
 */

import type { Metainfo } from '../../metainfo/model.js'
import type { Bitfield } from '../../util/bitfield.js'
import type { Selection } from './selection.js'

export class FileCompletion {
  readonly #metainfo: Metainfo
  readonly #selection: Selection
  /** By file, pads included: its pieces that are not verified. */
  readonly #missing: Uint32Array
  /** By file: it was reported, or whole and wanted from the start. */
  readonly #told: Uint8Array
  /** By file: its index in `torrent.files`, which has no pads. */
  readonly #index: Uint32Array

  /** Starts from the pieces that are there. */
  constructor(metainfo: Metainfo, selection: Selection, have: Bitfield) {
    const { layout, files } = metainfo
    this.#metainfo = metainfo
    this.#selection = selection
    this.#missing = new Uint32Array(files.length)
    this.#told = new Uint8Array(files.length)
    this.#index = new Uint32Array(files.length)
    let index = 0
    for (const [file, { pad }] of files.entries()) this.#index[file] = pad ? index : index++
    const before = new Uint32Array(layout.pieceCount + 1)
    for (let piece = 0; piece < layout.pieceCount; piece++)
      before[piece + 1] = (before[piece] as number) + (have.has(piece) ? 0 : 1)
    for (let file = 0; file < files.length; file++) {
      const span = layout.piecesOf(file)
      if (span) this.#missing[file] = (before[span.last + 1] as number) - (before[span.first] as number)
    }
    this.newlyWhole()
  }

  /** A piece was verified: the files that are whole by it and wanted, by their index in `torrent.files`. */
  verified(piece: number): number[] {
    const whole: number[] = []
    this.#filesIn(piece, (file) => {
      const missing = (this.#missing[file] as number) - 1
      this.#missing[file] = missing
      if (missing === 0 && this.#tell(file)) whole.push(this.#index[file] as number)
    })
    return whole
  }

  /** A verified piece is no longer there. */
  lost(piece: number): void {
    this.#filesIn(piece, (file) => {
      this.#missing[file] = (this.#missing[file] as number) + 1
      this.#told[file] = 0
    })
  }

  /** Whole files that were not reported, after others were wanted. */
  newlyWhole(): number[] {
    const whole: number[] = []
    for (let file = 0; file < this.#missing.length; file++)
      if (this.#missing[file] === 0 && this.#tell(file)) whole.push(this.#index[file] as number)
    return whole
  }

  #tell(file: number): boolean {
    if (this.#told[file] === 1 || this.#selection.priority(file) === 0) return false
    this.#told[file] = 1
    return true
  }

  #filesIn(piece: number, each: (file: number) => void): void {
    const { layout } = this.#metainfo
    const begin = piece * layout.pieceLength
    const end = begin + layout.pieceSize(piece)
    for (let file = layout.fileAt(begin); file < layout.files.length; file++) {
      if ((layout.offsets[file] as number) >= end) return
      if ((layout.files[file]?.length ?? 0) > 0) each(file)
    }
  }
}
