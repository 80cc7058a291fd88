/**
 * Which peers may download from us (BEP 3 choking; protocol: `choke`, `unchoke`). A pure function of what the
 * peers did, called each round by the torrent.
 *
 * | we are | regular slots go to | optimistic slots |
 * |---|---|---|
 * | a leecher | those that send us most; none that snubs us or only takes | one in five |
 * | a seed, `round-robin` | each in turn, for the same time | none: everybody has a turn |
 * | a seed, `fastest` | those that take most | one in five |
 * | a seed, `anti-leech` | those at the beginning and the end of their download | one in five |
 * @module
 */

import { below, type Random } from '../util/random.js'

/** What the choker knows of a connected peer. */
export interface Candidate {
  /** It wants something from us. */
  readonly interested: boolean
  /** It needs no slot: it has everything, or says that it downloads nothing (BEP 21). */
  readonly isUploadOnly: boolean
  /** We let it download now. */
  readonly unchoked: boolean
  /** Has owed us a block for too long (anti-snubbing): no regular slot while we download. */
  readonly snubbed: boolean
  /** Holds an optimistic slot. */
  readonly optimistic: boolean
  /** It has something that we want. */
  readonly interesting: boolean
  /** Payload bytes that it sent us in the last rounds, recent ones counting more. */
  readonly recentDownload: number
  /** Bytes a second that we sent it lately. */
  readonly uploadRate: number
  /** Payload bytes that we ever had from it on this connection, and that we sent it. */
  readonly downloaded: number
  readonly uploaded: number
  /** Part of the torrent that it has, 0 .. 1. */
  readonly progress: number
  /** Payload bytes sent to it since it was unchoked. */
  readonly sentSinceUnchoke: number
  /** Time (ms) of the last unchoke. */
  readonly unchokedAt: number
  /** Time (ms) at which it last asked for something; Infinity while an answer is on its way. */
  readonly usedAt: number
  /** It let its last slot lie idle. */
  readonly idle: boolean
  /** Time (ms) since which it has had no slot: of the last choke, or of the connection. */
  readonly waitingSince: number
  /** Time (ms) at which the connection was made. */
  readonly connectedAt: number
}

/** How a seed gives its slots away. */
export type SeedChoking = 'round-robin' | 'fastest' | 'anti-leech'

/** ms between rounds (BEP 3): long enough for TCP to show what a link can do. */
export const ROUND = 10_000
/** ms that an optimistic slot stays (BEP 3). */
export const OPTIMISTIC_ROUND = 30_000
/** ms that a peer may hold a slot without asking for anything (libtorrent). */
export const UNUSED = 60_000
/** One slot in so many is optimistic, one at least (libtorrent). */
const OPTIMISTIC_PART = 5
/** A connection is new, and three times as likely to be an optimistic one, for this long (BEP 3). */
const NEW = 60_000
/** A turn at a seed lasts this long, and until it has moved so many pieces (libtorrent). */
const TURN = 60_000
const TURN_PIECES = 20
/** A slow peer's turn ends all the same, ms. */
const LONGEST_TURN = 180_000
/** A peer that has not asked for anything this long does not use its turn, ms. */
const ASLEEP = 10_000
/** A peer that took so many pieces and gave an eighth of it at most, though we want something of it, only takes. */
const TAKER_PIECES = 4
const TAKER_SHARE = 8

export interface ChokeRound<C> {
  readonly slots: number
  /** How slots are given as a seed; undefined while we download. */
  readonly seeding: SeedChoking | undefined
  /** Choose the optimistic slots anew. */
  readonly rotate: boolean
  /** Bytes of a piece. */
  readonly pieceLength: number
  readonly now: number
  readonly random: Random
  readonly candidates: readonly C[]
}

export interface ChokeDecision<C> {
  readonly unchoke: ReadonlySet<C>
  /** Those of them that hold optimistic slots. */
  readonly optimistic: ReadonlySet<C>
}

/** Decides a round. */
export function chokeRound<C extends Candidate>(round: ChokeRound<C>): ChokeDecision<C> {
  const { slots, seeding, now } = round
  const wanting = round.candidates.filter((candidate) => candidate.interested && !candidate.isUploadOnly)
  if (slots <= 0) return { unchoke: new Set(), optimistic: new Set() }
  if (seeding === 'round-robin') {
    const inOrder = wanting.sort(byTurn(round))
    return { unchoke: new Set(inOrder.slice(0, slots)), optimistic: new Set() }
  }
  const optimists = Math.max(1, Math.floor(slots / OPTIMISTIC_PART))
  const worthy = seeding ? wanting : wanting.filter((candidate) => !onlyTakes(candidate, round))
  const ranked = worthy.filter((candidate) => seeding !== undefined || !candidate.snubbed)
  ranked.sort(seeding === 'fastest' ? byUpload : seeding ? byNeed(now) : byDownload)
  const unchoke = new Set<C>(ranked.slice(0, Math.max(0, slots - optimists)))
  const optimistic = new Set<C>()
  const add = (candidate: C): void => {
    unchoke.add(candidate)
    optimistic.add(candidate)
  }
  for (const candidate of wanting) {
    if (round.rotate || optimistic.size === optimists) break
    if (candidate.optimistic && !unchoke.has(candidate)) add(candidate)
  }
  while (optimistic.size < optimists) {
    const drawn = draw(wanting, unchoke, round)
    if (drawn === undefined) break
    add(drawn)
  }
  // Slots that no peer earned (all the others snub us, say) are optimistic ones too.
  while (unchoke.size < slots) {
    const next = ranked.find((candidate) => !unchoke.has(candidate)) ?? draw(worthy, unchoke, round)
    if (next === undefined) break
    unchoke.add(next)
  }
  return { unchoke, optimistic }
}

/** Peers that send us most come first; of those that send nothing now, the ones unchoked before stay. */
function byDownload(a: Candidate, b: Candidate): number {
  return (
    b.recentDownload - a.recentDownload ||
    Number(a.idle) - Number(b.idle) ||
    Number(b.unchoked) - Number(a.unchoked) ||
    a.waitingSince - b.waitingSince
  )
}

function byUpload(a: Candidate, b: Candidate): number {
  return Number(a.idle) - Number(b.idle) || b.uploadRate - a.uploadRate || a.waitingSince - b.waitingSince
}

/**
 * Anti-leech (libtorrent): peers that begin have everything to give on, peers that end are soon seeds; those in
 * between can trade among themselves. Bytes that we sent count also where a peer keeps quiet about them.
 */
function byNeed(now: number): (a: Candidate, b: Candidate) => number {
  const score = (peer: Candidate): number => Math.round(Math.abs(peer.progress - 0.5) * 2000)
  const inTurn = (peer: Candidate): boolean =>
    peer.unchoked && isAwake(peer, now) && now - peer.unchokedAt < TURN
  return (a, b) =>
    Number(inTurn(b)) - Number(inTurn(a)) ||
    Number(a.idle) - Number(b.idle) ||
    score(b) - score(a) ||
    a.waitingSince - b.waitingSince
}

/** A peer in the middle of a turn stays, then comes the one that waited longest, last those whose turn is over. */
function byTurn(round: ChokeRound<Candidate>): (a: Candidate, b: Candidate) => number {
  const { now } = round
  const quantum = TURN_PIECES * round.pieceLength
  const rank = (peer: Candidate): number => {
    if (peer.idle) return 3
    if (!peer.unchoked) return 1
    const held = now - peer.unchokedAt
    const over = held >= TURN && (peer.sentSinceUnchoke > quantum || held >= LONGEST_TURN)
    return over || !isAwake(peer, now) ? 2 : 0
  }
  return (a, b) => rank(a) - rank(b) || a.waitingSince - b.waitingSince || b.uploadRate - a.uploadRate
}

function isAwake(peer: Candidate, now: number): boolean {
  return now - peer.usedAt < ASLEEP
}

function onlyTakes(peer: Candidate, round: ChokeRound<Candidate>): boolean {
  return (
    peer.interesting &&
    peer.uploaded > TAKER_PIECES * round.pieceLength &&
    peer.downloaded * TAKER_SHARE < peer.uploaded
  )
}

/** Draws one that is not `taken`: new ones three times as likely, those that only take rarely. */
function draw<C extends Candidate>(
  pool: readonly C[],
  taken: ReadonlySet<C>,
  round: ChokeRound<C>,
): C | undefined {
  let others = pool.filter((candidate) => !taken.has(candidate))
  // One that held the slot gives it to another, where there is another.
  const rested = others.filter((candidate) => !candidate.optimistic)
  if (rested.length > 0) others = rested
  const weight = (peer: C): number =>
    peer.idle || onlyTakes(peer, round) ? 1 : round.now - peer.connectedAt < NEW ? 27 : 9
  const total = others.reduce((sum, peer) => sum + weight(peer), 0)
  if (total === 0) return undefined
  let ticket = below(round.random, total)
  for (const peer of others) {
    ticket -= weight(peer)
    if (ticket < 0) return peer
  }
  return undefined
}
