/**
 * Virtual time: a queue of events ordered by time, then by the order in which they were made.
 * @module
 */

/** Something that happens at a time; made by {@link VirtualClock}. */
export interface Event {
  readonly time: number
  readonly order: number
  /** Undefined once it was run or cancelled. */
  call: (() => void) | undefined
  /** Runs none of the code under test, so that no promise needs to settle after it. */
  readonly quiet: boolean
}

/** Deferred events of an instant come after all others of it: an order that no counter reaches. */
const DEFERRED: number = 2 ** 51

/** Cancelled events in the queue are dropped together when there are more than this and than half. */
const COMPACT_AT = 4_096

export class VirtualClock {
  /** ms since the world began. */
  now = 0
  #heap: Event[] = []
  #made = 0
  #cancelled = 0

  /** Runs `call` at `time` (ms), now when that is past. */
  at(time: number, call: () => void, quiet = false): Event {
    const due = Number.isNaN(time) ? this.now : Math.max(this.now, time)
    return this.#push({ time: due, order: this.#made++, call, quiet })
  }

  /** Runs `call` now, after every other event of this instant. */
  defer(call: () => void): Event {
    return this.#push({ time: this.now, order: DEFERRED + this.#made++, call, quiet: false })
  }

  cancel(event: Event): void {
    if (!event.call) return
    event.call = undefined
    this.#cancelled++
    if (this.#cancelled > COMPACT_AT && this.#cancelled * 2 > this.#heap.length) this.#compact()
  }

  /** The next event, still in the queue. */
  peek(): Event | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (!first || first.call) return first
      this.#cancelled--
      this.#removeFirst()
    }
  }

  /** Takes the next event out and moves the clock to its time. The caller runs it. */
  pop(): Event | undefined {
    const first = this.peek()
    if (!first) return undefined
    this.#removeFirst()
    this.now = first.time
    return first
  }

  #push(event: Event): Event {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Event
      if (!isBefore(event, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = event
    return event
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    this.#sink(last, 0)
  }

  #sink(event: Event, from: number): void {
    const heap = this.#heap
    const length = heap.length
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= length) break
      let child = heap[below] as Event
      const right = heap[below + 1]
      if (right && isBefore(right, child)) {
        child = right
        below++
      }
      if (!isBefore(child, event)) break
      heap[at] = child
      at = below
    }
    heap[at] = event
  }

  #compact(): void {
    this.#heap = this.#heap.filter((event) => event.call)
    this.#cancelled = 0
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(this.#heap[at] as Event, at)
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}
