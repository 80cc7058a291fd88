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

import { hasBit } from './bitset32.js'
import type { PickerPeer } from './peer.js'
import type { Rarity } from './rarity.js'

/** How the next piece is chosen within a class. */
export type Order = 'random' | 'rarest' | 'sequential'

/** Steps in the rarity array before the words are walked instead. */
const WALK = 256

/** Candidates that a walk of the words looks at, and the best of them that it keeps. */
const GATHERED = 256
const KEPT = 32

/** True when the peer has the piece. */
export function hasPiece(peer: PickerPeer<unknown>, piece: number): boolean {
  return peer.seed || (peer.words !== undefined && hasBit(peer.words, piece))
}

/** Brings the peer's cursors up to date with pieces that became candidates since. */
export function catchUp(rarity: Rarity, peer: PickerPeer<unknown>): void {
  if (peer.generation === rarity.generation && peer.additions === rarity.additions) return
  if (peer.generation !== rarity.generation || rarity.additions - peer.additions > rarity.recent.length) {
    peer.cursors.fill(0)
    peer.interest = 0
    if (peer.generation !== rarity.generation) peer.shortlist.length = 0
  } else {
    for (let at = peer.additions; at < rarity.additions; at++) {
      lowerCursors(rarity, peer, rarity.recent[at % rarity.recent.length] as number)
    }
  }
  peer.generation = rarity.generation
  peer.additions = rarity.additions
  peer.dry = -1
}

/** Steps in the rarity array for a look at the rarest candidate. */
const GLANCE = 32

/** About how rare the rarest candidate is that the peer has: its copies, Infinity when a glance finds none. */
export function rarestCopies(rarity: Rarity, peer: PickerPeer<unknown>): number {
  for (let level = 0; level < rarity.classCount; level++) {
    const first = rarity.first(level, true)
    const end = Math.min(rarity.end(level), first + GLANCE)
    for (let at = first; at < end; at++) {
      const piece = rarity.order[at] as number
      if (hasPiece(peer, piece) && !peer.refused.has(piece)) return rarity.counts[piece] as number
    }
  }
  return Number.POSITIVE_INFINITY
}

/** Tells the cursors of a piece that the peer has now, or that is a candidate now. */
export function lowerCursors(rarity: Rarity, peer: PickerPeer<unknown>, piece: number): void {
  const word = piece >>> 5
  if (word < peer.interest) peer.interest = word
  const level = rarity.classOf(piece)
  if (level < peer.cursors.length && word < (peer.cursors[level] as number)) peer.cursors[level] = word
}

/**
 * A candidate that the peer has and has not rejected lately, or -1. `rarity` must be settled and the
 * peer's cursors up to date. In rarest order the peer goes through `extent` aligned pieces in a row as
 * long as they are no less rare.
 */
export function nextCandidate(
  rarity: Rarity,
  peer: PickerPeer<unknown>,
  order: Order,
  extent: number,
): number {
  if (rarity.candidateCount === 0 || peer.dry === rarity.additions) return -1
  for (let level = 0; level < rarity.classCount; level++) {
    if (!hasClass(rarity, peer, level)) continue
    const piece =
      order === 'sequential'
        ? firstByIndex(rarity, peer, level)
        : extent > 1 && order === 'rarest' && !peer.snubbed
          ? inExtent(rarity, peer, level, extent)
          : firstByRarity(rarity, peer, level, order)
    if (piece >= 0) return piece
  }
  // All it has was rejected: do not walk again until the rejects expire or something changes.
  if (peer.refused.size > 0) peer.dry = rarity.additions
  return -1
}

/** True when the peer has a candidate of the class; moves its cursor to the first such word. */
function hasClass(rarity: Rarity, peer: PickerPeer<unknown>, level: number): boolean {
  if (peer.seed) return rarity.end(level) > rarity.first(level, true)
  const { words } = peer
  if (!words) return false
  const wanted = rarity.classWords(level)
  let at = peer.cursors[level] as number
  while (at < wanted.length && ((wanted[at] as number) & (words[at] as number)) === 0) at++
  peer.cursors[level] = at
  return at < wanted.length
}

function firstByIndex(rarity: Rarity, peer: PickerPeer<unknown>, level: number): number {
  const wanted = rarity.classWords(level)
  let at = peer.seed ? rarity.lowest(level) : (peer.cursors[level] as number)
  for (; at < wanted.length; at++) {
    for (let rest = (wanted[at] as number) & (peer.words ? (peer.words[at] as number) : -1); rest !== 0; ) {
      const bit = Math.clz32(rest)
      if (!peer.refused.has(at * 32 + bit)) return at * 32 + bit
      rest &= ~(0x8000_0000 >>> bit)
    }
  }
  return -1
}

function inExtent(rarity: Rarity, peer: PickerPeer<unknown>, level: number, extent: number): number {
  const fits = (piece: number, neighbour: number): boolean =>
    rarity.isCandidate(piece) &&
    rarity.classOf(piece) === level &&
    rarity.compare(piece, neighbour) <= 0 &&
    hasPiece(peer, piece) &&
    !peer.refused.has(piece)
  let piece = peer.last + 1
  if (piece % extent === 0 || piece >= rarity.length || !fits(piece, piece - 1)) {
    piece = firstByRarity(rarity, peer, level, 'rarest')
    while (piece > 0 && piece % extent !== 0 && fits(piece - 1, piece)) piece--
  }
  if (piece >= 0) peer.last = piece
  return piece
}

/** The peer's candidate to open; of those that are as rare, one that it suggested (BEP 6). */
function firstByRarity(rarity: Rarity, peer: PickerPeer<unknown>, level: number, order: Order): number {
  const piece = anyByRarity(rarity, peer, level, order)
  if (piece < 0 || order !== 'rarest' || peer.snubbed) return piece
  for (const other of peer.suggested) {
    if (!rarity.isCandidate(other) || rarity.classOf(other) !== level) continue
    if (rarity.compare(other, piece) !== 0 || !hasPiece(peer, other) || peer.refused.has(other)) continue
    // What came off the list is still the next one.
    if (other !== piece && peer.shortlistClass === level) peer.shortlist.push(piece)
    return other
  }
  return piece
}

function anyByRarity(rarity: Rarity, peer: PickerPeer<unknown>, level: number, order: Order): number {
  const listed = fromShortlist(rarity, peer, level)
  if (listed >= 0) return listed
  const first = rarity.first(level, peer.seed)
  const end = rarity.end(level)
  const length = end - first
  if (length > 0) {
    const start = order === 'random' ? rarity.below(length) : peer.snubbed ? length - 1 : 0
    const step = order !== 'random' && peer.snubbed ? length - 1 : 1
    for (let at = start, left = Math.min(length, WALK); left > 0; left--) {
      const piece = rarity.order[first + at] as number
      if (hasPiece(peer, piece) && !peer.refused.has(piece)) return piece
      at += step
      if (at >= length) at -= length
    }
    if (length <= WALK) return -1
  }
  fillShortlist(rarity, peer, level)
  return fromShortlist(rarity, peer, level)
}

function fromShortlist(rarity: Rarity, peer: PickerPeer<unknown>, level: number): number {
  const { shortlist } = peer
  if (peer.shortlistClass !== level || peer.shortlistSnubbed !== peer.snubbed) shortlist.length = 0
  for (let piece = shortlist.pop(); piece !== undefined; piece = shortlist.pop()) {
    if (rarity.isCandidate(piece) && hasPiece(peer, piece) && !peer.refused.has(piece)) return piece
  }
  return -1
}

/** Gathers candidates from a random word on and keeps the rarest (for a snubbed peer the most common). */
function fillShortlist(rarity: Rarity, peer: PickerPeer<unknown>, level: number): void {
  const { shortlist, words } = peer
  const wanted = rarity.classWords(level)
  const from = peer.seed ? 0 : (peer.cursors[level] as number)
  const span = wanted.length - from
  let at = from + rarity.below(span)
  shortlist.length = 0
  for (let left = span; left > 0 && shortlist.length < GATHERED; left--) {
    for (let rest = (wanted[at] as number) & (words ? (words[at] as number) : -1); rest !== 0; ) {
      const bit = Math.clz32(rest)
      rest &= ~(0x8000_0000 >>> bit)
      if (!peer.refused.has(at * 32 + bit)) shortlist.push(at * 32 + bit)
    }
    if (++at === wanted.length) at = from
  }
  const sign = peer.snubbed ? -1 : 1
  shortlist.sort((a, b) => sign * rarity.compare(b, a))
  if (shortlist.length > KEPT) shortlist.splice(0, shortlist.length - KEPT)
  peer.shortlistClass = level
  peer.shortlistSnubbed = peer.snubbed
}
