/**
 * What a node has for its caller: datagrams to send, and events.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Datagram, DhtEvent } from './node-types.js'

/** Events kept for the caller. */
const MOST_EVENTS = 10_000

/** First in, first out; keeps its memory for the next burst. */
class Fifo<T> {
  private readonly items: T[] = []
  private at = 0

  get length(): number {
    return this.items.length - this.at
  }

  push(item: T): void {
    this.items.push(item)
  }

  shift(): T | undefined {
    if (this.at < this.items.length) return this.items[this.at++]
    if (this.at > 0) {
      this.items.length = 0
      this.at = 0
    }
    return undefined
  }
}

export class Outbox {
  /** Bytes of all datagrams so far. */
  bytes = 0
  private readonly datagrams: Fifo<Datagram> = new Fifo()
  private readonly events: Fifo<DhtEvent> = new Fifo()

  send(bytes: Uint8Array, to: Address): void {
    this.bytes += bytes.length
    this.datagrams.push({ bytes, to })
  }

  emit(event: DhtEvent): void {
    // A caller that does not poll loses events, not memory.
    if (this.events.length < MOST_EVENTS) this.events.push(event)
  }

  /** The next datagram to send. */
  transmit(): Datagram | undefined {
    return this.datagrams.shift()
  }

  poll(): DhtEvent | undefined {
    return this.events.shift()
  }
}
