/**
 * What a client says to a tracker and what comes back, the same over HTTP (BEP 3, 7, 23) and UDP (BEP 15).
 * @module
 */

import type { Address } from '../util/address.js'
import { type ErrorCode, RarestError } from '../util/errors.js'

/** What happened to the torrent; absent for the regular announce. */
export type AnnounceEvent = 'started' | 'completed' | 'stopped'

/** One announce of one torrent. */
export interface AnnounceRequest {
  /** 20 bytes, or the 32 of a v2 torrent, of which the first 20 are sent (BEP 52). */
  readonly infoHash: Uint8Array
  /** 20 bytes. */
  readonly peerId: Uint8Array
  /** Port on which we listen. */
  readonly port: number
  /** Payload bytes since `started`. */
  readonly uploaded: number | bigint
  readonly downloaded: number | bigint
  /** Bytes that we still need; not size minus `downloaded`. */
  readonly left: number | bigint
  readonly event?: AnnounceEvent | undefined
  /** Peers wanted; the tracker's default when absent. */
  readonly numwant?: number | undefined
  /** u32, constant for a torrent and session, the same over IPv4 and IPv6 (BEP 7). */
  readonly key: number
  /** The `tracker id` of an earlier answer, one char a byte. */
  readonly trackerId?: string | undefined
  /** A partial seed (BEP 21): `event=paused` over HTTP. */
  readonly paused?: boolean | undefined
}

/** A peer that a tracker names. */
export interface TrackerPeer {
  readonly address: Address
  /** 20 bytes; only the dictionary form of HTTP has it. */
  readonly peerId?: Uint8Array
}

/** A peer given by DNS name, which only the dictionary form of HTTP can hold. */
export interface NamedPeer {
  readonly name: string
  readonly port: number
  readonly peerId?: Uint8Array
}

/** The answer to an announce. */
export interface AnnounceResponse {
  /** Seconds until the next regular announce, as sent: not yet clamped. 1800 where the tracker gives none. */
  readonly interval: number
  /** Seconds below which the tracker wants no announce. */
  readonly minInterval?: number
  /** Usable endpoints only; duplicates are possible. */
  readonly peers: readonly TrackerPeer[]
  /** Peers to look up first. Never present in what the client in `net/` hands out. */
  readonly named?: readonly NamedPeer[]
  /** Seeds. */
  readonly complete?: number
  /** Leechers. */
  readonly incomplete?: number
  /** Finished downloads. */
  readonly downloaded?: number
  /** What the tracker warns of, and what of its answer was left out as unreadable. */
  readonly warning?: string
  /** To be sent back in the next announce to this tracker; one char a byte. */
  readonly trackerId?: string
  /** Our own address as the tracker sees it (BEP 24). */
  readonly externalIp?: string
}

/** What a scrape says of one torrent (BEP 48). */
export interface ScrapeEntry {
  /** Seeds. */
  readonly complete: number
  /** Finished downloads. */
  readonly downloaded: number
  /** Leechers, partial seeds among them. */
  readonly incomplete: number
  /** Leechers without partial seeds (BEP 21); HTTP only. */
  readonly downloaders?: number
}

/**
 * An announce or scrape that failed. Codes: `tracker/failure` (the tracker says no), `tracker/malformed`,
 * `tracker/too-large`, `tracker/http-status`, `tracker/bad-redirect`,
 * `tracker/unreachable`, `tracker/timeout`, `tracker/refused-address`, `tracker/scrape-unsupported`,
 * `tracker/unsupported-scheme`, `tracker/invalid-url`, `tracker/too-many-requests`, `tracker/closed`.
 */
export class TrackerError extends RarestError {
  /** ms after which the tracker allows another try (BEP 31), Infinity for never; undefined when it did not say. */
  readonly retryIn: number | undefined

  constructor(code: ErrorCode, message: string, options: { retryIn?: number; cause?: unknown } = {}) {
    super(code, message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TrackerError'
    this.retryIn = options.retryIn
  }
}

/** The outcome of decoding what a tracker sent. */
export type TrackerResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: TrackerError }

/** Most peers taken from one answer: above what any list of known peers keeps (3,000 in libtorrent). */
export const MAX_PEERS = 3_000

/** The 20 bytes that trackers know a torrent by. Throws RangeError for another length than 20 or 32. */
export function trackerHash(infoHash: Uint8Array): Uint8Array {
  if (infoHash.length === 20) return infoHash
  if (infoHash.length === 32) return infoHash.subarray(0, 20)
  throw new RangeError(`infoHash must have 20 or 32 bytes, got ${infoHash.length}`)
}
