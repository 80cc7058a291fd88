/**
 * What was written and is not acknowledged yet, cut into packets in a ring indexed by sequence number.
 *
 *   oldest <= unsent <= tail, modulo 2^16; [oldest, unsent) was sent, [unsent, tail) waits.
 *   A packet that was acknowledged out of order has left its place empty.
 * @module
 */

import { ahead, HEADER_LENGTH, ST_DATA, ST_FIN } from './packet.js'
import { type PacketBuffer, type PacketPool, WAITING } from './packet-pool.js'

const FIRST_RING = 16
/** Packets held at most: a quarter of the sequence numbers, so that comparisons modulo 2^16 stay clear. */
const MAX_RING = 16_384

export class SendBuffer {
  oldest: number
  unsent: number
  tail: number
  /** Bytes of payload that are not acknowledged. */
  queued = 0
  /** Sequence number of our FIN, -1 before `finish`. */
  finSeq = -1
  private readonly pool: PacketPool
  private ring: (PacketBuffer | undefined)[] = []
  private mask = 0

  /** @param seq number of the first packet */
  constructor(pool: PacketPool, seq: number) {
    this.pool = pool
    this.oldest = seq
    this.unsent = seq
    this.tail = seq
  }

  /** The packet, or undefined when the number is outside or was acknowledged. */
  at(seq: number): PacketBuffer | undefined {
    const packet = this.ring[seq & this.mask]
    return packet !== undefined && packet.seq === seq ? packet : undefined
  }

  /** Copies bytes behind what is there, full packets having `size` bytes of payload; returns how many fitted. */
  write(bytes: Uint8Array, from: number, to: number, size: number): number {
    let at = from
    let open = this.tail === this.unsent ? undefined : this.at((this.tail - 1) & 0xffff)
    while (at < to) {
      if (open === undefined || open.length >= size) {
        open = this.push(ST_DATA)
        if (open === undefined) break
      }
      const count = Math.min(size - open.length, to - at)
      const place = HEADER_LENGTH + open.length
      if (count === bytes.length) open.bytes.set(bytes, place)
      else if (count < 32) for (let i = 0; i < count; i++) open.bytes[place + i] = bytes[at + i] as number
      else open.bytes.set(bytes.subarray(at, at + count), place)
      open.length += count
      at += count
    }
    this.queued += at - from
    return at - from
  }

  /**
   * Cuts what was never sent into packets of `size` bytes; what was sent keeps its number and its bytes. False
   * when there are not numbers enough.
   */
  recut(size: number): boolean {
    const waiting: PacketBuffer[] = []
    let bytes = 0
    for (let seq = this.unsent; seq !== this.tail; seq = (seq + 1) & 0xffff) {
      const packet = this.at(seq) as PacketBuffer
      bytes += packet.length
      waiting.push(packet)
    }
    if (ahead(this.unsent, this.oldest) + Math.ceil(bytes / size) + 1 > MAX_RING) return false
    for (const packet of waiting) this.ring[packet.seq & this.mask] = undefined
    this.tail = this.unsent
    for (const packet of waiting) {
      this.queued -= packet.length
      if (packet.type === ST_FIN) this.finish()
      else this.write(packet.bytes, HEADER_LENGTH, HEADER_LENGTH + packet.length, size)
      this.pool.give(packet)
    }
    return true
  }

  /** Puts the FIN behind everything; false when there is no place yet. */
  finish(): boolean {
    const packet = this.push(ST_FIN)
    if (packet === undefined) return false
    this.finSeq = packet.seq
    return true
  }

  /** Takes an acknowledged packet out of its place. */
  release(packet: PacketBuffer): void {
    this.ring[packet.seq & this.mask] = undefined
    this.queued -= packet.length
    this.pool.give(packet)
  }

  /** Gives all packets back. */
  clear(): void {
    for (let seq = this.oldest; seq !== this.tail; seq = (seq + 1) & 0xffff) {
      const packet = this.at(seq)
      if (packet !== undefined) this.release(packet)
    }
    this.oldest = this.tail
    this.unsent = this.tail
    this.ring = []
    this.mask = 0
  }

  /** Gives the memory of a ring back that is empty. */
  shrink(): void {
    if (this.oldest === this.tail && this.ring.length > FIRST_RING) this.clear()
  }

  private push(type: number): PacketBuffer | undefined {
    const count = ahead(this.tail, this.oldest)
    if (count >= this.ring.length) {
      if (count >= MAX_RING) return undefined
      this.grow()
    }
    const packet = this.pool.take()
    packet.type = type
    packet.seq = this.tail
    packet.length = 0
    packet.state = WAITING
    packet.transmissions = 0
    packet.probe = 0
    this.ring[this.tail & this.mask] = packet
    this.tail = (this.tail + 1) & 0xffff
    return packet
  }

  private grow(): void {
    const size = Math.max(FIRST_RING, 2 * this.ring.length)
    const larger = new Array<PacketBuffer | undefined>(size).fill(undefined)
    for (const packet of this.ring) if (packet !== undefined) larger[packet.seq & (size - 1)] = packet
    this.ring = larger
    this.mask = size - 1
  }

  /** Throws when the order of numbers, the places or the count of bytes are wrong. For tests. */
  checkInvariants(): void {
    const sent = ahead(this.unsent, this.oldest)
    const count = ahead(this.tail, this.oldest)
    if (sent > count || count > this.ring.length) throw new Error(`${sent} sent of ${count} packets`)
    let bytes = 0
    let found = 0
    for (let i = 0; i < count; i++) {
      const seq = (this.oldest + i) & 0xffff
      const packet = this.at(seq)
      if (packet === undefined) {
        if (i >= sent || i === 0) throw new Error(`no packet ${seq}`)
        continue
      }
      if ((packet.state === WAITING) !== i >= sent) throw new Error(`packet ${seq} in state ${packet.state}`)
      bytes += packet.length
      found++
    }
    if (bytes !== this.queued) throw new Error(`${this.queued} bytes queued, found ${bytes}`)
    const places = this.ring.filter((packet) => packet !== undefined).length
    if (places !== found) throw new Error(`${places} packets in the ring, ${found} in range`)
  }
}
