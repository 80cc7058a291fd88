/**
 * Which merkle hashes to ask of which peer (BEP 52): the piece layers that are not known, in runs of up to 512,
 * and the leaves of pieces whose hash was wrong. Each hash is asked of one peer at a time, of those that have
 * a piece under it.
 *
 * | a request is | answered | rejected | older than 10 s | peer leaves |
 * |---|---|---|---|---|
 * | open | done, or the peer lied | asked of others, later of the same | asked of others; late | asked of others |
 * | late | as open | forgotten | | forgotten |
 * | unknown | closes | closes | | |
 * @module
 */

import type { HashRange, HashTree } from '../../metainfo/hash-tree.js'
import type { HashTrees } from '../../metainfo/hash-trees.js'
import type { Bitfield } from '../../util/bitfield.js'
import { toHex } from '../../util/bytes.js'
import type { HashRequest } from '../message.js'

/** Requests under way at one peer: 70 KiB of answers, enough to never wait for a round trip. */
const MAX_OPEN = 4
/** ms until others are asked too. */
const PATIENCE = 10_000
/** ms after which no peer is expected to give the leaves of a piece any more. */
const GIVE_UP = 30_000
/** ms until a peer is asked again for what it rejected: one that verifies by the v1 half learns hashes late. */
const REFUSAL = 20_000
/** Unanswered requests in a row after which a peer is asked no more until it answers one. */
const MAX_LATE = 8
/** Runs looked at for one request, each in each file that has it, so that a peer that has none of them costs little. */
const MAX_STEPS = 1024

/** Why a peer is closed for what it did with hashes. */
export type HashCloseCode =
  /** `hashes` that were not asked for. */
  | 'wire/unrequested-hashes'
  /** A reject of what was not asked for. */
  | 'wire/unrequested-hash-reject'
  /** Hashes that are too many or too few, or do not fold to what is known. */
  | 'wire/bad-hashes'
  /** Requests without end. */
  | 'wire/hash-request-flood'

/** What to ask for, and why. */
interface Wish {
  readonly key: string
  readonly tree: HashTree
  readonly range: HashRange
  /** The first piece of the torrent under it. */
  readonly first: number
}

interface Asked {
  readonly wish: Wish
  readonly at: number
  late: boolean
}

interface State {
  readonly pieces: () => Bitfield | undefined
  readonly asked: Map<string, Asked>
  /** What it rejected -> until when it is not asked for that again, ms. */
  readonly refused: Map<string, number>
  /** Where it goes on looking for runs: index of the tree, run, and which of the files that share the tree. */
  tree: number
  run: number
  file: number
  /** What was passed may be of use by now: goes on from the beginning after the end. */
  again: boolean
  late: number
}

export class HashRequester<Peer> {
  readonly #trees: HashTrees
  readonly #peers = new Map<Peer, State>()
  /** Requests that one peer is expected to answer. */
  readonly #open = new Set<string>()
  /** Pieces of the torrent whose leaves are wanted -> since when, and what is missing of them. */
  readonly #doubtful = new Map<number, { readonly since: number; readonly wishes: readonly Wish[] }>()

  constructor(trees: HashTrees) {
    this.#trees = trees
  }

  /** True while there is anything to ask for. */
  get isBusy(): boolean {
    return this.#doubtful.size > 0 || !this.#trees.isComplete
  }

  /** A peer that speaks v2. `pieces` gives the set of those it has. */
  addPeer(peer: Peer, pieces: () => Bitfield | undefined): void {
    this.#peers.set(peer, {
      pieces,
      asked: new Map(),
      refused: new Map(),
      tree: 0,
      run: 0,
      file: 0,
      again: false,
      late: 0,
    })
  }

  removePeer(peer: Peer): void {
    const state = this.#peers.get(peer)
    if (!state) return
    this.#peers.delete(peer)
    for (const [key, { late }] of state.asked) if (!late) this.#open.delete(key)
    this.#lookAgain()
  }

  /** The peer has pieces that it had not before. */
  refresh(peer: Peer): void {
    const state = this.#peers.get(peer)
    // Never back to the beginning at once: a peer that tells of piece after piece would be looked at there alone.
    if (state) state.again = true
  }

  /** Wants the leaves of a piece of the torrent. */
  doubt(piece: number, now: number): void {
    const { tree, index } = this.#trees.at(piece)
    const root = toHex(tree.root)
    const wishes = tree.leafRanges(index).map((range) => wishOf(root, tree, range, piece))
    this.#doubtful.set(piece, { since: now, wishes })
  }

  /** The leaves of a piece are not wanted any more. */
  forget(piece: number): void {
    this.#doubtful.delete(piece)
  }

  /** What to ask the peer for now, noted as asked; undefined for nothing. */
  next(peer: Peer, now: number): HashRequest | undefined {
    const state = this.#peers.get(peer)
    const pieces = state?.pieces()
    if (!state || !pieces || state.late >= MAX_LATE || state.asked.size - state.late >= MAX_OPEN)
      return undefined
    const wish = this.#leafWish(state, pieces) ?? this.#runWish(state, pieces)
    if (!wish) return undefined
    this.#open.add(wish.key)
    state.asked.set(wish.key, { wish, at: now, late: false })
    return { root: wish.tree.root, ...wish.range }
  }

  /** Hashes came; 'ok' when they are proven and were taken in, or 'late' when they are known by now. */
  received(peer: Peer, request: HashRequest, hashes: Uint8Array): 'ok' | 'late' | HashCloseCode {
    const asked = this.#takeAsked(peer, request)
    if (!asked) return 'wire/unrequested-hashes'
    const { tree, range, first } = asked.wish
    const known =
      range.base === 0 && tree.base > 0 ? !this.#doubtful.has(first) : tree.knowsRun(tree.runOf(range.index))
    if (known) return 'late'
    return tree.addHashes(range, hashes) === 'ok' ? 'ok' : 'wire/bad-hashes'
  }

  /** The peer does not give what it was asked for. */
  rejected(peer: Peer, request: HashRequest, now: number): HashCloseCode | undefined {
    const asked = this.#takeAsked(peer, request)
    if (!asked) return 'wire/unrequested-hash-reject'
    this.#peers.get(peer)?.refused.set(asked.wish.key, now + REFUSAL)
    this.#lookAgain()
    return undefined
  }

  /** The proven leaves of a piece that is in doubt, once all are there. */
  leavesOf(piece: number): Uint8Array | undefined {
    const { tree, index } = this.#trees.at(piece)
    return tree.leavesOf(index)
  }

  /** Pieces in doubt. */
  doubtful(): readonly number[] {
    return [...this.#doubtful.keys()]
  }

  /**
   * Once in a while: lets others answer what takes too long, and gives the pieces whose leaves no peer has
   * or gives, which it forgets.
   */
  tick(now: number): number[] {
    let freed = false
    for (const state of this.#peers.values()) {
      for (const [key, until] of state.refused) {
        if (until > now) break
        state.refused.delete(key)
        freed = true
      }
      for (const [key, asked] of state.asked) {
        if (asked.late || now - asked.at < PATIENCE) continue
        asked.late = true
        state.late++
        freed = this.#open.delete(key) || freed
      }
    }
    if (freed) this.#lookAgain()
    const lost: number[] = []
    for (const [piece, { since, wishes }] of this.#doubtful) {
      if (now - since < GIVE_UP && wishes.every((wish) => this.#mayCome(wish))) continue
      this.#doubtful.delete(piece)
      lost.push(piece)
    }
    return lost
  }

  /** True while a peer was asked for it, or can be. */
  #mayCome(wish: Wish): boolean {
    if (this.#open.has(wish.key) || wish.tree.hasLeaves(wish.range)) return true
    for (const state of this.#peers.values()) if (canAsk(state, wish)) return true
    return false
  }

  #leafWish(state: State, pieces: Bitfield): Wish | undefined {
    for (const { wishes } of this.#doubtful.values()) {
      for (const wish of wishes) {
        if (!pieces.has(wish.first) || this.#open.has(wish.key)) continue
        if (!wish.tree.hasLeaves(wish.range) && canAsk(state, wish)) return wish
      }
    }
    return undefined
  }

  #runWish(state: State, pieces: Bitfield): Wish | undefined {
    const { trees } = this.#trees
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const tree = trees[state.tree]
      if (tree === undefined) {
        if (!state.again) return undefined
        state.again = false
        state.tree = 0
      } else if (tree.isComplete || state.run >= tree.runs) {
        state.tree++
        state.run = 0
        state.file = 0
      } else {
        const wish = this.#wishAt(state, tree, pieces)
        if (wish) return wish
      }
    }
    return undefined
  }

  /** Looks at one run in one file, and steps on. */
  #wishAt(state: State, tree: HashTree, pieces: Bitfield): Wish | undefined {
    const { run } = state
    const start = tree.knowsRun(run) ? undefined : this.#trees.firstPieces(tree)[state.file++]
    if (start !== undefined) {
      const { first, end } = tree.runPieces(run)
      if (pieces.next(start + first, start + end) < 0) return undefined
    }
    // Known, in no further file, or found: the other files have the same hashes.
    state.run++
    state.file = 0
    if (start === undefined) return undefined
    const { first } = tree.runPieces(run)
    const wish = wishOf(toHex(tree.root), tree, tree.runRange(run), start + first)
    const isTaken = this.#open.has(wish.key) || state.refused.has(wish.key) || state.asked.has(wish.key)
    return isTaken ? undefined : wish
  }

  #takeAsked(peer: Peer, request: HashRequest): Asked | undefined {
    const state = this.#peers.get(peer)
    const key = keyOf(toHex(request.root), request)
    const asked = state?.asked.get(key)
    if (!state || !asked) return undefined
    state.asked.delete(key)
    if (asked.late) state.late--
    else this.#open.delete(key)
    return asked
  }

  /** Something can be asked of others again. */
  #lookAgain(): void {
    for (const peer of this.#peers.keys()) this.refresh(peer)
  }
}

function canAsk(state: State, wish: Wish): boolean {
  if (state.refused.has(wish.key) || state.asked.has(wish.key) || state.late >= MAX_LATE) return false
  return state.pieces()?.has(wish.first) === true
}

function wishOf(root: string, tree: HashTree, range: HashRange, first: number): Wish {
  return { key: keyOf(root, range), tree, range, first }
}

function keyOf(root: string, { base, index, length, proofs }: HashRange): string {
  return `${root} ${base} ${index} ${length} ${proofs}`
}
