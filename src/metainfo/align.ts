/**
 * v2 files on the one run of bytes that storage and picker know: with the pads of a hybrid's v1 half, or
 * with those that a v2 torrent would have there (BEP 47, 52).
 * @module
 */

import type { LazyDict } from '../bencode/cursor.js'
import { equalBytes } from '../util/bytes.js'
import { Properties, readLength, readTarget, refuse } from './file-entry.js'
import type { TreeFile } from './file-tree.js'
import type { MetainfoFile } from './model.js'
import { quoteName } from './paths.js'

/**
 * The files with a pad behind each that ends inside a piece and that data follows. Refuses sizes above 2^53 - 1.
 */
export function padded(files: readonly TreeFile[], pieceLength: number): readonly MetainfoFile[] {
  const list: MetainfoFile[] = []
  let last = files.length - 1
  while (last > 0 && files[last]?.length === 0) last--
  let offset = 0
  for (let i = 0; i < files.length; i++) {
    const file = files[i] as TreeFile
    file.offset = offset
    list.push(file)
    offset += file.length
    const gap = i < last ? gapAfter(offset, pieceLength) : 0
    if (gap > 0) list.push(padOf(gap, offset))
    offset += gap
    if (offset > Number.MAX_SAFE_INTEGER)
      throw refuse('metainfo/size-overflow', 'the lengths in info.file tree sum to more than 2^53 - 1')
  }
  return list
}

/**
 * The file list of a hybrid: the entries of its v1 half, pads included, with what its file tree says of each.
 * Refuses halves that differ in names, order, sizes, symlinks or alignment. An empty file may stand on
 * either side of a pad, and the last file may have one behind it or not (BEP 52, 47).
 */
export function joined(
  info: LazyDict,
  files: readonly TreeFile[],
  pieceLength: number,
): readonly MetainfoFile[] {
  if (info.has('length')) return joinedSingle(info, files)
  const cursor = info.cursor('files')
  if (cursor?.isList() !== true) throw refuse('metainfo/bad-files', 'info.files must be a list')
  const entry = new Properties(cursor)
  const list: MetainfoFile[] = []
  let next = 0
  let offset = 0
  cursor.enter()
  for (let i = 0; cursor.more(); i++) {
    // Every file may have a pad; more entries than that cannot be honest, and cost time.
    if (i === 2 * files.length) throw differ(`info.files has more than ${i} entries`)
    if (!entry.next()) throw refuse('metainfo/bad-files', `info.files[${i}] must be a dictionary`)
    const attr = entry.attr()
    const given = entry.length()
    if (attr.includes('p')) {
      const length = readLength(given, `info.files[${i}].length`)
      if (length >= pieceLength) throw differ(`info.files[${i}] is a pad of ${length} bytes`)
      list.push(padOf(length, offset, entry.path()))
      offset += length
    } else {
      const file = files[next++]
      const name = (): string => `info.files[${i}] ${quoteName(file?.path.join('/') ?? '')}`
      if (file === undefined) throw differ(`info.files[${i}] is in no file tree`)
      const symlink = file.symlink !== undefined
      if (!entry.hasPath(file.rawPath)) throw differ(`${name()} has another path`)
      if (given !== file.length && !(symlink && given === undefined))
        throw differ(`${name()} has another length`)
      if (symlink || attr.includes('l')) checkTarget(entry, file, name())
      if (file.length > 0 && offset % pieceLength !== 0) throw differ(`${name()} starts inside a piece`)
      file.offset = offset
      list.push(file)
      offset += file.length
    }
    if (offset > Number.MAX_SAFE_INTEGER)
      throw refuse('metainfo/size-overflow', `the lengths up to info.files[${i}] sum to more than 2^53 - 1`)
  }
  if (next < files.length) throw differ(`info.files lacks ${files.length - next} files`)
  checkGaps(list, offset, pieceLength)
  return list
}

function joinedSingle(info: LazyDict, files: readonly TreeFile[]): readonly MetainfoFile[] {
  const [file] = files
  if (info.has('files')) throw refuse('metainfo/length-and-files', 'info must hold length or files, not both')
  const name = info.get('name')
  if (file === undefined || files.length > 1) throw differ(`info.file tree holds ${files.length} files`)
  if (
    !(
      name instanceof Uint8Array &&
      file.rawPath.length === 1 &&
      equalBytes(name, file.rawPath[0] as Uint8Array)
    )
  )
    throw differ('info.name is not the path of the one file')
  if (readLength(info.get('length'), 'info.length') !== file.length) throw differ('info.length is another')
  return files
}

/** Every piece belongs to a file: no file is followed by more pads than it needs, and none comes first. */
function checkGaps(list: readonly MetainfoFile[], size: number, pieceLength: number): void {
  let end = 0
  for (const file of list) {
    if (file.pad || file.length === 0) continue
    if (file.offset !== end) throw differ(`the pads before ${quoteName(file.path.join('/'))} are too long`)
    end = file.offset + file.length
    end += gapAfter(end, pieceLength)
  }
  if (size > end) throw differ('the pads behind the last file are too long')
}

function checkTarget(entry: Properties, file: MetainfoFile, name: string): void {
  const target = readTarget(entry.symlinkPath(), `${name}.symlink path`)
  if (target?.join('/') !== file.symlink?.join('/')) throw differ(`${name} is another symlink`)
}

function gapAfter(offset: number, pieceLength: number): number {
  return (pieceLength - (offset % pieceLength)) % pieceLength
}

function padOf(length: number, offset: number, rawPath: readonly Uint8Array[] = []): MetainfoFile {
  return {
    path: ['.pad', String(length)],
    originalPath: undefined,
    rawPath,
    length,
    offset,
    pad: true,
    executable: false,
    hidden: false,
    symlink: undefined,
    sha1: undefined,
    md5sum: undefined,
    piecesRoot: undefined,
  }
}

function differ(what: string): Error {
  return refuse('metainfo/hybrid-mismatch', `the v1 and v2 halves differ: ${what}`)
}
