/**
 * A bounded cache of open files: a torrent of 10,000 files never runs out of handles.
 * @module
 */

import fs from 'node:fs'
import type { Opened } from './sandboxed-paths.js'

/** An open file, lent until {@link FileHandles.release}. */
export interface OpenFile {
  readonly fd: number
}

class Handle implements OpenFile {
  readonly file: number
  readonly writable: boolean
  readonly fd: number
  readonly dev: number
  readonly ino: number
  users = 0
  /** True once it is out of the cache: closed by its last user. */
  dropped = false

  constructor(file: number, writable: boolean, opened: Opened) {
    this.file = file
    this.writable = writable
    this.fd = opened.fd
    this.dev = opened.dev
    this.ino = opened.ino
  }
}

export class FileHandles {
  #limit: number
  readonly #openFile: (file: number, writable: boolean) => Promise<Opened | undefined>
  /** In order of use, the least recent first. */
  readonly #open = new Map<number, Handle>()
  readonly #opening = new Map<number, Promise<unknown>>()
  /** Handles that exist or are being opened, dropped ones included. */
  #count = 0
  readonly #waiting: (() => void)[] = []
  #closed = false

  /** `open` opens a file for reading only, or for both; undefined when there is none to read. */
  constructor(limit: number, open: (file: number, writable: boolean) => Promise<Opened | undefined>) {
    this.#limit = Math.max(1, limit)
    this.#openFile = open
  }

  /** Files open at once. Lowered: idle ones beyond it are closed now, others when they are released. */
  get limit(): number {
    return this.#limit
  }

  set limit(limit: number) {
    this.#limit = Math.max(1, limit)
    this.#shrink()
    for (let free = this.#limit - this.#count; free > 0; free--) this.#waiting.shift()?.()
  }

  /** An open file, or undefined when there is none (only for reading). Waits while all handles are in use. */
  async acquire(file: number, writable: boolean): Promise<OpenFile | undefined> {
    for (;;) {
      if (this.#closed) throw Object.assign(new Error('EBADF: the storage is closed'), { code: 'EBADF' })
      const cached = this.#open.get(file)
      if (cached && (cached.writable || !writable)) {
        this.#open.delete(file)
        this.#open.set(file, cached)
        cached.users++
        return cached
      }
      const pending = this.#opening.get(file)
      if (pending) {
        await pending.catch(() => undefined)
        continue
      }
      if (cached) this.#drop(cached)
      if (this.#count >= this.#limit) {
        this.#evict()
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
        continue
      }
      this.#count++
      const opening = this.#openFile(file, writable)
      this.#opening.set(file, opening)
      try {
        const opened = await opening
        if (!opened) {
          this.#freed()
          return undefined
        }
        const handle = new Handle(file, writable, opened)
        handle.users++
        if (this.#closed) handle.dropped = true
        else this.#open.set(file, handle)
        return handle
      } catch (error) {
        this.#freed()
        throw error
      } finally {
        this.#opening.delete(file)
      }
    }
  }

  release(handle: OpenFile): void {
    const own = handle as Handle
    own.users--
    if (own.users > 0) return
    if (own.dropped) this.#close(own)
    else if (this.#open.size > this.#limit) this.#drop(own)
    else this.#waiting.shift()?.()
  }

  /** Closes the file as soon as it is not in use; the next access opens it anew. */
  forget(file: number): void {
    const handle = this.#open.get(file)
    if (handle) this.#drop(handle)
  }

  /** Closes the file unless it is the one that the path names now: it may have been replaced. */
  forgetUnless(file: number, dev: number, ino: number): void {
    const handle = this.#open.get(file)
    if (handle && (handle.dev !== dev || handle.ino !== ino)) this.#drop(handle)
  }

  /** Closes everything; resolves when no handle is left. */
  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#waiting.splice(0)) wake()
    for (const handle of [...this.#open.values()]) this.#drop(handle)
    while (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Closes idle files beyond the limit, those first that were idle longest. */
  #shrink(): void {
    for (const handle of this.#open.values()) {
      if (this.#open.size <= this.#limit) return
      if (handle.users === 0) this.#drop(handle)
    }
  }

  /** Closes the handle that was idle longest, if one is; waiters are woken when it is closed. */
  #evict(): void {
    for (const handle of this.#open.values()) {
      if (handle.users > 0) continue
      this.#drop(handle)
      return
    }
  }

  #drop(handle: Handle): void {
    this.#open.delete(handle.file)
    handle.dropped = true
    if (handle.users === 0) this.#close(handle)
  }

  #close(handle: Handle): void {
    fs.close(handle.fd, () => this.#freed())
  }

  #freed(): void {
    this.#count--
    this.#waiting.shift()?.()
  }
}
