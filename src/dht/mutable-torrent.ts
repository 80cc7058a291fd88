/**
 * Torrents that change under one name (BEP 46): a mutable item whose value names an infohash.
 * @module
 */

import { asBytes, asDict } from '../bencode/access.js'
import { tryDecode } from '../bencode/decode.js'
import { encode } from '../bencode/encode.js'
import { hashBytes, type InfoHash } from '../metainfo/infohash.js'
import { toHex } from '../util/bytes.js'

/** The value, bencoded, that points to a torrent: 40 hex digits or 20 bytes. Throws TypeError or RangeError for others. */
export function torrentValue(infoHash: InfoHash): Uint8Array {
  return encode({ ih: hashBytes('infoHash', infoHash, [20]) })
}

/** The infohash that a bencoded value points to, 40 hex digits, or undefined when it points to no torrent. */
export function torrentOf(value: Uint8Array): string | undefined {
  const decoded = tryDecode(value)
  const infoHash = decoded.ok ? asBytes(asDict(decoded.value)?.get('ih')) : undefined
  return infoHash?.length === 20 ? toHex(infoHash) : undefined
}
