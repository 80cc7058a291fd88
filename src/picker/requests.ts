/**
 * The linked structure in the middle of a picker: peers, open pieces, and the requests that join them. Each
 * group of fields is written by one file, which its comment names.
 * @module
 */

import { bitset, clearBit, fillBits, hasBit, setBit } from './bitset32.js'
import { Candidates } from './candidates.js'
import { PeerPieces } from './peer-pieces.js'
import type { Rarity } from './rarity.js'
import { Rejects } from './rejects.js'

/** A peer's handle in a {@link Picker}, made by `addPeer`: what may be read of it. The picker's methods change it. */
export interface PickerPeer<Owner> {
  /** What the peer stands for outside; credit and blame are returned as owners. */
  readonly owner: Owner
  /** Blocks requested and neither received, rejected nor dropped. */
  readonly outstanding: number
  /** True when the peer announced that it has everything and has not taken it back. */
  readonly isSeed: boolean
  /** True while the peer chokes us: only {@link PickerPeer.allowedFast} pieces are picked. */
  readonly isChoked: boolean
  /** True while the peer does not deliver: it gets common pieces and no duplicates. */
  readonly isSnubbed: boolean
  /** Pieces that may be requested while choked (BEP 6). */
  readonly allowedFast: ReadonlySet<number>
}

/** What the picker knows of one connected peer. */
export class PeerState<Owner> implements PickerPeer<Owner> {
  readonly owner: Owner
  readonly pieces: PeerPieces
  readonly rejects: Rejects = new Rejects()
  readonly candidates: Candidates

  // What the owner says of it, and removal: picker.ts.
  isChoked = true
  isSnubbed = false
  isOnParole = false
  /** Blocks in a row that its rate is worth; 0 for a slow peer. */
  fastRun = 0
  readonly allowedFast: Set<number> = new Set()
  attached = true

  // Its requests, oldest first, and their number: progress.ts.
  oldest: Request<Owner> | undefined
  newest: Request<Owner> | undefined
  outstanding = 0

  // Where the search for its next block stands: strategy.ts.
  /** The open piece it works on. */
  current: OpenPiece<Owner> | undefined
  /** Pieces with free blocks filed up to here are of no use to it. */
  checked = 0
  /** Supply of duplicable requests at which none was found; -1 for never. */
  endgame = -1
  /** When it may look again without new supply, ms. */
  endgameAfter = 0

  constructor(owner: Owner, rarity: Rarity) {
    this.owner = owner
    this.pieces = new PeerPieces(rarity)
    this.candidates = new Candidates(rarity, this.pieces, this.rejects)
  }

  get isSeed(): boolean {
    return this.pieces.isSeed
  }

  /** True when the peer may be asked for blocks of a piece. */
  offers(piece: number): boolean {
    return this.pieces.has(piece) && !this.rejects.has(piece)
  }
}

/** One block asked of one peer; also a link in the peer's list and in the block's list. */
export interface Request<Owner> {
  peer: PeerState<Owner>
  open: OpenPiece<Owner>
  block: number
  /** When it was picked, ms. */
  at: number
  /** The peer's request before and after this. */
  older: Request<Owner> | undefined
  newer: Request<Owner> | undefined
  /** Another peer's request for the same block. */
  also: Request<Owner> | undefined
}

/** A piece of which a block was picked, until it is verified or failed. */
export class OpenPiece<Owner> {
  piece: number
  readonly blockCount: number
  /** Blocks that can be requested. */
  readonly free: Int32Array
  freeCount: number
  readonly received: Int32Array
  receivedCount = 0
  /** Requests of each block, duplicates chained. */
  readonly requests: (Request<Owner> | undefined)[]
  /** Blocks that are requested. */
  requestedCount = 0
  /** Who sent each received block; undefined for a restored one. */
  readonly from: (Owner | undefined)[]
  /** When the piece was last worked on, ms. */
  touched = 0
  /** A peer on parole that works on it, which others leave to it until `soleUntil` (ms). */
  sole: PeerState<Owner> | undefined
  soleUntil = 0
  filed: 'free' | 'busy' | 'none' = 'none'
  /** When it was filed as free: later is larger. */
  sequence = 0
  /** Neighbours in the list of pieces with free blocks. */
  newer: OpenPiece<Owner> | undefined
  older: OpenPiece<Owner> | undefined
  /** Place in the array of busy pieces. */
  place = 0
  /** No block before this word is free. */
  #word = 0

  constructor(piece: number, blockCount: number) {
    this.piece = piece
    this.blockCount = blockCount
    this.free = bitset(blockCount)
    fillBits(this.free, blockCount)
    this.freeCount = blockCount
    this.received = bitset(blockCount)
    this.requests = new Array<Request<Owner> | undefined>(blockCount).fill(undefined)
    this.from = new Array<Owner | undefined>(blockCount).fill(undefined)
  }

  get complete(): boolean {
    return this.receivedCount === this.blockCount
  }

  /** Lowest free block; there must be one. */
  firstFree(): number {
    while (this.free[this.#word] === 0) this.#word++
    return this.#word * 32 + Math.clz32(this.free[this.#word] as number)
  }

  setFree(block: number): void {
    setBit(this.free, block)
    this.freeCount++
    if (block >>> 5 < this.#word) this.#word = block >>> 5
  }

  clearFree(block: number): void {
    if (!hasBit(this.free, block)) return
    clearBit(this.free, block)
    this.freeCount--
  }

  setReceived(block: number, from: Owner | undefined): void {
    this.clearFree(block)
    setBit(this.received, block)
    this.receivedCount++
    this.from[block] = from
  }

  /** A received block is free again. */
  lose(block: number): void {
    clearBit(this.received, block)
    this.receivedCount--
    this.from[block] = undefined
    this.setFree(block)
  }

  /** Empties the record for another piece of as many blocks; it must have no requests. */
  reuse(piece: number): void {
    this.piece = piece
    fillBits(this.free, this.blockCount)
    this.freeCount = this.blockCount
    this.received.fill(0)
    this.receivedCount = 0
    this.touched = 0
    this.sole = undefined
    this.sequence = 0
    this.#word = 0
  }
}
