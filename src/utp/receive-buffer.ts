/**
 * What arrived: bytes in order that wait for the reader, and packets ahead of a gap in a ring indexed by
 * sequence number.
 * @module
 */

import { ahead } from './packet.js'
import { CHUNK, type Chunk, HEADROOM, MAX_DATAGRAM, type Memory, type PacketBuffer } from './packet-pool.js'

/** What became of a packet. */
export const IN_ORDER = 0
/** Held until the gap before it is filled. */
export const HELD = 1
export const DUPLICATE = 2
/** Too far ahead, behind the end, or no room: the remote has to send it again. */
export const REFUSED = 3

/** First window, bytes: a smaller one makes fast senders stop and start. */
const FIRST_WINDOW = 1_048_576
const FIRST_RING = 16
/** Packets ahead of a gap: 4 MiB of small ones, and as many as a selective ack of 255 bytes could name twice. */
const MAX_AHEAD = 4096
/** A packet shorter than this is held in memory of its own size. */
const SMALL = 512

/** Window, in bytes, of a connection with nothing unread when the budget is used up. */
const SPARE = 16_384
/** What a held packet costs besides its bytes. */
const OVERHEAD = 128

interface Held {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly length: number
  /** The pooled memory of `bytes`, if it is. */
  readonly pooled: PacketBuffer | undefined
}

export class ReceiveBuffer {
  /** Number of the last packet in order. */
  ack = 0
  /** Number of the FIN, -1 before it arrived; everything after it is refused. */
  finSeq = -1
  /** Highest number held; meaningless when `held` is 0. */
  highest = 0
  /** Packets held ahead of the gap. */
  held = 0
  /** Bytes in order that were not read, and bytes held ahead of the gap. */
  unread = 0
  heldBytes = 0
  /** Window to advertise when nothing is buffered; grows up to the limit. */
  capacity: number
  /** Bytes of payload that arrived in order. */
  total = 0
  private readonly limit: number
  /** When the next look at the window is due, and `total` at the last one. */
  private widenAt = 0
  private widenFrom = 0
  private readonly memory: Memory
  private ring: (Held | undefined)[] = []
  private mask = 0
  private readonly chunks: Chunk[] = []
  /** The chunk that the reader is looking at. */
  private lent: Chunk | undefined

  constructor(memory: Memory, limit: number) {
    this.memory = memory
    this.limit = limit
    this.capacity = Math.min(FIRST_WINDOW, limit)
  }

  /** Free bytes to advertise. */
  get window(): number {
    const free = this.capacity - this.unread - this.heldBytes
    // A reader that keeps up gets a little on top of a budget that others use up.
    const left = this.memory.budget - this.memory.held
    return Math.max(0, Math.min(free, this.unread === 0 ? Math.max(left, SPARE) : left))
  }

  /** True when the FIN and everything before it has arrived. */
  get finished(): boolean {
    return this.ack === this.finSeq
  }

  /** Takes a packet with `bytes[from .. to)` as payload. */
  accept(seq: number, fin: boolean, bytes: Uint8Array, from: number, to: number): number {
    const distance = (seq - this.ack - 1) & 0xffff
    if (distance >= 0x8000) return DUPLICATE
    if (this.finSeq >= 0) {
      const beyond = ahead(seq, this.finSeq)
      if (beyond === 0) return DUPLICATE
      if (beyond < 0x8000 || fin) return REFUSED
    }
    if (fin) return this.acceptFin(seq, distance)
    const length = to - from
    if (distance === 0) {
      if (this.unread + length > this.capacity || !this.room(length)) return REFUSED
      const held = this.ring[seq & this.mask]
      if (held !== undefined && held.seq === seq) this.drop(held)
      this.append(bytes, from, to)
      this.ack = seq
      this.join()
      return IN_ORDER
    }
    return this.hold(seq, distance, bytes, from, to)
  }

  /** The next bytes in order, lent until the next call. */
  read(): Uint8Array | undefined {
    this.giveBack()
    const chunk = this.chunks.shift()
    if (chunk === undefined) return undefined
    this.lent = chunk
    this.unread -= chunk.end - HEADROOM
    this.join()
    return chunk.bytes.subarray(HEADROOM, chunk.end)
  }

  /**
   * Doubles the advertised window, up to the limit, when the remote fills half of it in two round trips, as long as
   * these are without queues: a larger window on a short path makes a longer queue and no more speed.
   * @param least the shortest round trip, ms
   */
  widen(least: number, now: number): void {
    if (now < this.widenAt) return
    if (this.widenAt > 0 && 2 * (this.total - this.widenFrom) > this.capacity)
      this.capacity = Math.min(2 * this.capacity, this.limit)
    this.widenFrom = this.total
    this.widenAt = now + Math.max(2 * least, 1)
  }

  /** Bytes of a selective ack that names all that is held, a multiple of 4, at most `most`; 0 for none. */
  maskLength(most: number): number {
    let highest = this.held > 0 ? ahead(this.highest, this.ack) : 0
    if (this.finSeq >= 0 && !this.finished) highest = Math.max(highest, ahead(this.finSeq, this.ack))
    if (highest < 2) return 0
    return Math.min(((highest - 2) >> 5) * 4 + 4, most)
  }

  /** Writes a selective ack of `length` bytes at `at`. */
  writeMask(bytes: Uint8Array, at: number, length: number): void {
    let seq = this.ack + 2
    for (let i = 0; i < length; i++) {
      let bits = 0
      for (let bit = 0; bit < 8; bit++, seq++) if (this.has(seq & 0xffff)) bits |= 1 << bit
      bytes[at + i] = bits
    }
  }

  /** Gives all memory back. */
  clear(): void {
    this.giveBack()
    for (const chunk of this.chunks) this.giveChunk(chunk)
    this.chunks.length = 0
    this.unread = 0
    for (const held of this.ring) if (held !== undefined) this.drop(held)
    this.ring = []
    this.mask = 0
  }

  private has(seq: number): boolean {
    if (seq === this.finSeq) return true
    const held = this.ring[seq & this.mask]
    return held !== undefined && held.seq === seq
  }

  private acceptFin(seq: number, distance: number): number {
    if (distance > MAX_AHEAD) return REFUSED
    // Packets beyond the end were never sent by an honest remote.
    if (this.held > 0 && ahead(this.highest, seq) < 0x8000) return REFUSED
    this.finSeq = seq
    if (distance > 0) return HELD
    this.ack = seq
    return IN_ORDER
  }

  private room(length: number): boolean {
    const last = this.chunks[this.chunks.length - 1]
    if (last === undefined || CHUNK - last.end >= length) return true
    return this.memory.held + CHUNK <= this.memory.budget
  }

  private append(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from
    this.total += length
    if (length === 0) return
    let last = this.chunks[this.chunks.length - 1]
    if (last === undefined || CHUNK - last.end < length) {
      last = this.memory.chunks.take()
      this.memory.held += CHUNK
      this.chunks.push(last)
    }
    if (from <= HEADROOM && to === bytes.length) copyTail(bytes, from, last)
    else last.bytes.set(bytes.subarray(from, to), last.end)
    last.end += length
    this.unread += length
  }

  private hold(seq: number, distance: number, bytes: Uint8Array, from: number, to: number): number {
    const length = to - from
    const { memory } = this
    if (
      distance >= MAX_AHEAD ||
      length > MAX_DATAGRAM ||
      this.unread + this.heldBytes + length > this.capacity
    )
      return REFUSED
    const small = length < SMALL
    const cost = OVERHEAD + (small ? length : MAX_DATAGRAM)
    if (memory.held + cost > memory.budget) return REFUSED
    if (distance >= this.ring.length) this.grow(distance)
    if (this.ring[seq & this.mask] !== undefined) return DUPLICATE
    const pooled = small ? undefined : memory.packets.take()
    const payload = bytes.subarray(from, to)
    if (pooled !== undefined) pooled.bytes.set(payload)
    this.ring[seq & this.mask] = {
      seq,
      length,
      pooled,
      // Copied: a view, or the slice of a Buffer, would share the memory that is lent to us.
      bytes: pooled === undefined ? Uint8Array.from(payload) : pooled.bytes,
    }
    memory.held += cost
    this.heldBytes += length
    if (this.held === 0 || ahead(seq, this.highest) < 0x8000) this.highest = seq
    this.held++
    return HELD
  }

  /** Moves packets that are in order now to the reader, as far as there is room. */
  private join(): void {
    while (this.held > 0) {
      const seq = (this.ack + 1) & 0xffff
      const held = this.ring[seq & this.mask]
      // Without budget for a chunk it waits until something was read.
      if (held === undefined || !this.room(held.length)) break
      this.append(held.bytes, 0, held.length)
      this.drop(held)
      this.ack = seq
    }
    if (((this.ack + 1) & 0xffff) === this.finSeq) this.ack = this.finSeq
  }

  private drop(held: Held): void {
    this.ring[held.seq & this.mask] = undefined
    this.held--
    this.heldBytes -= held.length
    this.memory.held -= OVERHEAD + (held.pooled === undefined ? held.length : MAX_DATAGRAM)
    if (held.pooled !== undefined) this.memory.packets.give(held.pooled)
  }

  private grow(distance: number): void {
    let size = Math.max(FIRST_RING, this.ring.length)
    while (size <= distance) size *= 2
    const larger = new Array<Held | undefined>(size).fill(undefined)
    for (const held of this.ring) if (held !== undefined) larger[held.seq & (size - 1)] = held
    this.ring = larger
    this.mask = size - 1
  }

  private giveBack(): void {
    if (this.lent === undefined) return
    this.giveChunk(this.lent)
    this.lent = undefined
  }

  private giveChunk(chunk: Chunk): void {
    this.memory.held -= CHUNK
    this.memory.chunks.give(chunk)
  }

  /** Throws when counts do not fit what is there. For tests. */
  checkInvariants(): void {
    let unread = 0
    for (const chunk of this.chunks) unread += chunk.end - HEADROOM
    if (unread !== this.unread) throw new Error(`${this.unread} bytes unread, found ${unread}`)
    let bytes = 0
    let count = 0
    for (const held of this.ring) {
      if (held === undefined) continue
      const distance = ahead(held.seq, this.ack)
      if (distance === 0 || distance > MAX_AHEAD) throw new Error(`held ${held.seq} after ${this.ack}`)
      bytes += held.length
      count++
    }
    if (count !== this.held || bytes !== this.heldBytes) throw new Error(`${this.held} held, found ${count}`)
    if (this.unread + this.heldBytes > this.limit) throw new Error(`${this.unread} bytes over the limit`)
  }
}

const overwritten = new Uint8Array(HEADROOM)

/** Copies `bytes[from ..)` behind what is in the chunk: whole, since a view of its end costs more than all the rest. */
function copyTail(bytes: Uint8Array, from: number, chunk: Chunk): void {
  const target = chunk.bytes
  const at = chunk.end - from
  for (let i = 0; i < from; i++) overwritten[i] = target[at + i] as number
  target.set(bytes, at)
  for (let i = 0; i < from; i++) target[at + i] = overwritten[i] as number
}
