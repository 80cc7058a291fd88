/**
 * Superseeding (BEP 16): an initial seed poses as a peer without data and shows each peer one piece at a
 * time, the next one when somebody else has the last, so that every piece leaves it about once.
 *
 * Falls back to plain seeding for good when another seed is there.
 * @module
 */

import type { Picker } from '../../picker/picker.js'
import type { Bitfield } from '../../util/bitfield.js'
import type { Connection } from '../peers/connection.js'
import type { KnownPeer } from '../peers/peer-list.js'

/**
 * `strict`: a peer is shown its next piece only when another peer has the last one. `normal`: also when it
 * has got that itself and nothing has come of it for a while.
 */
export type SuperseedMode = 'normal' | 'strict'

/** ms after which `normal` shows another piece to a peer that has the last one, though nobody else has it. */
const PATIENCE = 30_000
/** ms after which a piece that a peer was shown, and nobody else got, is shown to another. */
const LOST = 60_000
/** ms in which a peer says that it wants the piece that it was shown. */
const REACTION = 3_000
/** Looks at all pieces in one tick. */
const SCANS = 4
/** Copies among the others at which a piece no longer needs us. */
const SPREAD = 2

interface Shown {
  /** The piece that it is to pass on. */
  piece: number
  /** Time (ms) at which it was shown. */
  at: number
}

export class Superseeding {
  readonly #mode: SuperseedMode
  readonly #picker: Picker<KnownPeer>
  readonly #shown: Map<Connection, Shown> = new Map()
  /** Peers that were shown a piece which nobody else has yet, by piece. */
  readonly #bearers: Map<number, Set<Connection>> = new Map()
  /** Times that each piece was shown. */
  readonly #times: Uint16Array
  /** No piece below this one was never shown. */
  #fresh = 0

  constructor(mode: SuperseedMode, picker: Picker<KnownPeer>) {
    this.#mode = mode
    this.#picker = picker
    this.#times = new Uint16Array(picker.have.length)
  }

  /** A peer told what it has: shows it a piece. */
  joined(connection: Connection, now: number): void {
    if (!this.#shown.has(connection)) this.#show(connection, now)
  }

  /** A peer announced a piece: those who were to pass it on may go on. */
  has(connection: Connection, piece: number, now: number): void {
    const bearers = this.#bearers.get(piece)
    if (bearers === undefined) return
    for (const bearer of [...bearers]) {
      // A lone peer has nobody to pass anything on to.
      if (bearer !== connection || this.#shown.size === 1) this.#show(bearer, now)
    }
  }

  left(connection: Connection): void {
    this.#forget(connection)
    this.#shown.delete(connection)
  }

  /** Once a second: shows pieces to peers that wait for one, because one got lost, or for too long. */
  tick(now: number): void {
    let scans = 0
    for (const [connection, { piece, at }] of this.#shown) {
      if (scans === SCANS) break
      // Some do not tell us of pieces that they know we have, but lose interest in us.
      const content = !connection.interested && connection.uploaded > 0 && now - at > REACTION
      if (piece >= 0 && !content && !connection.peer.pieces?.has(piece)) continue
      const patient = this.#mode === 'normal' ? now - at < PATIENCE : true
      if (piece < 0 || !patient || this.#shown.size === 1 || this.#picker.availability(piece) >= SPREAD) {
        this.#show(connection, now)
        scans++
      }
    }
  }

  /** Shows a peer the piece that the swarm needs most, if it needs any. */
  #show(connection: Connection, now: number): void {
    this.#forget(connection)
    const { pieces } = connection.peer
    const piece = pieces ? this.#choose(pieces, now) : -1
    // Who waits goes to the end of the line.
    this.#shown.delete(connection)
    this.#shown.set(connection, { piece, at: now })
    if (piece < 0) return
    this.#times[piece] = Math.min(65_535, (this.#times[piece] as number) + 1)
    let bearers = this.#bearers.get(piece)
    if (bearers === undefined) {
      bearers = new Set()
      this.#bearers.set(piece, bearers)
    }
    bearers.add(connection)
    connection.show(piece, now)
  }

  #forget(connection: Connection): void {
    const piece = this.#shown.get(connection)?.piece ?? -1
    const bearers = this.#bearers.get(piece)
    if (bearers?.delete(connection) && bearers.size === 0) this.#bearers.delete(piece)
  }

  /** A piece that the peer lacks: one never shown, else one that few have; -1 when all that it lacks has spread. */
  #choose(theirs: Bitfield, now: number): number {
    const { length } = this.#times
    while (this.#fresh < length && (this.#times[this.#fresh] as number) > 0) this.#fresh++
    for (let piece = this.#fresh; piece < length; piece++) {
      if (this.#times[piece] === 0 && !theirs.has(piece) && this.#picker.availability(piece) === 0)
        return piece
    }
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let piece = 0; piece < length; piece++) {
      if (theirs.has(piece)) continue
      const copies = this.#picker.availability(piece)
      if (copies >= SPREAD || this.#isUnderWay(piece, now)) continue
      const cost = copies * 65_536 + (this.#times[piece] as number)
      if (cost >= least) continue
      best = piece
      least = cost
    }
    return best
  }

  /** True while a peer may still bring the piece to others. */
  #isUnderWay(piece: number, now: number): boolean {
    for (const bearer of this.#bearers.get(piece) ?? []) {
      if (now - (this.#shown.get(bearer)?.at ?? 0) < LOST) return true
    }
    return false
  }
}
