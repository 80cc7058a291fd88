/**
 * The way into the DHT: names of routers become addresses, again and again until they do.
 * @module
 */

import { type Address, parseAddress, parseEndpoint } from '../../util/address.js'
import { errorCode } from '../../util/errors.js'
import { logger } from '../log.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { World } from '../world.js'

const log = logger('dht')

/** Well-known routers, `host:port`: those that uTorrent, Transmission and libtorrent ask. */
export const BOOTSTRAP_ROUTERS: readonly string[] = Object.freeze([
  'router.bittorrent.com:6881',
  'dht.transmissionbt.com:6881',
  'dht.libtorrent.org:25401',
  'router.utorrent.com:6881',
])

/** ms before a name that failed is looked up again, doubled each time. */
const FIRST_RETRY = 30_000
const LONGEST_RETRY = 1_800_000

export class DhtBootstrap implements Task {
  readonly #world: World
  readonly #scheduler: Scheduler
  readonly #found: (address: Address) => void
  readonly #abort = new AbortController()
  #failed: string[] = []
  #wait: number = FIRST_RETRY

  /** @param found called for each address of each name. */
  constructor(world: World, scheduler: Scheduler, found: (address: Address) => void) {
    this.#world = world
    this.#scheduler = scheduler
    this.#found = found
  }

  /** Looks the names up; resolves when each has an address or has failed once. Throws RangeError for no `host:port`. */
  async start(routers: readonly string[]): Promise<void> {
    await Promise.all(routers.map((router) => this.#lookup(router)))
    this.#retryLater()
  }

  run(): void {
    const names = this.#failed
    this.#failed = []
    void this.start(names)
  }

  close(): void {
    this.#scheduler.cancel(this)
    this.#abort.abort(new Error('the DHT was closed'))
  }

  async #lookup(router: string): Promise<void> {
    const { host, port } = parseEndpoint(router)
    try {
      for (const ip of await this.#world.lookup(host, { signal: this.#abort.signal })) {
        const address = parseAddress(ip, port)
        if (address && !this.#abort.signal.aborted) this.#found(address)
      }
    } catch (error) {
      log('router %s: %s', router, errorCode(error))
      this.#failed.push(router)
    }
  }

  #retryLater(): void {
    if (this.#failed.length === 0 || this.#abort.signal.aborted) return
    this.#scheduler.schedule(this, this.#world.now() + this.#wait)
    this.#wait = Math.min(LONGEST_RETRY, 2 * this.#wait)
  }
}
