/**
 * Our own unanswered requests at one peer. All work is constant per block.
 *
 * | request is | block arrives | reject arrives | choke arrives |
 * |---|---|---|---|
 * | open | answered | answered | open (fast), else dropped |
 * | cancelled (fast: still owed an answer) | owed answer, waste | owed answer | stays owed |
 * | unknown, but answers may be late | late, waste | late | |
 * | unknown | closes (fast), counted else | closes | |
 * @module
 */

/**
 * Most late answers forgiven at a time; more cancels than this are never under way. A cancel is worth
 * one even where an answer is owed: clients are seen to reject what they had already sent.
 */
const MAX_LATE = 4096

export class Requests {
  /** Key -> time of the request (ms), oldest first. */
  private readonly open: Map<number, number> = new Map()
  /** Key -> answers still owed to cancelled requests. */
  private readonly cancelled: Map<number, number> = new Map()
  /** Blocks and rejects that may still come for requests dropped or cancelled. */
  private late = 0
  /** Walks `open` in its order; `head` is the entry it stands at. */
  private order: IterableIterator<[number, number]> | undefined
  private headKey = 0
  private headTime = Number.POSITIVE_INFINITY

  get size(): number {
    return this.open.size
  }

  /** Time of the request, or undefined when the block is not asked for. */
  time(key: number): number | undefined {
    return this.open.get(key)
  }

  add(key: number, now: number): void {
    this.open.set(key, now)
    if (this.order === undefined) this.restart()
  }

  /** The request was answered. */
  delete(key: number): void {
    this.open.delete(key)
  }

  /**
   * Forgets an open request; false when there was none. `owed`: the remote must answer all the same.
   */
  cancel(key: number, owed: boolean): boolean {
    if (!this.open.delete(key)) return false
    if (owed) {
      this.cancelled.set(key, (this.cancelled.get(key) ?? 0) + 1)
      // A remote that never answers cancels must not make this grow.
      if (this.cancelled.size > MAX_LATE) this.cancelled.delete(this.cancelled.keys().next().value as number)
    }
    this.forgive(1)
    return true
  }

  /** A choke without the fast extension: nothing will be answered, what is on its way may still come. */
  drop(): void {
    this.forgive(this.open.size)
    this.clear()
  }

  clear(): void {
    this.open.clear()
    this.order = undefined
    this.headTime = Number.POSITIVE_INFINITY
  }

  /** Takes a block or reject that no open request explains; false when nothing explains it. */
  excuse(key: number): boolean {
    if (this.takeOwed(key)) return true
    if (this.late === 0) return false
    this.late--
    return true
  }

  /** Takes an answer to a cancelled request; false when none is owed. */
  takeOwed(key: number): boolean {
    const owed = this.cancelled.get(key)
    if (owed === undefined) return false
    if (owed > 1) this.cancelled.set(key, owed - 1)
    else this.cancelled.delete(key)
    return true
  }

  /**
   * Time of the oldest open request, Infinity when there is none. Each entry is walked over once in
   * its life, so that this may be read as often as one likes.
   */
  get oldest(): number {
    // One step will do: a map's iterator passes over what was deleted.
    if (this.order !== undefined && this.open.get(this.headKey) !== this.headTime) this.step()
    return this.headTime
  }

  private restart(): void {
    this.order = this.open.entries()
    this.step()
  }

  private step(): void {
    const next = this.order?.next()
    if (next === undefined || next.done) {
      this.order = undefined
      this.headTime = Number.POSITIVE_INFINITY
      return
    }
    this.headKey = next.value[0]
    this.headTime = next.value[1]
  }

  private forgive(answers: number): void {
    this.late = Math.min(this.late + answers, MAX_LATE)
  }
}
