/**
 * What a peer rejected (BEP 6): it is not asked again for those pieces for a while, or, after too many, for
 * nothing. An unchoke wipes it out.
 * @module
 */

import type { PickerPeer } from './peer.js'

/** How long a peer is not asked again for a piece of which it rejected a block, ms. */
const REFUSAL = 10_000

/** Rejected pieces remembered of a peer; at this number it is asked for nothing until they expire. */
const MAX_REFUSED = 64

/** A request for a block of the piece was rejected. */
export function refused(peer: PickerPeer<unknown>, piece: number, now: number): void {
  // A choke rejects all that is outstanding; that says nothing about the pieces.
  if (peer.choked && !peer.allowedFast.has(piece)) {
    peer.wasChoked = true
    return
  }
  noteChoke(peer)
  if (now >= peer.refusedUntil) forgive(peer)
  if (peer.refused.size === 0) peer.refusedUntil = now + REFUSAL
  if (peer.refused.size < MAX_REFUSED) peer.refused.add(piece)
}

/** True while the peer is to be asked for nothing. Call before each pick: forgets what has expired. */
export function refusesAll(peer: PickerPeer<unknown>, now: number): boolean {
  noteChoke(peer)
  if (peer.refused.size === 0) return false
  if (now < peer.refusedUntil) return peer.refused.size >= MAX_REFUSED
  forgive(peer)
  return false
}

/** An unchoke wipes out what was rejected before. */
function noteChoke(peer: PickerPeer<unknown>): void {
  if (peer.wasChoked && !peer.choked) forgive(peer)
  peer.wasChoked = peer.choked
}

function forgive(peer: PickerPeer<unknown>): void {
  peer.refused.clear()
  peer.dry = -1
  peer.checked = 0
  peer.endgame = -1
}
