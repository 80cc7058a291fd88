/**
 * Where a torrent came from: a torrent file, or a magnet link that names it (BEP 9, 53).
 * @module
 */

import type { Magnet } from '../metainfo/magnet.js'
import type { Metainfo } from '../metainfo/model.js'
import { type InfoHashes, idOf } from './infohashes.js'

export interface TorrentSource {
  readonly hashes: InfoHashes
  readonly name: string
  readonly trackers: readonly (readonly string[])[]
  readonly webSeeds: readonly string[]
  /** Peers that a magnet names; hosts are names or addresses. */
  readonly peers: readonly { readonly host: string; readonly port: number }[]
  /** Indices of the files that a magnet asks for. */
  readonly select: readonly number[] | undefined
  /** The link that it came from, also when the metadata was kept from before. */
  readonly magnet: Magnet | undefined
  readonly metainfo: Metainfo | undefined
}

export function sourceOfMetainfo(metainfo: Metainfo): TorrentSource {
  const hashes = { v1: metainfo.infoHash, v2: metainfo.infoHashV2 }
  const { name, trackers, webSeeds } = metainfo
  return {
    hashes,
    name,
    trackers,
    webSeeds,
    peers: [],
    select: undefined,
    magnet: undefined,
    metainfo,
  }
}

export function sourceOfMagnet(magnet: Magnet): TorrentSource {
  const hashes = { v1: magnet.infoHash, v2: magnet.infoHashV2 }
  return {
    hashes,
    name: magnet.name ?? idOf(hashes),
    trackers: magnet.trackers.map((url) => [url]),
    webSeeds: magnet.webSeeds,
    peers: magnet.peers,
    select: magnet.select.length > 0 ? magnet.select : undefined,
    magnet,
    metainfo: undefined,
  }
}
