/**
 * `rarest/dht`: a running DHT node, and the sans-IO core to run on a transport of your own (BEP 5, 32, 33, 42,
 * 43, 44, 46, 51). The codecs alone, for browsers too: `rarest/dht/krpc`.
 * @module
 */

export type { BencodeDict, BencodeValue, Encodable } from '../bencode/value.js'
export { DhtNode } from '../dht/node.js'
export type {
  Datagram,
  DhtEvent,
  DhtNodeOptions,
  DhtState,
  DhtStats,
  GetOptions,
  GetPeersOptions,
  LookupId,
  LookupStats,
  PutOptions,
} from '../dht/node-types.js'
export { RATE_LIMITS, type RateLimits } from '../dht/rate-limiter.js'
export { ed25519 } from '../hash/ed25519.js'
export { BOOTSTRAP_ROUTERS } from '../net/dht/bootstrap.js'
export type {
  Dht,
  DhtAnnounceOptions,
  DhtKey,
  DhtPeersOptions,
  DhtPong,
  DhtScrape,
  DhtUpdatesOptions,
  FoundMutableItem,
} from '../net/dht/dht-api.js'
export type { PutMutableOptions, SaltOptions } from '../net/dht/items.js'
export type { DhtLookup } from '../net/dht/lookup-stream.js'
export { type OpenDht, type OpenDhtOptions, openDht } from '../net/dht/open.js'
export type {
  DhtCallOptions,
  DhtNodeStats,
  DhtOptions,
  DhtPutOptions,
  DhtSample,
  FoundItem,
  StoredItem,
} from '../net/dht/options.js'
export type * from '../net/world.js'
export type { Random } from '../util/random.js'
export * from './dht/krpc.js'
