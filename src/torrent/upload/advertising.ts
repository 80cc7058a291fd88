/**
 * What peers learn of the pieces that we have beyond our bitfield: a start for those that have nothing
 * (allowed-fast, BEP 6), what costs us no disk read (suggest-piece, BEP 6), and as an initial seed one piece at a time (superseeding, BEP 16).
 * @module
 */

import { allowedFastSet } from '../../wire/allowed-fast.js'
import type { Connection } from '../peers/connection.js'
import type { ContentContext } from '../peers/swarm-context.js'
import { Superseeding, type SuperseedMode } from './superseed.js'

/** Pieces from which on a peer needs no help to start (BEP 6: the size of the allowed-fast set). */
const STARTING = 10

/** Suggestions that a peer has not followed yet; with so many it gets no more. */
const SUGGESTED = 4
/** A piece that less than one in so many peers has is rare. */
const COMMON = 4
/** Cached pieces that are looked at. */
const CACHED = 32

export interface AdvertisingParts {
  /** From which the allowed-fast set of a peer is made, 20 bytes. */
  readonly infoHash: Uint8Array
  /** Superseed if everything is there from the start. */
  readonly superseed: SuperseedMode | false
}

export class Advertising {
  readonly #context: ContentContext
  readonly #infoHash: Uint8Array
  /** While we superseed. */
  #superseeding: Superseeding | undefined

  constructor(context: ContentContext, { infoHash, superseed }: AdvertisingParts) {
    this.#context = context
    this.#infoHash = infoHash
    if (superseed && context.picker.have.isFull) {
      this.#superseeding = new Superseeding(superseed, context.picker)
    }
  }

  /** True while we pose as a peer that has nothing. */
  get isSuperseeding(): boolean {
    return this.#superseeding !== undefined
  }

  /** A connection came about. */
  joined(connection: Connection): void {
    if (this.#superseeding) connection.shown = new Set()
  }

  /** A peer told all that it has. */
  told(connection: Connection, now: number): void {
    this.#offerFast(connection)
    this.#superseeding?.joined(connection, now)
  }

  /** A peer announced a piece. */
  has(connection: Connection, piece: number, now: number): void {
    this.#superseeding?.has(connection, piece, now)
  }

  left(connection: Connection): void {
    this.#superseeding?.left(connection)
  }

  /** Once a second. */
  tick(now: number): void {
    this.#superseeding?.tick(now)
    const cached = this.#cached()
    if (cached.length > 0)
      for (const connection of this.#context.connections) this.#suggest(connection, cached)
  }

  /** Another seed is there: everybody may know that we are one. */
  seedFound(now: number): void {
    this.#showAll(now)
  }

  /** We lost a piece: who has not everything cannot superseed (BEP 16). */
  lost(now: number): void {
    this.#showAll(now)
  }

  /** Pieces that came into the read cache last, but none that is rare: the peers of a seed are to fetch different ones. */
  #cached(): number[] {
    const { picker, store, connections } = this.#context
    if (connections.size === 0 || this.#superseeding) return []
    const cached = [...store.cachedPieces].slice(-CACHED).reverse()
    const common = Math.max(2, connections.size / COMMON)
    return cached.filter((piece) => picker.have.has(piece) && picker.availability(piece) >= common)
  }

  /** Ends superseeding, if we do. */
  #showAll(now: number): void {
    if (!this.#superseeding) return
    this.#superseeding = undefined
    const { have } = this.#context.picker
    for (const connection of this.#context.connections) {
      const { shown, peer } = connection
      connection.shown = undefined
      for (let piece = have.next(0); piece >= 0; piece = have.next(piece + 1)) {
        if (!shown?.has(piece) && !peer.pieces?.has(piece)) peer.have(piece, now)
      }
      connection.touch()
    }
  }

  /** Names cached pieces that a peer lacks. A choked one gets no advice that is old when it may ask. */
  #suggest(connection: Connection, cached: readonly number[]): void {
    const { peer, suggested } = connection
    const theirs = peer.pieces
    if (!connection.fast || !connection.unchoked || !connection.interested || connection.isUploadOnly) return
    if (connection.shown || theirs === undefined) return
    for (const piece of suggested) if (theirs.has(piece)) suggested.delete(piece)
    if (suggested.size === SUGGESTED) return
    for (const piece of cached) {
      if (theirs.has(piece) || suggested.has(piece)) continue
      suggested.add(piece)
      peer.suggest(piece)
      connection.touch()
      if (suggested.size === SUGGESTED) break
    }
  }

  /**
   * Gives a peer that has next to nothing a start (BEP 6): pieces that are not rare, so that an initial
   * seed sends its only copies to those whom choking and rarest-first choose.
   */
  #offerFast(connection: Connection): void {
    const { picker, layout } = this.#context
    const theirs = connection.peer.pieces
    if (
      this.#superseeding ||
      !connection.fast ||
      picker.have.isEmpty ||
      theirs === undefined ||
      theirs.count >= STARTING
    )
      return
    const set = allowedFastSet(connection.stream.remote.host, this.#infoHash, layout.pieceCount)
    connection.peer.offerFast(
      set.filter((piece) => picker.have.has(piece) && !theirs.has(piece) && picker.availability(piece) >= 2),
    )
  }
}
