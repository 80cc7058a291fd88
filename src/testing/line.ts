/**
 * The line of a virtual host: what it can send and receive per second, shared by all its connections.
 *
 * Upload: connections with something to send take turns, one segment each. Download: segments queue in
 * the order in which they arrive; a sender does not start a segment while more than the line can take
 * soon is on its way to it (an ideal congestion control: full line, short queue), and waits its turn.
 * So the work per segment is constant, however many connections there are.
 * @module
 */

import type { Event, VirtualClock } from './clock.js'
import { Queue } from './queue.js'

/** Largest segment: what a real read returns at most at ordinary speeds. */
const LARGEST_SEGMENT = 65_536
const SMALLEST_SEGMENT = 1_024
/** ms of a line's time that one segment may take, so that sharing is fine-grained at any speed. */
const SEGMENT_TIME = 16
/** ms of traffic that may queue in front of a download line beyond what is under way. */
const QUEUE_TIME = 50

/** A piece of a stream under way. */
export interface Segment {
  readonly buffer: Uint8Array
  /** Bytes of `buffer` already handed to the listener. */
  start: number
  length: number
  /** Marks the end of the stream; carries no bytes. */
  readonly fin: boolean
}

/** The sending half of a connection, as its lines see it. */
export interface Sender {
  readonly line: Line
  readonly remoteLine: Line
  /** ms one way. */
  readonly latency: number
  /** Has its place in a queue of a line; owned by the lines. */
  inLine: boolean
  /** The next segment, or undefined: then the sender calls {@link Line.ready} when it has one again. */
  take(): Segment | undefined
  /** Whether there is a segment, whatever may hold it back. */
  readonly hasSegment: boolean
  /** Called when a segment of this sender has passed the remote's line. */
  deliver(segment: Segment): void
}

export class Line {
  readonly #clock: VirtualClock
  /** Bytes/s. */
  readonly upload: number
  readonly download: number
  /** Bytes of streams that left and reached this line so far. */
  sent = 0
  received = 0
  /** Largest segment (bytes) to send through this line. */
  readonly segment: number
  readonly #ready: Queue<Sender> = new Queue()
  readonly #waiting: Queue<Sender> = new Queue()
  #uploadFree = 0
  #downloadFree = 0
  /** Bytes on their way to this line. */
  #expected = 0
  /** Largest latency (ms) of a sender to this line. */
  #farthest = 0
  #turn: Event | undefined
  #pumping = false

  constructor(clock: VirtualClock, upload: number, download: number) {
    this.#clock = clock
    this.upload = upload
    this.download = download
    const slower = Math.min(upload, download)
    const ideal = 2 ** Math.floor(Math.log2((slower * SEGMENT_TIME) / 1_000))
    this.segment = Math.min(LARGEST_SEGMENT, Math.max(SMALLEST_SEGMENT, ideal))
  }

  /** Puts a sender into the queue for this line's upload. */
  ready(sender: Sender): void {
    if (sender.inLine) return
    sender.inLine = true
    this.#ready.push(sender)
    this.#pump()
  }

  /** ms at which a datagram sent now has left this line, or Infinity when its queue is full. */
  sendDatagram(bytes: number, queueBytes: number): number {
    const { now } = this.#clock
    const start = Math.max(now, this.#uploadFree)
    if (((start - now) * this.upload) / 1_000 > queueBytes) return Number.POSITIVE_INFINITY
    this.#uploadFree = start + (bytes * 1_000) / this.upload
    return this.#uploadFree
  }

  /** When a datagram that arrives now is through, ms; Infinity when the queue has no room for it. */
  receiveDatagram(bytes: number, queueBytes: number): number {
    const { now } = this.#clock
    const start = Math.max(now, this.#downloadFree)
    if (((start - now) * this.download) / 1_000 > queueBytes) return Number.POSITIVE_INFINITY
    this.#downloadFree = start + (bytes * 1_000) / this.download
    return this.#downloadFree
  }

  #pump(): void {
    if (this.#pumping || this.#turn) return
    this.#pumping = true
    while (!this.#turn) {
      const sender = this.#ready.shift()
      if (!sender) break
      if (sender.hasSegment && sender.remoteLine.#isFull(sender)) {
        sender.remoteLine.#waiting.push(sender)
        continue
      }
      const segment = sender.take()
      if (segment) this.#transmit(sender, segment)
      if (segment && sender.hasSegment) this.#ready.push(sender)
      else sender.inLine = false
    }
    this.#pumping = false
  }

  #transmit(sender: Sender, segment: Segment): void {
    const clock = this.#clock
    const start = Math.max(clock.now, this.#uploadFree)
    const sent = start + (segment.length * 1_000) / this.upload
    this.#uploadFree = sent
    this.sent += segment.length
    if (sent > clock.now) {
      this.#turn = clock.at(
        sent,
        () => {
          this.#turn = undefined
          this.#pump()
        },
        true,
      )
    }
    const remote = sender.remoteLine
    remote.#expected += segment.length
    const arrive = sent + sender.latency
    if (remote.download === Number.POSITIVE_INFINITY) {
      clock.at(arrive, () => remote.#passed(sender, segment))
      return
    }
    clock.at(
      arrive,
      () => {
        const begin = Math.max(clock.now, remote.#downloadFree)
        remote.#downloadFree = begin + (segment.length * 1_000) / remote.download
        clock.at(remote.#downloadFree, () => remote.#passed(sender, segment))
      },
      true,
    )
  }

  #passed(sender: Sender, segment: Segment): void {
    this.#expected -= segment.length
    this.received += segment.length
    for (;;) {
      const next = this.#waiting.first
      if (!next || this.#isFull(next)) break
      this.#waiting.shift()
      next.inLine = false
      next.line.ready(next)
    }
    sender.deliver(segment)
  }

  #isFull(sender: Sender): boolean {
    if (this.download === Number.POSITIVE_INFINITY) return false
    // One bound for near and far senders, or the far ones would take the larger share.
    this.#farthest = Math.max(this.#farthest, sender.latency)
    const soon = (this.download * (this.#farthest + QUEUE_TIME)) / 1_000
    return this.#expected >= soon + 2 * this.segment
  }
}
