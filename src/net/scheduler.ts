/**
 * One timing wheel for a whole session, driven by one timer of the world.
 * @module
 */

import { TimingWheel } from './timing-wheel.js'
import type { Timer, World } from './world.js'

/** Something that wants to be called at a time; the same object is scheduled once at most. */
export interface Task {
  /** Called once per {@link Scheduler.schedule}, never earlier than asked. */
  run(now: number): void
}

export class Scheduler {
  readonly #world: World
  readonly #wheel: TimingWheel<Task>
  #timer: Timer | undefined
  #armed = Number.POSITIVE_INFINITY
  #closed = false

  constructor(world: World) {
    this.#world = world
    this.#wheel = new TimingWheel<Task>(world.now())
  }

  /** Calls `task.run` at `at` (ms on the world's clock) or within 10 ms after it; replaces an earlier time. */
  schedule(task: Task, at: number): void {
    if (this.#closed) return
    if (at === Number.POSITIVE_INFINITY) {
      this.#wheel.cancel(task)
      return
    }
    this.#wheel.schedule(task, at)
    this.#arm()
  }

  cancel(task: Task): void {
    this.#wheel.cancel(task)
  }

  /** Drops every task and the timer. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const next = this.#wheel.nextTick
    if (next >= this.#armed) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armed = next
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = this.#world.setTimer(Math.max(0, next - this.#world.now()), () => {
      this.#timer = undefined
      this.#armed = Number.POSITIVE_INFINITY
      const now = this.#world.now()
      this.#wheel.run(now, (task) => {
        if (!this.#closed) task.run(now)
      })
      if (!this.#closed) this.#arm()
    })
  }
}
