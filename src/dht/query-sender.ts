/**
 * The asking side of a node: queries out, and what each of them is for.
 * @module
 */

import { encodeQuery, type KrpcQuery } from './krpc/krpc.js'
import type { Candidate } from './lookup.js'
import type { Outbox } from './outbox.js'
import type { Rpc } from './rpc.js'
import { readAddress } from './table/endpoint.js'
import type { RoutingTable } from './table/routing-table.js'
import type { QueryBase, Traversal } from './traversal.js'

/** What a query in flight was for. */
export type Purpose =
  | { readonly kind: 'search'; readonly traversal: Traversal; readonly candidate: Candidate }
  | { readonly kind: 'router'; readonly traversal: Traversal }
  | { readonly kind: 'store'; readonly traversal: Traversal; readonly candidate: Candidate }
  | { readonly kind: 'ping'; readonly traversal: Traversal }
  /** Upkeep: is the node there, and what does it know? */
  | { readonly kind: 'check'; readonly id: Uint8Array | undefined }
  /** Does the asker receive what we send? Then it gets these. */
  | { readonly kind: 'proof'; readonly bytes: Uint8Array }

export class QuerySender {
  /** Queries sent so far. */
  queries = 0
  private readonly table: RoutingTable
  private readonly rpc: Rpc<Purpose>
  private readonly outbox: Outbox
  private readonly family: 4 | 6
  private readonly readOnly: boolean
  private readonly version: Uint8Array | undefined

  constructor(
    parts: { readonly table: RoutingTable; readonly rpc: Rpc<Purpose>; readonly outbox: Outbox },
    options: { readonly family: 4 | 6; readonly readOnly: boolean; readonly version: Uint8Array | undefined },
  ) {
    this.table = parts.table
    this.rpc = parts.rpc
    this.outbox = parts.outbox
    this.family = options.family
    this.readOnly = options.readOnly
    this.version = options.version
  }

  /** What all queries begin with. */
  base(): QueryBase {
    return {
      type: 'query',
      transactionId: NO_TRANSACTION,
      id: this.table.id,
      readOnly: this.readOnly,
      version: this.version,
    }
  }

  /** Sends a query; the endpoint is copied. False when too many are in flight. */
  send(query: KrpcQuery, endpoint: Uint8Array, purpose: Purpose, now: number): boolean {
    if (this.rpc.isFull) return false
    const to = readAddress(endpoint, 0, this.family)
    const pending = this.rpc.open(endpoint.slice(), to, purpose, now)
    const transactionId = Uint8Array.of(pending.transaction >>> 8, pending.transaction)
    const entry = this.table.at(endpoint)
    if (entry) entry.asked = now
    if ('traversal' in purpose) purpose.traversal.queries++
    this.queries++
    this.outbox.send(encodeQuery({ ...query, transactionId }), to)
    return true
  }
}

/** Replaced by the one of each query. */
const NO_TRANSACTION = new Uint8Array(0)
