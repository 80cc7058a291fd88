/**
 * What the DHT of a session or a program can be told, and what it tells.
 * @module
 */

import type { BencodeValue } from '../../bencode/value.js'
import type { Item } from '../../dht/items.js'
import type { DhtStats, LookupStats } from '../../dht/node-types.js'
import type { RateLimits } from '../../dht/rate-limiter.js'
import { type Address, parseAddress, parseEndpoint } from '../../util/address.js'
import {
  bag,
  boolean,
  bytes,
  checkOptions,
  integer,
  type Kind,
  type Kinds,
  listOf,
  number,
  orElse,
  outOfRange,
  text,
  wrongType,
} from '../../util/options.js'

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
  /** Infohashes that others may announce on us; 0: none is kept. Default 2,000 (libtorrent). */
  readonly maxInfoHashes?: number
  /** Peers of each of them; 0: none is kept. Default 500 (libtorrent). */
  readonly maxPeersPerInfoHash?: number
  /** Items that others may put on us; 0: none is kept. Default 700 (libtorrent). */
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

const LIMITS: Kinds<RateLimits> = {
  queriesPerWindow: number(1),
  queriesPerSecond: number(1),
  bytesPerAddress: number(1),
  bytesPerSecond: number(1),
}

const endpoint: Kind<string> = {
  type: 'string',
  words: '`host:port`',
  check: (value, name) => {
    const router = text.check(value, name)
    try {
      parseEndpoint(router)
    } catch {
      throw outOfRange(name, 'host:port', router)
    }
    return router
  },
}

const ip: Kind<string> = {
  type: 'string',
  words: 'IPv4 or IPv6 address',
  check: (value, name) => {
    const host = text.check(value, name)
    if (!parseAddress(host, 1)) throw outOfRange(name, 'an IPv4 or IPv6 address', host)
    return host
  },
}

/** What each of {@link DhtOptions} may be. */
export const DHT_OPTIONS: Kinds<DhtOptions> = {
  bootstrap: listOf(endpoint),
  readOnly: boolean,
  state: bytes,
  externalIp: ip,
  rateLimits: orElse(bag(LIMITS), false),
  maxInfoHashes: integer(0, 1_000_000),
  maxPeersPerInfoHash: integer(0, 100_000),
  maxItems: integer(0, 1_000_000),
}

/** The option `dht` of a session: on, off, or on with options. */
export const dhtKind: Kind<DhtOptions | false> = {
  type: 'boolean | DhtOptions',
  words: 'true, false, or options of the node',
  check: (value, name) => {
    if (typeof value === 'boolean') return value ? ON : false
    if (typeof value !== 'object' || value === null) throw wrongType(name, 'a boolean or an object', value)
    checkOptions(value, DHT_OPTIONS, name)
    return Object.freeze({ ...value })
  },
}

const ON: DhtOptions = Object.freeze({})
