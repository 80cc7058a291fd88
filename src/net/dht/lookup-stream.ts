/**
 * A running look-up as its user sees it: what it finds comes as it comes, and in the end it is done.
 * @module
 */

import type { LookupStats } from '../../dht/node-types.js'

/** Finds kept for a reader that is slower than the network. Later ones are dropped: a look-up finds a few hundred. */
const MAX_WAITING = 10_000

/**
 * A look-up that runs from the call on, whether or not somebody reads. `for await` gives what it finds and
 * ends with it; leaving the loop ends the look-up.
 */
export interface DhtLookup<T> extends AsyncIterable<T> {
  /**
   * The look-up in numbers, once it ended. Rejects with `signal.reason` when it was aborted and with code
   * `dht/closed` when the node was closed first.
   */
  readonly done: Promise<LookupStats>
  /** Finds so far. */
  readonly found: number
}

/** The other side of a {@link DhtLookup}, for the code that runs it. */
export class LookupStream<T> implements DhtLookup<T>, AsyncIterator<T, undefined> {
  readonly done: Promise<LookupStats>
  readonly #waiting: T[] = []
  readonly #leave: () => void
  #settle!: { resolve: (stats: LookupStats) => void; reject: (error: unknown) => void }
  #found = 0
  #state: { readonly over: false } | { readonly over: true; error?: unknown } = { over: false }
  #wake: (() => void) | undefined

  /** @param leave called when the reader has enough. */
  constructor(leave: () => void) {
    this.#leave = leave
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.done.catch(() => {})
  }

  get found(): number {
    return this.#found
  }

  get isOver(): boolean {
    return this.#state.over
  }

  push(value: T): void {
    if (this.#state.over) return
    this.#found++
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(value)
    this.#signal()
  }

  finish(stats: LookupStats): void {
    if (this.#state.over) return
    this.#state = { over: true }
    this.#settle.resolve(stats)
    this.#signal()
  }

  fail(error: unknown): void {
    if (this.#state.over) return
    this.#state = { over: true, error }
    this.#waiting.length = 0
    this.#settle.reject(error)
    this.#signal()
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return this
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const value = this.#waiting.shift()
      if (value !== undefined) return { done: false, value }
      if (this.#state.over) {
        if ('error' in this.#state) {
          const { error } = this.#state
          // Told once, as an iterator does; later calls are past the end.
          this.#state = { over: true }
          throw error
        }
        return { done: true, value: undefined }
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#waiting.length = 0
    if (!this.#state.over) this.#leave()
    return { done: true, value: undefined }
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
