/**
 * A token bucket: so many events a second on average, a burst of them at once.
 * @module
 */

/**
 * Begins full. A cost is bytes, packets, dials: whatever the rate counts. Times are ms of any clock; one that
 * goes back adds nothing.
 */
export class TokenBucket {
  #rate: number
  #burst: number
  #level: number
  #at: number

  /**
   * @param perSecond tokens that come in a second; Infinity for no limit, then nothing is counted
   * @param burst tokens that it holds at most
   */
  constructor(perSecond: number, burst: number, now: number) {
    this.#rate = perSecond
    this.#burst = burst
    this.#level = burst
    this.#at = now
  }

  /** Tokens there are; below 0 after a `charge` beyond them, Infinity without a limit. */
  level(now: number): number {
    if (this.#rate === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
    if (now > this.#at) {
      this.#level = Math.min(this.#burst, this.#level + ((now - this.#at) * this.#rate) / 1000)
      this.#at = now
    }
    return this.#level
  }

  /** Takes `cost` tokens when there are so many; false, and takes none, otherwise. */
  take(cost: number, now: number): boolean {
    if (this.level(now) < cost) return false
    this.charge(cost, now)
    return true
  }

  /** Takes `cost` tokens, also those that are not there yet. */
  charge(cost: number, now: number): void {
    if (this.#rate !== Number.POSITIVE_INFINITY) this.#level = this.level(now) - cost
  }

  /** When there are `cost` tokens (ms): `now` when there are already, Infinity when there never will be. */
  availableAt(cost: number, now: number): number {
    const missing = cost - this.level(now)
    if (missing <= 0) return now
    return cost > this.#burst || this.#rate <= 0
      ? Number.POSITIVE_INFINITY
      : now + (missing * 1000) / this.#rate
  }

  /** Changes rate and burst from now on; tokens above the new burst are lost. */
  configure(perSecond: number, burst: number, now: number): void {
    if (this.#rate === Number.POSITIVE_INFINITY) this.#level = burst
    else this.#level = Math.min(this.level(now), burst)
    this.#rate = perSecond
    this.#burst = burst
    this.#at = Math.max(this.#at, now)
  }
}
