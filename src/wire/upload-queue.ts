/**
 * The requests of the remote that we hold, in the order they came.
 * @module
 */

import type { Range } from '../metainfo/layout.js'

export class UploadQueue {
  private queue: Range[] = []
  /** Answered requests at the start of `queue`, cut off now and then. */
  private first = 0

  get size(): number {
    return this.queue.length - this.first
  }

  get head(): Range | undefined {
    return this.queue[this.first]
  }

  push(range: Range): void {
    this.queue.push(range)
  }

  shift(): void {
    this.first++
    if (this.first === this.queue.length) {
      this.queue.length = 0
      this.first = 0
    } else if (this.first >= 1024) {
      this.queue.splice(0, this.first)
      this.first = 0
    }
  }

  /** Removes the oldest request for exactly this range; false when there is none. */
  remove(piece: number, begin: number, length: number): boolean {
    for (let i = this.first; i < this.queue.length; i++) {
      const range = this.queue[i] as Range
      if (range.begin !== begin || range.piece !== piece || range.length !== length) continue
      if (i === this.first) this.shift()
      else this.queue.splice(i, 1)
      return true
    }
    return false
  }

  /** Keeps the requests that `keep` accepts and returns the others, both in order. */
  filter(keep: (range: Range) => boolean): Range[] {
    const kept: Range[] = []
    const removed: Range[] = []
    for (let i = this.first; i < this.queue.length; i++) {
      const range = this.queue[i] as Range
      if (keep(range)) kept.push(range)
      else removed.push(range)
    }
    this.queue = kept
    this.first = 0
    return removed
  }

  clear(): void {
    this.queue = []
    this.first = 0
  }
}
