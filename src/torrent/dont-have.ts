/**
 * Pieces that peers had and lost (BEP 54).
 * @module
 */

import type { Picker } from '../picker/picker.js'
import { readU32 } from '../util/bytes.js'
import type { Connection } from './connection.js'
import type { Extension } from './extension.js'
import type { KnownPeer } from './peer-list.js'

export class DontHave implements Extension {
  readonly name = 'lt_donthave'
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
  }
}
