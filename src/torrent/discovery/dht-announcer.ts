/**
 * One torrent in the DHT, under each of its infohashes. A private torrent never is (BEP 27), and one that
 * turns out private leaves at once.
 * @module
 */

import type { Address } from '../../util/address.js'
import { equalBytes } from '../../util/bytes.js'
import type { DhtSchedule, DhtSubject } from './dht-schedule.js'

export interface DhtAnnouncerParts {
  /** Undefined when the session has no DHT. */
  readonly schedule: DhtSchedule | undefined
  /** 20 bytes each: v1, truncated v2, or both of a hybrid; as far as they are known. */
  readonly infoHashes: readonly Uint8Array[]
  /** As far as it is known. */
  readonly private: boolean
  readonly isSeed: () => boolean
  readonly found: (peers: readonly Address[]) => void
}

export class DhtAnnouncer {
  readonly #parts: DhtAnnouncerParts
  /** One for each infohash. */
  readonly #subjects: DhtSubject[] = []
  #private: boolean
  #running = false

  constructor(parts: DhtAnnouncerParts) {
    this.#parts = parts
    this.#private = parts.private
    this.setInfoHashes(parts.infoHashes)
  }

  /** The session's DHT, for peers to hear of and to tell theirs; undefined when the torrent stays out of it. */
  get schedule(): DhtSchedule | undefined {
    return this.#private ? undefined : this.#parts.schedule
  }

  /** What the torrent is called, as far as it is known. */
  setInfoHashes(infoHashes: readonly Uint8Array[]): void {
    const { isSeed, found } = this.#parts
    for (const infoHash of infoHashes) {
      if (this.#subjects.some((known) => equalBytes(known.infoHash, infoHash))) continue
      const subject = { infoHash, isSeed, found }
      this.#subjects.push(subject)
      if (this.#running) this.schedule?.add(subject)
    }
  }

  /** The metadata says that the torrent is private: it leaves for good. */
  makePrivate(): void {
    this.#leave()
    this.#private = true
  }

  start(): void {
    this.#running = true
    for (const subject of this.#subjects) this.schedule?.add(subject)
  }

  stop(): void {
    this.#running = false
    this.#leave()
  }

  /** There is nobody to exchange with. */
  needPeers(): void {
    for (const subject of this.#subjects) this.schedule?.needPeers(subject)
  }

  /** DHT nodes that a torrent file names; hosts are names or addresses. */
  addNodes(nodes: readonly { readonly host: string; readonly port: number }[]): void {
    for (const { host, port } of nodes) this.schedule?.addNode(host, port)
  }

  #leave(): void {
    for (const subject of this.#subjects) this.schedule?.remove(subject)
  }
}
