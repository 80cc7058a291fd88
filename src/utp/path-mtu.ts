/**
 * The search for the largest datagram that the path carries. A probe is a packet of payload padded with
 * extensions that receivers skip: when it is lost, its payload is sent again without them, so a search
 * costs no data and no window. (Payload, once sent under a number, may never be cut differently.)
 *
 * | state | event | then |
 * |---|---|---|
 * | searching | a packet can be padded to `candidate` | probing |
 * | probing | acknowledged | floor = size; searching, or found |
 * | probing | lost, first time | searching: the same size again, it may have been plain loss |
 * | probing | lost again, or the highest of all | ceiling = size - 1; searching, or found |
 * | any | two time-outs in a row | floor = lowest, ceiling = highest: the path may have changed; searching |
 * | any | no full packet for a while | floor = lowest; searching, what was the floor first |
 * @module
 */

/** Smallest gap worth another probe. */
const CLOSE_ENOUGH = 16

/** Datagram bytes that every path carries: 576 and 1,280 less the headers of IP and UDP. */
const LOWEST_IPV4 = 548
const LOWEST_IPV6 = 1232
/** Ethernet: 1,500 less the headers. Larger ones would arrive in fragments, and Node cannot forbid those. */
const HIGHEST_IPV4 = 1472
const HIGHEST_IPV6 = 1452

export class PathMtu {
  /** Datagram bytes known to pass: what full packets are cut to. */
  floor: number
  /** Largest floor so far. */
  largest: number
  /** Datagram bytes that every path carries. */
  readonly lowest: number
  private readonly highest: number
  private ceiling: number
  /** Tried first: nearly every path carries what Ethernet does, or what it carried before. */
  private expected: number
  private failures = 0
  private probing = false
  sent = 0
  lost = 0

  constructor(family: 4 | 6, limit: number) {
    this.highest = Math.min(family === 4 ? HIGHEST_IPV4 : HIGHEST_IPV6, limit)
    this.lowest = Math.min(family === 4 ? LOWEST_IPV4 : LOWEST_IPV6, this.highest)
    this.floor = this.lowest
    this.largest = this.lowest
    this.ceiling = this.highest
    this.expected = this.highest
  }

  /** The size to probe now, or 0. */
  get candidate(): number {
    if (this.probing || this.ceiling - this.floor < CLOSE_ENOUGH) return 0
    return this.expected <= this.ceiling ? this.expected : (this.floor + this.ceiling + 1) >> 1
  }

  probeSent(): void {
    this.probing = true
    this.sent++
  }

  probeArrived(size: number): void {
    this.probing = false
    this.failures = 0
    if (size > this.floor && size <= this.ceiling) this.floor = size
    if (this.floor > this.largest) this.largest = this.floor
  }

  probeLost(size: number): void {
    this.probing = false
    this.lost++
    this.failures++
    // A system that a router told of its limit cuts the next one of this size into fragments, which pass.
    if (this.failures < 2 && size < this.highest) return
    this.failures = 0
    if (size > this.floor) this.ceiling = size - 1
  }

  /** The path may have changed: new packets are cut small until probes pass again. */
  startOver(): void {
    this.floor = this.lowest
    this.ceiling = this.highest
    this.expected = this.highest
    this.failures = 0
    this.probing = false
  }

  /** The floor passed some time ago: it has to pass once more before packets are cut to it again. */
  distrust(): void {
    this.expected = this.floor
    this.floor = this.lowest
  }
}
