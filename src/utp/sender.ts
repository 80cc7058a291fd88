/**
 * One direction of a connection, sending side: which packet goes next, what an acknowledgement means,
 * what is lost.
 *
 * A packet is lost when three packets that were sent after it were acknowledged, when three
 * acknowledgements in a row name the one before it, or at the time-out. Well before that, after two round
 * trips of silence, 50 ms at least, the oldest is sent again (a tail loss probe, RFC 8985): a small window
 * cannot bring three later ones.
 * @module
 */

import { Ledbat } from './ledbat.js'
import { ahead, HEADER_LENGTH, type Header, ST_FIN, ST_STATE } from './packet.js'
import type { PacketBuffer, PacketPool } from './packet-pool.js'
import type { PathMtu } from './path-mtu.js'
import { RoundTrip } from './round-trip.js'
import { SendBuffer } from './send-buffer.js'
import { REORDERED, SentPackets } from './sent-packets.js'

/** What {@link Sender.acknowledge} returns for a packet that cannot be of this connection. */
export const ABSURD = -1

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
  readonly sentPackets: SentPackets
  /** When the oldest packet in flight counts as lost, or a closed window is probed; Infinity for neither. */
  deadline: number = Number.POSITIVE_INFINITY
  timeouts = 0
  resent = 0
  bytesSent = 0
  /** True when a write took less than it was offered. */
  blocked = false

  private readonly limit: number
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

  constructor(pool: PacketPool, seq: number, mtu: PathMtu, limit: number) {
    this.buffer = new SendBuffer(pool, seq)
    this.mtu = mtu
    this.sentPackets = new SentPackets(this.buffer, mtu)
    this.limit = limit
  }

  /** Bytes of payload of a full packet. */
  get fullPayload(): number {
    return this.mtu.floor - HEADER_LENGTH
  }

  /** Bytes of payload of the largest packets cut so far: a remote that has no room for one has closed its window. */
  private get largest(): number {
    return this.mtu.largest - HEADER_LENGTH
  }

  /** Whether there is something to send, if the windows let it. */
  get pending(): boolean {
    return this.sentPackets.hasLost || this.buffer.unsent !== this.buffer.tail
  }

  /** Bytes that may be written now. */
  get room(): number {
    const most = Math.min(this.limit, 2 * this.ledbat.window + WRITE_AHEAD)
    return Math.max(0, Math.floor(most) - this.buffer.queued)
  }

  write(bytes: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, from + this.room)
    const taken = end > from ? this.buffer.write(bytes, from, end, this.fullPayload) : 0
    if (taken < to - from) this.blocked = true
    return taken
  }

  /** The packet to send next, or undefined when nothing is to be sent or nothing may be. */
  next(now: number): PacketBuffer | undefined {
    const lost = this.sentPackets.nextLost()
    if (lost !== undefined) {
      const free = Math.min(this.ledbat.window, this.remoteWindow) - this.sentPackets.bytes
      return this.forced || this.sentPackets.packets === 0 || lost.length <= free
        ? lost
        : this.held(lost.length, now)
    }
    const { buffer } = this
    if (buffer.unsent === buffer.tail) return undefined
    if (now - this.fullAt > TRUST) this.distrust()
    const packet = buffer.at(buffer.unsent) as PacketBuffer
    const after = this.sentPackets.bytes + packet.length
    if (after > this.ledbat.window && this.sentPackets.packets > 0) return this.held(packet.length, now)
    if (after > this.remoteWindow && !this.forced) return this.held(packet.length, now)
    // Nagle, after Minshall: at most one packet that is not full is under way.
    if (
      packet.length < this.fullPayload &&
      this.smallSeq >= 0 &&
      packet.type !== ST_FIN &&
      ((packet.seq + 1) & 0xffff) === buffer.tail
    )
      return undefined
    return packet
  }

  /** Counts a packet that {@link Sender.next} named as sent. */
  sent(packet: PacketBuffer, now: number): void {
    const { buffer } = this
    if (packet.transmissions === 0) {
      buffer.unsent = (buffer.unsent + 1) & 0xffff
      this.bytesSent += packet.length
      if (packet.length < this.fullPayload) this.smallSeq = packet.seq
    } else {
      this.resent++
    }
    this.sentPackets.onSent(packet, now)
    this.forced = false
    if (this.sentPackets.packets === 1 || this.deadline === Number.POSITIVE_INFINITY) this.rearm(now)
  }

  /** The size to which this packet may be padded, to probe the path; 0 for none. */
  probeFor(packet: PacketBuffer): number {
    const size = this.mtu.candidate
    if (size === 0 || packet.transmissions > 0 || packet.type === ST_FIN) return 0
    return size - HEADER_LENGTH - packet.length >= 2 ? size : 0
  }

  /** Takes the acknowledgement of a packet; returns the bytes it newly acknowledged, or {@link ABSURD}. */
  acknowledge(header: Header, bytes: Uint8Array, now: number): number {
    const { buffer, sentPackets } = this
    const before = buffer.oldest
    const count = (header.ack + 1 - before) & 0xffff
    const sent = ahead(buffer.unsent, before)
    if (count > sent) return 0x10000 - count <= MAX_BEHIND ? 0 : ABSURD

    const opened = header.window > this.remoteWindow
    const same = header.window === this.remoteWindow
    this.remoteWindow = header.window
    let acked = 0
    let newest: PacketBuffer | undefined
    for (let i = 0; i < count; i++) {
      const packet = buffer.at((before + i) & 0xffff)
      if (packet === undefined) continue
      acked += this.takeAcknowledged(packet)
      if (packet.transmissions === 1) newest = packet
    }
    if (count > 0) {
      buffer.oldest = (before + count) & 0xffff
      sentPackets.onReleased(before, count)
    }
    let lossBound = -1
    if (header.maskLength > 0) {
      let second = -1
      let third = -1
      const left = ahead(buffer.unsent, buffer.oldest)
      for (let i = 0; i < header.maskLength; i++) {
        let bits = bytes[header.maskAt + i] as number
        for (let at = header.ack + 2 + 8 * i; bits !== 0; at++, bits >>= 1) {
          const seq = at & 0xffff
          if ((bits & 1) === 0 || ahead(seq, buffer.oldest) >= left) continue
          lossBound = third
          third = second
          second = seq
          const packet = buffer.at(seq)
          if (packet === undefined) continue
          acked += this.takeAcknowledged(packet)
          if (packet.transmissions === 1) newest = packet
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
    } else if (header.type === ST_STATE && same && sentPackets.packets > 0) this.duplicateAcks++
    // A remote that says it has no room is alive.
    if (header.window < this.largest) this.timeoutsInRow = 0
    else if (this.probes > 0) {
      this.probes = 0
      this.roundTrip.progressed()
      if (!progress) sentPackets.repeat(buffer.at(buffer.oldest))
    }
    if (acked > 0) {
      const roundTrip = newest === undefined ? 0 : now - newest.sentAt
      const { smooth } = this.roundTrip
      const limited = this.limited || sentPackets.bytes + acked + this.fullPayload > this.ledbat.window
      this.ledbat.acknowledged(acked, header.difference, roundTrip, smooth, limited, this.fullPayload, now)
      this.limited = false
    }
    if (lossBound >= 0) sentPackets.judgeUpTo(lossBound)
    if (this.duplicateAcks === REORDERED) sentPackets.lose(buffer.at(buffer.oldest))
    sentPackets.judgeResent()
    if (sentPackets.takeLoss()) this.ledbat.lost(this.fullPayload)
    if (progress || opened) this.rearm(now)
    return acked
  }

  /** The deadline is over. False when the remote has been silent for too long. */
  timeout(now: number): boolean {
    const { buffer, sentPackets } = this
    if (sentPackets.packets === 0) {
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
      sentPackets.lose(first)
      if (sentPackets.takeLoss()) this.ledbat.lost(this.fullPayload)
      this.rearm(now)
      return true
    }
    const onlyProbe = sentPackets.packets === 1 && first !== undefined && first.probe > 0
    if (!onlyProbe) {
      this.timeoutsInRow++
      if (this.timeoutsInRow > MAX_TIMEOUTS) return false
      this.roundTrip.backOff()
      // What the remote has no room for was not lost on the way.
      if (this.remoteWindow >= this.largest) {
        this.timeouts++
        if (this.timeoutsInRow === 2) {
          this.mtu.startOver()
          buffer.recut(this.fullPayload)
        }
        this.ledbat.timedOut(this.fullPayload)
      }
    }
    sentPackets.loseAll()
    this.duplicateAcks = 0
    this.rearm(now)
    return true
  }

  /** Nothing more will be sent. */
  clear(): void {
    this.buffer.clear()
    this.sentPackets.clear()
    this.deadline = Number.POSITIVE_INFINITY
  }

  /** Throws when the counts do not fit the packets. For tests. */
  checkInvariants(): void {
    const { buffer } = this
    buffer.checkInvariants()
    this.sentPackets.checkInvariants()
    if (this.sentPackets.packets > 0 && this.deadline === Number.POSITIVE_INFINITY)
      throw new Error('in flight without a deadline')
  }

  /** Takes an acknowledged packet out; returns its bytes. The packet may be read until the next packet is cut. */
  private takeAcknowledged(packet: PacketBuffer): number {
    this.sentPackets.onAcknowledged(packet)
    if (packet.seq === this.smallSeq) this.smallSeq = -1
    if (packet.length === this.fullPayload || packet.probe > 0) this.fullAt = packet.sentAt
    this.buffer.release(packet)
    return packet.length
  }

  /** Nothing says of late that the path carries full packets: those that wait are cut small again. */
  private distrust(): void {
    const { buffer, mtu } = this
    const small = mtu.lowest - HEADER_LENGTH
    if ((buffer.at(buffer.unsent) as PacketBuffer).length <= small || !buffer.recut(small)) return
    mtu.distrust()
  }

  /** Remembers why nothing may be sent. */
  private held(length: number, now: number): undefined {
    if (this.sentPackets.bytes + length > this.ledbat.window) this.limited = true
    if (this.deadline === Number.POSITIVE_INFINITY) this.rearm(now)
    return undefined
  }

  /** True when nothing is under way and the remote's window has no room for the next packet. */
  private get shutOut(): boolean {
    const { buffer } = this
    if (this.sentPackets.packets > 0 || buffer.unsent === buffer.tail || this.sentPackets.hasLost)
      return false
    return (buffer.at(buffer.unsent) as PacketBuffer).length > this.remoteWindow
  }

  private rearm(now: number): void {
    this.tail = false
    if (this.sentPackets.packets > 0) {
      const { timeout, smooth, variation } = this.roundTrip
      const lone = this.sentPackets.packets === 1 ? LONE_ACK_DELAY : 0
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
