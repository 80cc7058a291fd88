/**
 * Drives a torrent's announcer: starts the announces that are due, hands the peers on.
 * @module
 */

import type { Scheduler, Task } from '../net/scheduler.js'
import type { TrackerClient } from '../net/tracker-client.js'
import type { World } from '../net/world.js'
import { type AnnounceAction, Announcer, type TrackerSnapshot } from '../tracker/announcer.js'
import type { Address } from '../util/address.js'

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
}

/** ms that a `stopped` may take when a torrent closes (LT 5 s). */
const STOP_TIMEOUT = 5_000

export class Announces implements Task {
  readonly #options: AnnouncesOptions
  readonly #announcer: Announcer
  readonly #running = new Set<Promise<void>>()
  readonly #abort = new AbortController()
  readonly #key: number

  constructor(options: AnnouncesOptions) {
    this.#options = options
    this.#key = options.world.random.uint32()
    this.#announcer = new Announcer({
      tiers: options.trackers,
      random: options.world.random,
      now: options.world.now(),
      private: options.private,
    })
  }

  /** What is known of each tracker. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#announcer.trackers
  }

  start(now: number): void {
    this.#announcer.start(now)
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

  removeTracker(url: string): void {
    this.#announcer.removeTracker(url)
  }

  /** Tells the trackers that heard of us that we leave; resolves when they know or the time is up. */
  async stop(now: number): Promise<void> {
    this.#announcer.stop(now)
    this.run(now)
    await Promise.all([...this.#running])
  }

  /** Gives up whatever is under way. */
  close(): void {
    this.#options.scheduler.cancel(this)
    this.#abort.abort(new Error('the torrent was closed'))
  }

  run(now: number): void {
    for (let action = this.#announcer.poll(now); action !== undefined; action = this.#announcer.poll(now)) {
      const running: Promise<void> = this.#announce(action).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
    this.#options.scheduler.schedule(this, this.#announcer.nextTimeout())
  }

  async #announce(action: AnnounceAction): Promise<void> {
    const { world, client, infoHash, peerId, port, totals, peers, warning } = this.#options
    try {
      const response = await client.announce(
        action.url,
        {
          infoHash,
          peerId,
          port: port(),
          ...totals(),
          key: this.#key,
          ...(action.event === undefined ? {} : { event: action.event }),
          ...(action.numwant === undefined ? {} : { numwant: action.numwant }),
          ...(action.trackerId === undefined ? {} : { trackerId: action.trackerId }),
        },
        {
          signal: this.#abort.signal,
          ...(action.event === 'stopped' ? { timeout: STOP_TIMEOUT } : {}),
        },
      )
      this.#announcer.succeeded(action.id, response, world.now())
      if (response.warning) warning('tracker/warning', `${action.url}: ${response.warning}`)
      if (action.event !== 'stopped') peers(response.peers.map((peer) => peer.address))
    } catch (error) {
      if (this.#abort.signal.aborted) return
      this.#announcer.failed(action.id, error, world.now())
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'tracker/failed'
      warning(code, `${action.url}: ${error instanceof Error ? error.message : String(error)}`)
    }
    if (!this.#abort.signal.aborted) this.run(world.now())
  }
}
