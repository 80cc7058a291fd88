/**
 * What the entries of both kinds of file list share: lengths, paths, symlinks (BEP 3, 47, 52).
 * @module
 */

import type { Cursor } from '../bencode/cursor.js'
import { asBytes, asText, type BencodeValue } from '../bencode/index.js'
import { toLatin1 } from '../util/bytes.js'
import { type ErrorCode, ProtocolError } from '../util/errors.js'
import {
  MAX_PATH_DEPTH,
  MAX_PATH_LENGTH,
  nameDanger,
  posixName,
  quoteName,
  readableName,
  safeName,
} from './paths.js'
import { PlainNames } from './plain-names.js'

/** A length in bytes, at least 0 and below 2^53. */
export function readLength(value: BencodeValue | undefined, key: string): number {
  if (typeof value === 'bigint' && value > 0n)
    throw refuse(
      'metainfo/size-overflow',
      `${key} must be below 2^53, got an integer of ${value.toString().length} digits`,
    )
  if (typeof value !== 'number' || value < 0)
    throw refuse('metainfo/bad-length', `${key} must be an integer of at least 0`)
  return value
}

/** The hint of BEP 47, or undefined where it has another length than 20. */
export function readSha1(value: BencodeValue | undefined): Uint8Array | undefined {
  const sha1 = asBytes(value)
  return sha1?.length === 20 ? sha1 : undefined
}

const NOWHERE = -1

/** Where the properties of a file lie in its dictionary, of both kinds of list; made once for all files. */
export class Properties {
  readonly #cursor: Cursor
  #attr = NOWHERE
  #length = NOWHERE
  #md5sum = NOWHERE
  #path = NOWHERE
  #pathUtf8 = NOWHERE
  #piecesRoot = NOWHERE
  #sha1 = NOWHERE
  #symlinkPath = NOWHERE

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** Takes those of the next value, and steps over it; false when it is no dictionary. */
  next(): boolean {
    const cursor = this.#cursor
    if (!cursor.isDict()) return false
    this.#attr = this.#length = this.#md5sum = this.#path = NOWHERE
    this.#pathUtf8 = this.#piecesRoot = this.#sha1 = this.#symlinkPath = NOWHERE
    cursor.enter()
    while (cursor.more()) {
      cursor.string()
      if (cursor.is('length')) this.#length = cursor.at
      else if (cursor.is('path')) this.#path = cursor.at
      else if (cursor.is('pieces root')) this.#piecesRoot = cursor.at
      else if (cursor.is('attr')) this.#attr = cursor.at
      else if (cursor.is('path.utf-8')) this.#pathUtf8 = cursor.at
      else if (cursor.is('sha1')) this.#sha1 = cursor.at
      else if (cursor.is('md5sum')) this.#md5sum = cursor.at
      else if (cursor.is('symlink path')) this.#symlinkPath = cursor.at
      cursor.skip()
    }
    return true
  }

  attr(): string {
    return asText(this.#value(this.#attr)) ?? ''
  }

  length(): BencodeValue | undefined {
    return this.#value(this.#length)
  }

  md5sum(): string | undefined {
    return asText(this.#value(this.#md5sum))
  }

  sha1(): Uint8Array | undefined {
    return readSha1(this.#value(this.#sha1))
  }

  piecesRoot(): BencodeValue | undefined {
    return this.#value(this.#piecesRoot)
  }

  path(): readonly Uint8Array[] | undefined {
    return this.#strings(this.#path)
  }

  /** True when {@link path} has these elements; makes no views of them. */
  hasPath(elements: readonly Uint8Array[]): boolean {
    const cursor = this.#cursor
    if (this.#path === NOWHERE) return false
    const next = cursor.at
    cursor.at = this.#path
    const same = hasStrings(cursor, elements)
    cursor.at = next
    return same
  }

  /** The path that older makers add in UTF-8 to one in another encoding. */
  pathUtf8(): readonly Uint8Array[] | undefined {
    return this.#strings(this.#pathUtf8)
  }

  symlinkPath(): readonly Uint8Array[] | undefined {
    return this.#strings(this.#symlinkPath)
  }

  #value(at: number): BencodeValue | undefined {
    if (at === NOWHERE) return undefined
    const cursor = this.#cursor
    const next = cursor.at
    cursor.at = at
    const value = cursor.value()
    cursor.at = next
    return value
  }

  /** A list of strings, or undefined for anything else. */
  #strings(at: number): readonly Uint8Array[] | undefined {
    if (at === NOWHERE) return undefined
    const cursor = this.#cursor
    const next = cursor.at
    cursor.at = at
    const strings = readStrings(cursor)
    cursor.at = next
    return strings
  }
}

function hasStrings(cursor: Cursor, strings: readonly Uint8Array[]): boolean {
  if (!cursor.isList()) return false
  cursor.enter()
  for (const string of strings) {
    if (!cursor.more() || !cursor.isString()) return false
    cursor.string()
    if (!cursor.holds(string)) return false
  }
  return !cursor.more()
}

function readStrings(cursor: Cursor): Uint8Array[] | undefined {
  if (!cursor.isList()) return undefined
  const strings: Uint8Array[] = []
  cursor.enter()
  while (cursor.more()) {
    if (!cursor.isString()) return undefined
    cursor.string()
    strings.push(cursor.view())
  }
  return strings
}

/** Target of a symlink, or undefined for an entry that names none and is then an empty file. */
export function readTarget(
  raw: readonly Uint8Array[] | undefined,
  key: string,
): readonly string[] | undefined {
  if (raw === undefined || raw.every((element) => element.length === 0)) return undefined
  return safePath(new PlainNames(), raw, () => key).path
}

/** A path of the torrent made safe; empty elements and `.` are dropped. */
export function safePath(
  names: PlainNames,
  elements: readonly Uint8Array[] | undefined,
  key: () => string,
): { readonly path: string[]; readonly original: readonly string[] | undefined } {
  if (elements === undefined) throw refuse('metainfo/bad-path', `${key()} must be a list of strings`)
  const path: string[] = []
  let differs = false
  let length = 0
  let folder = 0
  const last = elements.length - 1
  for (let i = 0; i <= last; i++) {
    const element = elements[i] as Uint8Array
    const plain = names.text(element)
    if (plain !== undefined) {
      path.push(plain)
      length += plain.length + 1
      if (i < last) folder = names.folder(folder)
      else names.file(folder)
      continue
    }
    names.other()
    const text = readableName(element)
    if (text === '' || text === '.') continue
    const danger = nameDanger(text)
    if (danger !== undefined) throw new ProtocolError(danger, `${key()} holds ${quoteName(text)}`)
    const name = safeName(text)
    path.push(name)
    length += name.length + 1
    if (name !== text) differs = true
  }
  checkPath(path, length, key)
  return { path, original: differs ? originalPath(elements) : undefined }
}

/** The elements that name something, as Latin-1. */
export function rawNames(elements: readonly Uint8Array[]): readonly string[] {
  return elements.map(toLatin1).filter(namesSomething)
}

function namesSomething(name: string): boolean {
  return name !== '' && name !== '.'
}

/** Refuses a path that names nothing or that no system opens; `length` counts a separator for each element. */
export function checkPath(safe: readonly string[], length: number, key: () => string): void {
  if (safe.length === 0) throw refuse('metainfo/empty-path', `${key()} names no file`)
  if (safe.length > MAX_PATH_DEPTH)
    throw refuse(
      'metainfo/path-too-deep',
      `${key()} has ${safe.length} elements, the limit is ${MAX_PATH_DEPTH}`,
    )
  if (length > MAX_PATH_LENGTH)
    throw refuse(
      'metainfo/path-too-long',
      `${key()} has ${length} characters, the limit is ${MAX_PATH_LENGTH}`,
    )
}

/** The path as the torrent spells it, or undefined when POSIX could not store it. */
export function originalPath(elements: readonly Uint8Array[]): readonly string[] | undefined {
  const path: string[] = []
  for (const element of elements) {
    const name = posixName(element)
    if (name === undefined) return undefined
    if (namesSomething(name)) path.push(name)
  }
  return path
}

/** The error for what is wrong with a torrent. */
export function refuse(code: ErrorCode, message: string): ProtocolError {
  return new ProtocolError(code, message)
}
