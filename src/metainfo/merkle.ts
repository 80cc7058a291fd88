/**
 * The merkle trees of v2 torrents (BEP 52): SHA-256 of blocks of 16 KiB, folded in pairs. Layer 0 are the
 * leaves. A node that covers no data is 32 zero bytes in layer 0, and above it the parent of two such.
 * @module
 */

import { createSha256, sha256Runs } from '#hash'
import { BLOCK_LENGTH } from './layout.js'

/** Bytes of a node. */
export const NODE_LENGTH = 32

/** A node of `layer` that covers nothing but padding: 32 bytes, not to be written to. */
export function padHash(layer: number): Uint8Array {
  for (let known = PADS.length; known <= layer; known++) {
    const pair = new Uint8Array(2 * NODE_LENGTH)
    pair.set(PADS[known - 1] as Uint8Array)
    pair.set(PADS[known - 1] as Uint8Array, NODE_LENGTH)
    const parent = new Uint8Array(NODE_LENGTH)
    sha256Runs(pair, 2 * NODE_LENGTH, parent)
    PADS.push(parent)
  }
  return PADS[layer] as Uint8Array
}

/** Grows as it is asked for; no file has a tree of more than 40 layers. */
const PADS: Uint8Array[] = [new Uint8Array(NODE_LENGTH)]

/** Layers between `count` leaves, padded to a power of two, and their root: 0 for one leaf or none. */
export function treeHeight(count: number): number {
  let height = 0
  for (let width = 1; width < count; width *= 2) height++
  return height
}

/** The layer whose nodes cover whole pieces; `pieceLength` is a power of two of at least 16 KiB. */
export function pieceLayer(pieceLength: number): number {
  return treeHeight(pieceLength / BLOCK_LENGTH)
}

/**
 * The root over a run of nodes, 32 bytes each, of `layer`, with pads behind them up to `width` nodes, a
 * power of two not below their count (default: the next one).
 */
export function merkleRoot(nodes: Uint8Array, layer: number, width?: number): Uint8Array {
  let count = nodes.length / NODE_LENGTH
  const top = layer + treeHeight(width ?? count)
  if (count === 0) return padHash(top).slice()
  // Room for one pad behind an odd count; each layer is then folded into the beginning of the same memory.
  const row = new Uint8Array((count + 1) * NODE_LENGTH)
  row.set(nodes)
  for (let at = layer; at < top; at++) {
    if (count % 2 === 1) row.set(padHash(at), count++ * NODE_LENGTH)
    sha256Runs(row.subarray(0, count * NODE_LENGTH), 2 * NODE_LENGTH, row)
    count /= 2
  }
  return row.slice(0, NODE_LENGTH)
}

/** Hashes the bytes of one piece, or of a file, as they come: a leaf for every 16 KiB. */
export class LeafHasher {
  readonly #leaves: Uint8Array
  /** Leaves done. */
  #count = 0
  /** The block that began in an earlier chunk, and its bytes so far. */
  #open = createSha256()
  #filled = 0

  /** `capacity` is the number of leaves that can come. */
  constructor(capacity: number) {
    this.#leaves = new Uint8Array(capacity * NODE_LENGTH)
  }

  /** Takes in more bytes; they may be reused right after. */
  update(bytes: Uint8Array): void {
    let from = 0
    if (this.#filled > 0) {
      from = Math.min(bytes.length, BLOCK_LENGTH - this.#filled)
      this.#take(bytes.subarray(0, from))
    }
    const whole = bytes.length - ((bytes.length - from) % BLOCK_LENGTH)
    if (whole > from) {
      sha256Runs(bytes.subarray(from, whole), BLOCK_LENGTH, this.#leaves.subarray(this.#count * NODE_LENGTH))
      this.#count += (whole - from) / BLOCK_LENGTH
    }
    if (bytes.length > whole) this.#take(bytes.subarray(whole))
  }

  /** The leaves so far, 32 bytes each, a shorter last block included; valid until the next call. Starts anew. */
  finish(): Uint8Array {
    if (this.#filled > 0) this.#close()
    const leaves = this.#leaves.subarray(0, this.#count * NODE_LENGTH)
    this.#count = 0
    return leaves
  }

  #take(part: Uint8Array): void {
    this.#open.update(part)
    this.#filled += part.length
    if (this.#filled === BLOCK_LENGTH) this.#close()
  }

  #close(): void {
    this.#leaves.set(this.#open.digest(), this.#count++ * NODE_LENGTH)
    this.#open = createSha256()
    this.#filled = 0
  }
}

/** Hashes a file as its bytes come: the root of each piece, and the root of them all. */
export class FileHasher {
  readonly #pieceLength: number
  readonly #leaves: LeafHasher
  /** Roots of the pieces; empty for a file of at most one, whose root stands alone. */
  readonly #layer: Uint8Array
  #pieces = 0
  /** Bytes of the open piece. */
  #filled = 0

  /** `length` in bytes, of which as many must come; `pieceLength` is a power of two of at least 16 KiB. */
  constructor(length: number, pieceLength: number) {
    this.#pieceLength = pieceLength
    this.#leaves = new LeafHasher(Math.ceil(Math.min(length, pieceLength) / BLOCK_LENGTH))
    this.#layer = new Uint8Array(length > pieceLength ? Math.ceil(length / pieceLength) * NODE_LENGTH : 0)
  }

  /** Takes in more bytes; they may be reused right after. */
  update(bytes: Uint8Array): void {
    let from = 0
    while (from < bytes.length) {
      const part = bytes.subarray(from, from + this.#pieceLength - this.#filled)
      from += part.length
      this.#leaves.update(part)
      this.#filled += part.length
      if (this.#filled === this.#pieceLength) this.#close()
    }
  }

  /**
   * The root, 32 bytes (zeros for an empty file, which has none in a torrent), and the roots of its pieces,
   * 32 bytes each, when there are several. Call it once.
   */
  finish(): { readonly root: Uint8Array; readonly layer: Uint8Array } {
    if (this.#layer.length === 0) return { root: merkleRoot(this.#leaves.finish(), 0), layer: this.#layer }
    if (this.#filled > 0) this.#close()
    return { root: merkleRoot(this.#layer, pieceLayer(this.#pieceLength)), layer: this.#layer }
  }

  /** A file of at most one piece is padded to its own power of two, all others by whole pieces. */
  #close(): void {
    this.#filled = 0
    if (this.#layer.length === 0) return
    const root = merkleRoot(this.#leaves.finish(), 0, this.#pieceLength / BLOCK_LENGTH)
    this.#layer.set(root, this.#pieces++ * NODE_LENGTH)
  }
}
