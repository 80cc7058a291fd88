/**
 * Something that happens once, or never.
 * @module
 */

export class Milestone {
  /** Marked as handled: nobody has to wait for it. */
  readonly promise: Promise<void>
  isReached = false
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.promise.catch(() => {})
  }

  reach(): void {
    this.isReached = true
    this.#resolve()
  }

  /** It will not be reached any more. */
  fail(error: unknown): void {
    this.#reject(error)
  }
}
