/**
 * A DHT node by itself, without a session.
 * @module
 */

import { Scheduler } from '../scheduler.js'
import { systemWorld } from '../system/world.js'
import { SocketPair } from '../udp/socket-pair.js'
import type { World } from '../world.js'
import { Dht } from './dht.js'
import type { DhtOptions } from './options.js'

/** Options of {@link openDht}. */
export interface OpenDhtOptions extends DhtOptions {
  /** UDP port. Default 0, a free one. */
  readonly port?: number
  /** Local address. Default: all, IPv4 and IPv6. */
  readonly host?: string
  /** Clocks, sockets and names. Default: this machine's. */
  readonly world?: World
}

/** A running node, with its sockets. */
export interface OpenDht {
  readonly dht: Dht
  /** The UDP port of both families. */
  readonly port: number
  /** Ends every look-up and closes the sockets. */
  close(): Promise<void>
}

/** Binds the sockets and starts a node. Rejects with the system's code, `EADDRINUSE` for instance. */
export async function openDht(options: OpenDhtOptions = {}): Promise<OpenDht> {
  const { port = 0, host, world = systemWorld(), ...rest } = options
  const udp = new SocketPair(world)
  const scheduler = new Scheduler(world)
  const dht = new Dht({ world, scheduler, udp }, rest)
  const bound = await udp.open(host === undefined ? { port } : { host, port })
  dht.start()
  return {
    dht,
    port: bound,
    async close() {
      dht.close()
      scheduler.close()
      await udp.close()
    },
  }
}
