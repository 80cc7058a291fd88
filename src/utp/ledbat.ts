/**
 * The congestion window (BEP 29, RFC 6817, with two ideas of LEDBAT++). It holds the queue in front of
 * the bottleneck near or below 100 ms and leaves the link to flows that fill it further.
 *
 * | phase | each acknowledgement | ends when |
 * |---|---|---|
 * | slow start | + bytes acknowledged | delay reaches 3/4 of the target, loss, or the threshold is reached |
 * | steady | + GAIN * (1 - x) - window * x^2 / EVENNESS per round trip, x = delay / target | a rest is due |
 * | rest | two packets | two round trips: then slow start up to the old window |
 *
 * The share that grows with the window makes flows of one link equally fast. The rest lets the queue run
 * empty: a flow that started into a standing queue took that for the path's own delay, and would
 * otherwise push the earlier ones aside for ever.
 * @module
 */

import { DelayHistory } from './delay-history.js'

/** Queueing delay aimed at, microseconds (BEP 29). */
const TARGET = 100_000
/** Bytes per round trip that the window grows at most (deployed value of all stacks). */
const GAIN = 3000
/** Round trips in which flows of one link become equal. */
const EVENNESS = 8
/** Of the target: where slow start ends. The queue still grows for a round trip after that. */
const EXIT = 0.75
/** Of the target: below this the queue is taken as empty, and the base delay as right. */
const NEAR_EMPTY = 0.25
/** ms without an empty queue before a rest, and how often longer than the rest it must at least be. */
const REST_AFTER = 10_000
const REST_SHARE = 9
/** A delay above the whole round trip by so many microseconds is no delay: the remote clock jumped. */
const JUMP = 20_000
/** Bytes in flight at first: RFC 3390. */
const INITIAL_WINDOW = 4380

export class Ledbat {
  /** Bytes of payload that may be in flight. */
  window: number = INITIAL_WINDOW
  /** Smallest of the last three queueing delays, microseconds. */
  delay = 0
  /** Times that the window was cut because of loss, and rests taken. */
  cuts = 0
  rests = 0

  private readonly ours: DelayHistory = new DelayHistory()
  private readonly theirs: DelayHistory = new DelayHistory()
  private theirBase = 0
  private hasTheirs = false

  /** The last three delays above the base, microseconds. */
  private first = 0
  private second = 0
  private third = 0
  /** Samples in a row that no queue explains. */
  private jumps = 0

  private slowStart = true
  private threshold: number = Number.POSITIVE_INFINITY
  private restBegan = 0
  private restUntil = 0
  private resting = false
  /** Whether the ramp after a rest is still running. */
  private ramping = false
  private restDue = 0

  /** The delay of our SYN: it met a queue that nothing of ours was in. */
  began(sample: number, now: number): void {
    if (sample !== 0) this.ours.add(sample, now)
  }

  /** The one-way delay of a packet that arrived here, for the drift of the clocks. */
  heard(sample: number, now: number): void {
    this.theirs.add(sample, now)
    const { base } = this.theirs
    if (base === this.theirBase && this.hasTheirs) return
    // Their delay to us falls because their clock is slower than ours: ours to them seems to rise as much.
    const fell = (this.theirBase - base) | 0
    if (this.hasTheirs && fell > 0 && fell <= 10_000) this.ours.shift(fell)
    this.hasTheirs = true
    this.theirBase = base
  }

  /**
   * Bytes were acknowledged.
   * @param sample one-way delay that the remote measured, microseconds modulo 2^32; 0 for none
   * @param roundTrip of the acknowledged packet, ms; 0 when unknown
   * @param smooth smoothed round trip, ms
   * @param limited whether the window kept us from sending more
   * @param packet bytes of payload of a full packet
   */
  acknowledged(
    bytes: number,
    sample: number,
    roundTrip: number,
    smooth: number,
    limited: boolean,
    packet: number,
    now: number,
  ): void {
    if (sample !== 0) this.measure(sample, roundTrip, now)
    const x = this.delay / TARGET
    if (this.resting) {
      if (now < this.restUntil) return
      this.resting = false
      this.slowStart = true
      this.ramping = true
    }
    if (this.restDue === 0 || x < NEAR_EMPTY) this.restDue = Math.max(this.restDue, now + REST_AFTER)
    if (this.slowStart) {
      if (x >= EXIT || this.window >= this.threshold) {
        this.slowStart = false
        if (this.ramping) {
          this.ramping = false
          this.restDue = now + Math.max(REST_AFTER, REST_SHARE * (now - this.restBegan))
        }
      } else {
        if (limited) this.window = Math.min(this.window + bytes, this.threshold)
        return
      }
    }
    if (now >= this.restDue && this.window > 4 * packet) {
      this.rest(smooth, packet, now)
      return
    }

    const perRoundTrip = GAIN * (1 - x) - (this.window * x * x) / EVENNESS
    const change = Math.max(perRoundTrip, -this.window / 2) * (bytes / Math.max(this.window, bytes))
    if (change > 0 && !limited) return
    this.window = Math.max(this.window + change, packet)
  }

  /** A packet was lost; called at most once per round trip. */
  lost(packet: number): void {
    this.cuts++
    this.slowStart = false
    this.ramping = false
    if (this.resting) {
      this.threshold = Math.max(this.threshold / 2, 2 * packet)
      return
    }
    this.window = Math.max(this.window / 2, packet)
    this.threshold = this.window
  }

  /** Nothing was acknowledged in time: one packet, then slow start to half of what was. */
  timedOut(packet: number): void {
    if (this.window > packet) this.threshold = Math.max(this.window / 2, 2 * packet)
    this.window = packet
    this.slowStart = true
    this.resting = false
    this.ramping = false
  }

  private rest(smooth: number, packet: number, now: number): void {
    this.rests++
    this.resting = true
    this.restBegan = now
    this.restUntil = now + 2 * smooth
    this.threshold = this.window
    this.window = 2 * packet
    this.restDue = now + REST_AFTER
  }

  private measure(sample: number, roundTrip: number, now: number): void {
    let above = this.ours.add(sample, now)
    if (roundTrip > 0 && above > roundTrip * 1000 + JUMP) {
      this.jumps++
      if (this.jumps >= 3) {
        this.ours.restart(sample, now)
        this.jumps = 0
      }
      above = this.ours.base === sample ? 0 : roundTrip * 1000
    } else this.jumps = 0
    this.first = this.second
    this.second = this.third
    this.third = above
    this.delay = Math.min(this.first, this.second, this.third)
  }
}
