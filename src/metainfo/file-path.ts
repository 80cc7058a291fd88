/**
 * Where the files of a torrent belong below the download directory.
 * @module
 */

import type { Metainfo, MetainfoFile } from './model.js'

/** Safe path elements, and those that the torrent spells where they differ. */
export interface FilePath {
  readonly path: readonly string[]
  readonly originalPath: readonly string[] | undefined
}

/** The place of one of the torrent's files: below the torrent's folder, or alone. */
export function filePathOf(metainfo: Metainfo, file: MetainfoFile): FilePath {
  const { path, originalPath } = file
  if (!metainfo.multiFile) return { path, originalPath }
  const { name, originalName } = metainfo
  const differs = originalPath !== undefined || originalName !== undefined
  return {
    path: [name, ...path],
    originalPath: differs ? [originalName ?? name, ...(originalPath ?? path)] : undefined,
  }
}
