/**
 * The merkle trees of all files of a v2 or hybrid torrent (BEP 52), found by piece or by root.
 * @module
 */

import { toHex } from '../util/bytes.js'
import { HashTree } from './hash-tree.js'
import type { Metainfo } from './model.js'

/** A piece within the tree of its file. */
export interface TreePiece {
  readonly tree: HashTree
  /** Number of the piece in its file. */
  readonly index: number
}

export class HashTrees {
  /** Each tree once: files of the same content share one. */
  readonly trees: readonly HashTree[]
  /** First piece of each file with a tree, ascending, and its tree. */
  readonly #starts: Int32Array
  readonly #of: readonly HashTree[]
  /** Trees at the start of {@link trees} that are complete: they stay so. */
  #complete = 0
  readonly #byRoot = new Map<string, HashTree>()
  /** First pieces of the files that share a tree. */
  readonly #firsts = new Map<HashTree, number[]>()

  /** Of a v2 or hybrid torrent; layers that lenient parsing left out are unknown at first. */
  constructor(metainfo: Pick<Metainfo, 'files' | 'layout' | 'pieceLength' | 'pieceLayers'>) {
    const { files, layout, pieceLength, pieceLayers } = metainfo
    const known = new Map<string, HashTree>()
    const starts: number[] = []
    const of: HashTree[] = []
    for (let file = 0; file < files.length; file++) {
      const { piecesRoot, length = 0, pad } = files[file] ?? {}
      if (piecesRoot === undefined || pad === true || length === 0) continue
      const root = toHex(piecesRoot)
      // A root that two lengths claim is right for one of them at most: they get trees of their own.
      const key = `${root} ${length}`
      const tree = known.get(key) ?? new HashTree(piecesRoot, length, pieceLength, pieceLayers.get(root))
      const first = (layout.offsets[file] as number) / pieceLength
      known.set(key, tree)
      if (!this.#byRoot.has(root)) this.#byRoot.set(root, tree)
      const firsts = this.#firsts.get(tree)
      if (firsts) firsts.push(first)
      else this.#firsts.set(tree, [first])
      starts.push(first)
      of.push(tree)
    }
    this.#starts = Int32Array.from(starts)
    this.#of = of
    this.trees = [...known.values()]
  }

  /** True when the hash of every piece is known. */
  get isComplete(): boolean {
    while (this.trees[this.#complete]?.isComplete) this.#complete++
    return this.#complete === this.trees.length
  }

  /** The tree that covers a piece of the torrent. */
  at(piece: number): TreePiece {
    const file = this.#fileAt(piece)
    return { tree: this.#of[file] as HashTree, index: piece - (this.#starts[file] as number) }
  }

  /** True when the hash of a piece of the torrent is known. */
  knows(piece: number): boolean {
    const file = this.#fileAt(piece)
    return (this.#of[file] as HashTree).knows(piece - (this.#starts[file] as number))
  }

  /** The tree with this root, or undefined. */
  byRoot(root: Uint8Array): HashTree | undefined {
    return this.#byRoot.get(toHex(root))
  }

  /** For each file with this tree the first of its pieces in the torrent. */
  firstPieces(tree: HashTree): readonly number[] {
    return this.#firsts.get(tree) ?? []
  }

  #fileAt(piece: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#starts[middle] as number) <= piece) low = middle
      else high = middle - 1
    }
    return low
  }
}
