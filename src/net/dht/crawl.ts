/**
 * Collecting infohashes all over the DHT (BEP 51).
 * @module
 */

import type { Random } from '../../util/random.js'
import type { DhtLookup } from './lookup-stream.js'
import type { DhtCallOptions, DhtSample } from './options.js'
import { JointProgress } from './progress.js'

/** Random targets that a crawl walks towards at once. */
const CRAWLERS = 4
/** Walks in a row that found nothing new, after which there is nothing more to find. */
const MOST_IDLE = 16

/** Infohashes remembered so that none is told twice, 100 MB of them; nodes may make up any number. */
const MOST_KNOWN = 1_000_000

/** Each infohash once, 40 hex digits. Ends when the loop is left, the signal aborts, or walks no longer find any. */
export async function* crawl(
  sample: (target: Uint8Array, options: DhtCallOptions) => DhtLookup<DhtSample>,
  random: Random,
  options: DhtCallOptions,
): AsyncGenerator<string, void, undefined> {
  const known = new Set<string>()
  const progress = new JointProgress(options.progress)
  for (let idle = 0; idle < MOST_IDLE; idle += CRAWLERS) {
    const walks = Array.from({ length: CRAWLERS }, () => sample(random.bytes(20), progress.join(options)))
    try {
      for (const walk of walks) {
        for await (const { infoHashes } of walk) {
          for (const infoHash of infoHashes) {
            if (known.has(infoHash)) continue
            if (known.size >= MOST_KNOWN) {
              const [first] = known
              if (first !== undefined) known.delete(first)
            }
            known.add(infoHash)
            idle = -CRAWLERS
            yield infoHash
          }
        }
      }
    } finally {
      for (const walk of walks) await walk[Symbol.asyncIterator]().return?.()
    }
    progress.settle()
  }
}
