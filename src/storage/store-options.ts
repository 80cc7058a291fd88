/**
 * What a store is made from, and what it tells.
 * @module
 */

import type { Layout } from '../metainfo/layout.js'
import type { StorageBackend, StoreFile } from './backend/backend.js'
import type { StorageError } from './backend/error.js'
import type { Verifier } from './verifier.js'

export interface StoreEvents {
  /** The piece is written: it may be announced and served. */
  verified(piece: number): void
  /** `recheck` found a piece that was verified and is no longer right on the disk: it is to be served no more. */
  lost?(piece: number): void
  /** `recheck` found a piece on the disk that was not verified; what had arrived of it is forgotten. By default `verified` is called. */
  found?(piece: number): void
  /** The piece arrived whole and its hash is wrong: its memory is free again and all its blocks are wanted anew. */
  failed(piece: number): void
  /**
   * The piece arrived whole and its hash is wrong, and hashes of its blocks would tell which are right (v2):
   * it stays as it is until `store.reopen` or `store.discard`. Without this such a piece fails at once.
   */
  doubtful?(piece: number): void
  /**
   * A file cannot be read or written. `place` refuses until `store.retry`, and after a failed write
   * nothing is written till then either; what was verified stays in memory. Called once for each failure.
   */
  error(error: StorageError): void
  /** `store.congested` went false. */
  drained(): void
}

export interface StoreOptions {
  readonly layout: Layout
  /** In torrent order, as in the layout. */
  readonly files: readonly StoreFile[]
  readonly backend: StorageBackend
  /** v1 and hybrids: one SHA-1 of 20 bytes for each piece. */
  readonly pieces: Uint8Array
  /** How pieces are verified instead of by `pieces`. */
  readonly verifier?: Verifier
  /** Calls once at the end of this turn of the event loop (`world.defer`). */
  defer(call: () => void): void
  /**
   * Bytes of memory for open pieces. Default 64 MiB: a piece of 1 MiB for each of the usual 50 peers with
   * room to spare, and still a transfer under 100 MiB with 24 MiB of reading ahead.
   */
  readonly budget?: number
  /** Bytes of memory for reading ahead. Default 24 MiB: windows of 1 MiB for 12 peers that upload at once, smaller ones for more. */
  readonly readBudget?: number
  readonly on: StoreEvents
}
