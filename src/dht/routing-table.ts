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

import { networkKey } from './endpoint.js'
import { compareDistance, isEntitled, type Placed, prefixOf, sharedBits } from './node-id.js'

/** Nodes of a bucket and of an answer (BEP 5). */
export const K = 8
/** ms after which a node that is not heard of is questionable (BEP 5). */
export const QUIET = 900_000
/** A node with nobody to replace it is kept so long: when our own line is down, all of them fail (LT). */
const MOST_FAILURES = 20
/** Failures in a row that make a node bad. */
export const BAD = 2
/** Widths of the buckets, far end first (LT); the last counts for all nearer ones. */
export const BUCKET_SIZES: readonly number[] = [128, 64, 32, 16, 8]

/** A node of the table. */
export class Contact implements Placed {
  /** Id and compact endpoint, 26 or 38 bytes: the form in which it is told to others. */
  readonly node: Uint8Array
  readonly prefix: number
  /** Its address entitles to its id (BEP 42). */
  readonly isEntitled: boolean
  /** See {@link networkKey}. */
  readonly key: number | string
  /** ms, of its last answer. */
  rtt: number
  /** Queries in a row that it did not answer. */
  failures = 0
  /** ms of its last answer or, once it has answered, query. */
  seen: number
  /** ms of our last query. */
  asked: number

  constructor(node: Uint8Array, key: number | string, rtt: number, now: number) {
    this.node = node
    this.prefix = prefixOf(node)
    this.isEntitled = isEntitled(node, node.subarray(20, node.length - 2))
    this.key = key
    this.rtt = rtt
    this.seen = now
    this.asked = now
  }
}

interface Bucket {
  readonly live: Contact[]
  /** Replacements, latest last. */
  readonly spare: Contact[]
}

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
    return contact && isAt(contact, endpoint) ? contact : undefined
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
    if (!contact || !hasId(contact, id)) return false
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
    if (known && isAt(known, endpoint)) {
      if (!hasId(known, id)) {
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
    if (!contact || !hasId(contact, id)) return
    contact.failures++
    const bucket = this.bucketOf(contact)
    // One lost datagram is no reason: the second time a replacement takes its place at once (LT).
    const isReplaced = contact.failures > 1 && bucket.spare.length > 0
    if (isReplaced || contact.failures >= MOST_FAILURES || bucket.spare.includes(contact))
      this.remove(contact)
  }

  /**
   * The nodes nearest to a target, nearest first; bad ones are left out. At most half of them are not
   * entitled to their ids while others are known: made-up ids next to a target cannot fill an answer.
   */
  closest(target: Uint8Array, count: number): Contact[] {
    const best = this.select(target, count, false)
    let strangers = 0
    for (const contact of best) if (!contact.isEntitled) strangers++
    if (2 * strangers <= count) return best
    return mix(best, this.select(target, count, true), count, strangers, target)
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
    const twin = find(bucket, contact)
    if (twin) {
      // Somebody else's id: the one that has it keeps it as long as it answers.
      if (twin.failures === 0) return false
      this.remove(twin)
    }
    while (bucket.live.length >= this.sizeOf(index) && index === this.buckets.length - 1 && this.canSplit()) {
      this.split()
      index = this.indexOf(contact.node)
      bucket = this.buckets[index] as Bucket
    }
    if (bucket.live.length >= this.sizeOf(index)) {
      const victim = this.victim(bucket, index, contact)
      if (!victim) return this.keepSpare(bucket, contact)
      this.byNetwork.delete(victim.key)
      bucket.live.splice(bucket.live.indexOf(victim), 1)
    }
    bucket.live.push(contact)
    this.byNetwork.set(contact.key, contact)
    return true
  }

  /** Who gives way to the newcomer in a full bucket, if anybody does. */
  private victim(bucket: Bucket, index: number, newcomer: Contact): Contact | undefined {
    let failed: Contact | undefined
    let stranger: Contact | undefined
    for (const contact of bucket.live) {
      if (contact.failures > 1 && (!failed || contact.failures > failed.failures)) failed = contact
      if (!contact.isEntitled && (!stranger || contact.rtt > stranger.rtt)) stranger = contact
    }
    if (failed) return failed
    if (newcomer.isEntitled ? stranger : !stranger) return stranger
    // With a full cache of replacements the bucket has been weighed often enough: it is the costly part.
    if (index === this.buckets.length - 1 || bucket.spare.length >= K) return undefined
    return crowded(bucket, index, newcomer)
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

  private select(target: Uint8Array, count: number, entitledOnly: boolean): Contact[] {
    const prefix = prefixOf(target)
    const best: Contact[] = []
    const last = this.buckets.length - 1
    const home = Math.min(sharedBits(this.ownId, target), last)
    // Nearest first: the target's bucket, all that are nearer to us together, then ever farther ones.
    this.gather(home, target, prefix, count, entitledOnly, best)
    if (best.length < count)
      for (let i = home + 1; i <= last; i++) this.gather(i, target, prefix, count, entitledOnly, best)
    for (let i = home - 1; i >= 0 && best.length < count; i--)
      this.gather(i, target, prefix, count, entitledOnly, best)
    return best
  }

  private gather(
    index: number,
    target: Uint8Array,
    prefix: number,
    count: number,
    entitledOnly: boolean,
    best: Contact[],
  ): void {
    const { live } = this.buckets[index] as Bucket
    for (let i = 0; i < live.length; i++) {
      const contact = live[i] as Contact
      if (contact.failures >= BAD || (entitledOnly && !contact.isEntitled)) continue
      const distance = (contact.prefix ^ prefix) >>> 0
      // Nearly all of a wide bucket are farther than what was found already.
      const isFar = best.length === count && distance > farthest(best, prefix)
      if (!isFar) place(contact, distance, best, count, target, prefix)
    }
  }
}

function farthest(best: readonly Contact[], prefix: number): number {
  return ((best[best.length - 1] as Contact).prefix ^ prefix) >>> 0
}

function isAt(contact: Contact, endpoint: Uint8Array): boolean {
  const { node } = contact
  for (let i = 0; i < endpoint.length; i++) if (node[20 + i] !== endpoint[i]) return false
  return true
}

function hasId(contact: Contact, id: Uint8Array): boolean {
  const { node } = contact
  for (let i = 0; i < 20; i++) if (node[i] !== id[i]) return false
  return true
}

function find(bucket: Bucket, { node, prefix }: Placed): Contact | undefined {
  for (const contact of bucket.live) if (contact.prefix === prefix && hasId(contact, node)) return contact
  for (const contact of bucket.spare) if (contact.prefix === prefix && hasId(contact, node)) return contact
  return undefined
}

/** Puts a node where it belongs in a short sorted list of the nearest. `distance` is that of its prefix. */
function place(
  contact: Contact,
  distance: number,
  list: Contact[],
  count: number,
  target: Uint8Array,
  prefix: number,
): void {
  let at = list.length
  if (at < count) list.push(contact)
  while (at > 0) {
    const other = list[at - 1] as Contact
    const difference = distance - ((other.prefix ^ prefix) >>> 0)
    if (difference > 0 || (difference === 0 && compareDistance(contact, other, target, prefix) >= 0)) break
    if (at < count) list[at] = other
    at--
  }
  if (at < count) list[at] = contact
}

function mix(
  best: readonly Contact[],
  entitled: readonly Contact[],
  count: number,
  strangers: number,
  target: Uint8Array,
): Contact[] {
  let free = Math.min(strangers, Math.max(count >> 1, count - entitled.length))
  const mixed = best.filter((contact) => !contact.isEntitled && free-- > 0)
  for (const contact of entitled) if (mixed.length < count) mixed.push(contact)
  const prefix = prefixOf(target)
  return mixed.sort((a, b) => compareDistance(a, b, target, prefix))
}

/**
 * The node that the newcomer outdoes: wide buckets are kept spread over the eight parts of their range,
 * and within a part a node at half the distance in time replaces one that is slow.
 */
function crowded(bucket: Bucket, index: number, newcomer: Contact): Contact | undefined {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0]
  for (const contact of bucket.live) {
    const part = partOf(contact.node, index)
    counts[part] = (counts[part] as number) + 1
  }
  const own = partOf(newcomer.node, index)
  const most = Math.max(...counts)
  const isThin = (counts[own] as number) + 1 < most
  let worst: Contact | undefined
  for (const contact of bucket.live) {
    const part = partOf(contact.node, index)
    const isCandidate = isThin ? counts[part] === most : part === own && contact.rtt > 2 * newcomer.rtt
    if (isCandidate && (!worst || contact.rtt > worst.rtt)) worst = contact
  }
  return worst
}

/** The three bits after those that a bucket shares. */
function partOf(node: Uint8Array, index: number): number {
  const bit = index + 1
  const at = bit >>> 3
  const pair = ((node[at] as number) << 8) | (node[at + 1] ?? 0)
  return (pair >>> (13 - (bit & 7))) & 7
}
