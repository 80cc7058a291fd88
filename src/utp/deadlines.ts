/**
 * The timers of all connections in one binary heap. A deadline that moves later costs nothing: its
 * entry is put right when it comes up.
 * @module
 */

/** Something with a deadline; `heapAt` and `heapTime` belong to {@link Deadlines}. */
export interface Timed {
  /** ms; Infinity for none. */
  deadline: number
  /** Where it is in the heap, -1 when it is not there. */
  heapAt: number
  /** The time it is filed under: never later than `deadline`. */
  heapTime: number
}

export class Deadlines<T extends Timed> {
  private readonly heap: T[] = []

  /** Time of the first entry, Infinity when there is none. May be early, never late. */
  next(): number {
    const first = this.heap[0]
    return first === undefined ? Number.POSITIVE_INFINITY : first.heapTime
  }

  /** Files an item whose deadline has moved. */
  update(item: T): void {
    if (item.heapAt < 0) {
      if (item.deadline === Number.POSITIVE_INFINITY) return
      item.heapTime = item.deadline
      item.heapAt = this.heap.length
      this.heap.push(item)
      this.rise(item)
    } else if (item.deadline < item.heapTime) {
      item.heapTime = item.deadline
      this.rise(item)
    }
  }

  /** Takes out one item whose deadline is over; undefined when none is. */
  due(now: number): T | undefined {
    for (;;) {
      const first = this.heap[0]
      if (first === undefined || first.heapTime > now) return undefined
      this.remove(first)
      if (first.deadline <= now) return first
      this.update(first)
    }
  }

  remove(item: T): void {
    const at = item.heapAt
    if (at < 0) return
    item.heapAt = -1
    const last = this.heap.pop() as T
    if (last === item) return
    this.heap[at] = last
    last.heapAt = at
    this.rise(last)
    this.sink(last)
  }

  private rise(item: T): void {
    const { heap } = this
    let at = item.heapAt
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as T
      if (parent.heapTime <= item.heapTime) break
      heap[at] = parent
      parent.heapAt = at
      at = above
    }
    heap[at] = item
    item.heapAt = at
  }

  private sink(item: T): void {
    const { heap } = this
    let at = item.heapAt
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && (heap[below + 1] as T).heapTime < (heap[below] as T).heapTime) below++
      const child = heap[below] as T
      if (child.heapTime >= item.heapTime) break
      heap[at] = child
      child.heapAt = at
      at = below
    }
    heap[at] = item
    item.heapAt = at
  }
}
