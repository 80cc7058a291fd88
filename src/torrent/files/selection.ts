/**
 * File priorities and what they mean for pieces: a piece is as urgent as the most urgent file in it.
 * @module
 */

import type { Metainfo } from '../../metainfo/model.js'
import type { Bitfield } from '../../util/bitfield.js'

/** Priority of a file that nobody spoke of. */
export const NORMAL = 4

export class Selection {
  /** Bytes of the pieces that hold anything wanted, and those of them that are not verified. */
  wantedBytes = 0
  leftBytes = 0
  readonly #metainfo: Metainfo
  readonly #priorities: Uint8Array
  /** Pieces asked for by number, and by how many. */
  readonly #asked = new Map<number, number>()
  #pieces: Uint8Array = new Uint8Array(0)

  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo
    this.#priorities = Uint8Array.from(metainfo.files, (file) => (file.pad ? 0 : NORMAL))
  }

  /** 0 (not wanted) .. 7. */
  priority(file: number): number {
    return this.#priorities[file] ?? 0
  }

  /** Throws RangeError for anything but an integer in 0 .. 7. */
  set(file: number, priority: number): void {
    if (!Number.isInteger(priority) || priority < 0 || priority > 7) {
      throw new RangeError(`priority must be an integer in 0 .. 7, got ${priority}`)
    }
    this.#priorities[file] = priority
  }

  /** Wants exactly these files. */
  only(files: readonly number[]): void {
    this.#priorities.fill(0)
    for (const file of files) if (this.#metainfo.files[file]?.pad === false) this.#priorities[file] = NORMAL
  }

  /** Wants a piece whatever the priority of its files; returns what undoes that. */
  ask(piece: number): () => void {
    this.#asked.set(piece, (this.#asked.get(piece) ?? 0) + 1)
    return () => {
      const rest = (this.#asked.get(piece) ?? 0) - 1
      if (rest > 0) this.#asked.set(piece, rest)
      else this.#asked.delete(piece)
    }
  }

  /** True when every file is wanted. */
  get isAll(): boolean {
    return this.#metainfo.files.every((file, index) => file.pad || this.priority(index) > 0)
  }

  /** For each file, pads included: whether its bytes are wanted on disk. */
  wantedFiles(): boolean[] {
    return Array.from(this.#priorities, (priority) => priority > 0)
  }

  /** For each piece its priority, after files were chosen; counts what is left of them. */
  pieces(have: Bitfield): Uint8Array {
    const { layout } = this.#metainfo
    const pieces = new Uint8Array(layout.pieceCount)
    for (let file = 0; file < this.#priorities.length; file++) {
      const priority = this.#priorities[file] as number
      const span = layout.piecesOf(file)
      if (!span || priority === 0) continue
      for (let piece = span.first; piece <= span.last; piece++) {
        if ((pieces[piece] as number) < priority) pieces[piece] = priority
      }
    }
    for (const piece of this.#asked.keys()) if (pieces[piece] === 0) pieces[piece] = NORMAL
    this.#pieces = pieces
    this.wantedBytes = 0
    this.leftBytes = 0
    for (let piece = 0; piece < pieces.length; piece++) {
      if (pieces[piece] === 0) continue
      this.wantedBytes += layout.pieceSize(piece)
      if (!have.has(piece)) this.leftBytes += layout.pieceSize(piece)
    }
    return pieces
  }

  /** A piece was verified. */
  verified(piece: number): void {
    if ((this.#pieces[piece] ?? 0) > 0) this.leftBytes -= this.#metainfo.layout.pieceSize(piece)
  }

  /** A verified piece is no longer there. */
  lost(piece: number): void {
    if ((this.#pieces[piece] ?? 0) > 0) this.leftBytes += this.#metainfo.layout.pieceSize(piece)
  }
}
