/**
 * What applications are told, kept until the engine has finished its turn. A listener runs in a turn of its own
 * and may do or throw what it likes: nothing of ours is half done then.
 * @module
 */

export class EventQueue {
  readonly #defer: (call: () => void) => void
  readonly #waiting: (() => void)[] = []
  /** Calls at the front of {@link #waiting} that were made. */
  #told = 0
  #due = false

  /** `defer` calls once at the end of this turn of the event loop, as `World.defer`. */
  constructor(defer: (call: () => void) => void) {
    this.#defer = defer
  }

  /**
   * Makes a call in a turn of its own, after those that were pushed before. What it throws is thrown out of that
   * turn, which Node reports as `uncaughtException`; later calls are made all the same.
   */
  push(call: () => void): void {
    this.#waiting.push(call)
    this.#wake()
  }

  /** Makes a call that has to be made at once; what it throws is thrown in a turn of its own. */
  guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Throws, in a turn of its own, what the code of an application threw in one of ours. */
  fail(error: unknown): void {
    this.push(() => {
      throw error
    })
  }

  /** Resolves when the calls pushed so far were made. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.push(resolve))
  }

  #wake(): void {
    if (this.#due) return
    this.#due = true
    this.#defer(this.#turn)
  }

  /** Makes the calls that were there when it began: a listener that always brings about another event stops nobody else. */
  readonly #turn = (): void => {
    const end = this.#waiting.length
    try {
      while (this.#told < end) {
        const call = this.#waiting[this.#told++]
        call?.()
      }
    } finally {
      // Not at each of many that throw: that would move the rest each time.
      if (this.#told * 2 >= this.#waiting.length) {
        this.#waiting.splice(0, this.#told)
        this.#told = 0
      }
      this.#due = false
      if (this.#waiting.length > 0) this.#wake()
    }
  }
}
