/**
 * One file of a torrent as users see it. What stands behind it is in `file.ts`.
 * @module
 */

/** Which bytes `TorrentFile.stream` gives. */
export interface StreamOptions {
  /** First byte. Default 0. */
  readonly start?: number
  /** Last byte, inclusive as in HTTP ranges. Default the end of the file. */
  readonly end?: number
  readonly signal?: AbortSignal
}

/** One file of a torrent. */
export interface TorrentFile {
  /** Index in the torrent's list of files. */
  readonly index: number
  /** Path below `Torrent.path`, elements joined by `/`: safe on every system, so maybe not as the torrent spells it. */
  readonly path: string
  /**
   * Where the file is on the disk, or will be: the path to open it with. Known from `Torrent.ready` on; undefined
   * for symbolic links, and where the torrent's storage has no files. Bytes that are not verified may be anything.
   */
  readonly absolutePath: string | undefined
  /** Last element of the path. */
  readonly name: string
  /** Bytes. */
  readonly length: number
  /** Offset in the torrent, bytes. */
  readonly offset: number
  /** Bytes that are verified. */
  readonly verified: number
  /** Part that is verified, 0 .. 1. */
  readonly progress: number
  /** 0 = not wanted, 1 .. 7 = wanted, higher first. Default 4. May be set at any time. */
  priority: number

  /**
   * The file's bytes in order, each piece as soon as it is verified; what is missing is fetched with
   * priority, in this range alone, until the stream ends, is returned or aborted. Throws RangeError for a range outside the file; rejects when the torrent closes or fails.
   */
  stream(options?: StreamOptions): AsyncGenerator<Uint8Array, void, undefined>
}
