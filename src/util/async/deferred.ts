/**
 * Promises that others settle, and waiting for one no longer than a signal allows.
 * @module
 */

/**
 * A promise with its two functions outside: settled once, for late callers too, and never an unhandled
 * rejection when nobody asked.
 */
export class Deferred<T> {
  readonly promise: Promise<T>
  #isSettled = false
  #isResolved = false
  #resolve!: (value: T) => void
  #reject!: (reason: unknown) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.promise.catch(() => {})
  }

  /** True from the first `resolve` on that came before any `reject`. */
  get isResolved(): boolean {
    return this.#isResolved
  }

  resolve(value: T): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#isResolved = true
    this.#resolve(value)
  }

  reject(reason: unknown): void {
    this.#isSettled = true
    this.#reject(reason)
  }
}

/**
 * Waits for `promise`, or rejects with `signal.reason` as soon as the signal aborts. The listener is
 * removed either way.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
