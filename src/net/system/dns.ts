/**
 * Name look-ups: cached, time-limited, at most two at once, because `dns.lookup` occupies the same four
 * libuv threads as the disk.
 * @module
 */

import { lookup as systemLookup } from 'node:dns'
import { ipFromBytes, ipToBytes } from '../../util/address.js'
import { withDeadline } from '../../util/async/deadline.js'
import { RarestError } from '../../util/errors.js'
import { systemTimers } from './timer.js'

/** ms that found addresses stay cached: short enough to follow a moving tracker, long enough for its tiers. */
const FOUND_TTL = 300_000
/** ms that a failure stays cached, so that a dead name in many torrents costs one look-up. */
const FAILED_TTL = 30_000
/** Names kept; the oldest goes first. */
const CACHE_SIZE = 1_024
/** Look-ups under way at once. */
const CONCURRENCY = 2
/** Look-ups waiting for their turn; more are refused, since the names come from remote peers too. */
const QUEUE_SIZE = 1_024
/** ms until a caller gives up by default: three tries of a usual resolver. */
const TIMEOUT = 15_000

/** The system's resolver, or a substitute: all addresses of a name, or an error with a code. */
export type Resolve = (
  name: string,
  done: (error: Error | null, addresses: readonly { readonly address: string }[]) => void,
) => void

export interface LookupOptions {
  readonly signal?: AbortSignal
  /** ms, waiting in the queue included. 15 s by default. */
  readonly timeout?: number
}

type Outcome =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly error: Error }

interface Pending {
  readonly name: string
  readonly waiters: Set<(outcome: Outcome) => void>
}

/** A caching resolver; the contract is `World.lookup`. `now` is monotonic ms. */
export class Resolver {
  readonly #now: () => number
  readonly #resolve: Resolve
  readonly #cache = new Map<string, { readonly outcome: Outcome; readonly expires: number }>()
  readonly #pending = new Map<string, Pending>()
  readonly #queue: Pending[] = []
  #running = 0

  constructor(now: () => number, resolve: Resolve = resolveBySystem) {
    this.#now = now
    this.#resolve = resolve
  }

  /** Rejects with the system's code (`ENOTFOUND`, ...), `ETIMEDOUT`, `dns/busy` or `signal.reason`. */
  lookup(name: string, options: LookupOptions = {}): Promise<readonly string[]> {
    const ip = ipToBytes(name)
    if (ip) return Promise.resolve([ipFromBytes(ip)])
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    const key = name.toLowerCase()
    const cached = this.#cache.get(key)
    if (cached && cached.expires > this.#now()) {
      return cached.outcome.ok
        ? Promise.resolve(cached.outcome.addresses)
        : Promise.reject(cached.outcome.error)
    }
    if (key === '' || key.length > 253 || key.includes('\0'))
      return Promise.reject(
        new RarestError('ENOTFOUND', `not a host name: ${JSON.stringify(name.slice(0, 80))}`),
      )
    let pending = this.#pending.get(key)
    if (!pending) {
      if (this.#queue.length >= QUEUE_SIZE)
        return Promise.reject(new RarestError('dns/busy', 'too many name look-ups are waiting'))
      pending = { name: key, waiters: new Set() }
      this.#pending.set(key, pending)
      this.#queue.push(pending)
    }
    const promise = this.#wait(pending, options)
    this.#start()
    return promise
  }

  #wait(pending: Pending, { signal, timeout = TIMEOUT }: LookupOptions): Promise<readonly string[]> {
    const late = (): Error =>
      new RarestError('ETIMEDOUT', `no address of ${pending.name} within ${timeout} ms`)
    return withDeadline({ clock: systemTimers, timeout, signal, late }, ({ resolve, reject }) => {
      const settle = (outcome: Outcome): void => {
        if (outcome.ok) resolve(outcome.addresses)
        else reject(outcome.error)
      }
      pending.waiters.add(settle)
      return () => pending.waiters.delete(settle)
    })
  }

  #start(): void {
    while (this.#running < CONCURRENCY) {
      const next = this.#queue.shift()
      if (!next) return
      if (next.waiters.size === 0) {
        this.#pending.delete(next.name)
        continue
      }
      this.#running++
      this.#resolve(next.name, (error, found) => {
        this.#running--
        this.#pending.delete(next.name)
        const outcome = outcomeOf(next.name, error, found)
        this.#keep(next.name, outcome)
        for (const settle of [...next.waiters]) settle(outcome)
        this.#start()
      })
    }
  }

  #keep(name: string, outcome: Outcome): void {
    this.#cache.delete(name)
    this.#cache.set(name, { outcome, expires: this.#now() + (outcome.ok ? FOUND_TTL : FAILED_TTL) })
    if (this.#cache.size > CACHE_SIZE) {
      const oldest = this.#cache.keys().next()
      if (!oldest.done) this.#cache.delete(oldest.value)
    }
  }
}

function outcomeOf(
  name: string,
  error: Error | null,
  found: readonly { readonly address: string }[] | undefined,
): Outcome {
  if (error) return { ok: false, error }
  const addresses = new Set<string>()
  for (const { address } of found ?? []) {
    const bytes = ipToBytes(address)
    if (bytes) addresses.add(ipFromBytes(bytes))
  }
  if (addresses.size === 0)
    return { ok: false, error: new RarestError('ENOTFOUND', `${name} has no address`) }
  return { ok: true, addresses: Object.freeze([...addresses]) }
}

function resolveBySystem(name: string, done: Parameters<Resolve>[1]): void {
  systemLookup(name, { all: true, verbatim: true }, done)
}
