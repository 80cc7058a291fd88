/**
 * The upload slots of a session, shared among its torrents: each gets as many as it has use for, and where
 * they do not suffice all get the same (max-min fair); what does not divide goes round.
 * @module
 */

/** ms after which slots that do not divide evenly go to the next torrents: one turn at a seed. */
const EPOCH = 60_000
/** ms for which shares are valid although the demand changes. */
const FRESH = 1_000

export class UploadSlots {
  #max: number
  readonly #claims: Set<SlotClaim> = new Set()
  #used = 0
  #changed = false
  #sharedAt = Number.NEGATIVE_INFINITY

  /** @param max slots of all torrents together. */
  constructor(max: number) {
    this.#max = max
  }

  /** Slots of all torrents together. */
  get max(): number {
    return this.#max
  }

  set max(max: number) {
    this.#max = max
    this.changedAtOnce()
  }

  /** @internal What was shared out holds no longer. */
  changedAtOnce(): void {
    this.#changed = true
    this.#sharedAt = Number.NEGATIVE_INFINITY
  }

  /** Slots in use. */
  get used(): number {
    return this.#used
  }

  /** The share of one torrent, which takes `most` slots at most. */
  claim(most: number): SlotClaim {
    return new SlotClaim(this, most)
  }

  /** @internal A claim changed. */
  changed(claim: SlotClaim, used: number, demand: number): void {
    this.#used += used - claim.used
    if (demand !== claim.demand) this.#changed = true
    if (used > 0 || demand > 0) this.#claims.add(claim)
    else this.#claims.delete(claim)
  }

  /** @internal Slots that are free. */
  get room(): number {
    return Math.max(0, this.#max - this.#used)
  }

  /** @internal Brings the shares of all claims up to date. */
  share(now: number): void {
    const epoch = Math.floor(now / EPOCH)
    const turned = epoch !== Math.floor(this.#sharedAt / EPOCH)
    if (!turned && (!this.#changed || now - this.#sharedAt < FRESH)) return
    this.#changed = false
    this.#sharedAt = now
    const claims = [...this.#claims].sort((a, b) => a.want - b.want)
    let left = this.#max
    let at = 0
    for (; at < claims.length; at++) {
      const claim = claims[at] as SlotClaim
      if (claim.want > Math.floor(left / (claims.length - at))) break
      // What is granted is not all that it may use: no other torrent wants the rest.
      claim.limit = claim.most
      left -= claim.want
    }
    const short = claims.length - at
    if (short === 0) return
    // One torrent goes short: none takes more than its share.
    for (let i = 0; i < at; i++) (claims[i] as SlotClaim).limit = (claims[i] as SlotClaim).want
    const each = Math.floor(left / short)
    const extra = left - each * short
    const first = (epoch * extra) % short
    for (let i = 0; i < short; i++) {
      const lucky = (i - first + short) % short < extra
      ;(claims[at + i] as SlotClaim).limit = each + (lucky ? 1 : 0)
    }
  }
}

/** What one torrent has and wants of the slots. */
export class SlotClaim {
  #most: number
  /** @internal The share, as last computed. */
  limit: number
  /** @internal Slots in use. */
  used = 0
  /** @internal Peers that want a slot, those that have one included. */
  demand = 0
  readonly #slots: UploadSlots

  /** @internal */
  constructor(slots: UploadSlots, most: number) {
    this.#slots = slots
    this.#most = most
    this.limit = most
  }

  /** Slots that it takes at most. */
  get most(): number {
    return this.#most
  }

  set most(most: number) {
    this.#most = most
    this.limit = most
    this.#slots.changedAtOnce()
  }

  /** @internal Slots that it has a use for. */
  get want(): number {
    return Math.min(this.demand, this.most)
  }

  /** Says how many slots are in use and how many peers want one. */
  set(used: number, demand: number): void {
    this.#slots.changed(this, used, demand)
    this.used = used
    this.demand = demand
  }

  /** Slots that may be in use now; less than are in use when others need some. */
  available(now: number): number {
    this.#slots.share(now)
    return Math.max(0, Math.min(this.limit, this.used + this.#slots.room))
  }
}
