/**
 * The disk of a virtual host: as slow, as small and as faulty as a test wants it.
 * @module
 */

import type { FileStatus, StorageBackend, StorageFile } from '../storage/backend/backend.js'
import { type ErrorCode, RarestError } from '../util/errors.js'
import { BLOCK, type SharedBlocks } from './blocks.js'
import type { VirtualClock } from './clock.js'

export interface DiskOptions {
  /** ms that every operation takes. 0 by default. */
  readonly latency?: number
  /** Bytes/s of all reads and writes together. No limit by default. */
  readonly bandwidth?: number
  /** Bytes that fit, in blocks of 16 KiB; writes beyond fail with `ENOSPC`. No limit by default. */
  readonly capacity?: number
}

/** An operation that is about to happen. */
export interface DiskOperation {
  readonly kind: 'open' | 'read' | 'write' | 'status' | 'create' | 'remove' | 'flush' | 'destroy'
  /** Elements joined by `/`, the backend's root first; that root alone when no file is meant. */
  readonly path: string
  readonly offset: number
  readonly length: number
  /** Counts the operations of this disk from 0. */
  readonly index: number
}

interface VirtualFile {
  readonly blocks: Map<number, Uint8Array>
  /** Blocks that only this file has, which may be changed in place. */
  readonly own: Set<number>
  length: number
  modified: number
}

export class VirtualDisk {
  /** Bytes that fit; may be changed at any time. */
  capacity: number
  /** Decides over every operation: a code makes it fail with that code, undefined lets it pass. */
  fault: ((operation: DiskOperation) => string | undefined) | undefined
  readonly #clock: VirtualClock
  readonly #shared: SharedBlocks
  readonly #startTime: number
  readonly #latency: number
  readonly #bandwidth: number
  readonly #files: Map<string, VirtualFile> = new Map()
  #free = 0
  #operations = 0
  #used = 0

  /** @internal Disks are made with their hosts. */
  constructor(clock: VirtualClock, shared: SharedBlocks, startTime: number, options: DiskOptions = {}) {
    this.#clock = clock
    this.#shared = shared
    this.#startTime = startTime
    this.#latency = options.latency ?? 0
    this.#bandwidth = options.bandwidth ?? Number.POSITIVE_INFINITY
    this.capacity = options.capacity ?? Number.POSITIVE_INFINITY
  }

  /** Storage for one torrent below the folder `root` of this disk. */
  backend(root = 'downloads'): StorageBackend {
    return new VirtualBackend(this, root)
  }

  /** Bytes taken, in whole blocks. */
  get used(): number {
    return this.#used
  }

  /** Operations so far. */
  get operations(): number {
    return this.#operations
  }

  /** Paths of all files, sorted. */
  get paths(): readonly string[] {
    return [...this.#files.keys()].sort()
  }

  /** A copy of a file's bytes, or undefined when there is none; takes no virtual time. */
  readFile(path: string): Uint8Array | undefined {
    const file = this.#files.get(path)
    if (!file) return undefined
    const bytes = new Uint8Array(file.length)
    this.readAt(path, 0, bytes)
    return bytes
  }

  /** Puts a file there, replacing any; takes no virtual time. */
  writeFile(path: string, bytes: Uint8Array): void {
    this.deleteFile(path)
    this.touch(path)
    this.writeAt(path, 0, bytes)
  }

  /** Overwrites bytes behind everybody's back; takes no virtual time. */
  writeAt(path: string, offset: number, bytes: Uint8Array): void {
    this.writeChunks(path, offset, [bytes])
  }

  /** Writes one chunk after another; takes no virtual time. */
  writeChunks(path: string, offset: number, chunks: readonly Uint8Array[]): void {
    const file = this.touch(path)
    file.modified = this.#startTime + this.#clock.now
    let at = offset
    let held: { block: Uint8Array; start: number; length: number } | undefined
    const flush = (): void => {
      if (held)
        this.#writeBlock(
          file,
          Math.floor(held.start / BLOCK),
          held.start % BLOCK,
          held.block.subarray(0, held.length),
        )
      held = undefined
    }
    for (const chunk of chunks) {
      for (let from = 0; from < chunk.length; ) {
        const room = BLOCK - (at % BLOCK)
        const part = chunk.subarray(from, from + room)
        // Blocks that lie in one chunk need no copy; others are put together first, to be shared as a whole.
        if (!held && (part.length === room || chunks.length === 1))
          this.#writeBlock(file, Math.floor(at / BLOCK), at % BLOCK, part)
        else {
          held ??= { block: new Uint8Array(room), start: at, length: 0 }
          held.block.set(part, held.length)
          held.length += part.length
          if (part.length === room) flush()
        }
        from += part.length
        at += part.length
      }
    }
    flush()
    file.length = Math.max(file.length, at)
  }

  /** Removes a file behind everybody's back; takes no virtual time. */
  deleteFile(path: string): void {
    const file = this.#files.get(path)
    if (!file) return
    this.#used -= file.blocks.size * BLOCK
    this.#files.delete(path)
  }

  /** Bytes read, fewer only at the end of the file; takes no virtual time. */
  readAt(path: string, offset: number, into: Uint8Array): number {
    const file = this.#files.get(path)
    const length = Math.max(0, Math.min(into.length, (file?.length ?? 0) - offset))
    for (let at = 0; at < length; ) {
      const index = Math.floor((offset + at) / BLOCK)
      const from = offset + at - index * BLOCK
      const bytes = Math.min(BLOCK - from, length - at)
      const block = file?.blocks.get(index)
      if (block) into.set(block.subarray(from, from + bytes), at)
      else into.fill(0, at, at + bytes)
      at += bytes
    }
    return length
  }

  /** @internal The file, made empty when there was none; takes no virtual time. */
  touch(path: string): { length: number; modified: number } & VirtualFile {
    let file = this.#files.get(path)
    if (!file) {
      file = { blocks: new Map(), own: new Set(), length: 0, modified: this.#startTime + this.#clock.now }
      this.#files.set(path, file)
    }
    return file
  }

  /** Length and time of a file; takes no virtual time. */
  statusOf(path: string): FileStatus {
    const file = this.#files.get(path)
    return file ? { length: file.length, modified: file.modified } : { length: -1 }
  }

  /** Does `effect` as an operation that takes the disk's time and may fail. */
  operate<T>(
    kind: DiskOperation['kind'],
    path: string,
    offset: number,
    length: number,
    effect: () => T,
  ): Promise<T> {
    const operation = { kind, path, offset, length, index: this.#operations++ }
    const { now } = this.#clock
    const bytes = kind === 'read' || kind === 'write' ? length : 0
    this.#free = Math.max(now, this.#free) + (bytes * 1_000) / this.#bandwidth
    return new Promise((resolve, reject) => {
      this.#clock.at(this.#free + this.#latency, () => {
        const code =
          this.fault?.(operation) ?? (kind === 'write' ? this.#spaceFault(path, offset, length) : undefined)
        if (code === undefined) resolve(effect())
        else reject(new RarestError(code as ErrorCode, `${code}: ${kind} ${path}`))
      })
    })
  }

  #spaceFault(path: string, offset: number, length: number): string | undefined {
    if (this.capacity === Number.POSITIVE_INFINITY || length === 0) return undefined
    const blocks = this.#files.get(path)?.blocks
    let needed = 0
    for (let index = Math.floor(offset / BLOCK); index * BLOCK < offset + length; index++) {
      if (!blocks?.has(index)) needed += BLOCK
    }
    return needed > 0 && this.#used + needed > this.capacity ? 'ENOSPC' : undefined
  }

  #writeBlock(file: VirtualFile, index: number, from: number, part: Uint8Array): void {
    const old = file.blocks.get(index)
    if (!old) this.#used += BLOCK
    if (part.length === BLOCK) {
      file.blocks.set(index, this.#shared.share(part))
      file.own.delete(index)
      return
    }
    let block = old
    if (!block || !file.own.has(index)) {
      block = new Uint8Array(BLOCK)
      if (old) block.set(old)
      file.own.add(index)
      file.blocks.set(index, block)
    }
    block.set(part, from)
  }
}

class VirtualBackend implements StorageBackend {
  readonly #disk: VirtualDisk
  readonly #root: string
  #paths: readonly string[] = []
  #closed = false

  constructor(disk: VirtualDisk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  async open(files: readonly StorageFile[]): Promise<void> {
    this.#paths = files.map(({ path }) => [this.#root, ...path].join('/'))
    await this.#operate('open', this.#root, 0, 0, () => {})
  }

  read(file: number, offset: number, into: Uint8Array): Promise<number> {
    const path = this.#pathOf(file)
    return this.#operate('read', path, offset, into.length, () => this.#disk.readAt(path, offset, into))
  }

  write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    const path = this.#pathOf(file)
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    // The bytes are read when the operation ends, so that a caller who reuses them too early is caught.
    return this.#operate('write', path, offset, length, () => this.#disk.writeChunks(path, offset, chunks))
  }

  status(file: number): Promise<FileStatus> {
    const path = this.#pathOf(file)
    return this.#operate('status', path, 0, 0, () => this.#disk.statusOf(path))
  }

  create(file: number): Promise<void> {
    const path = this.#pathOf(file)
    return this.#operate('create', path, 0, 0, () => {
      this.#disk.touch(path)
    })
  }

  remove(file: number): Promise<void> {
    const path = this.#pathOf(file)
    return this.#operate('remove', path, 0, 0, () => this.#disk.deleteFile(path))
  }

  flush(): Promise<void> {
    return this.#operate('flush', this.#root, 0, 0, () => {})
  }

  destroy(): Promise<void> {
    return this.#operate('destroy', this.#root, 0, 0, () => {
      for (const path of this.#paths) this.#disk.deleteFile(path)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #pathOf(file: number): string {
    return this.#paths[file] ?? `${this.#root}/?`
  }

  #operate<T>(
    kind: DiskOperation['kind'],
    path: string,
    offset: number,
    length: number,
    effect: () => T,
  ): Promise<T> {
    if (this.#closed) return Promise.reject(new RarestError('EBADF', `${kind} ${path} after close`))
    return this.#disk.operate(kind, path, offset, length, effect)
  }
}
