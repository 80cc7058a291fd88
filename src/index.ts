/**
 * rarest: BitTorrent in pure TypeScript.
 * @module
 */

export type { SeedChoking } from './choker/choker.js'
export type { Metainfo, MetainfoFile } from './metainfo/model.js'
export { parseMetainfo } from './metainfo/parse.js'
export type { Encryption, EncryptionOptions, EncryptionPolicy } from './net/peer/encryption.js'
export { type PeerProbe, type ProbeOptions, probePeer } from './net/peer/probe.js'
export { systemWorld } from './net/system/world.js'
export type {
  BindOptions,
  ByteSource,
  ByteStream,
  ConnectOptions,
  DatagramSocket,
  Gateway,
  HttpHop,
  HttpLimits,
  HttpRequest,
  HttpResponder,
  HttpResponse,
  HttpServerLimits,
  HttpServerOptions,
  HttpServerRequest,
  HttpServerResponse,
  InterfaceAddress,
  ListenOptions,
  MulticastOptions,
  NetworkInterface,
  StreamListener,
  StreamServer,
  Subscription,
  Timer,
  Transport,
  World,
} from './net/world.js'
export { wrapWorld } from './net/wrap-world.js'
export type { AddOptions, UpdateOptions } from './session/add-options.js'
export { DEFAULTS, type SessionOptions, type StorageTarget, VERSION } from './session/options.js'
export { Session, type SessionEvents } from './session.js'
export type { FileStatus, StorageBackend, StorageFile } from './storage/backend/backend.js'
export { type CreateTorrentOptions, createTorrent } from './storage/create.js'
export type {
  PeerSnapshot,
  RecheckResult,
  SessionStats,
  TorrentEvents,
  TorrentState,
  TorrentStats,
  TorrentUpdate,
  TrackerAnswer,
  TrackerFailure,
  TrackerReport,
  UdpStats,
  Warning,
} from './torrent/events.js'
export type { StreamOptions, TorrentFile } from './torrent/files/file-api.js'
export type { Ban } from './torrent/peers/bans.js'
export type { PeerSource } from './torrent/peers/peer-list.js'
export type { Torrent, TorrentOptions } from './torrent/torrent-api.js'
export type { SuperseedMode } from './torrent/upload/superseed.js'
export { type ErrorCode, ProtocolError, RarestError } from './util/errors.js'
