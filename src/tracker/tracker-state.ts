/**
 * What the announcer knows of one tracker, and when to ask it again.
 * @module
 */

import { type ErrorCode, errorCode, errorMessage } from '../util/errors.js'
import { below, type Random } from '../util/random.js'
import { parseTrackerUrl } from './text.js'
import type { AnnounceEvent, AnnounceResponse } from './types.js'

/** One tracker of a torrent as plain data. */
export interface TrackerSnapshot {
  readonly url: string
  /** Its tier, from 0 (BEP 12). */
  readonly tier: number
  readonly status: 'idle' | 'announcing' | 'working' | 'failed' | 'stopped'
  readonly lastError?: { readonly code: ErrorCode; readonly message: string }
  /** The tracker's warning or other words. */
  readonly message?: string
  readonly seeders?: number
  readonly leechers?: number
  /** Finished downloads. */
  readonly downloaded?: number
  /** ms between regular announces, after clamping; 0 before the first answer. */
  readonly interval: number
  /** When the next announce is due, on the clock of `now`; Infinity when none is. */
  readonly nextAnnounce: number
  /** Peers that it ever named, duplicates counted. */
  readonly peersReceived: number
  /** Failures since the last answer. */
  readonly failures: number
}

/** Bounds on what a tracker asks, in ms. */
export interface IntervalLimits {
  readonly min: number
  readonly max: number
}

/** ms between early announces to a tracker that names no `min interval`: libtorrent's `min_announce_interval`. */
const EARLY_INTERVAL = 300_000
/** Back-off of libtorrent: 5 + 12.5 * failures^2 s, at most an hour (17, 55, 117, ... s). */
const BACKOFF_BASE = 5_000
const BACKOFF_STEP = 12_500
const BACKOFF_MAX = 3_600_000
/** Announces of many clients that began together drift apart: up to 5 % later, at most 30 s; never earlier than asked. */
const JITTER_PART = 0.05
const JITTER_MAX = 30_000

/** Errors after which asking again is of no use. */
const HOPELESS: ReadonlySet<string> = new Set([
  'tracker/unsupported-scheme',
  'tracker/invalid-url',
  'tracker/refused-address',
])

export class TrackerState {
  readonly url: string
  tier: number
  /** Whether the tracker may hold us in its list: it was asked to, it confirmed. */
  registered: 'no' | 'asked' | 'yes' = 'no'
  /** It counted us as a downloader and has not yet heard of our completion. */
  completedDue = false
  failures = 0
  /** Of the last answer. */
  trackerId: string | undefined
  /** Id of the announce under way. */
  action: number | undefined
  #answered = false
  #due = Number.NEGATIVE_INFINITY
  #earliest = Number.NEGATIVE_INFINITY
  /** The present wait is the tracker's own wish (BEP 31), not ours. */
  #ordered = false
  #interval = 0
  #peersReceived = 0
  #lastError: { readonly code: ErrorCode; readonly message: string } | undefined
  #message: string | undefined
  #counts: { readonly seeders?: number; readonly leechers?: number; readonly downloaded?: number } = {}

  constructor(url: string, tier: number) {
    this.url = url
    this.tier = tier
    const scheme = parseTrackerUrl(url)?.scheme
    if (scheme === 'http' || scheme === 'https' || scheme === 'udp') return
    const code = scheme === undefined ? 'tracker/invalid-url' : 'tracker/unsupported-scheme'
    this.#lastError = { code, message: 'trackers speak http, https or udp' }
    this.failures = 1
    this.#due = Number.POSITIVE_INFINITY
  }

  /** ms at which to ask again, on the clock of `now`. */
  get due(): number {
    return this.#due
  }

  get isFailing(): boolean {
    return this.failures > 0
  }

  /** An event is to be told: at once, unless the tracker is failing or told us to wait. */
  hasten(now: number): void {
    if (!this.isFailing) this.#due = Math.min(this.#due, now)
  }

  /** More peers are wanted: as early as the tracker lets us. */
  wantEarly(now: number): void {
    if (!this.isFailing) this.#due = Math.min(this.#due, Math.max(now, this.#earliest))
  }

  /** A new start: forgets failures and intervals, not the tracker's order to stay away. */
  reset(): void {
    if (this.#due === Number.POSITIVE_INFINITY || (this.isFailing && this.#ordered)) return
    this.failures = 0
    this.#due = Number.NEGATIVE_INFINITY
  }

  /** The tracker no longer lists us. */
  left(): void {
    this.registered = 'no'
    this.completedDue = false
  }

  succeeded(
    event: AnnounceEvent | undefined,
    response: AnnounceResponse,
    limits: IntervalLimits,
    random: Random,
    now: number,
  ): void {
    if (event === 'started') this.registered = 'yes'
    if (event === 'completed') this.completedDue = false
    const asked = Math.max(response.interval, response.minInterval ?? 0) * 1000
    const interval = Math.min(limits.max, Math.max(limits.min, asked))
    const early = response.minInterval === undefined ? EARLY_INTERVAL : response.minInterval * 1000
    this.#interval = interval
    this.#earliest = now + Math.min(interval, Math.max(limits.min, early))
    this.#due = now + interval + below(random, Math.ceil(Math.min(JITTER_MAX, interval * JITTER_PART)) + 1)
    if (this.completedDue) this.#due = now
    this.failures = 0
    this.#ordered = false
    this.#answered = true
    this.#lastError = undefined
    this.#message = response.warning
    this.#peersReceived += response.peers.length
    if (response.trackerId !== undefined) this.trackerId = response.trackerId
    this.#counts = {
      ...(response.complete !== undefined && { seeders: response.complete }),
      ...(response.incomplete !== undefined && { leechers: response.incomplete }),
      ...(response.downloaded !== undefined && { downloaded: response.downloaded }),
    }
  }

  failed(error: unknown, random: Random, now: number): void {
    this.failures++
    const code = errorCode(error)
    this.#lastError = { code, message: errorMessage(error) }
    // A tracker that timed out may have heard us all the same; one that refused or was not reached has not.
    if (this.registered === 'asked' && code !== 'tracker/timeout') this.registered = 'no'
    const backoff = Math.min(BACKOFF_MAX, BACKOFF_BASE + BACKOFF_STEP * this.failures ** 2)
    const ordered = retryIn(error)
    this.#ordered = ordered !== undefined && ordered > backoff
    const delay = HOPELESS.has(code) ? Number.POSITIVE_INFINITY : Math.max(ordered ?? 0, backoff)
    this.#due = now + delay + below(random, Math.ceil(backoff * JITTER_PART) + 1)
  }

  snapshot(isStopped: boolean): TrackerSnapshot {
    const status =
      this.action !== undefined
        ? 'announcing'
        : this.isFailing
          ? 'failed'
          : isStopped
            ? 'stopped'
            : this.#answered
              ? 'working'
              : 'idle'
    return {
      url: this.url,
      tier: this.tier,
      status,
      ...(this.#lastError && { lastError: this.#lastError }),
      ...(this.#message !== undefined && { message: this.#message }),
      ...this.#counts,
      interval: this.#interval,
      nextAnnounce: isStopped ? Number.POSITIVE_INFINITY : this.#due,
      peersReceived: this.#peersReceived,
      failures: this.failures,
    }
  }
}

/** BEP 31 by shape, not by class: bundlers may load two copies. */
function retryIn(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('retryIn' in error)) return undefined
  return typeof error.retryIn === 'number' && error.retryIn >= 0 ? error.retryIn : undefined
}
