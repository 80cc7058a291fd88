/**
 * Our address as others see it, by vote (BEP 42): each answer tells what it saw in its `ip`, and none is
 * believed alone, since a node that chooses our address chooses our node id.
 * @module
 */

import { ipFromBytes, ipToBytes } from '../../util/address.js'
import { toLatin1 } from '../../util/bytes.js'

/** Networks whose last vote counts. A newer voter takes the place of the one silent for longest. */
const MAX_VOTERS = 32
/** Networks that must agree before an address is believed. */
const QUORUM = 4
/** ms that a vote counts: a node behind a changed address learns of it within the hour. */
const VOTE_LIFE = 3_600_000

interface Vote {
  readonly ip: string
  readonly at: number
}

/** The votes of one address family. */
export class ExternalAddress {
  readonly #bytes: 4 | 16
  /** By network of the voter, oldest vote first. */
  readonly #votes = new Map<string, Vote>()
  #address: string | undefined

  constructor(family: 4 | 6) {
    this.#bytes = family === 4 ? 4 : 16
  }

  /** Our address, once enough unrelated nodes agree on it. */
  get address(): string | undefined {
    return this.#address
  }

  /**
   * A node at `voter` saw us at `ip` (4 or 16 bytes). True when the majority has changed by this vote, and
   * {@link ExternalAddress.address} with it. One network (/16 of IPv4, /32 of IPv6) has one vote.
   */
  vote(ip: Uint8Array, voter: string, now: number): boolean {
    if (ip.length !== this.#bytes || !isUsable(ip)) return false
    const from = ipToBytes(voter)
    if (from?.length !== this.#bytes) return false
    const network = toLatin1(from.subarray(0, this.#bytes === 4 ? 2 : 4))
    const text = ipFromBytes(ip)
    this.#votes.delete(network)
    this.#votes.set(network, { ip: text, at: now })
    if (this.#votes.size > MAX_VOTERS) {
      const oldest = this.#votes.keys().next()
      if (!oldest.done) this.#votes.delete(oldest.value)
    }
    // One more for what is believed already elects no other.
    if (text === this.#address) return false
    const elected = this.#elected(now)
    if (elected === undefined || elected === this.#address) return false
    this.#address = elected
    return true
  }

  /** The address that more than half of at least {@link QUORUM} networks name. */
  #elected(now: number): string | undefined {
    const counts = new Map<string, number>()
    let voters = 0
    for (const [network, { ip, at }] of this.#votes) {
      if (now - at > VOTE_LIFE) {
        this.#votes.delete(network)
        continue
      }
      voters++
      counts.set(ip, (counts.get(ip) ?? 0) + 1)
    }
    for (const [ip, count] of counts) if (count >= QUORUM && 2 * count > voters) return ip
    return undefined
  }
}

/** False for addresses that no node on the internet can have seen us at. */
function isUsable(ip: Uint8Array): boolean {
  const first = ip[0] as number
  if (ip.length === 4) return first !== 0 && first !== 127 && first < 224
  return first !== 0xff && ip.some((byte) => byte !== 0)
}
