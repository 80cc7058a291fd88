/**
 * Two connections between the same peers: one of them goes, and both sides agree which.
 * @module
 */

import type { Greeting } from '../../net/peer/handshake.js'
import type { Connection } from '../peers/connection.js'

export class Twins {
  readonly #byPeerId = new Map<string, Connection>()

  /** False when the peer is connected already and that connection stays; otherwise that one is ended. */
  admits(handshake: Greeting, initiator: boolean, ourPeerId: Uint8Array): boolean {
    const twin = this.#byPeerId.get(keyOf(handshake))
    if (twin && !prefersNew(twin, initiator, ourPeerId, handshake.peerId)) return false
    twin?.end('torrent/duplicate', 'the same peer connected twice')
    return true
  }

  joined(connection: Connection): void {
    this.#byPeerId.set(keyOf(connection.handshake), connection)
  }

  left(connection: Connection): void {
    const key = keyOf(connection.handshake)
    if (this.#byPeerId.get(key) === connection) this.#byPeerId.delete(key)
  }
}

function keyOf({ peerId }: Greeting): string {
  return String.fromCharCode(...peerId)
}

/** The rule for two connections between the same peers: the one dialled by the side with the smaller id stays (LT). */
function prefersNew(twin: Connection, initiator: boolean, ours: Uint8Array, theirs: Uint8Array): boolean {
  if (twin.initiator === initiator) return false
  let at = 0
  while (at < 19 && ours[at] === theirs[at]) at++
  const smaller = (ours[at] as number) < (theirs[at] as number)
  return initiator === smaller
}
