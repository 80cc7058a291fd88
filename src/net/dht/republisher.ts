/**
 * Items that live on because we put them again every hour (BEP 44, 46).
 * @module
 */

import type { Item } from '../../dht/items.js'
import { toHex } from '../../util/bytes.js'
import { below } from '../../util/random.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { World } from '../world.js'
import { getMutable, putItem } from './items.js'
import type { DhtLookups } from './lookups.js'
import type { StoredItem } from './options.js'

/** ms between two puts (BEP 44: hourly, as nodes keep items for two hours), up to a tenth less. */
const INTERVAL = 3_600_000
/** ms before another try when nobody stored it. */
const RETRY = 300_000
/** Items put at once, each about 40 queries within a few seconds. */
const CONCURRENT = 4

interface Entry {
  item: Item
  readonly target: Uint8Array
  /** Nodes that took it last time. */
  stored: number
  /** ms of the next put. */
  due: number
  isBusy: boolean
  readonly abort: AbortController
  /** Forgets the signal that would end it. */
  detach(): void
}

export class Republisher implements Task {
  readonly #world: World
  readonly #scheduler: Scheduler
  readonly #lookups: DhtLookups
  readonly #entries = new Map<string, Entry>()
  #busy = 0

  constructor(services: { readonly world: World; readonly scheduler: Scheduler }, lookups: DhtLookups) {
    this.#world = services.world
    this.#scheduler = services.scheduler
    this.#lookups = lookups
  }

  /** What is kept; `stored` is 0 when nobody took it last time. */
  get kept(): readonly StoredItem[] {
    return [...this.#entries.values()].map(({ item, target, stored }) => ({ item, target, stored }))
  }

  /** Keeps an item that was just put, instead of an older one of the same target. */
  keep({ item, target, stored }: StoredItem, signal: AbortSignal | undefined): void {
    this.release(target)
    if (signal?.aborted || this.#lookups.closed) return
    const end = (): void => void this.release(target)
    signal?.addEventListener('abort', end)
    this.#entries.set(toHex(target), {
      item,
      target,
      stored,
      due: this.#next(),
      isBusy: false,
      abort: new AbortController(),
      detach: () => signal?.removeEventListener('abort', end),
    })
    this.run(this.#world.now())
  }

  /** Lets an item expire; false when it was not kept. */
  release(target: Uint8Array): boolean {
    const key = toHex(target)
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#entries.delete(key)
    entry.detach()
    entry.abort.abort(new Error('the item is no longer kept'))
    return true
  }

  close(): void {
    this.#scheduler.cancel(this)
    for (const { target } of [...this.#entries.values()]) this.release(target)
  }

  run(now: number): void {
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      if (entry.isBusy) continue
      if (entry.due <= now && this.#busy < CONCURRENT) void this.#renew(entry)
      else next = Math.min(next, entry.due)
    }
    // With all places taken, the end of a put calls again.
    if (this.#busy < CONCURRENT && next !== Number.POSITIVE_INFINITY) this.#scheduler.schedule(this, next)
  }

  async #renew(entry: Entry): Promise<void> {
    const { signal } = entry.abort
    entry.isBusy = true
    this.#busy++
    try {
      entry.item = await this.#newest(entry.item, signal)
      const { stored } = await putItem(this.#lookups, entry.item, { signal })
      entry.stored = stored
      entry.due = this.#next()
    } catch {
      // No node within reach for now, or it is no longer kept.
      entry.stored = 0
      entry.due = this.#world.now() + RETRY
    } finally {
      entry.isBusy = false
      this.#busy--
    }
    if (!this.#lookups.closed) this.run(this.#world.now())
  }

  /** Nodes refuse what is older than what they have, and so would every later put be in vain. */
  async #newest(item: Item, signal: AbortSignal): Promise<Item> {
    if (item.type === 'immutable') return item
    const { publicKey, salt, seq } = item
    const newer = await getMutable(this.#lookups, publicKey, { salt, after: seq, signal })
    return newer?.item ?? item
  }

  #next(): number {
    return this.#world.now() + INTERVAL - below(this.#world.random, INTERVAL / 10)
  }
}
