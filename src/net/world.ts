/**
 * Everything that a session asks of the outside: clocks, timers, randomness, sockets, HTTP, names.
 * `net/system.ts` answers from the machine, `testing/` from a virtual network. Nothing else in rarest
 * touches a socket or a clock.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Random } from '../util/random.js'

/** A pending timer. */
export interface Timer {
  cancel(): void
}

/** What a byte stream tells its one listener. Calls never nest: none happens inside a method call of the stream. */
export interface StreamListener {
  /** Bytes that arrived. The memory is lent for the duration of the call only; in it, it may be written (an encrypted stream decrypts there). */
  data(chunk: Uint8Array): void
  /** All that `write` queued has left, after `write` returned false. */
  drain(): void
  /** The stream ended, by either side. Called exactly once, and nothing follows. `error` has a `code` when it broke. */
  close(error: Error | undefined): void
}

/** What carries a connection. */
export type Transport = 'tcp' | 'utp'

/** A connected byte stream, over TCP or uTP, encrypted or not. */
export interface ByteStream {
  readonly transport: Transport
  readonly remote: Address
  readonly local: Address
  /** Sets the listener. No event is delivered, and no byte is read, before this is called. */
  listen(listener: StreamListener): void
  /**
   * Queues all chunks in order as one vectored write. The chunks must stay unchanged until `sent` is called
   * (also called, once, when the stream closes first). False asks the caller to hold back until `drain`.
   */
  write(chunks: readonly Uint8Array[], sent?: () => void): boolean
  /** Bytes queued and not yet handed to the transport. */
  readonly queued: number
  /** Stops and restarts reading, so that the remote feels back-pressure. */
  pause(): void
  resume(): void
  /**
   * Sends what is queued, then closes. `close` follows when the remote ended too, or 5 s after this call;
   * until then bytes still arrive. Later writes go nowhere.
   */
  end(): void
  /** Closes at once. `close` follows, unless no listener was set. */
  destroy(): void
}

export interface ConnectOptions {
  /** ms until the attempt fails with code `ETIMEDOUT`. */
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Local address to bind before connecting. */
  readonly localAddress?: string
}

export interface StreamServer {
  readonly address: Address
  /** Stops accepting; open streams live on. Resolves when the port is free. */
  close(): Promise<void>
}

export interface DatagramSocket {
  readonly address: Address
  /** Bytes of the receive buffer that the system granted, as it counts them (Linux: twice what was asked). Undefined where there is none. */
  readonly receiveBuffer?: number
  /** Queues one datagram; the bytes may be reused as soon as this returns. Failures are dropped like lost packets. */
  send(bytes: Uint8Array, to: Address): void
  close(): Promise<void>
}

export interface HttpRequest {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** ms for the whole exchange, redirects included. */
  readonly timeout: number
  /** A longer body (after decoding) fails with code `http/too-large`. */
  readonly maxBytes: number
  /** Redirects followed before `http/too-many-redirects`. */
  readonly maxRedirects: number
  /** IP family to use; by default whatever the name resolves to. */
  readonly family?: 4 | 6
  readonly localAddress?: string
  readonly signal?: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The URL that answered, after redirects. */
  readonly url: string
}

export interface HttpServerRequest {
  readonly method: string
  /** Path and query as received: percent-encoding untouched, since infohashes in it are bytes. */
  readonly target: string
  readonly remote: Address
  readonly headers: Readonly<Record<string, string>>
}

export interface HttpServerResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface World {
  /** Monotonic time in fractional ms, from an arbitrary origin. */
  now(): number
  /** Unix time in ms. */
  unixTime(): number
  readonly random: Random
  /** Calls once after `ms`. A pending timer keeps the process alive. */
  setTimer(ms: number, call: () => void): Timer
  /** Calls once at the end of this turn of the event loop, after all IO that is ready was read (`setImmediate`). */
  defer(call: () => void): void
  /** Opens a TCP connection. Rejects with the system's code, `ETIMEDOUT`, or `signal.reason`. */
  connect(to: Address, options: ConnectOptions): Promise<ByteStream>
  /**
   * Accepts TCP connections; port 0 takes a free one. Without a host both families are served, `::` means
   * IPv6 alone. Rejects with the system's code (`EADDRINUSE`).
   */
  listen(
    at: { readonly host?: string; readonly port: number },
    accept: (stream: ByteStream) => void,
  ): Promise<StreamServer>
  /** Binds a UDP socket; port 0 takes a free one. `receive` borrows the bytes for the duration of the call. */
  bind(
    at: { readonly host?: string; readonly port: number; readonly family?: 4 | 6 },
    receive: (bytes: Uint8Array, from: Address) => void,
  ): Promise<DatagramSocket>
  /** One HTTP(S) GET. Rejects with a code; any status resolves. */
  fetch(request: HttpRequest): Promise<HttpResponse>
  /** A minimal HTTP server for the tracker: one bounded request, one answer. */
  serveHttp(
    at: { readonly host?: string; readonly port: number },
    respond: (request: HttpServerRequest) => Promise<HttpServerResponse> | HttpServerResponse,
  ): Promise<StreamServer>
  /** Addresses of a name, cached and limited to two look-ups at once; an IP resolves to itself. Rejects with a code. */
  lookup(
    name: string,
    options?: { readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<readonly string[]>
}
