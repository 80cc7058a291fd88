/**
 * Applies the choker's decisions to the connections of a torrent, and gives slots on at once when a peer
 * leaves, finishes or does not use the one it has.
 * @module
 */

import { chokeRound, OPTIMISTIC_ROUND, ROUND, UNUSED } from '../../choker/choker.js'
import type { SlotClaim } from '../../choker/upload-slots.js'
import type { Connection } from '../peers/connection.js'
import type { ContentContext } from '../peers/swarm-context.js'

export class Choking {
  readonly #context: ContentContext
  /** The torrent's share of the upload slots. */
  readonly #slots: SlotClaim
  #nextRound = 0
  #nextOptimistic = 0

  constructor(context: ContentContext, slots: SlotClaim) {
    this.#context = context
    this.#slots = slots
  }

  /** Once a second: takes slots back that are not used, gives free ones away, runs a round when one is due. */
  tick(now: number, seeding: boolean): void {
    if (now >= this.#nextRound) {
      this.#nextRound = now + ROUND
      const rotate = now >= this.#nextOptimistic
      if (rotate) this.#nextOptimistic = now + OPTIMISTIC_ROUND
      this.round(now, seeding, rotate)
    }
    for (const connection of this.#context.connections) {
      if (!connection.unchoked || now - connection.usedAt < UNUSED) continue
      this.#set(connection, false, now)
      connection.idle = true
    }
    this.fill(now)
  }

  /** Decides anew who may download. */
  round(now: number, seeding: boolean, rotate: boolean): void {
    const { connections, settings, layout, world } = this.#context
    this.#count()
    const candidates = [...connections]
    for (const connection of candidates) connection.weighDownload()
    const decision = chokeRound({
      slots: this.#slots.available(now),
      seeding: seeding ? settings.client.seedChoking : undefined,
      rotate,
      pieceLength: layout.pieceLength,
      now,
      random: world.random,
      candidates,
    })
    for (const connection of candidates) {
      const unchoke = decision.unchoke.has(connection)
      if (unchoke !== connection.unchoked) this.#set(connection, unchoke, now)
      connection.optimistic = decision.optimistic.has(connection)
    }
    this.#count()
  }

  /** A peer wants data: with a free slot it need not wait for the next round. */
  interested(connection: Connection, now: number): void {
    const slots = this.#slots
    this.#count()
    if (connection.unchoked || !wants(connection) || slots.used >= slots.available(now)) return
    this.#set(connection, true, now)
    this.#count()
  }

  /** A peer may need its slot no more: it lost interest, finished, or says that it only uploads. */
  released(connection: Connection, now: number): void {
    if (!connection.unchoked) {
      this.#count()
      return
    }
    if (connection.interested && !connection.isUploadOnly) return
    this.#set(connection, false, now)
    this.fill(now)
  }

  /** Gives free slots to those that wait longest. */
  fill(now: number): void {
    const { connections } = this.#context
    const slots = this.#slots
    this.#count()
    for (let free = slots.available(now) - slots.used; free > 0; free--) {
      let next: Connection | undefined
      for (const connection of connections) {
        if (connection.unchoked || !wants(connection)) continue
        if (next === undefined || connection.waitingSince < next.waitingSince) next = connection
      }
      if (next === undefined) break
      this.#set(next, true, now)
    }
    this.#count()
  }

  /** The torrent takes no part any more: its slots are free for others. */
  close(): void {
    this.#slots.set(0, 0)
  }

  #count(): void {
    let used = 0
    let demand = 0
    for (const connection of this.#context.connections) {
      if (connection.unchoked) used++
      if (wants(connection)) demand++
    }
    this.#slots.set(used, demand)
  }

  #set(connection: Connection, unchoke: boolean, now: number): void {
    connection.peer.setChoking(!unchoke, now)
    if (unchoke) {
      connection.unchokedAt = now
      connection.sentSinceUnchoke = 0
    } else {
      connection.optimistic = false
      connection.waitingSince = now
    }
    connection.touch()
  }
}

/** A peer that let its last slot lie idle has to wait until a round finds no use for the slot. */
function wants(connection: Connection): boolean {
  return connection.interested && !connection.isUploadOnly && !connection.idle
}
