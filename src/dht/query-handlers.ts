/**
 * The answering side of a node: one query in, one reply or error out.
 * @module
 */

import type { ItemStore } from './item-store.js'
import { type Item, itemTarget } from './items.js'
import {
  encodeError,
  encodeReply,
  type KrpcQuery,
  type KrpcReply,
  MAX_DATAGRAM,
  type Want,
} from './krpc/krpc.js'
import { encodeLookupReply } from './krpc/lookup-reply.js'
import type { PeerStore } from './peer-store.js'
import { K } from './table/node-entry.js'
import type { RoutingTable } from './table/routing-table.js'
import type { Tokens } from './tokens.js'

/** Peers in one reply: as many as 1,024 bytes hold beside eight nodes of each family. */
const MOST_VALUES = 60
/** Infohashes in one sample (BEP 51). */
const MOST_SAMPLES = 20

/** What answers are made of. */
export interface QueryContext {
  readonly family: 4 | 6
  readonly table: RoutingTable
  readonly tokens: Tokens
  readonly peers: PeerStore
  readonly items: ItemStore
  readonly version: Uint8Array | undefined
  /** The table of the other family, when this host has one (BEP 32). */
  readonly sibling: RoutingTable | undefined
}

/**
 * The datagram that answers a query from a compact endpoint, at most `limit` bytes. Undefined when no answer of that size makes
 * sense: then nothing shall be sent.
 */
export function answerQuery(
  query: KrpcQuery,
  endpoint: Uint8Array,
  context: QueryContext,
  limit: number,
  now: number,
): Uint8Array | undefined {
  const { table, version } = context
  const { transactionId } = query
  const base = { type: 'reply', transactionId, id: table.id, version, ip: endpoint } as const
  switch (query.method) {
    case 'ping':
      return lookupReply(query, undefined, undefined, undefined, endpoint, context, limit)
    case 'find_node':
      return lookupReply(query, query.target, undefined, undefined, endpoint, context, limit)
    case 'unknown': {
      // BEP 51: so that a method that we do not know yet still leads its look-up on.
      if (query.target === undefined) return encodeRefusal(query, endpoint, context, 204, 'Method Unknown')
      return within({ ...base, ...near(query.target, query.want, context) }, limit)
    }
    case 'get_peers': {
      const { infoHash } = query
      const token = context.tokens.issue(endpoint, infoHash, now)
      if (query.scrape) {
        const nodes = near(infoHash, query.want, context)
        const filters = context.peers.filters(infoHash, now)
        const full = { ...base, ...nodes, token, seedFilter: filters?.seeds, peerFilter: filters?.peers }
        // Filters cannot be cut, but an asker that may not have them still finds others to ask.
        return within(full, limit) ?? within({ ...base, ...nodes, token }, limit)
      }
      // A node of one family stores that family alone.
      const peers = context.peers.peers(infoHash, context.family, MOST_VALUES, query.noSeed, now)
      return lookupReply(query, infoHash, token, peers, endpoint, context, limit)
    }
    case 'announce_peer': {
      const { infoHash, token } = query
      if (!context.tokens.isValid(token, endpoint, infoHash, now))
        return encodeRefusal(query, endpoint, context, 203, 'Bad Token')
      const peer = endpoint.slice()
      if (!query.impliedPort) {
        peer[peer.length - 2] = query.port >>> 8
        peer[peer.length - 1] = query.port
      }
      context.peers.add(infoHash, peer, query.seed, now)
      return within(base, limit)
    }
    case 'get': {
      const { target, seq } = query
      const token = context.tokens.issue(endpoint, target, now)
      const nodes = near(target, query.want, context)
      const item = context.items.get(target, now)
      const reply = { ...base, ...nodes, token }
      if (!item) return within(reply, limit)
      if (item.type === 'immutable') return within({ ...reply, v: item.value }, limit) ?? within(reply, limit)
      // The reader has this one or a later one: it only hears the number.
      if (seq !== undefined && item.seq <= seq) return within({ ...reply, seq: item.seq }, limit)
      const full = { ...reply, v: item.value, k: item.publicKey, seq: item.seq, sig: item.signature }
      return within(full, limit) ?? within({ ...reply, seq: item.seq }, limit)
    }
    case 'put': {
      const item = itemOf(query)
      if (!item) return encodeRefusal(query, endpoint, context, 203, 'k, seq and sig belong together')
      const target = itemTarget(item)
      if (!context.tokens.isValid(query.token, endpoint, target, now))
        return encodeRefusal(query, endpoint, context, 203, 'Bad Token')
      const outcome = context.items.put(item, query.cas, now)
      return outcome.ok
        ? within(base, limit)
        : encodeRefusal(query, endpoint, context, outcome.code, outcome.message)
    }
    case 'sample_infohashes': {
      const { samples, num, interval } = context.peers.sample(MOST_SAMPLES, now)
      const nodes = near(query.target, query.want, context)
      return within({ ...base, ...nodes, samples, num, interval }, limit)
    }
  }
}

/** The reply to the two queries of every look-up; without a target, to a ping. */
function lookupReply(
  query: { readonly transactionId: Uint8Array; readonly want?: Want | undefined },
  target: Uint8Array | undefined,
  token: Uint8Array | undefined,
  peers: Uint8Array | undefined,
  endpoint: Uint8Array,
  context: QueryContext,
  limit: number,
): Uint8Array | undefined {
  const { family, table, sibling, version } = context
  const own = target && wants(query.want, family, context) ? table.closest(target, K) : undefined
  const otherFamily = family === 4 ? 6 : 4
  const other = target && wants(query.want, otherFamily, context) ? sibling?.closest(target, K) : undefined
  const nodes = family === 4 ? own : other
  const nodes6 = family === 4 ? other : own
  const { transactionId } = query
  const reply = { transactionId, id: table.id, version, ip: endpoint, nodes, nodes6, token, peers }
  const bytes = encodeLookupReply(reply, Math.min(limit, MAX_DATAGRAM))
  return bytes.length <= limit ? bytes : undefined
}

/** The error that answers a query. */
export function encodeRefusal(
  query: { readonly transactionId: Uint8Array },
  endpoint: Uint8Array,
  context: Pick<QueryContext, 'version'>,
  code: number,
  message: string,
): Uint8Array {
  const { transactionId } = query
  return encodeError({
    type: 'error',
    transactionId,
    version: context.version,
    ip: endpoint,
    code,
    message,
  })
}

/** The reply, cut to `limit`; undefined when it cannot be cut so far. */
function within(reply: KrpcReply, limit: number): Uint8Array | undefined {
  const bytes = encodeReply(reply, Math.min(limit, MAX_DATAGRAM))
  // Only an item makes a reply longer than a datagram should be, and only for an asker that may have so much.
  return bytes.length <= limit ? bytes : undefined
}

const scratch4 = new Uint8Array(26 * K)
const scratch6 = new Uint8Array(38 * K)

interface Near {
  readonly nodes: Uint8Array | undefined
  readonly nodes6: Uint8Array | undefined
}

/** The nodes near a target, in the families that are wanted. */
function near(target: Uint8Array, want: Want | undefined, context: QueryContext): Near {
  const { family, table, sibling } = context
  const table4 = family === 4 ? table : sibling
  const table6 = family === 6 ? table : sibling
  return {
    nodes: table4 && wants(want, 4, context) ? compact(table4, target, 4) : undefined,
    nodes6: table6 && wants(want, 6, context) ? compact(table6, target, 6) : undefined,
  }
}

/** By default nodes of the family of the question are wanted (BEP 32). */
function wants(want: Want | undefined, family: 4 | 6, context: QueryContext): boolean {
  return want === undefined ? family === context.family : want.includes(family)
}

/** Lasts until the next call for this family. */
function compact(table: RoutingTable, target: Uint8Array, family: 4 | 6): Uint8Array {
  const entries = table.closest(target, K)
  const size = family === 4 ? 26 : 38
  const scratch = family === 4 ? scratch4 : scratch6
  for (const [i, { node }] of entries.entries()) scratch.set(node, i * size)
  return scratch.subarray(0, entries.length * size)
}

/** The item of a put, or undefined when it is neither immutable nor complete. */
function itemOf(query: Extract<KrpcQuery, { method: 'put' }>): Item | undefined {
  const { k, seq, sig, v } = query
  if (k === undefined && sig === undefined && seq === undefined) return { type: 'immutable', value: v }
  if (k === undefined || sig === undefined || seq === undefined) return undefined
  return { type: 'mutable', value: v, publicKey: k, salt: query.salt ?? NONE, seq, signature: sig }
}

const NONE = new Uint8Array(0)
