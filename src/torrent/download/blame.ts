/**
 * Who is to blame for a piece that did not match its hash.
 *
 * | evidence | who is banned |
 * |---|---|
 * | all blocks came from one peer | that peer |
 * | the wrong blocks are known (v2 leaf hashes) | who sent them |
 * | the piece arrives right later | who had sent blocks that differ |
 * | none of these | whoever had a part in too many failures |
 *
 * Until it is clear, everyone who had a part is on parole: they get whole pieces alone (LT).
 * @module
 */

import type { KnownPeer } from '../peers/peer-list.js'
import { type BlockDigests, SmartBan } from './smart-ban.js'

/** Trust at which a peer is banned: after four failed pieces without a good one (LT). */
const BAN_AT = -7
/** What a failed piece costs each contributor, and what a good one gives, up to a limit (LT). */
const COST = 2
const MOST_TRUST = 8

export class Blame {
  readonly #smart = new SmartBan()
  readonly #parole: WeakSet<KnownPeer> = new WeakSet()

  /** True when a peer is under suspicion: it gets whole pieces alone. */
  isOnParole(peer: KnownPeer): boolean {
    return this.#parole.has(peer)
  }

  /**
   * A piece failed. `senders` says who sent each block, undefined for blocks of an earlier run and pads;
   * `digests` is what the blocks were. Returns whom to ban now.
   */
  failed(
    piece: number,
    senders: readonly (KnownPeer | undefined)[],
    digests: BlockDigests,
  ): readonly KnownPeer[] {
    const contributors = [...new Set(senders)].filter((peer) => peer !== undefined)
    if (contributors.length === 1 && !senders.includes(undefined)) return contributors
    this.#smart.failed(piece, digests, senders)
    let worst: KnownPeer | undefined
    for (const peer of contributors) {
      peer.trust -= COST
      this.#parole.add(peer)
      if (worst === undefined || peer.trust < worst.trust) worst = peer
    }
    // The worst one only, so that one liar does not take the honest ones along.
    return worst !== undefined && worst.trust <= BAN_AT ? [worst] : []
  }

  /** A piece passed; `digests` of its blocks when it had failed before. Returns whom to ban. */
  passed(
    piece: number,
    contributors: readonly KnownPeer[],
    digests: BlockDigests | undefined,
  ): readonly KnownPeer[] {
    for (const peer of contributors) peer.trust = Math.min(MOST_TRUST, peer.trust + 1)
    const [alone] = contributors
    if (alone && contributors.length === 1) this.#parole.delete(alone)
    if (digests === undefined) return []
    const { liars, cleared } = this.#smart.learned(piece, digests)
    for (const peer of cleared) {
      peer.trust = Math.min(MOST_TRUST, peer.trust + COST)
      this.#parole.delete(peer)
    }
    return [...liars]
  }
}
