/**
 * A DHT node by itself, without a session.
 * @module
 */

import { checkOptions, integer, type Kinds, object, text } from '../../util/options.js'
import { Scheduler } from '../scheduler.js'
import { systemWorld } from '../system/world.js'
import { SocketPair } from '../udp/socket-pair.js'
import type { World } from '../world.js'
import { DualStackDht } from './dht.js'
import type { Dht } from './dht-api.js'
import { DHT_OPTIONS, type DhtOptions } from './options.js'

/** Options of {@link openDht}. */
export interface OpenDhtOptions extends DhtOptions {
  /** UDP port. Default 0, a free one. */
  readonly port?: number
  /** Local address. Default: all, IPv4 and IPv6. */
  readonly host?: string
  /** Clocks, sockets and names. Default: this machine's. */
  readonly world?: World
}

/** A DHT node with sockets of its own. */
export interface OpenDht extends Dht {
  /** The UDP port of both families. */
  readonly port: number
  /** Ends every look-up and closes the sockets. Never rejects. */
  close(): Promise<void>
  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void>
}

const OPEN_OPTIONS: Kinds<OpenDhtOptions> = {
  ...DHT_OPTIONS,
  port: integer(0, 65_535),
  host: text,
  world: object,
}

/** Binds the sockets and starts a node. Rejects with the system's code, `EADDRINUSE` for instance, TypeError or RangeError for a wrong option. */
export async function openDht(options: OpenDhtOptions = {}): Promise<OpenDht> {
  checkOptions(options, OPEN_OPTIONS)
  const { port = 0, host, world = systemWorld(), ...rest } = options
  const dht = new StandaloneDht(world, rest)
  await dht.open(host === undefined ? { port } : { host, port })
  return dht
}

/** The node behind {@link OpenDht}. */
class StandaloneDht extends DualStackDht implements OpenDht {
  readonly #udp: SocketPair
  readonly #scheduler: Scheduler
  #port = 0
  #closing: Promise<void> | undefined

  constructor(world: World, options: DhtOptions) {
    const scheduler = new Scheduler(world)
    const udp = new SocketPair(world)
    super({ world, scheduler, udp }, options)
    this.#udp = udp
    this.#scheduler = scheduler
  }

  get port(): number {
    return this.#port
  }

  async open(at: { readonly host?: string; readonly port: number }): Promise<void> {
    try {
      this.#port = await this.#udp.open(at)
    } catch (error) {
      await this.close()
      throw error
    }
    this.start()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.end()
    this.#scheduler.close()
    await this.#udp.close()
  }
}
