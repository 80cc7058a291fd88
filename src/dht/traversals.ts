/**
 * The look-ups of a node that are under way: whom each asks next, and how it ends.
 * @module
 */

import { isLocalIp } from '../util/locality.js'
import type { KrpcQuery, Want } from './krpc/krpc.js'
import type { LookupId } from './node-types.js'
import type { Outbox } from './outbox.js'
import type { Asking } from './query-sender.js'
import { Sampled } from './sample-infohashes-client.js'
import { isUsableEndpoint } from './table/endpoint.js'
import { K } from './table/node-entry.js'
import { sharedBits } from './table/node-id.js'
import type { RoutingTable } from './table/routing-table.js'
import type { Upkeep } from './table/upkeep.js'
import { type Aim, infoOf, Task } from './traversal.js'

export class Searches {
  /** Who has nothing new to show to a crawl yet. */
  readonly sampled: Sampled = new Sampled()
  private readonly tasks = new Map<LookupId, Task>()
  private readonly table: RoutingTable
  private readonly upkeep: Upkeep
  private readonly asking: Asking
  private readonly outbox: Outbox
  private readonly family: 4 | 6
  private readonly wanted: () => Want | undefined
  /** Compact endpoint of whom the datagram at hand came from. */
  private readonly teller: Uint8Array
  private nextId = 1

  constructor(
    parts: {
      readonly table: RoutingTable
      readonly upkeep: Upkeep
      readonly asking: Asking
      readonly outbox: Outbox
    },
    family: 4 | 6,
    teller: Uint8Array,
    wanted: () => Want | undefined,
  ) {
    this.table = parts.table
    this.upkeep = parts.upkeep
    this.asking = parts.asking
    this.outbox = parts.outbox
    this.family = family
    this.teller = teller
    this.wanted = wanted
  }

  /** Look-ups that somebody waits for. */
  get count(): number {
    let count = 0
    for (const task of this.tasks.values()) if (!task.isInner) count++
    return count
  }

  get(id: LookupId): Task | undefined {
    return this.tasks.get(id)
  }

  /** Begins a look-up. `advance` it next. */
  begin(aim: Aim, target: Uint8Array, now: number): Task {
    const task = new Task(this.nextId++, aim, target, now)
    task.suggest = (node, round) => {
      if (this.isCandidate(node)) task.candidates.add(node, round)
    }
    this.tasks.set(task.id, task)
    return task
  }

  /** Begins a look-up of the nodes near a target, with those that we know. Throws RangeError for a wrong target. */
  search(aim: Aim, target: Uint8Array, now: number): Task {
    if (target.length !== 20) throw new RangeError(`target must be 20 bytes, got ${target.length}`)
    const task = this.begin(aim, target.slice(), now)
    for (const contact of this.table.closest(target, 2 * K)) task.candidates.add(contact.node, 1)
    // A fresh table may be full of whoever was first to ask us: routers are asked besides.
    if (this.table.size < K || (aim.kind === 'find' && aim.inner === 'bootstrap')) {
      const query = task.question(this.asking.base(), this.wanted())
      for (const node of this.upkeep.restored) task.candidates.add(node, 1)
      for (const endpoint of this.upkeep.routers)
        if (this.asking.ask(query, endpoint, { kind: 'router', task }, now)) task.routers++
    }
    this.advance(task, now)
    return task
  }

  /** Asks whom the task has to ask next, or goes on to its next phase. */
  advance(task: Task, now: number): void {
    if (task.phase === 'done') {
      if (this.tasks.has(task.id)) this.finish(task, 'complete', now)
      return
    }
    const { asking } = this
    if (task.phase === 'search') {
      if (task.aim.kind !== 'ping') {
        let query: KrpcQuery | undefined
        for (let next = task.candidates.next(); next; next = task.candidates.next()) {
          const endpoint = next.node.subarray(20)
          const purpose = { kind: 'search', task, candidate: next } as const
          let asked: KrpcQuery
          if (task.aim.kind === 'sample' && this.sampled.rests(endpoint, now))
            asked = task.question(asking.base(), this.wanted(), true)
          else asked = query ??= task.question(asking.base(), this.wanted())
          if (!asking.ask(asked, endpoint, purpose, now)) next.state = 'failed'
        }
      }
      const isFound =
        task.aim.kind === 'ping' ? task.flying === 0 : task.routers === 0 && task.candidates.isDone
      if (!isFound) return
      task.phase = 'store'
      for (const { candidate, query } of task.storeQueries(asking.base()))
        if (asking.ask(query, candidate.node.subarray(20), { kind: 'store', task, candidate }, now))
          task.flying++
    }
    if (task.flying === 0) this.finish(task, 'complete', now)
  }

  /** Ends a look-up; whoever waits for it is told, or upkeep, whose chores may be due then. */
  finish(task: Task, reason: 'complete' | 'aborted', now: number): void {
    task.phase = 'done'
    this.tasks.delete(task.id)
    if (task.isInner) {
      const inner = task.aim.kind === 'find' ? task.aim.inner : undefined
      if (inner === 'bootstrap' && this.upkeep.bootstrapped(task.responded, now))
        this.outbox.emit({ type: 'ready' })
      else if (inner === 'fill') this.upkeep.filled()
      this.maintain(now)
      return
    }
    const closest = task.candidates.nearest(K, false).map(({ node }) => infoOf(node, this.family))
    const refusal = task.stored === 0 ? task.refusal : undefined
    this.outbox.emit({ type: 'done', lookup: task.id, reason, stats: task.stats(now), closest, refusal })
  }

  /** Lets upkeep do what is due. */
  maintain(now: number): void {
    const { asking } = this
    for (let chore = this.upkeep.next(now); chore; chore = this.upkeep.next(now)) {
      if (chore.type === 'look-up') this.search({ kind: 'find', inner: chore.inner }, chore.target, now)
      else {
        const { endpoint, id, target } = chore
        const base = asking.base()
        const want = this.wanted()
        const query: KrpcQuery = target
          ? { ...base, method: 'find_node', target, want }
          : { ...base, method: 'ping' }
        if (!asking.ask(query, endpoint, { kind: 'check', id }, now)) this.upkeep.checked()
      }
    }
  }

  /** Throws an Error when a look-up is in a state that cannot be; `inFlight`: queries of all of them. For tests. */
  checkInvariants(inFlight: number): void {
    let flying = 0
    for (const task of this.tasks.values()) {
      if (task.phase === 'done') throw new Error('a finished look-up is kept')
      if (task.flying < 0) throw new Error('a look-up waits for less than nothing')
      flying += task.flying
    }
    if (flying > inFlight) throw new Error('a look-up waits for queries that are over')
  }

  /** False for ourselves, and for addresses that the node which told them cannot know. */
  private isCandidate(node: Uint8Array): boolean {
    const { teller } = this
    if (!isUsableEndpoint(node.subarray(20), isLocalIp(teller, teller.length - 2))) return false
    return sharedBits(node, this.table.id) !== 160
  }
}
