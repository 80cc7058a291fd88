/**
 * Makes torrents of files and folders on disk: the file-reading shell of `metainfo/create.ts`.
 * @module
 */

import type { Stats } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { createMetainfo, type TorrentFields } from '../metainfo/create.js'
import type { CreateProgress } from '../metainfo/hash-files.js'
import { errorCode, RarestError } from '../util/errors.js'
import {
  abortSignal,
  boolean,
  callback,
  checkOptions,
  integer,
  type Kind,
  type Kinds,
  listOf,
  number,
  oneOf,
  oneOrList,
  text,
  wrongType,
} from '../util/options.js'
import { hashOnThreads, POOL_FROM } from './hash-pool.js'

/**
 * Which files belong to a torrent, by their path below its folder with `/` between the elements: a function,
 * a regular expression, a glob (`*` and `?` inside an element, `**` across elements; one without `/`
 * matches the name of a file or folder at any depth), or a list of these, of which one must match.
 */
export type PathFilter = string | RegExp | ((path: string) => boolean) | readonly PathFilter[]

export interface CreateTorrentOptions extends TorrentFields {
  /** Name of the torrent. Default: the last element of the path; required with several paths. */
  readonly name?: string
  /** Only files whose path matches. Default: all. */
  readonly include?: PathFilter
  /** No files whose path matches, and no folders, with all that is in them. Default: none. */
  readonly exclude?: PathFilter
  /** Stops with its reason. */
  readonly signal?: AbortSignal
  /** Called after every few MiB hashed. */
  readonly onProgress?: (progress: CreateProgress) => void
}

/**
 * The bytes of a torrent file for a file, a folder, or several of them below one new folder. A path to a
 * file makes a single-file torrent, a path to a folder one with the folder's name, even around one file.
 *
 * Files come in raw-byte order of their path elements, so the infohash depends on names and contents
 * alone. Hidden and empty files are included, empty folders are not. Symbolic links are followed, for links
 * in torrents (BEP 47) are little supported; a broken one, or one to a folder that it lies in, is left out.
 * Devices, sockets and pipes are left out.
 *
 * Up to 64 MiB are hashed on this thread, while the next chunks are read; more on up to four others. Memory stays
 * bounded whatever the size. Rejects with
 * the system's error, `metainfo/no-files`, `metainfo/file-changed` for a file that got shorter meanwhile,
 * other `metainfo/` codes for names that no client could load, RangeError or TypeError for bad options,
 * or the signal's reason.
 */
export async function createTorrent(
  path: string | readonly string[],
  options: CreateTorrentOptions = {},
): Promise<Uint8Array> {
  checkOptions(options, CREATE_OPTIONS)
  const { name, include, exclude, ...rest } = options
  const paths = (typeof path === 'string' ? [path] : path).map((item) => resolve(item))
  if (paths.length === 0) throw new RangeError('path must name at least one file or folder, got none')
  const single = paths.length === 1 ? (paths[0] as string) : undefined
  const title = name ?? (single === undefined ? undefined : basename(single))
  if (title === undefined || title === '')
    throw new TypeError('name must be given for several paths and for the root of a drive')
  const walk = new Walk(matcher(include, true), matcher(exclude, false), options.signal)
  const alone = single === undefined ? undefined : await stat(single)
  if (single !== undefined && alone?.isDirectory()) await walk.folder(Buffer.from(single), [], [])
  else if (single !== undefined) await walk.entry(Buffer.from(single), [Buffer.from(title)], [])
  else for (const item of paths) await walk.entry(Buffer.from(item), [Buffer.from(basename(item))], [])
  if (walk.files.length === 0)
    throw new RarestError('metainfo/no-files', `there are no files in ${paths.join(', ')}`)
  let size = 0
  for (const { length } of walk.files) size += length
  const { signal, onProgress } = options
  const locations = walk.files.map(({ location }) => nativePath(location))
  const reader = new FileReader(walk.files)
  try {
    return await createMetainfo({
      ...rest,
      name: title,
      files: walk.files,
      multiFile: alone?.isFile() !== true,
      read: (file, offset, into) => reader.read(file, offset, into),
      hash: size < POOL_FROM ? undefined : (plan) => hashOnThreads(plan, { locations, signal, onProgress }),
    })
  } finally {
    await reader.close()
  }
}

const pathFilter: Kind<PathFilter> = {
  type: 'PathFilter',
  words: 'glob, regular expression, function, or a list of these',
  check: (value, name) => {
    if (Array.isArray(value))
      for (const [at, item] of value.entries()) pathFilter.check(item, `${name}[${at}]`)
    else if (typeof value !== 'string' && typeof value !== 'function' && !(value instanceof RegExp))
      throw wrongType(name, 'a glob, a regular expression, a function or an array of these', value)
    return value as PathFilter
  },
}

const CREATE_OPTIONS: Kinds<CreateTorrentOptions> = {
  name: text,
  include: pathFilter,
  exclude: pathFilter,
  signal: abortSignal,
  onProgress: callback,
  announce: text,
  trackers: listOf(oneOrList(text)),
  version: oneOf(['1', '2', 'hybrid']),
  pieceLength: number(1),
  private: boolean,
  comment: text,
  source: text,
  webSeeds: listOf(text),
  createdBy: text,
  creationDate: integer(0),
}

/** A file found on disk. Names are bytes: those on Linux need not be UTF-8. */
interface FoundFile {
  readonly location: Buffer
  readonly path: readonly Buffer[]
  readonly length: number
}

class Walk {
  readonly files: FoundFile[] = []
  readonly #included: (path: string) => boolean
  readonly #excluded: (path: string) => boolean
  readonly #signal: AbortSignal | undefined

  constructor(
    included: (path: string) => boolean,
    excluded: (path: string) => boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#included = included
    this.#excluded = excluded
    this.#signal = signal
  }

  /** Takes in whatever lies at `location`. `above` are the real paths of the folders that lead there. */
  async entry(
    location: Buffer,
    path: readonly Buffer[],
    above: readonly string[],
    isLink = false,
  ): Promise<void> {
    const text = path.join('/')
    if (this.#excluded(text)) return
    const found = await (isLink ? statTarget(location) : stat(nativePath(location)))
    if (found?.isDirectory()) await this.folder(location, path, above)
    else if (found?.isFile() && this.#included(text)) this.files.push({ location, path, length: found.size })
  }

  async folder(location: Buffer, path: readonly Buffer[], above: readonly string[]): Promise<void> {
    this.#signal?.throwIfAborted()
    const real = await realpath(nativePath(location), 'latin1')
    if (above.includes(real)) return
    const inside = [...above, real]
    const entries = await readdir(nativePath(location), { withFileTypes: true, encoding: 'buffer' })
    for (const entry of entries) {
      const there = Buffer.concat([location, SEPARATOR, entry.name])
      await this.entry(there, [...path, entry.name], inside, entry.isSymbolicLink())
    }
  }
}

const SEPARATOR = Buffer.from('/')

/** What a symbolic link leads to; undefined for a broken one. */
async function statTarget(link: Buffer): Promise<Stats | undefined> {
  try {
    return await stat(nativePath(link))
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** Text where possible: only then Windows opens paths above 260 characters. */
function nativePath(path: Buffer): string | Buffer {
  const text = path.toString()
  return Buffer.from(text).equals(path) ? text : path
}

/** Reads ranges of the files found; a file is open from its first byte asked for to its last byte read. */
class FileReader {
  readonly #files: readonly FoundFile[]
  readonly #open = new Map<number, { readonly handle: Promise<FileHandle>; left: number }>()

  constructor(files: readonly FoundFile[]) {
    this.#files = files
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    const { length, location } = this.#files[file] as FoundFile
    let opened = this.#open.get(file)
    if (opened === undefined) {
      opened = { handle: open(nativePath(location), 'r'), left: length }
      this.#open.set(file, opened)
    }
    const handle = await opened.handle
    let at = 0
    while (at < into.length) {
      const { bytesRead } = await handle.read(into, at, into.length - at, offset + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    opened.left -= at
    if (opened.left === 0) {
      this.#open.delete(file)
      await handle.close()
    }
    return at
  }

  async close(): Promise<void> {
    const opened = [...this.#open.values()]
    this.#open.clear()
    await Promise.allSettled(opened.map(async ({ handle }) => (await handle).close()))
  }
}

function matcher(filter: PathFilter | undefined, otherwise: boolean): (path: string) => boolean {
  if (filter === undefined) return () => otherwise
  if (typeof filter === 'function') return filter
  if (typeof filter === 'string') return matcher(globPattern(filter), otherwise)
  if (filter instanceof RegExp) return (path) => path.search(filter) !== -1
  const any = filter.map((item) => matcher(item, otherwise))
  return (path) => any.some((matches) => matches(path))
}

function globPattern(glob: string): RegExp {
  const pattern = glob.replace(/\*\*\/|\*\*|[\s\S]/g, (part) => {
    if (part === '**/') return '(?:.*/)?'
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    return part.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&')
  })
  return new RegExp(`^${glob.includes('/') ? '' : '(?:.*/)?'}${pattern}$`, 's')
}
