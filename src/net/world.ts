/**
 * Everything that a session asks of the outside: clocks, timers, randomness, sockets, HTTP, names, network
 * interfaces. `net/system/` answers from the machine, `testing/` from a virtual network, and `wrapWorld`
 * makes a world out of another one. Nothing else in rarest touches a socket or a clock.
 *
 * A method that gives a promise never throws: it rejects, with an error that has a `code`. A listener that
 * was handed over is never called inside the method that took it.
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

/** How to open a TCP connection. */
export interface ConnectOptions {
  /** ms until the attempt fails with code `ETIMEDOUT`. */
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Local address to bind before connecting. */
  readonly localAddress?: string
}

/** Where to listen. */
export interface ListenOptions {
  /** IP of this machine. Default: all, of both families; `::` means all of IPv6 alone. */
  readonly host?: string
  /** 0 takes a free one. */
  readonly port: number
}

/** Something that listens on a TCP port. */
export interface StreamServer {
  readonly address: Address
  /**
   * Stops accepting and resolves when the port is free. Streams that were accepted live on; connections of an
   * HTTP server are closed at once.
   */
  close(): Promise<void>
}

/** Where to bind a UDP socket. */
export interface BindOptions {
  /** IP of this machine. Default: all of the family. */
  readonly host?: string
  /** 0 takes a free one. */
  readonly port: number
  /** Default: that of `host`, else 4. */
  readonly family?: 4 | 6
  /** Shares the port with others that ask for the same, as listeners of one multicast group do. Default false. */
  readonly reuse?: boolean
  /** How datagrams to a multicast group leave. */
  readonly multicast?: MulticastOptions
}

/** How datagrams to a multicast group leave. */
export interface MulticastOptions {
  /** Name of the interface that they leave by. Default: the choice of the system. */
  readonly interface?: string
  /** Routers that may pass them on, 0 .. 255 (hop limit in IPv6). Default 1: they stay on the local network. */
  readonly ttl?: number
  /** Whether listeners on this machine get them too. Default true, as the systems have it. */
  readonly loopback?: boolean
}

/** A bound UDP socket. */
export interface DatagramSocket {
  readonly address: Address
  /** Bytes of the receive buffer that the system granted, as it counts them (Linux: twice what was asked). Undefined where there is none. */
  readonly receiveBuffer?: number
  /** Queues one datagram; the bytes may be reused as soon as this returns. Failures are dropped like lost packets. */
  send(bytes: Uint8Array, to: Address): void
  /**
   * Receives what is sent to a multicast group, an IP of the socket's family, by the interface of this name;
   * without one by that of the system's choice. Joining twice does nothing. Rejects with the system's code
   * (`ENODEV` for an interface that is gone or has no address of the family, `EINVAL` for what is no group).
   */
  join(group: string, by?: string): Promise<void>
  /** Undoes {@link join}; does nothing where it was not joined. Never rejects. */
  leave(group: string, by?: string): Promise<void>
  /** Nothing is received once it was called. */
  close(): Promise<void>
}

/** Bytes in order, for one reader. Leaving the loop ends them at their source; the chunks are the reader's. */
export type ByteSource = AsyncIterable<Uint8Array>

/** One HTTP(S) request. */
export interface HttpRequest {
  readonly url: string
  /** Default `GET`. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /**
   * The bytes to ask for, both included; to the end without an `end`. A server may ignore it: status 206 and
   * `content-range` tell. The body comes unpacked then: a range is one of the packed bytes otherwise.
   */
  readonly range?: { readonly start: number; readonly end?: number }
  readonly limits: HttpLimits
  /**
   * Asked before each connection, the first one and those of redirects, with the addresses that may be dialled.
   * Refuses by throwing: the request rejects with what was thrown.
   */
  readonly permit?: (hop: HttpHop) => void
  /** IP family to use; by default whatever the name resolves to. */
  readonly family?: 4 | 6
  readonly localAddress?: string
  /** Ends the request at any time, also while its body is read: both reject with `signal.reason`. */
  readonly signal?: AbortSignal
}

/** What a request may cost. Servers are named by strangers: everything has an end. */
export interface HttpLimits {
  /** Bytes of the body, after unpacking: a longer one fails with `http/too-large`, at once when it says so. */
  readonly bodyBytes: number
  /** Bytes of status line and headers, else `http/headers-too-large`. Default 16 KiB, as Node has it. */
  readonly headerBytes?: number
  /** ms until the headers are there, names and redirects included, else `ETIMEDOUT`. Default 30 s. */
  readonly firstByte?: number
  /** ms that a reader waits for the next bytes of the body, else `ETIMEDOUT`. Default 30 s. */
  readonly idle?: number
  /** ms for everything, the body included, else `ETIMEDOUT`. Default: none, since a body may be read slowly. */
  readonly total?: number
  /** Redirects followed before `http/too-many-redirects`. Default 5. */
  readonly redirects?: number
}

/** A connection that a request is about to make. */
export interface HttpHop {
  readonly url: string
  /** IPs that its host resolved to, of the family that is used. One of them will be dialled. */
  readonly addresses: readonly string[]
  /** Redirects that led here; 0 for the request itself. */
  readonly redirects: number
}

/** An answer whose headers are there. */
export interface HttpResponse {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** The URL that answered, after redirects. */
  readonly url: string
  /**
   * The body, unpacked. Nothing more is read from the connection than the reader asks for and a buffer of some
   * 100 KiB. The connection stays open until the body was read or left, `cancel` was called, or a limit ends it.
   */
  readonly body: ByteSource
  /** Gives up what was not read. */
  cancel(): void
}

/** Where and under which limits an HTTP server listens. */
export interface HttpServerOptions extends ListenOptions {
  readonly limits?: HttpServerLimits
}

/** What clients may cost a server. */
export interface HttpServerLimits {
  /** Bytes of request line and headers, else status 431. Default 8 KiB: a scrape of 74 infohashes fits. */
  readonly headerBytes?: number
  /** Bytes of a request's body; reading more throws `http/too-large`. Default 0: requests have none. */
  readonly bodyBytes?: number
  /** Connections at once; further ones are closed. Default 1,024. */
  readonly connections?: number
  /** ms for a client to send its request line and headers, however it drips. Default 5 s. */
  readonly request?: number
  /** ms without a byte in either direction after which a connection is closed. Default 30 s. */
  readonly idle?: number
}

/** A request that was received. */
export interface HttpServerRequest {
  readonly method: string
  /** Path and query as received: percent-encoding untouched, since infohashes in it are bytes. */
  readonly target: string
  /** `target` without its query. */
  readonly path: string
  readonly remote: Address
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** The body; read on demand, and never beyond its limit. */
  readonly body: ByteSource
  /** Aborts when the client is gone, or the server closes, before the answer is complete. */
  readonly signal: AbortSignal
}

/** What to answer. */
export interface HttpServerResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /**
   * All bytes, or a source that is asked for more as the client takes it. The source ends (`return`) when the
   * client is gone; when it throws, the connection is cut, so that the client sees that something is missing.
   * With a `content-length` header it has to have that length; without one it is sent in chunks. No body by default.
   */
  readonly body?: Uint8Array | ByteSource
}

/** Answers a request; status 500 when it throws, 413 when with `http/too-large`. */
export type HttpResponder = (request: HttpServerRequest) => Promise<HttpServerResponse> | HttpServerResponse

/** A network interface of this machine. */
export interface NetworkInterface {
  /** As the system calls it: `eth0`, `lo`. */
  readonly name: string
  readonly isLoopback: boolean
  readonly isUp: boolean
  readonly addresses: readonly InterfaceAddress[]
}

/** An address of an interface. */
export interface InterfaceAddress {
  /** In the form that `ipFromBytes` prints, without a zone. */
  readonly host: string
  readonly family: 4 | 6
  /** Bits that all addresses of its network share. */
  readonly prefix: number
}

/** The router that leads out of the local network. */
export interface Gateway {
  readonly host: string
  /** Name of the interface that it is reached by. */
  readonly interface: string
}

/** Something that goes on until it is cancelled. */
export interface Subscription {
  cancel(): void
}

/** The outside of a session. See {@link wrapWorld} for one that changes a part of another. */
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
  /** Accepts TCP connections. Rejects with the system's code (`EADDRINUSE`). */
  listen(at: ListenOptions, accept: (stream: ByteStream) => void): Promise<StreamServer>
  /** Binds a UDP socket. `receive` borrows the bytes for the duration of the call. Rejects with the system's code. */
  bind(at: BindOptions, receive: (bytes: Uint8Array, from: Address) => void): Promise<DatagramSocket>
  /**
   * One HTTP(S) request, on a connection of its own. Any status resolves, as soon as the headers are there.
   * Rejects with a code (`http/...`, or the system's) or `signal.reason`. A redirect never leads from the
   * internet into the local network (`http/local-redirect`), nor from https to http
   * (`http/insecure-redirect`).
   *
   * `through` is the world whose names, connections and timers it uses: a world that wraps this one passes
   * itself, and so has HTTP on its side. Default: this world.
   */
  fetch(request: HttpRequest, through?: World): Promise<HttpResponse>
  /** An HTTP server; one request a connection. `through` as for {@link fetch}. Rejects with the system's code. */
  serveHttp(at: HttpServerOptions, respond: HttpResponder, through?: World): Promise<StreamServer>
  /**
   * Addresses of a name, in canonical text; an IP resolves to itself. Rejects with a code, `ETIMEDOUT` after
   * `timeout` ms (default 15 s), or `signal.reason`.
   */
  lookup(
    name: string,
    options?: { readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<readonly string[]>
  /** The network interfaces of the machine. A system may leave out those that are down. */
  interfaces(): Promise<readonly NetworkInterface[]>
  /** Calls with all interfaces whenever one has changed, come or gone, until it is cancelled. */
  watchInterfaces(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription
  /** The default gateway of a family; undefined when there is none, or the system does not tell. */
  gateway(family: 4 | 6): Promise<Gateway | undefined>
}
