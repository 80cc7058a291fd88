/**
 * What a node has for its caller: datagrams to send, and events.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Datagram, DhtEvent } from './node-types.js'

/** Events kept for the caller. */
const MOST_EVENTS = 10_000

export class Outbox {
  /** Bytes of all datagrams so far. */
  bytes = 0
  private readonly datagrams: Datagram[] = []
  private datagramsAt = 0
  private readonly events: DhtEvent[] = []
  private eventsAt = 0

  send(bytes: Uint8Array, to: Address): void {
    this.bytes += bytes.length
    this.datagrams.push({ bytes, to })
  }

  emit(event: DhtEvent): void {
    // Whoever does not poll loses events, not memory.
    if (this.events.length - this.eventsAt < MOST_EVENTS) this.events.push(event)
  }

  /** The next datagram to send. */
  transmit(): Datagram | undefined {
    if (this.datagramsAt < this.datagrams.length) return this.datagrams[this.datagramsAt++]
    if (this.datagramsAt > 0) {
      this.datagrams.length = 0
      this.datagramsAt = 0
    }
    return undefined
  }

  poll(): DhtEvent | undefined {
    if (this.eventsAt < this.events.length) return this.events[this.eventsAt++]
    if (this.eventsAt > 0) {
      this.events.length = 0
      this.eventsAt = 0
    }
    return undefined
  }
}
