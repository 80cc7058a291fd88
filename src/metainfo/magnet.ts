/**
 * Magnet links (BEP 9).
 * @module
 */

import { toHex } from '../util/bytes.js'
import type { Metainfo } from './model.js'

/**
 * The magnet link of a torrent: infohashes, name, size, trackers in tier order, web seeds. What a link
 * cannot say is lost: tiers, and the private flag, so that a private torrent is better shared as a file.
 */
export function magnetOf(metainfo: Metainfo): string {
  const pairs: string[] = []
  if (metainfo.infoHash !== undefined) pairs.push(`xt=urn:btih:${toHex(metainfo.infoHash)}`)
  if (metainfo.infoHashV2 !== undefined) pairs.push(`xt=urn:btmh:1220${toHex(metainfo.infoHashV2)}`)
  pairs.push(`dn=${encodeURIComponent(metainfo.name)}`, `xl=${metainfo.size}`)
  for (const url of metainfo.trackers.flat()) pairs.push(`tr=${encodeURIComponent(url)}`)
  for (const url of metainfo.webSeeds) pairs.push(`ws=${encodeURIComponent(url)}`)
  return `magnet:?${pairs.join('&')}`
}
