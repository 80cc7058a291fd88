/**
 * Finds out who sent the wrong blocks of a piece that did not match its hash: the digests of its blocks are
 * kept until it arrives right, and compared with those that it has then.
 * Costs nothing for pieces that pass at once.
 * @module
 */

import { equalBytes } from '../../util/bytes.js'
import type { KnownPeer } from '../peers/peer-list.js'

/** Digests of the blocks of a piece, undefined where the bytes were not at hand. */
export type BlockDigests = readonly (Uint8Array | undefined)[]

/** One arrival of a piece that failed. */
interface Failure {
  readonly digests: BlockDigests
  /** Who sent each block. */
  readonly senders: readonly (KnownPeer | undefined)[]
}

/** What the comparison says. */
export interface Findings {
  /** They sent blocks that are wrong. */
  readonly liars: ReadonlySet<KnownPeer>
  /** They had a part in failures, with right blocks only; once for each failure. */
  readonly cleared: readonly KnownPeer[]
}

/** Blocks remembered in all: about 2 MiB. The oldest pieces are forgotten beyond that. */
const MAX_BLOCKS = 16_384
/** Failures of one piece that are remembered. */
const MAX_FAILURES = 8

const NOTHING_FOUND: Findings = { liars: new Set(), cleared: [] }

export class SmartBan {
  readonly #failures: Map<number, Failure[]> = new Map()
  #blocks = 0

  /** Pieces whose failures are remembered. */
  get size(): number {
    return this.#failures.size
  }

  /** Remembers the blocks of a piece that failed. */
  failed(piece: number, digests: BlockDigests, senders: readonly (KnownPeer | undefined)[]): void {
    const failures = this.#failures.get(piece) ?? []
    // The piece that failed last is the last to be forgotten.
    this.#failures.delete(piece)
    if (failures.length === MAX_FAILURES) this.#blocks -= (failures.shift() as Failure).senders.length
    failures.push({ digests, senders })
    this.#blocks += senders.length
    this.#failures.set(piece, failures)
    for (const oldest of this.#failures.keys()) {
      if (this.#blocks <= MAX_BLOCKS || oldest === piece) break
      this.#forget(oldest)
    }
  }

  /** The right digests of a piece's blocks are known; what was remembered of the piece is forgotten. */
  learned(piece: number, right: BlockDigests): Findings {
    const failures = this.#failures.get(piece)
    if (failures === undefined) return NOTHING_FOUND
    this.#forget(piece)
    const liars = new Set<KnownPeer>()
    const cleared: KnownPeer[] = []
    for (const { digests, senders } of failures) {
      const verdicts = new Map<KnownPeer, boolean>()
      for (const [block, sender] of senders.entries()) {
        if (sender === undefined) continue
        const sent = digests[block]
        const expected = right[block]
        const fine = sent !== undefined && expected !== undefined ? equalBytes(sent, expected) : undefined
        if (fine === false) liars.add(sender)
        // A block that cannot be compared clears nobody.
        verdicts.set(sender, (verdicts.get(sender) ?? true) && fine === true)
      }
      for (const [sender, fine] of verdicts) if (fine) cleared.push(sender)
    }
    return { liars, cleared: cleared.filter((peer) => !liars.has(peer)) }
  }

  #forget(piece: number): void {
    for (const { senders } of this.#failures.get(piece) ?? []) this.#blocks -= senders.length
    this.#failures.delete(piece)
  }
}
