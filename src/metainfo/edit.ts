/**
 * Changes around `info`, which leave the infohash as it is.
 * @module
 */

import { asDict, decode, type Encodable } from '../bencode/index.js'
import { fromHex, toLatin1 } from '../util/bytes.js'
import { assemble } from './assemble.js'
import { announceFields, type TrackerTiers } from './create.js'
import type { Metainfo } from './model.js'

/**
 * The bytes of the same torrent with these tiers of trackers in place of its own; no tiers remove them all
 * (BEP 12). `info` and the keys that have nothing to do with trackers keep their values. Throws RangeError
 * for what is no tracker URL.
 */
export function withTrackers(metainfo: Metainfo, tiers: TrackerTiers): Uint8Array {
  const root = new Map<string, Encodable>(asDict(decode(metainfo.bytes, { unsortedKeys: true })))
  for (const [key, value] of Object.entries(announceFields({ trackers: tiers }))) {
    if (value === undefined) root.delete(key)
    else root.set(key, value)
  }
  return assemble(root, metainfo.infoBytes)
}

/**
 * The bytes of the same torrent with these piece layers, under the hex of their roots, in place of its own: a
 * v2 torrent whose layers came from peers becomes a whole torrent file (BEP 52). Throws RangeError for a
 * key that is no hex of 32 bytes.
 */
export function withPieceLayers(metainfo: Metainfo, layers: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const root = new Map<string, Encodable>(asDict(decode(metainfo.bytes, { unsortedKeys: true })))
  const entries = new Map<string, Encodable>()
  for (const [hex, layer] of layers) {
    const key = fromHex(hex)
    if (key?.length !== 32) throw new RangeError(`layers must be under roots of 64 hex digits, got ${hex}`)
    entries.set(toLatin1(key), layer)
  }
  root.set('piece layers', entries)
  return assemble(root, metainfo.infoBytes)
}
