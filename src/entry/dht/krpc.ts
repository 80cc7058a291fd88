/**
 * `rarest/dht/krpc`: the messages of the DHT as bytes, node ids, bloom filters and the rules of stored items
 * (BEP 5, 32, 33, 42, 43, 44, 46, 51). Runs in a browser.
 * @module
 */

export { BloomFilter } from '../../dht/bloom.js'
export {
  type ImmutableItem,
  type Item,
  immutableTarget,
  isAuthentic,
  itemTarget,
  type MutableItem,
  mutableTarget,
  type Signatures,
  signedBytes,
} from '../../dht/items.js'
export * from '../../dht/krpc/krpc.js'
export { torrentOf, torrentValue } from '../../dht/mutable-torrent.js'
export type { InfoHash } from '../../metainfo/infohash.js'
export type { Address } from '../../util/address.js'
export type * from '../../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../../util/errors.js'
