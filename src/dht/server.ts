/**
 * Which queries a node answers, and how long an answer may be: `query-handlers.ts` makes them, `rate-limiter.ts` counts.
 *
 * An answer that is worth much more than its query waits until the asker has answered a ping, so that a
 * forged source gets no more than its owner has paid for.
 * @module
 */

import type { Address } from '../util/address.js'
import type { KrpcMessage } from './krpc/krpc.js'
import type { Outbox } from './outbox.js'
import { answerQuery, encodeRefusal, type QueryContext } from './query-handlers.js'
import type { QuerySender } from './query-sender.js'
import { type RateLimiter, UNVERIFIED_FACTOR } from './rate-limiter.js'
import { isUsableEndpoint } from './table/endpoint.js'

/** Answers that wait for the proof that they are asked for: at most 5 s and 100 KB. */
const MOST_PROOFS = 64
/** Bytes of the headers of IP and UDP. */
const HEADER_4 = 28
const HEADER_6 = 48

type Query = Extract<KrpcMessage, { type: 'query' | 'bad-query' }>

export class Server {
  /** Queries that came, and replies and errors that left. */
  queries = 0
  replies = 0
  /** Answers that wait. */
  proofs = 0
  context: QueryContext
  private readonly limiter: RateLimiter | undefined
  private readonly querySender: QuerySender
  private readonly outbox: Outbox
  private readonly readOnly: boolean

  constructor(
    parts: {
      readonly querySender: QuerySender
      readonly outbox: Outbox
      readonly limiter: RateLimiter | undefined
    },
    context: QueryContext,
    readOnly: boolean,
  ) {
    this.limiter = parts.limiter
    this.querySender = parts.querySender
    this.outbox = parts.outbox
    this.context = context
    this.readOnly = readOnly
  }

  /** Counts a query; false when it gets no answer at all. */
  admits(endpoint: Uint8Array, from: Address, now: number): boolean {
    this.queries++
    // A reply to multicast or broadcast would be an attack of ours.
    if (this.readOnly || !isUsableEndpoint(endpoint, true)) return false
    return this.limiter?.admit(from, now) !== false
  }

  /** Answers a query of `length` bytes. `isKnown`: the asker has been seen to receive what we send. */
  respond(
    query: Query,
    length: number,
    endpoint: Uint8Array,
    from: Address,
    isKnown: boolean,
    now: number,
  ): void {
    const { limiter } = this
    const limit = limiter?.allowance(from, length, true, now) ?? Number.POSITIVE_INFINITY
    // Both ways with their headers: that is what a forged source costs its owner.
    const header = this.context.family === 4 ? HEADER_4 : HEADER_6
    const worth = isKnown || !limiter ? limit : UNVERIFIED_FACTOR * (length + header) - header
    let bytes = this.answer(query, endpoint, limit, now)
    if (bytes && bytes.length > worth)
      bytes = this.prove(query, endpoint, bytes, now)
        ? undefined
        : this.answer(query, endpoint, Math.min(limit, worth), now)
    if (bytes) this.send(bytes, from, now)
  }

  /** Sends an answer. */
  send(bytes: Uint8Array, to: Address, now: number): void {
    this.limiter?.sent(to, bytes.length, now)
    this.replies++
    this.outbox.send(bytes, to)
  }

  private answer(query: Query, endpoint: Uint8Array, limit: number, now: number): Uint8Array | undefined {
    const { context } = this
    if (query.type === 'query') return answerQuery(query, endpoint, context, limit, now)
    const bytes = encodeRefusal(query, endpoint, context, query.code, query.message)
    return bytes.length <= limit ? bytes : undefined
  }

  /** Keeps an answer until its receiver has answered a ping. False when it cannot be asked. */
  private prove(query: Query, endpoint: Uint8Array, bytes: Uint8Array, now: number): boolean {
    if (query.type !== 'query' || query.readOnly || this.proofs >= MOST_PROOFS) return false
    const ping = { ...this.querySender.base(), method: 'ping' } as const
    if (!this.querySender.send(ping, endpoint, { kind: 'proof', bytes }, now)) return false
    this.proofs++
    return true
  }
}
