/**
 * Work that is done once for all who ask for it while it lasts, and given up when none of them waits any more.
 * @module
 */

import { abortable, Deferred } from './deferred.js'

interface Run<T> {
  readonly outcome: Deferred<T>
  readonly abort: AbortController
  waiting: number
}

export class SharedTask<T> {
  readonly #work: (signal: AbortSignal) => Promise<T>
  #run: Run<T> | undefined
  /** Settles when nothing is under way, given up runs included. */
  #over: Promise<void> = Promise.resolve()
  #closed: Error | undefined

  /** `work` settles soon after its signal aborts. */
  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work
  }

  /** True while there is a run that somebody waits for. */
  get isRunning(): boolean {
    return this.#run !== undefined
  }

  /** The outcome of the run under way, or of a new one. Rejects with `signal.reason`, or as the work does. */
  async join(signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw this.#closed
    signal?.throwIfAborted()
    const run = this.#run ?? this.#begin()
    run.waiting++
    try {
      return await abortable(run.outcome.promise, signal)
    } finally {
      if (--run.waiting === 0) this.#giveUp(run, signal?.reason)
    }
  }

  /** Ends the run under way, and whatever is asked later, with `error`. */
  close(error: Error): void {
    this.#closed = error
    if (this.#run) this.#giveUp(this.#run, error)
  }

  #begin(): Run<T> {
    const run: Run<T> = { outcome: new Deferred<T>(), abort: new AbortController(), waiting: 0 }
    this.#run = run
    this.#over = this.#over.then(() => this.#carryOut(run))
    return run
  }

  async #carryOut(run: Run<T>): Promise<void> {
    try {
      run.abort.signal.throwIfAborted()
      run.outcome.resolve(await this.#work(run.abort.signal))
    } catch (error) {
      run.outcome.reject(error)
    }
    if (this.#run === run) this.#run = undefined
  }

  #giveUp(run: Run<T>, reason: unknown): void {
    if (this.#run !== run) return
    this.#run = undefined
    run.abort.abort(reason)
    run.outcome.reject(reason)
  }
}
