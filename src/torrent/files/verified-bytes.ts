/**
 * How much of a torrent, or of one of its files, is verified.
 * @module
 */

import type { Metainfo } from '../../metainfo/model.js'
import type { Bitfield } from '../../util/bitfield.js'

/** Verified bytes of one file, or of all files but pads. */
export function verifiedBytes(metainfo: Metainfo, have: Bitfield, file?: number): number {
  const { layout, files } = metainfo
  if (file === undefined && have.isFull) return metainfo.size
  if (file === undefined && files.every((each) => !each.pad)) {
    const last = layout.pieceCount - 1
    const short = have.has(last) ? layout.pieceLength - layout.pieceSize(last) : 0
    return have.count * layout.pieceLength - short
  }
  let sum = 0
  for (let index = file ?? 0; index < (file === undefined ? files.length : file + 1); index++) {
    const span = layout.piecesOf(index)
    if (!span || files[index]?.pad) continue
    const start = layout.offsets[index] as number
    const end = layout.offsets[index + 1] as number
    const next = (from: number): number => have.next(from, span.last + 1)
    for (let piece = next(span.first); piece >= 0; piece = next(piece + 1)) {
      const from = piece * layout.pieceLength
      sum += Math.min(end, from + layout.pieceSize(piece)) - Math.max(start, from)
    }
  }
  return sum
}
