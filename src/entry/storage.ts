/**
 * `rarest/storage`: where the bytes of torrents live. The interface of a backend, the file and memory
 * backends, the suite that tests one of your own, the store that assembles, verifies and reads back pieces, and
 * torrents made from files.
 * @module
 */

export type { FileStatus, StorageBackend, StorageFile } from '../storage/backend/backend.js'
export { type ConformanceCase, type MakeBackend, storageConformance } from '../storage/backend/conformance.js'
export { StorageError, type StorageErrorCode } from '../storage/backend/error.js'
export { FileStorage, type FileStorageOptions } from '../storage/backend/file.js'
export { MemoryStorage } from '../storage/backend/memory.js'
export { type CreateTorrentOptions, createTorrent } from '../storage/create.js'
export {
  type CheckOptions,
  type Reader,
  Store,
  type StoreEvents,
  type StoreFile,
  type StoreOptions,
} from '../storage/store.js'
export type { PieceHash, Verifier } from '../storage/verifier.js'
