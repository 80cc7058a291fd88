/**
 * The routing table of one family (BEP 5), with the wisdom of the field: wider buckets at the far end,
 * where nodes are plenty (LT); a cache of replacements; one node per /24 or /64; nodes that their
 * address entitles to their id (BEP 42), and near ones, rather than others.
 *
 * | a node is | when |
 * |---|---|
 * | good | it answered before, last failed not at all, and was heard of within 15 min |
 * | questionable | not heard of for 15 min |
 * | bad | its last answers failed to come: from the second on it is told to nobody |
 *
 * Only nodes that answered are in the table.
 * @module
 */

import { type Bucket, twin, victim } from './bucket.js'
import { networkKey } from './endpoint.js'
import { nearest } from './nearest.js'
import { Contact, K, QUIET } from './node-entry.js'
import { isEntitled, sharedBits } from './node-id.js'

/** Widths of the buckets, far end first (LT); the last counts for all nearer ones. */
export const BUCKET_SIZES: readonly number[] = [128, 64, 32, 16, 8]
/** A node with nobody to replace it is kept so long: when our own line is down, all of them fail (LT). */
const MOST_FAILURES = 20

export class RoutingTable {
  private ownId: Uint8Array
  private readonly sizes: readonly number[]
  /** The last one holds everything that is nearer than the others: only it is split. */
  private buckets: Bucket[] = [{ live: [], spare: [] }]
  private readonly byNetwork = new Map<number | string, Contact>()

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
      for (const contact of live) if (contact.failures === 0 && now - contact.seen < QUIET) good++
    return good
  }

  /** Buckets, each half as far as the one before. */
  get depth(): number {
    return this.buckets.length
  }

  /** The node at this endpoint, whatever its id. */
  at(endpoint: Uint8Array): Contact | undefined {
    const contact = this.byNetwork.get(networkKey(endpoint))
    return contact?.isAt(endpoint) ? contact : undefined
  }

  /** True when a node that nobody knows yet would be taken, if it answered. */
  wants(id: Uint8Array, endpoint: Uint8Array): boolean {
    const index = this.indexOf(id)
    if (index < 0) return false
    const holder = this.byNetwork.get(networkKey(endpoint))
    if (holder && holder.failures === 0) return false
    const { live } = this.buckets[index] as Bucket
    if (live.length < this.sizeOf(index)) return true
    if (index === this.buckets.length - 1 && this.canSplit()) return true
    const isValid = isEntitled(id, endpoint.subarray(0, endpoint.length - 2))
    return live.some((contact) => contact.failures > 1 || (isValid && !contact.isEntitled))
  }

  /** A node queried us. That counts as a sign of life when it has answered before (BEP 5). */
  heard(id: Uint8Array, endpoint: Uint8Array, now: number): boolean {
    const contact = this.at(endpoint)
    if (!contact?.hasId(id)) return false
    contact.seen = now
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
    const contact = new Contact(node, key, rtt, now)
    if (known) {
      // Of two nodes in one network the first stays, unless it is out of order.
      if (known.failures === 0 && (known.isEntitled || !contact.isEntitled)) return false
      this.remove(known)
    }
    return this.insert(contact)
  }

  /** A query to the node came to nothing. */
  failed(id: Uint8Array, endpoint: Uint8Array): void {
    const contact = this.at(endpoint)
    if (!contact?.hasId(id)) return
    contact.failures++
    const bucket = this.bucketOf(contact)
    // One lost datagram is no reason: the second time a replacement takes its place at once (LT).
    const isReplaced = contact.failures > 1 && bucket.spare.length > 0
    if (isReplaced || contact.failures >= MOST_FAILURES || bucket.spare.includes(contact))
      this.remove(contact)
  }

  /** The nodes nearest to a target, nearest first: see {@link nearest}. */
  closest(target: Uint8Array, count: number): Contact[] {
    return nearest(this.buckets, this.ownId, target, count)
  }

  /**
   * Nodes to ask again, longest unheard of first: those that were neither heard of nor asked since `before`,
   * and those that failed for the first time. `bits` are those that its bucket shares with us.
   */
  stale(before: number): { readonly contact: Contact; readonly bits: number; readonly isFull: boolean }[] {
    const found: { contact: Contact; bits: number; isFull: boolean }[] = []
    for (let bits = 0; bits < this.buckets.length; bits++) {
      const { live } = this.buckets[bits] as Bucket
      const isFull = live.length >= this.sizeOf(bits)
      for (let i = 0; i < live.length; i++) {
        const contact = live[i] as Contact
        if (contact.failures === 1 || (contact.seen < before && contact.asked < before))
          found.push({ contact, bits, isFull })
      }
    }
    return found.sort((a, b) => a.contact.seen - b.contact.seen)
  }

  /** All nodes in use. */
  *[Symbol.iterator](): IterableIterator<Contact> {
    for (const { live } of this.buckets) yield* live
  }

  /** Sorts everything anew around another own id. */
  changeId(id: Uint8Array): void {
    const contacts = [...this]
    this.ownId = id
    this.buckets = [{ live: [], spare: [] }]
    this.byNetwork.clear()
    for (const contact of contacts) if (this.indexOf(contact.node) >= 0) this.insert(contact)
  }

  /** Throws an Error when the table breaks its own rules: for tests. */
  checkInvariants(): void {
    let count = 0
    for (const [index, { live, spare }] of this.buckets.entries()) {
      if (live.length > this.sizeOf(index)) throw new Error(`bucket ${index} has ${live.length} nodes`)
      if (spare.length > K) throw new Error(`bucket ${index} has ${spare.length} replacements`)
      if (spare.length > 0 && live.length < this.sizeOf(index))
        throw new Error(`bucket ${index} has replacements and room`)
      for (const contact of [...live, ...spare]) {
        count++
        const bits = sharedBits(contact.node, this.ownId)
        const isHome = index === this.buckets.length - 1 ? bits >= index : bits === index
        if (!isHome) throw new Error(`a node that shares ${bits} bits is in bucket ${index}`)
        if (bits === 160) throw new Error('our own id is in the table')
        if (this.byNetwork.get(contact.key) !== contact) throw new Error('a network has two nodes')
      }
    }
    if (count !== this.byNetwork.size) throw new Error('a network is kept without its node')
  }

  private insert(contact: Contact): boolean {
    let index = this.indexOf(contact.node)
    let bucket = this.buckets[index] as Bucket
    const known = twin(bucket, contact)
    if (known) {
      // Somebody else's id: the one that has it keeps it as long as it answers.
      if (known.failures === 0) return false
      this.remove(known)
    }
    while (bucket.live.length >= this.sizeOf(index) && index === this.buckets.length - 1 && this.canSplit()) {
      this.split()
      index = this.indexOf(contact.node)
      bucket = this.buckets[index] as Bucket
    }
    if (bucket.live.length >= this.sizeOf(index)) {
      const loser = victim(bucket, index, index === this.buckets.length - 1, contact)
      if (!loser) return this.keepSpare(bucket, contact)
      this.byNetwork.delete(loser.key)
      bucket.live.splice(bucket.live.indexOf(loser), 1)
    }
    bucket.live.push(contact)
    this.byNetwork.set(contact.key, contact)
    return true
  }

  private keepSpare(bucket: Bucket, contact: Contact): boolean {
    if (bucket.spare.length >= K) {
      const oldest = bucket.spare.shift()
      if (oldest) this.byNetwork.delete(oldest.key)
    }
    bucket.spare.push(contact)
    this.byNetwork.set(contact.key, contact)
    return true
  }

  private remove(contact: Contact): void {
    const bucket = this.bucketOf(contact)
    this.byNetwork.delete(contact.key)
    const list = bucket.live.includes(contact) ? bucket.live : bucket.spare
    list.splice(list.indexOf(contact), 1)
    this.promote(bucket)
  }

  private promote(bucket: Bucket): void {
    const size = this.sizeOf(this.buckets.indexOf(bucket))
    while (bucket.spare.length > 0 && bucket.live.length < size)
      bucket.live.push(bucket.spare.pop() as Contact)
  }

  /** Only so deep that a bucket can still hold anybody: 160 ids differ from ours in one bit at most. */
  private canSplit(): boolean {
    return this.buckets.length < 150
  }

  private split(): void {
    const index = this.buckets.length - 1
    const old = this.buckets[index] as Bucket
    const near: Bucket = { live: [], spare: [] }
    const far: Bucket = { live: [], spare: [] }
    for (const contact of old.live)
      (sharedBits(contact.node, this.ownId) > index ? near : far).live.push(contact)
    for (const contact of old.spare)
      (sharedBits(contact.node, this.ownId) > index ? near : far).spare.push(contact)
    this.buckets[index] = far
    this.buckets.push(near)
    this.promote(far)
    // The nearer bucket may be narrower: what is too much becomes a replacement.
    const size = this.sizeOf(index + 1)
    while (near.live.length > size) near.spare.unshift(near.live.pop() as Contact)
    while (near.spare.length > K) this.byNetwork.delete((near.spare.shift() as Contact).key)
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

  private bucketOf(contact: Contact): Bucket {
    return this.buckets[this.indexOf(contact.node)] as Bucket
  }
}
