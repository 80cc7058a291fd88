/** Traffic on a simulated link, and what to measure of it. */
import type { Clock, Network, Pipe, Side } from './utp-link.js'

/** A sample of a link and its flows. */
export interface Sample {
  /** s since the start of the recording. */
  readonly time: number
  /** ms that a datagram would wait at the link. */
  readonly queue: number
  /** Bytes a second since the last sample, headers included. */
  readonly rate: number
  /** Per flow: window in bytes, delay that LEDBAT sees in ms, bytes a second received. */
  readonly flows: readonly { readonly window: number; readonly delay: number; readonly rate: number }[]
}

/** Samples a pipe every `interval` ms from now on. `flows` gives sender and receiver of each flow. */
export function record(
  clock: Clock,
  pipe: Pipe,
  interval: number,
  flows: () => readonly { readonly sender: Side; readonly receiver: Side | undefined }[],
): Sample[] {
  const samples: Sample[] = []
  const start = clock.now
  let passed = pipe.passed
  const received: number[] = []
  const sample = () => {
    const rates = flows().map(({ sender, receiver }, i) => {
      const bytes = receiver?.received ?? 0
      const rate = ((bytes - (received[i] ?? 0)) * 1000) / interval
      received[i] = bytes
      const { window, delay } = sender.connection.stats
      return { window, delay, rate }
    })
    samples.push({
      time: (clock.now - start) / 1000,
      queue: pipe.queueing,
      rate: ((pipe.passed - passed) * 1000) / interval,
      flows: rates,
    })
    passed = pipe.passed
    clock.at(clock.now + interval, sample)
  }
  clock.at(clock.now + interval, sample)
  return samples
}

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

const SEGMENT = 1472

/**
 * A flow that fills the queue until it overflows, as TCP does (NewReno: slow start, one segment more per
 * round trip, half at a loss, one retransmission per round trip).
 */
export class TcpFlow {
  readonly #there: Pipe
  readonly #back: Pipe
  readonly #clock: Clock
  readonly #received = new Set<number>()
  #window = 10
  #threshold = Number.POSITIVE_INFINITY
  #next = 0
  #expected = 0
  #acked = 0
  #duplicates = 0
  #recovery = -1
  #progressAt = 0
  #stopped = false

  constructor(network: Network, there: Pipe, back: Pipe) {
    this.#there = there
    this.#back = back
    this.#clock = network.clock
    this.#progressAt = network.clock.now
    this.#fill()
    this.#watch()
  }

  /** Bytes delivered in order. */
  get delivered(): number {
    return this.#expected * SEGMENT
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true
  }

  #fill(): void {
    if (this.#stopped) return
    while (this.#next < this.#acked + this.#window) this.#send(this.#next++)
  }

  #send(segment: number): void {
    this.#there.send(SEGMENT, () => this.#arrived(segment))
  }

  #arrived(segment: number): void {
    if (segment >= this.#expected) this.#received.add(segment)
    while (this.#received.delete(this.#expected)) this.#expected++
    const ack = this.#expected
    this.#back.send(40, () => this.#acknowledge(ack))
  }

  #acknowledge(ack: number): void {
    if (ack > this.#acked) {
      const count = ack - this.#acked
      this.#acked = ack
      this.#duplicates = 0
      this.#progressAt = this.#clock.now
      if (ack <= this.#recovery) this.#send(ack)
      else {
        this.#recovery = -1
        this.#window += this.#window < this.#threshold ? count : count / this.#window
      }
    } else if (++this.#duplicates === 3 && this.#recovery < 0) {
      this.#recovery = this.#next - 1
      this.#window = Math.max(2, this.#window / 2)
      this.#threshold = this.#window
      this.#send(ack)
    }
    this.#fill()
  }

  /** A time-out of two seconds starts over. */
  #watch(): void {
    this.#clock.at(this.#clock.now + 500, () => {
      if (this.#stopped) return
      if (this.#clock.now - this.#progressAt > 2000) {
        this.#threshold = Math.max(2, this.#window / 2)
        this.#window = 1
        this.#recovery = -1
        this.#next = this.#acked
        this.#progressAt = this.#clock.now
        this.#fill()
      }
      this.#watch()
    })
  }
}
