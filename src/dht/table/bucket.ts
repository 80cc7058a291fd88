/**
 * One bucket of the routing table: the nodes that share as many bits with us, and which of them gives way.
 * @module
 */

import { K, type NodeEntry } from './node-entry.js'

export interface Bucket {
  readonly live: NodeEntry[]
  /** Replacements, latest last. */
  readonly replacements: NodeEntry[]
}

/** The node of the bucket that has the newcomer's id. */
export function sameId({ live, replacements }: Bucket, { node, prefix }: NodeEntry): NodeEntry | undefined {
  for (const entry of live) if (entry.prefix === prefix && entry.hasId(node)) return entry
  for (const entry of replacements) if (entry.prefix === prefix && entry.hasId(node)) return entry
  return undefined
}

/**
 * The node that gives way to the newcomer in a full bucket, if any: one that failed, one that is not entitled to its id,
 * or, but for the nearest bucket, one of too many or a slow one.
 */
export function replaceable(
  bucket: Bucket,
  index: number,
  isNearest: boolean,
  newcomer: NodeEntry,
): NodeEntry | undefined {
  let failed: NodeEntry | undefined
  let stranger: NodeEntry | undefined
  for (const entry of bucket.live) {
    if (entry.failures > 1 && (!failed || entry.failures > failed.failures)) failed = entry
    if (!entry.isEntitled && (!stranger || entry.rtt > stranger.rtt)) stranger = entry
  }
  if (failed) return failed
  if (newcomer.isEntitled ? stranger : !stranger) return stranger
  // With a full cache of replacements the bucket has been weighed often enough: it is the costly part.
  if (isNearest || bucket.replacements.length >= K) return undefined
  return crowded(bucket, index, newcomer)
}

/**
 * The node that the newcomer outdoes: wide buckets are kept spread over the eight parts of their range,
 * and within a part a node at half the distance in time replaces one that is slow.
 */
function crowded(bucket: Bucket, index: number, newcomer: NodeEntry): NodeEntry | undefined {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0]
  for (const entry of bucket.live) {
    const part = partOf(entry.node, index)
    counts[part] = (counts[part] as number) + 1
  }
  const own = partOf(newcomer.node, index)
  const most = Math.max(...counts)
  const isThin = (counts[own] as number) + 1 < most
  let worst: NodeEntry | undefined
  for (const entry of bucket.live) {
    const part = partOf(entry.node, index)
    const isCandidate = isThin ? counts[part] === most : part === own && entry.rtt > 2 * newcomer.rtt
    if (isCandidate && (!worst || entry.rtt > worst.rtt)) worst = entry
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
