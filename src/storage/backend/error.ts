/**
 * What can go wrong between a torrent and its files, as four codes that a user can act on.
 * @module
 */

import { errorCode, errorMessage, RarestError } from '../../util/errors.js'

/**
 * - `storage/disk-full`: no space or no quota left.
 * - `storage/permission`: the system refuses the access, or the path leaves the torrent's folder.
 * - `storage/missing`: a file, or bytes that a verified piece needs, are no longer there.
 * - `storage/changed`: a finished file was altered by another program.
 * - `storage/contradiction`: a piece is right by one half of a hybrid torrent and wrong by the other: no data
 *   can be right (BEP 52).
 * - `storage/io`: anything else; `cause` has the system's error.
 */
export type StorageErrorCode =
  | 'storage/disk-full'
  | 'storage/permission'
  | 'storage/missing'
  | 'storage/changed'
  | 'storage/contradiction'
  | 'storage/io'

/** A failed access to the files of a torrent. */
export class StorageError extends RarestError {
  declare readonly code: StorageErrorCode
  /** The file, as its elements below the torrent's folder joined with `/`. */
  readonly path: string

  constructor(code: StorageErrorCode, path: string, message: string, options?: { cause?: unknown }) {
    super(code, message, options)
    this.name = 'StorageError'
    this.path = path
  }
}

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOSPC: 'storage/disk-full',
  EDQUOT: 'storage/disk-full',
  EACCES: 'storage/permission',
  EPERM: 'storage/permission',
  EROFS: 'storage/permission',
  ELOOP: 'storage/permission',
  ENOENT: 'storage/missing',
  ENOTDIR: 'storage/missing',
}

/** The storage error for whatever a backend rejected with while it worked on the file at `path`. */
export function storageError(cause: unknown, path: string): StorageError {
  if (cause instanceof StorageError) return cause
  const code = CODES[errorCode(cause)] ?? 'storage/io'
  return new StorageError(code, path, `${path}: ${errorMessage(cause)}`, { cause })
}
