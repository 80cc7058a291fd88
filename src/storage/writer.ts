/**
 * Brings verified pieces to the disk: adjacent small ones gathered into runs of up to 1 MiB, a few runs
 * at a time, oldest first. After an error everything waits in memory until it is told to go on.
 * @module
 */

import type { StorageError } from './error.js'
import { storageError } from './error.js'
import type { OpenPiece } from './open-piece.js'
import type { Placement } from './placement.js'
import { SLAB_LENGTH } from './slab.js'

/** Runs under way at once: libuv has four threads, and reads and name look-ups need some of them. */
const MAX_RUNS = 2

/**
 * Turns of the event loop that a small piece waits for neighbours. A turn of a busy download lasts well
 * under a millisecond, so nobody notices; an idle loop spins through them at once.
 */
const HOLD_TURNS = 8

export interface WriterEvents {
  written(piece: OpenPiece): void
  failed(error: StorageError): void
}

export class Writer {
  readonly #placement: Placement
  readonly #on: WriterEvents
  /** Verified and not yet under way, oldest first. */
  readonly #ready = new Map<number, OpenPiece>()
  #running = 0
  /** Verified, under way. */
  readonly #underWay = new Set<OpenPiece>()
  #error: StorageError | undefined
  #paused = false
  /** Bytes verified and not yet written. */
  bytes = 0
  #idle: (() => void)[] = []

  constructor(placement: Placement, on: WriterEvents) {
    this.#placement = placement
    this.#on = on
  }

  /** True when pieces wait for neighbours, so that {@link Writer.start} must be called in the next turn too. */
  get isHolding(): boolean {
    return this.#ready.size > 0 && this.#running < MAX_RUNS && !this.#error && !this.#paused
  }

  /** The failure after which nothing more is started, until {@link Writer.retry}. */
  get error(): StorageError | undefined {
    return this.#error
  }

  /** Everything verified and not yet written. */
  pending(): OpenPiece[] {
    return [...this.#underWay, ...this.#ready.values()]
  }

  /** True while the piece is not yet written. */
  holds(piece: OpenPiece): boolean {
    return this.#underWay.has(piece) || this.#ready.get(piece.piece) === piece
  }

  add(piece: OpenPiece, turn: number): void {
    piece.readyAt = turn
    this.#ready.set(piece.piece, piece)
    this.bytes += piece.size
  }

  /** Starts what is due in this turn; with `turn` Infinity nothing is held back. */
  start(turn: number): void {
    while (this.#running < MAX_RUNS && !this.#error && !this.#paused) {
      const oldest = this.#ready.values().next().value
      if (!oldest) return
      const run = this.#gather(oldest)
      const length = lengthOf(run)
      const full = length + oldest.size > SLAB_LENGTH || length >= SLAB_LENGTH
      if (!full && turn - oldest.readyAt < HOLD_TURNS) return
      for (const piece of run) {
        this.#ready.delete(piece.piece)
        this.#underWay.add(piece)
      }
      this.#running++
      void this.#write(run, length)
    }
  }

  /** Stops starting runs, and resolves when none is under way; {@link Writer.resume} ends it. */
  async pause(): Promise<void> {
    this.#paused = true
    while (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  resume(): void {
    this.#paused = false
  }

  /** Goes on after an error. */
  retry(): void {
    this.#error = undefined
  }

  /** Resolves when the number of runs under way has changed. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Neighbours of a piece that are ready too, in order, up to 1 MiB with it. */
  #gather(oldest: OpenPiece): OpenPiece[] {
    const run = [oldest]
    let room = SLAB_LENGTH - oldest.size
    for (let next = this.#ready.get(oldest.piece + 1); next && next.size <= room; ) {
      run.push(next)
      room -= next.size
      next = this.#ready.get(next.piece + 1)
    }
    const before: OpenPiece[] = []
    for (let next = this.#ready.get(oldest.piece - 1); next && next.size <= room; ) {
      before.push(next)
      room -= next.size
      next = this.#ready.get(next.piece - 1)
    }
    return before.length === 0 ? run : [...before.reverse(), ...run]
  }

  async #write(run: readonly OpenPiece[], length: number): Promise<void> {
    let failure: StorageError | undefined
    try {
      await this.#writeRun(run, length)
    } catch (error) {
      failure = storageError(error, '')
    }
    this.#running--
    for (const piece of run) this.#underWay.delete(piece)
    if (failure) {
      this.#error = failure
      for (const piece of run) this.#ready.set(piece.piece, piece)
      this.#on.failed(failure)
    } else {
      this.bytes -= length
      for (const piece of run) this.#on.written(piece)
    }
    for (const wake of this.#idle.splice(0)) wake()
  }

  async #writeRun(run: readonly OpenPiece[], length: number): Promise<void> {
    const first = run[0] as OpenPiece
    const start = first.piece * this.#placement.layout.pieceLength
    if (run.length > 1) {
      const chunks = run.flatMap((piece) => piece.chunks(0, piece.size))
      return this.#placement.write(start, chunks)
    }
    for (let at = 0; at < length; at += SLAB_LENGTH) {
      await this.#placement.write(start + at, first.chunks(at, Math.min(length, at + SLAB_LENGTH)))
    }
  }
}

function lengthOf(run: readonly OpenPiece[]): number {
  let length = 0
  for (const piece of run) length += piece.size
  return length
}
