/**
 * What a torrent is allowed and how it behaves, as far as its session decides that.
 * @module
 */

import type { SeedChoking } from '../choker/choker.js'
import type { Encryption } from '../net/peer/encryption.js'

/** The settings of a session that its torrents read. Bytes and counts as in `SessionOptions`. */
export interface TorrentLimits {
  readonly clientName: string
  readonly utp: boolean
  readonly encryption: Encryption
  readonly maxPeersPerTorrent: number
  readonly uploadSlots: number
  readonly seedChoking: SeedChoking
  readonly requestQueue: number
  readonly maxOutstanding: number
  readonly pieceBudget: number
  readonly readBudget: number
}
