/**
 * Which piece to open next with a peer: random, rarest, most common or first by index, within the
 * highest priority class of which the peer has candidates.
 *
 * Nothing here walks all pieces for each answer. Cursors that only move forward say whether the
 * peer has a candidate of a class at all. If so, a bounded walk of the rarity array finds it, which
 * takes about two steps for a peer with half the pieces; where that fails, one walk of (the peer's
 * pieces AND the class) word by word fills a shortlist that serves the next picks too.
 * @module
 */

import type { PeerPieces } from './peer-pieces.js'
import type { Rarity } from './rarity.js'
import type { Rejects } from './rejects.js'

/** How the next piece is chosen within a class. */
export type Order = 'random' | 'rarest' | 'sequential'

/** Steps in the rarity array before the words are walked instead. */
const WALK = 256

/** Steps in the rarity array for a look at the rarest candidate. */
const GLANCE = 32

/** Candidates that a walk of the words looks at, and the best of them that it keeps. */
const GATHERED = 256
const KEPT = 32

/** Suggestions remembered of a peer, the latest (libtorrent sends 16 at most). */
const SUGGESTIONS = 16

/** The candidates that one peer has. */
export class Candidates {
  readonly #rarity: Rarity
  readonly #pieces: PeerPieces
  readonly #rejects: Rejects
  /** Pieces that the peer suggested, the latest last (BEP 6). */
  readonly #suggested: number[] = []
  /** For each class the first word that may hold a candidate it has. */
  readonly #cursors: Int32Array = new Int32Array(8)
  /** The first word that may hold a missing piece it has. */
  #missingFrom = 0
  /** Rarity.generation at which the cursors were set, and Rarity.additions that they know of. */
  #generation = 0
  #additions = 0
  /** The piece it opened last; -1 for none. */
  #last = -1
  /** Candidates found by the last walk, best last; of which class, and for a snubbed peer or not. */
  readonly #shortlist: number[] = []
  #shortlistClass = 0
  #shortlistSnubbed = false
  /** Rarity.additions at which no candidate was found because of rejects; -1 for never. */
  #dry = -1

  constructor(rarity: Rarity, pieces: PeerPieces, rejects: Rejects) {
    this.#rarity = rarity
    this.#pieces = pieces
    this.#rejects = rejects
  }

  /** Brings the cursors up to date with pieces that became candidates since. */
  catchUp(): void {
    const rarity = this.#rarity
    if (this.#generation === rarity.generation && this.#additions === rarity.additions) return
    const isVoid = this.#generation !== rarity.generation
    if (isVoid || rarity.additions - this.#additions > rarity.recent.length) {
      this.#cursors.fill(0)
      this.#missingFrom = 0
      if (isVoid) this.#shortlist.length = 0
    } else {
      for (let at = this.#additions; at < rarity.additions; at++) {
        this.#lower(rarity.recent[at % rarity.recent.length] as number)
      }
    }
    this.#generation = rarity.generation
    this.#additions = rarity.additions
    this.#dry = -1
  }

  /** The peer has one piece more. */
  added(piece: number): void {
    this.#lower(piece)
    this.#dry = -1
  }

  /** What the peer has is another set of pieces. */
  replaced(): void {
    this.#generation = 0
  }

  /** What the peer rejected is forgotten. */
  forgiven(): void {
    this.#dry = -1
  }

  /** The peer suggests a piece: it comes before others that are just as rare. */
  suggest(piece: number): void {
    const suggested = this.#suggested
    if (suggested.includes(piece)) return
    if (suggested.length === SUGGESTIONS) suggested.shift()
    suggested.push(piece)
  }

  /** The peer left. */
  clear(): void {
    this.#shortlist.length = 0
    this.#suggested.length = 0
  }

  /** True when the peer has one of the `missing` pieces, which are not none. */
  hasAny(missing: Int32Array): boolean {
    if (this.#pieces.isSeed) return true
    const { bits } = this.#pieces
    if (!bits) return false
    this.catchUp()
    let at = this.#missingFrom
    while (at < bits.length && ((bits[at] as number) & (missing[at] as number)) === 0) at++
    this.#missingFrom = at
    return at < bits.length
  }

  /** About how rare the rarest candidate is that the peer has: its copies, Infinity when a glance finds none. */
  rarestCopies(): number {
    const rarity = this.#rarity
    for (let level = 0; level < rarity.classCount; level++) {
      const first = rarity.first(level, true)
      const end = Math.min(rarity.end(level), first + GLANCE)
      for (let at = first; at < end; at++) {
        const piece = rarity.order[at] as number
        if (this.#offers(piece)) return rarity.counts[piece] as number
      }
    }
    return Number.POSITIVE_INFINITY
  }

  /**
   * A candidate that the peer has and has not rejected lately, or -1. The rarity must be settled and the
   * cursors up to date. In rarest order the peer goes through `extent` aligned pieces in a row as long as they
   * are no less rare; a `snubbed` peer gets the most common ones.
   */
  next(order: Order, extent: number, snubbed: boolean): number {
    const rarity = this.#rarity
    if (rarity.candidateCount === 0 || this.#dry === rarity.additions) return -1
    for (let level = 0; level < rarity.classCount; level++) {
      if (!this.#hasClass(level)) continue
      const piece =
        order === 'sequential'
          ? this.#firstByIndex(level)
          : extent > 1 && order === 'rarest' && !snubbed
            ? this.#inExtent(level, extent)
            : this.#firstByRarity(level, order, snubbed)
      if (piece >= 0) return piece
    }
    // All it has was rejected: do not walk again until the rejects expire or something changes.
    if (!this.#rejects.isEmpty) this.#dry = rarity.additions
    return -1
  }

  #offers(piece: number): boolean {
    return this.#pieces.has(piece) && !this.#rejects.has(piece)
  }

  /** Tells the cursors of a piece that the peer has now, or that is a candidate now. */
  #lower(piece: number): void {
    const word = piece >>> 5
    if (word < this.#missingFrom) this.#missingFrom = word
    const level = this.#rarity.classOf(piece)
    const cursors = this.#cursors
    if (level < cursors.length && word < (cursors[level] as number)) cursors[level] = word
  }

  /** True when the peer has a candidate of the class; moves its cursor to the first such word. */
  #hasClass(level: number): boolean {
    const rarity = this.#rarity
    if (this.#pieces.isSeed) return rarity.end(level) > rarity.first(level, true)
    const { bits } = this.#pieces
    if (!bits) return false
    const wanted = rarity.classBits(level)
    let at = this.#cursors[level] as number
    while (at < wanted.length && ((wanted[at] as number) & (bits[at] as number)) === 0) at++
    this.#cursors[level] = at
    return at < wanted.length
  }

  #firstByIndex(level: number): number {
    const wanted = this.#rarity.classBits(level)
    const { isSeed, bits } = this.#pieces
    let at = isSeed ? this.#rarity.lowest(level) : (this.#cursors[level] as number)
    for (; at < wanted.length; at++) {
      for (let rest = (wanted[at] as number) & (bits ? (bits[at] as number) : -1); rest !== 0; ) {
        const bit = Math.clz32(rest)
        if (!this.#rejects.has(at * 32 + bit)) return at * 32 + bit
        rest &= ~(0x8000_0000 >>> bit)
      }
    }
    return -1
  }

  #inExtent(level: number, extent: number): number {
    const rarity = this.#rarity
    let piece = this.#last + 1
    if (piece % extent === 0 || piece >= rarity.length || !this.#fits(piece, piece - 1, level)) {
      piece = this.#firstByRarity(level, 'rarest', false)
      while (piece > 0 && piece % extent !== 0 && this.#fits(piece - 1, piece, level)) piece--
    }
    if (piece >= 0) this.#last = piece
    return piece
  }

  /** True for a candidate that may be opened in a row with its neighbour. */
  #fits(piece: number, neighbour: number, level: number): boolean {
    const rarity = this.#rarity
    return (
      rarity.isCandidate(piece) &&
      rarity.classOf(piece) === level &&
      rarity.compare(piece, neighbour) <= 0 &&
      this.#offers(piece)
    )
  }

  /** The candidate to open; of those that are as rare, one that the peer suggested (BEP 6). */
  #firstByRarity(level: number, order: Order, snubbed: boolean): number {
    const rarity = this.#rarity
    const piece = this.#anyByRarity(level, order, snubbed)
    if (piece < 0 || order !== 'rarest' || snubbed) return piece
    for (const other of this.#suggested) {
      if (!rarity.isCandidate(other) || rarity.classOf(other) !== level) continue
      if (rarity.compare(other, piece) !== 0 || !this.#offers(other)) continue
      // What came off the list is still the next one.
      if (other !== piece && this.#shortlistClass === level) this.#shortlist.push(piece)
      return other
    }
    return piece
  }

  #anyByRarity(level: number, order: Order, snubbed: boolean): number {
    const listed = this.#fromShortlist(level, snubbed)
    if (listed >= 0) return listed
    const rarity = this.#rarity
    const first = rarity.first(level, this.#pieces.isSeed)
    const length = rarity.end(level) - first
    if (length > 0) {
      const start = order === 'random' ? rarity.below(length) : snubbed ? length - 1 : 0
      const step = order !== 'random' && snubbed ? length - 1 : 1
      for (let at = start, left = Math.min(length, WALK); left > 0; left--) {
        const piece = rarity.order[first + at] as number
        if (this.#offers(piece)) return piece
        at += step
        if (at >= length) at -= length
      }
      if (length <= WALK) return -1
    }
    this.#fillShortlist(level, snubbed)
    return this.#fromShortlist(level, snubbed)
  }

  #fromShortlist(level: number, snubbed: boolean): number {
    const shortlist = this.#shortlist
    if (this.#shortlistClass !== level || this.#shortlistSnubbed !== snubbed) shortlist.length = 0
    for (let piece = shortlist.pop(); piece !== undefined; piece = shortlist.pop()) {
      if (this.#rarity.isCandidate(piece) && this.#offers(piece)) return piece
    }
    return -1
  }

  /** Gathers candidates from a random word on and keeps the rarest (for a snubbed peer the most common). */
  #fillShortlist(level: number, snubbed: boolean): void {
    const rarity = this.#rarity
    const shortlist = this.#shortlist
    const { isSeed, bits } = this.#pieces
    const wanted = rarity.classBits(level)
    const from = isSeed ? 0 : (this.#cursors[level] as number)
    const span = wanted.length - from
    let at = from + rarity.below(span)
    shortlist.length = 0
    for (let left = span; left > 0 && shortlist.length < GATHERED; left--) {
      for (let rest = (wanted[at] as number) & (bits ? (bits[at] as number) : -1); rest !== 0; ) {
        const bit = Math.clz32(rest)
        rest &= ~(0x8000_0000 >>> bit)
        if (!this.#rejects.has(at * 32 + bit)) shortlist.push(at * 32 + bit)
      }
      if (++at === wanted.length) at = from
    }
    const sign = snubbed ? -1 : 1
    shortlist.sort((a, b) => sign * rarity.compare(b, a))
    if (shortlist.length > KEPT) shortlist.splice(0, shortlist.length - KEPT)
    this.#shortlistClass = level
    this.#shortlistSnubbed = snubbed
  }
}
