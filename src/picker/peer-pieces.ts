/**
 * What a peer has, and how it counts in the availability: a seed as one for all pieces, any other piece by
 * piece. A single piece more is the picker's own affair, since it comes with every have.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'
import { clearBit, emptyWords, fillWords, wordsOf } from './bitset32.js'
import { hasPiece } from './candidates.js'
import type { PickerPeer } from './peer.js'
import type { Rarity } from './rarity.js'

/** The peer has exactly these pieces, which are copied. */
export function setHoldings(rarity: Rarity, peer: PickerPeer<unknown>, pieces: Bitfield): void {
  withdraw(rarity, peer)
  if (pieces.isFull) {
    peer.seed = true
    rarity.seeds++
  } else if (!pieces.isEmpty) {
    peer.words = wordsOf(pieces)
    rarity.spread(peer.words, 1)
  }
  lookAgain(peer)
  rarity.settle()
}

/** The peer no longer has a piece. */
export function loseHolding(rarity: Rarity, peer: PickerPeer<unknown>, piece: number): void {
  if (!hasPiece(peer, piece)) return
  if (peer.seed) {
    // From now on it counts piece by piece, for good: changing back and forth would cost O(pieces) each time.
    peer.seed = false
    rarity.seeds--
    peer.words = emptyWords(rarity.length)
    fillWords(peer.words, rarity.length)
    rarity.spread(peer.words, 1)
    rarity.settle()
    lookAgain(peer)
  }
  if (peer.words) clearBit(peer.words, piece)
  rarity.decrement(piece)
}

/** Takes what a peer has out of the availability. */
export function withdraw(rarity: Rarity, peer: PickerPeer<unknown>): void {
  if (peer.seed) rarity.seeds--
  if (peer.words) rarity.spread(peer.words, -1)
  peer.seed = false
  peer.words = undefined
}

/** Forgets what was remembered of a peer's pieces. */
function lookAgain(peer: PickerPeer<unknown>): void {
  peer.generation = 0
  peer.checked = 0
  peer.endgame = -1
  peer.current = undefined
}
