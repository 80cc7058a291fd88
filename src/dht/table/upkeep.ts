/**
 * Keeping a routing table alive: what to ask which node, and when (BEP 5). It only decides; the node sends.
 *
 * - bootstrap: a look-up of our own id, again with growing pauses while fewer than 8 nodes are known, every
 *   10 min while the table is shallow (libtorrent), and after our id has changed;
 * - fill: after the first bootstrap a look-up in each of the three farthest buckets;
 * - newcomers (which query us, which refreshing shows, which the user names) are pinged, and kept if they answer;
 * - refresh: a node not heard of for 15 min is asked: pinged when its bucket is full, else asked for nodes
 *   of that bucket.
 * @module
 */

import type { Address } from '../../util/address.js'
import { equalBytes } from '../../util/bytes.js'
import type { Random } from '../../util/random.js'
import type { KrpcReply } from '../krpc/message.js'
import { endpointLength, isUsableEndpoint, writeEndpoint } from './endpoint.js'
import { K, QUIET } from './node-entry.js'
import { randomIdNear } from './node-id.js'
import type { RoutingTable } from './routing-table.js'

/** Checks in flight: strangers cannot make us ping more than these in 5 s. */
const MOST_CHECKS = 16
/** Newcomers that wait for their ping; more are not worth it. */
const MOST_SUGGESTIONS = 64
/** Saved nodes, which may be more. */
const MOST_RESTORED = 512
/** Routers asked. */
const MOST_ROUTERS = 16
/** ms between refreshing two nodes: even a table that is out of date all over is no burst. */
const REFRESH_PACE = 500
/** ms between looking the table through for nodes that are due within that time. */
const REFRESH_LOOK = 60_000
/** Newcomers that one refresh may bring. */
const NEW_PER_REFRESH = 3
/** ms between look-ups of our own id while the table is too small: doubled up to the longest. */
const FIRST_PAUSE = 5_000
const LONGEST_PAUSE = 300_000
/** ms between look-ups of our own id while the table has fewer than 4 buckets (libtorrent). */
const SHALLOW_PAUSE = 600_000
const SHALLOW = 4
const FILLS = 3
/** ms between calls for the stores to drop what is old. */
const SWEEP = 60_000

/** Something to do now. */
export type Chore =
  | { readonly type: 'look-up'; readonly inner: 'bootstrap' | 'fill'; readonly target: Uint8Array }
  | {
      readonly type: 'check'
      readonly endpoint: Uint8Array
      /** Its id, where it is known. */
      readonly id: Uint8Array | undefined
      /** Ask for nodes near this; undefined for a ping. */
      readonly target: Uint8Array | undefined
    }

interface Suggestion {
  readonly endpoint: Uint8Array
  readonly id: Uint8Array | undefined
}

export class Upkeep {
  /** Compact endpoints of the bootstrap routers. */
  readonly routers: Uint8Array[] = []
  /** Nodes of the last run (26 or 38 bytes), the first candidates of the first look-ups. */
  restored: Uint8Array[] = []
  nextSweep: number
  private readonly table: RoutingTable
  private readonly random: Random
  private readonly family: 4 | 6
  private suggestions: Suggestion[] = []
  private checks = 0
  private bootstrapAt: number
  private isBootstrapping = false
  private isReady = false
  private pause = FIRST_PAUSE
  private refreshAt: number
  private lookAt: number
  /** Due to be asked again, the most urgent last. */
  private stale: ReturnType<RoutingTable['stale']> = []
  private fills = 0
  private isFilling = false

  constructor(table: RoutingTable, random: Random, family: 4 | 6, now: number) {
    this.table = table
    this.random = random
    this.family = family
    this.bootstrapAt = now
    this.lookAt = now + REFRESH_LOOK
    this.refreshAt = this.lookAt
    this.nextSweep = now + SWEEP
  }

  /** A node of the last run. */
  restore(id: Uint8Array, address: Address): void {
    const node = new Uint8Array(20 + endpointLength(this.family))
    if (id.length !== 20 || this.restored.length >= MOST_RESTORED) return
    const endpoint = node.subarray(20)
    if (!writeEndpoint(address, endpoint) || !isUsableEndpoint(endpoint, true)) return
    node.set(id)
    this.restored.push(node)
    this.suggestions.push({ endpoint, id: node.subarray(0, 20) })
  }

  addRouter(endpoint: Uint8Array): void {
    if (this.routers.length >= MOST_ROUTERS || this.routers.some((known) => equalBytes(known, endpoint)))
      return
    this.routers.push(endpoint)
    if (this.table.size < K && !this.isBootstrapping) this.bootstrapAt = Number.NEGATIVE_INFINITY
  }

  /** A node to ping when there is time; both arrays are copied. */
  suggest(endpoint: Uint8Array, id: Uint8Array | undefined): void {
    if (this.suggestions.length >= MOST_SUGGESTIONS) return
    for (const known of this.suggestions) if (equalBytes(known.endpoint, endpoint)) return
    this.suggestions.push({ endpoint: endpoint.slice(), id: id?.slice() })
  }

  /** A newcomer can be pinged at once. */
  get canCheck(): boolean {
    return this.suggestions.length > 0 && this.checks < MOST_CHECKS
  }

  /** The answer to a check: its nodes may be news. `local`: a local node says so. */
  learn(reply: KrpcReply, expected: Uint8Array | undefined, local: boolean, now: number): void {
    // The first node that answers at all is the way into the network.
    if (expected === undefined && this.table.size < K && !this.isBootstrapping)
      this.bootstrapAt = Math.min(this.bootstrapAt, now)
    const nodes = this.family === 4 ? reply.nodes : reply.nodes6
    if (!nodes) return
    const size = this.family === 4 ? 26 : 38
    let room = NEW_PER_REFRESH
    for (let at = 0; at < Math.min(nodes.length, K * size) && room > 0; at += size) {
      const id = nodes.subarray(at, at + 20)
      const endpoint = nodes.subarray(at + 20, at + size)
      if (!isUsableEndpoint(endpoint, local) || !this.table.wants(id, endpoint)) continue
      this.suggest(endpoint, id)
      room--
    }
  }

  /** A check is over. */
  checked(): void {
    this.checks--
  }

  /** The look-up of our own id is over. True when the node is ready for the first time. */
  bootstrapped(responded: number, now: number): boolean {
    this.isBootstrapping = false
    // Alone it is ready too, after a second try.
    const isFirst = !this.isReady && (responded > 0 || this.pause > FIRST_PAUSE)
    if (isFirst) this.isReady = true
    if (responded > 0) this.restored = []
    if (this.table.size < K) {
      this.bootstrapAt = now + this.pause
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE)
    } else {
      this.pause = FIRST_PAUSE
      this.bootstrapAt = this.table.depth < SHALLOW ? now + SHALLOW_PAUSE : Number.POSITIVE_INFINITY
      if (this.fills < FILLS) this.isFilling = false
    }
    return isFirst
  }

  filled(): void {
    this.isFilling = false
  }

  /** Our id has changed: the nodes near it now have to learn of us. */
  restart(now: number): void {
    this.bootstrapAt = now
  }

  swept(now: number): void {
    this.nextSweep = now + SWEEP
  }

  nextTimeout(): number {
    const bootstrap = this.isBootstrapping ? Number.POSITIVE_INFINITY : this.bootstrapAt
    return Math.min(bootstrap, this.refreshAt, this.nextSweep)
  }

  /** The next thing to do, if anything is due. */
  next(now: number): Chore | undefined {
    if (this.checks < MOST_CHECKS) {
      const suggestion = this.suggestions.shift()
      if (suggestion) {
        this.checks++
        return { type: 'check', endpoint: suggestion.endpoint, id: suggestion.id, target: undefined }
      }
    }
    if (!this.isBootstrapping && now >= this.bootstrapAt) {
      this.isBootstrapping = true
      return { type: 'look-up', inner: 'bootstrap', target: this.table.id }
    }
    if (
      this.isReady &&
      !this.isBootstrapping &&
      !this.isFilling &&
      this.fills < FILLS &&
      this.table.size >= K
    ) {
      this.isFilling = true
      const target = randomIdNear(this.table.id, this.fills++, true, this.random)
      return { type: 'look-up', inner: 'fill', target }
    }
    if (now < this.refreshAt) return undefined
    return this.refresh(now)
  }

  private refresh(now: number): Chore | undefined {
    if (now >= this.lookAt) {
      this.lookAt = now + REFRESH_LOOK
      this.stale = this.table.stale(now + REFRESH_LOOK - QUIET).reverse()
      const isLost = this.table.size < K && this.bootstrapAt === Number.POSITIVE_INFINITY
      if (isLost) this.bootstrapAt = now
    }
    const next = this.stale.pop()
    this.refreshAt = next ? now + REFRESH_PACE : this.lookAt
    // It may have been heard of, or dropped, since the table was looked through.
    if (!next || this.table.at(next.entry.node.subarray(20)) !== next.entry) return undefined
    const { entry, bits, isFull } = next
    const isFresh = entry.failures === 0 && Math.max(entry.seen, entry.asked) > now - QUIET + REFRESH_LOOK
    if (isFresh) return undefined
    this.checks++
    const isHome = bits === this.table.depth - 1
    const target = isFull ? undefined : randomIdNear(this.table.id, bits, !isHome, this.random)
    return { type: 'check', endpoint: entry.node.slice(20), id: entry.node.slice(0, 20), target }
  }
}
