/**
 * rarest: BitTorrent in pure TypeScript.
 * @module
 */

export type { Metainfo, MetainfoFile } from './metainfo/model.js'
export { parseMetainfo } from './metainfo/parse.js'
export type { Encryption, EncryptionOptions, EncryptionPolicy } from './net/encryption.js'
export type { Transport, World } from './net/world.js'
export { DEFAULTS, type SessionOptions, type StorageTarget, VERSION } from './options.js'
export { type AddOptions, Session, type SessionEvents } from './session.js'
export type { UpdateOptions } from './session-updates.js'
export type { FileStatus, StorageBackend, StorageFile } from './storage/backend.js'
export { type CreateTorrentOptions, createTorrent } from './storage/create.js'
export type { Ban } from './torrent/bans.js'
export type { SeedChoking } from './torrent/choker.js'
export type {
  PeerSnapshot,
  RecheckResult,
  SessionStats,
  TorrentEvents,
  TorrentState,
  TorrentStats,
  TorrentUpdate,
  UdpStats,
  Warning,
} from './torrent/events.js'
export type { StreamOptions, TorrentFile } from './torrent/file.js'
export type { PeerSource } from './torrent/peer-list.js'
export { type PeerProbe, type ProbeOptions, probePeer } from './torrent/probe.js'
export type { SuperseedMode } from './torrent/superseed.js'
export type { Torrent, TorrentOptions } from './torrent/torrent.js'
export { ProtocolError, RarestError } from './util/errors.js'
