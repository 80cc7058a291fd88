/**
 * Between the wire and the disk: blocks are assembled in pooled memory, hashed as they come, written
 * when their piece is verified, and read back in windows for upload.
 *
 * A piece is open (its blocks arrive) -> sealed (all are here) -> verified in memory -> written ->
 * `on.verified`; or sealed -> `on.failed`, and it may be opened again. No callback is ever made from
 * inside a method call, except `load`'s and `on.error`'s from their own asynchronous work.
 * @module
 */

import { BLOCK_LENGTH, type Layout } from '../metainfo/layout.js'
import { Bitfield } from '../util/bitfield.js'
import type { StorageBackend } from './backend.js'
import { type CheckOptions, checkPieces } from './check.js'
import { StorageError, storageError } from './error.js'
import { FREE, LEASED, OpenPiece, RECEIVED } from './open-piece.js'
import { Placement, type StoreFile } from './placement.js'
import { ReadAhead, Reader } from './read-ahead.js'
import { Scratch } from './scratch.js'
import { SLAB_LENGTH, SlabPool } from './slab.js'
import { V1Verifier, type Verifier } from './verifier.js'
import { Writer } from './writer.js'

export type { CheckOptions } from './check.js'
export type { StoreFile } from './placement.js'
export { Reader } from './read-ahead.js'

export interface StoreEvents {
  /** The piece is written: it may be announced and served. */
  verified(piece: number): void
  /** The piece arrived whole and its hash is wrong: its memory is free again and all its blocks are wanted anew. */
  failed(piece: number): void
  /**
   * A file cannot be read or written. `place` refuses until {@link Store.retry}, and after a failed write
   * nothing is written till then either; what was verified stays in memory. Called once for each failure.
   */
  error(error: StorageError): void
  /** {@link Store.congested} went false. */
  drained(): void
}

export interface StoreOptions {
  readonly layout: Layout
  /** In torrent order, as in the layout. */
  readonly files: readonly StoreFile[]
  readonly backend: StorageBackend
  /** v1: one SHA-1 of 20 bytes for each piece. */
  readonly pieces: Uint8Array
  /** How pieces are verified instead of by `pieces`. */
  readonly verifier?: Verifier
  /** Calls once at the end of this turn of the event loop (`world.defer`). */
  defer(call: () => void): void
  /**
   * Bytes of memory for open pieces. Default 64 MiB: a piece of 1 MiB for each of the usual 50 peers with
   * room to spare, and still a transfer under 100 MiB with 24 MiB of reading ahead.
   */
  readonly budget?: number
  /** Bytes of memory for reading ahead. Default 24 MiB: windows of 1 MiB for 12 peers that upload at once, smaller ones for more. */
  readonly readBudget?: number
  readonly on: StoreEvents
}

const DEFAULT_BUDGET = 64 * SLAB_LENGTH
const DEFAULT_READ_BUDGET = 24 * SLAB_LENGTH

/** Bytes hashed in one turn of the event loop: about half a millisecond. */
const HASH_PER_TURN = SLAB_LENGTH

/** Bytes that are hashed at once: from 128 KiB on the cost of a call does not show. */
const HASH_UNIT = 131_072

/** Verified or sealed bytes waiting, from which on the links are to pause: some 20 ms of a fast download. */
const CONGESTED_BYTES = 16 * SLAB_LENGTH

export class Store {
  /** The pieces that are verified and written. Live; only the store changes it. */
  readonly verified: Bitfield
  readonly #options: StoreOptions
  readonly #layout: Layout
  readonly #placement: Placement
  readonly #verifier: Verifier
  readonly #pool: SlabPool
  readonly #scratch = new Scratch()
  readonly #writer: Writer
  readonly #readAhead: ReadAhead
  readonly #open = new Map<number, OpenPiece>()
  /** Abandoned pieces whose memory is still lent to someone. */
  readonly #abandoned = new Set<OpenPiece>()
  /** Blocks that arrived in scratch memory while another writer held their place: it goes in when the place is free. */
  readonly #parked = new Map<OpenPiece, Map<number, Uint8Array>>()
  /** Pads of each piece that has any, as pairs of start and end in the piece. */
  readonly #pads: Map<number, number[]>
  readonly #hashQueue: OpenPiece[] = []
  #failed: number[] = []
  #sealedBytes = 0
  #hashAllowance = HASH_PER_TURN
  #turn = 0
  #turnDue = false
  #congested = false
  #closed = false
  #error: StorageError | undefined
  /** Settles when no work runs that excludes reading and writing. */
  #exclusive: Promise<void> = Promise.resolve()

  constructor(options: StoreOptions) {
    const { layout, files, backend } = options
    this.#options = options
    this.#layout = layout
    this.#placement = new Placement(layout, files, backend)
    this.#verifier = options.verifier ?? new V1Verifier(options.pieces)
    this.#pool = new SlabPool(Math.max(1, Math.min(layout.pieceLength, SLAB_LENGTH)))
    this.#writer = new Writer(this.#placement, {
      written: (piece) => this.#written(piece),
      failed: (error) => this.#fail(error),
    })
    this.verified = new Bitfield(layout.pieceCount)
    this.#pads = padsOf(layout)
    this.#readAhead = new ReadAhead({
      budget: options.readBudget ?? DEFAULT_READ_BUDGET,
      pieceLength: layout.pieceLength,
      read: (position, into) => this.#placement.read(position, into),
      readableUntil: (position, limit) => this.#readableUntil(position, limit),
    })
  }

  /** Introduces the files to the backend; creates nothing. Rejects with a {@link StorageError}. */
  async open(): Promise<void> {
    await this.#placement.open()
  }

  /** How many pieces may be open (requested or being assembled) at once within the budget: at least 1. */
  get maxOpenPieces(): number {
    const charge = Math.ceil(this.#layout.pieceLength / this.#pool.cellLength) * this.#pool.cellLength
    return Math.max(1, Math.floor((this.#options.budget ?? DEFAULT_BUDGET) / charge))
  }

  /** True while too much waits to be hashed or written: stop reading from peers until `on.drained`. */
  get congested(): boolean {
    return this.#congested
  }

  /** The failure that stopped the store, until {@link Store.retry}. */
  get error(): StorageError | undefined {
    return this.#error
  }

  /** Bytes of piece and scratch memory in use, and bytes of the read windows. */
  get memory(): { readonly pieces: number; readonly reads: number } {
    return { pieces: this.#pool.used + this.#scratch.used, reads: this.#readAhead.allocated }
  }

  /** Takes pieces as verified without reading them: what saved state says. */
  trust(pieces: Bitfield): void {
    for (const piece of pieces) this.verified.add(piece)
  }

  /**
   * Memory for a block: an exclusive lease that ends with `received` or `release`. If the block is leased
   * already, scratch memory. Undefined when the bytes are of no use: the block is received, the piece is
   * verified, the store has failed, or too many scratch blocks are out.
   */
  place(piece: number, begin: number, length: number): Uint8Array | undefined {
    if (this.#error || this.#closed) return undefined
    let open = this.#open.get(piece)
    if (!open) {
      if (this.verified.has(piece)) return undefined
      open = this.#openPiece(piece)
    }
    const block = Math.floor(begin / BLOCK_LENGTH)
    const state = open.states[block]
    if (state === FREE) {
      open.states[block] = LEASED
      open.leases++
      return open.memory(begin, length)
    }
    return state === RECEIVED ? undefined : this.#scratch.take(length)
  }

  /** True when `data` of {@link Store.place} is scratch memory: somebody else was writing the block by then. */
  isScratch(data: Uint8Array): boolean {
    return this.#scratch.owns(data)
  }

  /**
   * The block is here; `data` is what `place` returned, filled, and no longer the caller's. Give back the
   * lease of a concurrent writer first (its link was told to skip the rest): otherwise the bytes wait for it.
   */
  received(piece: number, begin: number, data: Uint8Array): void {
    const block = Math.floor(begin / BLOCK_LENGTH)
    let open = this.#open.get(piece)
    if (open?.owns(begin, data)) {
      open.leases--
    } else {
      if (!open && !this.#closed && !this.verified.has(piece)) open = this.#openPiece(piece)
      const state = open?.states[block]
      if (open && state === LEASED) {
        this.#park(open, block, data.slice())
        this.#giveBack(piece, begin, data)
        return
      }
      if (open && state === FREE) open.memory(begin, data.length).set(data)
      this.#giveBack(piece, begin, data)
      if (!open || state !== FREE) return
    }
    this.#receive(open, block)
  }

  /** The lease is given back unfilled: the connection closed, or the block was not wanted any more. */
  release(piece: number, begin: number, data: Uint8Array): void {
    const open = this.#open.get(piece)
    if (!open?.owns(begin, data)) {
      this.#giveBack(piece, begin, data)
      return
    }
    const block = Math.floor(begin / BLOCK_LENGTH)
    open.leases--
    open.states[block] = FREE
    const parked = this.#parked.get(open)?.get(block)
    if (!parked) return
    open.memory(begin, parked.length).set(parked)
    this.#parked.get(open)?.delete(block)
    this.#receive(open, block)
  }

  /** Forgets what has arrived of an open piece. Sealed pieces are not affected. */
  abandon(piece: number): void {
    const open = this.#open.get(piece)
    if (!open || open.missing === 0) return
    this.#open.delete(piece)
    this.#parked.delete(open)
    const queued = this.#hashQueue.indexOf(open)
    if (queued >= 0) this.#hashQueue.splice(queued, 1)
    if (open.leases > 0) this.#abandoned.add(open)
    else open.free()
  }

  /** The sequential reading state of one peer, for `read` and `load`. */
  reader(): Reader {
    return new Reader()
  }

  /**
   * The bytes of a range of a verified piece, usually in one part, pads as zeros; undefined when they are
   * not in memory: `load` them. The parts are views that stay valid and unchanged until `sent`.
   */
  read(piece: number, begin: number, length: number, reader: Reader): Uint8Array[] | undefined {
    if (!this.verified.has(piece)) return undefined
    return this.#readAhead.read(piece * this.#layout.pieceLength + begin, length, reader)
  }

  /** Every part that `read` gave out comes back here once, when it has left or was dropped. */
  sent(parts: readonly Uint8Array[]): void {
    this.#readAhead.sent(parts)
  }

  /** A peer left; its windows are shared and stay. */
  forget(reader: Reader): void {
    reader.next = -1
    reader.window = 0
    reader.fetchAt = -1
  }

  /**
   * Brings a range of a verified piece into memory, with what a sequential reader will want next; `done`
   * comes later, once. After an error (told to `on.error` too) the store has failed.
   */
  load(
    piece: number,
    begin: number,
    length: number,
    reader: Reader,
    done: (error?: StorageError) => void,
  ): void {
    const start = piece * this.#layout.pieceLength + begin
    if (this.#closed || !this.verified.has(piece)) {
      const path = this.#placement.pathOf(this.#layout.fileAt(start))
      const error = new StorageError('storage/missing', path, `piece ${piece} is not there to be read`)
      this.#options.defer(() => done(error))
      return
    }
    this.#readAhead.load(start, length, reader, (error) => {
      if (error && !this.#closed) this.#fail(error)
      done(error)
    })
  }

  /**
   * Says which files are wanted, by index; all are at first. Deselected files get nothing on the disk
   * but what is there already: bytes that they share with a wanted piece go to a part file, and move to
   * their place when the file is selected again. Rejects with a {@link StorageError}.
   */
  async setWanted(files: readonly boolean[]): Promise<void> {
    await this.#exclusively(() => this.#placement.setWanted(files, (piece) => this.verified.has(piece)))
  }

  /**
   * Hashes what is on the disk. Resolves to the valid pieces among those checked, and makes
   * {@link Store.verified} agree. Missing files cost nothing; nothing is created, truncated or written.
   * Rejects with `signal.reason`, or with a {@link StorageError} when a file exists and cannot be read.
   */
  async check(options: CheckOptions = {}): Promise<Bitfield> {
    const valid = await checkPieces(this.#placement, this.#verifier, this.#options.defer, options)
    const { pieceLength } = this.#layout
    for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
      if (options.pieces && !options.pieces.has(piece)) continue
      if (valid.has(piece)) {
        this.abandon(piece)
        this.verified.add(piece)
      } else if (this.verified.delete(piece))
        this.#readAhead.drop(piece * pieceLength, (piece + 1) * pieceLength)
    }
    return valid
  }

  /** Makes the wanted zero-length files, and moves what a check found in a part file to wanted files. */
  async createEmptyFiles(): Promise<void> {
    await this.#exclusively(async () => {
      await this.#placement.settle((piece) => this.verified.has(piece))
      await this.#placement.createEmptyFiles()
    })
  }

  /** Resolves when every piece verified by now is written. Rejects with the {@link StorageError} that prevents it. */
  async flush(): Promise<void> {
    const pending = this.#writer.pending()
    while (pending.some((piece) => this.#writer.holds(piece))) {
      await this.#exclusive
      if (this.#writer.error) throw this.#writer.error
      this.#writer.start(Number.POSITIVE_INFINITY)
      await this.#writer.settled()
    }
    await this.#placement.flush()
  }

  /** Goes on after an error was repaired: pieces that are verified and not written are written now. */
  retry(): void {
    if (!this.#error || this.#closed) return
    this.#error = undefined
    this.#writer.retry()
    this.#scheduleTurn()
  }

  /** Writes what is verified, as far as the disk takes it, and releases every handle. Never rejects for a full disk. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.flush()
    } catch {
      // The user knows of the error already; the next start finds these pieces missing.
    }
    await this.#release()
    await this.#placement.close()
  }

  /** Deletes the torrent's files and releases every handle. */
  async destroy(): Promise<void> {
    this.#closed = true
    await this.#release()
    await this.#placement.destroy()
    await this.#placement.close()
  }

  #openPiece(piece: number): OpenPiece {
    const open = new OpenPiece(piece, this.#layout.pieceSize(piece), this.#verifier.start(piece), this.#pool)
    this.#open.set(piece, open)
    const pads = this.#pads.get(piece)
    if (!pads) return open
    for (let i = 0; i < pads.length; i += 2) open.pad(pads[i] as number, pads[i + 1] as number)
    if (open.missing === 0) this.#seal(open)
    return open
  }

  #receive(open: OpenPiece, block: number): void {
    const grown = open.receive(block)
    if (open.missing === 0) {
      this.#seal(open)
      return
    }
    if (!grown || open.queued || open.hashable - open.hashed < HASH_UNIT) return
    this.#hash(open)
    this.#scheduleTurn()
  }

  /** All blocks are here. */
  #seal(open: OpenPiece): void {
    this.#sealedBytes += open.size
    if (!open.queued) this.#hash(open)
    this.#scheduleTurn()
  }

  /** Hashes what this turn allows, and judges the piece when that was all of it. */
  #hash(open: OpenPiece): void {
    this.#hashAllowance -= open.hashSome(this.#hashAllowance)
    if (open.hashed < open.hashable) {
      if (!open.queued) this.#hashQueue.push(open)
      open.queued = true
      this.#updateCongested()
      return
    }
    open.queued = false
    if (open.hashed < open.size) return
    this.#sealedBytes -= open.size
    if (open.hash.matches()) this.#writer.add(open, this.#turn)
    else {
      this.#open.delete(open.piece)
      open.free()
      this.#failed.push(open.piece)
    }
    this.#updateCongested()
  }

  /** Everything that is done once in a turn, after all sockets were read. */
  #scheduleTurn(): void {
    if (this.#turnDue) return
    this.#turnDue = true
    this.#options.defer(() => {
      this.#turnDue = false
      this.#endTurn()
    })
  }

  #endTurn(): void {
    this.#turn++
    this.#hashAllowance = HASH_PER_TURN
    while (this.#hashQueue.length > 0 && this.#hashAllowance > 0) {
      const open = this.#hashQueue[0] as OpenPiece
      this.#hash(open)
      if (open.queued) break
      this.#hashQueue.shift()
    }
    this.#writer.start(this.#turn)
    if (this.#hashQueue.length > 0 || this.#writer.isHolding) this.#scheduleTurn()
    const failed = this.#failed
    this.#failed = []
    if (this.#closed) return
    for (const piece of failed) this.#options.on.failed(piece)
  }

  #written(open: OpenPiece): void {
    this.#open.delete(open.piece)
    open.free()
    this.verified.add(open.piece)
    this.#updateCongested()
    this.#scheduleTurn()
    if (!this.#closed) this.#options.on.verified(open.piece)
  }

  #fail(error: StorageError): void {
    if (this.#error || this.#closed) {
      this.#error ??= error
      return
    }
    this.#error = error
    this.#options.on.error(error)
  }

  #updateCongested(): void {
    const waiting = this.#writer.bytes + this.#sealedBytes
    if (!this.#congested) {
      this.#congested = waiting > CONGESTED_BYTES
    } else if (waiting <= CONGESTED_BYTES / 2) {
      this.#congested = false
      this.#options.defer(() => {
        if (!this.#congested && !this.#closed) this.#options.on.drained()
      })
    }
  }

  #park(open: OpenPiece, block: number, bytes: Uint8Array): void {
    let parked = this.#parked.get(open)
    if (!parked) {
      parked = new Map()
      this.#parked.set(open, parked)
    }
    parked.set(block, bytes)
  }

  /** Memory that is not a block's own comes back: scratch, or a lease on a piece that was abandoned. */
  #giveBack(piece: number, begin: number, data: Uint8Array): void {
    if (this.#scratch.give(data)) return
    for (const open of this.#abandoned) {
      if (open.piece !== piece || !open.owns(begin, data)) continue
      open.leases--
      if (open.leases > 0) return
      this.#abandoned.delete(open)
      open.free()
      return
    }
  }

  /** Runs work that nothing may be written or read beside. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    const before = this.#exclusive
    let end = (): void => {}
    this.#exclusive = new Promise<void>((resolve) => {
      end = resolve
    })
    await before
    await this.#writer.pause()
    try {
      await work()
    } catch (error) {
      throw storageError(error, '')
    } finally {
      this.#writer.resume()
      end()
      this.#scheduleTurn()
    }
  }

  async #release(): Promise<void> {
    await this.#writer.pause()
    this.#readAhead.close()
    this.#open.clear()
    this.#parked.clear()
    this.#hashQueue.length = 0
    this.#pool.trim()
  }

  #readableUntil(position: number, limit: number): number {
    const { pieceLength, pieceCount, size } = this.#layout
    let piece = Math.floor(position / pieceLength)
    if (pieceLength % BLOCK_LENGTH !== 0) {
      const end = this.verified.has(piece) ? (piece + 1) * pieceLength : position
      return Math.min(limit, size, end)
    }
    while (piece < pieceCount && piece * pieceLength < limit && this.verified.has(piece)) piece++
    return Math.max(position, Math.min(limit, size, piece * pieceLength))
  }
}

function padsOf(layout: Layout): Map<number, number[]> {
  const pads = new Map<number, number[]>()
  for (let file = 0; file < layout.files.length; file++) {
    if (layout.files[file]?.pad !== true) continue
    const start = layout.offsets[file] as number
    const end = layout.offsets[file + 1] as number
    for (let at = start; at < end; ) {
      const piece = Math.floor(at / layout.pieceLength)
      const base = piece * layout.pieceLength
      const stop = Math.min(end, base + layout.pieceLength)
      const list = pads.get(piece) ?? []
      // Neighbouring pads count as one.
      if (list[list.length - 1] === at - base) list[list.length - 1] = stop - base
      else list.push(at - base, stop - base)
      pads.set(piece, list)
      at = stop
    }
  }
  return pads
}
