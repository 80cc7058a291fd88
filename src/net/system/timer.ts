/**
 * Timers of the machine.
 * @module
 */

import type { TimerSource } from '../../util/async/deadline.js'
import type { Timer } from '../world.js'

/** Longest delay that the system's timers take; a longer one is waited for in steps. */
const LONGEST_DELAY = 0x7fff_ffff

/** The clock of the system world, for its own parts. */
export const systemTimers: TimerSource = { setTimer: (ms, call) => new SystemTimer(ms, call) }

/** Calls once after `ms`, however long that is. */
export class SystemTimer implements Timer {
  readonly #call: () => void
  #handle: NodeJS.Timeout

  constructor(ms: number, call: () => void) {
    this.#call = call
    this.#handle = this.#arm(ms)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #arm(ms: number): NodeJS.Timeout {
    if (ms <= LONGEST_DELAY) return setTimeout(this.#call, Math.ceil(Math.max(0, ms)))
    return setTimeout(() => {
      this.#handle = this.#arm(ms - LONGEST_DELAY)
    }, LONGEST_DELAY)
  }
}
