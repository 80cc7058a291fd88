/**
 * The file tree of a v2 torrent (BEP 52), flattened in its own order: depth first, each level by the raw
 * bytes of one path element, as strict bencode has it.
 * @module
 */

import { asBytes, asDict, asText, type BencodeDict } from '../bencode/index.js'
import { fromLatin1 } from '../util/bytes.js'
import { ProtocolError } from '../util/errors.js'
import { checkPath, originalPath, readLength, readSha1, readTarget, refuse } from './file-entry.js'
import { NODE_LENGTH } from './merkle.js'
import type { MetainfoFile } from './model.js'
import { nameDanger, type PendingPath, quoteName, readableName, safeName, settlePaths } from './paths.js'

/** A file of the tree; its offset is found when the list is laid out. */
export interface TreeFile extends MetainfoFile {
  offset: number
}

/** The files of `info.file tree`, in order, with safe paths that all differ. */
export function readTree(tree: BencodeDict | undefined, maxFiles: number): TreeFile[] {
  if (tree === undefined) throw refuse('bad-file-tree', 'info.file tree must be a dictionary')
  if (tree.has('')) throw refuse('bad-file-tree', 'info.file tree must be a folder, not a file')
  if (countFiles(tree, maxFiles) > maxFiles)
    throw refuse('too-many-files', `info.file tree holds more than ${maxFiles} files`)
  const walk = new Walk()
  walk.folder(tree, ROOT)
  return walk.settled()
}

/** Counts before anything is made of them, and no further than `most`. */
function countFiles(folder: BencodeDict, most: number): number {
  let count = 0
  for (const value of folder.values()) {
    const entry = asDict(value)
    if (entry !== undefined) count += entry.has('') ? 1 : countFiles(entry, most - count)
    if (count > most) break
  }
  return count
}

/** The path so far. */
interface Folder {
  readonly bytes: readonly Uint8Array[]
  /** As Latin-1, without `.`, like that of a {@link PendingPath}. */
  readonly raw: readonly string[]
  readonly safe: readonly string[]
  /** Characters of `safe`, one more for each element. */
  readonly length: number
  /** True when an element of `safe` is not what the torrent spells. */
  readonly differs: boolean
}

const ROOT: Folder = { bytes: [], raw: [], safe: [], length: 0, differs: false }

class Walk {
  readonly #files: TreeFile[] = []
  readonly #paths: PendingPath[] = []

  /** As deep as the bencode decoder went. */
  folder(entries: BencodeDict, above: Folder): void {
    for (const [name, value] of entries) {
      const entry = asDict(value)
      const path = below(above, name)
      if (entry === undefined) throw refuse('bad-file-tree', `${keyOf(path)} must be a dictionary`)
      if (!entry.has('')) this.folder(entry, path)
      else if (entry.size > 1)
        throw refuse('file-with-siblings', `${keyOf(path)} is a file and must hold nothing else`)
      else this.#file(asDict(entry.get('')), path)
    }
  }

  /** The files, once all of them are there. */
  settled(): TreeFile[] {
    const files = this.#files
    if (files.length === 0) throw refuse('no-files', 'info.file tree holds no files')
    const { clash, renamed } = settlePaths(this.#paths)
    if (clash !== undefined)
      throw refuse(
        'path-clash',
        `the path ${quoteName(files[clash]?.path.join('/') ?? '')} in info.file tree is taken by another file`,
      )
    for (const index of renamed) {
      const file = files[index] as TreeFile
      const spelt = (this.#paths[index] as PendingPath).raw.map(fromLatin1)
      files[index] = { ...file, originalPath: originalPath(spelt) }
    }
    return files
  }

  #file(entry: BencodeDict | undefined, { bytes, raw, safe, length: characters, differs }: Folder): void {
    const key = (): string => `info.file tree ${quoteName(safe.join('/'))}`
    if (entry === undefined) throw refuse('bad-file-tree', `${key()} must have a dictionary of properties`)
    checkPath(safe, characters, key)
    const attr = asText(entry.get('attr')) ?? ''
    // BEP 52 aligns files by itself; libtorrent refuses these too.
    if (attr.includes('p')) throw refuse('pad-in-file-tree', `${key()} is a pad file`)
    const target = attr.includes('l') ? readTarget(entry.get('symlink path'), key()) : undefined
    const given = entry.get('length')
    const isPlain = typeof given === 'number' && given >= 0
    const length = isPlain
      ? given
      : target !== undefined && given === undefined
        ? 0
        : readLength(given, `the length of ${key()}`)
    if (target !== undefined && length > 0)
      throw refuse('bad-symlink', `${key()} is a symlink and must have length 0, got ${length}`)
    const path = safe as string[]
    this.#paths.push({ raw, safe: path })
    this.#files.push({
      path,
      originalPath: differs ? originalPath(raw.map(fromLatin1)) : undefined,
      rawPath: bytes,
      length,
      offset: 0,
      pad: false,
      executable: attr.includes('x'),
      hidden: attr.includes('h'),
      symlink: target,
      sha1: readSha1(entry),
      md5sum: asText(entry.get('md5sum')),
      piecesRoot: readRoot(entry, length, key),
    })
  }
}

function readRoot(entry: BencodeDict, length: number, key: () => string): Uint8Array | undefined {
  const value = entry.get('pieces root')
  if (value === undefined && length === 0) return undefined
  if (value === undefined) throw refuse('missing-root', `${key()} has no pieces root`)
  if (length === 0) throw refuse('bad-root', `${key()} is empty and must have no pieces root`)
  const root = asBytes(value)
  if (root?.length !== NODE_LENGTH)
    throw refuse('bad-root', `the pieces root of ${key()} must be a string of ${NODE_LENGTH} bytes`)
  if (root.every((byte) => byte === 0)) throw refuse('bad-root', `the pieces root of ${key()} is all zeros`)
  return root
}

function below(above: Folder, name: string): Folder {
  const bytes = fromLatin1(name)
  const text = readableName(bytes)
  if (text === '.') return { ...above, bytes: [...above.bytes, bytes] }
  const danger = nameDanger(text)
  if (danger !== undefined) throw new ProtocolError(danger, `info.file tree holds ${quoteName(text)}`)
  const safe = safeName(text)
  return {
    bytes: [...above.bytes, bytes],
    raw: [...above.raw, name],
    safe: [...above.safe, safe],
    length: above.length + safe.length + 1,
    differs: above.differs || safe !== text,
  }
}

function keyOf(path: Folder): string {
  return `info.file tree ${quoteName(path.safe.join('/'))}`
}
