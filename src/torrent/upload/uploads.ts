/**
 * Answers requests in the order they came: from the store's read cache, many blocks in one write, no
 * more than the peer takes in about half a second, so that a choke or cancel still bites.
 * @module
 */

import type { Store } from '../../storage/store.js'
import type { Bitfield } from '../../util/bitfield.js'
import type { Rate } from '../../util/rate.js'
import type { Connection } from '../peers/connection.js'
import type { ContentContext } from '../peers/swarm-context.js'

/** Bytes ready for a peer: at least what one slow write takes, at most what one vectored write does. */
const LEAST_READY = 64 * 1024
const MOST_READY = 1024 * 1024

export class Uploads {
  readonly #store: Store
  readonly #have: Bitfield
  readonly #rate: Rate

  constructor({ store, picker, upload }: ContentContext) {
    this.#store = store
    this.#have = picker.have
    this.#rate = upload
  }

  /** Queues answers in the peer core; the caller's flush sends them. */
  serve(connection: Connection, now: number): void {
    if (connection.loading || connection.isClosed) return
    const { peer, reader } = connection
    let room = readyBytes(connection.upload.at(now)) - connection.stream.queued
    while (room > 0) {
      const range = peer.nextRequest()
      if (range === undefined) return
      if (!this.#have.has(range.piece) || connection.shown?.has(range.piece) === false) {
        peer.reject()
        continue
      }
      const parts = this.#store.read(range.piece, range.begin, range.length, reader)
      if (parts === undefined) {
        this.#load(connection, range.piece, range.begin, range.length)
        return
      }
      peer.answer(parts)
      connection.hold(parts)
      connection.upload.add(range.length, now)
      connection.sentSinceUnchoke += range.length
      this.#rate.add(range.length, now)
      room -= range.length
    }
  }

  /** The socket has taken these parts. */
  sent(held: readonly unknown[]): void {
    for (const parts of held) this.#store.sent(parts as Uint8Array[])
  }

  /** A connection ended. */
  forget(connection: Connection): void {
    this.#store.forget(connection.reader)
  }

  #load(connection: Connection, piece: number, begin: number, length: number): void {
    connection.loading = true
    this.#store.load(piece, begin, length, connection.reader, (error) => {
      connection.loading = false
      if (connection.isClosed) return
      if (error) connection.end('torrent/storage-error', 'the data could not be read')
      else connection.touch()
    })
  }
}

function readyBytes(rate: number): number {
  return Math.min(MOST_READY, Math.max(LEAST_READY, rate / 2))
}
