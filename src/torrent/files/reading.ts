/**
 * Reads verified bytes for streams: waits for pieces, and makes those next in line urgent.
 * @module
 */

import type { Layout } from '../../metainfo/layout.js'
import type { Picker } from '../../picker/picker.js'
import type { Reader, Store } from '../../storage/store.js'
import { abortable, Deferred } from '../../util/async/deferred.js'
import { concatBytes } from '../../util/bytes.js'
import type { KnownPeer } from '../peers/peer-list.js'

/** Bytes ahead of a reader that are fetched with a deadline. */
const AHEAD = 8 * 1024 * 1024
/** ms between the deadlines of consecutive pieces. */
const SPACING = 1_000

export class Reading {
  readonly #layout: Layout
  readonly #store: Store
  readonly #picker: Picker<KnownPeer>
  readonly #reader: Reader
  readonly #urgent: () => void
  readonly #waiting = new Map<number, Deferred<void>>()
  #closed: Error | undefined

  /** `urgent` is called when deadlines changed, so that peers are asked anew. */
  constructor(layout: Layout, store: Store, picker: Picker<KnownPeer>, urgent: () => void) {
    this.#layout = layout
    this.#store = store
    this.#picker = picker
    this.#reader = store.reader()
    this.#urgent = urgent
  }

  /** At least 1 and at most `most` bytes at `position` of the torrent, from one piece. */
  async read(
    position: number,
    most: number,
    now: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    if (this.#closed) throw this.#closed
    const piece = Math.floor(position / this.#layout.pieceLength)
    const begin = position - piece * this.#layout.pieceLength
    const length = Math.min(most, this.#layout.pieceSize(piece) - begin)
    if (!this.#picker.have.has(piece)) await abortable(this.#wait(piece, now), signal)
    const ready = this.#store.read(piece, begin, length, this.#reader)
    if (ready) return this.#take(ready)
    const loaded = new Deferred<void>()
    this.#store.load(piece, begin, length, this.#reader, (error) => {
      if (error) loaded.reject(error)
      else loaded.resolve()
    })
    await abortable(loaded.promise, signal)
    const parts = this.#store.read(piece, begin, length, this.#reader)
    if (!parts) return this.read(position, Math.ceil(length / 2), now, signal)
    return this.#take(parts)
  }

  /** A piece was verified. */
  verified(piece: number): void {
    this.#waiting.get(piece)?.resolve()
    this.#waiting.delete(piece)
  }

  /** Ends all waits with `error`. */
  fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }

  /** Ends all waits with `error`, and whatever is asked later. */
  close(error: Error): void {
    this.#closed = error
    this.fail(error)
    this.#store.forget(this.#reader)
  }

  #wait(piece: number, now: number): Promise<void> {
    let waiting = this.#waiting.get(piece)
    if (!waiting) {
      waiting = new Deferred<void>()
      this.#waiting.set(piece, waiting)
    }
    const last = Math.min(this.#layout.pieceCount - 1, piece + Math.ceil(AHEAD / this.#layout.pieceLength))
    for (let next = piece; next <= last; next++) {
      if (!this.#picker.have.has(next)) this.#picker.setDeadline(next, now + (next - piece) * SPACING)
    }
    this.#urgent()
    return waiting.promise
  }

  #take(parts: Uint8Array[]): Uint8Array {
    const bytes = concatBytes(...parts)
    this.#store.sent(parts)
    return bytes
  }
}
