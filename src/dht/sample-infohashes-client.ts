/**
 * Which nodes have shown us infohashes, and said when they will show others: sooner they are not asked again
 * (BEP 51).
 * @module
 */

import { toLatin1 } from '../util/bytes.js'

/** Nodes remembered: as many as a crawl meets in some hours. Beyond that the first met are forgotten first. */
const MOST_REMEMBERED = 20_000

export class SampleClient {
  /** By compact endpoint: ms from which on it may be asked. */
  readonly #until = new Map<string, number>()

  /** A node answered: `interval` seconds to wait. */
  onSamples(endpoint: Uint8Array, interval: number, now: number): void {
    const key = toLatin1(endpoint)
    this.#until.delete(key)
    if (interval <= 0) return
    if (this.#until.size >= MOST_REMEMBERED) {
      const [first] = this.#until.keys()
      if (first !== undefined) this.#until.delete(first)
    }
    this.#until.set(key, now + 1000 * interval)
  }

  /** It has nothing new to show yet. */
  mustWait(endpoint: Uint8Array, now: number): boolean {
    const key = toLatin1(endpoint)
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (now < until) return true
    this.#until.delete(key)
    return false
  }
}
