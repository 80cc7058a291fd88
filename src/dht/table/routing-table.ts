/**
 * The routing table of one family (BEP 5), with the wisdom of the field: wider buckets at the far end,
 * where nodes are plenty (libtorrent); a cache of replacements; one node per /24 or /64; nodes that their
 * address entitles to their id (BEP 42), and near ones, rather than others.
 *
 * | a node is | when |
 * |---|---|
 * | good | it answered before, last failed not at all, and was heard of within 15 min |
 * | questionable | not heard of for 15 min |
 * | bad | its last answers failed to come: from the second on it is told to no asker |
 *
 * Only nodes that answered are in the table.
 * @module
 */

import { type Bucket, replaceable, sameId } from './bucket.js'
import { networkKey } from './endpoint.js'
import { nearest } from './nearest.js'
import { K, NodeEntry, QUIET } from './node-entry.js'
import { isEntitled, sharedBits } from './node-id.js'

/** Widths of the buckets, far end first (libtorrent); the last counts for all nearer ones. */
export const BUCKET_SIZES: readonly number[] = [128, 64, 32, 16, 8]
/** A node without a replacement is kept so long: when our own line is down, all of them fail (libtorrent). */
const MOST_FAILURES = 20

export class RoutingTable {
  private ownId: Uint8Array
  private readonly sizes: readonly number[]
  /** The last one holds everything that is nearer than the others: only it is split. */
  private buckets: Bucket[] = [{ live: [], replacements: [] }]
  private readonly byNetwork = new Map<number | string, NodeEntry>()

  constructor(ownId: Uint8Array, sizes: readonly number[] = BUCKET_SIZES) {
    this.ownId = ownId
    this.sizes = sizes
  }

  get id(): Uint8Array {
    return this.ownId
  }

  /** Nodes in use, replacements not counted. */
  get size(): number {
    let size = 0
    for (const { live } of this.buckets) size += live.length
    return size
  }

  /** Nodes in use that are good. */
  goodNodes(now: number): number {
    let good = 0
    for (const { live } of this.buckets)
      for (const entry of live) if (entry.failures === 0 && now - entry.seen < QUIET) good++
    return good
  }

  /** Buckets, each half as far as the one before. */
  get depth(): number {
    return this.buckets.length
  }

  /** The node at this endpoint, whatever its id. */
  at(endpoint: Uint8Array): NodeEntry | undefined {
    const entry = this.byNetwork.get(networkKey(endpoint))
    return entry?.isAt(endpoint) ? entry : undefined
  }

  /** True when a node that is not known yet would be taken, if it answered. */
  wants(id: Uint8Array, endpoint: Uint8Array): boolean {
    const index = this.indexOf(id)
    if (index < 0) return false
    const holder = this.byNetwork.get(networkKey(endpoint))
    if (holder && holder.failures === 0) return false
    const { live } = this.buckets[index] as Bucket
    if (live.length < this.sizeOf(index)) return true
    if (index === this.buckets.length - 1 && this.canSplit()) return true
    const isValid = isEntitled(id, endpoint.subarray(0, endpoint.length - 2))
    return live.some((entry) => entry.failures > 1 || (isValid && !entry.isEntitled))
  }

  /** A node queried us. That counts as a sign of life when it has answered before (BEP 5). */
  heard(id: Uint8Array, endpoint: Uint8Array, now: number): boolean {
    const entry = this.at(endpoint)
    if (!entry?.hasId(id)) return false
    entry.seen = now
    return true
  }

  /**
   * A node answered a query of ours: it is taken in, or refreshed. False when it is not in the table
   * afterwards: an id that changes drops its node; one per network; own id; bucket and cache full.
   */
  answered(id: Uint8Array, endpoint: Uint8Array, rtt: number, now: number): boolean {
    const key = networkKey(endpoint)
    const known = this.byNetwork.get(key)
    if (known?.isAt(endpoint)) {
      if (!known.hasId(id)) {
        this.remove(known)
        return false
      }
      known.seen = now
      known.failures = 0
      known.rtt = rtt
      this.promote(this.bucketOf(known))
      return true
    }
    const index = this.indexOf(id)
    if (index < 0) return false
    const node = new Uint8Array(20 + endpoint.length)
    node.set(id)
    node.set(endpoint, 20)
    const entry = new NodeEntry(node, key, rtt, now)
    if (known) {
      // Of two nodes in one network the first stays, unless it is out of order.
      if (known.failures === 0 && (known.isEntitled || !entry.isEntitled)) return false
      this.remove(known)
    }
    return this.insert(entry)
  }

  /** A query to the node came to nothing. */
  failed(id: Uint8Array, endpoint: Uint8Array): void {
    const entry = this.at(endpoint)
    if (!entry?.hasId(id)) return
    entry.failures++
    const bucket = this.bucketOf(entry)
    // One lost datagram is no reason: the second time a replacement takes its place at once (libtorrent).
    const isReplaced = entry.failures > 1 && bucket.replacements.length > 0
    if (isReplaced || entry.failures >= MOST_FAILURES || bucket.replacements.includes(entry))
      this.remove(entry)
  }

  /** The nodes nearest to a target, nearest first: see {@link nearest}. */
  closest(target: Uint8Array, count: number): NodeEntry[] {
    return nearest(this.buckets, this.ownId, target, count)
  }

  /**
   * Nodes to ask again, longest unheard of first: those that were neither heard of nor asked since `before`,
   * and those that failed for the first time. `bits` are those that its bucket shares with us.
   */
  stale(before: number): { readonly entry: NodeEntry; readonly bits: number; readonly isFull: boolean }[] {
    const found: { entry: NodeEntry; bits: number; isFull: boolean }[] = []
    for (let bits = 0; bits < this.buckets.length; bits++) {
      const { live } = this.buckets[bits] as Bucket
      const isFull = live.length >= this.sizeOf(bits)
      for (let i = 0; i < live.length; i++) {
        const entry = live[i] as NodeEntry
        if (entry.failures === 1 || (entry.seen < before && entry.asked < before))
          found.push({ entry, bits, isFull })
      }
    }
    return found.sort((a, b) => a.entry.seen - b.entry.seen)
  }

  /** All nodes in use. */
  *[Symbol.iterator](): IterableIterator<NodeEntry> {
    for (const { live } of this.buckets) yield* live
  }

  /** Sorts everything anew around another own id. */
  changeId(id: Uint8Array): void {
    const entries = [...this]
    this.ownId = id
    this.buckets = [{ live: [], replacements: [] }]
    this.byNetwork.clear()
    for (const entry of entries) if (this.indexOf(entry.node) >= 0) this.insert(entry)
  }

  /** Throws an Error when the table breaks its own rules: for tests. */
  checkInvariants(): void {
    let count = 0
    for (const [index, { live, replacements }] of this.buckets.entries()) {
      if (live.length > this.sizeOf(index)) throw new Error(`bucket ${index} has ${live.length} nodes`)
      if (replacements.length > K) throw new Error(`bucket ${index} has ${replacements.length} replacements`)
      if (replacements.length > 0 && live.length < this.sizeOf(index))
        throw new Error(`bucket ${index} has replacements and room`)
      for (const entry of [...live, ...replacements]) {
        count++
        const bits = sharedBits(entry.node, this.ownId)
        const isHome = index === this.buckets.length - 1 ? bits >= index : bits === index
        if (!isHome) throw new Error(`a node that shares ${bits} bits is in bucket ${index}`)
        if (bits === 160) throw new Error('our own id is in the table')
        if (this.byNetwork.get(entry.key) !== entry) throw new Error('a network has two nodes')
      }
    }
    if (count !== this.byNetwork.size) throw new Error('a network is kept without its node')
  }

  private insert(entry: NodeEntry): boolean {
    let index = this.indexOf(entry.node)
    let bucket = this.buckets[index] as Bucket
    const known = sameId(bucket, entry)
    if (known) {
      // The id of another node: the one that has it keeps it as long as it answers.
      if (known.failures === 0) return false
      this.remove(known)
    }
    while (bucket.live.length >= this.sizeOf(index) && index === this.buckets.length - 1 && this.canSplit()) {
      this.split()
      index = this.indexOf(entry.node)
      bucket = this.buckets[index] as Bucket
    }
    if (bucket.live.length >= this.sizeOf(index)) {
      const loser = replaceable(bucket, index, index === this.buckets.length - 1, entry)
      if (!loser) return this.keepReplacement(bucket, entry)
      this.byNetwork.delete(loser.key)
      bucket.live.splice(bucket.live.indexOf(loser), 1)
    }
    bucket.live.push(entry)
    this.byNetwork.set(entry.key, entry)
    return true
  }

  private keepReplacement(bucket: Bucket, entry: NodeEntry): boolean {
    if (bucket.replacements.length >= K) {
      const oldest = bucket.replacements.shift()
      if (oldest) this.byNetwork.delete(oldest.key)
    }
    bucket.replacements.push(entry)
    this.byNetwork.set(entry.key, entry)
    return true
  }

  private remove(entry: NodeEntry): void {
    const bucket = this.bucketOf(entry)
    this.byNetwork.delete(entry.key)
    const list = bucket.live.includes(entry) ? bucket.live : bucket.replacements
    list.splice(list.indexOf(entry), 1)
    this.promote(bucket)
  }

  private promote(bucket: Bucket): void {
    const size = this.sizeOf(this.buckets.indexOf(bucket))
    while (bucket.replacements.length > 0 && bucket.live.length < size)
      bucket.live.push(bucket.replacements.pop() as NodeEntry)
  }

  /** Only so deep that a bucket can still hold a node: 160 ids differ from ours in one bit at most. */
  private canSplit(): boolean {
    return this.buckets.length < 150
  }

  private split(): void {
    const index = this.buckets.length - 1
    const old = this.buckets[index] as Bucket
    const near: Bucket = { live: [], replacements: [] }
    const far: Bucket = { live: [], replacements: [] }
    for (const entry of old.live) (sharedBits(entry.node, this.ownId) > index ? near : far).live.push(entry)
    for (const entry of old.replacements)
      (sharedBits(entry.node, this.ownId) > index ? near : far).replacements.push(entry)
    this.buckets[index] = far
    this.buckets.push(near)
    this.promote(far)
    // The nearer bucket may be narrower: what is too much becomes a replacement.
    const size = this.sizeOf(index + 1)
    while (near.live.length > size) near.replacements.unshift(near.live.pop() as NodeEntry)
    while (near.replacements.length > K) this.byNetwork.delete((near.replacements.shift() as NodeEntry).key)
    this.promote(near)
  }

  private sizeOf(index: number): number {
    return this.sizes[Math.min(index, this.sizes.length - 1)] as number
  }

  /** -1 for our own id. */
  private indexOf(id: Uint8Array): number {
    const bits = sharedBits(id, this.ownId)
    return bits === 160 ? -1 : Math.min(bits, this.buckets.length - 1)
  }

  private bucketOf(entry: NodeEntry): Bucket {
    return this.buckets[this.indexOf(entry.node)] as Bucket
  }
}
