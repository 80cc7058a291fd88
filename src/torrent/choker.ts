/**
 * Who may download from us (BEP 3 choking; protocol: `choke`, `unchoke`). A pure function of what the
 * peers did, called each round by the torrent.
 * @module
 */

import { below, type Random } from '../util/random.js'

/** What the choker knows of a connected peer. */
export interface Candidate {
  /** It wants something from us. */
  readonly interested: boolean
  /** We let it download now. */
  readonly unchoked: boolean
  /** Has owed us a block for too long (anti-snubbing): no regular slot while we download. */
  readonly snubbed: boolean
  /** Bytes a second that it sent us lately. */
  readonly downloadRate: number
  /** Bytes a second that we sent it lately. */
  readonly uploadRate: number
  /** Payload bytes sent to it since it was unchoked. */
  readonly sentSinceUnchoke: number
  /** Time (ms) of the last unchoke. */
  readonly unchokedAt: number
  /** Time (ms) at which the connection was made. */
  readonly connectedAt: number
  /** Holds the optimistic slot. */
  readonly optimistic: boolean
  /** A peer that already has everything needs no slot. */
  readonly seed: boolean
}

/** ms between rounds (BEP 3): long enough for TCP to show what a link can do. */
export const ROUND = 10_000
/** ms that the optimistic slot stays (BEP 3). */
export const OPTIMISTIC_ROUND = 30_000
/** A connection is new, and three times as likely to be the optimistic one, for this long (BEP 3). */
const NEW = 60_000
/** As a seed a slot is kept until this many bytes and this long, so that each turn completes pieces (LT: 20 pieces and 60 s). */
const SEED_QUANTUM = 8 * 1024 * 1024
const SEED_TURN = 30_000

export interface ChokeRound<C> {
  readonly slots: number
  readonly seeding: boolean
  /** Choose the optimistic slot anew. */
  readonly rotate: boolean
  readonly now: number
  readonly random: Random
  readonly candidates: readonly C[]
}

export interface ChokeDecision<C> {
  readonly unchoke: ReadonlySet<C>
  readonly optimistic: C | undefined
}

/** Decides a round: the regular slots by merit, one slot optimistically. */
export function chokeRound<C extends Candidate>(round: ChokeRound<C>): ChokeDecision<C> {
  const interested = round.candidates.filter((candidate) => candidate.interested && !candidate.seed)
  const held = interested.find((candidate) => candidate.optimistic)
  const regular = Math.max(0, round.slots - 1)
  const order = round.seeding ? bySeedTurn(round.now) : byRate
  const ranked = interested.filter((candidate) => round.seeding || !candidate.snubbed).sort(order)
  const unchoke = new Set<C>(ranked.slice(0, regular))
  let optimistic = held !== undefined && !unchoke.has(held) && !round.rotate ? held : undefined
  optimistic ??= draw(
    interested.filter((candidate) => !unchoke.has(candidate)),
    round,
    held,
  )
  if (optimistic) unchoke.add(optimistic)
  for (const candidate of ranked) {
    if (unchoke.size >= round.slots) break
    unchoke.add(candidate)
  }
  return { unchoke, optimistic }
}

/** Best download rate first; among those that sent nothing, the one that was unchoked before stays. */
function byRate(a: Candidate, b: Candidate): number {
  return (
    b.downloadRate - a.downloadRate || Number(b.unchoked) - Number(a.unchoked) || a.unchokedAt - b.unchokedAt
  )
}

/** Round robin: whoever is in the middle of a turn stays, then whoever waited longest. */
function bySeedTurn(now: number): (a: Candidate, b: Candidate) => number {
  const inTurn = (c: Candidate) =>
    c.unchoked &&
    (c.sentSinceUnchoke < SEED_QUANTUM || now - c.unchokedAt < SEED_TURN) &&
    now - c.unchokedAt < 10 * SEED_TURN
  return (a, b) =>
    Number(inTurn(b)) - Number(inTurn(a)) || a.unchokedAt - b.unchokedAt || b.uploadRate - a.uploadRate
}

function draw<C extends Candidate>(
  pool: readonly C[],
  round: ChokeRound<C>,
  last: C | undefined,
): C | undefined {
  const others = pool.length > 1 ? pool.filter((candidate) => candidate !== last) : pool
  const weight = (candidate: C) => (round.now - candidate.connectedAt < NEW ? 3 : 1)
  let ticket = below(
    round.random,
    Math.max(
      1,
      others.reduce((sum, candidate) => sum + weight(candidate), 0),
    ),
  )
  for (const candidate of others) {
    ticket -= weight(candidate)
    if (ticket < 0) return candidate
  }
  return undefined
}
