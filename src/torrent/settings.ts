/**
 * What a torrent is allowed and how it behaves, as far as its session decides that.
 * @module
 */

import type { SeedChoking } from '../choker/choker.js'
import type { Encryption } from '../net/peer/encryption.js'

/**
 * The settings of a session that its torrents read, in their groups. They change while a torrent runs: read anew
 * each time, never copied. What they mean stands in `session/settings-table.ts`.
 */
export interface TorrentSettings {
  readonly limits: {
    readonly peersPerTorrent: number
    readonly uploadSlotsPerTorrent: number
    readonly queuedRequestsPerPeer: number
    readonly outstandingRequestsPerPeer: number
    readonly pieceBytesPerTorrent: number
    readonly readBytesPerTorrent: number
  }
  readonly transport: {
    readonly utp: boolean
    readonly encryption: Encryption
  }
  readonly discovery: { readonly pex: boolean }
  readonly client: {
    readonly name: string
    readonly seedChoking: SeedChoking
  }
}
