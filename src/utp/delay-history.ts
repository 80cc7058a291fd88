/**
 * One-way delays of one direction: clocks of two machines differ by an unknown amount, so only the
 * difference to the smallest delay of the last minutes means anything (RFC 6817, base delay).
 * @module
 */

/** One-minute slots of minima: a changed route or a drifting clock is forgotten after 13 minutes (libutp). */
const SLOTS = 13
const SLOT_MS = 60_000

export class DelayHistory {
  /** Smallest delay of all slots, microseconds modulo 2^32, as a signed integer like all samples. */
  base = 0
  private minima: number[] | undefined
  private slot = 0
  private nextSlot = 0

  /** Takes a sample, microseconds modulo 2^32, and returns how far it lies above the base. */
  add(sample: number, now: number): number {
    const { minima } = this
    if (minima === undefined) {
      this.restart(sample, now)
      return 0
    }
    if (now >= this.nextSlot) this.turn(minima, sample, now)
    else if (((sample - (minima[this.slot] as number)) | 0) < 0) minima[this.slot] = sample
    if (((sample - this.base) | 0) < 0) this.base = sample
    return (sample - this.base) >>> 0
  }

  /** Forgets everything but this sample: the remote clock jumped. */
  restart(sample: number, now: number): void {
    this.minima ??= new Array<number>(SLOTS)
    this.minima.fill(sample)
    this.base = sample
    this.nextSlot = now + SLOT_MS
  }

  /** Moves all minima up: the clocks drift apart by `by` microseconds. */
  shift(by: number): void {
    const { minima } = this
    if (minima === undefined) return
    for (let i = 0; i < SLOTS; i++) minima[i] = ((minima[i] as number) + by) | 0
    this.base = (this.base + by) | 0
  }

  private turn(minima: number[], sample: number, now: number): void {
    this.slot = (this.slot + 1) % SLOTS
    minima[this.slot] = sample
    this.nextSlot = now + SLOT_MS
    let base = sample
    for (let i = 0; i < SLOTS; i++) {
      const minimum = minima[i] as number
      if (((minimum - base) | 0) < 0) base = minimum
    }
    this.base = base
  }
}
