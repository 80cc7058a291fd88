/**
 * The requests of the remote that we hold, in the order they came: twelve bytes each, so that thousands of a
 * remote cost little.
 * @module
 */

import type { Range } from '../metainfo/layout.js'

/** Numbers of a request: piece, begin, length. */
const FIELDS = 3
const SMALLEST = 64 * FIELDS

export class UploadQueue {
  private fields = new Int32Array(SMALLEST)
  /** Where the oldest request begins in `fields`, and where the newest ends. */
  private first = 0
  private end = 0
  /** The oldest request as it was handed out; undefined until it is asked for. */
  private shown: Range | undefined

  get size(): number {
    return (this.end - this.first) / FIELDS
  }

  /** The oldest request: the same object until it is removed. */
  get head(): Range | undefined {
    if (this.shown === undefined && this.first < this.end) this.shown = this.at(this.first)
    return this.shown
  }

  push(piece: number, begin: number, length: number): void {
    if (this.end === this.fields.length) this.makeRoom()
    const { fields, end } = this
    fields[end] = piece
    fields[end + 1] = begin
    fields[end + 2] = length
    this.end = end + FIELDS
  }

  shift(): void {
    this.shown = undefined
    this.first += FIELDS
    if (this.first === this.end) this.clear()
  }

  /** Removes the oldest request for exactly this range; false when there is none. */
  remove(piece: number, begin: number, length: number): boolean {
    const { fields, first, end } = this
    for (let at = first; at < end; at += FIELDS) {
      if (fields[at + 1] !== begin || fields[at] !== piece || fields[at + 2] !== length) continue
      if (at === first) this.shift()
      else {
        fields.copyWithin(at, at + FIELDS, end)
        this.end -= FIELDS
      }
      return true
    }
    return false
  }

  /** Keeps the requests that `keep` accepts and returns the others, both in order. */
  filter(keep: (range: Range) => boolean): Range[] {
    const removed: Range[] = []
    const { fields } = this
    let to = 0
    for (let at = this.first; at < this.end; at += FIELDS) {
      const range = this.at(at)
      if (keep(range)) {
        fields.copyWithin(to, at, at + FIELDS)
        to += FIELDS
      } else removed.push(range)
    }
    this.first = 0
    this.end = to
    this.shown = undefined
    return removed
  }

  /** Forgets all requests, and the memory of a long queue. */
  clear(): void {
    if (this.fields.length > SMALLEST) this.fields = new Int32Array(SMALLEST)
    this.first = 0
    this.end = 0
    this.shown = undefined
  }

  private at(at: number): Range {
    const { fields } = this
    return { piece: fields[at] as number, begin: fields[at + 1] as number, length: fields[at + 2] as number }
  }

  /** Uses the space of answered requests again when that is half of it, else takes twice as much. */
  private makeRoom(): void {
    const { fields, first, end } = this
    if (2 * first < end) {
      this.fields = new Int32Array(2 * fields.length)
      this.fields.set(fields.subarray(first, end))
    } else fields.copyWithin(0, first, end)
    this.first = 0
    this.end = end - first
  }
}
