/**
 * What is known of the merkle tree of one file of a v2 torrent (BEP 52): the hashes of its pieces, as far
 * as they are proven, and the leaves of single pieces for as long as they are asked for. Takes proven
 * hashes in, gives proofs out.
 *
 * Held are the piece layer, 32 bytes for each piece; above it the nodes over each 512 pieces and their
 * parents (the crown), 1/256 of that; and leaves of a few pieces. Everything else is hashed anew when needed,
 * which takes at most 511 hashes.
 * @module
 */

import { Bitfield } from '../util/bitfield.js'
import { equalBytes, readU32, writeU32 } from '../util/bytes.js'
import { BLOCK_LENGTH } from './layout.js'
import { merkleRoot, NODE_LENGTH, padHash, pieceLayer, treeHeight } from './merkle.js'

/** Hashes that are asked for at once at most (BEP 52: SHOULD). */
export const MAX_HASH_RUN = 512

/** Layers between the pieces and the crown. */
const RUN_LAYERS = 9

/** Consecutive nodes of one layer with their way to the root: what a hash request names (BEP 52). */
export interface HashRange {
  /** Layer of the nodes; 0 = leaves. */
  readonly base: number
  /** First node, a multiple of `length`. */
  readonly index: number
  /** Number of nodes, a power of two, 2 .. 512. */
  readonly length: number
  /** Layers of proof, those included that follow from the nodes themselves. */
  readonly proofs: number
}

/** Why hashes were not taken in. */
export type HashFault =
  /** The range is none that can be asked for. */
  | 'metainfo/bad-hash-range'
  /** More or fewer hashes than the range has with its proof. */
  | 'metainfo/bad-hash-count'
  /** They do not fold to the node that is known. */
  | 'metainfo/bad-hash-proof'
  /** The proof ends below all that is known. */
  | 'metainfo/unproven-hashes'

export class HashTree {
  /** The `pieces root`, 32 bytes. */
  readonly root: Uint8Array
  /** Number of pieces, at least 1. */
  readonly pieces: number
  /** Layer of the root. */
  readonly height: number
  /** Layer of the pieces. In a file of one piece that is the root, whatever the piece length. */
  readonly base: number
  readonly #blocks: number
  /** Layers from the pieces to the lowest nodes of the crown: nine, or less in a small file. */
  readonly #runLayers: number
  /** Hashes of the pieces; those that are not known are zeros. */
  #layer: Uint8Array | undefined
  /** Which pieces are known, while that is not all. */
  #known: Bitfield | undefined
  /** Nodes from the root (1) down to those over whole runs, as a heap: the children of n are 2n and 2n + 1. */
  #crown: Uint8Array | undefined
  /** 1 where a node of the crown is known. */
  #crownKnown: Uint8Array = NONE
  /** Proven leaves of single pieces; a leaf that is not known is zeros. */
  readonly #leaves = new Map<number, Uint8Array>()

  /**
   * `length` of the file in bytes, at least 1; `pieceLength` a power of two of at least 16 KiB. A `layer`
   * has been checked against the root: one hash for each piece of a file with several.
   */
  constructor(root: Uint8Array, length: number, pieceLength: number, layer?: Uint8Array) {
    this.root = root
    this.#blocks = Math.ceil(length / BLOCK_LENGTH)
    this.pieces = Math.ceil(length / pieceLength)
    this.height = treeHeight(this.#blocks)
    this.base = Math.min(pieceLayer(pieceLength), this.height)
    this.#runLayers = Math.min(RUN_LAYERS, this.height - this.base)
    if (this.pieces === 1) this.#layer = root
    else if (layer) this.#layer = layer
    else this.#known = new Bitfield(this.pieces)
  }

  /** True when the hash of every piece is known. */
  get isComplete(): boolean {
    return this.#known === undefined
  }

  /** Number of runs that the piece layer is asked for in: of 512 pieces each, or one of all. */
  get runs(): number {
    return Math.ceil(this.pieces / this.#runLength)
  }

  /** True when the hash of the piece, counted within the file, is known. */
  knows(piece: number): boolean {
    return this.#known === undefined || this.#known.has(piece)
  }

  /** The hash of a piece, counted within the file: a view, or undefined while it is not known. */
  pieceHash(piece: number): Uint8Array | undefined {
    if (this.#layer === undefined || !this.knows(piece)) return undefined
    return this.#layer.subarray(piece * NODE_LENGTH, (piece + 1) * NODE_LENGTH)
  }

  /** Blocks of a piece, counted within the file. */
  blocksOf(piece: number): number {
    return Math.min(this.#leavesPerPiece, this.#blocks - piece * this.#leavesPerPiece)
  }

  /** The root over all leaves of a piece, 32 bytes each: what its hash should be. */
  pieceRoot(leaves: Uint8Array): Uint8Array {
    return merkleRoot(leaves, 0, this.#leavesPerPiece)
  }

  /** True when every piece of a run is known. */
  knowsRun(run: number): boolean {
    if (this.#known === undefined) return true
    const { first, end } = this.runPieces(run)
    const missing = this.#known.nextMissing(first)
    return missing < 0 || missing >= end
  }

  /** The pieces of a run, the last one excluded. */
  runPieces(run: number): { readonly first: number; readonly end: number } {
    const first = run * this.#runLength
    return { first, end: Math.min(this.pieces, first + this.#runLength) }
  }

  /** The run that holds a piece. */
  runOf(piece: number): number {
    return Math.floor(piece / this.#runLength)
  }

  /** What to ask for to know the pieces of a run, with the whole proof. Only for files of several pieces. */
  runRange(run: number): HashRange {
    const { base, height } = this
    return { base, index: run * this.#runLength, length: this.#runLength, proofs: height - base - 1 }
  }

  /** What to ask for to know the leaves of a piece, proven up to the piece; none for a piece of one block. */
  leafRanges(piece: number): HashRange[] {
    const total = this.#leavesPerPiece
    const length = Math.min(MAX_HASH_RUN, total)
    const ranges: HashRange[] = []
    if (length < 2) return ranges
    for (let index = 0; index < this.blocksOf(piece); index += length) {
      ranges.push({ base: 0, index: piece * total + index, length, proofs: this.base - 1 })
    }
    return ranges
  }

  /** Proven leaves of a piece, 32 bytes for each block; undefined unless all are known. */
  leavesOf(piece: number): Uint8Array | undefined {
    const leaves = this.#leaves.get(piece)
    if (!leaves) return undefined
    for (let at = 0; at < leaves.length; at += NODE_LENGTH) if (isZero(leaves, at)) return undefined
    return leaves
  }

  /** True when the leaves of a range within one piece are proven. */
  hasLeaves({ index, length }: HashRange): boolean {
    const piece = Math.floor(index / this.#leavesPerPiece)
    const leaves = this.#leaves.get(piece)
    if (!leaves) return false
    const from = (index - piece * this.#leavesPerPiece) * NODE_LENGTH
    const end = Math.min(leaves.length, from + length * NODE_LENGTH)
    for (let at = from; at < end; at += NODE_LENGTH) if (isZero(leaves, at)) return false
    return true
  }

  /** The leaves of a piece are not needed any more. */
  forgetLeaves(piece: number): void {
    this.#leaves.delete(piece)
  }

  /** Takes the hashes of all pieces, if they fold to the root. */
  addLayer(layer: Uint8Array): 'ok' | HashFault {
    if (layer.length !== this.pieces * NODE_LENGTH) return 'metainfo/bad-hash-count'
    if (this.#known === undefined) return 'ok'
    if (!equalBytes(merkleRoot(layer, this.base), this.root)) return 'metainfo/bad-hash-proof'
    this.#layer = layer.slice()
    this.#known = undefined
    return 'ok'
  }

  /** True for a range that the tree has, in one of the two layers that are exchanged. */
  isRange({ base, index, length, proofs }: HashRange): boolean {
    if (base !== 0 && base !== this.base) return false
    if (!(length >= 2 && length <= MAX_HASH_RUN) || (length & (length - 1)) !== 0) return false
    if (index % length !== 0 || index + length > 2 ** (this.height - base)) return false
    return proofs <= this.height - base - 1
  }

  /**
   * Takes what came for a range: its nodes, then the uncles from low to high. Nothing is kept unless they
   * fold to a node that is known: the root, or the piece of a range of leaves.
   */
  addHashes(range: HashRange, hashes: Uint8Array): 'ok' | HashFault {
    if (!this.isRange(range)) return 'metainfo/bad-hash-range'
    const { base, index, length } = range
    const uncles = unclesOf(range)
    if (hashes.length !== (length + uncles) * NODE_LENGTH) return 'metainfo/bad-hash-count'
    const nodes = hashes.subarray(0, length * NODE_LENGTH)
    const height = treeHeight(length)
    const pair = new Uint8Array(2 * NODE_LENGTH)
    /** The nodes on the way up, each with its uncle. */
    const path: { layer: number; position: number; node: Uint8Array; uncle: Uint8Array }[] = []
    let layer = base + height
    let position = index / length
    let node = merkleRoot(nodes, base)
    for (let from = length * NODE_LENGTH; from < hashes.length; from += NODE_LENGTH) {
      const uncle = hashes.subarray(from, from + NODE_LENGTH)
      path.push({ layer, position, node, uncle })
      const left = position % 2 === 0
      pair.set(left ? node : uncle)
      pair.set(left ? uncle : node, NODE_LENGTH)
      node = merkleRoot(pair, layer++)
      position = Math.floor(position / 2)
    }
    const known = this.#node(layer, position)
    if (known === undefined) return 'metainfo/unproven-hashes'
    if (!equalBytes(node, known)) return 'metainfo/bad-hash-proof'
    if (base === this.base && this.pieces > 1) this.#keepPieces(index, nodes)
    else this.#keepLeaves(index, nodes)
    for (const step of path) {
      this.#keepNode(step.layer, step.position, step.node)
      this.#keepNode(step.layer, sibling(step.position), step.uncle)
    }
    return 'ok'
  }

  /** The pieces whose leaves {@link HashTree.hashes} wants for a range of leaves, the last one included. */
  leafPieces({ index, length }: HashRange): { readonly first: number; readonly last: number } {
    const first = Math.floor(index / this.#leavesPerPiece)
    const last = Math.floor((index + length - 1) / this.#leavesPerPiece)
    return { first, last: Math.min(last, this.pieces - 1) }
  }

  /**
   * The nodes of a range and their uncles from low to high; undefined when not all of them are known.
   * `leaves`, for a range of leaves: those of all pieces in {@link HashTree.leafPieces}, 32 bytes each.
   */
  hashes(range: HashRange, leaves: Uint8Array = NONE): Uint8Array | undefined {
    const { base, index, length } = range
    const uncles = unclesOf(range)
    const out = new Uint8Array((length + uncles) * NODE_LENGTH)
    const isLeaf = base === 0 && this.base > 0
    const first = isLeaf ? this.leafPieces(range).first * this.#leavesPerPiece : 0
    if (isLeaf) {
      const from = (index - first) * NODE_LENGTH
      out.set(leaves.subarray(from, from + length * NODE_LENGTH))
    } else {
      for (let i = 0; i < length; i++) {
        const node = this.#node(base, index + i)
        if (node === undefined) return undefined
        out.set(node, i * NODE_LENGTH)
      }
    }
    let layer = base + treeHeight(length)
    let position = sibling(index / length)
    for (let at = length * NODE_LENGTH; at < out.length; at += NODE_LENGTH, layer++) {
      let node: Uint8Array | undefined
      if (isLeaf && layer < this.base) {
        const from = (position * 2 ** layer - first) * NODE_LENGTH
        const span = leaves.subarray(from, from + 2 ** layer * NODE_LENGTH)
        node = merkleRoot(span, 0, 2 ** layer)
      } else node = this.#node(layer, position)
      if (node === undefined) return undefined
      out.set(node, at)
      position = sibling(Math.floor(position / 2))
    }
    return out
  }

  /** The known runs of the piece layer with their proofs: what {@link HashTree.import} takes after a restart. */
  export(): Uint8Array {
    if (this.pieces === 1 || this.#layer === undefined) return NONE
    const runs: number[] = []
    for (let run = 0; run < this.runs; run++) if (this.knowsRun(run)) runs.push(run)
    const each = this.#exportLength
    const bytes = new Uint8Array(runs.length * each)
    let at = 0
    for (const run of runs) {
      const hashes = this.hashes(this.runRange(run))
      if (hashes === undefined) continue
      writeU32(bytes, at, run)
      bytes.set(hashes, at + 4)
      at += each
    }
    return bytes.subarray(0, at)
  }

  /** Takes what {@link HashTree.export} gave, as far as its proofs hold; gives the number of runs taken. */
  import(bytes: Uint8Array): number {
    let taken = 0
    if (this.pieces === 1) return taken
    const each = this.#exportLength
    for (let at = 0; at + each <= bytes.length; at += each) {
      const run = readU32(bytes, at)
      if (run < this.runs && this.addHashes(this.runRange(run), bytes.subarray(at + 4, at + each)) === 'ok')
        taken++
    }
    return taken
  }

  get #leavesPerPiece(): number {
    return 2 ** this.base
  }

  get #runLength(): number {
    return 2 ** this.#runLayers
  }

  get #exportLength(): number {
    const range = this.runRange(0)
    return 4 + (range.length + unclesOf(range)) * NODE_LENGTH
  }

  /** A node of the piece layer or above it, or undefined when it is not known. */
  #node(layer: number, position: number): Uint8Array | undefined {
    if (layer === this.height) return this.root
    if (layer < this.base) return undefined
    const width = 2 ** (layer - this.base)
    const first = position * width
    if (first >= this.pieces) return padHash(layer)
    if (layer === this.base) return this.pieceHash(position)
    const crown = this.#crownIndex(layer, position)
    if (crown > 0) {
      this.#fillCrown()
      if (this.#crownKnown[crown] === 1 && this.#crown)
        return this.#crown.subarray(crown * NODE_LENGTH, (crown + 1) * NODE_LENGTH)
      return undefined
    }
    const end = Math.min(this.pieces, first + width)
    const missing = this.#known?.nextMissing(first) ?? -1
    if (this.#layer === undefined || (missing >= 0 && missing < end)) return undefined
    return merkleRoot(this.#layer.subarray(first * NODE_LENGTH, end * NODE_LENGTH), this.base, width)
  }

  /** Place in the crown, 0 for a node below it. */
  #crownIndex(layer: number, position: number): number {
    return layer < this.base + this.#runLayers ? 0 : 2 ** (this.height - layer) + position
  }

  /** Makes the crown of a layer that is wholly known, once. */
  #fillCrown(): void {
    if (this.#known !== undefined || this.#layer === undefined || this.#crownKnown[1] === 1) return
    const layer = this.base + this.#runLayers
    for (let run = 0; run < 2 ** (this.height - layer); run++) {
      const { first, end } = this.runPieces(run)
      const nodes = this.#layer.subarray(first * NODE_LENGTH, end * NODE_LENGTH)
      this.#keepNode(layer, run, first < end ? merkleRoot(nodes, this.base, this.#runLength) : padHash(layer))
    }
    const crown = this.#crown as Uint8Array
    for (let at = 2 ** (this.height - layer) - 1; at > 0; at--) {
      const children = crown.subarray(2 * at * NODE_LENGTH, (2 * at + 2) * NODE_LENGTH)
      crown.set(merkleRoot(children, 0), at * NODE_LENGTH)
      this.#crownKnown[at] = 1
    }
  }

  #keepNode(layer: number, position: number, node: Uint8Array): void {
    const at = this.#crownIndex(layer, position)
    if (at === 0) return
    const size = 2 ** (this.height - this.base - this.#runLayers + 1)
    this.#crown ??= new Uint8Array(size * NODE_LENGTH)
    if (this.#crownKnown.length === 0) this.#crownKnown = new Uint8Array(size)
    this.#crown.set(node, at * NODE_LENGTH)
    this.#crownKnown[at] = 1
  }

  #keepPieces(index: number, nodes: Uint8Array): void {
    // A range may lie in the pads behind the last piece.
    if (this.#known === undefined || index >= this.pieces) return
    this.#layer ??= new Uint8Array(this.pieces * NODE_LENGTH)
    const end = Math.min(this.pieces, index + nodes.length / NODE_LENGTH)
    this.#layer.set(nodes.subarray(0, (end - index) * NODE_LENGTH), index * NODE_LENGTH)
    for (let piece = index; piece < end; piece++) this.#known.add(piece)
    if (!this.#known.isFull) return
    this.#known = undefined
  }

  #keepLeaves(index: number, nodes: Uint8Array): void {
    const per = this.#leavesPerPiece
    const end = Math.min(this.#blocks, index + nodes.length / NODE_LENGTH)
    for (let at = index; at < end; ) {
      const piece = Math.floor(at / per)
      const stop = Math.min(end, (piece + 1) * per)
      let leaves = this.#leaves.get(piece)
      if (!leaves) {
        leaves = new Uint8Array(this.blocksOf(piece) * NODE_LENGTH)
        this.#leaves.set(piece, leaves)
      }
      leaves.set(
        nodes.subarray((at - index) * NODE_LENGTH, (stop - index) * NODE_LENGTH),
        (at - piece * per) * NODE_LENGTH,
      )
      at = stop
    }
  }
}

const NONE: Uint8Array = new Uint8Array(0)

/** Uncles that a range comes with: the layers of proof that do not follow from its own nodes. */
function unclesOf({ length, proofs }: HashRange): number {
  return Math.max(0, proofs - (treeHeight(length) - 1))
}

function sibling(position: number): number {
  return position % 2 === 0 ? position + 1 : position - 1
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < from + NODE_LENGTH; at++) if (bytes[at] !== 0) return false
  return true
}
