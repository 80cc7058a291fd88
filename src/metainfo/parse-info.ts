/**
 * Reads an info dictionary that came without its torrent file (BEP 9).
 * @module
 */

import type { Encodable } from '../bencode/index.js'
import { assemble } from './assemble.js'
import { refuse } from './file-entry.js'
import type { Metainfo, MetainfoLimits } from './model.js'
import { parseMetainfo } from './parse.js'
import { isTrackerUrl, isWebSeedUrl } from './urls.js'

/** What a magnet link says besides. */
export interface InfoContext {
  /** Tiers of trackers. */
  readonly trackers?: readonly (readonly string[])[]
  readonly webSeeds?: readonly string[]
}

/**
 * The metainfo of `info`, the raw bytes of an info dictionary, as if it had stood in a torrent file with
 * these trackers and web seeds, of which unusable ones are dropped: that file is its `bytes`. Piece layers are
 * no part of it, so those of a v2 torrent are still to come. Throws as {@link parseMetainfo} does; the caller
 * has checked the infohash.
 */
export function parseInfo(info: Uint8Array, context: InfoContext = {}, limits?: MetainfoLimits): Metainfo {
  const tiers = (context.trackers ?? [])
    .map((tier) => tier.filter(isTrackerUrl))
    .filter((tier) => tier.length > 0)
  const webSeeds = (context.webSeeds ?? []).filter(isWebSeedUrl)
  const root = new Map<string, Encodable>([['info', '']])
  const first = tiers[0]?.[0]
  if (first !== undefined) root.set('announce', first)
  if (tiers.flat().length > 1) root.set('announce-list', tiers)
  if (webSeeds.length > 0) root.set('url-list', webSeeds)
  const metainfo = parseMetainfo(assemble(root, info), { ...limits, pieceLayers: 'lenient' })
  // Otherwise there were keys behind the dictionary, which the torrent around it took for its own.
  if (metainfo.infoBytes.length !== info.length)
    throw refuse('metainfo/missing-info', 'info must be one dictionary with nothing behind it')
  return metainfo
}
