/**
 * Torrents as files and folders. Files are sparse and made on demand, at most 40 are open at once, and
 * no access ever leaves the root through a symbolic link.
 * @module
 */

import fs from 'node:fs'
import path from 'node:path'
import { RarestError } from '../util/errors.js'
import type { FileStatus, StorageBackend, StorageFile } from './backend.js'
import { FileHandles } from './file-handles.js'
import { isSafeElement, locateFiles } from './location.js'

export interface FileStorageOptions {
  /**
   * Files kept open, the least recently used closed first. Default 40: what libtorrent keeps, and a
   * small part of the 256 that the tightest system allows a process.
   */
  readonly maxHandles?: number
}

export class FileStorage implements StorageBackend {
  readonly #root: string
  readonly #handles: FileHandles
  #files: readonly StorageFile[] = []
  #paths: string[] = []
  #realRoot = ''
  /** Folders below the root that were found to be real, so that each is looked at once. */
  readonly #safeFolders = new Set<string>()

  /** `root` is the folder that holds the torrent; relative ones are taken from the current folder. */
  constructor(root: string, options: FileStorageOptions = {}) {
    this.#root = path.resolve(root)
    this.#handles = new FileHandles(options.maxHandles ?? 40)
  }

  async open(files: readonly StorageFile[]): Promise<void> {
    this.#paths = files.map((file) => this.#join(file.path))
    this.#files = files
    this.#paths = (await locateFiles(this.#root, files)).map((path) => this.#join(path))
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    const handle = await this.#handles.acquire(file, false, () => this.#place(file, false))
    if (!handle) return 0
    try {
      let got = 0
      while (got < into.length) {
        const count = await readAt(handle.fd, into, got, offset + got)
        if (count === 0) break
        got += count
      }
      return got
    } finally {
      this.#handles.release(handle)
    }
  }

  async write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    const handle = await this.#handles.acquire(file, true, () => this.#place(file, true))
    if (!handle) throw systemError('ENOENT', `no such file: ${this.#paths[file]}`)
    try {
      await writeAll(handle.fd, offset, chunks)
    } finally {
      this.#handles.release(handle)
    }
  }

  async status(file: number): Promise<FileStatus> {
    const place = await this.#place(file, false)
    try {
      const stat = place === undefined ? undefined : await fs.promises.stat(place)
      if (stat) this.#handles.forgetUnless(file, stat.dev, stat.ino)
      if (stat?.isFile()) return { length: stat.size, modified: stat.mtimeMs }
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    this.#handles.forget(file)
    return { length: -1 }
  }

  async create(file: number): Promise<void> {
    const place = await this.#place(file, true)
    if (place === undefined) return
    const handle = await fs.promises.open(
      place,
      fs.constants.O_CREAT | fs.constants.O_WRONLY | NO_FOLLOW,
      0o666,
    )
    await handle.close()
  }

  async remove(file: number): Promise<void> {
    this.#handles.forget(file)
    if (!(await this.#isInside(path.dirname(this.#paths[file] as string)))) return
    await fs.promises.rm(this.#paths[file] as string, { force: true })
  }

  /** Nothing to do: what `write` resolved is with the system, and survives the end of the process. */
  async flush(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#handles.close()
    const folders = new Set<string>()
    for (let file = 0; file < this.#files.length; file++) {
      const parent = path.dirname(this.#paths[file] as string)
      if (!(await this.#isInside(parent))) continue
      await fs.promises.rm(this.#paths[file] as string, { force: true })
      for (let folder = parent; folder.length > this.#root.length; folder = path.dirname(folder))
        folders.add(folder)
    }
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
      await fs.promises.rmdir(folder).catch(() => undefined)
    }
    this.#safeFolders.clear()
  }

  async close(): Promise<void> {
    await this.#handles.close()
  }

  /** The absolute path of safe elements. Throws for elements that no safe path has: the caller did not check. */
  #join(elements: readonly string[]): string {
    const safe = elements.length > 0 && elements.every((element) => isSafeElement(element))
    if (!safe) throw new RarestError('storage/unsafe-path', `unsafe path: ${JSON.stringify(elements)}`)
    return path.join(this.#root, ...elements)
  }

  /**
   * The path to open for a file, its folder made if asked; undefined when there is none. Symbolic links
   * are resolved here and refused (ELOOP) when they lead out of the root.
   */
  async #place(file: number, make: boolean): Promise<string | undefined> {
    const place = this.#paths[file] as string
    const folder = path.dirname(place)
    if (!this.#safeFolders.has(folder)) {
      if (make) await this.#makeFolder(folder)
      if (!(await this.#isInside(folder))) return undefined
      this.#safeFolders.add(folder)
    }
    let stat: fs.Stats
    try {
      stat = await fs.promises.lstat(place)
    } catch (error) {
      if (!isMissing(error)) throw error
      if (!make) return undefined
      // The folder may have been removed since it was last looked at.
      await this.#makeFolder(folder)
      return place
    }
    let target = place
    if (stat.isSymbolicLink()) {
      try {
        target = await fs.promises.realpath(place)
      } catch (error) {
        if (isMissing(error)) throw systemError('ELOOP', `${place} is a symbolic link to nothing`)
        throw error
      }
      if (!isBelow(target, await this.#rootPath()))
        throw systemError('ELOOP', `${place} is a symbolic link out of ${this.#root}`)
      stat = await fs.promises.stat(target)
    }
    if (stat.isDirectory()) throw systemError('EISDIR', `${place} is a folder`)
    // Opening a pipe would wait for its other end forever.
    if (!stat.isFile()) throw systemError('EINVAL', `${place} is no regular file`)
    return target
  }

  /** Makes a folder and its parents one by one: `mkdir -p` would walk through links. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder.length <= this.#root.length) {
      await fs.promises.mkdir(this.#root, { recursive: true })
      return
    }
    await this.#makeFolder(path.dirname(folder))
    try {
      await fs.promises.mkdir(folder)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (!(await this.#isInside(folder))) throw systemError('ENOENT', `${folder} cannot be made`)
    }
  }

  /** False when the folder does not exist; throws ELOOP when it is, or lies behind, a link out of the root. */
  async #isInside(folder: string): Promise<boolean> {
    try {
      if (isBelow(await fs.promises.realpath(folder), await this.#rootPath())) return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
    throw systemError('ELOOP', `${folder} leads out of ${this.#root} through a symbolic link`)
  }

  async #rootPath(): Promise<string> {
    if (this.#realRoot === '') this.#realRoot = await fs.promises.realpath(this.#root)
    return this.#realRoot
  }
}

const NO_FOLLOW: number = fs.constants.O_NOFOLLOW ?? 0

function isBelow(target: string, root: string): boolean {
  if (target === root) return true
  return target.startsWith(root.endsWith(path.sep) ? root : root + path.sep)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}

function readAt(fd: number, into: Uint8Array, at: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, at, into.length - at, position, (error, count) =>
      error ? reject(error) : resolve(count),
    )
  })
}

async function writeAll(fd: number, offset: number, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks
  for (let position = offset; rest.length > 0; ) {
    const count = await writeAt(fd, rest, position)
    if (count === 0) throw systemError('EIO', 'the system wrote nothing')
    rest = dropBytes(rest, count)
    position += count
  }
}

function writeAt(fd: number, chunks: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, count: number): void => (error ? reject(error) : resolve(count))
    const only = chunks.length === 1 ? chunks[0] : undefined
    if (only) fs.write(fd, only, 0, only.length, position, done)
    else fs.writev(fd, chunks, position, done)
  })
}

/** What is left of the chunks after `count` bytes were written. */
function dropBytes(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count
  for (let i = 0; i < chunks.length; i++) {
    const chunk = chunks[i] as Uint8Array
    if (left < chunk.length) return [chunk.subarray(left), ...chunks.slice(i + 1)]
    left -= chunk.length
  }
  return []
}
