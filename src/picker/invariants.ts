/**
 * Checks a picker's books against each other, the slow way; for tests.
 * @module
 */

import type { Bitfield } from '../util/bitfield.js'
import { countBits, hasBit } from './bitset32.js'
import type { Progress } from './progress.js'
import type { Rarity } from './rarity.js'
import type { PeerState } from './requests.js'

/** What a picker is made of. */
export interface Books<Owner> {
  readonly have: Bitfield
  readonly rarity: Rarity
  readonly progress: Progress<Owner>
  /** Pieces that are wanted and not verified. */
  readonly missing: Int32Array
  readonly missingCount: number
  readonly peers: ReadonlySet<PeerState<Owner>>
}

/** Throws an Error that names the first contradiction. */
export function checkInvariants<Owner>(books: Books<Owner>): void {
  books.rarity.check()
  books.progress.check()
  checkPeers(books)
  checkPieces(books)
}

function checkPeers<Owner>({ rarity, progress, peers }: Books<Owner>): void {
  const counts = new Uint16Array(rarity.length)
  let seeds = 0
  let outstanding = 0
  for (const peer of peers) {
    const { isSeed, bits } = peer.pieces
    if (isSeed) seeds++
    if (isSeed && bits) fail('a seed is counted twice')
    for (let piece = 0; piece < counts.length; piece++) {
      if (bits && hasBit(bits, piece)) counts[piece] = (counts[piece] as number) + 1
    }
    let listed = 0
    for (let request = peer.oldest; request; request = request.newer) {
      listed++
      if (request.peer !== peer) fail('a request is in the list of a wrong peer')
      if (progress.find(request.open, request.block, peer) !== request) fail('a request is lost')
    }
    if (listed !== peer.outstanding) fail('outstanding blocks of a peer are miscounted')
    outstanding += listed
  }
  if (outstanding !== progress.requests) fail('requests of all peers are miscounted')
  if (seeds !== rarity.seeds) fail('seeds are miscounted')
  for (let piece = 0; piece < counts.length; piece++) {
    if (counts[piece] !== rarity.counts[piece]) fail(`availability of piece ${piece} is wrong`)
  }
}

function checkPieces<Owner>({ have, rarity, progress, missing, missingCount }: Books<Owner>): void {
  let lackingCount = 0
  for (let piece = 0; piece < rarity.length; piece++) {
    const lacking = (rarity.priority[piece] as number) > 0 && !have.has(piece)
    if (lacking) lackingCount++
    if (lacking !== hasBit(missing, piece)) fail(`piece ${piece} is wrongly missing or not`)
    const open = progress.pieces.get(piece)
    if (open && have.has(piece)) fail(`piece ${piece} is verified and open`)
    if (rarity.isCandidate(piece) !== (lacking && !open)) fail(`piece ${piece} is wrongly a candidate or not`)
    if (!open) continue
    const filed = !lacking || open.complete ? 'none' : open.freeCount > 0 ? 'free' : 'busy'
    if (open.filed !== filed) fail(`open piece ${piece} is filed as ${open.filed}, not ${filed}`)
  }
  if (lackingCount !== missingCount) fail('missing pieces are miscounted')
  if (countBits(rarity.candidates) !== rarity.candidateCount) fail('candidates are miscounted')
}

function fail(text: string): never {
  throw new Error(`picker: ${text}`)
}
