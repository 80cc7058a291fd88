/**
 * Numbers of several look-ups as those of one.
 * @module
 */

import type { LookupStats } from '../../dht/node-types.js'

/** Of a look-up that has not begun. */
export const NOTHING: LookupStats = Object.freeze({
  queries: 0,
  responded: 0,
  timedOut: 0,
  rounds: 0,
  stored: 0,
  duration: 0,
})

/** Of look-ups that ran side by side. */
export function sum(a: LookupStats, b: LookupStats): LookupStats {
  return {
    queries: a.queries + b.queries,
    responded: a.responded + b.responded,
    timedOut: a.timedOut + b.timedOut,
    rounds: Math.max(a.rounds, b.rounds),
    stored: a.stored + b.stored,
    duration: Math.max(a.duration, b.duration),
  }
}

/** What a call that takes several look-ups reports: all of those that ended and those that run. */
export class JointProgress {
  readonly #report: ((stats: LookupStats) => void) | undefined
  readonly #running = new Set<{ stats: LookupStats }>()
  #ended = NOTHING

  constructor(report: ((stats: LookupStats) => void) | undefined) {
    this.#report = report
  }

  /** The options of one of them. */
  join<T extends { readonly progress?: (stats: LookupStats) => void }>(options: T): T {
    if (!this.#report) return options
    const part = { stats: NOTHING }
    this.#running.add(part)
    return {
      ...options,
      progress: (stats: LookupStats) => {
        part.stats = stats
        this.#report?.(this.#all())
      },
    }
  }

  /** All that joined have ended; the next ones come after them. */
  settle(): void {
    this.#ended = this.#all()
    this.#running.clear()
  }

  #all(): LookupStats {
    let running = NOTHING
    for (const { stats } of this.#running) running = sum(running, stats)
    const all = sum(this.#ended, running)
    return { ...all, duration: this.#ended.duration + running.duration }
  }
}
