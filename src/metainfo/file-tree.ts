/**
 * The file tree of a v2 torrent (BEP 52), flattened in its own order: depth first, each level by the raw
 * bytes of one path element, as strict bencode has it.
 * @module
 */

import type { Cursor } from '../bencode/cursor.js'
import { asBytes, type BencodeValue } from '../bencode/index.js'
import { ProtocolError } from '../util/errors.js'
import { dedupeFilePaths } from './dedupe-paths.js'
import { checkPath, originalPath, Properties, readLength, readTarget, refuse } from './file-entry.js'
import { NODE_LENGTH } from './merkle.js'
import type { MetainfoFile } from './model.js'
import { nameDanger, quoteName, readableName, safeName } from './paths.js'
import { PlainNames } from './plain-names.js'

/** A file of the tree; its offset is found when the list is laid out. */
export interface TreeFile extends MetainfoFile {
  offset: number
}

/** The files of `info.file tree`, in order, with safe paths that all differ. `cursor` stands before the tree. */
export function readTree(cursor: Cursor | undefined, maxFiles: number): TreeFile[] {
  if (cursor?.isDict() !== true) throw refuse('metainfo/bad-file-tree', 'info.file tree must be a dictionary')
  cursor.enter()
  const start = cursor.at
  // Keys ascend, so that the empty one is the first.
  if (cursor.more() && isEmptyName(cursor))
    throw refuse('metainfo/bad-file-tree', 'info.file tree must be a folder, not a file')
  cursor.at = start
  // A file has at least eight bytes.
  if (cursor.bytes.length > 8 * maxFiles && countFiles(cursor, maxFiles) > maxFiles)
    throw refuse('metainfo/too-many-files', `info.file tree holds more than ${maxFiles} files`)
  cursor.at = start
  const walk = new Walk(cursor)
  walk.folder(ROOT)
  return walk.finish()
}

/** Counts before anything is made of them, and no further than `most`; `cursor` stands before the first entry. */
function countFiles(cursor: Cursor, most: number): number {
  let count = 0
  while (count <= most && cursor.more()) {
    cursor.string()
    if (!cursor.isDict()) {
      cursor.skip()
      continue
    }
    const start = cursor.at
    cursor.enter()
    if (isEmptyName(cursor)) {
      count++
      cursor.at = start
      cursor.skip()
    } else count += countFiles(cursor, most - count)
  }
  return count
}

/** True when the key or end so many bytes on is the empty name, which a file has for its properties. */
function isEmptyName(cursor: Cursor, ahead = 0): boolean {
  return cursor.bytes[cursor.at + ahead] === 0x30
}

/** The path so far. */
interface Folder {
  readonly bytes: readonly Uint8Array[]
  /** Without `.`. */
  readonly safe: readonly string[]
  /** Characters of `safe`, one more for each element. */
  readonly length: number
  /** True when an element of `safe` is not what the torrent spells. */
  readonly differs: boolean
  /** What {@link PlainNames} call it. */
  readonly mark: number
}

const ROOT: Folder = { bytes: [], safe: [], length: 0, differs: false, mark: 0 }

class Walk {
  readonly #cursor: Cursor
  readonly #properties: Properties
  readonly #names = new PlainNames()
  readonly #files: TreeFile[] = []

  constructor(cursor: Cursor) {
    this.#cursor = cursor
    this.#properties = new Properties(cursor)
  }

  /** The cursor stands before the first entry. As deep as the walk that checked the bencode went. */
  folder(above: Folder): void {
    const cursor = this.#cursor
    while (cursor.more()) {
      cursor.string()
      const path = this.#below(above, cursor.view())
      if (!cursor.isDict()) throw refuse('metainfo/bad-file-tree', `${keyOf(path)} must be a dictionary`)
      cursor.enter()
      if (!isEmptyName(cursor)) {
        this.folder(path)
        continue
      }
      cursor.string()
      const isFile = this.#properties.next()
      if (!isFile) cursor.skip()
      if (cursor.more())
        throw refuse('metainfo/file-with-siblings', `${keyOf(path)} is a file and must hold nothing else`)
      if (!isFile)
        throw refuse('metainfo/bad-file-tree', `${keyOf(path)} must have a dictionary of properties`)
      this.#file(path)
    }
  }

  /** The files, once all of them are there. */
  finish(): TreeFile[] {
    const files = this.#files
    if (files.length === 0) throw refuse('metainfo/no-files', 'info.file tree holds no files')
    const clash = dedupeFilePaths(
      this.#names,
      files,
      files.map((file) => file.rawPath),
    )
    if (clash !== undefined)
      throw refuse(
        'metainfo/path-clash',
        `the path ${quoteName(files[clash]?.path.join('/') ?? '')} in info.file tree is taken by another file`,
      )
    return files
  }

  /** The place of the name before the cursor; what stands there says whether it is a file. */
  #below(above: Folder, name: Uint8Array): Folder {
    const names = this.#names
    const bytes = [...above.bytes, name]
    const plain = names.text(name)
    if (plain !== undefined) {
      const isFile = this.#cursor.isDict() && isEmptyName(this.#cursor, 1)
      if (isFile) names.file(above.mark)
      return {
        bytes,
        safe: [...above.safe, plain],
        length: above.length + plain.length + 1,
        differs: above.differs,
        mark: isFile ? 0 : names.folder(above.mark),
      }
    }
    names.other()
    const text = readableName(name)
    if (text === '.') return { ...above, bytes }
    const danger = nameDanger(text)
    if (danger !== undefined) throw new ProtocolError(danger, `info.file tree holds ${quoteName(text)}`)
    const safe = safeName(text)
    return {
      bytes,
      safe: [...above.safe, safe],
      length: above.length + safe.length + 1,
      differs: above.differs || safe !== text,
      mark: 0,
    }
  }

  #file(place: Folder): void {
    const { bytes, safe, length: characters, differs } = place
    const entry = this.#properties
    const key = (): string => keyOf(place)
    checkPath(safe, characters, key)
    const attr = entry.attr()
    // BEP 52 aligns files by itself; libtorrent refuses these too.
    if (attr.includes('p')) throw refuse('metainfo/pad-in-file-tree', `${key()} is a pad file`)
    const target = attr.includes('l') ? readTarget(entry.symlinkPath(), key()) : undefined
    const given = entry.length()
    const isPlain = typeof given === 'number' && given >= 0
    const length = isPlain
      ? given
      : target !== undefined && given === undefined
        ? 0
        : readLength(given, `the length of ${key()}`)
    if (target !== undefined && length > 0)
      throw refuse('metainfo/bad-symlink', `${key()} is a symlink and must have length 0, got ${length}`)
    this.#files.push({
      path: safe,
      originalPath: differs ? originalPath(bytes) : undefined,
      rawPath: bytes,
      length,
      offset: 0,
      pad: false,
      executable: attr.includes('x'),
      hidden: attr.includes('h'),
      symlink: target,
      sha1: entry.sha1(),
      md5sum: entry.md5sum(),
      piecesRoot: readRoot(entry.piecesRoot(), length, key),
    })
  }
}

function readRoot(
  value: BencodeValue | undefined,
  length: number,
  key: () => string,
): Uint8Array | undefined {
  if (value === undefined && length === 0) return undefined
  if (value === undefined) throw refuse('metainfo/missing-root', `${key()} has no pieces root`)
  if (length === 0) throw refuse('metainfo/bad-root', `${key()} is empty and must have no pieces root`)
  const root = asBytes(value)
  if (root?.length !== NODE_LENGTH)
    throw refuse('metainfo/bad-root', `the pieces root of ${key()} must be a string of ${NODE_LENGTH} bytes`)
  if (root[0] === 0 && root.every((byte) => byte === 0))
    throw refuse('metainfo/bad-root', `the pieces root of ${key()} is all zeros`)
  return root
}

function keyOf(path: Folder): string {
  return `info.file tree ${quoteName(path.safe.join('/'))}`
}
