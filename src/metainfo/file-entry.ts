/**
 * What the entries of both kinds of file list share: lengths, paths, symlinks (BEP 3, 47, 52).
 * @module
 */

import { asBytes, asList, type BencodeDict, type BencodeValue } from '../bencode/index.js'
import { fromLatin1, toLatin1 } from '../util/bytes.js'
import { ProtocolError } from '../util/errors.js'
import {
  MAX_PATH_DEPTH,
  MAX_PATH_LENGTH,
  nameDanger,
  type PendingPath,
  posixName,
  quoteName,
  readableName,
  safeName,
} from './paths.js'

/** A length in bytes, at least 0 and below 2^53. */
export function readLength(value: BencodeValue | undefined, key: string): number {
  if (typeof value === 'bigint' && value > 0n)
    throw refuse(
      'size-overflow',
      `${key} must be below 2^53, got an integer of ${value.toString().length} digits`,
    )
  if (typeof value !== 'number' || value < 0)
    throw refuse('bad-length', `${key} must be an integer of at least 0`)
  return value
}

/** The hint of BEP 47, or undefined where it has another length than 20. */
export function readSha1(entry: BencodeDict): Uint8Array | undefined {
  const sha1 = asBytes(entry.get('sha1'))
  return sha1?.length === 20 ? sha1 : undefined
}

/** A list of strings, or undefined for anything else. */
export function readRawPath(value: BencodeValue | undefined): readonly Uint8Array[] | undefined {
  const list = asList(value)
  if (list === undefined) return undefined
  for (const element of list) if (asBytes(element) === undefined) return undefined
  return list as readonly Uint8Array[]
}

/** Target of a symlink, or undefined for an entry that names none and is then an empty file. */
export function readTarget(value: BencodeValue | undefined, key: string): readonly string[] | undefined {
  const raw = readRawPath(value)
  if (raw === undefined || raw.every((element) => element.length === 0)) return undefined
  return safePath(raw, key).safe
}

/** A path of the torrent made safe; empty elements and `.` are dropped. */
export function safePath(
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
  checkPath(safe, length, () => key)
  return { raw, safe, original: differs ? originalPath(raw.map(fromLatin1)) : undefined }
}

/** Refuses a path that names nothing or that no system opens; `length` counts a separator for each element. */
export function checkPath(safe: readonly string[], length: number, key: () => string): void {
  if (safe.length === 0) throw refuse('empty-path', `${key()} names no file`)
  if (safe.length > MAX_PATH_DEPTH)
    throw refuse('path-too-deep', `${key()} has ${safe.length} elements, the limit is ${MAX_PATH_DEPTH}`)
  if (length > MAX_PATH_LENGTH)
    throw refuse('path-too-long', `${key()} has ${length} characters, the limit is ${MAX_PATH_LENGTH}`)
}

/** The path as the torrent spells it, or undefined when POSIX could not store it. */
export function originalPath(elements: readonly Uint8Array[]): readonly string[] | undefined {
  const path: string[] = []
  for (const element of elements) {
    const name = posixName(element)
    if (name === undefined) return undefined
    path.push(name)
  }
  return path
}

/** The error for what is wrong with a torrent. */
export function refuse(code: string, message: string): ProtocolError {
  return new ProtocolError(`metainfo/${code}`, message)
}
