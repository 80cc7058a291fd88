/**
 * The search of the routing table: the nodes nearest to a target. Every answer to a look-up begins with it.
 * @module
 */

import type { Bucket } from './bucket.js'
import { BAD, type NodeEntry } from './node-entry.js'
import { compareDistance, prefixOf, sharedBits } from './node-id.js'

/** Distances, in their first 32 bits, of what was found so far. */
let distances = new Uint32Array(16)

/**
 * Up to `count` nodes of the buckets around `ownId` nearest to `target`, nearest first; bad ones are left out.
 * At most half of them are not entitled to their ids while others are known: made-up ids next to a target
 * cannot fill an answer.
 */
export function nearest(
  buckets: readonly Bucket[],
  ownId: Uint8Array,
  target: Uint8Array,
  count: number,
): NodeEntry[] {
  const best = select(buckets, ownId, target, count, false)
  let strangers = 0
  for (const entry of best) if (!entry.isEntitled) strangers++
  if (2 * strangers <= count) return best
  return mix(best, select(buckets, ownId, target, count, true), count, strangers, target)
}

function select(
  buckets: readonly Bucket[],
  ownId: Uint8Array,
  target: Uint8Array,
  count: number,
  entitledOnly: boolean,
): NodeEntry[] {
  if (distances.length < count) distances = new Uint32Array(count)
  const best: NodeEntry[] = []
  const last = buckets.length - 1
  const home = Math.min(sharedBits(ownId, target), last)
  // Nearest first: the target's bucket, all that are nearer to us together, then ever farther ones.
  gather(buckets[home] as Bucket, target, count, entitledOnly, best)
  if (best.length < count)
    for (let i = home + 1; i <= last; i++) gather(buckets[i] as Bucket, target, count, entitledOnly, best)
  for (let i = home - 1; i >= 0 && best.length < count; i--)
    gather(buckets[i] as Bucket, target, count, entitledOnly, best)
  return best
}

/** Puts every node of a bucket where it belongs in the short sorted list of the nearest. */
function gather(
  { live }: Bucket,
  target: Uint8Array,
  count: number,
  entitledOnly: boolean,
  best: NodeEntry[],
): void {
  const prefix = prefixOf(target)
  const sorted = distances
  for (let i = 0; i < live.length; i++) {
    const entry = live[i] as NodeEntry
    if (entry.failures >= BAD || (entitledOnly && !entry.isEntitled)) continue
    const distance = (entry.prefix ^ prefix) >>> 0
    let at = best.length
    // Nearly all of a wide bucket are farther than what was found already.
    if (at === count && distance > (sorted[at - 1] as number)) continue
    if (at < count) best.push(entry)
    for (; at > 0; at--) {
      const before = sorted[at - 1] as number
      const other = best[at - 1] as NodeEntry
      if (distance > before) break
      if (distance === before && compareDistance(entry, other, target, prefix) >= 0) break
      if (at === count) continue
      sorted[at] = before
      best[at] = other
    }
    if (at === count) continue
    sorted[at] = distance
    best[at] = entry
  }
}

function mix(
  best: readonly NodeEntry[],
  entitled: readonly NodeEntry[],
  count: number,
  strangers: number,
  target: Uint8Array,
): NodeEntry[] {
  let free = Math.min(strangers, Math.max(count >> 1, count - entitled.length))
  const mixed = best.filter((entry) => !entry.isEntitled && free-- > 0)
  for (const entry of entitled) if (mixed.length < count) mixed.push(entry)
  const prefix = prefixOf(target)
  return mixed.sort((a, b) => compareDistance(a, b, target, prefix))
}
