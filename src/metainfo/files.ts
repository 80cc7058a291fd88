/**
 * The file list of a v1 torrent (BEP 3, 47).
 * @module
 */

import type { Cursor, LazyDict } from '../bencode/cursor.js'
import { asText } from '../bencode/index.js'
import { dedupeFilePaths } from './dedupe-paths.js'
import { Properties, readLength, readSha1, readTarget, refuse, safePath } from './file-entry.js'
import type { MetainfoFile } from './model.js'
import { quoteName } from './paths.js'
import { PlainNames } from './plain-names.js'

/** The one file of a torrent without `files`. */
export function readSingleFile(
  info: LazyDict,
  naming: {
    readonly name: string
    readonly originalName: string | undefined
    readonly nameBytes: Uint8Array
  },
): MetainfoFile {
  if (!info.has('length')) throw refuse('metainfo/missing-length', 'info must hold length or files')
  const attr = asText(info.get('attr')) ?? ''
  return {
    path: [naming.name],
    originalPath: naming.originalName === undefined ? undefined : [naming.originalName],
    rawPath: [naming.nameBytes],
    length: readLength(info.get('length'), 'info.length'),
    offset: 0,
    pad: false,
    executable: attr.includes('x'),
    hidden: attr.includes('h'),
    symlink: undefined,
    sha1: readSha1(info.get('sha1')),
    md5sum: asText(info.get('md5sum')),
    piecesRoot: undefined,
  }
}

/**
 * The entries of `info.files`, in order, with safe paths that all differ. `cursor` stands before the list. A
 * symlink takes no room whatever length it claims, as in libtorrent.
 */
export function readFiles(cursor: Cursor, maxFiles: number, pieceLength: number): MetainfoFile[] {
  if (!cursor.isList()) throw refuse('metainfo/bad-files', 'info.files must be a list')
  const count = countEntries(cursor, maxFiles)
  if (count > maxFiles)
    throw refuse('metainfo/too-many-files', `info.files holds ${count}, the limit is ${maxFiles}`)
  const entry = new Properties(cursor)
  const names = new PlainNames()
  const files: MetainfoFile[] = []
  const elements: (readonly Uint8Array[])[] = []
  let pads = 0
  /** Bytes of pads since the last byte of a file. */
  let gap = 0
  let offset = 0
  cursor.enter()
  for (let i = 0; cursor.more(); i++) {
    if (!entry.next()) throw refuse('metainfo/bad-files', `info.files[${i}] must be a dictionary`)
    const attr = entry.attr()
    const rawPath = entry.path()
    const pad = attr.includes('p') || isBitCometPad(rawPath)
    const target =
      attr.includes('l') && !pad
        ? readTarget(entry.symlinkPath(), `info.files[${i}].symlink path`)
        : undefined
    const given = target === undefined ? entry.length() : 0
    const length =
      typeof given === 'number' && given >= 0 ? given : readLength(given, `info.files[${i}].length`)
    const chosen = pad ? rawPath : (named(entry.pathUtf8()) ?? rawPath)
    const { path, original } = pad
      ? { path: ['.pad', String(length)], original: undefined }
      : safePath(names, chosen, () => `info.files[${i}].path`)
    if (pad) pads++
    if (length > 0) gap = pad ? gap + length : 0
    if (gap >= pieceLength)
      throw refuse('metainfo/pad-too-long', `the pads up to info.files[${i}] are no shorter than a piece`)
    elements.push(chosen ?? [])
    files.push({
      path,
      originalPath: original,
      rawPath: rawPath ?? [],
      length,
      offset,
      pad,
      executable: attr.includes('x'),
      hidden: attr.includes('h'),
      symlink: target,
      sha1: entry.sha1(),
      md5sum: entry.md5sum(),
      piecesRoot: undefined,
    })
    offset += length
    if (offset > Number.MAX_SAFE_INTEGER)
      throw refuse('metainfo/size-overflow', `the lengths up to info.files[${i}] sum to more than 2^53 - 1`)
  }
  if (files.length === 0) throw refuse('metainfo/no-files', 'info.files is empty')
  if (pads === files.length) throw refuse('metainfo/no-files', 'info.files holds nothing but pads')
  const clash = dedupeFilePaths(names, files, elements)
  if (clash !== undefined)
    throw refuse(
      'metainfo/path-clash',
      `info.files[${clash}].path ${quoteName(files[clash]?.path.join('/') ?? '')} is taken by another file`,
    )
  return files
}

/** The path, when it names anything: some makers write `path.utf-8` and leave it empty. */
function named(path: readonly Uint8Array[] | undefined): readonly Uint8Array[] | undefined {
  return path?.some((element) => element.length > 0) ? path : undefined
}

/** Pads as BitComet has always written them, without `attr`; libtorrent knows them by their name, too. */
function isBitCometPad(path: readonly Uint8Array[] | undefined): boolean {
  const name = path?.[path.length - 1]
  if (name === undefined || name.length <= BITCOMET_PAD.length) return false
  for (let i = 0; i < BITCOMET_PAD.length; i++) if (name[i] !== BITCOMET_PAD.charCodeAt(i)) return false
  return true
}

const BITCOMET_PAD = '_____padding_file_'

/** Counts before anything is made of them, where there may be too many: an entry has at least two bytes. */
function countEntries(cursor: Cursor, most: number): number {
  if (cursor.bytes.length <= 2 * most) return 0
  const start = cursor.at
  let count = 0
  cursor.enter()
  for (; cursor.more(); count++) cursor.skip()
  cursor.at = start
  return count
}
