/** One endpoint, and a remote that is written by hand. */
import type { Address } from '../../src/util/address.js'
import { UtpEndpoint } from '../../src/utp/endpoint.js'
import { decodePacket, encodePacket, type UtpPacket } from '../../src/utp/packet.js'
import type { UtpConnection, UtpEvent, UtpOptions } from '../../src/utp/types.js'
import { seededRandom } from './random.js'

export const REMOTE: Address = { host: '192.0.2.1', port: 5000 }

export class Raw {
  now = 1000
  readonly endpoint: UtpEndpoint
  readonly events: UtpEvent[] = []
  /** Bytes that the application read. */
  readonly read: number[] = []
  reading = true

  constructor(options: Partial<UtpOptions> = {}) {
    this.endpoint = new UtpEndpoint({ random: seededRandom(1), now: this.now, ...options })
  }

  /** Hands in one packet, ends the turn and returns what was answered. */
  receive(packet: Partial<UtpPacket> | Uint8Array, from: Address = REMOTE): UtpPacket[] {
    const bytes = packet instanceof Uint8Array ? packet : packetOf(packet)
    this.endpoint.receive(bytes, from, this.now)
    this.endpoint.endOfTurn(this.now)
    return this.drain()
  }

  /** Lets time pass, waking the endpoint as often as it asks; returns what was sent, with the time. */
  pass(ms: number): (UtpPacket & { readonly at: number })[] {
    const end = this.now + ms
    const sent: (UtpPacket & { at: number })[] = []
    for (let wakes = 0; this.endpoint.nextTimeout() <= end; wakes++) {
      if (wakes > 10_000) throw new Error('the endpoint wakes and wakes')
      this.now = Math.max(this.now, this.endpoint.nextTimeout())
      this.endpoint.timeout(this.now)
      sent.push(...this.drain().map((packet) => ({ ...packet, at: this.now })))
    }
    this.now = end
    return sent
  }

  drain(): UtpPacket[] {
    for (let event = this.endpoint.poll(); event !== undefined; event = this.endpoint.poll()) {
      this.events.push(event)
      if (event.type === 'readable' && this.reading) this.readAll(event.connection)
    }
    const sent: UtpPacket[] = []
    for (
      let out = this.endpoint.transmit(this.now);
      out !== undefined;
      out = this.endpoint.transmit(this.now)
    ) {
      const result = decodePacket(out.bytes.slice())
      if (!result.ok) throw result.error
      sent.push(result.value)
    }
    for (let event = this.endpoint.poll(); event !== undefined; event = this.endpoint.poll())
      this.events.push(event)
    this.endpoint.checkInvariants()
    return sent
  }

  readAll(connection: UtpConnection): void {
    for (let chunk = connection.read(this.now); chunk !== undefined; chunk = connection.read(this.now))
      this.read.push(...chunk)
  }

  /** The types of all events so far, with codes. */
  get story(): string {
    return this.events
      .map((event) => (event.type === 'closed' ? `closed ${event.code}` : event.type))
      .join(', ')
  }

  /** A connection that we opened: its ids, and the numbers that the next packets of the remote need. */
  connected(seq = 100): { connection: UtpConnection; id: number; seq: number; ack: number } {
    const connection = this.endpoint.connect(REMOTE, this.now)
    const syn = this.drain()[0] as UtpPacket
    this.receive({ type: 'state', connectionId: syn.connectionId, seq, ack: syn.seq })
    return { connection, id: syn.connectionId, seq, ack: syn.seq }
  }
}

export function packetOf(packet: Partial<UtpPacket>): Uint8Array {
  return encodePacket({
    type: 'data',
    connectionId: 0,
    timestamp: 0,
    timestampDifference: 0,
    window: 1_048_576,
    seq: 0,
    ack: 0,
    ...packet,
  })
}
