/**
 * uTP with a UDP socket of its own: connect and listen, as with `node:net`.
 * @module
 */

import { EventEmitter } from 'node:events'
import { type Address, parseAddress } from '../../util/address.js'
import { EventQueue } from '../../util/async/event-queue.js'
import { RarestError } from '../../util/errors.js'
import { Scheduler } from '../scheduler.js'
import { systemWorld } from '../system/world.js'
import { SocketPair } from '../udp/socket-pair.js'
import type { World } from '../world.js'
import { UtpSocket, type UtpSocketHost, type UtpSocketOptions } from './socket.js'
import type { UtpStream } from './stream.js'
import { UtpTransport } from './transport.js'

/** Where to connect to, and how. */
export interface UtpConnectOptions extends UtpSocketOptions {
  /** An IP or a name. Default 127.0.0.1. */
  readonly host?: string
  readonly port: number
  /** ms until the attempt fails with code `ETIMEDOUT`. Default 10,000, as for peers of a session. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/** What a server may be told. */
export interface UtpServerOptions extends UtpSocketOptions {
  /** Connections, at most. Default 3,000 (libutp). */
  readonly maxConnections?: number
  /** False turns an address away before it is answered. Default: all are welcome. */
  readonly welcome?: (from: Address) => boolean
  /** Clock, sockets and randomness. Default: those of the machine. */
  readonly world?: World
}

/**
 * Events of a {@link UtpServer}. They come in a turn of the event loop of their own: what a listener throws is an
 * `uncaughtException` and changes nothing for the server.
 */
export interface UtpServerEvents {
  connection: [socket: UtpSocket]
  listening: []
  close: []
}

const TIMEOUT = 10_000

/** Takes uTP connections on one UDP port, and makes them from it. */
export class UtpServer extends EventEmitter<UtpServerEvents> {
  readonly #world: World
  readonly #udp: SocketPair
  readonly #scheduler: Scheduler
  readonly #transport: UtpTransport
  readonly #sockets = new Set<UtpSocket>()
  readonly #events: EventQueue
  /** One for all sockets. */
  readonly #host: UtpSocketHost
  readonly #waiting: (() => void)[] = []
  #binding: Promise<number> | undefined
  #ending = false
  #closing: Promise<void> | undefined

  constructor(options: UtpServerOptions = {}) {
    super()
    this.#world = options.world ?? systemWorld()
    this.#udp = new SocketPair(this.#world)
    this.#scheduler = new Scheduler(this.#world)
    this.#events = new EventQueue((call) => this.#world.defer(call))
    this.#host = {
      events: this.#events,
      left: (socket) => {
        this.#sockets.delete(socket)
        this.#idle()
      },
    }
    const { maxConnections, welcome } = options
    this.#transport = new UtpTransport({
      world: this.#world,
      scheduler: this.#scheduler,
      udp: this.#udp,
      ...(maxConnections === undefined ? {} : { maxConnections }),
      welcome: (from) =>
        !this.#ending && this.listenerCount('connection') > 0 && this.#welcomes(from, welcome),
      accept: (stream) => this.#accept(stream, options),
      idle: () => this.#idle(),
    })
  }

  /** A server that listens, by default on a free port of all addresses. Rejects as {@link listen}, and leaves nothing open then. */
  static async open(
    options: UtpServerOptions & { readonly host?: string; readonly port?: number } = {},
  ): Promise<UtpServer> {
    const server = new UtpServer(options)
    try {
      await server.listen(options)
    } catch (error) {
      await server.destroy()
      throw error
    }
    return server
  }

  /** Where it listens; undefined before `listen`. */
  get address(): Address | undefined {
    return this.#udp.addresses[0]
  }

  /** Open sockets. */
  get connections(): number {
    return this.#sockets.size
  }

  /**
   * Binds the UDP port; resolves to the address. Port 0, the default, takes a free one; without a host both
   * families are served. Rejects with the system's code, `EADDRINUSE` for instance.
   */
  async listen(at: { readonly host?: string; readonly port?: number } = {}): Promise<Address> {
    await this.#bind(at)
    this.#events.push(() => this.emit('listening'))
    return this.address as Address
  }

  /** Connects from the port of this server; binds a free one when it does not listen. */
  connect(to: UtpConnectOptions): UtpSocket {
    const { timeout = TIMEOUT } = to
    const open = async (destroyed: AbortSignal) => {
      const signal = to.signal ? AbortSignal.any([to.signal, destroyed]) : destroyed
      if (!this.address) await this.#bind({})
      const address = await this.#resolve(to, signal)
      return this.#transport.connect(address, { timeout, signal })
    }
    return this.#adopt(open, to)
  }

  /**
   * Takes no more connections; resolves when those that are open have ended and their last words are
   * acknowledged, three seconds later. Never rejects.
   */
  close(): Promise<void> {
    this.#ending = true
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Resets all connections and closes the port at once. */
  destroy(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#transport.close()
    const closing = this.close()
    this.#idle()
    return closing
  }

  /** As {@link destroy}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy()
  }

  #bind({ host, port = 0 }: { readonly host?: string; readonly port?: number }): Promise<number> {
    this.#binding ??= this.#udp.open(host === undefined ? { port } : { host, port })
    return this.#binding
  }

  async #close(): Promise<void> {
    await this.#binding?.catch(() => {})
    if (this.#sockets.size > 0 || this.#transport.stats.connections > 0)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#transport.close()
    await this.#udp.close()
    this.#scheduler.close()
    this.#events.push(() => this.emit('close'))
    await this.#events.flushed()
  }

  #welcomes(from: Address, welcome: UtpServerOptions['welcome']): boolean {
    try {
      return welcome?.(from) ?? true
    } catch (error) {
      this.#events.fail(error)
      return false
    }
  }

  #accept(stream: UtpStream, options: UtpSocketOptions): void {
    const socket = this.#adopt(stream, options)
    this.#events.push(() => {
      // The last listener may have left meanwhile.
      if (!this.emit('connection', socket)) socket.destroy()
    })
  }

  async #resolve({ host = '127.0.0.1', port }: UtpConnectOptions, signal: AbortSignal): Promise<Address> {
    const address = parseAddress(host, port)
    if (address) return address
    const [ip] = await this.#world.lookup(host, { signal })
    const found = ip === undefined ? undefined : parseAddress(ip, port)
    if (!found) throw new RarestError('ENOTFOUND', `${host} has no address`)
    return found
  }

  #adopt(from: ConstructorParameters<typeof UtpSocket>[0], options: UtpSocketOptions): UtpSocket {
    const socket = new UtpSocket(from, options, this.#host)
    this.#sockets.add(socket)
    return socket
  }

  #idle(): void {
    if (this.#sockets.size > 0 || this.#transport.stats.connections > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** A server, with a listener of `'connection'`; call `listen` next. */
export function createServer(
  options: UtpServerOptions = {},
  listener?: (socket: UtpSocket) => void,
): UtpServer {
  const server = new UtpServer(options)
  if (listener) server.on('connection', listener)
  return server
}

/** Connects from a UDP port of its own, which closes with the socket. */
export function connect(to: UtpConnectOptions): UtpSocket {
  const node = new UtpServer()
  const socket = node.connect(to)
  // As soon as the socket has ended.
  void node.close()
  return socket
}
