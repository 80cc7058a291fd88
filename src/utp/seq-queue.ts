/**
 * A queue of sequence numbers.
 * @module
 */

export class SeqQueue {
  private ring: Uint16Array | undefined
  private head = 0
  private count = 0

  /** The first number, -1 when there is none. */
  get first(): number {
    return this.count === 0 || this.ring === undefined ? -1 : (this.ring[this.head] as number)
  }

  push(seq: number): void {
    let { ring } = this
    if (ring === undefined || this.count === ring.length) ring = this.grow(ring)
    ring[(this.head + this.count) & (ring.length - 1)] = seq
    this.count++
  }

  shift(): void {
    if (this.count === 0 || this.ring === undefined) return
    this.head = (this.head + 1) & (this.ring.length - 1)
    this.count--
  }

  clear(): void {
    this.ring = undefined
    this.head = 0
    this.count = 0
  }

  private grow(ring: Uint16Array | undefined): Uint16Array {
    const size = ring?.length ?? 0
    const larger = new Uint16Array(Math.max(16, 2 * size))
    if (ring !== undefined)
      for (let i = 0; i < size; i++) larger[i] = ring[(this.head + i) & (size - 1)] as number
    this.ring = larger
    this.head = 0
    return larger
  }
}
