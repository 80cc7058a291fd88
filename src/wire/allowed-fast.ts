/**
 * The pieces that a choked peer may ask for, derived from its address (BEP 6).
 * @module
 */

import { sha1 } from '#hash'
import { ipToBytes } from '../util/address.js'
import { readU32 } from '../util/bytes.js'

/**
 * Up to `k` distinct pieces for the peer at `ip`, the same for everyone in its /24. Empty for IPv6,
 * for which BEP 6 defines none, and for text that is no IP.
 *
 * @param infoHash 20 bytes.
 * @param pieceCount pieces of the torrent; caps `k`.
 * @param k default 10, as in BEP 6.
 */
export function allowedFastSet(ip: string, infoHash: Uint8Array, pieceCount: number, k = 10): number[] {
  const address = ipToBytes(ip)
  if (address?.length !== 4) return []
  const wanted = Math.min(k, pieceCount)
  const set = new Set<number>()
  let x = new Uint8Array(4 + infoHash.length)
  x.set(address.subarray(0, 3))
  x.set(infoHash, 4)
  while (set.size < wanted) {
    x = new Uint8Array(sha1(x))
    for (let i = 0; i < 20 && set.size < wanted; i += 4) set.add(readU32(x, i) % pieceCount)
  }
  return [...set]
}
