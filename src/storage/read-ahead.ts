/**
 * The read side: windows of the torrent in memory, shared by all peers. A peer that reads on
 * sequentially gets windows of 16 KiB doubling to 1 MiB, and the next one is fetched while it reads the
 * last half of its window; a peer that jumps about gets what it asks for.
 *
 * Parts handed out by `read` are views of a window and hold it: nothing is copied, and the memory is not
 * reused before every part went through `sent`.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import type { StorageError } from './backend/error.js'
import { SLAB_LENGTH } from './slab.js'

/** Loads that tell how many peers read at present. */
const RECENT_LOADS = 128

/** Sequential state of one peer, made by `store.reader()`. */
export class Reader {
  /** Torrent byte after the last one read. */
  next = -1
  /** Length of the last window loaded for it. */
  window = 0
  /** Bytes read since the last window was loaded for it. */
  used = 0
  /** It went on from one piece to the next, and is likely to do so again. */
  crosses = false
  /** Torrent byte at which the following window is to be fetched, and that window's start. */
  fetchAt = -1
  fetchFrom = -1
}

type Loaded = (error: StorageError | undefined) => void

interface Window {
  readonly start: number
  readonly end: number
  readonly memory: Uint8Array
  /** Parts handed out and not yet sent. */
  refs: number
  /** Readers that wait for it, undefined once it is loaded. */
  waiters: Loaded[] | undefined
  /** Its blocks count as loaded. */
  isCounted: boolean
  /** True once it is out of the cache: its memory is freed with the last part. */
  dropped: boolean
}

export interface ReadAheadOptions {
  /** Bytes of memory for windows. */
  readonly budget: number
  readonly pieceLength: number
  /** Fills `into` from a torrent byte on. */
  read(position: number, into: Uint8Array): Promise<void>
  /** Blocks of 16 KiB that a piece has. */
  blockCount(piece: number): number
  /**
   * End of the verified bytes from `position` on, at most `limit`; at most the end of the piece where
   * pieces are no multiple of 16 KiB.
   */
  readableUntil(position: number, limit: number): number
}

export class ReadAhead {
  readonly #options: ReadAheadOptions
  /** The window that holds each 16 KiB of the torrent. */
  readonly #blocks = new Map<number, Window>()
  /** How many blocks of each piece are loaded. */
  readonly #loadedBlocks = new Map<number, number>()
  /** Pieces that are loaded as a whole, the latest last. */
  readonly #whole = new Set<number>()
  /** Least recently loaded or used first. */
  readonly #windows = new Set<Window>()
  /** Every window that has parts out, or is in the cache, by its memory. */
  readonly #owners = new Map<ArrayBufferLike, Window>()
  /** Memory for reuse, by length. */
  readonly #free = new Map<number, Uint8Array[]>()
  #budget: number
  /** Bytes of all window memory, in use or free. */
  #allocated = 0
  /** The readers of the last loads, and how often each is among them: how many share the budget now. */
  readonly #recent: Reader[] = []
  #recentAt = 0
  readonly #active = new Map<Reader, number>()

  constructor(options: ReadAheadOptions) {
    this.#options = options
    this.#budget = options.budget
  }

  /** Bytes of memory for windows. */
  get budget(): number {
    return this.#budget
  }

  set budget(bytes: number) {
    this.#budget = bytes
    if (this.#allocated <= bytes) return
    this.#shrink()
    for (const window of this.#windows) {
      if (this.#allocated <= bytes) break
      if (window.refs > 0 || window.waiters) continue
      this.#evict(window)
      this.#shrink()
    }
  }

  /** Bytes of memory taken for windows. */
  get allocated(): number {
    return this.#allocated
  }

  /** Pieces that are in memory as a whole, the one completed last at the end. Live. */
  get pieces(): ReadonlySet<number> {
    return this.#whole
  }

  /** The parts of a range, or undefined unless all of it is loaded. */
  read(position: number, length: number, reader: Reader): Uint8Array[] | undefined {
    const end = position + length
    const first = this.#loaded(position)
    if (!first) return undefined
    const parts: Uint8Array[] = []
    if (end <= first.end) parts.push(this.#part(first, position, end))
    else {
      for (let at = first.end; at < end; ) {
        const window = this.#loaded(at)
        if (!window) return undefined
        at = window.end
      }
      for (let at = position; at < end; ) {
        const window = this.#loaded(at) as Window
        const stop = Math.min(end, window.end)
        parts.push(this.#part(window, at, stop))
        at = stop
      }
    }
    if (position !== reader.next) reader.fetchAt = -1
    reader.used += length
    reader.next = end
    if (reader.fetchAt >= 0 && end >= reader.fetchAt) {
      reader.fetchAt = -1
      if (!this.#blocks.has(this.#blockOf(reader.fetchFrom))) this.#ahead(reader, reader.fetchFrom, undefined)
    }
    return parts
  }

  /** The parts have left: their memory may be reused. */
  sent(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      const window = this.#owners.get(part.buffer)
      if (!window) continue
      window.refs--
      if (window.refs === 0 && window.dropped) this.#release(window)
    }
  }

  /** Loads what is missing of a range; `done` is called later, once, never from inside this call. */
  load(position: number, length: number, reader: Reader, done: Loaded): void {
    let waiting = 1
    let failure: StorageError | undefined
    const one: Loaded = (error) => {
      failure ??= error
      if (--waiting === 0) done(failure)
    }
    this.#follow(position, reader)
    this.#note(reader)
    const end = position + length
    for (let at = position; at < end; ) {
      const window = this.#blocks.get(this.#blockOf(at))
      if (!window) {
        waiting++
        at = this.#ahead(reader, at, one, end)
        continue
      }
      if (window.waiters) {
        waiting++
        window.waiters.push(one)
      }
      at = window.end
    }
    void Promise.resolve().then(() => one(undefined))
  }

  /**
   * Learns from where a reader loads next. Peers fetch piece by piece in any order: one that jumps to the
   * start of a piece after using its last window keeps its pace, any other jump starts small again.
   */
  #follow(position: number, reader: Reader): void {
    const atStart = position % this.#options.pieceLength === 0
    if (atStart) reader.crosses = position === reader.next
    if (position !== reader.next && !(atStart && 2 * reader.used >= reader.window)) reader.window = 0
  }

  /** Forgets the windows that hold any byte of a range: it was found to be wrong, or was written anew. */
  drop(start: number, end: number): void {
    for (const window of [...this.#windows]) if (window.start < end && window.end > start) this.#evict(window)
  }

  /** Forgets everything; parts that are out stay valid. */
  close(): void {
    for (const window of [...this.#windows]) this.#evict(window)
    this.#free.clear()
  }

  #loaded(position: number): Window | undefined {
    const window = this.#blocks.get(this.#blockOf(position))
    return window && !window.waiters && position >= window.start ? window : undefined
  }

  #part(window: Window, start: number, end: number): Uint8Array {
    window.refs++
    // Used windows move to the young end once they are at work, not at every block.
    if (window.refs === 1) {
      this.#windows.delete(window)
      this.#windows.add(window)
    }
    return window.memory.subarray(start - window.start, end - window.start)
  }

  /** Starts one window from `from` on and gives its end; it reaches `need` if one window can. */
  #ahead(reader: Reader, from: number, done: Loaded | undefined, need: number = from + 1): number {
    const start = from - ((from % this.#options.pieceLength) % BLOCK_LENGTH)
    reader.window = Math.min(this.#longest(), Math.max(BLOCK_LENGTH, reader.window * 2))
    reader.used = 0
    const pieceEnd = (Math.floor(from / this.#options.pieceLength) + 1) * this.#options.pieceLength
    const reach = reader.crosses ? Number.POSITIVE_INFINITY : pieceEnd
    const wish = Math.max(need, Math.min(reach, alignedEnd(start, reader.window))) - start
    // Windows end with a block, or with the verified bytes: each block belongs to one window.
    const limit = start + Math.min(SLAB_LENGTH, Math.ceil(wish / BLOCK_LENGTH) * BLOCK_LENGTH)
    let end = this.#options.readableUntil(from, limit)
    for (let at = start + BLOCK_LENGTH; at < end; at += BLOCK_LENGTH) {
      if (this.#blocks.has(this.#blockOf(at))) end = at
    }
    let memory = this.#take(end - start, false)
    if (!memory) {
      // All memory is held by sockets that do not drain: no reading ahead, only what is asked for now.
      if (!done) return end
      end = Math.min(end, start + Math.ceil((need - start) / BLOCK_LENGTH) * BLOCK_LENGTH)
      memory = this.#take(end - start, true) as Uint8Array
    }
    const window: Window = {
      start,
      end,
      memory,
      refs: 0,
      waiters: done ? [done] : [],
      isCounted: false,
      dropped: false,
    }
    for (let at = start; at < end; at += BLOCK_LENGTH) this.#blocks.set(this.#blockOf(at), window)
    this.#windows.add(window)
    this.#owners.set(memory.buffer, window)
    // Half a window before its end the next one starts, so that a fast peer never waits.
    reader.fetchAt = end - start >= 4 * BLOCK_LENGTH ? end - (end - start) / 2 : -1
    reader.fetchFrom = end
    if (end >= reach || this.#options.readableUntil(end, end + 1) <= end) reader.fetchAt = -1
    void this.#fill(window)
    return end
  }

  async #fill(window: Window): Promise<void> {
    let failure: StorageError | undefined
    try {
      await this.#options.read(window.start, window.memory.subarray(0, window.end - window.start))
    } catch (error) {
      failure = error as StorageError
    }
    const waiters = window.waiters ?? []
    window.waiters = undefined
    if (failure && !window.dropped) this.#evict(window)
    else if (!window.dropped) this.#count(window, 1)
    else if (window.refs === 0) this.#release(window)
    for (const waiter of waiters) waiter(failure)
  }

  /** Windows shrink when many peers read, so that each can have one at work and one ahead. */
  #longest(): number {
    const share = this.#budget / (2 * Math.max(1, this.#active.size))
    let length = SLAB_LENGTH
    while (length > BLOCK_LENGTH && length > share) length /= 2
    return length
  }

  #note(reader: Reader): void {
    const before = this.#recent[this.#recentAt]
    if (before) {
      const count = this.#active.get(before) as number
      if (count === 1) this.#active.delete(before)
      else this.#active.set(before, count - 1)
    }
    this.#recent[this.#recentAt] = reader
    this.#recentAt = (this.#recentAt + 1) % RECENT_LOADS
    this.#active.set(reader, (this.#active.get(reader) ?? 0) + 1)
  }

  /** A number for each 16 KiB of each piece, consecutive over the torrent where pieces are a multiple of that. */
  #blockOf(position: number): number {
    const { pieceLength } = this.#options
    const piece = Math.floor(position / pieceLength)
    const perPiece = Math.ceil(pieceLength / BLOCK_LENGTH)
    return piece * perPiece + Math.floor((position - piece * pieceLength) / BLOCK_LENGTH)
  }

  /** The blocks of a window are in memory, or leave it. */
  #count(window: Window, by: 1 | -1): void {
    window.isCounted = by > 0
    const perPiece = Math.ceil(this.#options.pieceLength / BLOCK_LENGTH)
    for (let at = window.start; at < window.end; at += BLOCK_LENGTH) {
      const block = this.#blockOf(at)
      const piece = Math.floor(block / perPiece)
      const blocks = this.#options.blockCount(piece)
      if (block - piece * perPiece >= blocks) continue
      const loaded = (this.#loadedBlocks.get(piece) ?? 0) + by
      if (loaded === 0) this.#loadedBlocks.delete(piece)
      else this.#loadedBlocks.set(piece, loaded)
      if (loaded === blocks) this.#whole.add(piece)
      else this.#whole.delete(piece)
    }
  }

  /** Memory of at least `length` bytes in an ArrayBuffer of its own; undefined when all of the budget is held. */
  #take(length: number, force: boolean): Uint8Array | undefined {
    let size = BLOCK_LENGTH
    while (size < length) size *= 2
    const free = this.#free.get(size)?.pop()
    if (free) return free
    const budget = this.#budget
    if (this.#allocated + size > budget) {
      this.#shrink()
      for (const window of this.#windows) {
        if (this.#allocated + size <= budget) break
        if (window.refs > 0 || window.waiters) continue
        this.#evict(window)
        const fitting = this.#free.get(size)?.pop()
        if (fitting) return fitting
        this.#shrink()
      }
      if (this.#allocated + size > budget && !force) return undefined
    }
    this.#allocated += size
    return new Uint8Array(size)
  }

  /** Leaves the free memory to the collector. */
  #shrink(): void {
    for (const [size, list] of this.#free) this.#allocated -= size * list.length
    this.#free.clear()
  }

  #evict(window: Window): void {
    window.dropped = true
    if (window.isCounted) this.#count(window, -1)
    this.#windows.delete(window)
    for (let at = window.start; at < window.end; at += BLOCK_LENGTH) {
      if (this.#blocks.get(this.#blockOf(at)) === window) this.#blocks.delete(this.#blockOf(at))
    }
    if (window.refs === 0 && !window.waiters) this.#release(window)
  }

  #release(window: Window): void {
    const size = window.memory.length
    this.#owners.delete(window.memory.buffer)
    const list = this.#free.get(size)
    if (this.#allocated > this.#budget) this.#allocated -= size
    else if (list) list.push(window.memory)
    else this.#free.set(size, [window.memory])
  }
}

/** The end of a window of about `length`, on a multiple of it, so that the windows of several peers coincide. */
function alignedEnd(start: number, length: number): number {
  return Math.floor((start + length) / length) * length
}
