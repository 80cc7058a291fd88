/**
 * The open pieces: which of their blocks are free, requested (by whom) or received (from whom), and
 * which open pieces still have free blocks. Every step costs the same however many pieces are open.
 *
 * A block goes free -> requested -> received; a request that is dropped or rejected makes it free
 * again unless another peer was asked for it too. A received block that turns out wrong is free again. An
 * open piece is filed by what can be done with it: 'free' (has free blocks), 'busy' (every missing block is
 * requested), 'none' (complete or not wanted).
 * @module
 */

import { countBits, hasBit } from './bitset32.js'
import { OpenPiece, type PeerState, type PickerPeer, type Request } from './requests.js'

/** Blocks whose records are kept for reuse. */
const SPARE_BLOCKS = 8192

export class Progress<Owner> {
  readonly pieces: Map<number, OpenPiece<Owner>> = new Map()
  /** The piece with free blocks that was filed last. */
  newest: OpenPiece<Owner> | undefined
  freeCount = 0
  /** Pieces filed as free so far. */
  sequence = 0
  readonly busy: OpenPiece<Owner>[] = []
  /** Requests of all peers, duplicates included. */
  requests = 0
  /** Grows when there may be another block to duplicate. */
  supply = 0

  readonly #blocksPerPiece: number
  readonly #sparePieces: OpenPiece<Owner>[] = []

  constructor(blocksPerPiece: number) {
    this.#blocksPerPiece = blocksPerPiece
  }

  /** Opens a piece; it is not filed yet. */
  open(piece: number, blockCount: number, now: number): OpenPiece<Owner> {
    const spare = blockCount === this.#blocksPerPiece ? this.#sparePieces.pop() : undefined
    if (spare) spare.reuse(piece)
    const open = spare ?? new OpenPiece<Owner>(piece, blockCount)
    open.touched = now
    this.pieces.set(piece, open)
    return open
  }

  /** Closes a piece and forgets its requests. */
  close(open: OpenPiece<Owner>): void {
    if (open.requestedCount > 0) {
      for (let block = 0; block < open.blockCount; block++) this.forget(open, block)
    }
    this.#unfile(open)
    this.pieces.delete(open.piece)
    if (
      open.blockCount === this.#blocksPerPiece &&
      this.#sparePieces.length * this.#blocksPerPiece < SPARE_BLOCKS
    ) {
      open.from.fill(undefined)
      this.#sparePieces.push(open)
    }
    // Peers may still point here as their current piece: they look at `filed` before they use it.
    open.piece = -1
  }

  /** Files a piece by what can be done with it now. */
  file(open: OpenPiece<Owner>, wanted: boolean): void {
    const filed = !wanted || open.complete ? 'none' : open.freeCount > 0 ? 'free' : 'busy'
    if (filed === open.filed) return
    this.#unfile(open)
    open.filed = filed
    if (filed === 'free') this.#link(open)
    else if (filed === 'busy') {
      open.place = this.busy.length
      this.busy.push(open)
      this.supply++
    }
  }

  /** Files a piece with free blocks anew, so that peers which passed it by look again. */
  refresh(open: OpenPiece<Owner>): void {
    if (open.filed !== 'free') return
    this.#unfile(open)
    open.filed = 'free'
    this.#link(open)
  }

  /** Notes that a block is asked of a peer; it may be asked of others already. */
  request(peer: PeerState<Owner>, open: OpenPiece<Owner>, block: number, now: number): void {
    const also = open.requests[block]
    const older = peer.newest
    const request: Request<Owner> = { peer, open, block, at: now, older, newer: undefined, also }
    if (peer.newest) peer.newest.newer = request
    else peer.oldest = request
    peer.newest = request
    peer.outstanding++
    open.requests[block] = request
    open.touched = now
    this.requests++
    if (!also) {
      open.clearFree(block)
      open.requestedCount++
    }
  }

  /** Takes back a peer's request; true when the block is free again. */
  drop(request: Request<Owner>): boolean {
    const { open, block } = request
    let before: Request<Owner> | undefined
    for (let at = open.requests[block]; at !== request; at = at?.also) before = at
    if (before) before.also = request.also
    else open.requests[block] = request.also
    this.#release(request)
    this.supply++
    if (open.requests[block]) return false
    open.requestedCount--
    open.setFree(block)
    return true
  }

  /** A peer's request for a block, if there is one. */
  find(open: OpenPiece<Owner>, block: number, peer: PeerState<Owner>): Request<Owner> | undefined {
    let request = open.requests[block]
    while (request && request.peer !== peer) request = request.also
    return request
  }

  /** Forgets all requests of a block, which is not made free; adds the asked peers but `but` to `peers`. */
  forget(open: OpenPiece<Owner>, block: number, peers?: PickerPeer<Owner>[], but?: PeerState<Owner>): void {
    let request = open.requests[block]
    if (!request) return
    open.requests[block] = undefined
    open.requestedCount--
    while (request) {
      const also: Request<Owner> | undefined = request.also
      if (peers && request.peer !== but) peers.push(request.peer)
      this.#release(request)
      request = also
    }
  }

  /** Throws when lists, counts and bits contradict each other. */
  check(): void {
    const fail = (text: string): never => {
      throw new Error(`picker: ${text}`)
    }
    let requests = 0
    let free = 0
    for (const [piece, open] of this.pieces) {
      if (open.piece !== piece) fail(`open piece ${piece} is filed under a wrong index`)
      let requested = 0
      for (let block = 0; block < open.blockCount; block++) {
        const states = [hasBit(open.free, block), open.requests[block], hasBit(open.received, block)]
        if (states.filter(Boolean).length !== 1) fail(`block ${block} of piece ${piece} has no single state`)
        if (open.requests[block]) requested++
        const peers = new Set<PeerState<Owner>>()
        for (let at = open.requests[block]; at; at = at.also) {
          requests++
          if (peers.has(at.peer)) fail(`block ${block} of piece ${piece} is asked twice of one peer`)
          if (!at.peer.attached) fail(`block ${block} of piece ${piece} is asked of a removed peer`)
          peers.add(at.peer)
        }
      }
      if (requested !== open.requestedCount) fail(`requested blocks of piece ${piece} are miscounted`)
      if (countBits(open.free) !== open.freeCount) fail(`free blocks of piece ${piece} are miscounted`)
      if (countBits(open.received) !== open.receivedCount) fail(`blocks of piece ${piece} are miscounted`)
      if (open.freeCount > 0 && !hasBit(open.free, open.firstFree())) fail(`piece ${piece} lost a free block`)
      if (open.filed === 'free') free++
      if (open.filed === 'busy' && this.busy[open.place] !== open) fail(`busy piece ${piece} is misplaced`)
    }
    if (requests !== this.requests) fail('requests are miscounted')
    let listed = 0
    for (let at = this.newest; at; at = at.older) {
      listed++
      if (at.filed !== 'free' || this.pieces.get(at.piece) !== at) fail(`piece ${at.piece} is listed as free`)
      if (at.older && at.older.sequence >= at.sequence) fail('the list of free pieces is out of order')
    }
    if (listed !== this.freeCount || free !== listed) fail('pieces with free blocks are miscounted')
    if (this.busy.some((open) => open.filed !== 'busy')) fail('a piece is wrongly busy')
  }

  #release(request: Request<Owner>): void {
    const { peer, older, newer } = request
    if (older) older.newer = newer
    else peer.oldest = newer
    if (newer) newer.older = older
    else peer.newest = older
    peer.outstanding--
    this.requests--
  }

  #link(open: OpenPiece<Owner>): void {
    open.sequence = ++this.sequence
    open.older = this.newest
    open.newer = undefined
    if (this.newest) this.newest.newer = open
    this.newest = open
    this.freeCount++
  }

  #unfile(open: OpenPiece<Owner>): void {
    if (open.filed === 'free') {
      if (open.newer) open.newer.older = open.older
      else this.newest = open.older
      if (open.older) open.older.newer = open.newer
      open.newer = undefined
      open.older = undefined
      this.freeCount--
    } else if (open.filed === 'busy') {
      const last = this.busy.pop() as OpenPiece<Owner>
      if (last !== open) {
        this.busy[open.place] = last
        last.place = open.place
      }
    }
    open.filed = 'none'
  }
}
