/**
 * Pooled memory for packets and for bytes in order.
 * @module
 */

import { HEADER_LENGTH, ST_DATA } from './packet.js'

/** Largest datagram ever sent: Ethernet's 1,500 bytes less the headers of IPv4 and UDP. */
export const MAX_DATAGRAM = 1472

/** Of a packet in the send buffer. An acknowledged one leaves its place. */
export const WAITING = 0
export const IN_FLIGHT = 1
export const LOST = 2

/** The memory of one packet: header and payload contiguous, so that it goes to the socket as it is. */
export class PacketBuffer {
  readonly bytes: Uint8Array = new Uint8Array(MAX_DATAGRAM)
  /** Bytes of payload, after the header. */
  length = 0
  type: number = ST_DATA
  seq = 0
  state: number = WAITING
  sentAt = 0
  /** Number of its last sending, counted over the connection. */
  order = 0
  transmissions = 0
  /** Bytes of the datagram when it was sent padded to probe the path, else 0. */
  probe = 0
  private exact: Uint8Array = this.bytes

  /** The packet as exactly long bytes. Buffers keep their size, so the view is nearly always there. */
  datagram(): Uint8Array {
    if (this.exact.length !== HEADER_LENGTH + this.length)
      this.exact = this.bytes.subarray(0, HEADER_LENGTH + this.length)
    return this.exact
  }
}

/** Free packets kept for reuse, 3 MiB. */
const KEEP_PACKETS = 2048
/** How many of them a connection lets go that has been idle for the time of a keep-alive. */
const SHRINK_PACKETS = 64

export class PacketPool {
  private readonly free: PacketBuffer[] = []

  take(): PacketBuffer {
    return this.free.pop() ?? new PacketBuffer()
  }

  give(packet: PacketBuffer): void {
    if (this.free.length < KEEP_PACKETS) this.free.push(packet)
  }

  /** Gives some of the unused packets back to the system. */
  shrink(): void {
    this.free.length = Math.max(0, this.free.length - SHRINK_PACKETS)
  }
}

/** A turn of the event loop reads at most 32 datagrams of one socket: about 46 kB. */
export const CHUNK = 49_152
/** Bytes before the first one of a chunk, so that a packet can be copied with its header. */
export const HEADROOM = 64
/** Free chunks kept for reuse, 1.5 MiB. */
const KEEP_CHUNKS = 32

/** Bytes in order that wait for the reader: `bytes[HEADROOM .. end)`. */
export class Chunk {
  readonly bytes: Uint8Array = new Uint8Array(CHUNK)
  end: number = HEADROOM
}

export class ChunkPool {
  private readonly free: Chunk[] = []

  take(): Chunk {
    return this.free.pop() ?? new Chunk()
  }

  give(chunk: Chunk): void {
    chunk.end = HEADROOM
    if (this.free.length < KEEP_CHUNKS) this.free.push(chunk)
  }

  /** Gives an unused chunk back to the system. */
  shrink(): void {
    this.free.pop()
  }
}

/** Memory that the connections of one endpoint share, and what they may hold of it. */
export class Memory {
  readonly packets: PacketPool = new PacketPool()
  readonly chunks: ChunkPool = new ChunkPool()
  /** Bytes that receivers hold, and may hold: charged per packet buffer and chunk, not per byte that arrived. */
  held = 0
  readonly budget: number

  constructor(budget: number) {
    this.budget = budget
  }

  /** A connection is idle: an endpoint without traffic keeps no pools. */
  shrink(): void {
    this.packets.shrink()
    this.chunks.shrink()
  }
}
