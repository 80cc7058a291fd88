/**
 * What the DHT of a session or a program can be told, and what it tells.
 * @module
 */

import type { BencodeValue } from '../../bencode/value.js'
import type { Item } from '../../dht/items.js'
import type { DhtStats, LookupStats } from '../../dht/node-types.js'
import type { RateLimits } from '../../dht/rate-limiter.js'
import { type Address, parseEndpoint } from '../../util/address.js'
import type { World } from '../world.js'

/** Options of a {@link Dht}. */
export interface DhtOptions {
  /** Nodes to begin with, `host:port`. Default: the well-known routers. Empty: those of `state` and of peers. */
  readonly bootstrap?: readonly string[]
  /** Ask, but answer nobody (BEP 43): for hosts that cannot be reached, or pay for traffic. Default false. */
  readonly readOnly?: boolean
  /** What {@link Dht.state} gave in an earlier run: ids and nodes. */
  readonly state?: Uint8Array
  /** Our public IPv4 or IPv6 address, where it is known; otherwise other nodes tell it. */
  readonly externalIp?: string
  /** Limits on what is answered, `false` for none. Defaults in {@link RateLimits}. */
  readonly rateLimits?: Partial<RateLimits> | false
  /** Infohashes that others may announce on us. Default 2,000 (libtorrent). */
  readonly maxInfoHashes?: number
  /** Peers of each of them. Default 500 (libtorrent). */
  readonly maxPeersPerInfoHash?: number
  /** Items that others may put on us. Default 700 (libtorrent). */
  readonly maxItems?: number
}

/** The last argument of every asynchronous method. */
export interface DhtCallOptions {
  /** Ends it: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal
  /** Called about four times a second while nodes are asked, and when they were: what was counted so far. */
  readonly progress?: (stats: LookupStats) => void
}

/** Options of everything that stores an item. */
export interface DhtPutOptions extends DhtCallOptions {
  /**
   * Put it again every hour, since nodes forget items after two (BEP 44): until {@link Dht.release} or the
   * signal ends it, or the DHT is closed. A newer version of a mutable item that another has put is kept
   * instead. Default false.
   */
  readonly keep?: boolean
}

/** An item that was found, and checked. */
export interface FoundItem {
  /** Decoded. */
  readonly value: BencodeValue
  /** As stored: what `putItem` takes to keep it alive. */
  readonly item: Item
  /** 20 bytes. */
  readonly target: Uint8Array
}

/** An item that was put. */
export interface StoredItem {
  readonly item: Item
  /** Where others find it, 20 bytes. */
  readonly target: Uint8Array
  /** Nodes that stored it. */
  readonly stored: number
}

/** What a node told of what it stores (BEP 51). */
export interface DhtSample {
  readonly from: Address
  /** 40 hex digits each. */
  readonly infoHashes: readonly string[]
  /** Infohashes that it stores in all. */
  readonly num: number
  /** Seconds before it shows others. */
  readonly interval: number
}

/** One node of ours in numbers. */
export interface DhtNodeStats extends DhtStats {
  readonly family: 4 | 6
  /** 40 hex digits. */
  readonly id: string
  /** Our IP as others see it, when enough of them agree. */
  readonly externalAddress: string | undefined
}

/**
 * The options of a session's DHT, undefined when it has none; see `SessionOptions.dht` for the default. Throws
 * TypeError or RangeError for a wrong one.
 */
export function resolveDht(
  dht: unknown,
  session: { readonly host?: string; readonly world?: World },
): DhtOptions | undefined {
  if (dht === undefined) {
    const isLocal = session.host !== undefined && /^(127\.|::1$|localhost$)/i.test(session.host)
    return session.world || isLocal ? undefined : {}
  }
  if (typeof dht === 'boolean') return dht ? {} : undefined
  if (typeof dht !== 'object' || dht === null)
    throw new TypeError(`dht must be a boolean or an object, got ${dht === null ? 'null' : typeof dht}`)
  checkDht(dht)
  return dht
}

function checkDht({ bootstrap, state }: DhtOptions): void {
  if (state !== undefined && !(state instanceof Uint8Array))
    throw new TypeError(`dht.state must be a Uint8Array, got ${typeof state}`)
  if (bootstrap === undefined) return
  if (!Array.isArray(bootstrap))
    throw new TypeError(`dht.bootstrap must be an array, got ${typeof bootstrap}`)
  for (const router of bootstrap) {
    try {
      parseEndpoint(String(router))
    } catch {
      throw new RangeError(`dht.bootstrap must hold host:port, got ${router}`)
    }
  }
}
