/**
 * What connections and their endpoint know of each other.
 * @module
 */

import type { Connection } from './connection.js'
import type { Memory } from './packet-pool.js'
import type { UtpEvent } from './types.js'

/** What connections ask of their endpoint. */
export interface Host {
  readonly memory: Memory
  readonly sendBuffer: number
  readonly receiveBuffer: number
  readonly maxDatagram: number
  /** Scratch memory for packets that are not kept. */
  readonly scratch: Uint8Array
  /** Has something to send, maybe. */
  activate(connection: Connection): void
  /** Is to be looked at when the turn ends. */
  touch(connection: Connection): void
  schedule(connection: Connection): void
  emit(event: UtpEvent): void
  /** Proved to be no spoofed one. */
  confirmed(connection: Connection): void
  /** Has left the state in which applications count it; `reset` asks for a RESET. */
  closed(connection: Connection, reset: boolean): void
  /** Is not to be found any more. */
  forget(connection: Connection): void
}
