/**
 * What {@link Session.add} can be told.
 * @module
 */

import type { TorrentOptions } from '../torrent/torrent-api.js'
import { TORRENT_OPTIONS } from '../torrent/torrent-options.js'
import { abortSignal, bag, boolean, type Kinds, number, orElse, text } from '../util/options.js'

/** What {@link Session.add} can be told besides the torrent. */
export interface AddOptions extends TorrentOptions {
  /** Folder for this torrent's files. Default: the session's. */
  readonly path?: string
  /**
   * Of a magnet link with a public key (BEP 46): how to look for newer torrents of that key, `false` for not
   * at all. Needs the DHT. Default every 15 min, told by the event `update`.
   */
  readonly updates?: UpdateOptions | false
  readonly signal?: AbortSignal
}

/** What {@link Session.add} can be told of torrents that a key names. */
export interface UpdateOptions {
  /**
   * ms between two looks for a newer torrent, at least 60,000. Default 900,000, as between two announces: a
   * look is about 40 datagrams.
   */
  readonly interval?: number
  /**
   * Close the torrent when there is a newer one, and add that with the same options, except for what names
   * files or other torrents: `select`. Files stay where they are; what the new torrent has in common with them
   * is found by its check. Default false: the event `update` tells, and the application decides.
   */
  readonly follow?: boolean
}

/** Bounds of ms between two looks for a newer torrent: a minute, and what fits a timer. */
const LEAST_INTERVAL = 60_000
const MOST_INTERVAL = 2 ** 31 - 1

const UPDATE_OPTIONS: Kinds<UpdateOptions> = {
  interval: number(LEAST_INTERVAL, MOST_INTERVAL),
  follow: boolean,
}

/** What each of {@link AddOptions} may be. */
export const ADD_OPTIONS: Kinds<AddOptions> = {
  ...TORRENT_OPTIONS,
  path: text,
  updates: orElse(bag(UPDATE_OPTIONS), false),
  signal: abortSignal,
}
