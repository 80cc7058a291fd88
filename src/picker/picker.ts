/**
 * The piece picker of one torrent: knows which pieces the connected peers have, which blocks were
 * asked of whom, and says what to request next (BEP 3 "rarest first", BEP 6, BEP 54).
 *
 * States of a piece: candidate (wanted, lacking) -> open (`pick`, `restore`) -> complete (`received`
 * of the last block) -> verified (`verified`) or candidate again (`failed`). `unverify` makes a
 * verified piece a candidate again. No socket, no clock, no callbacks.
 * @module
 */

import type { Block, Layout } from '../metainfo/layout.js'
import { Bitfield } from '../util/bitfield.js'
import type { Random } from '../util/random.js'
import { bitset, clearBit, countBits, hasBit, setBit } from './bitset32.js'
import { asked, contributors, strike, writeStates } from './block-sources.js'
import { checkInvariants } from './invariants.js'
import { Progress } from './progress.js'
import { Rarity } from './rarity.js'
import { type OpenPiece, PeerState, type PickerPeer } from './requests.js'
import { type PickerStats, snapshot } from './stats.js'
import { blockIndex, Strategy } from './strategy.js'

export type { PickerPeer, PickerStats }

/** An open piece without requests that got no block for this time may be given up for others, ms. */
const IDLE = 30_000

/** Allowed-fast pieces remembered of a peer (BEP 6 suggests ten). */
const ALLOWED_FAST = 64

/** More would overflow the counters of copies. */
const MAX_PEERS = 65_535

export interface PickerOptions {
  readonly layout: Layout
  readonly random: Random
  /** Pieces verified already (copied). Default none. */
  readonly have?: Bitfield
  /** See {@link Picker.maxOpenPieces}. Default unlimited. */
  readonly maxOpenPieces?: number
}

export class Picker<Owner> {
  /** Verified pieces; read only. */
  readonly have: Bitfield

  readonly #layout: Layout
  readonly #rarity: Rarity
  readonly #progress: Progress<Owner>
  readonly #strategy: Strategy<Owner>
  /** Wanted and not verified. */
  readonly #missing: Int32Array
  #missingCount = 0
  readonly #peers: Set<PeerState<Owner>> = new Set()
  /** Latest time told. */
  #now = 0

  constructor(options: PickerOptions) {
    const { layout, random, have } = options
    const length = layout.pieceCount
    if (have && have.length !== length) {
      throw new RangeError(`have must cover ${length} pieces, got ${have.length}`)
    }
    this.#layout = layout
    this.have = have?.clone() ?? new Bitfield(length)
    this.#rarity = new Rarity(length, random)
    this.#progress = new Progress(layout.blocksPerPiece)
    this.#missing = bitset(length)
    this.#strategy = new Strategy(
      layout,
      this.#rarity,
      this.#progress,
      this.#missing,
      options.maxOpenPieces ?? Number.POSITIVE_INFINITY,
    )
    this.#strategy.verified = this.have.count
    this.#recount()
  }

  /**
   * Open pieces at most: the storage's byte budget. A piece is open from its first picked block until
   * `verified`, `failed` or `evict`. At the limit no piece is opened; open ones can always finish.
   */
  get maxOpenPieces(): number {
    return this.#strategy.maxOpenPieces
  }

  set maxOpenPieces(count: number) {
    this.#strategy.maxOpenPieces = count
  }

  /** True to open pieces by index instead of by rarity, within each priority. Default false. */
  get sequential(): boolean {
    return this.#strategy.sequential
  }

  set sequential(sequential: boolean) {
    this.#strategy.sequential = sequential
  }

  /** True when every wanted piece is verified. */
  get isDone(): boolean {
    return this.#missingCount === 0
  }

  /** Number of open pieces. */
  get openPieces(): number {
    return this.#progress.pieces.size
  }

  /** True when the last `pick` gave too little because of the open limit: see {@link Picker.evict}. */
  get starved(): boolean {
    return this.#strategy.starved
  }

  /** Adds a connected peer, which has nothing yet and chokes us (BEP 3). Throws RangeError above 65,535 peers. */
  addPeer(owner: Owner): PickerPeer<Owner> {
    if (this.#peers.size >= MAX_PEERS) throw new RangeError(`at most ${MAX_PEERS} peers, got one more`)
    const peer = new PeerState(owner, this.#rarity)
    this.#peers.add(peer)
    this.#strategy.peers = this.#peers.size
    return peer
  }

  /** Forgets a peer: its outstanding blocks are free again, its copies no longer count. */
  removePeer(peer: PickerPeer<Owner>): void {
    const state = stateOf(peer)
    if (!this.#peers.delete(state)) return
    this.#strategy.peers = this.#peers.size
    this.dropRequests(peer)
    state.attached = false
    state.pieces.clear()
    if (this.#peers.size > 0) this.#rarity.settle()
    state.candidates.clear()
    state.rejects.clear()
    this.#strategy.piecesChanged(state)
  }

  /** The peer chokes us: only allowed-fast pieces are picked. What it was asked for stays until dropped or rejected. */
  choked(peer: PickerPeer<Owner>): void {
    stateOf(peer).isChoked = true
  }

  /** The peer answers requests from now on, and what it rejected before is forgotten. */
  unchoked(peer: PickerPeer<Owner>): void {
    const state = stateOf(peer)
    if (!state.isChoked) return
    state.isChoked = false
    state.rejects.clear()
    this.#strategy.forgiven(state)
  }

  /** The piece may be requested of the peer while it chokes us (BEP 6). The first 64 are remembered. */
  allowFast(peer: PickerPeer<Owner>, piece: number): void {
    const { allowedFast } = stateOf(peer)
    if (allowedFast.size < ALLOWED_FAST) allowedFast.add(piece)
  }

  /** The peer does not deliver, or does so again: while snubbed it gets common pieces and no duplicates. */
  setSnubbed(peer: PickerPeer<Owner>, isSnubbed: boolean): void {
    stateOf(peer).isSnubbed = isSnubbed
  }

  /** On parole a peer gets whole pieces that nobody else works on (libtorrent). */
  setParole(peer: PickerPeer<Owner>, isOnParole: boolean): void {
    stateOf(peer).isOnParole = isOnParole
  }

  /** Blocks in a row that the peer's rate is worth (libtorrent: 20 s of it, at most 8 MiB); 0 for a slow peer, the default. */
  setFastRun(peer: PickerPeer<Owner>, blocks: number): void {
    stateOf(peer).fastRun = blocks
  }

  /** Says all that a peer has (bitfield, have all, have none); a full set makes it a seed. The set is copied. */
  setPieces(peer: PickerPeer<Owner>, pieces: Bitfield): void {
    const state = stateOf(peer)
    if (!state.attached) return
    state.pieces.set(pieces)
    this.#strategy.piecesChanged(state)
    this.#rarity.settle()
  }

  /** The peer has one piece more. */
  peerHas(peer: PickerPeer<Owner>, piece: number): void {
    const state = stateOf(peer)
    if (!state.attached || state.pieces.has(piece)) return
    state.pieces.add(piece)
    this.#strategy.pieceAdded(state, piece)
  }

  /** The peer no longer has a piece (BEP 54 "lt_donthave"). Its requests for it stay until rejected. */
  peerLost(peer: PickerPeer<Owner>, piece: number): void {
    const state = stateOf(peer)
    if (state.attached && state.pieces.remove(piece)) this.#strategy.piecesChanged(state)
  }

  /** The peer suggests a piece (BEP 6): it is opened with this peer before others that are just as rare. */
  suggested(peer: PickerPeer<Owner>, piece: number): void {
    const state = stateOf(peer)
    if (state.attached && !this.have.has(piece)) state.candidates.suggest(piece)
  }

  /** True when the peer has a piece that we want and lack. */
  isInteresting(peer: PickerPeer<Owner>): boolean {
    return this.#missingCount > 0 && stateOf(peer).candidates.hasAny(this.#missing)
  }

  /**
   * Appends up to `count` blocks to request from the peer to `out`, notes them as requested at `now`
   * (ms) and returns their number. Blocks of one piece come in ascending order.
   */
  pick(peer: PickerPeer<Owner>, count: number, now: number, out: Block[]): number {
    this.#now = now
    const state = stateOf(peer)
    if (!state.attached || count <= 0 || this.#missingCount === 0) return 0
    if (state.rejects.expire(now)) this.#strategy.forgiven(state)
    if (state.rejects.isFull) return 0
    return this.#strategy.pick(state, count, now, out)
  }

  /**
   * Takes note of a block. 'fresh': it was needed and counts now; 'duplicate': it is not needed (had
   * already, or its piece is not open). All requests for a fresh block are forgotten; the other peers
   * that were asked for it are appended to `cancels`.
   */
  received(
    peer: PickerPeer<Owner>,
    piece: number,
    begin: number,
    cancels: PickerPeer<Owner>[],
  ): 'fresh' | 'duplicate' {
    const open = this.#progress.pieces.get(piece)
    const block = blockIndex(begin)
    if (!open || block >= open.blockCount || hasBit(open.received, block)) return 'duplicate'
    this.#progress.forget(open, block, cancels, stateOf(peer))
    open.setReceived(block, peer.owner)
    open.touched = this.#now
    this.#progress.file(open, this.#wants(piece))
    return 'fresh'
  }

  /** True when all blocks of a piece are received and it is neither verified nor failed yet. */
  isComplete(piece: number): boolean {
    return this.#progress.pieces.get(piece)?.complete ?? false
  }

  /** The peer rejected a request (BEP 6): the block is free, and the peer is not asked for that piece for 10 s. */
  rejected(peer: PickerPeer<Owner>, piece: number, begin: number): void {
    const state = stateOf(peer)
    // A choke rejects all that is outstanding; that says nothing about the pieces.
    if (!this.dropRequest(peer, piece, begin) || (state.isChoked && !state.allowedFast.has(piece))) return
    if (state.rejects.expire(this.#now)) this.#strategy.forgiven(state)
    state.rejects.add(piece, this.#now)
  }

  /** Takes back one request, without any blame; true when the peer was asked for the block. */
  dropRequest(peer: PickerPeer<Owner>, piece: number, begin: number): boolean {
    const open = this.#progress.pieces.get(piece)
    const block = blockIndex(begin)
    if (!open || block >= open.blockCount) return false
    const request = this.#progress.find(open, block, stateOf(peer))
    if (!request) return false
    this.#progress.drop(request)
    this.#progress.file(open, this.#wants(piece))
    return true
  }

  /** All outstanding blocks of a peer are free again: it choked us (without BEP 6), is snubbed, or closes. */
  dropRequests(peer: PickerPeer<Owner>): void {
    const state = stateOf(peer)
    for (let request = state.oldest; request; request = state.oldest) {
      const { open } = request
      this.#progress.drop(request)
      this.#progress.file(open, this.#wants(open.piece))
    }
  }

  /** A piece was verified. Whatever was still requested of it is forgotten. */
  verified(piece: number): void {
    if (!this.have.add(piece)) return
    this.#strategy.verified++
    this.#close(piece)
    this.#rarity.remove(piece)
    this.#settleMissing(piece)
    this.setDeadline(piece, undefined)
  }

  /** A piece failed its hash check: it is emptied and lacking again. Returns who sent its blocks, each once. */
  failed(piece: number): Owner[] {
    const senders = this.contributors(piece)
    this.#close(piece)
    if (this.#wants(piece)) this.#rarity.add(piece)
    return senders
  }

  /**
   * Blocks of a complete piece are wrong, all others are right (v2): they are free again, the rest stays.
   * Returns who sent the wrong ones, each once.
   */
  failedBlocks(piece: number, blocks: readonly number[]): Owner[] {
    const open = this.#progress.pieces.get(piece)
    if (!open) return []
    const owners = strike(open, blocks)
    open.touched = this.#now
    this.#progress.file(open, this.#wants(piece))
    return owners
  }

  /** Who sent the received blocks of an open piece, each once; also owners whose peers are gone. */
  contributors(piece: number): Owner[] {
    return contributors(this.#progress.pieces.get(piece))
  }

  /** Outstanding requests for an open piece: who is asked, and for the block at which offset. */
  requests(piece: number): { readonly owner: Owner; readonly begin: number }[] {
    return asked(this.#progress.pieces.get(piece))
  }

  /** Who sent each block of an open piece; undefined for those that nobody sent, or an earlier run. */
  senders(piece: number): (Owner | undefined)[] {
    return this.#progress.pieces.get(piece)?.from.slice() ?? []
  }

  /**
   * Gives up an open piece to make room under the limit when none of the connected peers works on it:
   * one that is no longer wanted or has no block yet, else one that was left alone for 30 s. It is
   * emptied and lacking again; the caller frees its memory. Undefined when there is none. To be called
   * when {@link Picker.starved}; O(open pieces).
   */
  evict(now: number): number | undefined {
    this.#now = now
    let best: OpenPiece<Owner> | undefined
    for (const open of this.#progress.pieces.values()) {
      if (open.requestedCount > 0 || open.complete) continue
      const idle = open.receivedCount === 0 || !this.#wants(open.piece) || now - open.touched >= IDLE
      if (idle && (!best || open.receivedCount < best.receivedCount)) best = open
    }
    if (!best) return undefined
    const { piece } = best
    this.failed(piece)
    return piece
  }

  /** True when the piece has a priority above 0. */
  wanted(piece: number): boolean {
    return (this.#rarity.priority[piece] as number) > 0
  }

  /** Sets the priority of a piece: 0 not wanted, 1 .. 7 (most urgent); pieces start with 4. Throws RangeError. */
  setPriority(piece: number, priority: number): void {
    checkPriority(priority)
    if (!(piece >= 0 && piece < this.#layout.pieceCount)) {
      throw new RangeError(`piece must be in 0 .. ${this.#layout.pieceCount - 1}, got ${piece}`)
    }
    const rarity = this.#rarity
    if (rarity.priority[piece] === priority) return
    if (priority === 0) rarity.remove(piece)
    rarity.setPriority(piece, priority)
    this.#settleMissing(piece)
    const open = this.#progress.pieces.get(piece)
    if (open) this.#progress.file(open, this.#wants(piece))
    else if (this.#wants(piece)) rarity.add(piece)
    // A shortlist or cursor made under the old order is void.
    rarity.generation++
  }

  /** Sets the priorities of all pieces, one number each; the order is rebuilt once. Throws RangeError. */
  setPriorities(priorities: ArrayLike<number>): void {
    const length = this.#layout.pieceCount
    if (priorities.length !== length) {
      throw new RangeError(`priorities must be ${length} numbers, got ${priorities.length}`)
    }
    for (let piece = 0; piece < length; piece++) checkPriority(priorities[piece] as number)
    this.#rarity.priority.set(priorities)
    this.#recount()
    for (const open of this.#progress.pieces.values()) this.#progress.file(open, this.#wants(open.piece))
    if (this.#peers.size > 0) this.#rarity.settle()
  }

  /** Says when a piece is needed, ms; undefined for at no special time. Only of use while it is wanted. */
  setDeadline(piece: number, at: number | undefined): void {
    const known = this.have.has(piece) || !(piece >= 0 && piece < this.#layout.pieceCount)
    this.#strategy.setDeadline(piece, known ? undefined : at)
  }

  /** Copies of a piece among the connected peers. */
  availability(piece: number): number {
    return (this.#rarity.counts[piece] as number) + this.#rarity.seeds
  }

  /** A snapshot; O(pieces) to make. */
  get stats(): PickerStats {
    return snapshot(this.#rarity, this.#progress, this.#missing, this.#missingCount)
  }

  /** State of each block of a piece: 0 free, 1 requested, 2 received. */
  blockStates(piece: number): Uint8Array {
    const states = new Uint8Array(this.#layout.blockCount(piece))
    if (this.have.has(piece)) return states.fill(2)
    const open = this.#progress.pieces.get(piece)
    if (open) writeStates(open, states)
    return states
  }

  /** Indices of the open pieces. */
  open(): number[] {
    return [...this.#progress.pieces.keys()]
  }

  /**
   * Opens a piece with blocks that an earlier run left (numbers within the piece), even above the open
   * limit; nobody is to blame for them. Does nothing for a verified or open piece, or without blocks.
   */
  restore(piece: number, receivedBlocks: Iterable<number>): void {
    if (this.have.has(piece) || this.#progress.pieces.has(piece)) return
    const count = this.#layout.blockCount(piece)
    const blocks = [...receivedBlocks].filter((block) => block >= 0 && block < count)
    if (blocks.length === 0) return
    this.#rarity.remove(piece)
    const open = this.#progress.open(piece, count, this.#now)
    for (const block of blocks) if (!hasBit(open.received, block)) open.setReceived(block, undefined)
    this.#progress.file(open, this.#wants(piece))
  }

  /** A verified piece was lost (disk, changed file): it is lacking again. */
  unverify(piece: number): void {
    if (!this.have.delete(piece)) return
    this.#strategy.verified--
    this.#settleMissing(piece)
    if (this.#wants(piece)) this.#rarity.add(piece)
  }

  /** Throws an Error when the picker's own books contradict each other; for tests. O(everything). */
  checkInvariants(): void {
    checkInvariants({
      have: this.have,
      rarity: this.#rarity,
      progress: this.#progress,
      missing: this.#missing,
      missingCount: this.#missingCount,
      peers: this.#peers,
    })
    if (this.#strategy.verified !== this.have.count) throw new Error('picker: verified pieces are miscounted')
  }

  #wants(piece: number): boolean {
    return hasBit(this.#missing, piece)
  }

  /** Brings `missing` up to date for one piece. */
  #settleMissing(piece: number): void {
    const missing = this.wanted(piece) && !this.have.has(piece)
    if (missing === hasBit(this.#missing, piece)) return
    if (missing) setBit(this.#missing, piece)
    else clearBit(this.#missing, piece)
    this.#missingCount += missing ? 1 : -1
  }

  /** Derives missing pieces and candidates from priorities, verified and open pieces. */
  #recount(): void {
    const rarity = this.#rarity
    this.#missing.fill(0)
    for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
      if (this.wanted(piece) && !this.have.has(piece)) setBit(this.#missing, piece)
    }
    this.#missingCount = countBits(this.#missing)
    rarity.candidates.set(this.#missing)
    for (const piece of this.#progress.pieces.keys()) clearBit(rarity.candidates, piece)
    rarity.candidateCount = countBits(rarity.candidates)
    rarity.invalidate()
  }

  #close(piece: number): void {
    const open = this.#progress.pieces.get(piece)
    if (open) this.#progress.close(open)
  }
}

/** What is behind a handle: every one was made by `addPeer`. */
function stateOf<Owner>(peer: PickerPeer<Owner>): PeerState<Owner> {
  return peer as PeerState<Owner>
}

function checkPriority(priority: number): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > 7) {
    throw new RangeError(`priority must be an integer in 0 .. 7, got ${priority}`)
  }
}
