/**
 * Applies the choker's decisions to the connections of a torrent.
 * @module
 */

import type { World } from '../net/world.js'
import { chokeRound, OPTIMISTIC_ROUND, ROUND } from './choker.js'
import type { Connection } from './connection.js'

export class Choking {
  readonly #connections: ReadonlySet<Connection>
  readonly #slots: number
  readonly #world: World
  #nextRound = 0
  #nextOptimistic = 0

  constructor(connections: ReadonlySet<Connection>, slots: number, world: World) {
    this.#connections = connections
    this.#slots = slots
    this.#world = world
  }

  /** Runs a round when one is due. */
  tick(now: number, seeding: boolean): void {
    if (now < this.#nextRound) return
    this.#nextRound = now + ROUND
    const rotate = now >= this.#nextOptimistic
    if (rotate) this.#nextOptimistic = now + OPTIMISTIC_ROUND
    this.round(now, seeding, rotate)
  }

  /** Decides anew who may download. */
  round(now: number, seeding: boolean, rotate: boolean): void {
    const candidates = [...this.#connections]
    const decision = chokeRound({
      slots: this.#slots,
      seeding,
      rotate,
      now,
      random: this.#world.random,
      candidates,
    })
    for (const connection of candidates) {
      connection.optimistic = connection === decision.optimistic
      const unchoke = decision.unchoke.has(connection)
      if (unchoke !== connection.unchoked) this.#set(connection, unchoke, now)
    }
  }

  /** A peer wants data: with a free slot it need not wait for the next round. */
  interested(connection: Connection, now: number): void {
    if (connection.unchoked || connection.seed || this.#used() >= this.#slots) return
    this.#set(connection, true, now)
  }

  uninterested(connection: Connection, now: number): void {
    if (!connection.unchoked) return
    this.#set(connection, false, now)
    this.left(connection, now)
  }

  /** A slot may have become free: the longest waiting peer takes it. */
  left(gone: Connection, now: number): void {
    if (this.#used() >= this.#slots) return
    let next: Connection | undefined
    for (const connection of this.#connections) {
      if (connection === gone || connection.unchoked || !connection.interested || connection.seed) continue
      if (next === undefined || connection.unchokedAt < next.unchokedAt) next = connection
    }
    if (next) this.#set(next, true, now)
  }

  #used(): number {
    let used = 0
    for (const connection of this.#connections) if (connection.unchoked) used++
    return used
  }

  #set(connection: Connection, unchoke: boolean, now: number): void {
    connection.peer.setChoking(!unchoke, now)
    if (unchoke) {
      connection.unchokedAt = now
      connection.sentSinceUnchoke = 0
    } else connection.optimistic = false
    connection.touch()
  }
}
