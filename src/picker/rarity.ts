/**
 * How many connected peers have each piece, and the pieces that may be opened next (the candidates:
 * wanted, lacking, not open) ordered by priority and rarity.
 *
 * One flat array holds every piece: first those that are no candidates, then one run (bucket) for
 * each pair of priority and availability, most urgent and rarest first. `starts[b]` is where bucket
 * b begins. One copy more or less moves a piece over exactly one border by one swap, so the cost
 * does not depend on the number of pieces. A seed is one counter for all pieces. Bulk changes mark
 * the array stale; it is sorted once, before the next use.
 * @module
 */

import type { Random } from '../util/random.js'
import { bitset, clearBit, countBits, hasBit, setBit } from './bitset32.js'

/** Priority of a piece when nothing is said: the middle of 0 (not wanted) .. 7. */
export const DEFAULT_PRIORITY = 4

/** Availabilities told apart. From 255 copies on a piece is common, and more copies change nothing. */
const BUCKETS = 256

/** Additions that a peer's cursors can catch up on one by one. */
const RECENT = 64

/** No class: the priority is not in use. */
const UNUSED = 255

export class Rarity {
  readonly length: number
  /** Copies among the peers that are not seeds. */
  readonly counts: Uint16Array
  /** Peers that have everything. */
  seeds = 0
  readonly priority: Uint8Array
  /** The candidates as a set. */
  readonly candidates: Int32Array
  candidateCount = 0
  /** Priority classes in use, most urgent first. */
  classCount = 0
  /** Grows when the classes change: whatever was remembered of the order is void. */
  generation = 1
  /** Candidates added so far; the latest are in {@link Rarity.recent}. */
  additions = 0
  readonly recent: Uint32Array = new Uint32Array(RECENT)
  /** Every piece: no candidates first, then the buckets. Valid after {@link Rarity.settle}. */
  order: Uint32Array = new Uint32Array(0)

  #position: Uint32Array = new Uint32Array(0)
  #starts: Uint32Array = new Uint32Array(1)
  #classOf: Uint8Array = new Uint8Array(8).fill(UNUSED)
  /** Candidates of each class; the class's only set is `candidates` itself when there is one class. */
  #classBits: Int32Array[] = []
  /** No candidate of a class is before this word. */
  readonly #lowest: Int32Array = new Int32Array(8)
  #stale = true
  #staleClasses = true
  #state: number

  constructor(length: number, random: Random) {
    this.length = length
    this.counts = new Uint16Array(length)
    this.priority = new Uint8Array(length).fill(DEFAULT_PRIORITY)
    this.candidates = bitset(length)
    this.#state = random.uint32() | 1
  }

  /** A number in 0 .. `bound` - 1 from a generator of our own (xorshift32), seeded once: a have needs one. */
  below(bound: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return Math.floor(((x >>> 0) / 0x1_0000_0000) * bound)
  }

  isCandidate(piece: number): boolean {
    return hasBit(this.candidates, piece)
  }

  /** Makes a piece a candidate. */
  add(piece: number): void {
    if (hasBit(this.candidates, piece)) return
    setBit(this.candidates, piece)
    this.candidateCount++
    this.recent[this.additions++ % RECENT] = piece
    const level = this.#classOf[this.priority[piece] as number] as number
    if (level === UNUSED) this.#staleClasses = true
    if (this.#staleClasses) this.#stale = true
    else {
      if (this.classCount > 1) setBit(this.classBits(level), piece)
      if (piece >>> 5 < (this.#lowest[level] as number)) this.#lowest[level] = piece >>> 5
    }
    if (!this.#stale) this.#insert(piece)
  }

  /** Takes a piece out of the candidates. */
  remove(piece: number): void {
    if (!hasBit(this.candidates, piece)) return
    if (!this.#stale) this.#extract(piece)
    clearBit(this.candidates, piece)
    this.candidateCount--
    if (!this.#staleClasses && this.classCount > 1) {
      clearBit(this.classBits(this.classOf(piece)), piece)
    }
  }

  /** Changes the priority of one piece; its being a candidate is the caller's business. */
  setPriority(piece: number, priority: number): void {
    const candidate = hasBit(this.candidates, piece)
    if (candidate) this.remove(piece)
    this.priority[piece] = priority
    if (candidate) this.add(piece)
  }

  /** Forgets the order and the classes after priorities or candidates were written in bulk. */
  invalidate(): void {
    this.#stale = true
    this.#staleClasses = true
    this.generation++
  }

  /** One more copy. */
  increment(piece: number): void {
    const count = this.counts[piece] as number
    this.counts[piece] = count + 1
    if (this.#stale || count >= BUCKETS - 1 || !hasBit(this.candidates, piece)) return
    this.#raise(piece, this.classOf(piece) * BUCKETS + count)
    this.#mix(piece, this.classOf(piece) * BUCKETS + count + 1)
  }

  /** One copy less. */
  decrement(piece: number): void {
    const count = (this.counts[piece] as number) - 1
    this.counts[piece] = count
    if (this.#stale || count >= BUCKETS - 1 || !hasBit(this.candidates, piece)) return
    this.#lower(piece, this.classOf(piece) * BUCKETS + count + 1)
    this.#mix(piece, this.classOf(piece) * BUCKETS + count)
  }

  /** One copy more (`by` 1) or less (-1) of every member of a set. */
  spread(bits: Int32Array, by: 1 | -1): void {
    const few = countBits(bits) <= this.length >>> 4
    for (let at = 0; at < bits.length; at++) {
      for (let rest = bits[at] as number; rest !== 0; ) {
        const bit = Math.clz32(rest)
        rest &= ~(0x8000_0000 >>> bit)
        const piece = at * 32 + bit
        if (!few) this.counts[piece] = (this.counts[piece] as number) + by
        else if (by > 0) this.increment(piece)
        else this.decrement(piece)
      }
    }
    if (!few) this.#stale = true
  }

  /** Class of a piece by its priority; only of a priority in use. */
  classOf(piece: number): number {
    return this.#classOf[this.priority[piece] as number] as number
  }

  /** Candidates of one class as a set. */
  classBits(level: number): Int32Array {
    return this.#classBits[level] as Int32Array
  }

  /** First place in `order` of a class; without `seed` those are left out that only seeds have. */
  first(level: number, seed: boolean): number {
    return this.#starts[level * BUCKETS + (seed ? 0 : 1)] as number
  }

  /** End in `order` of a class. */
  end(level: number): number {
    return this.#starts[(level + 1) * BUCKETS] as number
  }

  /** First word that holds a candidate of a class, or the number of words. */
  lowest(level: number): number {
    const words = this.classBits(level)
    let at = this.#lowest[level] as number
    while (at < words.length && words[at] === 0) at++
    this.#lowest[level] = at
    return at
  }

  /** Compares two candidates: negative when the first is to be picked first. */
  compare(a: number, b: number): number {
    return (this.counts[a] as number) - (this.counts[b] as number)
  }

  /** Brings classes and order up to date: O(pieces) after a bulk change, nothing otherwise. */
  settle(): void {
    if (this.#stale && this.candidateCount > 0) this.#sort()
  }

  /** Throws when the array and its buckets contradict the counts. */
  check(): void {
    if (this.#stale) return
    const { order, length } = this
    const starts = this.#starts
    for (let at = 0; at < length; at++) {
      const piece = order[at] as number
      if (this.#position[piece] !== at) throw new Error(`picker: place of piece ${piece} is wrong`)
      const candidate = hasBit(this.candidates, piece)
      if (candidate !== at >= (starts[0] as number)) throw new Error(`picker: piece ${piece} is misfiled`)
      if (!candidate) continue
      const bucket = this.#bucket(piece)
      if (at < (starts[bucket] as number) || at >= (starts[bucket + 1] as number)) {
        throw new Error(`picker: piece ${piece} is in a wrong bucket`)
      }
      if (!hasBit(this.classBits(this.classOf(piece)), piece)) {
        throw new Error(`picker: piece ${piece} is missing in its class`)
      }
    }
    if (length - (starts[0] as number) !== this.candidateCount)
      throw new Error('picker: candidates miscounted')
  }

  #bucket(piece: number): number {
    return this.classOf(piece) * BUCKETS + Math.min(this.counts[piece] as number, BUCKETS - 1)
  }

  #insert(piece: number): void {
    const bucket = this.#bucket(piece)
    this.#swap(piece, (this.#starts[0] as number) - 1)
    this.#starts[0] = (this.#starts[0] as number) - 1
    for (let at = 0; at < bucket; at++) this.#raise(piece, at)
    this.#mix(piece, bucket)
  }

  #extract(piece: number): void {
    for (let at = this.#bucket(piece); at >= 0; at--) this.#lower(piece, at)
  }

  /** From the end of its bucket over the border into the next one. */
  #raise(piece: number, bucket: number): void {
    const border = (this.#starts[bucket + 1] as number) - 1
    if (this.#position[piece] !== border) this.#swap(piece, border)
    this.#starts[bucket + 1] = border
  }

  /** From the front of its bucket over the border into the one before, or out of the candidates. */
  #lower(piece: number, bucket: number): void {
    const border = this.#starts[bucket] as number
    if (this.#position[piece] !== border) this.#swap(piece, border)
    this.#starts[bucket] = border + 1
  }

  /** Peers with the same view must not pick in the same order: any place in the bucket will do. */
  #mix(piece: number, bucket: number): void {
    const start = this.#starts[bucket] as number
    this.#swap(piece, start + this.below((this.#starts[bucket + 1] as number) - start))
  }

  #swap(piece: number, to: number): void {
    const from = this.#position[piece] as number
    const other = this.order[to] as number
    this.order[from] = other
    this.#position[other] = from
    this.order[to] = piece
    this.#position[piece] = to
  }

  /** Counting sort in the old order, which keeps buckets shuffled. */
  #sort(): void {
    if (this.#staleClasses) this.#classify()
    if (this.order.length === 0) this.#shuffle()
    const { length, order, candidates, counts, priority } = this
    const classOf = this.#classOf
    const buckets = new Uint16Array(length)
    const starts = new Uint32Array(this.classCount * BUCKETS + 1)
    const next = new Uint32Array(starts.length + 1)
    for (let piece = 0; piece < length; piece++) {
      let bucket = 0
      if (hasBit(candidates, piece)) {
        const count = counts[piece] as number
        const level = classOf[priority[piece] as number] as number
        bucket = level * BUCKETS + (count < BUCKETS ? count : BUCKETS - 1) + 1
      }
      buckets[piece] = bucket
      next[bucket + 1] = (next[bucket + 1] as number) + 1
    }
    for (let at = 1; at < next.length; at++) next[at] = (next[at] as number) + (next[at - 1] as number)
    for (let at = 0; at < starts.length; at++) starts[at] = next[at + 1] as number
    const sorted = new Uint32Array(length)
    const position = this.#position
    for (let at = 0; at < length; at++) {
      const piece = order[at] as number
      const bucket = buckets[piece] as number
      const to = next[bucket] as number
      next[bucket] = to + 1
      sorted[to] = piece
      position[piece] = to
    }
    this.order = sorted
    this.#starts = starts
    this.#stale = false
  }

  #classify(): void {
    const used = new Uint8Array(8)
    for (let piece = 0; piece < this.length; piece++) used[this.priority[piece] as number] = 1
    this.#classOf.fill(UNUSED)
    this.classCount = 0
    for (let priority = 7; priority > 0; priority--) {
      if (used[priority] === 1) this.#classOf[priority] = this.classCount++
    }
    if (this.classCount === 1) this.#classBits = [this.candidates]
    else {
      this.#classBits = Array.from({ length: this.classCount }, () => bitset(this.length))
      for (let piece = 0; piece < this.length; piece++) {
        if (hasBit(this.candidates, piece)) setBit(this.classBits(this.classOf(piece)), piece)
      }
    }
    this.#lowest.fill(0)
    this.#staleClasses = false
    this.generation++
  }

  #shuffle(): void {
    this.order = new Uint32Array(this.length)
    this.#position = new Uint32Array(this.length)
    for (let at = 0; at < this.length; at++) {
      const other = this.below(at + 1)
      this.order[at] = this.order[other] as number
      this.order[other] = at
    }
  }
}
