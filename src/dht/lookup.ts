/**
 * An iterative look-up (BEP 5), without its packets: which nodes are known on the way to a target, which
 * to ask next, and when it is done.
 *
 * | a candidate is | then |
 * |---|---|
 * | fresh | asked when it is among the nearest |
 * | asked | slow after 1 s, answered, or failed |
 * | slow | no longer counted as being asked, so that another is asked beside it; answered or failed |
 * | answered, failed | that is its end |
 *
 * It is done when the 8 nearest that answer have answered: of all nodes, and of those whose address
 * entitles them to their id (BEP 42). So a cluster of made-up ids next to the target can be asked, and
 * stored on, but cannot hide the honest nodes behind it; and where no node keeps to BEP 42 nothing is lost.
 * @module
 */

import { networkKey } from './table/endpoint.js'
import { K } from './table/node-entry.js'
import { compareDistance, isEntitled, type Placed, prefixOf } from './table/node-id.js'

/** Queries in flight to the nearest nodes (libtorrent). */
const ALPHA = 5
/** Candidates of each kind (libtorrent). */
const MOST_CANDIDATES = 100
/** Nodes asked of those that are not entitled to their ids, once those that are have answered. */
const MOST_STRANGERS = 32
/** Nodes asked at all: ever nearer ones can be made up without end. An honest look-up asks about 30. */
const MOST_ASKED = 200

export class Candidate implements Placed {
  readonly node: Uint8Array
  readonly prefix: number
  readonly isEntitled: boolean
  /** 1 for nodes of our table, one more than that of the node that told it for others. */
  readonly round: number
  state: 'fresh' | 'asked' | 'slow' | 'answered' | 'failed' = 'fresh'
  token: Uint8Array | undefined
  /** It returned an item: only then a `cas` means anything to it (BEP 44). */
  hasItem = false

  constructor(node: Uint8Array, round: number) {
    this.node = node
    this.prefix = prefixOf(node)
    this.isEntitled = isEntitled(node, node.subarray(20, node.length - 2))
    this.round = round
  }
}

/** The candidates of one look-up. */
export class Candidates {
  private readonly target: Uint8Array
  private readonly prefix: number
  private readonly entitled: Candidate[] = []
  private readonly strangers: Candidate[] = []
  private readonly networks = new Set<number | string>()
  private asked = 0
  private strangersAsked = 0

  constructor(target: Uint8Array) {
    this.target = target
    this.prefix = prefixOf(target)
  }

  /** A node (26 or 38 bytes, copied) that may be asked. One per network; the farthest make room. */
  add(node: Uint8Array, round: number): void {
    const key = networkKey(node.subarray(20))
    if (this.networks.has(key)) return
    const candidate = new Candidate(node.slice(), round)
    const list = candidate.isEntitled ? this.entitled : this.strangers
    const at = this.placeOf(candidate, list)
    if (at < 0 || at >= MOST_CANDIDATES) return
    list.splice(at, 0, candidate)
    this.networks.add(key)
    // The network stays marked: a node far off that was dropped once is not worth another look.
    if (list.length > MOST_CANDIDATES) list.pop()
  }

  /** Marks as asked, and returns, which to ask now, if any: the nearest fresh one while few are being asked. */
  next(): Candidate | undefined {
    if (this.asked >= MOST_ASKED) return undefined
    const candidate =
      this.walk(this.entitled, NOBODY) ??
      (this.isStrangersTurn() ? this.walk(this.entitled, this.strangers) : undefined)
    if (!candidate) return undefined
    candidate.state = 'asked'
    this.asked++
    if (!candidate.isEntitled) this.strangersAsked++
    return candidate
  }

  /**
   * True when the nearest have answered, or all have answered or failed. While nodes are slow and too few
   * have answered it waits for them.
   */
  get isDone(): boolean {
    if (this.asked >= MOST_ASKED) return true
    return (
      this.hasConverged(this.entitled, NOBODY) &&
      (!this.isStrangersTurn() || this.hasConverged(this.entitled, this.strangers))
    )
  }

  private isStrangersTurn(): boolean {
    return this.strangersAsked < MOST_STRANGERS || this.nearest(K, true).length < K
  }

  /** Up to `count` nodes that answered, nearest first; those that are entitled to their ids alone, or all. */
  nearest(count: number, entitledOnly: boolean): Candidate[] {
    const nearest: Candidate[] = []
    for (const candidate of merge(this.entitled, entitledOnly ? NOBODY : this.strangers, this)) {
      if (candidate.state !== 'answered') continue
      nearest.push(candidate)
      if (nearest.length === count) break
    }
    return nearest
  }

  compare(a: Placed, b: Placed): number {
    return compareDistance(a, b, this.target, this.prefix)
  }

  private walk(entitled: readonly Candidate[], strangers: readonly Candidate[]): Candidate | undefined {
    let answered = 0
    let asked = 0
    for (const candidate of merge(entitled, strangers, this)) {
      if (candidate.state === 'fresh') return candidate
      if (candidate.state === 'asked' && ++asked === ALPHA) return undefined
      if (candidate.state === 'answered' && ++answered === K) return undefined
    }
    return undefined
  }

  private hasConverged(entitled: readonly Candidate[], strangers: readonly Candidate[]): boolean {
    let answered = 0
    let isWaiting = false
    for (const candidate of merge(entitled, strangers, this)) {
      if (candidate.state === 'fresh' || candidate.state === 'asked') return false
      if (candidate.state === 'slow') isWaiting = true
      else if (candidate.state === 'answered' && ++answered === K) return true
    }
    return !isWaiting
  }

  /** Where it belongs, or -1 when its id is there already. */
  private placeOf(candidate: Candidate, list: readonly Candidate[]): number {
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = this.compare(list[middle] as Candidate, candidate)
      if (order === 0) return -1
      if (order < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

const NOBODY: readonly Candidate[] = []

/** Both lists in one order, nearest first. */
function* merge(
  a: readonly Candidate[],
  b: readonly Candidate[],
  order: { compare(a: Placed, b: Placed): number },
): Generator<Candidate, void, undefined> {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const first = a[i]
    const second = b[j]
    if (first && (!second || order.compare(first, second) < 0)) {
      i++
      yield first
    } else {
      j++
      yield second as Candidate
    }
  }
}
