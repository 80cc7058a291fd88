/**
 * One torrent at its trackers, under each of its infohashes (BEP 52).
 * @module
 */

import type { TrackerSnapshot } from '../../tracker/announcer.js'
import { toHex } from '../../util/bytes.js'
import { Announces, type AnnouncesOptions } from './trackers.js'

export class TrackerPresence {
  readonly #options: Omit<AnnouncesOptions, 'infoHash'>
  readonly #announces: Announces[] = []
  #running = false
  #private: boolean

  /** `private`: as far as it is known. */
  constructor(options: Omit<AnnouncesOptions, 'infoHash'>) {
    this.#options = options
    this.#private = options.private
  }

  /** What is known of each tracker; a hybrid announces to each under both infohashes, this is the first. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#announces[0]?.trackers ?? []
  }

  /** What the torrent is called, as far as it is known. */
  set(infoHashes: readonly Uint8Array[], now: number): void {
    const known = new Set(this.#announces.map((announces) => toHex(announces.infoHash)))
    for (const infoHash of infoHashes) {
      if (known.has(toHex(infoHash))) continue
      const announces = new Announces({ ...this.#options, infoHash, private: this.#private })
      this.#announces.push(announces)
      if (this.#running) announces.start(now)
    }
  }

  /** The metadata says that the torrent is private (BEP 27). */
  makePrivate(now: number): void {
    this.#private = true
    for (const announces of this.#announces) announces.makePrivate(now)
  }

  start(now: number): void {
    this.#running = true
    for (const announces of this.#announces) announces.start(now)
  }

  /** Tells the trackers that may list us that we leave; resolves when they know or the time is up. */
  stop(now: number): Promise<unknown> {
    this.#running = false
    return Promise.all(this.#announces.map((announces) => announces.stop(now)))
  }

  /** Everything that there is was downloaded. */
  completed(now: number): void {
    for (const announces of this.#announces) announces.completed(now)
  }

  needPeers(now: number): void {
    for (const announces of this.#announces) announces.needPeers(now)
  }

  /** See `Torrent.addTracker`. */
  add(url: string, tier: number | undefined, now: number): void {
    for (const announces of this.#announces) announces.addTracker(url, tier, now)
  }

  remove(url: string, now: number): void {
    for (const announces of this.#announces) announces.removeTracker(url, now)
  }

  /** Gives up whatever is under way. */
  close(): void {
    for (const announces of this.#announces) announces.close()
  }
}
