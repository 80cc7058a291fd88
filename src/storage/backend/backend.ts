/**
 * The interface between a torrent's verified pieces and where their bytes live. Implement it to keep
 * torrents in a database, a cloud bucket or an archive; `conformance.ts` tests an implementation.
 * @module
 */

/** A file as a backend sees it. Pads and symlinks never reach a backend. */
export interface StorageFile {
  /** Safe path elements below the backend's root, at least one. */
  readonly path: readonly string[]
  /**
   * Where another client may have put the file, for names that we changed to suit every platform: to be used
   * in place of `path` only if a file of exactly that spelling is there and none at `path`. Unsafe elements
   * are possible. A backend without foreign data ignores it.
   */
  readonly originalPath?: readonly string[] | undefined
  /** Bytes. */
  readonly length: number
}

/** A file of the torrent, as its storage needs to know it. */
export interface StoreFile {
  /** Safe path elements below the backend's root; unused for pads. */
  readonly path: readonly string[]
  /** The path before names were changed to suit every platform; see {@link StorageFile}. */
  readonly originalPath?: readonly string[] | undefined
  /** Bytes. */
  readonly length: number
  readonly pad: boolean
  /** True for a symbolic link (BEP 47): it has no bytes and is not created. */
  readonly symlink?: boolean
}

/** What exists for one file before a check. */
export interface FileStatus {
  /** Bytes there now, or -1 when the file does not exist. */
  readonly length: number
  /** Last change in ms since 1970, where the backend knows it. */
  readonly modified?: number
}

/**
 * Random access to the files of one torrent. All methods reject with an Error whose `code` is the
 * system's (`ENOSPC`, `EACCES`, `ENOENT`, ...). Calls on different ranges may run at the same time; the
 * caller never overlaps a write with another access to the same range.
 */
export interface StorageBackend {
  /** Learns the files, once, before any other call. Creates nothing. */
  open(files: readonly StorageFile[]): Promise<void>
  /**
   * Reads exactly `into.length` bytes from `offset`, or resolves to fewer only at the end of the file.
   * A file that does not exist gives 0.
   */
  read(file: number, offset: number, into: Uint8Array): Promise<number>
  /** Writes all chunks, one after another from `offset`; creates the file and its directories on demand. */
  write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void>
  /** Existing length and time of a file. Never rejects for a missing file. */
  status(file: number): Promise<FileStatus>
  /** Makes an empty file, with its directories, unless something is there; called for zero-length files. */
  create(file: number): Promise<void>
  /** Deletes one file if it exists: a part file that is no longer needed. */
  remove(file: number): Promise<void>
  /** Makes written data durable enough to survive the process: resolves when all earlier writes are with the system. */
  flush(): Promise<void>
  /** Deletes the torrent's files and the directories that are empty after that. */
  destroy(): Promise<void>
  /**
   * The absolute path under which other programs can open a file, made or not, once `open` resolved. Only of a
   * backend whose files are files.
   */
  location?(file: number): string | undefined
  /** Releases every handle. Idempotent; nothing else is called after it. */
  close(): Promise<void>
}
