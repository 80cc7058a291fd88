/**
 * One torrent at its trackers, under each of its infohashes (BEP 52): starts the announces that are due, hands
 * the peers on.
 * @module
 */

import type { Scheduler, Task } from '../../net/scheduler.js'
import type { TrackerClient } from '../../net/tracker/client.js'
import type { World } from '../../net/world.js'
import { type AnnounceAction, Announcer, type TrackerSnapshot } from '../../tracker/announcer.js'
import type { Address } from '../../util/address.js'
import { equalBytes, toHex } from '../../util/bytes.js'
import { errorCode, errorMessage } from '../../util/errors.js'
import type { TrackerReport } from '../events.js'

export interface TrackerAnnouncerParts {
  readonly world: World
  readonly scheduler: Scheduler
  readonly client: TrackerClient
  /** 20 bytes each: v1, truncated v2, or both of a hybrid; as far as they are known. */
  readonly infoHashes: readonly Uint8Array[]
  /** URLs by tier. */
  readonly tiers: readonly (readonly string[])[]
  readonly peerId: Uint8Array
  /** As far as it is known. */
  readonly private: boolean
  readonly port: () => number
  /** Bytes uploaded, downloaded and left, at the moment of an announce. */
  readonly totals: () => { readonly uploaded: number; readonly downloaded: number; readonly left: number }
  readonly peers: (addresses: readonly Address[]) => void
  /** A tracker answered, or did not. */
  readonly report: (report: TrackerReport) => void
  readonly warning: (code: string, message: string) => void
  /** A private torrent changed its tracker: all its connections are to be closed (BEP 27). */
  readonly switched: () => void
}

/** The torrent under one of its infohashes: to trackers, a torrent of its own. */
interface Registration {
  readonly infoHash: Uint8Array
  readonly announcer: Announcer
  /** Announces under way, by the id of their action. */
  readonly running: Map<number, { readonly abort: AbortController; readonly over: Promise<void> }>
}

export class TrackerAnnouncer implements Task {
  readonly #parts: TrackerAnnouncerParts
  readonly #registrations: Registration[] = []
  /** By which trackers know us again when our address changes (BEP 7). */
  readonly #key: number
  #private: boolean
  #running = false
  #closed = false

  constructor(parts: TrackerAnnouncerParts) {
    this.#parts = parts
    this.#key = parts.world.random.uint32()
    this.#private = parts.private
    for (const infoHash of parts.infoHashes) this.#register(infoHash, parts.tiers)
  }

  /** What is known of each tracker; a hybrid announces to each under both infohashes, this is the first. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#registrations[0]?.announcer.trackers ?? []
  }

  /** The metadata named these infohashes: one that is new is announced to the trackers that the torrent has by now. */
  setInfoHashes(infoHashes: readonly Uint8Array[], now: number): void {
    for (const infoHash of infoHashes) {
      if (this.#registrations.some((known) => equalBytes(known.infoHash, infoHash))) continue
      const announcer = this.#register(infoHash, this.#registrations[0]?.announcer.tiers ?? this.#parts.tiers)
      if (this.#running) announcer.started(now)
    }
    this.run(now)
  }

  /** The metadata says that the torrent is private (BEP 27). */
  makePrivate(now: number): void {
    this.#private = true
    this.#tell((announcer) => announcer.makePrivate(), now)
  }

  start(now: number): void {
    this.#running = true
    this.#tell((announcer) => announcer.started(now), now)
  }

  /** Tells the trackers that may list us that we leave; resolves when they know or the time is up. */
  async stop(now: number): Promise<void> {
    this.#running = false
    this.#tell((announcer) => announcer.stop(now), now)
    await Promise.all(
      this.#registrations.flatMap(({ running }) => [...running.values()].map(({ over }) => over)),
    )
  }

  /** Everything that there is was downloaded. */
  completed(now: number): void {
    this.#tell((announcer) => announcer.completed(now), now)
  }

  needPeers(now: number): void {
    this.#tell((announcer) => announcer.needPeers(now), now)
  }

  /** See `Torrent.addTracker`. */
  add(url: string, tier: number | undefined, now: number): void {
    this.#tell((announcer) => announcer.addTracker(url, tier), now)
  }

  remove(url: string, now: number): void {
    this.#tell((announcer) => announcer.removeTracker(url), now)
  }

  /** Gives up whatever is under way. */
  close(): void {
    this.#closed = true
    this.#parts.scheduler.cancel(this)
    for (const { running } of this.#registrations) {
      for (const { abort } of running.values()) abort.abort(new Error('the torrent was closed'))
    }
  }

  run(now: number): void {
    if (this.#closed) return
    let next = Number.POSITIVE_INFINITY
    for (const registration of this.#registrations) {
      const { announcer } = registration
      for (let action = announcer.poll(now); action !== undefined; action = announcer.poll(now))
        this.#begin(registration, action)
      next = Math.min(next, announcer.nextTimeout())
    }
    this.#parts.scheduler.schedule(this, next)
  }

  #register(infoHash: Uint8Array, tiers: readonly (readonly string[])[]): Announcer {
    const { random } = this.#parts.world
    const announcer = new Announcer({ tiers, random, private: this.#private })
    this.#registrations.push({ infoHash, announcer, running: new Map() })
    return announcer
  }

  #tell(what: (announcer: Announcer) => void, now: number): void {
    for (const { announcer } of this.#registrations) what(announcer)
    this.run(now)
  }

  #begin(registration: Registration, action: AnnounceAction): void {
    const { running } = registration
    if (action.replaces !== undefined) {
      running.get(action.replaces)?.abort.abort(new Error('a later announce took its place'))
    }
    const abort = new AbortController()
    running.set(action.id, { abort, over: this.#announce(registration, action, abort.signal) })
  }

  async #announce(registration: Registration, action: AnnounceAction, signal: AbortSignal): Promise<void> {
    const { world, client, peerId, port, totals, peers, report, warning, switched } = this.#parts
    const { infoHash, announcer, running } = registration
    try {
      const { event, numwant, trackerId, paused, timeout } = action
      const response = await client.announce(
        action.url,
        { infoHash, peerId, port: port(), ...totals(), key: this.#key, event, numwant, trackerId, paused },
        { signal, timeout },
      )
      const switches = announcer.succeeded(action.id, response, world.now())
      const { complete: seeders, incomplete: leechers } = response
      report({
        type: 'answer',
        ...this.#announced(registration, action),
        peers: response.peers.length,
        ...(seeders !== undefined && { seeders }),
        ...(leechers !== undefined && { leechers }),
      })
      if (switches) switched()
      if (response.warning !== undefined) warning('tracker/warning', `${action.url}: ${response.warning}`)
      if (event !== 'stopped') peers(response.peers.map((peer) => peer.address))
    } catch (error) {
      announcer.failed(action.id, error, world.now())
      if (!signal.aborted) {
        const code = errorCode(error)
        const message = errorMessage(error)
        report({ type: 'failure', ...this.#announced(registration, action), code, message })
        warning(code, `${action.url}: ${message}`)
      }
    } finally {
      running.delete(action.id)
    }
    this.run(world.now())
  }

  /** Which announce that was, and when the tracker is asked next. */
  #announced(
    { infoHash, announcer }: Registration,
    { url, event }: AnnounceAction,
  ): Pick<TrackerReport, 'url' | 'infoHash' | 'event' | 'next'> {
    const { world } = this.#parts
    const due = announcer.trackers.find((tracker) => tracker.url === url)?.nextAnnounce
    const wait = Math.max(0, (due ?? Number.POSITIVE_INFINITY) - world.now())
    const next = Number.isFinite(wait) ? new Date(world.unixTime() + wait) : undefined
    return { url, infoHash: toHex(infoHash), event, next }
  }
}
