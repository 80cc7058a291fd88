/**
 * Brings verified data to the disk: adjacent small pieces gathered into runs of up to 1 MiB, a few runs
 * at a time, oldest first. After an error everything waits in memory until it is told to go on.
 * @module
 */

import { type StorageError, storageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import type { OpenPiece } from './open-piece.js'
import { SLAB_LENGTH } from './slab.js'

/** Runs under way at once: libuv has four threads, and reads and name look-ups need some of them. */
const MAX_RUNS = 2

/**
 * Turns of the event loop that a small piece waits for neighbours. A turn of a busy download lasts well
 * under a millisecond, so nobody notices; an idle loop spins through them at once.
 */
const HOLD_TURNS = 8

/** Bytes to be written in one go. */
export interface Run {
  /** Runs of one piece are written one after another, in the order they came. */
  readonly piece: number
  /** Torrent byte. */
  readonly position: number
  readonly length: number
  readonly chunks: readonly Uint8Array[]
  /** The bytes are written, or will not be (`dropped`): the memory is free. */
  done(dropped: boolean): void
}

export interface WriterEvents {
  /** A run has ended: there is room for the next. */
  ended(): void
  written(piece: OpenPiece): void
  /** A part of a piece that may not be verified was queued. */
  queued(piece: number): void
  failed(error: StorageError): void
}

export class Writer {
  readonly #mapping: FileMapping
  readonly #on: WriterEvents
  /** Whole pieces, verified and not yet under way, oldest first. */
  readonly #ready = new Map<number, OpenPiece>()
  /** Parts of large pieces, not yet under way, oldest first. */
  #queue: Run[] = []
  readonly #underWay = new Set<Run>()
  #error: StorageError | undefined
  #paused = false
  #waiters: (() => void)[] = []
  #bytes = 0

  constructor(mapping: FileMapping, on: WriterEvents) {
    this.#mapping = mapping
    this.#on = on
  }

  /** Bytes that wait to be written or are under way. */
  get bytes(): number {
    return this.#bytes
  }

  /** True when something waits that could start in the next turn. */
  get isHolding(): boolean {
    return (this.#ready.size > 0 || this.#queue.length > 0) && this.#hasRoom
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** The failure after which nothing more is started, until {@link Writer.retry}. */
  get error(): StorageError | undefined {
    return this.#error
  }

  /** Queues a verified piece; `written` follows. */
  add(piece: OpenPiece, turn: number): void {
    piece.readyAt = turn
    this.#ready.set(piece.piece, piece)
    this.#bytes += piece.size
  }

  /** Queues a part of a piece. */
  addRun(run: Run): void {
    this.#queue.push(run)
    this.#bytes += run.length
    this.#on.queued(run.piece)
  }

  /** Pieces of which parts wait to be written or are under way. */
  get partial(): readonly number[] {
    return [...this.#queue, ...this.#underWay].map((run) => run.piece)
  }

  /** Drops the queued runs of a piece that came to nothing; those under way end as ever. */
  drop(piece: number): void {
    const dropped = this.#queue.filter((run) => run.piece === piece)
    this.#queue = this.#queue.filter((run) => run.piece !== piece)
    for (const run of dropped) {
      this.#bytes -= run.length
      run.done(true)
    }
  }

  /** Starts what is due in this turn; with `turn` Infinity nothing is held back. */
  start(turn: number): void {
    while (this.#hasRoom) {
      const run = this.#nextQueued() ?? this.#nextReady(turn)
      if (!run) return
      this.#underWay.add(run)
      void this.#write(run)
    }
  }

  /** Stops starting runs, and resolves when none is under way; {@link Writer.resume} ends it. */
  async pause(): Promise<void> {
    this.#paused = true
    while (this.#underWay.size > 0) await this.runEnded()
  }

  resume(): void {
    this.#paused = false
  }

  /** Goes on after an error. */
  retry(): void {
    this.#error = undefined
  }

  /** Forgets everything that is not under way. */
  clear(): void {
    this.#ready.clear()
    this.#queue = []
    this.#bytes = 0
  }

  /** Resolves when a run under way has ended; at once when there is none. */
  async runEnded(): Promise<void> {
    if (this.#underWay.size > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  get #hasRoom(): boolean {
    return this.#underWay.size < MAX_RUNS && !this.#error && !this.#paused
  }

  #nextQueued(): Run | undefined {
    const index = this.#queue.findIndex((run) => {
      for (const other of this.#underWay) if (other.piece === run.piece) return false
      return true
    })
    return index < 0 ? undefined : this.#queue.splice(index, 1)[0]
  }

  #nextReady(turn: number): Run | undefined {
    const oldest = this.#ready.values().next().value
    if (!oldest) return undefined
    const pieces = this.#gather(oldest)
    let length = 0
    for (const piece of pieces) length += piece.size
    if (length + oldest.size <= SLAB_LENGTH && turn - oldest.readyAt < HOLD_TURNS) return undefined
    for (const piece of pieces) this.#ready.delete(piece.piece)
    const first = pieces[0] as OpenPiece
    return {
      piece: first.piece,
      position: first.piece * this.#mapping.layout.pieceLength,
      length,
      chunks:
        pieces.length === 1
          ? first.chunks(0, length)
          : pieces.flatMap((piece) => piece.chunks(0, piece.size)),
      done: () => {
        for (const piece of pieces) this.#on.written(piece)
      },
    }
  }

  /** Neighbours of a piece that are ready too, in order, up to 1 MiB with it. */
  #gather(oldest: OpenPiece): OpenPiece[] {
    const run = [oldest]
    let room = SLAB_LENGTH - oldest.size
    // Behind a piece that is shorter than the others there is a gap, or the end.
    const { pieceLength } = this.#mapping.layout
    let last = oldest
    while (last.size === pieceLength) {
      const next = this.#ready.get(last.piece + 1)
      if (!next || next.size > room) break
      run.push(next)
      room -= next.size
      last = next
    }
    const before: OpenPiece[] = []
    for (let next = this.#ready.get(oldest.piece - 1); next?.size === pieceLength && next.size <= room; ) {
      before.push(next)
      room -= next.size
      next = this.#ready.get(next.piece - 1)
    }
    return before.length === 0 ? run : [...before.reverse(), ...run]
  }

  async #write(run: Run): Promise<void> {
    let failure: StorageError | undefined
    try {
      await this.#writeChunks(run)
    } catch (error) {
      failure = storageError(error, '')
    }
    this.#underWay.delete(run)
    if (failure) {
      this.#queue.unshift(run)
      this.#error = failure
      this.#on.failed(failure)
    } else {
      this.#bytes -= run.length
      run.done(false)
    }
    for (const wake of this.#waiters.splice(0)) wake()
    this.#on.ended()
  }

  /** A piece of more than 1 MiB goes in steps of one chunk, which is that long. */
  async #writeChunks(run: Run): Promise<void> {
    if (run.length <= SLAB_LENGTH) return this.#mapping.write(run.position, run.chunks)
    let position = run.position
    for (const chunk of run.chunks) {
      await this.#mapping.write(position, [chunk])
      position += chunk.length
    }
  }
}
