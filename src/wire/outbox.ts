/**
 * What a peer core has to send: small messages gathered into shared chunks, payload parts referenced.
 * @module
 */

import { writeU16, writeU32 } from '../util/bytes.js'

/** 157 block headers fit; small enough that an idle peer costs little and a slow socket pins little. */
const POOL = 2048
const NOTHING: Uint8Array = new Uint8Array(0)

export class Outbox {
  /** Bytes waiting, payload parts excluded. */
  waiting = 0
  /** Messages ever put in, keep-alives included. */
  messages = 0

  private chunks: Uint8Array[] = []
  // Written once and never reused: a chunk may sit in a socket's queue for long.
  private pool: Uint8Array = NOTHING
  private from = 0
  private at = 0

  keepAlive(): void {
    const at = this.reserve(4)
    writeU32(this.pool, at, 0)
  }

  bare(id: number): void {
    const at = this.reserve(5)
    writeU32(this.pool, at, 1)
    this.pool[at + 4] = id
  }

  indexed(id: number, piece: number): void {
    const at = this.reserve(9)
    writeU32(this.pool, at, 5)
    this.pool[at + 4] = id
    writeU32(this.pool, at + 5, piece)
  }

  ranged(id: number, piece: number, begin: number, length: number): void {
    const at = this.reserve(17)
    const pool = this.pool
    writeU32(pool, at, 13)
    pool[at + 4] = id
    writeU32(pool, at + 5, piece)
    writeU32(pool, at + 9, begin)
    writeU32(pool, at + 13, length)
  }

  port(id: number, port: number): void {
    const at = this.reserve(7)
    writeU32(this.pool, at, 3)
    this.pool[at + 4] = id
    writeU16(this.pool, at + 5, port)
  }

  /** A message with a payload in up to two parts, both copied. */
  body(id: number, first: Uint8Array, second: Uint8Array = NOTHING): void {
    const payload = first.length + second.length
    const at = this.reserve(5 + payload)
    writeU32(this.pool, at, 1 + payload)
    this.pool[at + 4] = id
    this.pool.set(first, at + 5)
    this.pool.set(second, at + 5 + first.length)
  }

  /** A block: its 13 bytes of header, then `data` by reference. */
  block(id: number, piece: number, begin: number, length: number, data: readonly Uint8Array[]): void {
    const at = this.reserve(13)
    const pool = this.pool
    writeU32(pool, at, 9 + length)
    pool[at + 4] = id
    writeU32(pool, at + 5, piece)
    writeU32(pool, at + 9, begin)
    this.cut()
    for (const part of data) if (part.length > 0) this.chunks.push(part)
  }

  /** All chunks in order, for one vectored write, or undefined when there is nothing. */
  take(): Uint8Array[] | undefined {
    this.cut()
    if (this.chunks.length === 0) return undefined
    const chunks = this.chunks
    this.chunks = []
    this.waiting = 0
    return chunks
  }

  /** Forgets everything. */
  clear(): void {
    this.chunks = []
    this.pool = NOTHING
    this.from = 0
    this.at = 0
    this.waiting = 0
  }

  private reserve(bytes: number): number {
    if (this.at + bytes > this.pool.length) {
      this.cut()
      this.pool = new Uint8Array(Math.max(bytes, POOL))
      this.from = 0
      this.at = 0
    }
    const at = this.at
    this.at = at + bytes
    this.waiting += bytes
    this.messages++
    return at
  }

  private cut(): void {
    if (this.at === this.from) return
    this.chunks.push(this.pool.subarray(this.from, this.at))
    this.from = this.at
  }
}
