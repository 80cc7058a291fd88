/**
 * A backend as the store uses it: every failure is a {@link StorageError} that names the file, nothing is
 * called after the end, and the end waits for what is under way.
 * @module
 */

import type { FileStatus, StorageBackend, StorageFile } from './backend.js'
import { StorageError, storageError } from './error.js'

export class GuardedBackend implements StorageBackend {
  readonly #backend: StorageBackend
  #files: readonly StorageFile[] = []
  #running = 0
  #ended = false
  #waiters: (() => void)[] = []

  constructor(backend: StorageBackend) {
    this.#backend = backend
  }

  open(files: readonly StorageFile[]): Promise<void> {
    this.#files = files
    return this.#run(0, () => this.#backend.open(files))
  }

  read(file: number, offset: number, into: Uint8Array): Promise<number> {
    return this.#run(file, () => this.#backend.read(file, offset, into))
  }

  write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    return this.#run(file, () => this.#backend.write(file, offset, chunks))
  }

  status(file: number): Promise<FileStatus> {
    return this.#run(file, () => this.#backend.status(file))
  }

  create(file: number): Promise<void> {
    return this.#run(file, () => this.#backend.create(file))
  }

  remove(file: number): Promise<void> {
    return this.#run(file, () => this.#backend.remove(file))
  }

  /** Where a file is on the disk, if the backend knows; also after the end. */
  location(file: number): string | undefined {
    try {
      return this.#backend.location?.(file)
    } catch {
      return undefined
    }
  }

  /** The only call that is harmless after the end. */
  async flush(): Promise<void> {
    if (!this.#ended) await this.#run(0, () => this.#backend.flush())
  }

  async destroy(): Promise<void> {
    await this.#end()
    await this.#call(0, () => this.#backend.destroy())
  }

  async close(): Promise<void> {
    await this.#end()
    await this.#call(0, () => this.#backend.close())
  }

  async #end(): Promise<void> {
    this.#ended = true
    while (this.#running > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  async #run<T>(file: number, work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new StorageError('storage/io', this.#pathOf(file), 'the storage is closed')
    this.#running++
    try {
      return await this.#call(file, work)
    } finally {
      this.#running--
      if (this.#running === 0) for (const wake of this.#waiters.splice(0)) wake()
    }
  }

  async #call<T>(file: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw storageError(error, this.#pathOf(file))
    }
  }

  #pathOf(file: number): string {
    return this.#files[file]?.path.join('/') ?? ''
  }
}
