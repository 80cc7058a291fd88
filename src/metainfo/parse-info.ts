/**
 * Reads an info dictionary that came without its torrent file (BEP 9).
 * @module
 */

import { encode } from '../bencode/index.js'
import { concatBytes, fromLatin1 } from '../util/bytes.js'
import { announceFields } from './create.js'
import type { Metainfo, MetainfoLimits } from './model.js'
import { parseMetainfo } from './parse.js'

/** What a magnet link says besides. */
export interface InfoContext {
  /** Tiers of trackers. */
  readonly trackers?: readonly (readonly string[])[]
  readonly webSeeds?: readonly string[]
}

/**
 * The metainfo of `info`, the raw bytes of an info dictionary, as if it had stood in a torrent file with
 * these trackers and web seeds: that file is its `bytes`. Throws as {@link parseMetainfo} does.
 */
export function parseInfo(info: Uint8Array, context: InfoContext = {}, limits?: MetainfoLimits): Metainfo {
  const webSeeds = context.webSeeds ?? []
  const around = encode({
    ...announceFields({ announceList: context.trackers ?? [] }),
    'url-list': webSeeds.length > 0 ? webSeeds : undefined,
  })
  const tail = webSeeds.length > 0 ? encode({ 'url-list': webSeeds }).subarray(1) : fromLatin1('e')
  const head = around.subarray(0, around.length - tail.length)
  return parseMetainfo(concatBytes(head, fromLatin1('4:info'), info, tail), limits)
}
