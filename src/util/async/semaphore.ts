/**
 * A limit on what runs side by side.
 * @module
 */

/** At most so many at once, first come first served. */
export class Semaphore {
  #free: number
  readonly #waiting = new Set<() => void>()

  /** @param size at least 1. */
  constructor(size: number) {
    this.#free = size
  }

  /** Resolves with the function that leaves; rejects when `signal` aborts before. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw signal.reason
    if (this.#free > 0) this.#free--
    else {
      await new Promise<void>((resolve, reject) => {
        const turn = (): void => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
        const onAbort = (): void => {
          this.#waiting.delete(turn)
          reject(signal.reason)
        }
        this.#waiting.add(turn)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    }
    return () => {
      const [next] = this.#waiting
      if (next) {
        this.#waiting.delete(next)
        next()
      } else this.#free++
    }
  }
}
