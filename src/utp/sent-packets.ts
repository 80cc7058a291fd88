/**
 * The packets under way, and which of them are lost. All work is constant for a packet: numbers below
 * `scanned` were judged by their first sending, resent packets wait in a queue in the order of sending.
 * @module
 */

import { ahead } from './packet.js'
import { IN_FLIGHT, LOST, type PacketBuffer } from './packet-pool.js'
import type { PathMtu } from './path-mtu.js'
import type { SendBuffer } from './send-buffer.js'
import { SeqQueue } from './seq-queue.js'

/** Packets acknowledged after one that make it lost. */
export const REORDERED = 3

export class SentPackets {
  /** What is in flight. */
  bytes = 0
  packets = 0

  private readonly buffer: SendBuffer
  private readonly mtu: PathMtu
  /** Packets sent, resends included: the order of sending. */
  private order = 0
  /** Highest order acknowledged, of packets that were sent once. */
  private ackedOrder = 0
  /** Losses of packets sent before this are part of a loss that was told of already. */
  private lossOrder = 0
  private newLoss = false
  private scanned: number
  private readonly lost: SeqQueue = new SeqQueue()
  private readonly resent: SeqQueue = new SeqQueue()

  constructor(buffer: SendBuffer, mtu: PathMtu) {
    this.buffer = buffer
    this.mtu = mtu
    this.scanned = buffer.oldest
  }

  /** Whether lost packets may wait to be sent again. */
  get hasLost(): boolean {
    return this.lost.first >= 0
  }

  /** The first packet that was lost and is not acknowledged by now. */
  nextLost(): PacketBuffer | undefined {
    for (;;) {
      const seq = this.lost.first
      if (seq < 0) return undefined
      const packet = this.buffer.at(seq)
      if (packet !== undefined && packet.state === LOST) return packet
      this.lost.shift()
    }
  }

  /** A packet leaves, the first lost one or a new one. */
  onSent(packet: PacketBuffer, now: number): void {
    if (packet.transmissions > 0) {
      this.lost.shift()
      this.resent.push(packet.seq)
    }
    packet.state = IN_FLIGHT
    packet.transmissions++
    packet.sentAt = now
    packet.order = ++this.order
    this.bytes += packet.length
    this.packets++
  }

  /** A packet was acknowledged. */
  onAcknowledged(packet: PacketBuffer): void {
    if (packet.state === IN_FLIGHT) {
      this.bytes -= packet.length
      this.packets--
    }
    if (packet.probe > 0) this.mtu.probeArrived(packet.probe)
    if (packet.transmissions === 1 && packet.order > this.ackedOrder) this.ackedOrder = packet.order
  }

  /** `count` packets from `before` on left the buffer. */
  onReleased(before: number, count: number): void {
    if (ahead(this.scanned, before) < count) this.scanned = this.buffer.oldest
  }

  /** Marks every packet before `bound` as lost that was sent once and is still in flight. */
  judgeUpTo(bound: number): void {
    const count = ahead(bound, this.scanned)
    if (count >= 0x8000) return
    for (let i = 0; i < count; i++) {
      const packet = this.buffer.at((this.scanned + i) & 0xffff)
      if (packet?.transmissions === 1) this.lose(packet)
    }
    this.scanned = bound
  }

  /** Marks resent packets as lost again when packets sent after them were acknowledged. */
  judgeResent(): void {
    for (;;) {
      const seq = this.resent.first
      if (seq < 0) return
      const packet = this.buffer.at(seq)
      if (packet !== undefined && packet.state === IN_FLIGHT) {
        if (packet.order + REORDERED > this.ackedOrder) return
        this.lose(packet)
      }
      this.resent.shift()
    }
  }

  /** A packet was lost, if it is in flight. A lost probe says that it was too large, not that the path is full. */
  lose(packet: PacketBuffer | undefined): void {
    if (packet === undefined || packet.state !== IN_FLIGHT) return
    if (packet.probe === 0 && packet.order > this.lossOrder) {
      this.lossOrder = this.order
      this.newLoss = true
    }
    this.remove(packet)
  }

  /** Whether something was lost since this was last asked; losses of one round trip count once. */
  takeLoss(): boolean {
    const { newLoss } = this
    this.newLoss = false
    return newLoss
  }

  /** A packet is to be sent again, which says nothing about the path. */
  repeat(packet: PacketBuffer | undefined): void {
    if (packet?.state === IN_FLIGHT) this.remove(packet)
  }

  /** Nothing came through for the length of a time-out. */
  loseAll(): void {
    const { buffer } = this
    this.lossOrder = this.order
    for (let seq = buffer.oldest; seq !== buffer.unsent; seq = (seq + 1) & 0xffff) this.repeat(buffer.at(seq))
    this.scanned = buffer.unsent
  }

  clear(): void {
    this.lost.clear()
    this.resent.clear()
    this.bytes = 0
    this.packets = 0
  }

  /** Throws when the counts do not fit the packets. For tests. */
  checkInvariants(): void {
    const { buffer } = this
    let bytes = 0
    let packets = 0
    for (let seq = buffer.oldest; seq !== buffer.unsent; seq = (seq + 1) & 0xffff) {
      const packet = buffer.at(seq)
      if (packet?.state !== IN_FLIGHT) continue
      bytes += packet.length
      packets++
    }
    if (bytes !== this.bytes || packets !== this.packets)
      throw new Error(
        `${this.packets} packets of ${this.bytes} bytes in flight, found ${packets} of ${bytes}`,
      )
  }

  private remove(packet: PacketBuffer): void {
    if (packet.probe > 0) {
      this.mtu.probeLost(packet.probe)
      packet.probe = 0
    }
    packet.state = LOST
    this.bytes -= packet.length
    this.packets--
    this.lost.push(packet.seq)
  }
}
