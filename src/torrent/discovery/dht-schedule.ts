/**
 * Announces of a session's torrents in the DHT: one after the other, each every 15 minutes, and the peers
 * that are found on the way.
 * @module
 */

import type { Dht } from '../../net/dht/dht-api.js'
import type { Scheduler, Task } from '../../net/scheduler.js'
import type { World } from '../../net/world.js'
import type { Address } from '../../util/address.js'
import { below } from '../../util/random.js'

/** A torrent under one of its infohashes. */
export interface DhtSubject {
  /** 20 bytes: v1, or truncated v2. */
  readonly infoHash: Uint8Array
  /** We have everything. */
  isSeed(): boolean
  found(peers: readonly Address[]): void
}

export interface DhtScheduleParts {
  readonly dht: Dht
  readonly world: World
  readonly scheduler: Scheduler
  /** TCP port told to others; 0 when nobody can connect: then we only look. */
  readonly port: () => number
  /** UDP port of our node. */
  readonly udpPort: () => number
}

/** ms between two announces of a torrent, give or take a tenth: peers expire after 30 to 45 min. */
const INTERVAL = 900_000
/** ms after the last look-up from which on a torrent without peers gets another. */
const SOON = 120_000
/** Look-ups at once, each about 40 queries within a few seconds: 1,000 torrents take 15 min. */
const CONCURRENT = 4

interface Entry {
  readonly subject: DhtSubject
  /** ms of the next announce. */
  due: number
  /** ms of the last one. */
  last: number
  abort: AbortController | undefined
}

export class DhtSchedule implements Task {
  readonly #parts: DhtScheduleParts
  readonly #entries = new Map<DhtSubject, Entry>()
  #running = 0

  constructor(parts: DhtScheduleParts) {
    this.#parts = parts
  }

  /** What peers are told in PORT messages (BEP 5); 0 when there is no node. */
  get udpPort(): number {
    return this.#parts.udpPort()
  }

  /** A node that a peer or a torrent file names. */
  addNode(host: string, port: number): void {
    this.#parts.dht.addNode(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  }

  /** Announces now, or as soon as its turn comes, and then every 15 min. */
  add(subject: DhtSubject): void {
    if (this.#entries.has(subject)) return
    const now = this.#parts.world.now()
    this.#entries.set(subject, { subject, due: now, last: Number.NEGATIVE_INFINITY, abort: undefined })
    this.run(now)
  }

  /** No further announces; one under way is given up. What nodes store of us expires by itself. */
  remove(subject: DhtSubject): void {
    const entry = this.#entries.get(subject)
    this.#entries.delete(subject)
    entry?.abort?.abort(new Error('the torrent left'))
  }

  /** The torrent has no peers: looks again, though not more often than every two minutes. */
  needPeers(subject: DhtSubject): void {
    const entry = this.#entries.get(subject)
    if (!entry || entry.abort) return
    entry.due = Math.min(entry.due, Math.max(this.#parts.world.now(), entry.last + SOON))
    this.run(this.#parts.world.now())
  }

  run(now: number): void {
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      if (entry.abort) continue
      if (entry.due <= now && this.#running < CONCURRENT) void this.#announce(entry, now)
      else next = Math.min(next, entry.due)
    }
    // With all places taken, the end of a look-up calls again.
    if (this.#running < CONCURRENT) this.#parts.scheduler.schedule(this, next)
    else this.#parts.scheduler.cancel(this)
  }

  async #announce(entry: Entry, now: number): Promise<void> {
    const { dht, world, port } = this.#parts
    const { subject } = entry
    const abort = new AbortController()
    const { signal } = abort
    this.#running++
    entry.abort = abort
    entry.last = now
    entry.due = now + INTERVAL - INTERVAL / 10 + below(world.random, INTERVAL / 5)
    try {
      const seed = subject.isSeed()
      const peers =
        port() === 0
          ? dht.getPeers(subject.infoHash, { signal, noSeeds: seed })
          : dht.announce(subject.infoHash, { port: port(), seed, signal })
      for await (const peer of peers) subject.found([peer])
    } catch {
      // Aborted, or the node was closed: either way there is nobody to tell.
    } finally {
      this.#running--
      entry.abort = undefined
    }
    this.run(world.now())
  }
}
