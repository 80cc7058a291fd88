/**
 * Turns ranges of the torrent into reads and writes of single files of a backend: pads are zeros that
 * are never stored, bytes of deselected files go to the part file.
 * @module
 */

import type { FileSlice, Layout } from '../../metainfo/layout.js'
import type { FileStatus, StorageBackend, StorageFile, StoreFile } from './backend.js'
import { StorageError } from './error.js'
import { GuardedBackend } from './guard.js'
import { isStored, PartFile } from './part-file.js'

/** Files looked at in parallel when a torrent opens: enough to hide the thread hop, few enough to share the pool. */
const STATUS_CONCURRENCY = 8

/** Bytes written to a file between two looks at its status. */
const LOOK_EVERY = 16_777_216

export class FileMapping {
  readonly layout: Layout
  readonly #files: readonly StoreFile[]
  readonly #backend: GuardedBackend
  readonly #part: PartFile
  /** Backend index of each torrent file, -1 for those that never reach the backend. */
  readonly #index: Int32Array
  /** Backend index of the part file. */
  readonly #partIndex: number
  /** 1 where the bytes of the file belong into the part file. */
  readonly #parted: Uint8Array
  /** Bytes written to each file since its status was last looked at. */
  readonly #written = new Map<number, number>()
  #wanted: readonly boolean[]
  #partExists = false

  constructor(layout: Layout, files: readonly StoreFile[], backend: StorageBackend) {
    this.layout = layout
    this.#files = files
    this.#backend = new GuardedBackend(backend)
    this.#part = new PartFile(layout, files)
    this.#index = new Int32Array(files.length).fill(-1)
    let count = 0
    for (let i = 0; i < files.length; i++) if (isStored(files[i])) this.#index[i] = count++
    this.#partIndex = this.#part.pieces.length > 0 ? count : -1
    this.#parted = new Uint8Array(files.length)
    this.#wanted = files.map(() => true)
  }

  /** Introduces the files to the backend. Rejects with a {@link StorageError}. */
  async open(): Promise<void> {
    const known: StorageFile[] = []
    for (const file of this.#files)
      if (isStored(file))
        known.push({ path: file.path, originalPath: file.originalPath, length: file.length })
    if (this.#partIndex >= 0) known.push({ path: this.#part.path, length: this.#part.length })
    await this.#backend.open(known)
    if (this.#partIndex < 0) return
    const part = await this.#backend.status(this.#partIndex)
    if (part.length < 0) return
    // A part file left by an earlier run: what is missing on the disk may be in it.
    this.#partExists = true
    const states = await this.statuses()
    for (let file = 0; file < states.length; file++) if (states[file]?.length === -1) this.#parted[file] = 1
  }

  /** True for a file whose bytes all have a place of their own: neither pad nor symlink. */
  isStored(file: number): boolean {
    return (this.#index[file] as number) >= 0
  }

  /** True for a file that is read from its own place: stored, and not kept in the part file. */
  isOwnPlace(file: number): boolean {
    return this.isStored(file) && this.#parted[file] === 0
  }

  /** The file of that readable name, or -1. */
  indexOf(path: string): number {
    return this.#files.findIndex((file) => isStored(file) && file.path.join('/') === path)
  }

  /** The readable name of a file in errors. */
  pathOf(file: number): string {
    return this.#files[file]?.path.join('/') ?? ''
  }

  /** The absolute path of a file, in its own place; undefined for pads and symlinks, and where there is none. */
  locationOf(file: number): string | undefined {
    return this.isStored(file) ? this.#backend.location(this.#index[file] as number) : undefined
  }

  /** What exists of each file in its own place; undefined for pads and symlinks. */
  async statuses(signal?: AbortSignal): Promise<(FileStatus | undefined)[]> {
    const states = new Array<FileStatus | undefined>(this.#files.length).fill(undefined)
    let next = 0
    const work = async (): Promise<void> => {
      for (;;) {
        signal?.throwIfAborted()
        const file = next++
        if (file >= this.#files.length) return
        if (this.isStored(file)) states[file] = await this.status(file)
      }
    }
    await Promise.all(Array.from({ length: STATUS_CONCURRENCY }, work))
    return states
  }

  /** What exists of one file, in its own place. */
  async status(file: number): Promise<FileStatus> {
    return this.#backend.status(this.#index[file] as number)
  }

  /** True when the bytes of a file may be in the part file. */
  mayBeInPart(file: number): boolean {
    return this.#parted[file] === 1 && this.#partExists
  }

  /**
   * Fills `into` from the torrent byte at `position` on. Rejects with a {@link StorageError}: `storage/missing`
   * when a file is shorter than that.
   */
  async read(position: number, into: Uint8Array): Promise<void> {
    const { layout } = this
    let at = 0
    for (const slice of this.#slices(position, into.length)) {
      const part = slice.length === into.length ? into : into.subarray(at, at + slice.length)
      at += slice.length
      if (!this.isStored(slice.file)) {
        part.fill(0)
        continue
      }
      const start = (layout.offsets[slice.file] as number) + slice.offset
      const parted = this.#parted[slice.file] === 1 ? this.#part.offsetOf(start) : undefined
      const path = this.pathOf(slice.file)
      const got = await (parted === undefined
        ? this.#backend.read(this.#index[slice.file] as number, slice.offset, part)
        : this.#readPart(start, part))
      if (got < part.length) {
        const from = slice.offset + got
        throw new StorageError(
          'storage/missing',
          path,
          `${path} has no bytes from ${from} on, and more are needed`,
        )
      }
    }
  }

  /**
   * Writes `chunks` one after another from the torrent byte at `position` on, pads left out. Resolves when
   * the backend has all of it; rejects with a {@link StorageError}.
   */
  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    let length = 0
    for (const chunk of chunks) length += chunk.length
    const slices = this.#slices(position, length)
    if (slices.length === 1) return this.#writeSlice(slices[0] as FileSlice, chunks)
    const cursor = new ChunkCursor(chunks)
    for (const slice of slices) await this.#writeSlice(slice, cursor.take(slice.length))
  }

  /**
   * Says which files the user wants. Nothing may be read or written meanwhile. Files that become unwanted
   * and have nothing on the disk go to the part file from now on; files that become wanted get back what
   * the part file holds of the pieces for which `has` is true.
   */
  async setWanted(wanted: readonly boolean[], has: (piece: number) => boolean): Promise<void> {
    this.#wanted = [...wanted]
    for (let file = 0; file < this.#files.length; file++) {
      if (!this.isStored(file) || (this.#files[file] as StoreFile).length === 0) continue
      if (wanted[file] === true) await this.#promote(file, has)
      else if (this.#parted[file] === 0 && (await this.status(file)).length < 0) this.#parted[file] = 1
    }
    await this.#dropPart()
  }

  /** Moves wanted files out of the part file (after a check that found them there). */
  async promoteWanted(has: (piece: number) => boolean): Promise<void> {
    if (this.#partExists) await this.setWanted(this.#wanted, has)
  }

  /** Makes the wanted zero-length files. */
  async createEmptyFiles(): Promise<void> {
    for (let file = 0; file < this.#files.length; file++) {
      if (!this.isStored(file) || (this.#files[file] as StoreFile).length > 0) continue
      if (this.#wanted[file] === true) await this.#backend.create(this.#index[file] as number)
    }
  }

  async flush(): Promise<void> {
    await this.#backend.flush()
  }

  async close(): Promise<void> {
    await this.#backend.close()
  }

  async destroy(): Promise<void> {
    await this.#backend.destroy()
    this.#partExists = false
  }

  async #writeSlice(slice: FileSlice, chunks: readonly Uint8Array[]): Promise<void> {
    const { file } = slice
    if (!this.isStored(file)) return
    if (this.#parted[file] === 1) {
      const start = (this.layout.offsets[file] as number) + slice.offset
      if (this.#wanted[file] !== true && this.#part.offsetOf(start) !== undefined)
        return this.#writePart(start, chunks)
      // Wanted again, or a whole piece of a file that was deselected while the piece was under way.
      await this.#promote(file, () => true)
    }
    await this.#backend.write(this.#index[file] as number, slice.offset, chunks)
    await this.#lookAfter(file, slice.offset + slice.length, slice.length)
  }

  /** Now and then: a file that was deleted under us takes writes without complaint, and loses them. */
  async #lookAfter(file: number, end: number, length: number): Promise<void> {
    const written = (this.#written.get(file) ?? 0) + length
    this.#written.set(file, written % LOOK_EVERY)
    if (written < LOOK_EVERY) return
    const path = this.pathOf(file)
    if ((await this.status(file)).length < end)
      throw new StorageError('storage/missing', path, `${path} was deleted or cut while it was written`)
  }

  /** Copies the shared pieces of a file out of the part file and makes its own place the valid one. */
  async #promote(file: number, has: (piece: number) => boolean): Promise<void> {
    if (this.#parted[file] === 0) return
    const range = this.layout.piecesOf(file)
    if (range && this.#partExists) {
      for (const piece of range.first === range.last ? [range.first] : [range.first, range.last]) {
        if (!has(piece)) continue
        const start = Math.max(piece * this.layout.pieceLength, this.layout.offsets[file] as number)
        const end = Math.min((piece + 1) * this.layout.pieceLength, this.layout.offsets[file + 1] as number)
        await this.#move(file, start, end)
      }
    }
    this.#parted[file] = 0
  }

  async #move(file: number, start: number, end: number): Promise<void> {
    const step = new Uint8Array(Math.min(end - start, 1_048_576))
    for (let at = start; at < end; at += step.length) {
      const bytes = step.subarray(0, Math.min(step.length, end - at))
      if (this.#part.offsetOf(at) === undefined) return
      const got = await this.#readPart(at, bytes)
      if (got === 0) return
      const offset = at - (this.layout.offsets[file] as number)
      const target = this.#index[file] as number
      await this.#backend.write(target, offset, [bytes.subarray(0, got)])
    }
  }

  async #dropPart(): Promise<void> {
    if (!this.#partExists || this.#parted.includes(1)) return
    await this.#backend.remove(this.#partIndex)
    this.#partExists = false
  }

  async #readPart(position: number, into: Uint8Array): Promise<number> {
    return this.#backend.read(this.#partIndex, this.#part.offsetOf(position) as number, into)
  }

  async #writePart(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    await this.#backend.write(this.#partIndex, this.#part.offsetOf(position) as number, chunks)
    this.#partExists = true
  }

  #slices(position: number, length: number): FileSlice[] {
    const slices = this.layout.slices(0, position, length)
    // Neighbouring pieces of a deselected file have slots that need not be neighbours.
    if (!this.#parted.includes(1)) return slices
    const { pieceLength, offsets } = this.layout
    const cut: FileSlice[] = []
    for (const slice of slices) {
      if (this.#parted[slice.file] === 0) {
        cut.push(slice)
        continue
      }
      const start = (offsets[slice.file] as number) + slice.offset
      for (let at = start; at < start + slice.length; ) {
        const end = Math.min(start + slice.length, (Math.floor(at / pieceLength) + 1) * pieceLength)
        cut.push({ file: slice.file, offset: at - (offsets[slice.file] as number), length: end - at })
        at = end
      }
    }
    return cut
  }
}

/** Hands out consecutive runs of a list of chunks without copying. */
class ChunkCursor {
  readonly #chunks: readonly Uint8Array[]
  #index = 0
  #at = 0

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
  }

  take(length: number): Uint8Array[] {
    const run: Uint8Array[] = []
    for (let left = length; left > 0; ) {
      const chunk = this.#chunks[this.#index] as Uint8Array
      const part = Math.min(left, chunk.length - this.#at)
      run.push(chunk.subarray(this.#at, this.#at + part))
      left -= part
      this.#at += part
      if (this.#at === chunk.length) {
        this.#index++
        this.#at = 0
      }
    }
    return run
  }
}
