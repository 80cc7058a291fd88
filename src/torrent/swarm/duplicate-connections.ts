/**
 * Two connections between the same peers: one of them goes, and both sides agree which.
 * @module
 */

import type { Greeting } from '../../net/peer/handshake.js'
import type { Connection } from '../peers/connection.js'

export class DuplicateConnections {
  readonly #ourPeerId: Uint8Array
  readonly #byPeerId = new Map<string, Connection>()

  constructor(ourPeerId: Uint8Array) {
    this.#ourPeerId = ourPeerId
  }

  /**
   * A peer comes by another connection, `initiator` when we dialled it. False when it is connected already and
   * that connection stays; otherwise that one is ended.
   */
  admits(handshake: Greeting, initiator: boolean): boolean {
    const other = this.#byPeerId.get(keyOf(handshake))
    if (other && !this.#prefersNew(other, initiator, handshake.peerId)) return false
    other?.end('torrent/duplicate', 'the same peer connected twice')
    return true
  }

  joined(connection: Connection): void {
    this.#byPeerId.set(keyOf(connection.handshake), connection)
  }

  left(connection: Connection): void {
    const key = keyOf(connection.handshake)
    if (this.#byPeerId.get(key) === connection) this.#byPeerId.delete(key)
  }

  /** The connection dialled by the side with the smaller id stays (libtorrent). */
  #prefersNew(other: Connection, initiator: boolean, theirs: Uint8Array): boolean {
    if (other.initiator === initiator) return false
    const ours = this.#ourPeerId
    let at = 0
    while (at < 19 && ours[at] === theirs[at]) at++
    const smaller = (ours[at] as number) < (theirs[at] as number)
    return initiator === smaller
  }
}

function keyOf({ peerId }: Greeting): string {
  return String.fromCharCode(...peerId)
}
