/**
 * When to announce one torrent to which of its trackers, sans-IO (BEP 3, 12, 21, 27, 31).
 *
 * | state | on | becomes | announces |
 * |---|---|---|---|
 * | idle, stopped | `started`, `resume` | running | `started` to the first tracker of each group |
 * | running | an interval passed, `needPeers` | running | no event |
 * | running | `completed` | running | `completed` to trackers that list us as a downloader |
 * | running | a failure | running | `started` to the next tracker of the group, at once |
 * | running | `stop`, `pause` | stopped | `stopped`, once and briefly, to trackers that may list us |
 *
 * A group is a set of trackers of which one is asked at a time; `order` says how they are formed.
 * @module
 */

import { type Random, shuffle } from '../util/random.js'
import { type IntervalLimits, type TrackerSnapshot, TrackerState } from './tracker-state.js'
import type { AnnounceEvent, AnnounceResponse } from './types.js'

export type { IntervalLimits, TrackerSnapshot } from './tracker-state.js'

/**
 * Which trackers are asked side by side. `tiers`: one of each tier. `strict`: one of all, later tiers
 * only when every tracker before has failed, as BEP 12 says. `all`: every tracker.
 */
export type AnnounceOrder = 'tiers' | 'strict' | 'all'

export interface AnnouncerOptions {
  /** URLs by tier; duplicates and what exceeds 200 trackers are left out. */
  readonly tiers: readonly (readonly string[])[]
  readonly random: Random
  /**
   * Default `tiers`, unless private: torrents carry one tracker a tier today, each with a part of the
   * swarm, so Transmission, rqbit and anacrolix ask them all; BEP 12 strictly would find that part only.
   */
  readonly order?: AnnounceOrder
  /** BEP 27: `strict`, and the tracker in use is left only when it fails. */
  readonly private?: boolean
  /** Peers to ask for. Default 200, as libtorrent. */
  readonly numwant?: number
  /** Bounds of the interval in ms. Default 60 s to 24 h: a tracker can neither make us flood it nor silence us. */
  readonly interval?: IntervalLimits
}

/** An announce to begin now. Tell how it ends by {@link Announcer.succeeded} or {@link Announcer.failed}. */
export interface AnnounceAction {
  /** Names this announce, not the tracker. */
  readonly id: number
  readonly url: string
  readonly event: AnnounceEvent | undefined
  readonly numwant: number
  readonly trackerId: string | undefined
  /** A partial seed (BEP 21). */
  readonly paused: boolean
  /** ms to wait for an answer; undefined for the client's default. */
  readonly timeout: number | undefined
  /** An earlier announce to this tracker whose answer no longer matters: abort it. */
  readonly replaces: number | undefined
}

/** ms for `stopped`: libtorrent's stop_tracker_timeout. A user does not want to wait for a farewell. */
const STOP_TIMEOUT = 5_000
/** More would only make a torrent that lists thousands flood them. */
const MAX_TRACKERS = 200

export class Announcer {
  /** Set while we are a partial seed (BEP 21): every announce says so. */
  partialSeed = false
  readonly #random: Random
  readonly #numwant: number
  readonly #limits: IntervalLimits
  #order: AnnounceOrder
  #isPrivate: boolean
  #tiers: TrackerState[][]
  #groups: TrackerState[][] | undefined
  #running = false
  #nextId = 1
  readonly #inFlight = new Map<
    number,
    { readonly tracker: TrackerState; readonly event: AnnounceEvent | undefined }
  >()
  /** Farewells to give, each with the announce that it replaces. */
  readonly #farewells = new Map<TrackerState, number | undefined>()
  /** The tracker that a private torrent uses. */
  #current: TrackerState | undefined

  constructor(options: AnnouncerOptions) {
    this.#random = options.random
    this.#numwant = options.numwant ?? 200
    this.#limits = options.interval ?? { min: 60_000, max: 86_400_000 }
    this.#isPrivate = options.private ?? false
    this.#order = this.#isPrivate ? 'strict' : (options.order ?? 'tiers')
    this.#tiers = []
    for (const [tier, urls] of options.tiers.entries()) for (const url of urls) this.#insert(url, tier)
    this.#tiers = this.#tiers.filter((tier) => tier !== undefined && tier.length > 0)
    for (const [tier, trackers] of this.#tiers.entries()) {
      // BEP 12: each tier in random order, once.
      shuffle(this.#random, trackers)
      for (const tracker of trackers) tracker.tier = tier
    }
  }

  /** Begins to announce. */
  started(_now: number): void {
    if (this.#running) return
    this.#running = true
    for (const tracker of this.#all()) {
      tracker.reset()
      // A farewell that was not yet given: the tracker will never know of the stop.
      this.#farewells.delete(tracker)
    }
  }

  /** The download finished while announcing. Not for a torrent that was complete from the start. */
  completed(now: number): void {
    if (!this.#running) return
    for (const tracker of this.#all()) {
      if (tracker.registered === 'no') continue
      tracker.completedDue = true
      tracker.hasten(now)
    }
  }

  /** Ends announcing: trackers that may list us get one `stopped`, everything under way is replaced by it. */
  stop(_now: number): void {
    if (!this.#running) return
    this.#running = false
    for (const tracker of this.#all()) this.#dismiss(tracker)
  }

  /** A paused torrent leaves the swarm, as after {@link Announcer.stop}. */
  pause(now: number): void {
    this.stop(now)
  }

  /** A resumed torrent announces anew, as after {@link Announcer.started}. */
  resume(now: number): void {
    this.started(now)
  }

  /** We are short of peers: announce as early as each tracker allows. May be called as often as one likes. */
  needPeers(now: number): void {
    if (this.#running) for (const tracker of this.#all()) tracker.wantEarly(now)
  }

  /** Nothing is under way and no farewell is left to give. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0 && this.#farewells.size === 0
  }

  /** Adds a tracker, by default in a tier of its own at the end; false when it is there or no more are taken. */
  addTracker(url: string, tier: number = this.#tiers.length): boolean {
    const added = this.#insert(url, Math.max(0, Math.min(tier, this.#tiers.length)))
    this.#groups = undefined
    return added
  }

  /** Removes a tracker, with a `stopped` when it may list us; false when it is not there. */
  removeTracker(url: string): boolean {
    const tracker = this.#all().find((known) => known.url === url)
    if (!tracker) return false
    this.#dismiss(tracker)
    this.#tiers = this.#tiers
      .map((tier) => tier.filter((known) => known !== tracker))
      .filter((tier) => tier.length > 0)
    for (const [tier, trackers] of this.#tiers.entries()) for (const known of trackers) known.tier = tier
    this.#groups = undefined
    if (this.#current === tracker) this.#current = undefined
    return true
  }

  /** The metadata of a magnet says that the torrent is private (BEP 27): one tracker stays, the others get a `stopped`. */
  makePrivate(): void {
    if (this.#isPrivate) return
    this.#isPrivate = true
    const all = this.#all()
    this.#current =
      all.find((tracker) => tracker.registered === 'yes') ??
      all.find((tracker) => tracker.action !== undefined)
    for (const tracker of all) if (tracker !== this.#current) this.#dismiss(tracker)
    this.#order = 'strict'
    this.#groups = undefined
  }

  /** The next announce to begin; call until undefined after every other call and at {@link nextTimeout}. */
  poll(now: number): AnnounceAction | undefined {
    for (const [tracker, replaces] of this.#farewells) {
      this.#farewells.delete(tracker)
      return this.#action(tracker, 'stopped', replaces)
    }
    if (!this.#running) return undefined
    for (const group of this.#formed()) {
      const tracker = this.#candidate(group, now)
      if (!tracker || tracker.due > now) continue
      if (tracker.registered !== 'yes') {
        tracker.registered = 'asked'
        return this.#action(tracker, 'started', undefined)
      }
      return this.#action(tracker, tracker.completedDue ? 'completed' : undefined, undefined)
    }
    return undefined
  }

  /**
   * An announce was answered. Unknown ids (replaced announces) are ignored. True when a private
   * torrent has changed its tracker by this: BEP 27 wants all its connections closed.
   */
  succeeded(id: number, response: AnnounceResponse, now: number): boolean {
    const flight = this.#land(id)
    if (!flight) return false
    const { tracker, event } = flight
    if (event === 'stopped') {
      tracker.left()
      return false
    }
    tracker.succeeded(event, response, this.#limits, this.#random, now)
    this.#promote(tracker)
    const switched = this.#isPrivate && this.#current !== undefined && this.#current !== tracker
    this.#current = tracker
    return switched
  }

  /** An announce failed, with whatever was thrown; `retryIn` (ms, BEP 31) is heeded. A `stopped` is not tried again. */
  failed(id: number, error: unknown, now: number): void {
    const flight = this.#land(id)
    if (!flight) return
    if (flight.event === 'stopped') flight.tracker.left()
    else flight.tracker.failed(error, this.#random, now)
  }

  /** ms at which {@link poll} has something new, Infinity when only a call can bring it. */
  nextTimeout(): number {
    if (this.#farewells.size > 0) return 0
    let next = Number.POSITIVE_INFINITY
    if (!this.#running) return next
    for (const group of this.#formed()) {
      if (group.some((tracker) => tracker.action !== undefined)) continue
      for (const tracker of this.#sequence(group)) {
        next = Math.min(next, tracker.due)
        if (!tracker.isFailing) break
      }
    }
    return Math.max(0, next)
  }

  /** Their URLs by tier, as they are by now. */
  get tiers(): readonly (readonly string[])[] {
    return this.#tiers.map((tier) => tier.map(({ url }) => url))
  }

  /** All trackers, in the order of their tiers, those that answered first. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#all().map((tracker) => tracker.snapshot(!this.#running))
  }

  /** The tracker whose turn it is: the first that is not waiting out a failure; none while one is asked. */
  #candidate(group: readonly TrackerState[], now: number): TrackerState | undefined {
    if (group.some((tracker) => tracker.action !== undefined)) return undefined
    return this.#sequence(group).find((tracker) => !tracker.isFailing || tracker.due <= now)
  }

  /** A private torrent stays with its tracker until that fails. */
  #sequence(group: readonly TrackerState[]): readonly TrackerState[] {
    const current = this.#current
    return this.#isPrivate && current && !current.isFailing ? [current] : group
  }

  #action(
    tracker: TrackerState,
    event: AnnounceEvent | undefined,
    replaces: number | undefined,
  ): AnnounceAction {
    const id = this.#nextId++
    tracker.action = id
    this.#inFlight.set(id, { tracker, event })
    const isFarewell = event === 'stopped'
    return {
      id,
      url: tracker.url,
      event,
      numwant: isFarewell ? 0 : this.#numwant,
      trackerId: tracker.trackerId,
      paused: this.partialSeed,
      timeout: isFarewell ? STOP_TIMEOUT : undefined,
      replaces,
    }
  }

  #land(
    id: number,
  ): { readonly tracker: TrackerState; readonly event: AnnounceEvent | undefined } | undefined {
    const flight = this.#inFlight.get(id)
    if (!flight) return undefined
    this.#inFlight.delete(id)
    flight.tracker.action = undefined
    return flight
  }

  /** Plans the farewell. An announce under way may still register us: the farewell replaces it. */
  #dismiss(tracker: TrackerState): void {
    const replaced = tracker.action
    if (replaced !== undefined) {
      // A farewell under way (stopped, started and stopped again) is farewell enough.
      if (this.#inFlight.get(replaced)?.event === 'stopped') return
      this.#land(replaced)
    }
    if (tracker.registered !== 'no') this.#farewells.set(tracker, replaced)
  }

  /** BEP 12: the tracker that answered moves to the front of its tier. */
  #promote(tracker: TrackerState): void {
    const tier = this.#tiers[tracker.tier]
    const at = tier?.indexOf(tracker) ?? -1
    if (!tier || at <= 0) return
    tier.splice(at, 1)
    tier.unshift(tracker)
    this.#groups = undefined
  }

  #insert(url: string, tier: number): boolean {
    const known = this.#all()
    if (known.length >= MAX_TRACKERS || known.some((tracker) => tracker.url === url)) return false
    const trackers = this.#tiers[tier] ?? []
    trackers.push(new TrackerState(url, tier))
    this.#tiers[tier] = trackers
    return true
  }

  #all(): TrackerState[] {
    return this.#tiers.flat()
  }

  #formed(): readonly TrackerState[][] {
    this.#groups ??=
      this.#order === 'tiers'
        ? this.#tiers
        : this.#order === 'strict'
          ? [this.#all()]
          : this.#all().map((tracker) => [tracker])
    return this.#groups
  }
}
