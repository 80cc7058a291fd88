/**
 * What one peer is told about the others, and when (BEP 11): the difference to what it was told before.
 * @module
 */

import { type Address, addressKey, familyOf } from '../util/address.js'
import type { PexMessage, PexPeer } from './codec.js'

/** ms between two messages (BEP 11). */
export const PEX_INTERVAL = 60_000
/** Addresses added, and dropped, by one message (BEP 11). */
export const PEX_ENTRIES = 50
/** Addresses added by the first message, which the BEP leaves open (libtorrent). */
const FIRST_ENTRIES = 100
/** Live peers of a family below which recent ones are named too, and how many of those (BEP 11). */
const FEW = 25
/** Recent peers remembered as told. */
const MAX_RECENT = 500

/** By {@link addressKey}. */
export type PexPeers = ReadonlyMap<string, PexPeer>

/** The exchange towards one peer. */
export class PexSender {
  readonly #told = new Map<string, Address>()
  readonly #recentTold = new Set<string>()
  #next = 0
  #first = true

  /** When the next message may leave, ms; 0 before the first. */
  get nextAt(): number {
    return this.#next
  }

  /**
   * The message to send now; undefined when it is too early or nothing has changed. `live` are the peers
   * that we are connected to, `recent` those that we left for want of mutual interest or of room: they are
   * named where there are few others, once, and taken back in the next message. The receiver itself, `self`
   * by its key, is not told of.
   */
  message(live: PexPeers, recent: PexPeers, now: number, self?: string): PexMessage | undefined {
    if (now < this.#next) return undefined
    const dropped: Address[] = []
    for (const [key, address] of this.#told) {
      if (live.has(key) && key !== self) continue
      if (dropped.push(address) > PEX_ENTRIES) {
        dropped.pop()
        break
      }
    }
    const gone = new Set(dropped.map(addressKey))
    const most = this.#first ? FIRST_ENTRIES : PEX_ENTRIES
    const added: PexPeer[] = []
    for (const [key, peer] of live) {
      if (added.length >= most) break
      if (key !== self && !this.#told.has(key)) added.push(peer)
    }
    if (recent.size > 0) this.#addRecent(added, live, recent, gone, most, self)
    if (added.length === 0 && dropped.length === 0) return undefined
    for (const key of gone) this.#told.delete(key)
    for (const { address } of added) this.#told.set(addressKey(address), address)
    this.#next = now + PEX_INTERVAL
    this.#first = false
    return { added, dropped }
  }

  #addRecent(
    added: PexPeer[],
    live: PexPeers,
    recent: PexPeers,
    gone: ReadonlySet<string>,
    most: number,
    self: string | undefined,
  ): void {
    for (const family of [4, 6] as const) {
      let alive = 0
      for (const { address } of live.values()) if (familyOf(address) === family) alive++
      if (alive >= FEW) continue
      let room = FEW
      for (const [key, peer] of recent) {
        if (room === 0 || added.length >= most) break
        if (familyOf(peer.address) !== family || live.has(key) || this.#told.has(key) || gone.has(key))
          continue
        if (key === self || this.#recentTold.has(key)) continue
        if (this.#recentTold.size >= MAX_RECENT) return
        this.#recentTold.add(key)
        added.push(peer)
        room--
      }
    }
  }
}
