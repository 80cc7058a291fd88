/**
 * Drives a torrent's announcer: starts the announces that are due, hands the peers on.
 * @module
 */

import type { Scheduler, Task } from '../../net/scheduler.js'
import type { TrackerClient } from '../../net/tracker/client.js'
import type { World } from '../../net/world.js'
import { type AnnounceAction, Announcer, type TrackerSnapshot } from '../../tracker/announcer.js'
import type { Address } from '../../util/address.js'
import { errorCode, errorMessage } from '../../util/errors.js'

export interface AnnouncesOptions {
  readonly world: World
  readonly scheduler: Scheduler
  readonly client: TrackerClient
  readonly trackers: readonly (readonly string[])[]
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
  readonly private: boolean
  readonly port: () => number
  /** Bytes uploaded, downloaded and left, at the moment of an announce. */
  readonly totals: () => { readonly uploaded: number; readonly downloaded: number; readonly left: number }
  readonly peers: (addresses: readonly Address[]) => void
  readonly warning: (code: string, message: string) => void
  /** A private torrent changed its tracker: all its connections are to be closed (BEP 27). */
  readonly switched: () => void
}

export class Announces implements Task {
  readonly infoHash: Uint8Array
  readonly #options: AnnouncesOptions
  readonly #announcer: Announcer
  readonly #running = new Map<number, { readonly abort: AbortController; readonly over: Promise<void> }>()
  readonly #key: number
  #closed = false

  constructor(options: AnnouncesOptions) {
    this.#options = options
    this.infoHash = options.infoHash
    this.#key = options.world.random.uint32()
    this.#announcer = new Announcer({
      tiers: options.trackers,
      random: options.world.random,
      private: options.private,
    })
  }

  /** What is known of each tracker. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#announcer.trackers
  }

  start(now: number): void {
    this.#announcer.started(now)
    this.run(now)
  }

  completed(now: number): void {
    this.#announcer.completed(now)
    this.run(now)
  }

  needPeers(now: number): void {
    this.#announcer.needPeers(now)
    this.run(now)
  }

  addTracker(url: string, tier: number | undefined, now: number): void {
    this.#announcer.addTracker(url, tier)
    this.run(now)
  }

  removeTracker(url: string, now: number): void {
    this.#announcer.removeTracker(url)
    this.run(now)
  }

  /** The metadata says that the torrent is private (BEP 27). */
  makePrivate(now: number): void {
    this.#announcer.makePrivate()
    this.run(now)
  }

  /** Tells the trackers that may list us that we leave; resolves when they know or the time is up. */
  async stop(now: number): Promise<void> {
    this.#announcer.stop(now)
    this.run(now)
    await Promise.all([...this.#running.values()].map((announce) => announce.over))
  }

  /** Gives up whatever is under way. */
  close(): void {
    this.#closed = true
    this.#options.scheduler.cancel(this)
    for (const { abort } of this.#running.values()) abort.abort(new Error('the torrent was closed'))
  }

  run(now: number): void {
    if (this.#closed) return
    for (let action = this.#announcer.poll(now); action !== undefined; action = this.#announcer.poll(now)) {
      if (action.replaces !== undefined) {
        this.#running.get(action.replaces)?.abort.abort(new Error('a later announce took its place'))
      }
      const abort = new AbortController()
      this.#running.set(action.id, { abort, over: this.#announce(action, abort.signal) })
    }
    this.#options.scheduler.schedule(this, this.#announcer.nextTimeout())
  }

  async #announce(action: AnnounceAction, signal: AbortSignal): Promise<void> {
    const { world, client, infoHash, peerId, port, totals, peers, warning, switched } = this.#options
    try {
      const { event, numwant, trackerId, paused, timeout } = action
      const response = await client.announce(
        action.url,
        { infoHash, peerId, port: port(), ...totals(), key: this.#key, event, numwant, trackerId, paused },
        { signal, timeout },
      )
      if (this.#announcer.succeeded(action.id, response, world.now())) switched()
      if (response.warning !== undefined) warning('tracker/warning', `${action.url}: ${response.warning}`)
      if (event !== 'stopped') peers(response.peers.map((peer) => peer.address))
    } catch (error) {
      this.#announcer.failed(action.id, error, world.now())
      if (!signal.aborted) warning(errorCode(error), `${action.url}: ${errorMessage(error)}`)
    } finally {
      this.#running.delete(action.id)
    }
    this.run(world.now())
  }
}
