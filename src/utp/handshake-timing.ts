/**
 * The timing of how a connection begins and ends: SYNs that are repeated, proofs that our address is
 * real, and the time that unconfirmed and lingering connections have.
 *
 * | side | sends or does | when |
 * |---|---|---|
 * | initiator | SYN | at once, after 1, 3, 7 and 15 s; the end after 31 s |
 * | initiator, connected, nothing sent | STATE, which proves its address | at once, after 1 and 4 s |
 * | acceptor, unconfirmed | forgotten | after 10 s |
 * | both, closed | forgotten | after 3 s |
 * @module
 */

const MAX_SYNS = 5
const SYN_TIMEOUT = 1000
const CONFIRM_TIMEOUT = 10_000
const CONFIRM_AGAIN = [1000, 3000] as const
/** ms in which the other side may ask again for the acknowledgement of its FIN. */
const LINGER = 3000

export class HandshakeTiming {
  /** ms, when something is repeated or over; Infinity for never. */
  deadline: number = Number.POSITIVE_INFINITY
  /** A SYN is to be sent. */
  synDue = false
  private syns = 0
  private synAt = 0
  private confirms = 0

  /** A SYN leaves. */
  synSent(now: number): void {
    this.synDue = false
    this.deadline = now + SYN_TIMEOUT * 2 ** this.syns
    this.syns++
    this.synAt = now
  }

  /** The deadline of a SYN is over: false when there will be no other one. */
  synAgain(): boolean {
    if (this.syns >= MAX_SYNS) return false
    this.synDue = true
    this.deadline = Number.POSITIVE_INFINITY
    return true
  }

  /** Our SYN was answered: the round trip in ms, or undefined when it is unknown which SYN it was. */
  synAnswered(now: number): number | undefined {
    this.deadline = now + CONFIRM_AGAIN[0]
    return this.syns === 1 ? now - this.synAt : undefined
  }

  /** Something that is resent by itself proves our address. */
  addressProved(): void {
    this.confirms = CONFIRM_AGAIN.length
  }

  /** The deadline of a proof is over: whether another is to be sent. */
  proveAddressAgain(now: number): boolean {
    const again = this.confirms < CONFIRM_AGAIN.length
    if (again) this.confirms++
    const next = CONFIRM_AGAIN[this.confirms]
    this.deadline = next === undefined ? Number.POSITIVE_INFINITY : now + next
    return again
  }

  /** A SYN came in. */
  awaitConfirmation(now: number): void {
    this.deadline = now + CONFIRM_TIMEOUT
  }

  /** The remote answered our STATE: its address is real. */
  confirmed(): void {
    this.deadline = Number.POSITIVE_INFINITY
  }

  linger(now: number): void {
    this.deadline = now + LINGER
  }
}
