/**
 * Queries that wait for their answers: transaction ids, two time-outs, and which address may answer.
 * @module
 */

import type { Address } from '../util/address.js'
import { equalBytes } from '../util/bytes.js'
import type { Random } from '../util/random.js'

/** ms after which a query is slow, and another node is asked beside (libtorrent). */
export const SLOW = 1_000
/** ms after which no answer is waited for. No path takes so long (libtorrent waits 15 s). */
export const DEAD = 5_000
/** Queries in flight at most; beyond them nothing is asked. */
const MOST_PENDING = 2_048

/** One query in flight; `P` is what the asker wants to know again when it ends. */
export interface Pending<P> {
  readonly transaction: number
  readonly endpoint: Uint8Array
  readonly to: Address
  readonly sentAt: number
  readonly purpose: P
  isOver: boolean
}

export class Rpc<P> {
  private readonly random: Random
  private readonly byTransaction = new Map<number, Pending<P>>()
  /** In the order of sending, which is also that of both time-outs. */
  private queue: Pending<P>[] = []
  private slowAt = 0
  private deadAt = 0

  constructor(random: Random) {
    this.random = random
  }

  /** Queries in flight. */
  get size(): number {
    return this.byTransaction.size
  }

  get isFull(): boolean {
    return this.byTransaction.size >= MOST_PENDING
  }

  /** Notes a query. Its transaction id cannot be guessed: a forged answer needs address and id. */
  open(endpoint: Uint8Array, to: Address, purpose: P, now: number): Pending<P> {
    let transaction = this.random.uint32() & 0xffff
    while (this.byTransaction.has(transaction)) transaction = (transaction + 1) & 0xffff
    const pending: Pending<P> = { transaction, endpoint, to, sentAt: now, purpose, isOver: false }
    this.byTransaction.set(transaction, pending)
    this.queue.push(pending)
    return pending
  }

  /** The query that a message with this id from this endpoint answers; it is over with that. */
  match(transactionId: Uint8Array, endpoint: Uint8Array): Pending<P> | undefined {
    if (transactionId.length !== 2) return undefined
    const transaction = ((transactionId[0] as number) << 8) | (transactionId[1] as number)
    const pending = this.byTransaction.get(transaction)
    if (!pending || !equalBytes(pending.endpoint, endpoint)) return undefined
    this.close(pending)
    return pending
  }

  /** The next query that became slow or dead by now; call until undefined. */
  due(now: number): { readonly pending: Pending<P>; readonly state: 'slow' | 'dead' } | undefined {
    const { queue } = this
    for (; this.deadAt < queue.length; this.deadAt++) {
      const pending = queue[this.deadAt] as Pending<P>
      if (pending.isOver) continue
      // Summed as in nextTimeout: a difference may round to another side.
      if (now < pending.sentAt + DEAD) break
      this.close(pending)
      this.deadAt++
      return { pending, state: 'dead' }
    }
    if (this.deadAt > 64 && 2 * this.deadAt > queue.length) {
      this.queue = queue.slice(this.deadAt)
      this.slowAt = Math.max(0, this.slowAt - this.deadAt)
      this.deadAt = 0
      return this.due(now)
    }
    if (this.slowAt < this.deadAt) this.slowAt = this.deadAt
    for (; this.slowAt < queue.length; this.slowAt++) {
      const pending = queue[this.slowAt] as Pending<P>
      if (pending.isOver) continue
      if (now < pending.sentAt + SLOW) return undefined
      this.slowAt++
      return { pending, state: 'slow' }
    }
    return undefined
  }

  /** When {@link Rpc.due} has something next; Infinity when nothing is in flight. */
  nextTimeout(): number {
    const { queue } = this
    while (this.deadAt < queue.length && (queue[this.deadAt] as Pending<P>).isOver) this.deadAt++
    if (this.slowAt < this.deadAt) this.slowAt = this.deadAt
    while (this.slowAt < queue.length && (queue[this.slowAt] as Pending<P>).isOver) this.slowAt++
    const dead = queue[this.deadAt]
    const slow = queue[this.slowAt]
    const deadline = dead ? dead.sentAt + DEAD : Number.POSITIVE_INFINITY
    return slow ? Math.min(deadline, slow.sentAt + SLOW) : deadline
  }

  private close(pending: Pending<P>): void {
    pending.isOver = true
    this.byTransaction.delete(pending.transaction)
  }
}
