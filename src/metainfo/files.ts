/**
 * The file list of a v1 torrent (BEP 3, 47).
 * @module
 */

import { asBytes, asDict, asList, asText, type BencodeDict, type BencodeValue } from '../bencode/index.js'
import { fromLatin1, toLatin1 } from '../util/bytes.js'
import { ProtocolError } from '../util/errors.js'
import type { MetainfoFile } from './model.js'
import {
  MAX_PATH_DEPTH,
  MAX_PATH_LENGTH,
  nameDanger,
  type PendingPath,
  posixName,
  quoteName,
  readableName,
  safeName,
  settlePaths,
} from './paths.js'

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
    const target = attr.includes('l') && !pad ? readTarget(entry.get('symlink path'), i) : undefined
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

function readLength(value: BencodeValue | undefined, key: string): number {
  if (typeof value === 'bigint' && value > 0n)
    throw refuse(
      'size-overflow',
      `${key} must be below 2^53, got an integer of ${value.toString().length} digits`,
    )
  if (typeof value !== 'number' || value < 0)
    throw refuse('bad-length', `${key} must be an integer of at least 0`)
  return value
}

function readSha1(entry: BencodeDict): Uint8Array | undefined {
  const sha1 = asBytes(entry.get('sha1'))
  return sha1?.length === 20 ? sha1 : undefined
}

function readRawPath(value: BencodeValue | undefined): readonly Uint8Array[] | undefined {
  const list = asList(value)
  if (list === undefined) return undefined
  for (const element of list) if (asBytes(element) === undefined) return undefined
  return list as readonly Uint8Array[]
}

/** Target of a symlink, or undefined for an entry that names none and is then an empty file. */
function readTarget(value: BencodeValue | undefined, index: number): readonly string[] | undefined {
  const raw = readRawPath(value)
  if (raw === undefined || raw.every((element) => element.length === 0)) return undefined
  return safePath(raw, `info.files[${index}].symlink path`).safe
}

function safePath(
  elements: readonly Uint8Array[] | undefined,
  key: string,
): PendingPath & { readonly original: readonly string[] | undefined } {
  if (elements === undefined) throw refuse('bad-path', `${key} must be a list of strings`)
  const raw: string[] = []
  const safe: string[] = []
  let differs = false
  let length = 0
  for (const element of elements) {
    const text = readableName(element)
    if (text === '' || text === '.') continue
    const danger = nameDanger(text)
    if (danger !== undefined) throw new ProtocolError(danger, `${key} holds ${quoteName(text)}`)
    const name = safeName(text)
    // As many characters as bytes, none of them a replacement: it is ASCII, and so its own Latin-1.
    raw.push(text.length === element.length && !text.includes('\ufffd') ? text : toLatin1(element))
    safe.push(name)
    length += name.length + 1
    if (name !== text) differs = true
  }
  if (safe.length === 0) throw refuse('empty-path', `${key} names no file`)
  if (safe.length > MAX_PATH_DEPTH)
    throw refuse('path-too-deep', `${key} has ${safe.length} elements, the limit is ${MAX_PATH_DEPTH}`)
  if (length > MAX_PATH_LENGTH)
    throw refuse('path-too-long', `${key} has ${length} characters, the limit is ${MAX_PATH_LENGTH}`)
  return { raw, safe, original: differs ? originalPath(raw.map(fromLatin1)) : undefined }
}

function originalPath(elements: readonly Uint8Array[]): readonly string[] | undefined {
  const path: string[] = []
  for (const element of elements) {
    const name = posixName(element)
    if (name === undefined) return undefined
    path.push(name)
  }
  return path
}

function refuse(code: string, message: string): ProtocolError {
  return new ProtocolError(`metainfo/${code}`, message)
}
