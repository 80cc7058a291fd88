/**
 * The look-ups of a node that are under way: which node each asks next, and how it ends.
 * @module
 */

import { isLocalIp } from '../util/locality.js'
import type { KrpcQuery, Want } from './krpc/krpc.js'
import type { LookupId } from './node-types.js'
import type { Outbox } from './outbox.js'
import type { QuerySender } from './query-sender.js'
import { SampleClient } from './sample-infohashes-client.js'
import { isUsableEndpoint } from './table/endpoint.js'
import { K } from './table/node-entry.js'
import { sharedBits } from './table/node-id.js'
import type { RoutingTable } from './table/routing-table.js'
import type { Upkeep } from './table/upkeep.js'
import { type Aim, infoOf, Traversal } from './traversal.js'

export class Traversals {
  /** Nodes that have nothing new to show to a crawl yet. */
  readonly samples: SampleClient = new SampleClient()
  private readonly traversals = new Map<LookupId, Traversal>()
  private readonly table: RoutingTable
  private readonly upkeep: Upkeep
  private readonly querySender: QuerySender
  private readonly outbox: Outbox
  private readonly family: 4 | 6
  private readonly wanted: () => Want | undefined
  /** Compact endpoint that the datagram at hand came from. */
  private readonly sender: Uint8Array
  private nextId = 1

  constructor(
    parts: {
      readonly table: RoutingTable
      readonly upkeep: Upkeep
      readonly querySender: QuerySender
      readonly outbox: Outbox
    },
    family: 4 | 6,
    sender: Uint8Array,
    wanted: () => Want | undefined,
  ) {
    this.table = parts.table
    this.upkeep = parts.upkeep
    this.querySender = parts.querySender
    this.outbox = parts.outbox
    this.family = family
    this.sender = sender
    this.wanted = wanted
  }

  /** Look-ups that a caller waits for. */
  get count(): number {
    let count = 0
    for (const traversal of this.traversals.values()) if (!traversal.isInner) count++
    return count
  }

  get(id: LookupId): Traversal | undefined {
    return this.traversals.get(id)
  }

  /** Begins a look-up. `advance` it next. */
  begin(aim: Aim, target: Uint8Array, now: number): Traversal {
    const traversal = new Traversal(this.nextId++, aim, target, now)
    traversal.suggest = (node, round) => {
      if (this.isCandidate(node)) traversal.candidates.add(node, round)
    }
    this.traversals.set(traversal.id, traversal)
    return traversal
  }

  /** Begins a look-up of the nodes near a target, with those that we know. Throws RangeError for a wrong target. */
  start(aim: Aim, target: Uint8Array, now: number): Traversal {
    if (target.length !== 20) throw new RangeError(`target must be 20 bytes, got ${target.length}`)
    const traversal = this.begin(aim, target.slice(), now)
    for (const entry of this.table.closest(target, 2 * K)) traversal.candidates.add(entry.node, 1)
    // A fresh table may be full of the nodes that were first to ask us: routers are asked besides.
    if (this.table.size < K || (aim.kind === 'find' && aim.inner === 'bootstrap')) {
      const query = traversal.question(this.querySender.base(), this.wanted())
      for (const node of this.upkeep.restored) traversal.candidates.add(node, 1)
      for (const endpoint of this.upkeep.routers)
        if (this.querySender.send(query, endpoint, { kind: 'router', traversal }, now)) traversal.routers++
    }
    this.advance(traversal, now)
    return traversal
  }

  /** Asks the nodes that the traversal has to ask next, or goes on to its next phase. */
  advance(traversal: Traversal, now: number): void {
    if (traversal.phase === 'done') {
      if (this.traversals.has(traversal.id)) this.finish(traversal, 'complete', now)
      return
    }
    const { querySender } = this
    if (traversal.phase === 'search') {
      if (traversal.aim.kind !== 'ping') {
        let query: KrpcQuery | undefined
        for (let next = traversal.candidates.next(); next; next = traversal.candidates.next()) {
          const endpoint = next.node.subarray(20)
          const purpose = { kind: 'search', traversal, candidate: next } as const
          let asked: KrpcQuery
          if (traversal.aim.kind === 'sample' && this.samples.mustWait(endpoint, now))
            asked = traversal.question(querySender.base(), this.wanted(), true)
          else asked = query ??= traversal.question(querySender.base(), this.wanted())
          if (!querySender.send(asked, endpoint, purpose, now)) next.state = 'failed'
        }
      }
      const isFound =
        traversal.aim.kind === 'ping'
          ? traversal.inFlight === 0
          : traversal.routers === 0 && traversal.candidates.isDone
      if (!isFound) return
      traversal.phase = 'store'
      for (const { candidate, query } of traversal.storeQueries(querySender.base()))
        if (
          querySender.send(query, candidate.node.subarray(20), { kind: 'store', traversal, candidate }, now)
        )
          traversal.inFlight++
    }
    if (traversal.inFlight === 0) this.finish(traversal, 'complete', now)
  }

  /** Ends a look-up; its caller is told, or upkeep, whose chores may be due then. */
  finish(traversal: Traversal, reason: 'complete' | 'aborted', now: number): void {
    traversal.phase = 'done'
    this.traversals.delete(traversal.id)
    if (traversal.isInner) {
      const inner = traversal.aim.kind === 'find' ? traversal.aim.inner : undefined
      if (inner === 'bootstrap' && this.upkeep.bootstrapped(traversal.responded, now))
        this.outbox.emit({ type: 'ready' })
      else if (inner === 'fill') this.upkeep.filled()
      this.maintain(now)
      return
    }
    const closest = traversal.candidates.nearest(K, false).map(({ node }) => infoOf(node, this.family))
    const refusal = traversal.stored === 0 ? traversal.refusal : undefined
    this.outbox.emit({
      type: 'done',
      lookup: traversal.id,
      reason,
      stats: traversal.stats(now),
      closest,
      refusal,
    })
  }

  /** Lets upkeep do what is due. */
  maintain(now: number): void {
    const { querySender } = this
    for (let chore = this.upkeep.next(now); chore; chore = this.upkeep.next(now)) {
      if (chore.type === 'look-up') this.start({ kind: 'find', inner: chore.inner }, chore.target, now)
      else {
        const { endpoint, id, target } = chore
        const base = querySender.base()
        const want = this.wanted()
        const query: KrpcQuery = target
          ? { ...base, method: 'find_node', target, want }
          : { ...base, method: 'ping' }
        if (!querySender.send(query, endpoint, { kind: 'check', id }, now)) this.upkeep.checked()
      }
    }
  }

  /** Throws an Error when a look-up is in a state that cannot be; `inFlight`: queries of all of them. For tests. */
  checkInvariants(inFlight: number): void {
    let flying = 0
    for (const traversal of this.traversals.values()) {
      if (traversal.phase === 'done') throw new Error('a finished look-up is kept')
      if (traversal.inFlight < 0) throw new Error('a look-up waits for less than nothing')
      flying += traversal.inFlight
    }
    if (flying > inFlight) throw new Error('a look-up waits for queries that are over')
  }

  /** False for ourselves, and for addresses that the node which told them cannot know. */
  private isCandidate(node: Uint8Array): boolean {
    const { sender } = this
    if (!isUsableEndpoint(node.subarray(20), isLocalIp(sender, sender.length - 2))) return false
    return sharedBits(node, this.table.id) !== 160
  }
}
