/**
 * What the picker knows of one connected peer.
 * @module
 */

import type { OpenPiece, Request } from './progress.js'

const NONE: ReadonlySet<number> = new Set()

/**
 * A peer's handle in a {@link Picker}. The fields of the first group are the owner's to set, at any
 * time; all others belong to the picker.
 */
export class PickerPeer<Owner> {
  /** What the peer stands for outside; blame is returned as owners. */
  readonly owner: Owner
  /** True while the peer chokes us: only `allowedFast` pieces are picked. Default true (BEP 3). */
  choked = true
  /** True while the peer does not deliver: it gets common pieces and no duplicates. */
  snubbed = false
  /** True while it is under suspicion: it gets whole pieces that nobody else works on (libtorrent: parole). */
  parole = false
  /** Blocks in a row that the peer's rate is worth (libtorrent: 20 s of it, at most 8 MiB); 0 for a slow peer. */
  fastRun = 0
  /** Pieces that may be requested while choked (BEP 6); the first 64 are looked at. Default none. */
  allowedFast: ReadonlySet<number> = NONE

  /** Blocks requested and neither received, rejected nor dropped. */
  outstanding = 0
  /** True when the peer announced that it has everything and has not taken it back. */
  seed = false

  /** @internal Pieces it has; none when undefined, unless it is a seed. */
  words: Int32Array | undefined
  /** @internal Its requests, oldest first. */
  oldest: Request<Owner> | undefined
  /** @internal */
  newest: Request<Owner> | undefined
  /** @internal The open piece it works on. */
  current: OpenPiece<Owner> | undefined
  /** @internal The piece it opened last; -1 for none. */
  last = -1
  /** @internal Pieces that it suggested, the latest last (BEP 6). */
  suggested: number[] = []
  /** @internal Pieces it rejected lately. */
  refused: Set<number> = new Set()
  /** @internal Until when it is not asked for `refused`, ms. */
  refusedUntil = 0
  /** @internal It choked since its rejects were last forgotten. */
  wasChoked = true
  /** @internal For each class the first word that may hold a candidate it has. */
  cursors: Int32Array = new Int32Array(8)
  /** @internal The first word that may hold a missing piece it has. */
  interest = 0
  /** @internal Rarity.generation at which the cursors were set. */
  generation = 0
  /** @internal Rarity.additions that the cursors know of. */
  additions = 0
  /** @internal Candidates found by the last walk, best last. */
  shortlist: number[] = []
  /** @internal Class of the shortlist. */
  shortlistClass = 0
  /** @internal The peer was snubbed when the shortlist was made. */
  shortlistSnubbed = false
  /** @internal Pieces with free blocks filed up to here are of no use to it. */
  checked = 0
  /** @internal `additions` at which no candidate was found because of `refused`; -1 for never. */
  dry = -1
  /** @internal Supply of duplicable requests at which none was found; -1 for never. */
  endgame = -1
  /** @internal When it may look again without new supply, ms. */
  endgameAfter = 0
  /** @internal False after removePeer. */
  attached = true

  constructor(owner: Owner) {
    this.owner = owner
  }
}
