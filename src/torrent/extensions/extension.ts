/**
 * An extension of the peer protocol on the connections of one torrent (BEP 10): metadata, peer exchange
 * and the like. The swarm sends its name in every extension handshake and hands it what peers send under
 * its id.
 * @module
 */

import type { ExtensionHandshake } from '../../wire/extension.js'
import type { Connection } from '../peers/connection.js'

/** Names of the extensions with the ids, 1 .. 255, under which we take their messages. */
export const EXTENSION_IDS: Readonly<
  Record<'ut_metadata' | 'ut_pex' | 'lt_donthave' | 'ut_holepunch', number>
> = { ut_metadata: 1, ut_pex: 2, lt_donthave: 3, ut_holepunch: 4 }

export type ExtensionName = keyof typeof EXTENSION_IDS

/** All calls but `name` are optional; none may throw. */
export interface Extension {
  readonly name: ExtensionName
  /** More keys for our extension handshake. */
  handshake?(): Partial<Omit<ExtensionHandshake, 'extensions'>>
  /** The peer's extension handshake came, the first or a later one. */
  handshakeReceived?(connection: Connection, now: number): void
  /** A message under our id; the payload is a copy. */
  received?(connection: Connection, payload: Uint8Array, now: number): void
  /** The connection is gone; `code` says why. */
  closed?(connection: Connection, now: number, code: string): void
  /** Once a second while there are connections. */
  tick?(now: number): void
}

/** Sends a message of an extension, at the end of this turn; false, and nothing, when the peer does not take it. */
export function sendExtended(connection: Connection, name: ExtensionName, payload: Uint8Array): boolean {
  const id = connection.peer.extension?.extensions.get(name)
  if (id === undefined) return false
  connection.peer.extended(id, payload)
  connection.touch()
  return true
}
