/**
 * What a DHT node is given and what it tells: options, events, statistics, saved state.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Random } from '../util/random.js'
import type { Item, Signatures } from './items.js'
import type { NodeInfo } from './krpc/krpc.js'
import type { RateLimits } from './rate-limiter.js'

export interface DhtNodeOptions {
  readonly random: Random
  /** Monotonic ms of the construction. */
  readonly now: number
  /** A node speaks one family; two of them make a dual-stack host (BEP 32). */
  readonly family: 4 | 6
  /** 20 bytes. Default: derived from `externalIp`, else random. */
  readonly id?: Uint8Array
  /** Nodes of an earlier run: they are pinged, and count as soon as they answer. */
  readonly nodes?: readonly NodeInfo[]
  /** Our address, where the user knows it; otherwise other nodes tell (BEP 42). */
  readonly externalIp?: string
  /** BEP 43: ask, but answer no queries. Default false. */
  readonly readOnly?: boolean
  /** Ed25519. Without it no mutable item is stored, read or written. */
  readonly signatures?: Signatures
  /** Limits on what is answered; `false` for none at all (simulations). Default those of rate-limiter.ts. */
  readonly rateLimits?: Partial<RateLimits> | false
  /** Caps of the stores; defaults in peer-store.ts and item-store.ts. */
  readonly maxInfoHashes?: number
  readonly maxPeersPerInfoHash?: number
  readonly maxItems?: number
  /** `v` of our messages, 4 bytes. Default none. */
  readonly version?: Uint8Array
  /** Widths of the buckets from the far end on; the last counts for all further. Default 128, 64, 32, 16, 8 (libtorrent). */
  readonly bucketSizes?: readonly number[]
}

/** Names a look-up (or ping) of one node in its events, and in `abort`. */
export type LookupId = number

export interface GetPeersOptions {
  /** After the look-up, tell the closest nodes that we have the torrent. */
  readonly announce?: {
    /** TCP and uTP port, 1 .. 65535. */
    readonly port: number
    /** Let nodes take the UDP source port instead: right behind a NAT when both are the same. Default false. */
    readonly impliedPort?: boolean
    /** BEP 33: we have everything. Default false. */
    readonly seed?: boolean
  }
  /** BEP 33: rather peers that are no seeds. */
  readonly noSeed?: boolean
  /** BEP 33: ask for bloom filters: `scrape` events. */
  readonly scrape?: boolean
}

export interface GetOptions {
  /** Of a mutable item. */
  readonly salt?: Uint8Array
  /** Only an item with a higher number is of interest. */
  readonly seq?: bigint
}

export interface PutOptions {
  /** Replace only this number (BEP 44); never sent to a node that holds nothing. */
  readonly cas?: bigint
}

/** A finished look-up in numbers. */
export interface LookupStats {
  readonly queries: number
  readonly responded: number
  readonly timedOut: number
  /** The longest chain of nodes each of which was told by the one before. */
  readonly rounds: number
  /** Nodes that accepted the announce or put. */
  readonly stored: number
  /** ms from the call to the end. */
  readonly duration: number
}

export type DhtEvent =
  /** Peers that one node told, some maybe told before. */
  | {
      readonly type: 'peers'
      readonly lookup: LookupId
      readonly from: NodeInfo
      readonly peers: readonly Address[]
    }
  /** Bloom filters (256 bytes) of the swarm as one node knows it. */
  | {
      readonly type: 'scrape'
      readonly lookup: LookupId
      readonly from: NodeInfo
      readonly seeds: Uint8Array
      readonly peers: Uint8Array
    }
  /** An authentic item; of a mutable one a later event has a higher `seq`. */
  | { readonly type: 'item'; readonly lookup: LookupId; readonly from: NodeInfo; readonly item: Item }
  /** BEP 51. */
  | {
      readonly type: 'samples'
      readonly lookup: LookupId
      readonly from: NodeInfo
      readonly samples: readonly Uint8Array[]
      readonly num: number
      /** s before the node shows others. */
      readonly interval: number
    }
  /** The answer to a ping; `done` follows. */
  | { readonly type: 'pong'; readonly lookup: LookupId; readonly from: NodeInfo; readonly rtt: number }
  /** The end of every look-up and ping, also of an aborted one. `closest`: nodes that answered, nearest first. */
  | {
      readonly type: 'done'
      readonly lookup: LookupId
      readonly reason: 'complete' | 'aborted'
      readonly stats: LookupStats
      readonly closest: readonly NodeInfo[]
      /** The first refusal of an announce or put, when no node accepted it. */
      readonly refusal: { readonly code: number; readonly message: string } | undefined
    }
  /** The first look-up of our own id is done (or two of them, when no node answers): look-ups work as they will. */
  | { readonly type: 'ready' }
  /** Others agree on our address; `id` is the one that was made for it (BEP 42). */
  | { readonly type: 'external-address'; readonly address: string; readonly id: Uint8Array }

export interface DhtStats {
  /** In the routing table: those that answered lately, and all. */
  readonly goodNodes: number
  readonly nodes: number
  readonly lookups: number
  readonly queriesIn: number
  readonly queriesOut: number
  readonly repliesIn: number
  readonly repliesOut: number
  readonly errorsIn: number
  readonly timeouts: number
  /** Datagrams that were no message, answered nothing that was asked, or came from a flood. */
  readonly dropped: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly infoHashes: number
  readonly peers: number
  readonly items: number
}

/** What a restart needs: hand it to the next node's options. */
export interface DhtState {
  readonly id: Uint8Array
  readonly nodes: readonly NodeInfo[]
}

export interface Datagram {
  readonly bytes: Uint8Array
  readonly to: Address
}
