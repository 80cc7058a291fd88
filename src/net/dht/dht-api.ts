/**
 * The DHT as users see it: `Session.dht`, or a node of its own by `openDht`. What runs behind it is in `dht.ts`.
 * @module
 */

import type { Encodable } from '../../bencode/value.js'
import type { Item, MutableItem } from '../../dht/items.js'
import type { InfoHash } from '../../metainfo/infohash.js'
import type { Address } from '../../util/address.js'
import type { PutMutableOptions, SaltOptions } from './items.js'
import type { DhtLookup } from './lookup-stream.js'
import type {
  DhtCallOptions,
  DhtNodeStats,
  DhtPutOptions,
  DhtSample,
  FoundItem,
  StoredItem,
} from './options.js'

/** A place in the DHT: 40 hex digits in any case, or 20 bytes. */
export type DhtKey = string | Uint8Array | ArrayBuffer

/** Which peers to look for. */
export interface DhtPeersOptions extends DhtCallOptions {
  /** Rather peers that are no seeds (BEP 33). */
  readonly noSeeds?: boolean
  /** Family of the peers, and of the nodes that are asked. Default both. */
  readonly family?: 4 | 6
}

/** What to tell of us. */
export interface DhtAnnounceOptions extends DhtCallOptions {
  /** 1 .. 65535. */
  readonly port: number
  /** Nodes shall take the port that our datagrams come from, as a NAT has changed it. Default false. */
  readonly impliedPort?: boolean
  /** We have everything, and rather look for peers that have not (BEP 33). Default false. */
  readonly seed?: boolean
}

/** How to follow a key. */
export interface DhtUpdatesOptions extends SaltOptions {
  /** ms between two looks. Default 900,000: items live for two hours, and each look is 40 datagrams. */
  readonly interval?: number
  /** Number of an older item that is known: only newer ones are given. */
  readonly after?: bigint
}

/** An estimate of a swarm (BEP 33). */
export interface DhtScrape {
  readonly seeds: number
  /** Without the seeds. */
  readonly peers: number
}

/** A node that answered. */
export interface DhtPong {
  /** 40 hex digits. */
  readonly id: string
  readonly address: Address
  /** Round trip, ms. */
  readonly rtt: number
}

/** A mutable item that was found, and whose signature was checked. */
export interface FoundMutableItem extends FoundItem {
  readonly item: MutableItem
}

/**
 * The DHT: a node for each address family, and look-ups over both (BEP 5, 32, 33, 44, 46, 51). Infohashes go in
 * as {@link InfoHash}, and come out as 40 hex digits; one that is none throws TypeError or RangeError, or rejects
 * with it where the call gives a promise. Everything rejects with `dht/closed` when the node closes.
 */
export interface Dht {
  /** The routing tables are filled as well as they will be; rejects when the node is closed first. */
  readonly ready: Promise<void>

  /** The nodes, IPv4 first. */
  readonly stats: readonly DhtNodeStats[]

  /** Items that were put with `keep`, as they are put again; `stored` is 0 when no node took it last time. */
  readonly kept: readonly StoredItem[]

  /** What the next run can begin with: its option `state`. */
  state(): Uint8Array

  /** The peers of a torrent, as nodes tell of them, each once. */
  getPeers(infoHash: InfoHash, options?: DhtPeersOptions): DhtLookup<Address>

  /**
   * Tells the nodes closest to an infohash that we have the torrent, on this port (TCP and uTP); finds its
   * peers on the way. `done` tells how many nodes took it (`stored`).
   */
  announce(infoHash: InfoHash, options: DhtAnnounceOptions): DhtLookup<Address>

  /** How many seeds and other peers the DHT knows of a torrent, estimated (BEP 33); within 10 % up to a few thousand. */
  scrape(infoHash: InfoHash, options?: DhtCallOptions): Promise<DhtScrape>

  /**
   * Infohashes that the nodes on the way to `target` show (BEP 51). Those that showed some before, and said
   * when they will show others, are asked for the way alone until then.
   */
  sample(target: DhtKey, options?: DhtCallOptions): DhtLookup<DhtSample>

  /**
   * Collects infohashes all over the DHT (BEP 51), 40 hex digits each, each once, until the loop is left, the
   * signal aborts, or 16 walks in a row found nothing new. A node that said when it will show others is not
   * asked sooner.
   */
  crawl(options?: DhtCallOptions): AsyncGenerator<string, void, undefined>

  /**
   * Asks a node, `host:port`, whether it is there. Rejects with `dht/no-answer`, or the code of a name that
   * is not found.
   */
  ping(node: string, options?: DhtCallOptions): Promise<DhtPong>

  /** Makes a node known, `host:port`; it is kept when it answers. Names that are not found are ignored. */
  addNode(node: string): void

  /** The immutable item of a target (BEP 44), or undefined when no node has it. */
  get(target: DhtKey, options?: DhtCallOptions): Promise<FoundItem | undefined>

  /** The newest item of an Ed25519 key (32 bytes) and salt (BEP 44), or undefined when no node has one. */
  getMutable(publicKey: Uint8Array, options?: SaltOptions): Promise<FoundMutableItem | undefined>

  /** Stores a value of at most 1,000 bytes bencoded under its hash. Rejects with `dht/not-stored`. */
  put(value: Encodable, options?: DhtPutOptions): Promise<StoredItem>

  /** Signs a value and stores it under the key. Rejects with `dht/not-stored`, for instance when another was faster. */
  putMutable(value: Encodable, options: PutMutableOptions): Promise<StoredItem>

  /** Stores an item that was found or made before once more: it lives for two hours after the last put. */
  putItem(item: Item, options?: DhtPutOptions): Promise<StoredItem>

  /** Lets an item that was put with `keep` expire; false when there is none of this target. */
  release(target: DhtKey): boolean

  /**
   * The newest item of a key, and each newer one as it appears. Torrents that follow a key do so by this
   * (BEP 46): `torrentOf(item.value)` is their infohash.
   */
  updates(
    publicKey: Uint8Array,
    options?: DhtUpdatesOptions,
  ): AsyncGenerator<FoundMutableItem, never, undefined>
}
