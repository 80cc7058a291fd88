/**
 * One direction of a connection, sending side: which packet goes next, what an acknowledgement means,
 * what is lost.
 *
 * A packet is lost when three packets that were sent after it were acknowledged, when three
 * acknowledgements in a row name the one before it, or at the time-out. Well before that, after two round
 * trips of silence, 50 ms at least, the oldest is sent again (a tail loss probe, RFC 8985): a small window
 * cannot bring three later ones. All work is constant for a packet: numbers below `scanned` were judged by
 * their first sending, resent packets wait in a queue in the order of sending.
 * @module
 */

import { Ledbat } from './ledbat.js'
import { ahead, HEADER_LENGTH, type Header, ST_FIN, ST_STATE } from './packet.js'
import type { PathMtu } from './path-mtu.js'
import { RoundTrip } from './round-trip.js'
import { SendBuffer } from './send-buffer.js'
import { SeqQueue } from './seq-queue.js'
import { IN_FLIGHT, LOST, type Slot, type SlotPool } from './slot.js'

/** What {@link Sender.acknowledge} returns for a packet that cannot be of this connection. */
export const ABSURD = -1

/** Packets acknowledged after one that make it lost. */
const REORDERED = 3
/** Acknowledgements so far behind may be late ones; packets with older ones are dropped. */
const MAX_BEHIND = 4096
/** Unacknowledged time-outs in a row that end the connection: half a minute at the shortest time-out. */
const MAX_TIMEOUTS = 5
/** ms that remotes keep the acknowledgement of a single packet back, at most (libutp). */
const LONE_ACK_DELAY = 100
/** ms for which a busy machine may be silent: no tail loss probe before, since it cuts the window. */
const SHORTEST_SILENCE = 50
/** ms until a closed window is probed, and between its probes at most (libutp probes after 15 s). */
const FIRST_PROBE = 1000
const MAX_PROBE = 15_000
/**
 * ms after which the size of full packets is no longer trusted, when nothing of that size passed since: what is
 * sent too large once can never be sent smaller, what was padded can.
 */
const TRUST = 30_000
/** Bytes to be written ahead beyond twice the window: no more, since packets are cut when they are written. */
const WRITE_AHEAD = 65_536

export class Sender {
  readonly buffer: SendBuffer
  readonly ledbat: Ledbat = new Ledbat()
  readonly roundTrip: RoundTrip = new RoundTrip()
  readonly mtu: PathMtu
  remoteWindow = 0
  /** Bytes and packets in flight. */
  inFlight = 0
  flight = 0
  /** When the oldest packet in flight counts as lost, or a closed window is probed; Infinity for neither. */
  deadline: number = Number.POSITIVE_INFINITY
  timeouts = 0
  resent = 0
  bytesSent = 0
  /** True when a write took less than it was offered. */
  blocked = false

  private readonly limit: number
  /** Packets sent, resends included: the order of sending. */
  private order = 0
  /** Highest order acknowledged, of packets that were sent once. */
  private ackedOrder = 0
  /** Losses of packets sent before this are part of a loss that cut the window already. */
  private cutOrder = 0
  private scanned: number
  private readonly lost: SeqQueue = new SeqQueue()
  private readonly again: SeqQueue = new SeqQueue()
  private duplicateAcks = 0
  private timeoutsInRow = 0
  /** Whether the congestion window held something back since the last acknowledgement. */
  private limited = false
  /** Number of the last packet sent that was not full, while it is in flight; else -1. */
  private smallSeq = -1
  /** One packet may be sent whatever the windows say: a probe of the closed window, or of a silent path. */
  private forced = false
  /** Probes of the closed window in a row. */
  private probes = 0
  /** When the last full packet, or probe, was sent that was acknowledged. */
  private fullAt: number = Number.NEGATIVE_INFINITY
  /** Whether `deadline` is that of a tail loss probe, and whether one was sent since the last progress. */
  private tail = false
  private tailProbed = false

  constructor(pool: SlotPool, seq: number, mtu: PathMtu, limit: number) {
    this.buffer = new SendBuffer(pool, seq)
    this.scanned = seq
    this.mtu = mtu
    this.limit = limit
  }

  /** Bytes of payload of a full packet. */
  get packet(): number {
    return this.mtu.floor - HEADER_LENGTH
  }

  /** Bytes of payload of the largest packets cut so far: a remote that has no room for one has closed its window. */
  private get largest(): number {
    return this.mtu.largest - HEADER_LENGTH
  }

  /** Whether there is something to send, if the windows let it. */
  get pending(): boolean {
    return this.lost.first >= 0 || this.buffer.unsent !== this.buffer.tail
  }

  /** Bytes that may be written now. */
  get room(): number {
    const most = Math.min(this.limit, 2 * this.ledbat.window + WRITE_AHEAD)
    return Math.max(0, Math.floor(most) - this.buffer.queued)
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + this.room)
    const taken = end > from ? this.buffer.write(bytes, from, end, this.packet) : 0
    if (taken < to - from) this.blocked = true
    return taken
  }

  /** The packet to send next, or undefined when nothing is to be sent or nothing may be. */
  next(now: number): Slot | undefined {
    const lost = this.nextLost()
    if (lost !== undefined) {
      const free = Math.min(this.ledbat.window, this.remoteWindow) - this.inFlight
      return this.forced || this.flight === 0 || lost.length <= free ? lost : this.held(lost.length, now)
    }
    const { buffer } = this
    if (buffer.unsent === buffer.tail) return undefined
    if (now - this.fullAt > TRUST) this.distrust()
    const slot = buffer.at(buffer.unsent) as Slot
    const after = this.inFlight + slot.length
    if (after > this.ledbat.window && this.flight > 0) return this.held(slot.length, now)
    if (after > this.remoteWindow && !this.forced) return this.held(slot.length, now)
    // Nagle, after Minshall: at most one packet that is not full is under way.
    if (
      slot.length < this.packet &&
      this.smallSeq >= 0 &&
      slot.type !== ST_FIN &&
      ((slot.seq + 1) & 0xffff) === buffer.tail
    )
      return undefined
    return slot
  }

  /** Counts a packet that {@link Sender.next} named as sent. */
  sent(slot: Slot, now: number): void {
    const { buffer } = this
    if (slot.transmissions === 0) {
      buffer.unsent = (buffer.unsent + 1) & 0xffff
      this.bytesSent += slot.length
      if (slot.length < this.packet) this.smallSeq = slot.seq
    } else {
      this.lost.shift()
      this.resent++
      this.again.push(slot.seq)
    }
    slot.state = IN_FLIGHT
    slot.transmissions++
    slot.sentAt = now
    slot.order = ++this.order
    this.inFlight += slot.length
    this.flight++
    this.forced = false
    if (this.flight === 1 || this.deadline === Number.POSITIVE_INFINITY) this.rearm(now)
  }

  /** The size to which this packet may be padded, to probe the path; 0 for none. */
  probeFor(slot: Slot): number {
    const size = this.mtu.candidate
    if (size === 0 || slot.transmissions > 0 || slot.type === ST_FIN) return 0
    return size - HEADER_LENGTH - slot.length >= 2 ? size : 0
  }

  /** Takes the acknowledgement of a packet; returns the bytes it newly acknowledged, or {@link ABSURD}. */
  acknowledge(packet: Header, bytes: Uint8Array, now: number): number {
    const { buffer } = this
    const before = buffer.oldest
    const count = (packet.ack + 1 - before) & 0xffff
    const sent = ahead(buffer.unsent, before)
    if (count > sent) return 0x10000 - count <= MAX_BEHIND ? 0 : ABSURD

    const opened = packet.window > this.remoteWindow
    const same = packet.window === this.remoteWindow
    this.remoteWindow = packet.window
    let acked = 0
    let newest: Slot | undefined
    let { ackedOrder } = this
    for (let i = 0; i < count; i++) {
      const slot = buffer.at((before + i) & 0xffff)
      if (slot === undefined) continue
      acked += this.settle(slot)
      if (slot.transmissions === 1) {
        newest = slot
        if (slot.order > ackedOrder) ackedOrder = slot.order
      }
    }
    if (count > 0) {
      buffer.oldest = (before + count) & 0xffff
      if (ahead(this.scanned, before) < count) this.scanned = buffer.oldest
    }
    let lossBound = -1
    if (packet.maskLength > 0) {
      let second = -1
      let third = -1
      const left = ahead(buffer.unsent, buffer.oldest)
      for (let i = 0; i < packet.maskLength; i++) {
        let bits = bytes[packet.maskAt + i] as number
        for (let at = packet.ack + 2 + 8 * i; bits !== 0; at++, bits >>= 1) {
          const seq = at & 0xffff
          if ((bits & 1) === 0 || ahead(seq, buffer.oldest) >= left) continue
          lossBound = third
          third = second
          second = seq
          const slot = buffer.at(seq)
          if (slot === undefined) continue
          acked += this.settle(slot)
          if (slot.transmissions === 1) {
            newest = slot
            if (slot.order > ackedOrder) ackedOrder = slot.order
          }
        }
      }
    }
    // After silence it is the answer to a resend that acknowledges the others too, late.
    if (newest !== undefined && !this.tailProbed) this.roundTrip.sample(now - newest.sentAt)
    const progress = count > 0 || newest !== undefined || acked > 0
    if (progress) {
      this.duplicateAcks = 0
      this.timeoutsInRow = 0
      this.tailProbed = false
      this.roundTrip.progressed()
    } else if (packet.type === ST_STATE && same && this.flight > 0) this.duplicateAcks++
    // Whoever has no room, and says so, lives.
    if (packet.window < this.largest) this.timeoutsInRow = 0
    else if (this.probes > 0) {
      this.probes = 0
      this.roundTrip.progressed()
      const probe = buffer.at(buffer.oldest)
      if (!progress && probe?.state === IN_FLIGHT) this.lose(probe)
    }
    if (acked > 0) {
      const roundTrip = newest === undefined ? 0 : now - newest.sentAt
      const { smooth } = this.roundTrip
      const limited = this.limited || this.inFlight + acked + this.packet > this.ledbat.window
      this.ledbat.acknowledged(acked, packet.difference, roundTrip, smooth, limited, this.packet, now)
      this.limited = false
    }
    this.ackedOrder = ackedOrder
    if (lossBound >= 0) this.judgeUpTo(lossBound)
    if (this.duplicateAcks === REORDERED) this.judge(buffer.at(buffer.oldest), true)
    this.judgeResent()
    if (progress || opened) this.rearm(now)
    return acked
  }

  /** The deadline is over. False when the remote has been silent for too long. */
  timeout(now: number): boolean {
    const { buffer } = this
    if (this.flight === 0) {
      if (this.shutOut) {
        this.forced = true
        this.probes++
      }
      this.rearm(now)
      return true
    }
    const first = buffer.at(buffer.oldest)
    if (this.tail) {
      this.tailProbed = true
      this.forced = true
      if (first?.state === IN_FLIGHT) this.loss(first)
      this.rearm(now)
      return true
    }
    const onlyProbe = this.flight === 1 && first !== undefined && first.probe > 0
    if (!onlyProbe) {
      this.timeoutsInRow++
      if (this.timeoutsInRow > MAX_TIMEOUTS) return false
      this.roundTrip.backOff()
      // What the remote has no room for was not lost on the way.
      if (this.remoteWindow >= this.largest) {
        this.timeouts++
        if (this.timeoutsInRow === 2) {
          this.mtu.startOver()
          buffer.recut(this.packet)
        }
        this.ledbat.timedOut(this.packet)
      }
    }
    this.cutOrder = this.order
    for (let seq = buffer.oldest; seq !== buffer.unsent; seq = (seq + 1) & 0xffff) {
      const slot = buffer.at(seq)
      if (slot?.state === IN_FLIGHT) this.lose(slot)
    }
    this.scanned = buffer.unsent
    this.duplicateAcks = 0
    this.rearm(now)
    return true
  }

  /** Nothing more will be sent. */
  clear(): void {
    this.buffer.clear()
    this.lost.clear()
    this.again.clear()
    this.inFlight = 0
    this.flight = 0
    this.deadline = Number.POSITIVE_INFINITY
  }

  /** Throws when the counts do not fit the packets. For tests. */
  checkInvariants(): void {
    const { buffer } = this
    buffer.checkInvariants()
    let bytes = 0
    let flight = 0
    for (let seq = buffer.oldest; seq !== buffer.unsent; seq = (seq + 1) & 0xffff) {
      const slot = buffer.at(seq)
      if (slot?.state !== IN_FLIGHT) continue
      bytes += slot.length
      flight++
    }
    if (bytes !== this.inFlight || flight !== this.flight)
      throw new Error(
        `${this.flight} packets of ${this.inFlight} bytes in flight, found ${flight} of ${bytes}`,
      )
    if (flight > 0 && this.deadline === Number.POSITIVE_INFINITY)
      throw new Error('in flight without a deadline')
  }

  /** Takes an acknowledged packet out; returns its bytes. The slot may be read until the next packet is cut. */
  private settle(slot: Slot): number {
    if (slot.state === IN_FLIGHT) {
      this.inFlight -= slot.length
      this.flight--
    }
    if (slot.probe > 0) this.mtu.probeArrived(slot.probe)
    if (slot.seq === this.smallSeq) this.smallSeq = -1
    if (slot.length === this.packet || slot.probe > 0) this.fullAt = slot.sentAt
    this.buffer.release(slot)
    return slot.length
  }

  /** The first packet that was lost and is not acknowledged by now. */
  private nextLost(): Slot | undefined {
    for (;;) {
      const seq = this.lost.first
      if (seq < 0) return undefined
      const slot = this.buffer.at(seq)
      if (slot !== undefined && slot.state === LOST) return slot
      this.lost.shift()
    }
  }

  /** Nothing says of late that the path carries full packets: those that wait are cut small again. */
  private distrust(): void {
    const { buffer, mtu } = this
    const small = mtu.lowest - HEADER_LENGTH
    if ((buffer.at(buffer.unsent) as Slot).length <= small || !buffer.recut(small)) return
    mtu.distrust()
  }

  /** Remembers why nothing may be sent. */
  private held(length: number, now: number): undefined {
    if (this.inFlight + length > this.ledbat.window) this.limited = true
    if (this.deadline === Number.POSITIVE_INFINITY) this.rearm(now)
    return undefined
  }

  /** True when nothing is under way and the remote's window has no room for the next packet. */
  private get shutOut(): boolean {
    const { buffer } = this
    if (this.flight > 0 || buffer.unsent === buffer.tail || this.lost.first >= 0) return false
    return (buffer.at(buffer.unsent) as Slot).length > this.remoteWindow
  }

  /** Marks every packet before `bound` as lost that was sent once and is still in flight. */
  private judgeUpTo(bound: number): void {
    const count = ahead(bound, this.scanned)
    if (count >= 0x8000) return
    for (let i = 0; i < count; i++) this.judge(this.buffer.at((this.scanned + i) & 0xffff), false)
    this.scanned = bound
  }

  private judge(slot: Slot | undefined, resentToo: boolean): void {
    if (slot === undefined || slot.state !== IN_FLIGHT) return
    if (slot.transmissions > 1 && !resentToo) return
    this.loss(slot)
  }

  /** Marks resent packets as lost again when packets sent after them were acknowledged. */
  private judgeResent(): void {
    for (;;) {
      const seq = this.again.first
      if (seq < 0) return
      const slot = this.buffer.at(seq)
      if (slot !== undefined && slot.state === IN_FLIGHT) {
        if (slot.order + REORDERED > this.ackedOrder) return
        this.loss(slot)
      }
      this.again.shift()
    }
  }

  private loss(slot: Slot): void {
    // A lost probe says that it was too large, not that the path is full.
    if (slot.probe === 0 && slot.order > this.cutOrder) {
      this.cutOrder = this.order
      this.ledbat.lost(this.packet)
    }
    this.lose(slot)
  }

  private lose(slot: Slot): void {
    if (slot.probe > 0) {
      this.mtu.probeLost(slot.probe)
      slot.probe = 0
    }
    slot.state = LOST
    this.inFlight -= slot.length
    this.flight--
    this.lost.push(slot.seq)
  }

  private rearm(now: number): void {
    this.tail = false
    if (this.flight > 0) {
      const { timeout, smooth, variation } = this.roundTrip
      const lone = this.flight === 1 ? LONE_ACK_DELAY : 0
      const silence = Math.max(2 * smooth + 4 * variation, SHORTEST_SILENCE) + lone
      if (smooth > 0 && silence < timeout && !this.tailProbed && this.remoteWindow >= this.largest) {
        this.tail = true
        this.deadline = now + silence
        return
      }
      this.deadline = now + (this.remoteWindow < this.largest ? Math.min(timeout, MAX_PROBE) : timeout)
    } else if (this.shutOut) {
      const wait = Math.max(this.roundTrip.timeout, FIRST_PROBE) * 2 ** Math.min(this.probes, 5)
      this.deadline = now + Math.min(wait, MAX_PROBE)
    } else this.deadline = Number.POSITIVE_INFINITY
  }
}
