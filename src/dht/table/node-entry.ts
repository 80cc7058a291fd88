/**
 * A node of the routing table.
 * @module
 */

import { isEntitled, type Placed, prefixOf } from './node-id.js'

/** Nodes of a bucket and of an answer (BEP 5). */
export const K = 8
/** ms after which a node that is not heard of is questionable (BEP 5). */
export const QUIET = 900_000
/** Failures in a row that make a node bad. */
export const BAD = 2

/** A node of the table. */
export class NodeEntry implements Placed {
  /** Id and compact endpoint, 26 or 38 bytes: the form in which it is told to others. */
  readonly node: Uint8Array
  readonly prefix: number
  /** Its address entitles to its id (BEP 42). */
  readonly isEntitled: boolean
  /** See `networkKey`. */
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

  isAt(endpoint: Uint8Array): boolean {
    const { node } = this
    for (let i = 0; i < endpoint.length; i++) if (node[20 + i] !== endpoint[i]) return false
    return true
  }

  /** `id`: 20 bytes, or what begins with them. */
  hasId(id: Uint8Array): boolean {
    const { node } = this
    for (let i = 0; i < 20; i++) if (node[i] !== id[i]) return false
    return true
  }
}
