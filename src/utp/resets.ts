/**
 * RESETs to be sent: for connections that we end, and as answers to packets of connections that we do
 * not know, where a flood of such packets must not become a flood of answers.
 * @module
 */

import type { Address } from '../util/address.js'
import { writeU32 } from '../util/bytes.js'
import { TokenBucket } from '../util/token-bucket.js'
import { HEADER_LENGTH, type Header, micros, ST_RESET, writeHeader } from './packet.js'

/** Answers to unknown packets a second, and at once. */
const RATE = 20
/** One sender and id are answered once in so many ms. */
const REMEMBER = 3000
const MAX_REMEMBERED = 256

interface Reset {
  readonly to: Address
  readonly id: number
  readonly seq: number
  readonly ack: number
}

export class Resets {
  private readonly queue: Reset[] = []
  private readonly bytes: Uint8Array = new Uint8Array(HEADER_LENGTH)
  /** When the sender of an unknown packet was answered, oldest first. */
  private readonly answered: Map<string, number> = new Map()
  private readonly bucket: TokenBucket

  constructor(now: number) {
    this.bucket = new TokenBucket(RATE, RATE, now)
  }

  /** Queues the RESET of a connection that ends. */
  push(to: Address, id: number, seq: number, ack: number, now: number): void {
    this.queue.push({ to, id, seq, ack })
    this.remember(`${to.host} ${to.port} ${id}`, now)
  }

  /** Answers a packet of an unknown connection, unless that was done or too many were; true when it does. */
  answer(packet: Header, to: Address, now: number): boolean {
    if (this.bucket.level(now) < 1) return false
    const key = `${to.host} ${to.port} ${packet.id}`
    const before = this.answered.get(key)
    if (before !== undefined && now - before < REMEMBER) return false
    this.bucket.charge(1, now)
    this.remember(key, now)
    this.queue.push({ to: { host: to.host, port: to.port }, id: packet.id, seq: 0, ack: packet.seq })
    return true
  }

  /** Takes the next one; its bytes are lent until the next call. */
  shift(into: { bytes: Uint8Array; to: Address }, now: number): boolean {
    const reset = this.queue.shift()
    if (reset === undefined) return false
    const { bytes } = this
    writeHeader(bytes, ST_RESET, reset.id, reset.seq, reset.ack)
    writeU32(bytes, 4, micros(now))
    into.bytes = bytes
    into.to = reset.to
    return true
  }

  private remember(key: string, now: number): void {
    const { answered } = this
    answered.delete(key)
    answered.set(key, now)
    if (answered.size > MAX_REMEMBERED) answered.delete(answered.keys().next().value as string)
  }
}
