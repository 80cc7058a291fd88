/**
 * A backend that keeps everything in memory: for tests, browsers, and torrents that never touch a disk.
 * @module
 */

import type { FileStatus, StorageBackend, StorageFile } from './backend.js'

/** Memory is taken in chunks of this size where something was written: 64 KiB. */
const CHUNK_LENGTH = 65_536

interface MemoryFile {
  length: number
  readonly chunks: Map<number, Uint8Array>
}

export class MemoryStorage implements StorageBackend {
  #files: readonly StorageFile[] = []
  readonly #contents = new Map<number, MemoryFile>()

  async open(files: readonly StorageFile[]): Promise<void> {
    this.#files = files
  }

  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    const found = this.#contents.get(file)
    if (!found) return 0
    const length = Math.max(0, Math.min(into.length, found.length - offset))
    for (let at = 0; at < length; ) {
      const within = (offset + at) % CHUNK_LENGTH
      const part = Math.min(CHUNK_LENGTH - within, length - at)
      const chunk = found.chunks.get(Math.floor((offset + at) / CHUNK_LENGTH))
      if (chunk) into.set(chunk.subarray(within, within + part), at)
      else into.fill(0, at, at + part)
      at += part
    }
    return length
  }

  async write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    const found = this.#content(file)
    let position = offset
    for (const bytes of chunks) {
      for (let at = 0; at < bytes.length; ) {
        const index = Math.floor(position / CHUNK_LENGTH)
        const within = position % CHUNK_LENGTH
        const part = Math.min(CHUNK_LENGTH - within, bytes.length - at)
        let chunk = found.chunks.get(index)
        if (!chunk) {
          chunk = new Uint8Array(CHUNK_LENGTH)
          found.chunks.set(index, chunk)
        }
        chunk.set(bytes.subarray(at, at + part), within)
        at += part
        position += part
      }
    }
    found.length = Math.max(found.length, position)
  }

  async status(file: number): Promise<FileStatus> {
    return { length: this.#contents.get(file)?.length ?? -1 }
  }

  async create(file: number): Promise<void> {
    this.#content(file)
  }

  async remove(file: number): Promise<void> {
    this.#contents.delete(file)
  }

  async flush(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#contents.clear()
  }

  /** Keeps the contents: opening the same object again is how a restart looks. */
  async close(): Promise<void> {}

  /** The bytes of the file with this path (elements joined with `/`), or undefined when it does not exist. */
  file(path: string): Uint8Array | undefined {
    const index = this.#files.findIndex((file) => file.path.join('/') === path)
    const found = this.#contents.get(index)
    if (!found) return undefined
    const bytes = new Uint8Array(found.length)
    for (const [at, chunk] of found.chunks) {
      const start = at * CHUNK_LENGTH
      bytes.set(chunk.subarray(0, Math.min(CHUNK_LENGTH, found.length - start)), start)
    }
    return bytes
  }

  #content(file: number): MemoryFile {
    let found = this.#contents.get(file)
    if (!found) {
      found = { length: 0, chunks: new Map() }
      this.#contents.set(file, found)
    }
    return found
  }
}
