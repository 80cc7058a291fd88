/**
 * Who sent the blocks of an open piece, and who is asked for them: what blame and cancels are based on.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import { hasBit } from './bitset32.js'
import type { OpenPiece } from './requests.js'

/** Who sent the received blocks, each once. */
export function contributors<Owner>(open: OpenPiece<Owner> | undefined): Owner[] {
  const owners = new Set<Owner>()
  if (open) for (const owner of open.from) if (owner !== undefined) owners.add(owner)
  return [...owners]
}

/** Makes these blocks free again; gives who sent them, each once. Blocks that were not received are left alone. */
export function strike<Owner>(open: OpenPiece<Owner>, blocks: readonly number[]): Owner[] {
  const owners = new Set<Owner>()
  for (const block of blocks) {
    if (block >= open.blockCount || !hasBit(open.received, block)) continue
    const owner = open.from[block]
    if (owner !== undefined) owners.add(owner)
    open.lose(block)
  }
  return [...owners]
}

/** Outstanding requests: who is asked, and for the block at which offset. */
export function asked<Owner>(
  open: OpenPiece<Owner> | undefined,
): { readonly owner: Owner; readonly begin: number }[] {
  const requests: { readonly owner: Owner; readonly begin: number }[] = []
  for (let block = 0; block < (open?.blockCount ?? 0); block++) {
    for (let request = open?.requests[block]; request; request = request.also)
      requests.push({ owner: request.peer.owner, begin: block * BLOCK_LENGTH })
  }
  return requests
}

/** Writes the state of each block: 0 free, 1 requested, 2 received. */
export function writeStates(open: OpenPiece<unknown>, states: Uint8Array): void {
  for (let block = 0; block < states.length; block++) {
    states[block] = hasBit(open.received, block) ? 2 : open.requests[block] ? 1 : 0
  }
}
