/**
 * rarest: BitTorrent in pure TypeScript.
 * @module
 */

export type { BencodeDict, BencodeValue, Encodable } from './bencode/value.js'
export type { SeedChoking } from './choker/choker.js'
export type { ImmutableItem, Item, MutableItem } from './dht/items.js'
export type { DhtStats, LookupStats } from './dht/node-types.js'
export type { RateLimits } from './dht/rate-limiter.js'
export type { TorrentFields, TrackerTiers } from './metainfo/create.js'
export type { CreateProgress } from './metainfo/hash-files.js'
export type { InfoHash } from './metainfo/infohash.js'
export type { Block, FileSlice, Layout, LayoutFile, LayoutOptions, Range } from './metainfo/layout.js'
export type {
  Metainfo,
  MetainfoFile,
  MetainfoLimits,
  ParseOptions,
  PieceLayersMode,
} from './metainfo/model.js'
export { parseMetainfo } from './metainfo/parse.js'
export type * from './net/dht/dht-api.js'
export type { PutMutableOptions, SaltOptions } from './net/dht/items.js'
export type { DhtLookup } from './net/dht/lookup-stream.js'
export type {
  DhtCallOptions,
  DhtNodeStats,
  DhtOptions,
  DhtPutOptions,
  DhtSample,
  FoundItem,
  StoredItem,
} from './net/dht/options.js'
export type { Encryption, EncryptionOptions, EncryptionPolicy } from './net/peer/encryption.js'
export { type PeerProbe, type ProbeOptions, probePeer } from './net/peer/probe.js'
export { systemWorld } from './net/system/world.js'
export type * from './net/world.js'
export { wrapWorld } from './net/wrap-world.js'
export type { AddOptions, UpdateOptions } from './session/add-options.js'
export { DEFAULT_SETTINGS } from './session/settings.js'
export type {
  ClientOptions,
  DiscoveryOptions,
  LimitOptions,
  SessionOptions,
  Settings,
  SettingsChange,
  StorageFactory,
  StorageOptions,
  StorageTarget,
  TransportOptions,
} from './session/settings-types.js'
export { VERSION } from './session/version.js'
export { Session, type SessionEvents } from './session.js'
export type { FileStatus, StorageBackend, StorageFile } from './storage/backend/backend.js'
export { type CreateTorrentOptions, createTorrent, type PathFilter } from './storage/create.js'
export type {
  PeerSnapshot,
  RecheckResult,
  SessionStats,
  TorrentEvents,
  TorrentState,
  TorrentStats,
  TorrentUpdate,
  TrackerAnnounce,
  TrackerAnswer,
  TrackerFailure,
  TrackerReport,
  UdpStats,
  Warning,
} from './torrent/events.js'
export type { StreamOptions, TorrentFile } from './torrent/files/file-api.js'
export type { Ban, BanOptions } from './torrent/peers/bans.js'
export type { PeerSource } from './torrent/peers/peer-list.js'
export type { Torrent, TorrentOptions } from './torrent/torrent-api.js'
export type { SuperseedMode } from './torrent/upload/superseed.js'
export type { TrackerSnapshot } from './tracker/announcer.js'
export type { AnnounceEvent } from './tracker/types.js'
export type { Address } from './util/address.js'
export type * from './util/error-codes.js'
export { ProtocolError, RarestError } from './util/errors.js'
export type { Random } from './util/random.js'
export type { Support } from './wire/handshake.js'
export type { CryptoMethod } from './wire/mse/mse.js'
export type { ExtensionHandshake } from './wire/peer.js'
