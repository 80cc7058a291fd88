/**
 * What a node answers and what it does not: queries per address and in total, bytes out per address and
 * in total. UDP sources can be forged, so an answer is also what we make a stranger receive:
 *
 * - an address that never proved that it receives gets at most {@link UNVERIFIED_FACTOR} times the bytes
 *   that its query had;
 * - more than `queriesPerWindow` in 10 s and it gets nothing for 5 min (libtorrent): a sender that forges a victim's
 *   address can have at most that many answers sent to it in that time;
 * - all answers together stay within `bytesPerSecond`.
 *
 * Memory is a fixed table, whatever comes: ten thousand forged sources cost what one costs, and cannot
 * wash a blocked one out, since of the few slots that an address can have the least active one is reused.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Random } from '../util/random.js'
import { TokenBucket } from '../util/token-bucket.js'

/** A reply to an address that was never seen to receive, in bytes per byte of its query. */
export const UNVERIFIED_FACTOR = 4
/** ms in which the queries of an address are counted (libtorrent). */
export const WINDOW = 10_000
/** ms for which a flooding address gets no answer (libtorrent). */
export const BLOCK = 300_000

const SETS = 2048
const WAYS = 4
const SLOTS = SETS * WAYS
/** Seconds of the byte rates that may leave at once (libtorrent). */
const BURST_SECONDS = 3

/** Limits of a node; Infinity for none. */
export interface RateLimits {
  /** Queries of one IPv4 address or IPv6 /64 in 10 s before it is blocked. Default 50 (libtorrent). */
  readonly queriesPerWindow: number
  /** Queries a second of all addresses. Default 1,000: 5 % of a core; a busy public node meets about 100. */
  readonly queriesPerSecond: number
  /** Bytes/s of answers to one address. Default 3,000: 5 queries a second, fully answered. */
  readonly bytesPerAddress: number
  /** Bytes/s of all answers. Default 32,000, four times libtorrent's: 100 answers a second. */
  readonly bytesPerSecond: number
}

export const RATE_LIMITS: RateLimits = Object.freeze({
  queriesPerWindow: 50,
  queriesPerSecond: 1_000,
  bytesPerAddress: 3_000,
  bytesPerSecond: 32_000,
})

/** Limits by fixed tables and two buckets. */
export class RateLimiter {
  readonly #limits: RateLimits
  readonly #seed: number
  readonly #queries: TokenBucket
  readonly #bytes: TokenBucket
  /** Hash of the address a slot is for; 0 is an unused slot. */
  readonly #keys: Uint32Array = new Uint32Array(SLOTS)
  /** Begin of a slot's window, ms. */
  readonly #began: Float64Array = new Float64Array(SLOTS)
  readonly #counts: Uint32Array = new Uint32Array(SLOTS)
  readonly #blockedUntil: Float64Array = new Float64Array(SLOTS)
  /** Bytes sent to the address, less what its rate has paid for. */
  readonly #debts: Float64Array = new Float64Array(SLOTS)
  readonly #paid: Float64Array = new Float64Array(SLOTS)
  #refused = 0

  constructor(limits: Partial<RateLimits>, random: Random, now: number) {
    this.#limits = { ...RATE_LIMITS, ...limits }
    // Keyed, so that no sender can choose addresses that share the slots of a victim.
    this.#seed = random.uint32() | 1
    const { queriesPerSecond, bytesPerSecond } = this.#limits
    this.#queries = new TokenBucket(queriesPerSecond, queriesPerSecond * BURST_SECONDS, now)
    this.#bytes = new TokenBucket(bytesPerSecond, bytesPerSecond * BURST_SECONDS, now)
  }

  /** Queries not admitted so far. */
  get refused(): number {
    return this.#refused
  }

  /** Counts a query; false when it gets no answer at all, not even an error. */
  admit(from: Address, now: number): boolean {
    if (this.#isWithinWindow(from, now) && this.#queries.take(1, now)) return true
    this.#refused++
    return false
  }

  /**
   * Bytes that the answer to a query of `queryBytes` may have; the caller trims it, or sends nothing when
   * it cannot. `verified`: this address has been seen to receive what is sent to it.
   */
  allowance(to: Address, queryBytes: number, verified: boolean, now: number): number {
    const total = this.#bytes.level(now)
    if (isLoopback(to.host)) return Math.max(0, total)
    const worth = verified ? Number.POSITIVE_INFINITY : queryBytes * UNVERIFIED_FACTOR
    const { bytesPerAddress } = this.#limits
    if (bytesPerAddress === Number.POSITIVE_INFINITY) return Math.max(0, Math.min(worth, total))
    const slot = this.#slotOf(this.#hash(to.host), now)
    const left = bytesPerAddress * BURST_SECONDS - this.#debtOf(slot, now)
    return Math.max(0, Math.min(worth, left, total))
  }

  /** An answer of so many bytes went out. */
  sent(to: Address, bytes: number, now: number): void {
    this.#bytes.charge(bytes, now)
    if (isLoopback(to.host) || this.#limits.bytesPerAddress === Number.POSITIVE_INFINITY) return
    const slot = this.#slotOf(this.#hash(to.host), now)
    this.#debts[slot] = this.#debtOf(slot, now) + bytes
    this.#paid[slot] = now
  }

  #isWithinWindow(from: Address, now: number): boolean {
    const { queriesPerWindow } = this.#limits
    // All processes of a machine share loopback, and no other machine can send from there.
    if (queriesPerWindow === Number.POSITIVE_INFINITY || isLoopback(from.host)) return true
    const slot = this.#slotOf(this.#hash(from.host), now)
    if ((this.#blockedUntil[slot] as number) > now) return false
    const age = now - (this.#began[slot] as number)
    if (age >= WINDOW || age < 0) {
      this.#began[slot] = now
      this.#counts[slot] = 0
    }
    const count = (this.#counts[slot] as number) + 1
    this.#counts[slot] = count
    if (count <= queriesPerWindow) return true
    this.#blockedUntil[slot] = now + BLOCK
    return false
  }

  #debtOf(slot: number, now: number): number {
    const elapsed = Math.max(0, now - (this.#paid[slot] as number))
    return Math.max(0, (this.#debts[slot] as number) - (elapsed * this.#limits.bytesPerAddress) / 1000)
  }

  /** The slot of an address: its own, or the least active one of the four that it can have. */
  #slotOf(key: number, now: number): number {
    const first = ((key >>> 8) % SETS) * WAYS
    let least = first
    let leastActivity = Number.POSITIVE_INFINITY
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#keys[slot] === key) return slot
      const activity = this.#activity(slot, now)
      if (activity < leastActivity) {
        leastActivity = activity
        least = slot
      }
    }
    this.#keys[least] = key
    this.#began[least] = now
    this.#counts[least] = 0
    this.#blockedUntil[least] = 0
    this.#debts[least] = 0
    this.#paid[least] = now
    return least
  }

  #activity(slot: number, now: number): number {
    if (this.#keys[slot] === 0) return -1
    if ((this.#blockedUntil[slot] as number) > now) return Number.MAX_SAFE_INTEGER
    return now - (this.#began[slot] as number) >= WINDOW ? 0 : (this.#counts[slot] as number)
  }

  /** FNV-1a with a key, over the host; of IPv6 over its first four groups. */
  #hash(host: string): number {
    let hash = this.#seed
    let groups = 0
    for (let i = 0; i < host.length; i++) {
      const code = host.charCodeAt(i)
      if (code === 0x3a && (++groups === 4 || host.charCodeAt(i + 1) === 0x3a)) break
      hash = Math.imul(hash ^ code, 0x0100_0193)
    }
    hash ^= hash >>> 15
    hash = Math.imul(hash, 0x2c1b_3c6d)
    hash ^= hash >>> 13
    return hash >>> 0 || 1
  }
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}
