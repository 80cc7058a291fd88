/**
 * The piece layers of a v2 torrent (BEP 52), which stand outside `info` and are proved by its roots.
 * @module
 */

import { asBytes, asDict, type BencodeValue } from '../bencode/index.js'
import { equalBytes, fromLatin1, toHex, toLatin1 } from '../util/bytes.js'
import { refuse } from './file-entry.js'
import { BLOCK_LENGTH } from './layout.js'
import { merkleRoot, NODE_LENGTH, pieceLayer, treeHeight } from './merkle.js'
import type { MetainfoFile, PieceLayersMode } from './model.js'

/**
 * The layers under the root of their file in hex, views of the torrent. Every file longer than a piece has
 * one unless `mode` is lenient, and nothing else has one.
 */
export function readPieceLayers(
  value: BencodeValue | undefined,
  files: readonly MetainfoFile[],
  pieceLength: number,
  mode: PieceLayersMode,
): ReadonlyMap<string, Uint8Array> {
  const layers = asDict(value)
  if (value !== undefined && layers === undefined)
    throw refuse('bad-piece-layers', 'piece layers must be a dictionary')
  const found = new Map<string, Uint8Array>()
  for (const { length, piecesRoot } of files) {
    if (piecesRoot === undefined || length <= pieceLength) continue
    const key = toLatin1(piecesRoot)
    const given = layers?.get(key)
    if (given === undefined) {
      if (mode === 'lenient') continue
      throw refuse('missing-piece-layer', `piece layers lacks that of ${toHex(piecesRoot)}`)
    }
    const layer = asBytes(given)
    if (layer === undefined) throw refuse('bad-piece-layers', 'piece layers must hold strings')
    // Two files of one root have one layer, but each its own length.
    if (layer.length !== Math.ceil(length / pieceLength) * NODE_LENGTH)
      throw wrongLength(layer, piecesRoot, length, pieceLength)
    const hex = toHex(piecesRoot)
    if (found.has(hex)) continue
    if (mode !== 'trusted' && !equalBytes(merkleRoot(layer, pieceLayer(pieceLength)), piecesRoot))
      throw refuse('piece-layer-mismatch', `the piece layer of ${hex} does not fold to it`)
    found.set(hex, layer)
  }
  if (layers !== undefined && layers.size > found.size) {
    for (const key of layers.keys()) {
      const name = toHex(fromLatin1(key.slice(0, NODE_LENGTH)))
      if (key.length === NODE_LENGTH && found.has(name)) continue
      throw refuse(
        'unknown-piece-layer',
        `piece layers holds ${name}, the root of no file longer than a piece`,
      )
    }
  }
  return found
}

/** Says so when it is another layer of the same tree: makers that count layers from elsewhere write that. */
function wrongLength(layer: Uint8Array, root: Uint8Array, length: number, pieceLength: number): Error {
  const blocks = Math.ceil(length / BLOCK_LENGTH)
  for (let at = 0; at <= treeHeight(blocks); at++) {
    const count = Math.ceil(blocks / 2 ** at)
    if (layer.length !== count * NODE_LENGTH) continue
    const width = 2 ** (treeHeight(blocks) - at)
    if (equalBytes(merkleRoot(layer, at, width), root))
      return refuse('wrong-piece-layer', `the piece layer of ${toHex(root)} is layer ${at} of its tree`)
  }
  return refuse(
    'bad-piece-layer-length',
    `the piece layer of ${toHex(root)} has ${layer.length} bytes, ${Math.ceil(length / pieceLength)} pieces need 32 each`,
  )
}
