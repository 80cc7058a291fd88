/**
 * What a peer rejected (BEP 6): it is not asked again for those pieces for a while, or, after too many, for
 * nothing. An unchoke wipes it out.
 * @module
 */

/** How long a peer is not asked again for a piece of which it rejected a block, ms. */
const EXPIRY = 10_000

/** Rejected pieces remembered of a peer; at this number it is asked for nothing until they expire. */
const MOST = 64

export class Rejects {
  readonly #pieces = new Set<number>()
  #until = 0

  has(piece: number): boolean {
    return this.#pieces.has(piece)
  }

  get isEmpty(): boolean {
    return this.#pieces.size === 0
  }

  /** True while the peer is to be asked for nothing. */
  get isFull(): boolean {
    return this.#pieces.size >= MOST
  }

  /** A request for a block of the piece was rejected. */
  add(piece: number, now: number): void {
    if (this.isEmpty) this.#until = now + EXPIRY
    if (!this.isFull) this.#pieces.add(piece)
  }

  /** Forgets what has expired; true when that was anything. */
  expire(now: number): boolean {
    if (this.isEmpty || now < this.#until) return false
    this.clear()
    return true
  }

  clear(): void {
    this.#pieces.clear()
  }
}
