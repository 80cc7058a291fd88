import type { PeerStore } from '../../src/dht/peer-store.js'
import { toLatin1 } from '../../src/util/bytes.js'

/** Peers of both families that a store tells, each an array of its own. */
export function storedPeers(
  store: PeerStore,
  infoHash: Uint8Array,
  count: number,
  noSeed: boolean,
  now: number,
): Uint8Array[] {
  const found: Uint8Array[] = []
  for (const family of [4, 6] as const) {
    const packed = store.peers(infoHash, family, count, noSeed, now)
    const width = family === 4 ? 6 : 18
    const head = `${width}:`
    for (let at = 0; at < packed.length; at += width) {
      if (toLatin1(packed.subarray(at, at + head.length)) !== head) throw new Error('no list of peers')
      at += head.length
      found.push(packed.slice(at, at + width))
    }
  }
  return found
}
