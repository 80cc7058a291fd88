/**
 * Transfer rates over a sliding window, constant work per sample.
 * @module
 */

const SLOTS = 10

/**
 * Bytes per second over about the last `window` ms, kept in ten slots. Before a whole window has
 * passed the average is over the time since the first sample, so that short transfers read true.
 */
export class Rate {
  readonly #slot: number
  readonly #sums: Float64Array = new Float64Array(SLOTS)
  #tick = 0
  #started = -1
  #sum = 0
  /** All bytes ever added. */
  total = 0

  /** @param window ms that the average covers; 5 s reacts within a choke round and rides out bursts. */
  constructor(window = 5_000) {
    this.#slot = window / SLOTS
  }

  /** Counts `bytes` at time `now` (ms). */
  add(bytes: number, now: number): void {
    this.#advance(now)
    if (this.#started < 0) this.#started = now
    this.#sums[this.#tick % SLOTS] = (this.#sums[this.#tick % SLOTS] as number) + bytes
    this.#sum += bytes
    this.total += bytes
  }

  /** Bytes per second at time `now` (ms). */
  at(now: number): number {
    if (this.#started < 0) return 0
    this.#advance(now)
    const covered = Math.min(now - this.#started, this.#slot * (SLOTS - 1) + (now % this.#slot))
    return (this.#sum * 1000) / Math.max(covered, this.#slot)
  }

  #advance(now: number): void {
    const tick = Math.floor(now / this.#slot)
    if (tick <= this.#tick) return
    const steps = Math.min(tick - this.#tick, SLOTS)
    for (let i = 1; i <= steps; i++) {
      const at = (this.#tick + i) % SLOTS
      this.#sum -= this.#sums[at] as number
      this.#sums[at] = 0
    }
    if (steps === SLOTS) {
      this.#sum = 0
      this.#sums.fill(0)
      this.#started = this.#started < 0 ? -1 : now
    }
    this.#tick = tick
  }
}
