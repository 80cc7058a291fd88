/**
 * The piece layers of a v2 torrent (BEP 52), which stand outside `info` and are proved by its roots.
 * @module
 */

import type { Cursor } from '../bencode/cursor.js'
import { equalBytes, toHex } from '../util/bytes.js'
import { refuse } from './file-entry.js'
import { BLOCK_LENGTH } from './layout.js'
import { merkleRoot, NODE_LENGTH, pieceLayer, treeHeight } from './merkle.js'
import type { MetainfoFile, PieceLayersMode } from './model.js'

/**
 * The layers under the root of their file in hex, views of the torrent. Every file longer than a piece has
 * one unless `mode` is lenient, and nothing else has one. `cursor` stands before `piece layers`.
 */
export function readPieceLayers(
  cursor: Cursor | undefined,
  files: readonly MetainfoFile[],
  pieceLength: number,
  mode: PieceLayersMode,
): ReadonlyMap<string, Uint8Array> {
  if (cursor !== undefined && !cursor.isDict())
    throw refuse('metainfo/bad-piece-layers', 'piece layers must be a dictionary')
  const layers = new GivenLayers(cursor)
  const found = new Map<string, Uint8Array>()
  for (const { length, piecesRoot } of files) {
    if (piecesRoot === undefined || length <= pieceLength) continue
    const given = layers.indexOf(piecesRoot)
    if (given < 0) {
      if (mode === 'lenient') continue
      throw refuse('metainfo/missing-piece-layer', `piece layers lacks that of ${toHex(piecesRoot)}`)
    }
    const layer = layers.layer(given)
    if (layer === undefined) throw refuse('metainfo/bad-piece-layers', 'piece layers must hold strings')
    // Two files of one root have one layer, but each its own length.
    if (layer.length !== Math.ceil(length / pieceLength) * NODE_LENGTH)
      throw wrongLength(layer, piecesRoot, length, pieceLength)
    if (layers.isTaken(given)) continue
    const hex = toHex(piecesRoot)
    if (mode !== 'trusted' && !equalBytes(merkleRoot(layer, pieceLayer(pieceLength)), piecesRoot))
      throw refuse('metainfo/piece-layer-mismatch', `the piece layer of ${hex} does not fold to it`)
    found.set(hex, layer)
    layers.take(given)
  }
  const unknown = layers.firstLeft()
  if (unknown !== undefined)
    throw refuse(
      'metainfo/unknown-piece-layer',
      `piece layers holds ${toHex(unknown.subarray(0, NODE_LENGTH))}, the root of no file longer than a piece`,
    )
  return found
}

/** The dictionary of layers as it lies there. Its keys ascend, so that a root is found by halving. */
class GivenLayers {
  readonly #cursor: Cursor | undefined
  /** Where the keys begin, and where the values do. */
  readonly #keys: number[] = []
  readonly #values: number[] = []
  readonly #taken: Uint8Array

  constructor(cursor: Cursor | undefined) {
    this.#cursor = cursor
    if (cursor !== undefined) {
      cursor.enter()
      while (cursor.more()) {
        cursor.string()
        this.#keys.push(cursor.from)
        this.#values.push(cursor.at)
        cursor.skip()
      }
    }
    this.#taken = new Uint8Array(this.#keys.length)
  }

  /** Number of the layer of a root, or -1. */
  indexOf(root: Uint8Array): number {
    let low = 0
    let high = this.#keys.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = this.#compare(middle, root)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  /** The bytes, or undefined when it is no string. */
  layer(index: number): Uint8Array | undefined {
    const cursor = this.#cursor as Cursor
    cursor.at = this.#values[index] as number
    if (!cursor.isString()) return undefined
    cursor.string()
    return cursor.view()
  }

  isTaken(index: number): boolean {
    return this.#taken[index] === 1
  }

  take(index: number): void {
    this.#taken[index] = 1
  }

  /** The first key that was not taken. */
  firstLeft(): Uint8Array | undefined {
    const index = this.#taken.indexOf(0)
    return index < 0 ? undefined : this.#cursor?.bytes.subarray(this.#keys[index], this.#values[index])
  }

  /** Order of a key and a root, as that of their bytes. */
  #compare(index: number, root: Uint8Array): number {
    const { bytes } = this.#cursor as Cursor
    const from = this.#keys[index] as number
    const length = (this.#values[index] as number) - from
    const shared = Math.min(length, root.length)
    for (let i = 0; i < shared; i++) {
      const difference = (bytes[from + i] as number) - (root[i] as number)
      if (difference !== 0) return difference
    }
    return length - root.length
  }
}

/** Says so when it is another layer of the same tree: makers that count layers from elsewhere write that. */
function wrongLength(layer: Uint8Array, root: Uint8Array, length: number, pieceLength: number): Error {
  const blocks = Math.ceil(length / BLOCK_LENGTH)
  for (let at = 0; at <= treeHeight(blocks); at++) {
    const count = Math.ceil(blocks / 2 ** at)
    if (layer.length !== count * NODE_LENGTH) continue
    const width = 2 ** (treeHeight(blocks) - at)
    if (equalBytes(merkleRoot(layer, at, width), root))
      return refuse(
        'metainfo/wrong-piece-layer',
        `the piece layer of ${toHex(root)} is layer ${at} of its tree`,
      )
  }
  return refuse(
    'metainfo/bad-piece-layer-length',
    `the piece layer of ${toHex(root)} has ${layer.length} bytes, ${Math.ceil(length / pieceLength)} pieces need 32 each`,
  )
}
