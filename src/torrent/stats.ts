/**
 * Plain data about a torrent for those who watch it.
 * @module
 */

import { clientName } from '../wire/peer-id.js'
import type { Content } from './content.js'
import type { PeerSnapshot, TorrentState, TorrentStats } from './events.js'
import type { Peering } from './peering.js'

/** The numbers of a torrent; sizes are 0 until its metadata is known. */
export function torrentStats(
  state: TorrentState,
  content: Content | undefined,
  peering: Peering,
  now: number,
): TorrentStats {
  const { leftBytes: left, wantedBytes: wanted } = content?.selection ?? { leftBytes: 0, wantedBytes: 0 }
  const rate = peering.download.at(now)
  let seeds = 0
  for (const connection of peering.connections) if (connection.isUploadOnly) seeds++
  return {
    state,
    size: content?.metainfo.size ?? 0,
    verified: content?.verified ?? 0,
    wanted,
    left,
    downloaded: peering.download.total,
    uploaded: peering.upload.total,
    wasted: peering.wasted,
    downloadRate: rate,
    uploadRate: peering.upload.at(now),
    eta: content === undefined ? Number.POSITIVE_INFINITY : left === 0 ? 0 : left / rate,
    progress: content === undefined ? 0 : wanted === 0 ? 1 : 1 - left / wanted,
    pieces: content?.metainfo.pieceCount ?? 0,
    verifiedPieces: content?.picker.have.count ?? 0,
    peers: peering.size,
    seeds,
    knownPeers: peering.knownPeers,
  }
}

export function peerSnapshots(peering: Peering, now: number): PeerSnapshot[] {
  const snapshots: PeerSnapshot[] = []
  for (const connection of peering.connections) {
    const { peer, known, handshake } = connection
    snapshots.push({
      address: known.key,
      source: known.source,
      incoming: !connection.initiator,
      transport: connection.stream.transport,
      encryption: handshake.encryption,
      client: peer.extension?.client ?? clientName(handshake.peerId) ?? 'unknown',
      progress: peer.pieces && peer.pieces.length > 0 ? peer.pieces.count / peer.pieces.length : 0,
      downloadRate: connection.download.at(now),
      uploadRate: connection.upload.at(now),
      downloaded: connection.download.total,
      uploaded: connection.upload.total,
      amChoking: peer.amChoking,
      amInterested: peer.amInterested,
      peerChoking: peer.peerChoking,
      peerInterested: peer.peerInterested,
      outstanding: peer.outstanding,
      snubbed: connection.snubbed,
    })
  }
  return snapshots
}
