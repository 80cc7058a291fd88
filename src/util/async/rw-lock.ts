/**
 * Who may use the files of a torrent when: reads, many at once, or work that moves bytes from file to file,
 * which has them for itself.
 * @module
 */

export class ReadWriteLock {
  /** Settles when all exclusive work so far is done. */
  #turn: Promise<void> = Promise.resolve()
  /** Exclusive work that runs or waits. */
  #waiting = 0
  readonly #reads = new Set<Promise<void>>()

  /** Runs a read as soon as no exclusive work is due. It must not begin another one inside: that could wait for ever. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    while (this.#waiting > 0) await this.#turn
    const reading = work()
    const ended = reading.then(nothing, nothing)
    this.#reads.add(ended)
    try {
      return await reading
    } finally {
      this.#reads.delete(ended)
    }
  }

  /** Runs work that nothing may be read beside, one after another. */
  async write(work: () => Promise<void>): Promise<void> {
    const before = this.#turn
    let end = nothing
    this.#waiting++
    this.#turn = new Promise<void>((resolve) => {
      end = resolve
    })
    try {
      await before
      await this.readsDone()
      await work()
    } finally {
      this.#waiting--
      end()
    }
  }

  /** Resolves when all exclusive work asked for so far is done. */
  get writesDone(): Promise<void> {
    return this.#turn
  }

  /** Resolves when the reads under way have ended. */
  async readsDone(): Promise<void> {
    await Promise.all(this.#reads)
  }
}

function nothing(): void {}
