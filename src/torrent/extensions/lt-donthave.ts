/**
 * Pieces that peers had and lost, and that we had and lost (BEP 54).
 * @module
 */

import type { Picker } from '../../picker/picker.js'
import { readU32, writeU32 } from '../../util/bytes.js'
import type { Connection } from '../peers/connection.js'
import type { KnownPeer } from '../peers/peer-list.js'
import { type Extension, sendExtended } from './extension.js'

const NAME = 'lt_donthave'

export class DontHave implements Extension {
  readonly name: 'lt_donthave' = NAME
  readonly #picker: Picker<KnownPeer>

  constructor(picker: Picker<KnownPeer>) {
    this.#picker = picker
  }

  /** A peer lost a piece. What makes no sense is ignored. */
  received(connection: Connection, payload: Uint8Array, now: number): void {
    if (payload.length !== 4) return
    const piece = readU32(payload, 0)
    const { peer, picks, known } = connection
    const dropped = peer.lost(piece)
    if (dropped === undefined) return
    known.seed = false
    this.#picker.peerLost(picks, piece)
    for (const begin of dropped) this.#picker.dropRequest(picks, piece, begin)
    peer.setInterested(this.#picker.isInteresting(picks), now)
    // While it was a seed it was not told what we got.
    if (connection.shown === undefined && this.#picker.have.has(piece)) peer.have(piece, now)
  }
}

/**
 * We lost a piece: tells those who may count on us for it, and looks anew at who can give it to us. The cost
 * does not depend on the number of pieces.
 */
export function tellLost(
  connections: Iterable<Connection>,
  picker: Picker<KnownPeer>,
  piece: number,
  now: number,
): void {
  const payload = new Uint8Array(4)
  writeU32(payload, 0, piece)
  for (const connection of [...connections]) {
    const { peer, shown, suggested } = connection
    suggested.delete(piece)
    const mayCountOnUs = shown === undefined || shown.delete(piece)
    if (mayCountOnUs && !sendExtended(connection, NAME, payload)) {
      // BEP 3 has no way to take a piece back, and a bitfield comes but once: it is to connect anew and hear
      // what we have now, rather than wait for blocks that never come.
      connection.end('torrent/lost-piece', 'the peer cannot be told that we lost a piece')
      continue
    }
    if (picker.wanted(piece) && peer.pieces?.has(piece)) peer.setInterested(true, now)
    // Requests for the piece that wait are rejected, and others may be made.
    connection.touch()
  }
}
