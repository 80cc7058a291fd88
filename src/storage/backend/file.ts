/**
 * Torrents as files and folders. Files are sparse and made on demand, at most 40 are open at once, and
 * no access ever leaves the root through a symbolic link.
 * @module
 */

import fs from 'node:fs'
import path from 'node:path'
import { RarestError } from '../../util/errors.js'
import type { FileStatus, StorageBackend, StorageFile } from './backend.js'
import { FileHandles } from './file-handles.js'
import { isSafeElement, lookUpFiles } from './file-lookup.js'
import { SandboxedPaths, systemError } from './sandboxed-paths.js'

export interface FileStorageOptions {
  /**
   * Files kept open, the least recently used closed first. Default 40: what libtorrent keeps, and a
   * small part of the 256 that the tightest system allows a process.
   */
  readonly maxHandles?: number
}

export class FileStorage implements StorageBackend {
  readonly #root: string
  readonly #places: SandboxedPaths
  readonly #handles: FileHandles
  #paths: readonly string[] = []

  /** `root` is the folder that holds the torrent; relative ones are taken from the current folder. */
  constructor(root: string, options: FileStorageOptions = {}) {
    this.#root = path.resolve(root)
    this.#places = new SandboxedPaths(this.#root)
    this.#handles = new FileHandles(options.maxHandles ?? 40, (file, write) =>
      this.#places.open(this.#pathOf(file), write),
    )
  }

  /** Files kept open. */
  get maxHandles(): number {
    return this.#handles.limit
  }

  set maxHandles(count: number) {
    this.#handles.limit = count
  }

  async open(files: readonly StorageFile[]): Promise<void> {
    this.#paths = files.map((file) => this.#join(file.path))
    this.#paths = (await lookUpFiles(this.#root, files)).map((elements) => this.#join(elements))
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    const handle = await this.#handles.acquire(file, false)
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
    const handle = await this.#handles.acquire(file, true)
    if (!handle) throw systemError('ENOENT', `no such file: ${this.#pathOf(file)}`)
    try {
      await writeAll(handle.fd, offset, chunks)
    } finally {
      this.#handles.release(handle)
    }
  }

  async status(file: number): Promise<FileStatus> {
    const stat = await this.#places.stat(this.#pathOf(file))
    if (!stat) {
      this.#handles.forget(file)
      return { length: -1 }
    }
    if (!stat.isFile()) {
      const code = stat.isDirectory() ? 'EISDIR' : 'EINVAL'
      throw systemError(code, `${this.#pathOf(file)} is no regular file`)
    }
    this.#handles.forgetUnless(file, stat.dev, stat.ino)
    return { length: stat.size, modified: stat.mtimeMs }
  }

  async create(file: number): Promise<void> {
    // Looked at first: what is there may be in a folder that takes no new files.
    if (await this.#places.stat(this.#pathOf(file))) return
    const handle = await this.#handles.acquire(file, true)
    if (handle) this.#handles.release(handle)
  }

  async remove(file: number): Promise<void> {
    this.#handles.forget(file)
    await this.#places.remove(this.#pathOf(file))
  }

  location(file: number): string | undefined {
    return this.#paths[file]
  }

  /** Nothing to do: what `write` resolved is with the system, and survives the end of the process. */
  async flush(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#handles.close()
    for (const place of this.#paths) await this.#places.remove(place)
    await this.#places.removeFolders(this.#paths)
  }

  async close(): Promise<void> {
    await this.#handles.close()
  }

  #pathOf(file: number): string {
    return this.#paths[file] as string
  }

  /** The absolute path of safe elements. Throws for elements that no safe path has: the caller did not check. */
  #join(elements: readonly string[]): string {
    const safe = elements.length > 0 && elements.every((element) => isSafeElement(element))
    if (!safe) throw new RarestError('storage/unsafe-path', `unsafe path: ${JSON.stringify(elements)}`)
    return path.join(this.#root, ...elements)
  }
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
    rest = dropBytes(rest, count)
    if (count === 0 && rest.length > 0) throw systemError('EIO', 'the system wrote nothing')
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
