/**
 * Which hash requests of peers are answered, and when (BEP 52): every request gets its hashes or a reject, in
 * the order they came, whether or not the peer is choked. What costs us work waits for its turn: each peer has
 * an allowance that grows with time.
 *
 * | a request is | answer |
 * |---|---|
 * | for a root we do not know, misaligned, beyond the layer | reject |
 * | for hashes that we do not know, or leaves of pieces we lack | reject |
 * | one more than we hold | reject |
 * | the 256th in a row that is rejected | closes |
 * | anything else | hashes |
 * @module
 */

import type { HashTree } from '../../metainfo/hash-tree.js'
import type { HashTrees } from '../../metainfo/hash-trees.js'
import { NODE_LENGTH } from '../../metainfo/merkle.js'
import { equalBytes } from '../../util/bytes.js'
import type { HashRequest } from '../message.js'
import type { HashCloseCode } from './requester.js'

/** Requests of a peer that wait: libtorrent asks for a few at a time. */
const MAX_WAITING = 64
/** Rejects in a row after which it cannot be an honest mistake any more. */
const MAX_REFUSED = 256
/** Work for a peer in a second, in nodes: some 90 answers of 512; a quarter of that while it is choked. */
const ALLOWANCE = 50_000
/** Work that may be saved up, in nodes. */
const BURST = 4 * ALLOWANCE
/** Work for a leaf that has to be hashed from the disk, in nodes: a read of 16 KiB and 200 times the bytes. */
const LEAF = 64

/** What to do next for a peer. */
export type HashAnswer =
  | { readonly type: 'hashes'; readonly request: HashRequest; readonly hashes: Uint8Array }
  | { readonly type: 'reject'; readonly request: HashRequest }
  /** Hash these pieces of the torrent, the last one included, and call {@link HashServer.leaves}. */
  | { readonly type: 'leaves'; readonly first: number; readonly last: number }

interface State {
  readonly waiting: HashRequest[]
  allowance: number
  /** When the allowance was last counted, ms. */
  at: number
  refused: number
  /** Leaves for the first request are being hashed. */
  hashing: boolean
}

export class HashServer<Peer> {
  readonly #trees: HashTrees
  readonly #peers = new Map<Peer, State>()

  constructor(trees: HashTrees) {
    this.#trees = trees
  }

  removePeer(peer: Peer): void {
    this.#peers.delete(peer)
  }

  /** True when requests of the peer wait. */
  isWaiting(peer: Peer): boolean {
    return (this.#peers.get(peer)?.waiting.length ?? 0) > 0
  }

  /** Takes a request: 'waits', or it is to be rejected at once, or the peer is to be closed. */
  requested(peer: Peer, request: HashRequest, now: number): 'waits' | 'reject' | HashCloseCode {
    let state = this.#peers.get(peer)
    if (!state) {
      state = { waiting: [], allowance: BURST, at: now, refused: 0, hashing: false }
      this.#peers.set(peer, state)
    }
    const tree = this.#trees.byRoot(request.root)
    if (tree?.isRange(request) && state.waiting.length < MAX_WAITING) {
      state.waiting.push(request)
      return 'waits'
    }
    return ++state.refused >= MAX_REFUSED ? 'wire/hash-request-flood' : 'reject'
  }

  /**
   * What the peer's oldest request calls for now; undefined when none waits, leaves are being hashed, or its
   * allowance is used up. `has` tells which pieces of the torrent we have, `choked` whether we choke the peer.
   */
  next(peer: Peer, has: (piece: number) => boolean, choked: boolean, now: number): HashAnswer | undefined {
    const state = this.#peers.get(peer)
    const request = state?.waiting[0]
    if (!state || !request || state.hashing) return undefined
    const grown = ((now - state.at) / 1000) * (choked ? ALLOWANCE / 4 : ALLOWANCE)
    state.allowance = Math.min(BURST, state.allowance + grown)
    state.at = now
    if (state.allowance < 0) return undefined
    const tree = this.#trees.byRoot(request.root) as HashTree
    if (request.base === 0 && tree.base > 0) return this.#leaves(state, request, tree, has)
    state.allowance -= request.length
    return this.#answer(state, request, tree.hashes(request))
  }

  /** The leaves that {@link HashServer.next} asked for, 32 bytes each, or undefined when they cannot be had. */
  leaves(peer: Peer, leaves: Uint8Array | undefined): HashAnswer | undefined {
    const state = this.#peers.get(peer)
    const request = state?.waiting[0]
    if (!state?.hashing || !request) return undefined
    state.hashing = false
    const tree = this.#trees.byRoot(request.root) as HashTree
    // What is on the disk may have changed: a wrong proof would cost us the peer.
    const right = leaves !== undefined && isRight(tree, request, leaves)
    return this.#answer(state, request, right ? tree.hashes(request, leaves) : undefined)
  }

  #leaves(state: State, request: HashRequest, tree: HashTree, has: (piece: number) => boolean): HashAnswer {
    const { first, last } = tree.leafPieces(request)
    for (const start of this.#trees.firstPieces(tree)) {
      let piece = first
      while (piece <= last && has(start + piece)) piece++
      if (piece <= last || first > last) continue
      state.hashing = true
      for (piece = first; piece <= last; piece++) state.allowance -= LEAF * tree.blocksOf(piece)
      return { type: 'leaves', first: start + first, last: start + last }
    }
    return this.#answer(state, request, undefined)
  }

  #answer(state: State, request: HashRequest, hashes: Uint8Array | undefined): HashAnswer {
    state.waiting.shift()
    if (hashes === undefined) {
      state.refused++
      return { type: 'reject', request }
    }
    state.refused = 0
    return { type: 'hashes', request, hashes }
  }
}

/** True when the leaves of whole pieces fold to the hashes of those. */
function isRight(tree: HashTree, request: HashRequest, leaves: Uint8Array): boolean {
  const { first, last } = tree.leafPieces(request)
  let from = 0
  for (let piece = first; piece <= last; piece++) {
    const end = from + tree.blocksOf(piece) * NODE_LENGTH
    const hash = tree.pieceHash(piece)
    if (hash === undefined || !equalBytes(tree.pieceRoot(leaves.subarray(from, end)), hash)) return false
    from = end
  }
  return from === leaves.length
}
