/**
 * The file list of a v1 torrent (BEP 3, 47).
 * @module
 */

import { asDict, asList, asText, type BencodeDict, type BencodeValue } from '../bencode/index.js'
import { fromLatin1 } from '../util/bytes.js'
import {
  originalPath,
  readLength,
  readRawPath,
  readSha1,
  readTarget,
  refuse,
  safePath,
} from './file-entry.js'
import type { MetainfoFile } from './model.js'
import { type PendingPath, quoteName, settlePaths } from './paths.js'

/** The one file of a torrent without `files`. */
export function readSingleFile(
  info: BencodeDict,
  naming: {
    readonly name: string
    readonly originalName: string | undefined
    readonly nameBytes: Uint8Array
  },
): MetainfoFile {
  if (!info.has('length')) throw refuse('missing-length', 'info must hold length or files')
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
    sha1: readSha1(info),
    md5sum: asText(info.get('md5sum')),
    piecesRoot: undefined,
  }
}

/** The entries of `info.files`, in order, with safe paths that all differ. */
export function readFiles(value: BencodeValue | undefined, maxFiles: number): MetainfoFile[] {
  const list = asList(value)
  if (list === undefined) throw refuse('bad-files', 'info.files must be a list')
  if (list.length === 0) throw refuse('no-files', 'info.files is empty')
  if (list.length > maxFiles)
    throw refuse('too-many-files', `info.files holds ${list.length}, the limit is ${maxFiles}`)
  const files: MetainfoFile[] = []
  const paths: PendingPath[] = []
  const owners: number[] = []
  let offset = 0
  for (let i = 0; i < list.length; i++) {
    const entry = asDict(list[i])
    if (entry === undefined) throw refuse('bad-files', `info.files[${i}] must be a dictionary`)
    const attr = asText(entry.get('attr')) ?? ''
    const pad = attr.includes('p')
    const target =
      attr.includes('l') && !pad
        ? readTarget(entry.get('symlink path'), `info.files[${i}].symlink path`)
        : undefined
    const given = entry.get('length')
    const length =
      target !== undefined && given === undefined ? 0 : readLength(given, `info.files[${i}].length`)
    if (target !== undefined && length > 0)
      throw refuse('bad-symlink', `info.files[${i}] is a symlink and must have length 0, got ${length}`)
    const rawPath = readRawPath(entry.get('path'))
    const path = pad
      ? { raw: [], safe: ['.pad', String(length)], original: undefined }
      : safePath(readRawPath(entry.get('path.utf-8')) ?? rawPath, `info.files[${i}].path`)
    if (!pad) {
      paths.push(path)
      owners.push(i)
    }
    files.push({
      path: path.safe,
      originalPath: path.original,
      rawPath: rawPath ?? [],
      length,
      offset,
      pad,
      executable: attr.includes('x'),
      hidden: attr.includes('h'),
      symlink: target,
      sha1: readSha1(entry),
      md5sum: asText(entry.get('md5sum')),
      piecesRoot: undefined,
    })
    offset += length
    if (offset > Number.MAX_SAFE_INTEGER)
      throw refuse('size-overflow', `the lengths up to info.files[${i}] sum to more than 2^53 - 1`)
  }
  if (paths.length === 0) throw refuse('no-files', 'info.files holds nothing but pads')
  const { clash, renamed } = settlePaths(paths)
  if (clash !== undefined) {
    const file = owners[clash] as number
    throw refuse(
      'path-clash',
      `info.files[${file}].path ${quoteName(files[file]?.path.join('/') ?? '')} is taken by another file`,
    )
  }
  for (const index of renamed) {
    const file = owners[index] as number
    files[file] = {
      ...(files[file] as MetainfoFile),
      originalPath: originalPath((paths[index] as PendingPath).raw.map(fromLatin1)),
    }
  }
  return files
}
