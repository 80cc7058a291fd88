/**
 * Who is to blame for a piece that did not match its hash.
 * @module
 */

import type { KnownPeer } from './peer-list.js'

/** Trust at which a peer is banned: after four failed pieces without a good one (LT). */
const BAN_AT = -7

export class Blame {
  /**
   * The peers to ban for a failed piece: a lone contributor at once, otherwise those whose failures
   * outweigh what they helped to complete, the worst one only, so that one liar does not take the
   * honest ones along.
   */
  judge(contributors: readonly KnownPeer[]): readonly KnownPeer[] {
    if (contributors.length === 1) return contributors
    let worst: KnownPeer | undefined
    for (const peer of contributors) {
      peer.trust -= 2
      if (worst === undefined || peer.trust < worst.trust) worst = peer
    }
    return worst !== undefined && worst.trust <= BAN_AT ? [worst] : []
  }
}
