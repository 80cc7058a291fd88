/**
 * The loop that makes virtual time pass.
 * @module
 */

import { errorMessage } from '../util/errors.js'
import type { Wire } from './wire.js'

export interface RunOptions<T> {
  /** A condition, or a promise to wait for. */
  readonly until: (() => boolean) | PromiseLike<T>
  /** Virtual ms after which to give up. 1 hour by default. */
  readonly limit?: number
}

const LIMIT = 3_600_000

/** Events between two real turns of the event loop, which keep the process responsive to its own signals. */
const TURN = 2_048

/** Real turns of the event loop to wait, with an empty queue, for code that took a detour through one. */
const IDLE_TURNS = 64

/** Events in one instant that mean that time no longer moves. */
const STUCK = 10_000_000

/** The contract is `VirtualNetwork.run`. */
export function runEvents<T>(wire: Wire, seed: number, { until, limit = LIMIT }: RunOptions<T>): Promise<T> {
  const { clock, digest } = wire
  const deadline = clock.now + limit
  return new Promise((resolve, reject) => {
    let outcome: (() => void) | undefined
    let isDone: () => boolean
    if (typeof until === 'function') {
      isDone = () => {
        if (!until()) return false
        outcome = () => resolve(undefined as T)
        return true
      }
    } else {
      isDone = () => outcome !== undefined
      until.then(
        (value) => {
          outcome = () => resolve(value)
        },
        (error: unknown) => {
          outcome = () => reject(error)
        },
      )
    }
    const fail = (what: string, cause?: unknown): void =>
      reject(new Error(`${what} (seed ${seed}, ${clock.now} ms)`, { cause }))

    let events = 0
    let idle = 0
    let instant = 0
    let unasked = true
    const step = (): void => {
      for (;;) {
        const event = clock.peek()
        if (unasked && (!event || event.time > clock.now)) {
          unasked = false
          if (isDone()) {
            outcome?.()
            return
          }
        }
        if (!event) {
          if (idle++ === IDLE_TURNS) fail('nothing is left to happen')
          else {
            unasked = true
            setImmediate(step)
          }
          return
        }
        if (event.time > deadline) {
          clock.now = deadline
          fail(`not done within ${limit} virtual ms`)
          return
        }
        instant = event.time > clock.now ? 0 : instant + 1
        if (instant > STUCK) {
          fail('time does not move any more')
          return
        }
        idle = 0
        const { call } = event
        clock.pop()
        event.call = undefined
        digest.time(event.time)
        digest.word(event.order)
        try {
          call?.()
        } catch (error) {
          fail(`an event threw: ${errorMessage(error)}`, error)
          return
        }
        if (event.quiet) continue
        unasked = true
        if (++events % TURN === 0) setImmediate(step)
        else settle()
        return
      }
    }
    const settle = afterPromises(step)
    settle()
  })
}

/**
 * Makes a function that calls back when all promises that can settle have settled. Node runs its queue of
 * ticks and its queue of microtasks in turn until both are empty, so a tick made by a microtask comes
 * after every microtask; twice, since those may have made ticks of their own. Far cheaper than a turn of
 * the event loop. (`then` and not `queueMicrotask`, which makes an object of its own for each call.)
 */
function afterPromises(call: () => void): () => void {
  const now = Promise.resolve()
  const second = (): void => process.nextTick(call)
  const between = (): void => void now.then(second)
  const first = (): void => process.nextTick(between)
  return () => void now.then(first)
}
