/**
 * One uTP connection as a byte stream: what peers, handshakes and encryption run on, as over TCP.
 * @module
 */

import type { Address } from '../../util/address.js'
import { type ErrorCode, RarestError } from '../../util/errors.js'
import type { UtpConnection } from '../../utp/types.js'
import type { ByteStream, StreamListener } from '../world.js'

/** What a stream asks of the transport that owns it. */
export interface UtpStreamHost {
  now(): number
  /** Something is to be sent or told at the end of this turn. */
  wake(stream: UtpStream): void
  /** Calls `call` after `ms`, unless the returned function is called first. */
  after(ms: number, call: () => void): () => void
}

/** A listener with `ended` leaves the connection half open: neither side waits for the other with a limit. */
export interface UtpStreamListener extends StreamListener {
  /** The remote has ended its side, and all of it was read; ours stays open until `end`. */
  ended?(): void
}

interface Pending {
  readonly chunks: readonly Uint8Array[]
  readonly sent: (() => void) | undefined
  /** The next byte to hand over: chunk and offset in it. */
  chunk: number
  offset: number
}

/** ms in which a connection that either side ended has to come to its end: as over TCP. */
const END_WAIT = 5_000

export class UtpStream implements ByteStream {
  readonly transport = 'utp'
  readonly local: Address
  readonly connection: UtpConnection
  /** Bytes that the send buffer has not taken yet. */
  queued = 0
  private readonly host: UtpStreamHost
  private listener: UtpStreamListener | undefined
  private readonly pending: Pending[] = []
  /** Calls of `sent` that wait for the end of the turn. */
  private taken: (() => void)[] = []
  private wantsDrain = false
  private paused = false
  private ending = false
  /** The remote ended its side: so does ours, once what is queued was handed over. */
  private following = false
  private readable = false
  /** How it ended, once it has; told when there is a listener. */
  private over: { readonly error: Error | undefined } | undefined
  private told = false
  private stopWaiting: (() => void) | undefined

  constructor(host: UtpStreamHost, connection: UtpConnection, local: Address) {
    this.host = host
    this.connection = connection
    this.local = local
  }

  get remote(): Address {
    return this.connection.remote
  }

  listen(listener: UtpStreamListener): void {
    this.listener = listener
    if (this.readable || this.over) this.host.wake(this)
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.over || this.ending) {
      if (sent) {
        this.taken.push(sent)
        this.host.wake(this)
      }
      return true
    }
    for (const { length } of chunks) this.queued += length
    this.pending.push({ chunks, sent, chunk: 0, offset: 0 })
    this.feed()
    this.host.wake(this)
    if (this.queued === 0) return true
    this.wantsDrain = true
    return false
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.readable = true
    this.host.wake(this)
  }

  end(): void {
    if (this.over || this.ending) return
    this.ending = true
    if (this.queued === 0) this.connection.end(this.host.now())
    // What was handed over is still being sent when the listener knows of the end already.
    if (!this.listener?.ended) this.stopWaiting ??= this.host.after(END_WAIT, () => this.cut())
    this.host.wake(this)
  }

  destroy(): void {
    if (!this.over) this.cut()
  }

  /** The connection has bytes to read, or room to write. */
  becameReadable(): void {
    this.readable = true
  }

  /** Room for more: hands over what waits. */
  feed(): void {
    const now = this.host.now()
    for (let next = this.pending[0]; next !== undefined; next = this.pending[0]) {
      while (next.chunk < next.chunks.length) {
        const chunk = next.chunks[next.chunk] as Uint8Array
        const took = this.connection.write(chunk, next.offset, chunk.length, now)
        this.queued -= took
        next.offset += took
        if (next.offset < chunk.length) return
        next.chunk++
        next.offset = 0
      }
      this.pending.shift()
      if (next.sent) this.taken.push(next.sent)
    }
    if (this.ending) this.connection.end(now)
    if (this.following) this.finish(undefined)
  }

  /** The remote sent all that it will, and that was read. */
  ended(): void {
    if (this.over) return
    if (this.listener?.ended) {
      this.listener.ended()
      return
    }
    this.following = true
    this.end()
    if (this.queued === 0) this.finish(undefined)
  }

  /** The connection is no more; `code` says why, undefined that both sides ended it or we cut it. */
  gone(code: ErrorCode | undefined): void {
    this.stopWaiting?.()
    this.finish(code === undefined ? undefined : new RarestError(code, 'the uTP connection broke'))
  }

  private finish(error: Error | undefined): void {
    if (this.over) return
    this.over = { error }
    for (const { sent } of this.pending) if (sent) this.taken.push(sent)
    this.pending.length = 0
    this.queued = 0
  }

  /** Tells the listener what there is to tell, at the end of a turn. */
  settle(): void {
    for (let calls = this.taken; calls.length > 0; calls = this.taken) {
      this.taken = []
      for (const call of calls) call()
    }
    if (this.readable && this.listener && !this.paused && !this.over) this.read()
    if (this.wantsDrain && this.queued === 0 && !this.over) {
      this.wantsDrain = false
      this.listener?.drain()
    }
    if (this.over && this.listener && !this.told) {
      this.told = true
      this.listener.close(this.over.error)
    }
  }

  private cut(): void {
    this.connection.destroy(this.host.now())
    this.gone(undefined)
    this.host.wake(this)
  }

  private read(): void {
    const now = this.host.now()
    while (!this.paused && !this.over) {
      const chunk = this.connection.read(now)
      if (chunk === undefined) {
        this.readable = false
        return
      }
      this.listener?.data(chunk)
    }
  }
}
