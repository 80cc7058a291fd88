/**
 * Changes around `info`, which leave the infohash as it is.
 * @module
 */

import { asDict, decode, type Encodable, encode } from '../bencode/index.js'
import { concatBytes, fromLatin1 } from '../util/bytes.js'
import { announceFields } from './create.js'
import type { Metainfo } from './model.js'

/**
 * The bytes of the same torrent with these tiers of trackers in place of its own; no tiers remove them all
 * (BEP 12). `info` and the keys that have nothing to do with trackers keep their values. Throws RangeError
 * for what is no tracker URL.
 */
export function withTrackers(metainfo: Metainfo, tiers: readonly (readonly string[])[]): Uint8Array {
  const root = new Map<string, Encodable>(asDict(decode(metainfo.bytes, { unsortedKeys: true })))
  for (const [key, value] of Object.entries(announceFields({ announceList: tiers }))) {
    if (value === undefined) root.delete(key)
    else root.set(key, value)
  }
  return assemble(root, metainfo.infoBytes)
}

/** A torrent file around the raw bytes of `info`, which are never encoded again. Keys of `root` are Latin-1. */
function assemble(root: ReadonlyMap<string, Encodable>, infoBytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [fromLatin1('d')]
  const keys = [...root.keys()].sort((a, b) => (a < b ? -1 : 1))
  for (const key of keys) {
    parts.push(encode(fromLatin1(key)), key === 'info' ? infoBytes : encode(root.get(key) as Encodable))
  }
  return concatBytes(...parts, fromLatin1('e'))
}
