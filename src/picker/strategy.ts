/**
 * Which blocks to request from a peer, in this order: late and urgent pieces (deadlines), the piece
 * the peer works on, open pieces with free blocks, a new piece, pieces that fast peers had better
 * leave alone, and in the end-game blocks that others were asked for already. A peer on parole gets
 * pieces of its own, which the others leave to it.
 * @module
 */

import { BLOCK_LENGTH, type Block, type Layout } from '../metainfo/layout.js'
import { hasBit } from './bitset32.js'
import type { Order } from './candidates.js'
import type { Progress } from './progress.js'
import type { Rarity } from './rarity.js'
import type { OpenPiece, PeerState, Request } from './requests.js'

/** Peers asked for one block at the same time, duplicates included. */
export const MAX_HOLDERS = 3

/** Blocks that an idle peer duplicates at once in the end-game. */
const ENDGAME_BATCH = 4

/** Requested blocks and pieces looked at for duplicates in one pick, and the pause after a vain look, ms. */
const ENDGAME_BLOCKS = 256
const ENDGAME_PIECES = 64
const ENDGAME_PAUSE = 250

/** Allowed-fast pieces looked at (BEP 6 suggests ten). */
const ALLOWED_FAST = 64

/** Pieces with deadlines looked at in one pick. */
const DEADLINES = 32

/** A piece due within this time may be requested twice, ms. */
const DUE = 5_000

/** A request for such a piece is late after this time, ms. */
const LATE = 1_000

/** While there is other work in the swarm, an idle peer repeats only requests older than this, ms. */
const SLOW = 3_000

/** Open pieces compared for the best one. */
const COMPARED = 32

/** How long a piece is left to a peer on parole, ms: longer and it holds the download up. */
const SOLE = 60_000

/**
 * Bytes of adjacent pieces that one peer opens in a row, so that small pieces reach the disk in
 * writes of 1 MiB; but never more than this part of all pieces, so that peers stay different.
 */
const EXTENT = 1 << 20
const EXTENTS = 256

/** Verified pieces that are picked at random, so that we soon have something to give (libtorrent: 4). */
const RANDOM_FIRST = 4

/** A piece that is due. */
interface Deadline {
  readonly piece: number
  /** When it is needed, ms. */
  readonly at: number
}

export class Strategy<Owner> {
  sequential = false
  maxOpenPieces: number
  /** Verified pieces. */
  verified = 0
  /** Connected peers. */
  peers = 0
  /** The open limit kept a peer idle in the last pick. */
  starved = false
  readonly #layout: Layout
  readonly #rarity: Rarity
  readonly #progress: Progress<Owner>
  /** Pieces that are wanted and not verified. */
  readonly #missing: Int32Array
  /** Soonest first. */
  readonly #deadlines: Deadline[] = []
  readonly #found: OpenPiece<Owner>[] = []
  /** Adjacent small pieces opened in a row by one peer. */
  readonly #extent: number
  /** Blocks that may still be looked at in this pick. */
  #looks = 0

  constructor(
    layout: Layout,
    rarity: Rarity,
    progress: Progress<Owner>,
    missing: Int32Array,
    maxOpenPieces: number,
  ) {
    this.#layout = layout
    this.#rarity = rarity
    this.#progress = progress
    this.#missing = missing
    this.maxOpenPieces = maxOpenPieces
    this.#extent = Math.min(Math.floor(EXTENT / layout.pieceLength), Math.floor(layout.pieceCount / EXTENTS))
  }

  /** Appends up to `count` blocks for the peer and notes them as requested; returns their number. */
  pick(peer: PeerState<Owner>, count: number, now: number, out: Block[]): number {
    this.starved = false
    const rarity = this.#rarity
    rarity.settle()
    peer.candidates.catchUp()
    if (peer.isChoked) return this.#allowedFast(peer, count, now, out)
    let left = count
    if (peer.isOnParole) {
      left -= this.#alone(peer, left, now, out)
      // Where no piece is left for it alone, one that nobody else can finish must not wait for ever.
      if (left === count && peer.outstanding === 0) left -= this.#partial(peer, left, now, out, false)
      return count - left
    }
    if (this.#deadlines.length > 0) left -= this.#urgent(peer, left, now, out)
    const { current } = peer
    if (
      left > 0 &&
      current &&
      this.#usable(peer, current) &&
      !isLeftAlone(current, peer, now) &&
      (this.#rarity.counts[current.piece] as number) <= this.#common(peer)
    )
      left -= this.#take(peer, current, left, now, out)
    // A snubbed peer would hold up the pieces of others: it opens one of its own before it shares.
    if (left > 0 && !peer.isSnubbed) left -= this.#partial(peer, left, now, out, true)
    if (left > 0) left -= this.#fresh(peer, left, now, out)
    if (left > 0) left -= this.#partial(peer, left, now, out, false)
    if (left === count && left > 0) left -= this.#endgame(peer, left, now, out)
    if (left === 0) this.starved = false
    return count - left
  }

  /** The peer has other pieces than before. */
  piecesChanged(peer: PeerState<Owner>): void {
    peer.candidates.replaced()
    peer.checked = 0
    peer.endgame = -1
    peer.current = undefined
  }

  /** The peer has one piece more, which may be open. */
  pieceAdded(peer: PeerState<Owner>, piece: number): void {
    peer.candidates.added(piece)
    peer.endgame = -1
    const open = this.#progress.pieces.get(piece)
    if (open) this.#progress.refresh(open)
  }

  /** What the peer rejected is forgotten: it may be asked for all of it again. */
  forgiven(peer: PeerState<Owner>): void {
    peer.candidates.forgiven()
    peer.checked = 0
    peer.endgame = -1
  }

  /** Says when a piece is needed, ms; undefined for at no special time. */
  setDeadline(piece: number, at: number | undefined): void {
    const deadlines = this.#deadlines
    const known = deadlines.findIndex((deadline) => deadline.piece === piece)
    if (known >= 0) deadlines.splice(known, 1)
    if (at === undefined) return
    const later = deadlines.findIndex((deadline) => deadline.at > at)
    deadlines.splice(later < 0 ? deadlines.length : later, 0, { piece, at })
  }

  #usable(peer: PeerState<Owner>, open: OpenPiece<Owner>): boolean {
    return open.filed === 'free' && peer.offers(open.piece)
  }

  /**
   * Copies above which an open piece has to wait, since the peer has one that is rarer: what only few
   * have is worth more than finishing what many have, as long as open pieces do not pile up.
   */
  #common(peer: PeerState<Owner>): number {
    const crowded = this.#progress.freeCount > 1.5 * this.peers
    if (this.sequential || crowded || this.#full) return Number.POSITIVE_INFINITY
    return peer.candidates.rarestCopies()
  }

  /** Requests free blocks of an open piece in ascending order. */
  #take(peer: PeerState<Owner>, open: OpenPiece<Owner>, count: number, now: number, out: Block[]): number {
    const taken = Math.min(count, open.freeCount)
    for (let left = taken; left > 0; left--) {
      const block = open.firstFree()
      this.#progress.request(peer, open, block, now)
      out.push(this.#layout.blockAt(open.piece, block))
    }
    this.#progress.file(open, true)
    peer.current = open.freeCount > 0 ? open : undefined
    return taken
  }

  #open(peer: PeerState<Owner>, piece: number, count: number, now: number, out: Block[]): number {
    this.#rarity.remove(piece)
    const open = this.#progress.open(piece, this.#layout.blockCount(piece), now)
    return this.#take(peer, open, count, now, out)
  }

  get #full(): boolean {
    return this.#progress.pieces.size >= this.maxOpenPieces
  }

  /** Opens new pieces. */
  #fresh(peer: PeerState<Owner>, count: number, now: number, out: Block[]): number {
    if (this.#rarity.candidateCount === 0) return 0
    const order: Order = this.sequential
      ? 'sequential'
      : this.verified < RANDOM_FIRST && !peer.isSnubbed
        ? 'random'
        : 'rarest'
    let left = count
    while (left > 0) {
      if (this.#full) {
        this.starved = true
        break
      }
      const piece = peer.candidates.next(order, this.#extent, peer.isSnubbed)
      if (piece < 0) break
      left -= this.#open(peer, piece, left, now, out)
    }
    return count - left
  }

  /**
   * Blocks of open pieces. With `alone` a fast peer leaves pieces to others that do not offer it a
   * run of its own, unless there are too many of them.
   */
  #partial(peer: PeerState<Owner>, count: number, now: number, out: Block[], alone: boolean): number {
    const progress = this.#progress
    if (progress.sequence === peer.checked || progress.freeCount === 0) return 0
    const choosy =
      alone && peer.fastRun > 0 && this.verified >= RANDOM_FIRST && progress.freeCount <= 1.5 * this.peers
    const common = alone ? this.#common(peer) : Number.POSITIVE_INFINITY
    let left = count
    const found = this.#found
    while (left > 0) {
      found.length = 0
      let useful = false
      for (let open = progress.newest; open && open.sequence > peer.checked; open = open.older) {
        if (!peer.offers(open.piece)) continue
        useful = true
        if (isLeftAlone(open, peer, now)) continue
        if ((this.#rarity.counts[open.piece] as number) > common) continue
        if (choosy && open.requestedCount > 0 && open.freeCount < Math.min(peer.fastRun, open.blockCount)) {
          continue
        }
        found.push(open)
        if (found.length === COMPARED) break
      }
      if (!useful) peer.checked = progress.sequence
      if (found.length === 0) break
      if (found.length > 1) found.sort((a, b) => this.#compare(a, b))
      for (let at = 0; at < found.length && left > 0; at++) {
        left -= this.#take(peer, found[at] as OpenPiece<Owner>, left, now, out)
      }
    }
    found.length = 0
    return count - left
  }

  /** Pieces that only this peer works on: the ones it has, then new ones. */
  #alone(peer: PeerState<Owner>, count: number, now: number, out: Block[]): number {
    let left = count
    const found = this.#found
    found.length = 0
    for (let open = this.#progress.newest; open && found.length < COMPARED; open = open.older) {
      if (open.sole === peer && this.#usable(peer, open)) found.push(open)
    }
    for (let at = 0; at < found.length && left > 0; at++) {
      left -= this.#take(peer, found[at] as OpenPiece<Owner>, left, now, out)
    }
    found.length = 0
    while (left > 0 && !this.#full) {
      const piece = peer.candidates.next(this.sequential ? 'sequential' : 'rarest', 1, peer.isSnubbed)
      if (piece < 0) break
      left -= this.#open(peer, piece, left, now, out)
      const open = this.#progress.pieces.get(piece)
      if (!open) break
      open.sole = peer
      open.soleUntil = now + SOLE
    }
    return count - left
  }

  /** Order of open pieces: by priority, then by index or by what is left of them. */
  #compare(a: OpenPiece<Owner>, b: OpenPiece<Owner>): number {
    const priority = this.#rarity.priority
    const byPriority = (priority[b.piece] as number) - (priority[a.piece] as number)
    if (byPriority !== 0) return byPriority
    return this.sequential ? a.piece - b.piece : a.freeCount - b.freeCount || a.sequence - b.sequence
  }

  /** What may be requested while choked (BEP 6). */
  #allowedFast(peer: PeerState<Owner>, count: number, now: number, out: Block[]): number {
    let left = count
    let looked = 0
    for (const piece of peer.allowedFast) {
      if (left === 0 || looked++ === ALLOWED_FAST) break
      if (piece >= this.#layout.pieceCount) continue
      left -= this.#takePiece(peer, piece, left, now, out)
    }
    return count - left
  }

  /** Blocks of a certain piece, which is opened if need and limit be. */
  #takePiece(peer: PeerState<Owner>, piece: number, count: number, now: number, out: Block[]): number {
    if (!hasBit(this.#missing, piece) || !peer.offers(piece)) return 0
    const open = this.#progress.pieces.get(piece)
    if (open) return open.filed === 'free' ? this.#take(peer, open, count, now, out) : 0
    if (this.#full) {
      this.starved = true
      return 0
    }
    return this.#open(peer, piece, count, now, out)
  }

  /** Pieces that are due, soonest first; late requests of slower peers are repeated. */
  #urgent(peer: PeerState<Owner>, count: number, now: number, out: Block[]): number {
    let left = count
    const looked = Math.min(this.#deadlines.length, DEADLINES)
    this.#looks = ENDGAME_BLOCKS
    for (let at = 0; at < looked && left > 0; at++) {
      const { piece, at: due } = this.#deadlines[at] as Deadline
      left -= this.#takePiece(peer, piece, left, now, out)
      if (left === 0 || peer.isSnubbed || due - now > DUE) continue
      const open = this.#progress.pieces.get(piece)
      if (open?.filed !== 'busy' || !peer.offers(piece)) continue
      left -= this.#duplicate(peer, open, left, now, out, (request) => {
        const slower = request.peer.isSnubbed || request.peer.fastRun < peer.fastRun
        return slower && now - request.at >= LATE
      })
    }
    return count - left
  }

  /**
   * When nothing is left to request, an idle peer repeats a few requests of others. Where something
   * is left that this peer cannot give or that the open limit forbids, just the slow ones.
   */
  #endgame(peer: PeerState<Owner>, count: number, now: number, out: Block[]): number {
    const progress = this.#progress
    const busy = progress.busy
    if (peer.outstanding > 0 || peer.isSnubbed || busy.length === 0) return 0
    const limited = this.#rarity.candidateCount > 0 || progress.freeCount > 0
    if (now < peer.endgameAfter && (limited || peer.endgame === progress.supply)) return 0
    const allowed = limited ? (request: Request<Owner>): boolean => now - request.at >= SLOW : undefined
    const wanted = Math.min(count, ENDGAME_BATCH)
    let left = wanted
    let at = this.#rarity.below(busy.length)
    this.#looks = ENDGAME_BLOCKS
    for (let step = Math.min(busy.length, ENDGAME_PIECES); step > 0 && left > 0 && this.#looks > 0; step--) {
      const open = busy[at] as OpenPiece<Owner>
      const mayShare = peer.offers(open.piece)
      if (mayShare && !isLeftAlone(open, peer, now)) {
        left -= this.#duplicate(peer, open, left, now, out, allowed)
      }
      if (++at === busy.length) at = 0
    }
    if (left === wanted) {
      peer.endgame = progress.supply
      peer.endgameAfter = now + ENDGAME_PAUSE
    }
    return wanted - left
  }

  /** Repeats requests for blocks of a busy piece, from a random block on, that `allowed` lets through. */
  #duplicate(
    peer: PeerState<Owner>,
    open: OpenPiece<Owner>,
    count: number,
    now: number,
    out: Block[],
    allowed: ((request: Request<Owner>) => boolean) | undefined,
  ): number {
    let left = count
    const words = open.received.length
    let word = this.#rarity.below(words)
    for (let step = 0; step < words && left > 0 && this.#looks > 0; step++) {
      for (let rest = ~(open.received[word] as number); rest !== 0 && left > 0; this.#looks--) {
        const bit = Math.clz32(rest)
        rest &= ~(0x8000_0000 >>> bit)
        const block = word * 32 + bit
        const request = block < open.blockCount ? open.requests[block] : undefined
        if (!request || !mayJoin(request, peer) || (allowed && !allowed(request))) continue
        this.#progress.request(peer, open, block, now)
        out.push(this.#layout.blockAt(open.piece, block))
        left--
      }
      if (++word === words) word = 0
    }
    return count - left
  }
}

/** True while a piece is for a peer on parole alone, another than this one. */
function isLeftAlone<Owner>(open: OpenPiece<Owner>, peer: PeerState<Owner>, now: number): boolean {
  const { sole } = open
  if (sole === undefined || sole === peer || now >= open.soleUntil) return false
  return sole.isOnParole && sole.attached && !sole.isSnubbed
}

/** True when one more peer may be asked for a block and `peer` is not asked for it yet. */
function mayJoin<Owner>(request: Request<Owner>, peer: PeerState<Owner>): boolean {
  let holders = 0
  for (let at: Request<Owner> | undefined = request; at; at = at.also) {
    if (at.peer === peer) return false
    holders++
  }
  return holders < MAX_HOLDERS
}

/** Number of the block at an offset. */
export function blockIndex(begin: number): number {
  return Math.floor(begin / BLOCK_LENGTH)
}
