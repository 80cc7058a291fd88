/**
 * A uTP connection as a Node stream, for programs of their own.
 * @module
 */

import { Duplex } from 'node:stream'
import type { Address } from '../../util/address.js'
import type { EventQueue } from '../../util/async/event-queue.js'
import { errorCode, RarestError } from '../../util/errors.js'
import type { UtpStats } from '../../utp/types.js'
import type { UtpStream, UtpStreamListener } from './stream.js'

/** What a socket may be told. */
export interface UtpSocketOptions {
  /** Keep our side open when the remote has ended its own. Default false: `end()` is called then, as by `node:net`. */
  readonly allowHalfOpen?: boolean
}

/** What a socket asks of the server that made it. */
export interface UtpSocketHost {
  readonly events: EventQueue
  /** The connection is gone, or was never made. */
  readonly left: (socket: UtpSocket) => void
}

/**
 * A Node `Duplex` over one uTP connection. It emits `'connect'`, then what every stream does: `'end'` when the
 * remote has ended its side, `'finish'` when ours is queued to the end, `'close'` when the remote has all of it,
 * `'error'` with a code (`utp/reset`, `utp/timeout`, `ETIMEDOUT`, ...). `write` answers false when the connection
 * takes no more, and a reader that waits holds the remote back. `destroy()` resets the connection. What a listener
 * throws is an `uncaughtException`, and changes nothing for this connection or others.
 */
export class UtpSocket extends Duplex {
  readonly #host: UtpSocketHost
  /** Of the attempt to connect. */
  #abort: AbortController | undefined
  #sink: Sink | undefined
  /** What waits for the connection: the first write, or the end. */
  #whenOpen: (() => void) | undefined
  /** Somebody reads, perhaps since before there was a connection. */
  #wanted = false
  #ended = false

  /** @internal Made by `connect` and servers. */
  constructor(
    from: UtpStream | ((signal: AbortSignal) => Promise<UtpStream>),
    options: UtpSocketOptions,
    host: UtpSocketHost,
  ) {
    super({ allowHalfOpen: options.allowHalfOpen === true })
    this.#host = host
    if (typeof from !== 'function') {
      this.#open(from)
      return
    }
    this.#abort = new AbortController()
    from(this.#abort.signal).then(
      (stream) => {
        this.#abort = undefined
        if (this.destroyed) {
          stream.destroy()
          return
        }
        this.#open(stream)
        host.events.push(() => !this.destroyed && this.emit('connect'))
        this.#whenOpen?.()
      },
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }

  /** True until `'connect'`. */
  get connecting(): boolean {
    return this.#sink === undefined && !this.destroyed
  }

  /** The remote end, once connected. */
  get remote(): Address | undefined {
    return this.#sink?.stream.remote
  }

  /** Our end, once connected; its host is unspecified when the socket is bound to all addresses. */
  get local(): Address | undefined {
    return this.#sink?.stream.local
  }

  /** Counters and estimates of the connection, once connected. */
  get stats(): UtpStats | undefined {
    return this.#sink?.stream.connection.stats
  }

  override _read(): void {
    this.#wanted = true
    this.#sink?.stream.resume()
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#write([chunk], callback)
  }

  override _writev(
    parts: readonly { readonly chunk: Uint8Array }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#write(
      parts.map(({ chunk }) => chunk),
      callback,
    )
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.#sink) {
      this.#whenOpen = () => this._final(callback)
      return
    }
    this.#ended = true
    this.#sink.stream.end()
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const sink = this.#sink
    const end = (reason: Error | null): void => {
      this.#host.left(this)
      callback(reason)
    }
    if (!sink) this.#abort?.abort(error ?? new RarestError('utp/destroyed', 'the socket was destroyed'))
    if (!sink || sink.closed) end(error)
    else {
      sink.whenClosed = (broken) => end(error ?? broken)
      // Both sides have ended: what is on its way may arrive.
      if (error || !this.#ended || !sink.remoteEnded) sink.stream.destroy()
    }
  }

  #open(stream: UtpStream): void {
    this.#sink = new Sink(this, stream, this.#host.events)
    if (!this.#wanted) stream.pause()
    stream.listen(this.#sink)
  }

  #write(chunks: readonly Uint8Array[], callback: (error?: Error | null) => void): void {
    const sink = this.#sink
    if (!sink) this.#whenOpen = () => this.#write(chunks, callback)
    else if (!sink.closed) sink.stream.write(chunks, () => this.#host.events.guard(callback))
    else callback(new RarestError('utp/closed', 'the connection is closed'))
  }
}

/** What the connection tells, and what was told: one object, where closures for each would be a third of an idle socket. */
class Sink implements UtpStreamListener {
  readonly stream: UtpStream
  remoteEnded = false
  closed = false
  whenClosed: ((error: Error | null) => void) | undefined
  private readonly socket: UtpSocket
  private readonly events: EventQueue

  constructor(socket: UtpSocket, stream: UtpStream, events: EventQueue) {
    this.socket = socket
    this.stream = stream
    this.events = events
  }

  data(chunk: Uint8Array): void {
    try {
      // Lent for the call, and read later. A flowing stream tells its listeners at once.
      if (!this.socket.push(Buffer.from(chunk))) this.stream.pause()
    } catch (error) {
      this.events.fail(error)
    }
  }

  drain(): void {}

  ended(): void {
    this.remoteEnded = true
    this.events.guard(() => this.socket.push(null))
  }

  close(error: Error | undefined): void {
    this.closed = true
    // Our own server was destroyed: that is no trouble with the connection.
    const trouble = errorCode(error) === 'utp/destroyed' ? undefined : error
    if (this.whenClosed) this.whenClosed(trouble ?? null)
    else this.socket.destroy(trouble)
  }
}
