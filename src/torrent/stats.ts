/**
 * Plain data about a torrent for those who watch it.
 * @module
 */

import type { Metainfo } from '../metainfo/model.js'
import type { Bitfield } from '../util/bitfield.js'
import { clientName } from '../wire/peer-id.js'
import type { Content } from './content.js'
import type { PeerSnapshot, TorrentState, TorrentStats } from './events.js'
import type { Peering } from './peering.js'

/** Verified bytes of one file, or of all files but pads. */
export function verifiedBytes(metainfo: Metainfo, have: Bitfield, file?: number): number {
  const { layout, files } = metainfo
  if (file === undefined && have.isFull) return metainfo.size
  if (file === undefined && files.every((each) => !each.pad)) {
    const last = layout.pieceCount - 1
    const short = have.has(last) ? layout.pieceLength - layout.pieceSize(last) : 0
    return have.count * layout.pieceLength - short
  }
  let sum = 0
  for (let index = file ?? 0; index < (file === undefined ? files.length : file + 1); index++) {
    const span = layout.piecesOf(index)
    if (!span || files[index]?.pad) continue
    const start = layout.offsets[index] as number
    const end = layout.offsets[index + 1] as number
    for (let piece = have.next(span.first); piece >= 0 && piece <= span.last; piece = have.next(piece + 1)) {
      const from = piece * layout.pieceLength
      sum += Math.min(end, from + layout.pieceSize(piece)) - Math.max(start, from)
    }
  }
  return sum
}

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
  for (const connection of [...peering.acquaintances, ...peering.connections]) {
    const { peer, known, handshake } = connection
    const traffic = 'picks' in connection ? connection : undefined
    snapshots.push({
      address: known.key,
      source: known.source,
      incoming: !connection.initiator,
      transport: connection.stream.transport,
      encryption: handshake.encryption,
      client: peer.extension?.client ?? clientName(handshake.peerId) ?? 'unknown',
      progress: peer.pieces && peer.pieces.length > 0 ? peer.pieces.count / peer.pieces.length : 0,
      downloadRate: traffic?.download.at(now) ?? 0,
      uploadRate: traffic?.upload.at(now) ?? 0,
      downloaded: traffic?.download.total ?? 0,
      uploaded: traffic?.upload.total ?? 0,
      amChoking: peer.amChoking,
      amInterested: peer.amInterested,
      peerChoking: peer.peerChoking,
      peerInterested: peer.peerInterested,
      outstanding: peer.outstanding,
      snubbed: traffic?.snubbed === true,
    })
  }
  return snapshots
}
