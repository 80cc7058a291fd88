/**
 * v2 files on the one run of bytes that storage and picker know: with the pads of a hybrid's v1 half, or
 * with those that a v2 torrent would have there (BEP 47, 52).
 * @module
 */

import { asDict, asList, asText, type BencodeDict } from '../bencode/index.js'
import { equalBytes } from '../util/bytes.js'
import { readLength, readRawPath, readTarget, refuse } from './file-entry.js'
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
      throw refuse('size-overflow', 'the lengths in info.file tree sum to more than 2^53 - 1')
  }
  return list
}

/**
 * The file list of a hybrid: the entries of its v1 half, pads included, with what its file tree says of each.
 * Refuses halves that differ in names, order, sizes, symlinks or alignment. An empty file may stand on
 * either side of a pad, and the last file may have one behind it or not (BEP 52, 47).
 */
export function joined(
  info: BencodeDict,
  files: readonly TreeFile[],
  pieceLength: number,
): readonly MetainfoFile[] {
  if (info.has('length')) return joinedSingle(info, files)
  const entries = asList(info.get('files'))
  if (entries === undefined) throw refuse('bad-files', 'info.files must be a list')
  // Every file may have a pad; more entries than that cannot be honest, and cost time.
  if (entries.length > 2 * files.length) throw differ(`info.files has ${entries.length} entries`)
  const list: MetainfoFile[] = []
  let next = 0
  let offset = 0
  for (let i = 0; i < entries.length; i++) {
    const entry = asDict(entries[i])
    if (entry === undefined) throw refuse('bad-files', `info.files[${i}] must be a dictionary`)
    const attr = asText(entry.get('attr')) ?? ''
    const given = entry.get('length')
    if (attr.includes('p')) {
      const length = readLength(given, `info.files[${i}].length`)
      if (length >= pieceLength) throw differ(`info.files[${i}] is a pad of ${length} bytes`)
      list.push(padOf(length, offset, readRawPath(entry.get('path'))))
      offset += length
    } else {
      const file = files[next++]
      const name = (): string => `info.files[${i}] ${quoteName(file?.path.join('/') ?? '')}`
      if (file === undefined) throw differ(`info.files[${i}] is in no file tree`)
      const symlink = file.symlink !== undefined
      if (!samePath(readRawPath(entry.get('path')), file.rawPath)) throw differ(`${name()} has another path`)
      if (given !== file.length && !(symlink && given === undefined))
        throw differ(`${name()} has another length`)
      if (symlink || attr.includes('l')) checkTarget(entry, file, name())
      if (file.length > 0 && offset % pieceLength !== 0) throw differ(`${name()} starts inside a piece`)
      file.offset = offset
      list.push(file)
      offset += file.length
    }
    if (offset > Number.MAX_SAFE_INTEGER)
      throw refuse('size-overflow', `the lengths up to info.files[${i}] sum to more than 2^53 - 1`)
  }
  if (next < files.length) throw differ(`info.files lacks ${files.length - next} files`)
  checkGaps(list, offset, pieceLength)
  return list
}

function joinedSingle(info: BencodeDict, files: readonly TreeFile[]): readonly MetainfoFile[] {
  const [file] = files
  if (info.has('files')) throw refuse('length-and-files', 'info must hold length or files, not both')
  const name = info.get('name')
  if (file === undefined || files.length > 1) throw differ(`info.file tree holds ${files.length} files`)
  if (!samePath(name instanceof Uint8Array ? [name] : undefined, file.rawPath))
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

function checkTarget(entry: BencodeDict, file: MetainfoFile, name: string): void {
  const target = readTarget(entry.get('symlink path'), `${name}.symlink path`)
  if (target?.join('/') !== file.symlink?.join('/')) throw differ(`${name} is another symlink`)
}

function samePath(a: readonly Uint8Array[] | undefined, b: readonly Uint8Array[]): boolean {
  if (a?.length !== b.length) return false
  for (let i = 0; i < b.length; i++) if (!equalBytes(a[i] as Uint8Array, b[i] as Uint8Array)) return false
  return true
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
  return refuse('hybrid-mismatch', `the v1 and v2 halves differ: ${what}`)
}
