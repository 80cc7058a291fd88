/**
 * Between the wire and the disk: blocks are assembled in pooled memory, hashed as they come, written
 * when their piece is verified, and read back in windows for upload.
 *
 * A piece is open (its blocks arrive) -> sealed (all are here) -> verified in memory -> written ->
 * `on.verified`; or sealed -> `on.failed`, and it may be opened again. No callback is ever made from
 * inside a method call: all come from the end of a turn or from the disk.
 * @module
 */

import { BLOCK_LENGTH, type Layout } from '../metainfo/layout.js'
import { ReadWriteLock } from '../util/async/rw-lock.js'
import { Bitfield } from '../util/bitfield.js'
import { StorageError, storageError } from './backend/error.js'
import { FileMapping } from './backend/file-mapping.js'
import { type CheckOptions, contradiction } from './check.js'
import { Inspection } from './inspection.js'
import { hashLeaves } from './leaves.js'
import { PieceOutcomes } from './piece-outcome.js'
import { ReadAhead, Reader } from './read-ahead.js'
import { PIECE_LOST } from './recheck.js'
import { SLAB_LENGTH, SlabPool } from './slab.js'
import { SPILL_ABOVE, SPILL_CELL } from './spill.js'
import type { StoreOptions } from './store-options.js'
import { V1Verifier, type Verifier } from './verifier.js'

export type { StoreFile } from './backend/backend.js'
export type { CheckOptions } from './check.js'
export { Reader } from './read-ahead.js'
export type { StoreEvents, StoreOptions } from './store-options.js'

const DEFAULT_BUDGET = 64 * SLAB_LENGTH
const DEFAULT_READ_BUDGET = 24 * SLAB_LENGTH

/** Verified or sealed bytes waiting, from which on the links are to pause: some 20 ms of a fast download. */
const CONGESTED_BYTES = 16 * SLAB_LENGTH
/**
 * Open pieces that do for any number of peers: those that slow ones hold up are a few of them. With twice as
 * many a download from 40 fast peers is 8 % slower, since what is hashed has left the processor's cache.
 */
const ENOUGH_OPEN = 16

export class Store {
  /** The pieces that are verified and written. Live; only the store changes it. */
  readonly verified: Bitfield
  readonly #options: StoreOptions
  readonly #layout: Layout
  readonly #mapping: FileMapping
  readonly #verifier: Verifier
  readonly #pool: SlabPool
  #budget: number
  readonly #pieces: PieceOutcomes
  readonly #readAhead: ReadAhead
  readonly #inspection: Inspection
  readonly #lock = new ReadWriteLock()
  #opened = false
  #turnDue = false
  #congested = false
  #closed = false
  #error: StorageError | undefined

  constructor(options: StoreOptions) {
    const { layout, files, backend } = options
    this.#options = options
    this.#layout = layout
    this.#mapping = new FileMapping(layout, files, backend)
    this.#verifier = options.verifier ?? new V1Verifier(options.pieces)
    this.#budget = options.budget ?? DEFAULT_BUDGET
    const spills = layout.pieceLength > SPILL_ABOVE
    this.#pool = new SlabPool(spills ? SPILL_CELL : Math.max(1, Math.min(layout.pieceLength, SLAB_LENGTH)))
    this.verified = new Bitfield(layout.pieceCount)
    this.#pieces = new PieceOutcomes({
      layout,
      mapping: this.#mapping,
      verifier: this.#verifier,
      pool: this.#pool,
      budget: () => this.#budget,
      spills,
      verified: this.verified,
      canDoubt: options.on.doubtful !== undefined,
      read: async (piece, begin, into) => {
        if (this.#closed) throw new Error('the store was closed')
        await this.#lock.read(() => this.#mapping.read(piece * layout.pieceLength + begin, into))
      },
      on: {
        work: () => this.#scheduleTurn(),
        writing: (piece) => this.#inspection.writing(piece),
        written: (piece) => this.#inspection.written(piece),
        verified: (piece) => {
          if (!this.#closed && this.verified.has(piece)) options.on.verified(piece)
        },
        failed: (error) => this.#fail(error),
      },
    })
    this.#inspection = new Inspection({
      mapping: this.#mapping,
      verifier: this.#verifier,
      lock: this.#lock,
      defer: options.defer,
      verified: this.verified,
      partial: () => this.#pieces.writer.partial,
      checked: (piece, isRight) => void (isRight ? this.#take(piece) : this.#drop(piece)),
      lost: (piece) => this.#lost(piece),
      found: (piece) => this.#found(piece),
    })
    this.#readAhead = new ReadAhead({
      budget: options.readBudget ?? DEFAULT_READ_BUDGET,
      pieceLength: layout.pieceLength,
      read: (position, into) => this.#inspection.read(position, into),
      blockCount: (piece) => layout.blockCount(piece),
      readableUntil: (position, limit) => this.#readableUntil(position, limit),
    })
  }

  /** The absolute path of a file of the layout, once the store is open and if the backend has files. */
  locationOf(file: number): string | undefined {
    return this.#mapping.locationOf(file)
  }

  /** Introduces the files to the backend, once; creates nothing. Rejects with a {@link StorageError}. */
  async open(): Promise<void> {
    if (this.#opened) return
    await this.#mapping.open()
    this.#opened = true
  }

  /** Bytes of memory for open pieces. Those that are open are finished when it is lowered. */
  get budget(): number {
    return this.#budget
  }

  set budget(bytes: number) {
    this.#budget = bytes
    this.#scheduleTurn()
  }

  /** Bytes of memory for reading ahead. Lowered: what is cached beyond it goes, unless it is on its way to a peer. */
  get readBudget(): number {
    return this.#readAhead.budget
  }

  set readBudget(bytes: number) {
    this.#readAhead.budget = bytes
  }

  /**
   * How many pieces may be open at once, from their first request until `on.verified` or `on.failed`: as many
   * as half the budget holds, or 16 if all of it holds those, at least 1. Pieces above 4 MiB hold 4 MiB of it
   * each, the rest of them spills to the disk.
   */
  get maxOpenPieces(): number {
    const cells = Math.ceil(Math.min(this.#layout.pieceLength, SPILL_ABOVE) / this.#pool.cellLength)
    const most = this.#budget / (cells * this.#pool.cellLength)
    return Math.max(1, Math.floor(Math.min(most, Math.max(ENOUGH_OPEN, most / 2))))
  }

  /** True while too much waits to be hashed or written: stop reading from peers until `on.drained`. */
  get congested(): boolean {
    return this.#congested
  }

  /** The failure that stopped the store, until {@link Store.retry}. */
  get error(): StorageError | undefined {
    return this.#error
  }

  /**
   * Pieces of files that were found missing, cut or changed since they were last checked; undefined for none.
   * What is not there any more is to be downloaded again: check these before going on.
   */
  get suspects(): Bitfield | undefined {
    return this.#inspection.suspects
  }

  /** Pieces whose bytes are all in the read cache, the latest last: they cost no disk read. Live. */
  get cachedPieces(): ReadonlySet<number> {
    return this.#readAhead.pieces
  }

  /** Bytes of piece and scratch memory in use, and bytes of the read windows. */
  get memory(): { readonly pieces: number; readonly reads: number } {
    return { pieces: this.#pool.used + this.#pieces.assembly.scratchUsed, reads: this.#readAhead.allocated }
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
    if (this.verified.has(piece) && !this.#pieces.assembly.has(piece)) return undefined
    return this.#pieces.assembly.place(piece, begin, length)
  }

  /** True when `data` of {@link Store.place} is scratch memory: somebody else was writing the block by then. */
  isScratch(data: Uint8Array): boolean {
    return this.#pieces.assembly.isScratch(data)
  }

  /**
   * The block is here; `data` is what `place` returned, filled, and no longer the caller's. Give back the
   * lease of a concurrent writer first (its link was told to skip the rest): otherwise the bytes wait for it.
   */
  received(piece: number, begin: number, data: Uint8Array): void {
    this.#pieces.assembly.received(piece, begin, data, !this.#closed && !this.verified.has(piece))
    if (this.#pieces.spill?.isPressed) this.#scheduleTurn()
  }

  /** The lease is given back unfilled: the connection closed, or the block was not wanted any more. */
  release(piece: number, begin: number, data: Uint8Array): void {
    this.#pieces.assembly.release(piece, begin, data)
  }

  /** Forgets what has arrived of an open piece. Sealed pieces are not affected. */
  abandon(piece: number): void {
    this.#pieces.assembly.abandon(piece)
  }

  /** Hashes of pieces that were not known are known now (v2): judges what waits for them. */
  hashesKnown(): void {
    if (this.#closed) return
    this.#pieces.hashesKnown()
    this.#scheduleTurn()
  }

  /**
   * The hash of each block of a verified piece, 32 bytes each, from the disk (v2). Rejects with a
   * {@link StorageError}.
   */
  async leaves(piece: number): Promise<Uint8Array> {
    return this.#lock.read(() => hashLeaves(this.#mapping, piece, this.#options.defer))
  }

  /**
   * Frees the wrong blocks of a doubtful piece: those whose hash is not the one in `leaves`, proven hashes of
   * 32 bytes for each block. Gives their numbers; they are wanted anew, all others are kept.
   */
  reopen(piece: number, leaves: Uint8Array): number[] {
    return this.#pieces.assembly.reopen(piece, leaves)
  }

  /** Nobody gave the hashes of the blocks of a doubtful piece: it fails as a whole. */
  discard(piece: number): void {
    this.#pieces.discard(piece)
  }

  /** The sequential reading state of one peer, for `read` and `load`. */
  reader(): Reader {
    return new Reader()
  }

  /**
   * The bytes of a range of a verified piece, usually in one part, pads and gaps as zeros; undefined when they are
   * not in memory: `load` them. The parts are views that stay valid and unchanged until `sent`.
   */
  read(piece: number, begin: number, length: number, reader: Reader): Uint8Array[] | undefined {
    if (!this.verified.has(piece)) return undefined
    const start = piece * this.#layout.pieceLength + begin
    const stored = this.#stored(piece, begin, length)
    if (stored === length) return this.#readAhead.read(start, length, reader)
    const parts = stored > 0 ? this.#readAhead.read(start, stored, reader) : []
    parts?.push(new Uint8Array(length - stored))
    return parts
  }

  /** Every part that `read` gave out comes back here once, when it has left or was dropped. */
  sent(parts: readonly Uint8Array[]): void {
    this.#readAhead.sent(parts)
  }

  /**
   * SHA-1 of each block of a piece, as it was when it failed (after `on.failed`), or, when it had failed
   * before, as it is right (after `on.verified`); undefined for blocks that could not be read back. Given
   * out once.
   */
  takeDigests(piece: number): readonly (Uint8Array | undefined)[] | undefined {
    return this.#pieces.digests.take(piece)
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
      const path = this.#mapping.pathOf(this.#layout.fileAt(start))
      const error = new StorageError('storage/missing', path, `piece ${piece} is not there to be read`)
      this.#options.defer(() => done(error))
      return
    }
    const stored = this.#stored(piece, begin, length)
    if (stored === 0) {
      this.#options.defer(() => done())
      return
    }
    this.#readAhead.load(start, stored, reader, (error) => {
      // It is to be asked for again: maybe it is not this piece that is lost, but one behind it.
      const failure = error === PIECE_LOST ? undefined : error
      if (failure && !this.#closed) this.#fail(failure)
      done(failure)
    })
  }

  /**
   * Says which files are wanted, by index; all are at first. Deselected files get nothing on the disk
   * but what is there already: bytes that they share with a wanted piece go to a part file, and move to
   * their place when the file is selected again. Rejects with a {@link StorageError}.
   */
  async setWanted(files: readonly boolean[]): Promise<void> {
    await this.#exclusively(() => this.#mapping.setWanted(files, (piece) => this.verified.has(piece)))
  }

  /**
   * Hashes what is on the disk. Resolves to the valid pieces among those checked, and makes
   * {@link Store.verified} agree. Missing files cost nothing; nothing is created, truncated or written.
   * Rejects with `signal.reason`, or with a {@link StorageError} when a file exists and cannot be read.
   * Nothing may be placed or read meanwhile: see {@link Store.recheck}.
   */
  check(options: CheckOptions = {}): Promise<Bitfield> {
    return this.#inspection.check(options)
  }

  /**
   * Hashes what is on the disk again while the store is at work, and tells of each piece that is lost
   * (`on.lost`) or newly there (`on.found`) as soon as that is known. Pieces that are put together or were
   * written meanwhile are left alone; others are looked at before they are read for anybody, from now until
   * all were looked at. One at a time. Gives the numbers of pieces lost and found. Rejects like
   * {@link Store.check}: what was found out by then holds.
   */
  recheck(
    options: Pick<CheckOptions, 'signal' | 'onProgress'> = {},
  ): Promise<{ readonly lost: number; readonly found: number }> {
    return this.#inspection.recheck(options)
  }

  /** Makes the wanted zero-length files, and moves what a check found in a part file to wanted files. */
  async createEmptyFiles(): Promise<void> {
    await this.#exclusively(async () => {
      await this.#mapping.promoteWanted((piece) => this.verified.has(piece))
      await this.#mapping.createEmptyFiles()
    })
  }

  /** Resolves when every piece that is whole by now is judged and written. Rejects with the {@link StorageError} that prevents it. */
  async flush(): Promise<void> {
    while (this.#pieces.assembly.waiting > 0 || !this.#pieces.writer.isEmpty) {
      await this.#lock.writesDone
      const error = this.#pieces.writer.error ?? (this.#pieces.writer.isEmpty ? this.#error : undefined)
      if (error) throw error
      this.#pieces.writer.start(Number.POSITIVE_INFINITY)
      if (this.#pieces.writer.isEmpty) await new Promise<void>((resolve) => this.#options.defer(resolve))
      else await this.#pieces.writer.runEnded()
    }
    await this.#mapping.flush()
  }

  /** Goes on after an error was repaired: pieces that are verified and not written are written now. */
  retry(): void {
    if (!this.#error || this.#closed) return
    this.#error = undefined
    this.#pieces.writer.retry()
    this.#pieces.spill?.retry()
    this.#scheduleTurn()
  }

  /** Writes what is verified, as far as the disk takes it, and releases every handle. Never rejects for a full disk. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#inspection.close()
    try {
      await this.flush()
    } catch {
      // The user knows of the error already; the next start finds these pieces missing.
    }
    await this.#release()
    await this.#mapping.close()
  }

  /** Deletes the torrent's files and releases every handle. */
  async destroy(): Promise<void> {
    this.#closed = true
    this.#inspection.close()
    await this.#release()
    await this.#mapping.destroy()
    await this.#mapping.close()
  }

  /** Bytes of a range that are data of the piece, not the gap behind it. */
  #stored(piece: number, begin: number, length: number): number {
    return Math.max(0, Math.min(length, this.#layout.pieceSize(piece) - begin))
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
    this.#pieces.turn()
    if (this.#pieces.isBusy) this.#scheduleTurn()
    this.#updateCongested()
    const { found, failed, doubtful } = this.#pieces.take()
    if (this.#closed) return
    const { on } = this.#options
    if (this.#verifier.contradiction !== undefined)
      this.#fail(contradiction(this.#mapping, this.#verifier.contradiction))
    for (const piece of found) on.verified(piece)
    for (const piece of failed) on.failed(piece)
    for (const piece of doubtful) if (this.#pieces.assembly.doubtful(piece)) on.doubtful?.(piece)
  }

  /** A piece is right on the disk. */
  #take(piece: number): void {
    this.abandon(piece)
    this.verified.add(piece)
  }

  /** A piece is not right on the disk; true when it was verified. */
  #drop(piece: number): boolean {
    if (!this.verified.delete(piece)) return false
    const { pieceLength } = this.#layout
    this.#readAhead.drop(piece * pieceLength, (piece + 1) * pieceLength)
    return true
  }

  #lost(piece: number): void {
    if (!this.#closed && this.#drop(piece)) this.#options.on.lost?.(piece)
  }

  /** False when a piece cannot be taken as it is on the disk. */
  #found(piece: number): boolean {
    if (this.#closed || !this.#pieces.assembly.isIdle(piece)) return false
    this.#take(piece)
    const { on } = this.#options
    if (on.found) on.found(piece)
    else on.verified(piece)
    return true
  }

  #fail(error: StorageError): void {
    if (error.code === 'storage/missing' || error.code === 'storage/changed')
      this.#inspection.suspect(error.path)
    if (this.#error || this.#closed) {
      this.#error ??= error
      return
    }
    this.#error = error
    this.#options.on.error(error)
  }

  #updateCongested(): void {
    // Large pieces: memory over the budget counts while the disk is about to free some of it.
    const over = this.#pieces.spill && !this.#pieces.writer.isEmpty ? this.#pool.used - this.#budget : 0
    const waiting = Math.max(this.#pieces.writer.bytes + this.#pieces.assembly.waiting, over)
    if (!this.#congested) {
      this.#congested = waiting > CONGESTED_BYTES
    } else if (waiting <= CONGESTED_BYTES / 2) {
      this.#congested = false
      this.#options.defer(() => {
        if (!this.#congested && !this.#closed) this.#options.on.drained()
      })
    }
  }

  /** Runs work that nothing may be written or read beside. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    await this.#lock.write(async () => {
      await this.#pieces.writer.pause()
      try {
        await work()
      } catch (error) {
        throw storageError(error, '')
      } finally {
        this.#pieces.writer.resume()
        this.#scheduleTurn()
      }
    })
  }

  async #release(): Promise<void> {
    await this.#pieces.writer.pause()
    await this.#inspection.ended
    await this.#lock.readsDone()
    this.#readAhead.close()
    this.#pieces.assembly.clear()
    this.#pieces.writer.clear()
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
