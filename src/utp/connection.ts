/**
 * One uTP connection (BEP 29) without sockets.
 *
 * | state | event | action -> next |
 * |---|---|---|
 * | syn-sent | STATE that acknowledges our SYN | `connected`; next packet of ours proves us real -> connected |
 * | syn-sent | time-out | SYN again, doubled time-out (handshake-timing.ts); after 5 of them closed |
 * | syn-received | the same SYN again | STATE again |
 * | syn-received | any packet that acknowledges our STATE | `incoming` -> connected |
 * | syn-received | 10 s without one | forgotten: the SYN was spoofed |
 * | connected | data in order, ahead, twice | delivered, held, acknowledged again |
 * | connected | `end` | FIN behind the data, resent like data |
 * | connected | FIN | after all data before it `end`; our direction stays open |
 * | connected | both FINs acknowledged and all read | `closed` -> lingering |
 * | lingering | anything | acknowledged again; after 3 s forgotten |
 * | any | RESET with a plausible `ack` | `closed` -> gone |
 * @module
 */

import { type Address, familyOf } from '../util/address.js'
import { writeU32 } from '../util/bytes.js'
import type { Timed } from './deadlines.js'
import { DelayedAck } from './delayed-ack.js'
import type { EndpointContext } from './endpoint-context.js'
import { HandshakeTiming } from './handshake-timing.js'
import {
  ahead,
  beginMask,
  HEADER_LENGTH,
  type Header,
  micros,
  ST_FIN,
  ST_RESET,
  ST_STATE,
  ST_SYN,
  writeHeader,
  writePadding,
} from './packet.js'
import { PathMtu } from './path-mtu.js'
import { DUPLICATE, IN_ORDER, REFUSED, ReceiveBuffer } from './receive-buffer.js'
import { ABSURD, Sender } from './sender.js'
import type { UtpCloseCode, UtpConnection, UtpStats } from './types.js'

export const SYN_SENT = 0
export const SYN_RECEIVED = 1
export const CONNECTED = 2
export const LINGERING = 3
export const GONE = 4

/** ms without sending after which NATs are reminded (libutp). */
const KEEP_ALIVE = 29_000
/** Bytes of a selective ack: 1,024 packets. */
const MAX_MASK = 128

export class Connection implements UtpConnection, Timed {
  readonly remote: Address
  readonly incoming: boolean
  readonly recvId: number
  readonly sendId: number
  state: number
  readonly sender: Sender
  readonly receiver: ReceiveBuffer

  deadline: number = Number.POSITIVE_INFINITY
  heapAt = -1
  heapTime = 0
  /** Whether the endpoint has it in its list of senders, and in that of this turn. */
  active = false
  touched = false

  private readonly endpoint: EndpointContext<Connection>
  /** Number of our SYN, or of the remote's. */
  private readonly synSeq: number
  private readonly handshake: HandshakeTiming = new HandshakeTiming()
  private readonly delayedAck: DelayedAck = new DelayedAck()
  private lastSent: number
  /** One-way delay of the last packet that arrived. */
  private difference = 0
  private advertised = 0
  private ending = false
  private readableSent = false
  private endSent = false
  private packetsSent = 0
  private packetsReceived = 0
  private duplicates = 0
  private dropped = 0

  /** @param syn number of our own SYN, or of the one that came in; `seq` is that of our first packet of data */
  constructor(
    endpoint: EndpointContext<Connection>,
    remote: Address,
    incoming: boolean,
    id: number,
    syn: number,
    seq: number,
    now: number,
  ) {
    this.endpoint = endpoint
    this.remote = remote
    this.incoming = incoming
    this.recvId = incoming ? (id + 1) & 0xffff : id
    this.sendId = incoming ? id : (id + 1) & 0xffff
    this.state = incoming ? SYN_RECEIVED : SYN_SENT
    this.synSeq = syn
    this.handshake.synDue = !incoming
    this.lastSent = now
    const mtu = new PathMtu(familyOf(remote), endpoint.maxDatagram)
    this.sender = new Sender(endpoint.memory.packets, seq, mtu, endpoint.sendBuffer)
    this.receiver = new ReceiveBuffer(endpoint.memory, endpoint.receiveBuffer)
    if (incoming) {
      this.receiver.ack = syn
      this.handshake.awaitConfirmation(now)
      this.schedule()
    } else endpoint.activate(this)
  }

  get queued(): number {
    return this.sender.buffer.queued
  }

  get stats(): UtpStats {
    const { sender, receiver } = this
    return {
      packetsSent: this.packetsSent,
      packetsReceived: this.packetsReceived,
      bytesSent: sender.bytesSent,
      bytesReceived: receiver.total,
      resent: sender.resent,
      timeouts: sender.timeouts,
      lossCuts: sender.ledbat.cuts,
      probesSent: sender.mtu.sent,
      probesLost: sender.mtu.lost,
      duplicates: this.duplicates,
      dropped: this.dropped,
      rtt: sender.roundTrip.smooth,
      rttVariation: sender.roundTrip.variation,
      window: sender.ledbat.window,
      inFlight: sender.sentPackets.bytes,
      remoteWindow: sender.remoteWindow,
      delay: sender.ledbat.delay / 1000,
      mtu: sender.mtu.floor,
    }
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    if (this.ending || this.state >= LINGERING || from >= to) return 0
    const taken = this.sender.write(bytes, from, to)
    if (taken > 0 && this.state === CONNECTED) this.endpoint.activate(this)
    return taken
  }

  read(now: number): Uint8Array | undefined {
    const { receiver } = this
    const before = receiver.ack
    const chunk = receiver.read()
    if (chunk === undefined) {
      this.readableSent = false
      if (receiver.finished && this.state === CONNECTED) this.finish(now)
      return undefined
    }
    // A sender that stopped for want of room is told as soon as there is a good deal of it.
    if (
      before !== receiver.ack ||
      (2 * this.advertised < receiver.capacity && 2 * receiver.window >= receiver.capacity)
    )
      this.acknowledgeNow()
    return chunk
  }

  end(): void {
    if (this.ending || this.state >= LINGERING) return
    this.ending = true
    if (this.state === CONNECTED) this.endpoint.activate(this)
  }

  destroy(): void {
    if (this.state < LINGERING) this.close('utp/destroyed', true)
  }

  /** A packet for this connection. */
  receive(packet: Header, bytes: Uint8Array, now: number): void {
    const { type } = packet
    if (type === ST_SYN) {
      if (this.state !== SYN_RECEIVED || packet.seq !== this.synSeq) return
      this.difference = (micros(now) - packet.timestamp) | 0
      this.acknowledgeNow()
      return
    }
    if (type === ST_RESET) {
      this.receiveReset(packet)
      return
    }
    if (this.state === SYN_SENT && !this.answered(packet, now)) return
    const { sender } = this
    const acked = sender.acknowledge(packet, bytes, now)
    if (acked === ABSURD) {
      this.dropped++
      return
    }
    this.packetsReceived++
    this.difference = (micros(now) - packet.timestamp) | 0
    sender.ledbat.heard(this.difference, now)
    if (this.state === SYN_RECEIVED) {
      this.state = CONNECTED
      this.handshake.confirmed()
      this.endpoint.confirmed(this)
    }
    if (type !== ST_STATE) this.receiveData(packet, bytes, type === ST_FIN)
    if (sender.pending) this.endpoint.activate(this)
    if (acked > 0) this.drained()
    if (this.finished) this.finish(now)
    if (sender.deadline < this.deadline) this.schedule()
  }

  /**
   * The turn of the event loop is over: acknowledge what it brought, and tell the reader. True when the
   * acknowledgement waits for the end of the next turn.
   */
  endOfTurn(now: number): boolean {
    if (this.state >= LINGERING) return false
    const waits = this.delayedAck.endOfTurn(now)
    if (this.delayedAck.due) this.endpoint.activate(this)
    if (this.delayedAck.deadline < this.deadline) this.schedule()
    const { receiver } = this
    if (receiver.unread > 0 && !this.readableSent) {
      this.readableSent = true
      this.endpoint.emit({ type: 'readable', connection: this })
    }
    if (receiver.finished) this.finish(now)
    receiver.widen(this.sender.roundTrip.least, now)
    return waits
  }

  timeout(now: number): void {
    if (now >= this.handshake.deadline && this.stateTimeout(now)) return
    if (now >= this.delayedAck.deadline) this.acknowledgeNow()
    if (now >= this.sender.deadline) {
      if (!this.sender.timeout(now)) {
        this.close('utp/timeout', true)
        return
      }
      this.endpoint.activate(this)
    }
    if (this.state === CONNECTED && now >= this.lastSent + KEEP_ALIVE) {
      this.sender.buffer.shrink()
      this.endpoint.memory.shrink()
      this.lastSent = now
      this.acknowledgeNow()
    }
    this.schedule()
  }

  /** The next datagram, in its own memory or the endpoint's scratch; undefined when there is none for now. */
  transmit(now: number): Uint8Array | undefined {
    if (this.state === SYN_SENT) return this.handshake.synDue ? this.sendSyn(now) : undefined
    const { sender } = this
    if (this.state === CONNECTED) {
      if (this.ending && sender.buffer.finSeq < 0) sender.buffer.finish()
      const packet = sender.next(now)
      if (packet !== undefined) {
        const probe = sender.probeFor(packet)
        let { bytes } = packet
        if (probe > 0) {
          bytes = this.endpoint.scratch
          const padding = probe - HEADER_LENGTH - packet.length
          bytes.set(
            packet.bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + packet.length),
            HEADER_LENGTH + padding,
          )
          packet.probe = probe
          sender.mtu.probeSent()
        }
        this.header(bytes, packet.type, packet.seq, now)
        if (probe > 0) writePadding(bytes, probe - HEADER_LENGTH - packet.length)
        sender.sent(packet, now)
        // Data names no packets beyond a gap: that takes an acknowledgement of its own.
        if (this.receiver.held === 0) this.delayedAck.due = false
        this.handshake.addressProved()
        if (sender.deadline < this.deadline) this.schedule()
        return probe > 0 ? bytes.subarray(0, probe) : packet.datagram()
      }
      if (sender.deadline < this.deadline) this.schedule()
    }
    if (!this.delayedAck.due || this.state === GONE) return undefined
    this.delayedAck.due = false
    const { scratch } = this.endpoint
    this.header(scratch, ST_STATE, sender.buffer.unsent, now)
    const mask = this.receiver.maskLength(MAX_MASK)
    if (mask === 0) return scratch.subarray(0, HEADER_LENGTH)
    const at = beginMask(scratch, mask)
    this.receiver.writeMask(scratch, at, mask)
    return scratch.subarray(0, at + mask)
  }

  /** Forgets a connection that the application does not hold: lingering or unconfirmed. */
  drop(): void {
    this.state = GONE
    this.sender.clear()
    this.receiver.clear()
    this.deadline = Number.POSITIVE_INFINITY
    this.endpoint.forget(this)
  }

  /** Ends the connection for the application; `reset` asks for a RESET to the remote. */
  close(code: UtpCloseCode | undefined, reset: boolean): void {
    // The application never heard of a connection that was not confirmed.
    if (this.state !== SYN_RECEIVED) this.endpoint.emit({ type: 'closed', connection: this, code })
    this.state = GONE
    this.endpoint.closed(this, reset)
    this.drop()
  }

  /** Number a RESET of ours carries as `ack`. */
  get lastHeard(): number {
    return this.receiver.ack
  }

  /** Throws when buffers or counts contradict each other. For tests. */
  checkInvariants(): void {
    this.sender.checkInvariants()
    this.receiver.checkInvariants()
  }

  private answered(packet: Header, now: number): boolean {
    if (packet.type !== ST_STATE || packet.ack !== this.synSeq) return false
    this.state = CONNECTED
    // Deployed stacks do not count a STATE: its number is the one that the first data will have.
    this.receiver.ack = (packet.seq - 1) & 0xffff
    const roundTrip = this.handshake.synAnswered(now)
    if (roundTrip !== undefined) this.sender.roundTrip.sample(roundTrip)
    this.sender.ledbat.began(packet.difference, now)
    this.delayedAck.due = true
    this.endpoint.emit({ type: 'connected', connection: this })
    this.endpoint.activate(this)
    this.schedule()
    return true
  }

  private receiveReset(packet: Header): void {
    // A guess has to hit the id and a number near what we sent.
    const { buffer } = this.sender
    const plausible =
      this.state === SYN_SENT
        ? packet.ack === this.synSeq
        : ahead(buffer.unsent, packet.ack) <= ahead(buffer.unsent, buffer.oldest) + 1024
    if (!plausible) {
      this.dropped++
      return
    }
    if (this.state === LINGERING) this.drop()
    else if (this.state < LINGERING) this.close(this.state === SYN_SENT ? 'utp/refused' : 'utp/reset', false)
  }

  private receiveData(packet: Header, bytes: Uint8Array, fin: boolean): void {
    if (this.state === LINGERING) {
      this.duplicates++
      this.acknowledgeNow()
      return
    }
    const { receiver } = this
    const result = receiver.accept(packet.seq, fin, bytes, packet.payloadAt, bytes.length)
    if (result === DUPLICATE) this.duplicates++
    else if (result === REFUSED) this.dropped++
    this.delayedAck.onPacket(result === IN_ORDER && !fin && receiver.held === 0)
    this.endpoint.touch(this)
  }

  /** Both directions are over. */
  private get finished(): boolean {
    const { buffer } = this.sender
    return buffer.finSeq >= 0 && buffer.oldest === buffer.tail && this.state === CONNECTED
  }

  /** Tells the reader of the end, and closes when our own direction has ended too. */
  private finish(now: number): void {
    if (this.state !== CONNECTED || !this.receiver.finished || this.receiver.unread > 0) return
    if (!this.endSent) {
      this.endSent = true
      this.endpoint.emit({ type: 'end', connection: this })
    }
    if (!this.finished) return
    this.state = LINGERING
    this.handshake.linger(now)
    this.acknowledgeNow()
    this.sender.clear()
    this.receiver.clear()
    this.endpoint.closed(this, false)
    this.endpoint.emit({ type: 'closed', connection: this, code: undefined })
    this.schedule()
  }

  /** True when nothing is left to do. */
  private stateTimeout(now: number): boolean {
    const { handshake } = this
    if (this.state === SYN_SENT) {
      if (!handshake.synAgain()) {
        this.close('utp/connect-timeout', false)
        return true
      }
      this.endpoint.activate(this)
    } else if (this.state === CONNECTED) {
      if (handshake.proveAddressAgain(now)) this.acknowledgeNow()
    } else {
      this.drop()
      return true
    }
    return false
  }

  private sendSyn(now: number): Uint8Array {
    this.handshake.synSent(now)
    const { scratch } = this.endpoint
    this.header(scratch, ST_SYN, this.synSeq, now)
    this.schedule()
    return scratch.subarray(0, HEADER_LENGTH)
  }

  private header(bytes: Uint8Array, type: number, seq: number, now: number): void {
    const id = type === ST_SYN ? this.recvId : this.sendId
    writeHeader(bytes, type, id, seq, type === ST_SYN ? 0 : this.receiver.ack)
    writeU32(bytes, 4, micros(now))
    writeU32(bytes, 8, this.difference)
    this.advertised = this.receiver.window
    writeU32(bytes, 12, this.advertised)
    this.delayedAck.onSent()
    this.lastSent = now
    this.packetsSent++
  }

  private acknowledgeNow(): void {
    this.delayedAck.now()
    this.endpoint.activate(this)
  }

  private drained(): void {
    const { sender } = this
    if (!sender.blocked || 4 * sender.room < sender.buffer.queued) return
    sender.blocked = false
    if (!this.ending) this.endpoint.emit({ type: 'writable', connection: this })
  }

  private schedule(): void {
    this.deadline = Math.min(
      this.handshake.deadline,
      this.delayedAck.deadline,
      this.sender.deadline,
      this.state === CONNECTED ? this.lastSent + KEEP_ALIVE : Number.POSITIVE_INFINITY,
    )
    this.endpoint.schedule(this)
  }
}
