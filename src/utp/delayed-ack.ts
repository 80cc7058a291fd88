/**
 * When what arrived is acknowledged: as seldom as a sender can do with, since acknowledgements are packets too.
 *
 * | at the end of a turn of the event loop | acknowledged |
 * |---|---|
 * | a packet twice, ahead of a gap, refused, or the FIN | now |
 * | a full turn, and fewer than 128 packets wait | at the end of the next turn |
 * | two packets in order and more | now |
 * | one | after 40 ms, or with data of ours |
 * @module
 */

/** ms that a single packet waits for its acknowledgement to join others. */
const DELAY = 40
/** Packets in order that are acknowledged at the end of the turn. */
const ENOUGH = 2
/** As many in one turn, and the socket has more: Node reads no more at a time. */
const FULL_TURN = 32
/** Packets that are acknowledged at the end of the turn, whatever there is to come. */
const LATEST = 128

export class DelayedAck {
  /** An acknowledgement is to be sent. */
  due = false
  /** ms, when a single packet is acknowledged; Infinity for none. */
  deadline: number = Number.POSITIVE_INFINITY
  private count = 0
  /** How many of them were there at the end of the last turn. */
  private seen = 0

  /** A packet arrived. `inOrder`: nothing about it is news to the sender that cannot wait. */
  onPacket(inOrder: boolean): void {
    this.count += inOrder ? 1 : LATEST
  }

  now(): void {
    this.due = true
    this.deadline = Number.POSITIVE_INFINITY
  }

  /** True when the acknowledgement waits for the end of the next turn. */
  endOfTurn(now: number): boolean {
    const waits = this.count - this.seen >= FULL_TURN && this.count < LATEST
    this.seen = this.count
    if (this.count >= ENOUGH && !waits) this.now()
    else if (this.count > 0 && this.deadline === Number.POSITIVE_INFINITY) this.deadline = now + DELAY
    return waits
  }

  /** A packet leaves: each carries the number of the last one in order. */
  onSent(): void {
    this.count = 0
    this.seen = 0
    this.deadline = Number.POSITIVE_INFINITY
  }
}
