/**
 * The leaves of a piece of a v2 torrent, made anew from the disk: they are not kept for pieces that are
 * verified (BEP 52).
 * @module
 */

import { LeafHasher } from '../metainfo/merkle.js'
import type { FileMapping } from './backend/file-mapping.js'
import { SLAB_LENGTH } from './slab.js'

/**
 * The hash of each block, 32 bytes each; at most 1 MiB is read and hashed in a turn of the event loop.
 * Rejects with a `StorageError`.
 */
export async function hashLeaves(
  mapping: FileMapping,
  piece: number,
  defer: (call: () => void) => void,
): Promise<Uint8Array> {
  const { layout } = mapping
  const size = layout.pieceSize(piece)
  const hasher = new LeafHasher(layout.blockCount(piece))
  const step = new Uint8Array(Math.min(size, SLAB_LENGTH))
  for (let at = 0; at < size; at += step.length) {
    const bytes = step.subarray(0, Math.min(step.length, size - at))
    await mapping.read(piece * layout.pieceLength + at, bytes)
    hasher.update(bytes)
    if (at + step.length < size) await new Promise<void>((resolve) => defer(resolve))
  }
  return hasher.finish()
}
