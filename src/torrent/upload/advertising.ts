/**
 * What peers learn of the pieces that we have beyond our bitfield: a start for those that have nothing
 * (allowed-fast, BEP 6), what costs us no disk read (suggest-piece, BEP 6), and as an initial seed one piece at a time (superseeding, BEP 16).
 * @module
 */

import type { Layout } from '../../metainfo/layout.js'
import type { Picker } from '../../picker/picker.js'
import type { Store } from '../../storage/store.js'
import { allowedFastSet } from '../../wire/allowed-fast.js'
import type { Connection } from '../peers/connection.js'
import type { KnownPeer } from '../peers/peer-list.js'
import { Superseeding, type SuperseedMode } from './superseed.js'

/** Pieces from which on a peer needs no help to start (BEP 6: the size of the allowed-fast set). */
const STARTING = 10

/** Suggestions that a peer has not followed yet; with so many it gets no more. */
const SUGGESTED = 4
/** A piece that less than one in so many peers has is rare. */
const COMMON = 4
/** Cached pieces that are looked at. */
const CACHED = 32

export interface OffersOptions {
  readonly layout: Layout
  readonly infoHash: Uint8Array
  readonly picker: Picker<KnownPeer>
  readonly store: Store
  readonly connections: ReadonlySet<Connection>
  /** Superseed if everything is there from the start. */
  readonly superseed: SuperseedMode | false
}

export class Offers {
  readonly #options: OffersOptions
  /** While we superseed. */
  #superseeding: Superseeding | undefined

  constructor(options: OffersOptions) {
    this.#options = options
    if (options.superseed && options.picker.have.isFull) {
      this.#superseeding = new Superseeding(options.superseed, options.picker)
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
      for (const connection of this.#options.connections) this.#suggest(connection, cached)
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
    const { picker, store, connections } = this.#options
    if (connections.size === 0 || this.#superseeding) return []
    const cached = [...store.cachedPieces].slice(-CACHED).reverse()
    const common = Math.max(2, connections.size / COMMON)
    return cached.filter((piece) => picker.have.has(piece) && picker.availability(piece) >= common)
  }

  /** Ends superseeding, if we do. */
  #showAll(now: number): void {
    if (!this.#superseeding) return
    this.#superseeding = undefined
    const { have } = this.#options.picker
    for (const connection of this.#options.connections) {
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
    const { picker, infoHash, layout } = this.#options
    const theirs = connection.peer.pieces
    if (
      this.#superseeding ||
      !connection.fast ||
      picker.have.isEmpty ||
      theirs === undefined ||
      theirs.count >= STARTING
    )
      return
    const set = allowedFastSet(connection.stream.remote.host, infoHash, layout.pieceCount)
    connection.peer.offerFast(
      set.filter((piece) => picker.have.has(piece) && !theirs.has(piece) && picker.availability(piece) >= 2),
    )
  }
}
