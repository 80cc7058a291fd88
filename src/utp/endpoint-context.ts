/**
 * What connections and their endpoint know of each other.
 * @module
 */

import type { Memory } from './packet-pool.js'
import type { UtpEvent } from './types.js'

/** What connections ask of their endpoint; `Connection` is the class of these. */
export interface EndpointContext<Connection> {
  readonly memory: Memory
  readonly sendBuffer: number
  readonly receiveBuffer: number
  readonly maxDatagram: number
  /** Scratch memory for packets that are not kept. */
  readonly scratch: Uint8Array
  /** The connection may have something to send. */
  activate(connection: Connection): void
  /** The connection is to be looked at when the turn ends. */
  touch(connection: Connection): void
  /** The deadline of the connection has changed. */
  schedule(connection: Connection): void
  emit(event: UtpEvent): void
  /** The remote proved that its address is not spoofed. */
  confirmed(connection: Connection): void
  /** The connection has left the state in which applications count it; `reset` asks for a RESET. */
  closed(connection: Connection, reset: boolean): void
  /** The connection is gone: packets of it are unknown from here on. */
  forget(connection: Connection): void
}
