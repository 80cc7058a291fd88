/**
 * One bucket of the routing table: the nodes that share as many bits with us, and who of them gives way.
 * @module
 */

import { type Contact, K } from './node-entry.js'

export interface Bucket {
  readonly live: Contact[]
  /** Replacements, latest last. */
  readonly spare: Contact[]
}

/** The node of the bucket that has the newcomer's id. */
export function twin({ live, spare }: Bucket, { node, prefix }: Contact): Contact | undefined {
  for (const contact of live) if (contact.prefix === prefix && contact.hasId(node)) return contact
  for (const contact of spare) if (contact.prefix === prefix && contact.hasId(node)) return contact
  return undefined
}

/**
 * Who gives way to the newcomer in a full bucket, if anybody does: who failed, who is not entitled to its id,
 * or, but for the nearest bucket, who is one of too many or slow.
 */
export function victim(
  bucket: Bucket,
  index: number,
  isNearest: boolean,
  newcomer: Contact,
): Contact | undefined {
  let failed: Contact | undefined
  let stranger: Contact | undefined
  for (const contact of bucket.live) {
    if (contact.failures > 1 && (!failed || contact.failures > failed.failures)) failed = contact
    if (!contact.isEntitled && (!stranger || contact.rtt > stranger.rtt)) stranger = contact
  }
  if (failed) return failed
  if (newcomer.isEntitled ? stranger : !stranger) return stranger
  // With a full cache of replacements the bucket has been weighed often enough: it is the costly part.
  if (isNearest || bucket.spare.length >= K) return undefined
  return crowded(bucket, index, newcomer)
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
