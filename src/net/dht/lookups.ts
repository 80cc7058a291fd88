/**
 * Runs look-ups on the nodes of both families, and ends all of them when the DHT is closed.
 * @module
 */

import type { DhtNode } from '../../dht/node.js'
import type { LookupId } from '../../dht/node-types.js'
import { withDeadline } from '../../util/async/deadline.js'
import type { RarestError } from '../../util/errors.js'
import { dhtChannel } from '../diagnostics.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { World } from '../world.js'
import type { DhtDriver, DhtLookupEvent, RunningLookup } from './driver.js'
import { type DhtLookup, LookupStream } from './lookup-stream.js'
import type { DhtCallOptions } from './options.js'
import { NOTHING, sum } from './progress.js'

/** Options of a look-up that may be limited to the nodes of one family. */
export interface DhtLookupOptions extends DhtCallOptions {
  readonly family?: 4 | 6
}

/** ms between two reports of progress: as often as somebody can read. */
const REPORT_INTERVAL = 250

export class DhtLookups {
  readonly #world: World
  readonly #scheduler: Scheduler
  readonly #drivers: ReadonlyMap<4 | 6, DhtDriver>
  readonly #begun: Promise<void>
  readonly #running = new Set<(error: unknown) => void>()
  #closed: RarestError | undefined

  /** @param begun the nodes have whom to ask: look-ups wait for it. */
  constructor(
    services: { readonly world: World; readonly scheduler: Scheduler },
    drivers: ReadonlyMap<4 | 6, DhtDriver>,
    begun: Promise<void>,
  ) {
    this.#world = services.world
    this.#scheduler = services.scheduler
    this.#drivers = drivers
    this.#begun = begun
  }

  /** Why nothing runs any more. */
  get closed(): RarestError | undefined {
    return this.#closed
  }

  /** Ends every look-up and every wait with this error, and all that come. */
  close(error: RarestError): void {
    this.#closed ??= error
    for (const end of [...this.#running]) end(error)
  }

  /** Begins a look-up on each node; `take` turns its events into what the look-up finds. */
  lookup<T>(
    begin: (node: DhtNode, now: number) => LookupId,
    take: (event: DhtLookupEvent, found: (value: T) => void) => void,
    options: DhtLookupOptions,
  ): DhtLookup<T> {
    const { signal, family, progress } = options
    const running: RunningLookup[] = []
    let stats = NOTHING
    const report = (): void => {
      if (!progress) return
      let sofar = stats
      for (const each of running) sofar = sum(sofar, each.progress() ?? NOTHING)
      progress(sofar)
    }
    const reporter: Task = {
      run: (now) => {
        report()
        if (!stream.isOver) this.#scheduler.schedule(reporter, now + REPORT_INTERVAL)
      },
    }
    const stop = (): void => {
      signal?.removeEventListener('abort', onAbort)
      this.#running.delete(fail)
      this.#scheduler.cancel(reporter)
      for (const each of running) each.stop()
    }
    const fail = (error: unknown): void => {
      stop()
      stream.fail(error)
    }
    const onAbort = (): void => fail(signal?.reason)
    const ended = (): void => {
      stop()
      report()
      if (dhtChannel.hasSubscribers) {
        const { queries, responded, timedOut, duration } = stats
        dhtChannel.publish({ type: 'lookup', queries, responded, timedOut, duration })
      }
      stream.finish(stats)
    }
    const stream = new LookupStream<T>(ended)
    const run = (): void => {
      if (stream.isOver) return
      const drivers = [...this.#drivers.values()].filter(
        ({ node }) => family === undefined || node.family === family,
      )
      let left = drivers.length
      if (left === 0) ended()
      else if (progress) this.#scheduler.schedule(reporter, this.#world.now() + REPORT_INTERVAL)
      for (const driver of drivers) {
        const one = driver.start(begin, (event) => {
          take(event, (value) => stream.push(value))
          if (event.type !== 'done') return
          stats = sum(stats, event.stats)
          if (--left === 0) ended()
        })
        running.push(one)
      }
      // Everything may have ended, or been aborted, while it was begun.
      if (stream.isOver) for (const each of running) each.stop()
    }
    if (signal?.aborted) stream.fail(signal.reason)
    else if (this.#closed) stream.fail(this.#closed)
    else {
      signal?.addEventListener('abort', onAbort)
      this.#running.add(fail)
      this.#begun.then(run, fail)
    }
    return stream
  }

  /** Resolves after so many ms; rejects with `signal.reason`, or when the DHT is closed first. */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed)
    return withDeadline({ clock: this.#world, signal }, ({ resolve, reject }) => {
      const task: Task = { run: () => resolve() }
      this.#running.add(reject)
      this.#scheduler.schedule(task, this.#world.now() + ms)
      return () => {
        this.#scheduler.cancel(task)
        this.#running.delete(reject)
      }
    })
  }
}
