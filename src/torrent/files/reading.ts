/**
 * Reads verified bytes for streams: waits for pieces, and makes those next in line urgent. Urgency belongs to
 * a reader: it moves along with it, ends where its range ends, and goes when it does.
 * @module
 */

import type { Layout } from '../../metainfo/layout.js'
import type { Picker } from '../../picker/picker.js'
import type { Reader, Store } from '../../storage/store.js'
import { abortable, Deferred } from '../../util/async/deferred.js'
import { concatBytes } from '../../util/bytes.js'
import type { KnownPeer } from '../peers/peer-list.js'

/** Bytes ahead of a reader that are fetched with a deadline, and the most pieces: the picker looks at half of them. */
const AHEAD = 8 * 1024 * 1024
const MOST_AHEAD = 64
/** ms between the deadlines of consecutive pieces. */
const SPACING = 1_000

/** A range of the torrent that somebody reads from its start to its end. */
export interface ReadRange {
  /** The next byte to be read; its reader moves it on. */
  position: number
  /** The byte behind the last one. */
  readonly end: number
  /** Ends the reading, also between two reads. */
  readonly signal?: AbortSignal | undefined
}

/** What is kept of a range while it is read. */
interface Cursor {
  readonly reader: Reader
  /** The piece it stands in; -1 before the first read. */
  piece: number
  /** When it needs which of the missing pieces before it, ms. */
  readonly deadlines: Map<number, number>
  /** Takes back what was asked of its signal. */
  readonly unsubscribe: () => void
}

export class Reading {
  readonly #layout: Layout
  readonly #store: Store
  readonly #picker: Picker<KnownPeer>
  readonly #urgent: () => void
  readonly #cursors = new Map<ReadRange, Cursor>()
  readonly #waiting = new Map<number, Deferred<void>>()
  #closed: Error | undefined

  /** `urgent` is called when more became urgent, so that peers are asked anew. */
  constructor(layout: Layout, store: Store, picker: Picker<KnownPeer>, urgent: () => void) {
    this.#layout = layout
    this.#store = store
    this.#picker = picker
    this.#urgent = urgent
  }

  /** At least 1 and at most `most` bytes from the range's position on, from one piece. {@link Reading.leave} ends it. */
  async read(range: ReadRange, most: number, now: number): Promise<Uint8Array> {
    const { position, end, signal } = range
    if (this.#closed) throw this.#closed
    signal?.throwIfAborted()
    const cursor = this.#cursors.get(range) ?? this.#join(range)
    const piece = Math.floor(position / this.#layout.pieceLength)
    const begin = position - piece * this.#layout.pieceLength
    const length = Math.min(most, end - position, this.#layout.pieceSize(piece) - begin)
    const isThere = this.#picker.have.has(piece)
    if (!isThere || piece !== cursor.piece) this.#advance(cursor, piece, range, now)
    if (!isThere) await abortable(this.#verification(piece), signal)
    const ready = this.#store.read(piece, begin, length, cursor.reader)
    if (ready) return this.#take(ready)
    const loaded = new Deferred<void>()
    this.#store.load(piece, begin, length, cursor.reader, (error) => {
      if (error) loaded.reject(error)
      else loaded.resolve()
    })
    await abortable(loaded.promise, signal)
    const parts = this.#store.read(piece, begin, length, cursor.reader)
    if (!parts) return this.read(range, Math.ceil(length / 2), now)
    return this.#take(parts)
  }

  /** Nobody reads the range any more: what was urgent for it alone is so no longer. */
  leave(range: ReadRange): void {
    const cursor = this.#cursors.get(range)
    if (!cursor) return
    this.#cursors.delete(range)
    cursor.unsubscribe()
    this.#store.forget(cursor.reader)
    for (const piece of cursor.deadlines.keys()) this.#setDeadline(piece)
  }

  /** A piece was verified. */
  verified(piece: number): void {
    for (const { deadlines } of this.#cursors.values()) deadlines.delete(piece)
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
    for (const range of [...this.#cursors.keys()]) this.leave(range)
  }

  #join(range: ReadRange): Cursor {
    const leave = (): void => this.leave(range)
    range.signal?.addEventListener('abort', leave, { once: true })
    const cursor: Cursor = {
      reader: this.#store.reader(),
      piece: -1,
      deadlines: new Map(),
      unsubscribe: () => range.signal?.removeEventListener('abort', leave),
    }
    this.#cursors.set(range, cursor)
    return cursor
  }

  /** The reader stands in this piece: it needs that now, and those behind it one after another. */
  #advance(cursor: Cursor, piece: number, range: ReadRange, now: number): void {
    const { pieceLength } = this.#layout
    const { deadlines } = cursor
    cursor.piece = piece
    for (const passed of [...deadlines.keys()]) {
      if (passed >= piece) continue
      deadlines.delete(passed)
      this.#setDeadline(passed)
    }
    const ahead = Math.min(MOST_AHEAD, Math.ceil(AHEAD / pieceLength))
    const last = Math.min(Math.floor((range.end - 1) / pieceLength), piece + ahead)
    let isMore = false
    for (let next = piece; next <= last; next++) {
      if (this.#picker.have.has(next)) continue
      isMore ||= !deadlines.has(next)
      deadlines.set(next, now + (next - piece) * SPACING)
      this.#setDeadline(next)
    }
    if (isMore) this.#urgent()
  }

  /** A piece is due when the first of its readers needs it. */
  #setDeadline(piece: number): void {
    let soonest: number | undefined
    for (const { deadlines } of this.#cursors.values()) {
      const at = deadlines.get(piece)
      if (at !== undefined && (soonest === undefined || at < soonest)) soonest = at
    }
    this.#picker.setDeadline(piece, soonest)
  }

  #verification(piece: number): Promise<void> {
    let waiting = this.#waiting.get(piece)
    if (!waiting) {
      waiting = new Deferred<void>()
      this.#waiting.set(piece, waiting)
    }
    return waiting.promise
  }

  #take(parts: Uint8Array[]): Uint8Array {
    const bytes = concatBytes(...parts)
    this.#store.sent(parts)
    return bytes
  }
}
