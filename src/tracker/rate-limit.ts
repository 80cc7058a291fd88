/**
 * A token bucket per address, in bounded memory.
 * @module
 */

import { ipToBytes } from '../util/address.js'
import { toHex } from '../util/bytes.js'
import { TokenBucket } from '../util/token-bucket.js'

/** Addresses remembered; the one unseen for longest is forgotten first, and begins with a full bucket again. */
const MAX_ADDRESSES = 65_536

export class AddressLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #buckets = new Map<string, TokenBucket>()

  /** @param perSecond sustained events per second and address; Infinity for no limit. @param burst events at once. */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
  }

  /** Takes `cost` tokens of the address; false when it has not so many. IPv6 counts by /64, which one host owns. */
  take(host: string, cost: number, now: number): boolean {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return true
    const key = host.includes(':') ? prefix64(host) : host
    const known = this.#buckets.get(key)
    const bucket = known ?? new TokenBucket(this.#perSecond, this.#burst, now)
    if (known) this.#buckets.delete(key)
    else if (this.#buckets.size >= MAX_ADDRESSES) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    this.#buckets.set(key, bucket)
    return bucket.take(cost, now)
  }
}

function prefix64(host: string): string {
  const bytes = ipToBytes(host)
  return bytes?.length === 16 ? toHex(bytes.subarray(0, 8)) : host
}
