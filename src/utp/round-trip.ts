/**
 * Round-trip time and retransmission time-out (BEP 29, RFC 6298).
 * @module
 */

/** Until the first sample, ms. */
const FIRST_TIMEOUT = 1000
/** ms; the minimum of BEP 29. */
const MIN_TIMEOUT = 500
/** ms; back-off stops here. */
const MAX_TIMEOUT = 60_000

export class RoundTrip {
  /** Smoothed, ms; 0 before the first sample. */
  smooth = 0
  variation = 0
  /** The shortest of all, ms: the path without queues; 0 before the first sample. */
  least = 0
  private backoff = 1

  sample(ms: number): void {
    if (this.least === 0 || ms < this.least) this.least = Math.max(ms, 0.001)
    if (this.smooth === 0) {
      this.smooth = Math.max(ms, 0.001)
      this.variation = ms / 2
      return
    }
    const off = this.smooth - ms
    this.variation += ((off < 0 ? -off : off) - this.variation) / 4
    this.smooth += (ms - this.smooth) / 8
  }

  /** ms to wait for an acknowledgement. */
  get timeout(): number {
    const timeout =
      this.smooth === 0 ? FIRST_TIMEOUT : Math.max(this.smooth + 4 * this.variation, MIN_TIMEOUT)
    return Math.min(timeout * this.backoff, MAX_TIMEOUT)
  }

  /** Doubles the time-out. */
  backOff(): void {
    this.backoff *= 2
  }

  /** Something was acknowledged: no more back-off. */
  progressed(): void {
    this.backoff = 1
  }
}
