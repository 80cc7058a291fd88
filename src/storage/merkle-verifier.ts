/**
 * How pieces of v2 and hybrid torrents are verified (BEP 52): by the merkle root of their blocks, and in a
 * hybrid by SHA-1 too, over the piece and the pads behind it.
 *
 * | hash of the piece in the tree | SHA-1 (hybrids) | root | the piece is |
 * |---|---|---|---|
 * | known | right or none | right | right |
 * | known | wrong or none | wrong | wrong |
 * | known | right | wrong | a contradiction |
 * | known | wrong | right | a contradiction |
 * | unknown | none | noted | not judged |
 * | unknown | right | noted | right, by its v1 half alone |
 * | unknown | wrong | | wrong |
 *
 * Roots that were noted are compared as soon as the tree knows the hash. When all pieces of a file are
 * noted, the file's root itself tells whether they are right, without any peer.
 * @module
 */

import { createSha1, type Hasher, sha1, sha256Runs } from '#hash'
import type { HashTree } from '../metainfo/hash-tree.js'
import type { HashTrees } from '../metainfo/hash-trees.js'
import { BLOCK_LENGTH, type Layout } from '../metainfo/layout.js'
import { LeafHasher, NODE_LENGTH } from '../metainfo/merkle.js'
import { Bitfield } from '../util/bitfield.js'
import { isAt, type PieceHash, type Verifier } from './verifier.js'

/** Roots of pieces of a file that were hashed before their own hash was known. */
interface Noted {
  readonly tree: HashTree
  readonly roots: Uint8Array
  readonly pieces: Bitfield
  /** Something was noted since they were last compared as a whole. */
  fresh: boolean
}

/** Zeros for the pads of a hybrid: v1 hashes them. */
const ZEROS: Uint8Array = new Uint8Array(BLOCK_LENGTH)

export class MerkleVerifier implements Verifier {
  /** See {@link Verifier.contradiction}. */
  contradiction: number | undefined
  /** True when all pieces of a file were noted since the last {@link MerkleVerifier.takeVerified}. */
  hasVerified = false
  readonly #trees: HashTrees
  readonly #layout: Layout
  /** SHA-1 of each piece; undefined in pure v2. */
  readonly #pieces: Uint8Array | undefined
  /** By the first piece of the file in the torrent. */
  readonly #noted = new Map<number, Noted>()
  readonly #scratch: Uint8Array

  /** `pieces`: the SHA-1 of each piece of a hybrid. */
  constructor(trees: HashTrees, layout: Layout, pieces?: Uint8Array) {
    this.#trees = trees
    this.#layout = layout
    this.#pieces = pieces !== undefined && pieces.length > 0 ? pieces : undefined
    this.#scratch = new Uint8Array(layout.blocksPerPiece * NODE_LENGTH)
  }

  knows(piece: number): boolean {
    return this.#pieces !== undefined || this.#trees.knows(piece)
  }

  start(piece: number): PieceHash {
    return new MerklePieceHash(this, piece, this.#layout.blockCount(piece), this.#pieces !== undefined)
  }

  verify(piece: number, bytes: Uint8Array): boolean {
    sha256Runs(bytes, BLOCK_LENGTH, this.#scratch)
    const leaves = this.#scratch.subarray(0, Math.ceil(bytes.length / BLOCK_LENGTH) * NODE_LENGTH)
    if (this.#pieces === undefined) return this.judge(piece, leaves, undefined)
    const pads = this.pads(piece)
    if (pads === 0) return this.judge(piece, leaves, sha1(bytes))
    const hash = createSha1()
    hash.update(bytes)
    return this.judge(piece, leaves, padded(hash, pads))
  }

  /** The verdict over the leaves of a piece, 32 bytes each, and its SHA-1 with the pads. */
  judge(piece: number, leaves: Uint8Array, digest: Uint8Array | undefined): boolean {
    const { tree, index } = this.#trees.at(piece)
    const isV1 = digest !== undefined && isAt(this.#pieces as Uint8Array, piece * 20, digest)
    const known = tree.pieceHash(index)
    if (known === undefined) {
      if (digest === undefined || isV1) this.#note(tree, piece - index, index, tree.pieceRoot(leaves))
      return isV1
    }
    const isV2 = isAt(known, 0, tree.pieceRoot(leaves))
    if (digest !== undefined && isV1 !== isV2) this.contradiction ??= piece
    return isV2 && (digest === undefined || isV1)
  }

  /** Bytes of pads behind a piece that its SHA-1 covers. */
  pads(piece: number): number {
    return this.#layout.pieceSpan(piece) - this.#layout.pieceSize(piece)
  }

  takeVerified(): number[] {
    const right: number[] = []
    this.hasVerified = false
    for (const [first, noted] of this.#noted) {
      const { tree, roots, pieces } = noted
      // All pieces fold to the root, or one of them is wrong: a hybrid has none that is wrong by SHA-1.
      if (pieces.isFull && noted.fresh && tree.addLayer(roots) !== 'ok' && this.#pieces) {
        this.contradiction ??= first
      }
      noted.fresh = false
      for (const index of pieces) {
        const known = tree.pieceHash(index)
        if (known === undefined) continue
        pieces.delete(index)
        if (isAt(roots, index * NODE_LENGTH, known)) right.push(first + index)
        else if (this.#pieces) this.contradiction ??= first + index
      }
      if (pieces.isEmpty) this.#noted.delete(first)
    }
    return right
  }

  /** Forgets what was noted of a piece: its bytes may change. */
  forget(piece: number): void {
    if (this.#noted.size === 0) return
    const { index } = this.#trees.at(piece)
    this.#noted.get(piece - index)?.pieces.delete(index)
  }

  #note(tree: HashTree, first: number, index: number, root: Uint8Array): void {
    let noted = this.#noted.get(first)
    if (!noted) {
      const roots = new Uint8Array(tree.pieces * NODE_LENGTH)
      noted = { tree, roots, pieces: new Bitfield(tree.pieces), fresh: true }
      this.#noted.set(first, noted)
    }
    noted.roots.set(root, index * NODE_LENGTH)
    noted.pieces.add(index)
    noted.fresh = true
    if (noted.pieces.isFull) this.hasVerified = true
  }
}

class MerklePieceHash implements PieceHash {
  readonly #verifier: MerkleVerifier
  readonly #piece: number
  readonly #hasher: LeafHasher
  readonly #sha1: Hasher | undefined
  #leaves: Uint8Array | undefined
  #digest: Uint8Array | undefined

  constructor(verifier: MerkleVerifier, piece: number, blocks: number, hybrid: boolean) {
    this.#verifier = verifier
    this.#piece = piece
    this.#hasher = new LeafHasher(blocks)
    this.#sha1 = hybrid ? createSha1() : undefined
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes)
    this.#sha1?.update(bytes)
  }

  matches(): boolean {
    if (this.#sha1) this.#digest ??= padded(this.#sha1, this.#verifier.pads(this.#piece))
    return this.#verifier.judge(this.#piece, this.leaves(), this.#digest)
  }

  leaves(): Uint8Array {
    this.#leaves ??= this.#hasher.finish()
    return this.#leaves
  }
}

/** The SHA-1 after `pads` zeros more. */
function padded(hash: Hasher, pads: number): Uint8Array {
  for (let left = pads; left > 0; left -= BLOCK_LENGTH) {
    hash.update(left < BLOCK_LENGTH ? ZEROS.subarray(0, left) : ZEROS)
  }
  return hash.digest()
}
