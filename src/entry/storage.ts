/**
 * `rarest/storage`: where the bytes of torrents live. The interface of a backend, the file and memory
 * backends, the suite that tests one of your own, the store that assembles, verifies and reads back pieces, and
 * torrents made from files.
 * @module
 */

export type { TorrentFields, TrackerTiers } from '../metainfo/create.js'
export type { CreateProgress } from '../metainfo/hash-files.js'
export {
  type Block,
  type FileSlice,
  Layout,
  type LayoutFile,
  type LayoutOptions,
  type Range,
} from '../metainfo/layout.js'
export type { Metainfo, MetainfoFile } from '../metainfo/model.js'
export type { FileStatus, StorageBackend, StorageFile } from '../storage/backend/backend.js'
export { type ConformanceCase, type MakeBackend, storageConformance } from '../storage/backend/conformance.js'
export { StorageError, type StorageErrorCode } from '../storage/backend/error.js'
export { FileStorage, type FileStorageOptions } from '../storage/backend/file.js'
export { MemoryStorage } from '../storage/backend/memory.js'
export { type CreateTorrentOptions, createTorrent, type PathFilter } from '../storage/create.js'
export {
  type CheckOptions,
  type Reader,
  Store,
  type StoreEvents,
  type StoreFile,
  type StoreOptions,
} from '../storage/store.js'
export type { PieceHash, Verifier } from '../storage/verifier.js'
export { Bitfield } from '../util/bitfield.js'
export type * from '../util/error-codes.js'
export { RarestError } from '../util/errors.js'
