/**
 * The names of a torrent: v1, v2, or both of a hybrid (BEP 3, 52).
 * @module
 */

import { sha1, sha256 } from '#hash'
import { equalBytes, toHex } from '../util/bytes.js'

export interface InfoHashes {
  /** SHA-1 of `info`, 20 bytes. */
  readonly v1?: Uint8Array | undefined
  /** SHA-256 of `info`, 32 bytes. */
  readonly v2?: Uint8Array | undefined
}

/** The 20 bytes by which trackers, peers and the DHT know the torrent: v1, truncated v2, or both. */
export function swarmHashes({ v1, v2 }: InfoHashes): Uint8Array[] {
  const hashes: Uint8Array[] = []
  if (v1) hashes.push(v1)
  if (v2) hashes.push(v2.subarray(0, 20))
  return hashes
}

/** 40 hex digits that name the torrent within a session: of v1 where it has one, else of truncated v2. */
export function idOf(hashes: InfoHashes): string {
  return toHex(swarmHashes(hashes)[0] as Uint8Array)
}

/** True when `info`, the raw bytes of an info dictionary, is what all known infohashes name. */
export function namesInfo({ v1, v2 }: InfoHashes, info: Uint8Array): boolean {
  if (v1 && !equalBytes(sha1(info), v1)) return false
  return v2 === undefined || equalBytes(sha256(info), v2)
}
