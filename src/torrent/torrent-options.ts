/**
 * What a torrent can be told when it is added.
 * @module
 */

import { boolean, integer, type Kinds, listOf, oneOf, oneOrList, orElse, text } from '../util/options.js'
import type { TorrentOptions } from './torrent-api.js'

/** What each of {@link TorrentOptions} may be. */
export const TORRENT_OPTIONS: Kinds<TorrentOptions> = {
  trackers: listOf(oneOrList(text)),
  peers: listOf(text),
  select: listOf(integer(0)),
  sequential: boolean,
  paused: boolean,
  superseed: orElse(oneOf(['normal', 'strict']), false),
  skipCheck: boolean,
}
