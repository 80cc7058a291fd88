/**
 * Deadlines for thousands of entries at constant cost: a hierarchical timing wheel of 10 ms ticks.
 *
 * Level 0 has a slot per tick (64 of them), level 1 a slot per 64 ticks, and so on for five levels;
 * what is farther away waits in one last list. Entries move down a level when its slot is reached, so
 * each moves five times at most, however long it waits. Empty stretches are skipped by a bit mask per
 * level, so that idle time costs nothing.
 * @module
 */

/** ms per tick: far below any protocol's time-out, and one timer wake-up serves all entries of it. */
const TICK = 10
const SLOT_BITS = 6
const SLOTS = 64
const LEVELS = 5
/** Ticks that the levels span together: 64^5 ticks are about four months. */
const SPAN: number = SLOTS ** LEVELS

interface Node<T> {
  readonly entry: T
  /** Tick at which the entry is due. */
  due: number
  /** Level * 64 + slot, or FAR. */
  place: number
  previous: Node<T> | undefined
  next: Node<T> | undefined
}

const FAR: number = LEVELS * SLOTS

/** The heads of the lists and the deadlines of their entries; each entry is in it once at most. */
export class TimingWheel<T extends object> {
  readonly #nodes = new Map<T, Node<T>>()
  readonly #heads: (Node<T> | undefined)[] = new Array(FAR + 1).fill(undefined)
  /** Bit s of word 2 * level + (s >> 5): slot s of the level is not empty. */
  readonly #used: Int32Array = new Int32Array(2 * LEVELS)
  /** All entries due up to this tick have been handed out. */
  #tick: number
  #nextTick: number | undefined = Number.POSITIVE_INFINITY

  /** @param now ms, on the clock of all later arguments. */
  constructor(now = 0) {
    this.#tick = Math.floor(now / TICK)
  }

  /** Number of scheduled entries. */
  get size(): number {
    return this.#nodes.size
  }

  /**
   * The earliest time (ms) at which {@link run} may have something to do, Infinity when nothing is
   * scheduled. Never later than the end of the earliest deadline's tick; may be earlier, for a step of
   * the wheel's own.
   */
  get nextTick(): number {
    this.#nextTick ??= this.#findNext()
    return this.#nextTick * TICK
  }

  /**
   * Hands `entry` out at the first {@link run} at or after `at` (ms), rounded up to a whole tick;
   * replaces an earlier deadline of the same entry. Infinity cancels.
   */
  schedule(entry: T, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.cancel(entry)
      return
    }
    // NaN and times gone by are due at once.
    const due = Math.max(Math.ceil(at / TICK) || 0, this.#tick + 1)
    let node = this.#nodes.get(entry)
    if (!node) {
      node = { entry, due, place: 0, previous: undefined, next: undefined }
      this.#nodes.set(entry, node)
    } else {
      if (node.due === due) return
      this.#unlink(node)
      node.due = due
    }
    this.#link(node)
  }

  /** Forgets the entry; harmless when it is not scheduled. */
  cancel(entry: T): void {
    const node = this.#nodes.get(entry)
    if (!node) return
    this.#nodes.delete(entry)
    this.#unlink(node)
  }

  /**
   * Hands out every entry whose deadline's tick has come, in the order of the ticks. `expired` may
   * schedule and cancel; an entry that it schedules for a time gone by is due in the next tick, which
   * this call hands out too only when `now` covers it.
   */
  run(now: number, expired: (entry: T) => void): void {
    const target = Math.floor(now / TICK)
    while (this.#tick < target) {
      this.#nextTick ??= this.#findNext()
      const next = this.#nextTick
      if (next > target) {
        this.#tick = target
        return
      }
      this.#tick = next
      this.#nextTick = undefined
      this.#cascade()
      const place = next & (SLOTS - 1)
      for (;;) {
        const node = this.#heads[place]
        if (!node) break
        this.#unlink(node)
        this.#nodes.delete(node.entry)
        expired(node.entry)
      }
    }
  }

  /** Moves down what the levels above hold for the slot that begins at this tick. */
  #cascade(): void {
    const tick = this.#tick
    if (tick % SPAN === 0) this.#relink(FAR)
    for (let level = LEVELS - 1; level > 0; level--) {
      const width = SLOTS ** level
      if (tick % width === 0) this.#relink(level * SLOTS + (Math.floor(tick / width) & (SLOTS - 1)))
    }
  }

  #relink(place: number): void {
    let node = this.#heads[place]
    this.#heads[place] = undefined
    this.#mark(place, false)
    while (node) {
      const next = node.next
      this.#link(node)
      node = next
    }
  }

  #link(node: Node<T>): void {
    const place = this.#placeOf(node.due)
    const head = this.#heads[place]
    node.place = place
    node.previous = undefined
    node.next = head
    if (head) head.previous = node
    else this.#mark(place, true)
    this.#heads[place] = node
    if (this.#nextTick !== undefined && node.due < this.#nextTick) this.#nextTick = undefined
  }

  #unlink(node: Node<T>): void {
    if (node.previous) node.previous.next = node.next
    else {
      this.#heads[node.place] = node.next
      if (!node.next) {
        this.#mark(node.place, false)
        this.#nextTick = undefined
      }
    }
    if (node.next) node.next.previous = node.previous
    node.previous = undefined
    node.next = undefined
  }

  /** The lowest level whose current turn reaches the due tick. */
  #placeOf(due: number): number {
    let width = 1
    for (let level = 0; level < LEVELS; level++) {
      const turn = width * SLOTS
      if (Math.floor(due / turn) === Math.floor(this.#tick / turn))
        return (level << SLOT_BITS) | (Math.floor(due / width) & (SLOTS - 1))
      width = turn
    }
    return FAR
  }

  #mark(place: number, used: boolean): void {
    if (place === FAR) return
    const word = place >>> 5
    const bit = 1 << (place & 31)
    this.#used[word] = used ? (this.#used[word] as number) | bit : (this.#used[word] as number) & ~bit
  }

  /** The tick of the first slot ahead that holds something; exact on level 0, the slot's begin above. */
  #findNext(): number {
    if (this.#nodes.size === 0) return Number.POSITIVE_INFINITY
    let width = 1
    for (let level = 0; level < LEVELS; level++) {
      const position = Math.floor(this.#tick / width)
      const slot = this.#firstUsed(level, (position & (SLOTS - 1)) + 1)
      if (slot >= 0) return (position - (position & (SLOTS - 1)) + slot) * width
      width *= SLOTS
    }
    return (Math.floor(this.#tick / SPAN) + 1) * SPAN
  }

  #firstUsed(level: number, from: number): number {
    for (let slot = from; slot < SLOTS; slot = (slot | 31) + 1) {
      const word = (this.#used[2 * level + (slot >>> 5)] as number) & (-1 << (slot & 31))
      if (word !== 0) return (slot & 32) | (31 - Math.clz32(word & -word))
    }
    return -1
  }
}
