/**
 * A running tracker on a {@link World}: HTTP and UDP on one port.
 * @module
 */

import {
  TRACKER_CORE_OPTIONS,
  TrackerCore,
  type TrackerCoreOptions,
  type TrackerStats,
} from '../../tracker/server.js'
import { TrackerError } from '../../tracker/types.js'
import { type Address, familyOf } from '../../util/address.js'
import { boolean, checkOptions, conflict, integer, type Kinds, object, text } from '../../util/options.js'
import { systemWorld } from '../system/world.js'
import type { DatagramSocket, StreamServer, World } from '../world.js'

/** Where and how a {@link TrackerServer} listens; the limits are those of the core. */
export interface TrackerServerOptions extends Partial<TrackerCoreOptions> {
  /** Default: the machine's. */
  readonly world?: World
  /** IP to bind. Default `0.0.0.0`; `::` is IPv6 alone: two servers serve both families. */
  readonly host?: string
  /** Default 0: any free port, the same for HTTP and UDP. */
  readonly port?: number
  /** Default true. */
  readonly http?: boolean
  /** Default true. */
  readonly udp?: boolean
}

const SERVER_OPTIONS: Kinds<TrackerServerOptions> = {
  ...TRACKER_CORE_OPTIONS,
  world: object,
  host: text,
  port: integer(0, 65_535),
  http: boolean,
  udp: boolean,
}

/** Where it can be reached; a URL is undefined when its transport is off. */
export interface TrackerListening {
  readonly httpUrl: string | undefined
  readonly udpUrl: string | undefined
  readonly port: number
}

/** Free ports tried until one is free for HTTP and for UDP. */
const ATTEMPTS = 10

/** Embeddable tracker; `rarest tracker` on the command line. */
export class TrackerServer {
  readonly #world: World
  readonly #host: string
  readonly #options: TrackerServerOptions
  readonly #core: TrackerCore
  #http: StreamServer | undefined
  #udp: DatagramSocket | undefined
  #bound: TrackerListening | undefined
  #listening: Promise<TrackerListening> | undefined
  #closed: Promise<void> | undefined

  /** Throws TypeError or RangeError for a wrong option. */
  constructor(options: TrackerServerOptions = {}) {
    checkOptions(options, SERVER_OPTIONS)
    const { world, host, port: _, http = true, udp = true, ...core } = options
    if (!http && !udp) throw conflict('http and udp must not both be false')
    this.#options = options
    this.#world = world ?? systemWorld()
    this.#host = host ?? '0.0.0.0'
    this.#core = new TrackerCore({ ...core, random: core.random ?? this.#world.random })
  }

  /** A tracker that listens. Rejects as {@link listen}, and leaves nothing open then. */
  static async open(options: TrackerServerOptions = {}): Promise<TrackerServer> {
    const server = new TrackerServer(options)
    try {
      await server.listen()
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** Where it listens; undefined before. */
  get listening(): TrackerListening | undefined {
    return this.#bound
  }

  /** Counts since the start, and what is in memory. */
  get stats(): TrackerStats {
    return this.#core.stats
  }

  /** Starts to serve. Rejects with the system's code, for instance `EADDRINUSE`, or `tracker/closed`. */
  listen(): Promise<TrackerListening> {
    if (this.#closed) return Promise.reject(new TrackerError('tracker/closed', 'the tracker is closed'))
    this.#listening ??= this.#open()
    return this.#listening
  }

  /** Stops serving; resolves when the port is free. The swarms are forgotten. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#listening?.catch(() => {})
      await Promise.allSettled([this.#http?.close(), this.#udp?.close()])
    })()
    return this.#closed
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(): Promise<TrackerListening> {
    const { port: wanted = 0, http = true, udp = true } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        if (http) this.#http = await this.#serveHttp(wanted)
        const port = this.#http?.address.port ?? wanted
        if (udp) this.#udp = await this.#serveUdp(port)
        const bound = this.#http?.address.port ?? this.#udp?.address.port ?? 0
        const shown = reachable(this.#host)
        this.#bound = {
          httpUrl: http ? `http://${shown}:${bound}/announce` : undefined,
          udpUrl: udp ? `udp://${shown}:${bound}/announce` : undefined,
          port: bound,
        }
        return this.#bound
      } catch (error) {
        await this.#http?.close()
        this.#http = undefined
        // The port that HTTP got may be taken for UDP: with any port allowed, another one will do.
        if (wanted !== 0 || attempt === ATTEMPTS) throw error
      }
    }
  }

  #serveHttp(port: number): Promise<StreamServer> {
    return this.#world.serveHttp({ host: this.#host, port }, ({ method, target, remote }) => {
      if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: new Uint8Array(0) }
      const { status, contentType, body } = this.#core.http(target, remote.host, this.#world.now())
      return { status, headers: { 'content-type': contentType }, body }
    })
  }

  async #serveUdp(port: number): Promise<DatagramSocket> {
    let socket: DatagramSocket | undefined
    const receive = (bytes: Uint8Array, from: Address): void => {
      const answer = this.#core.udp(bytes, from.host, this.#world.now())
      if (answer) socket?.send(answer, from)
    }
    const family = familyOf({ host: this.#host, port })
    socket = await this.#world.bind({ host: this.#host, port, family }, receive)
    return socket
  }
}

/** A host that a client on this machine can dial. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
