/**
 * One torrent in the DHT, under each of its infohashes. A private torrent never is (BEP 27), and one that
 * turns out private leaves at once.
 * @module
 */

import type { Address } from '../../util/address.js'
import { toHex } from '../../util/bytes.js'
import type { DhtAnnouncer, DhtSubject } from './dht-announcer.js'

export interface DhtPresenceOptions {
  /** Undefined when the session has no DHT. */
  readonly announcer: DhtAnnouncer | undefined
  readonly isSeed: () => boolean
  readonly found: (peers: readonly Address[]) => void
}

export class DhtPresence {
  readonly #options: DhtPresenceOptions
  /** By infohash in hex: v1, truncated v2, or both of a hybrid. */
  readonly #subjects = new Map<string, DhtSubject>()
  #running = false
  #private = false

  constructor(options: DhtPresenceOptions) {
    this.#options = options
  }

  /** The session's DHT, for peers to hear of and to tell theirs; undefined when the torrent stays out of it. */
  get announcer(): DhtAnnouncer | undefined {
    return this.#private ? undefined : this.#options.announcer
  }

  /** What the torrent is called, and whether it is private, as far as it is known. */
  set(infoHashes: readonly Uint8Array[], isPrivate: boolean): void {
    this.#private = isPrivate
    const { announcer, isSeed, found } = this.#options
    if (isPrivate) {
      this.#leave()
      this.#subjects.clear()
      return
    }
    for (const infoHash of infoHashes) {
      const key = toHex(infoHash)
      if (this.#subjects.has(key)) continue
      const subject = { infoHash, isSeed, found }
      this.#subjects.set(key, subject)
      if (this.#running) announcer?.add(subject)
    }
  }

  start(): void {
    this.#running = true
    for (const subject of this.#subjects.values()) this.#options.announcer?.add(subject)
  }

  stop(): void {
    this.#running = false
    this.#leave()
  }

  /** There is nobody to exchange with. */
  needPeers(): void {
    for (const subject of this.#subjects.values()) this.#options.announcer?.needPeers(subject)
  }

  /** DHT nodes that a torrent file names; hosts are names or addresses. */
  meet(nodes: readonly { readonly host: string; readonly port: number }[]): void {
    for (const { host, port } of nodes) this.announcer?.addNode(host, port)
  }

  #leave(): void {
    for (const subject of this.#subjects.values()) this.#options.announcer?.remove(subject)
  }
}
