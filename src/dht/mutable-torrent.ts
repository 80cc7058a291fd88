/**
 * Torrents that change under one name (BEP 46): a mutable item whose value names an infohash.
 * @module
 */

import { asBytes, asDict } from '../bencode/access.js'
import { tryDecode } from '../bencode/decode.js'
import { encode } from '../bencode/encode.js'

/** The value, bencoded, that points to a torrent. Throws RangeError when the infohash has not 20 bytes. */
export function torrentValue(infoHash: Uint8Array): Uint8Array {
  if (infoHash.length !== 20) throw new RangeError(`infoHash must be 20 bytes, got ${infoHash.length}`)
  return encode({ ih: infoHash })
}

/** The infohash that a bencoded value points to, or undefined when it points to no torrent. */
export function torrentOf(value: Uint8Array): Uint8Array | undefined {
  const decoded = tryDecode(value)
  const infoHash = decoded.ok ? asBytes(asDict(decoded.value)?.get('ih')) : undefined
  return infoHash?.length === 20 ? infoHash : undefined
}
