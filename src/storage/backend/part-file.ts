/**
 * Where the bytes of deselected files go when a wanted piece shares them: one file beside the torrent,
 * with a slot for every piece that touches two or more files. The slots follow from the layout alone, so
 * the part file needs no index and survives a restart without one.
 * @module
 */

import type { Layout } from '../../metainfo/layout.js'
import type { StoreFile } from './backend.js'

export class PartFile {
  /** Pieces with a slot, ascending. */
  readonly pieces: readonly number[]
  /** Path elements of the part file, clear of every file of the torrent. */
  readonly path: readonly string[]
  /** Bytes when every slot is in use; the file is sparse and nearly always far shorter. */
  readonly length: number
  readonly #slots: Map<number, number>
  readonly #pieceLength: number

  constructor(layout: Layout, files: readonly StoreFile[]) {
    this.#pieceLength = layout.pieceLength
    const lastFile = new Map<number, number>()
    const shared = new Set<number>()
    for (let file = 0; file < files.length; file++) {
      const range = isStored(files[file]) ? layout.piecesOf(file) : undefined
      if (!range) continue
      for (const piece of [range.first, range.last]) {
        const other = lastFile.get(piece)
        if (other !== undefined && other !== file) shared.add(piece)
        lastFile.set(piece, file)
      }
    }
    this.pieces = [...shared].sort((a, b) => a - b)
    this.#slots = new Map(this.pieces.map((piece, slot) => [piece, slot]))
    this.length = this.pieces.length * layout.pieceLength
    this.path = freePath(files)
  }

  /** Offset in the part file for the torrent byte at `position`, or undefined when its piece has no slot. */
  offsetOf(position: number): number | undefined {
    const piece = Math.floor(position / this.#pieceLength)
    const slot = this.#slots.get(piece)
    if (slot === undefined) return undefined
    return slot * this.#pieceLength + (position - piece * this.#pieceLength)
  }
}

/** False for pads, symlinks and holes in the list: they have no bytes on the disk. */
export function isStored(file: StoreFile | undefined): boolean {
  return file !== undefined && !file.pad && file.symlink !== true
}

/** `.parts` in the folder that all files share, so that removing the torrent's folder removes it too. */
function freePath(files: readonly StoreFile[]): string[] {
  const stored = files.filter((file) => isStored(file))
  const root = stored[0]?.path[0]
  const folder = root !== undefined && stored.every((file) => file.path.length > 1 && file.path[0] === root)
  const prefix = folder ? [root] : []
  // Files and folders where the part file is to lie: a look at each for every name tried would be one too many.
  const taken = new Set(stored.map((file) => file.path[prefix.length]?.toLowerCase()))
  let name = folder ? '.parts' : `.${root ?? ''}.parts`
  while (taken.has(name.toLowerCase())) name += '_'
  return [...prefix, name]
}
