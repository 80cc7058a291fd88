/**
 * The name service of a virtual network.
 * @module
 */

import { ipFromBytes, ipToBytes } from '../util/address.js'
import { type ErrorCode, RarestError } from '../util/errors.js'
import type { VirtualClock } from './clock.js'

/** Names and what they resolve to; changes are seen by the next look-up. */
export class VirtualNames {
  /** ms that a look-up takes. */
  latency = 5
  readonly #clock: VirtualClock
  readonly #entries: Map<string, readonly string[] | string> = new Map()

  /** @internal Made by the network. */
  constructor(clock: VirtualClock) {
    this.#clock = clock
    this.set('localhost', ['127.0.0.1'])
  }

  /** Makes `name` resolve to IP addresses, in this order. */
  set(name: string, addresses: readonly string[]): void {
    this.#entries.set(name.toLowerCase(), [...addresses])
  }

  /** Makes look-ups of `name` reject with `code`; `never` leaves them without an answer. */
  fail(name: string, code: string): void {
    this.#entries.set(name.toLowerCase(), code)
  }

  delete(name: string): void {
    this.#entries.delete(name.toLowerCase())
  }

  /** The contract is `World.lookup`; 15 s time limit by default. */
  lookup(
    name: string,
    { signal, timeout = 15_000 }: { readonly signal?: AbortSignal; readonly timeout?: number } = {},
  ): Promise<readonly string[]> {
    const ip = ipToBytes(name)
    if (ip) return Promise.resolve([ipFromBytes(ip)])
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const clock = this.#clock
      const settle = (): void => {
        clock.cancel(answer)
        clock.cancel(limit)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => {
        settle()
        reject(signal?.reason)
      }
      const answer = clock.at(clock.now + this.latency, () => {
        const entry = this.#entries.get(name.toLowerCase()) ?? 'ENOTFOUND'
        if (entry === 'never') return
        settle()
        if (typeof entry === 'string')
          reject(new RarestError(entry as ErrorCode, `look-up of ${name}: ${entry}`))
        else resolve(entry)
      })
      const limit = clock.at(clock.now + timeout, () => {
        settle()
        reject(new RarestError('ETIMEDOUT', `no address of ${name} within ${timeout} ms`))
      })
      signal?.addEventListener('abort', onAbort)
    })
  }
}
