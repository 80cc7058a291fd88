/**
 * The packets under way, and which of them are lost. All work is constant for a packet: numbers below
 * `scanned` were judged by their first sending, resent packets wait in a queue in the order of sending.
 * @module
 */

import { ahead } from './packet.js'
import { IN_FLIGHT, LOST, type Slot } from './packet-pool.js'
import type { PathMtu } from './path-mtu.js'
import type { SendBuffer } from './send-buffer.js'
import { SeqQueue } from './seq-queue.js'

/** Packets acknowledged after one that make it lost. */
export const REORDERED = 3

export class Flight {
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
  private toldOrder = 0
  private untold = false
  private scanned: number
  private readonly lost: SeqQueue = new SeqQueue()
  private readonly again: SeqQueue = new SeqQueue()

  constructor(buffer: SendBuffer, mtu: PathMtu) {
    this.buffer = buffer
    this.mtu = mtu
    this.scanned = buffer.oldest
  }

  /** Whether lost packets may wait to be sent again. */
  get waiting(): boolean {
    return this.lost.first >= 0
  }

  /** The first packet that was lost and is not acknowledged by now. */
  nextLost(): Slot | undefined {
    for (;;) {
      const seq = this.lost.first
      if (seq < 0) return undefined
      const slot = this.buffer.at(seq)
      if (slot !== undefined && slot.state === LOST) return slot
      this.lost.shift()
    }
  }

  /** A packet leaves, the first lost one or a new one. */
  sent(slot: Slot, now: number): void {
    if (slot.transmissions > 0) {
      this.lost.shift()
      this.again.push(slot.seq)
    }
    slot.state = IN_FLIGHT
    slot.transmissions++
    slot.sentAt = now
    slot.order = ++this.order
    this.bytes += slot.length
    this.packets++
  }

  /** A packet was acknowledged. */
  arrived(slot: Slot): void {
    if (slot.state === IN_FLIGHT) {
      this.bytes -= slot.length
      this.packets--
    }
    if (slot.probe > 0) this.mtu.probeArrived(slot.probe)
    if (slot.transmissions === 1 && slot.order > this.ackedOrder) this.ackedOrder = slot.order
  }

  /** `count` packets from `before` on left the buffer. */
  advanced(before: number, count: number): void {
    if (ahead(this.scanned, before) < count) this.scanned = this.buffer.oldest
  }

  /** Marks every packet before `bound` as lost that was sent once and is still in flight. */
  judgeUpTo(bound: number): void {
    const count = ahead(bound, this.scanned)
    if (count >= 0x8000) return
    for (let i = 0; i < count; i++) {
      const slot = this.buffer.at((this.scanned + i) & 0xffff)
      if (slot?.transmissions === 1) this.lose(slot)
    }
    this.scanned = bound
  }

  /** Marks resent packets as lost again when packets sent after them were acknowledged. */
  judgeResent(): void {
    for (;;) {
      const seq = this.again.first
      if (seq < 0) return
      const slot = this.buffer.at(seq)
      if (slot !== undefined && slot.state === IN_FLIGHT) {
        if (slot.order + REORDERED > this.ackedOrder) return
        this.lose(slot)
      }
      this.again.shift()
    }
  }

  /** A packet was lost, if it is in flight. A lost probe says that it was too large, not that the path is full. */
  lose(slot: Slot | undefined): void {
    if (slot === undefined || slot.state !== IN_FLIGHT) return
    if (slot.probe === 0 && slot.order > this.toldOrder) {
      this.toldOrder = this.order
      this.untold = true
    }
    this.remove(slot)
  }

  /** Whether something was lost since this was last asked; losses of one round trip count once. */
  tellLoss(): boolean {
    const { untold } = this
    this.untold = false
    return untold
  }

  /** A packet is to be sent again, which says nothing about the path. */
  repeat(slot: Slot | undefined): void {
    if (slot?.state === IN_FLIGHT) this.remove(slot)
  }

  /** Nothing came through for the length of a time-out. */
  loseAll(): void {
    const { buffer } = this
    this.toldOrder = this.order
    for (let seq = buffer.oldest; seq !== buffer.unsent; seq = (seq + 1) & 0xffff) this.repeat(buffer.at(seq))
    this.scanned = buffer.unsent
  }

  clear(): void {
    this.lost.clear()
    this.again.clear()
    this.bytes = 0
    this.packets = 0
  }

  /** Throws when the counts do not fit the packets. For tests. */
  checkInvariants(): void {
    const { buffer } = this
    let bytes = 0
    let packets = 0
    for (let seq = buffer.oldest; seq !== buffer.unsent; seq = (seq + 1) & 0xffff) {
      const slot = buffer.at(seq)
      if (slot?.state !== IN_FLIGHT) continue
      bytes += slot.length
      packets++
    }
    if (bytes !== this.bytes || packets !== this.packets)
      throw new Error(
        `${this.packets} packets of ${this.bytes} bytes in flight, found ${packets} of ${bytes}`,
      )
  }

  private remove(slot: Slot): void {
    if (slot.probe > 0) {
      this.mtu.probeLost(slot.probe)
      slot.probe = 0
    }
    slot.state = LOST
    this.bytes -= slot.length
    this.packets--
    this.lost.push(slot.seq)
  }
}
