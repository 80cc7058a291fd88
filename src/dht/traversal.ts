/**
 * One look-up of a node: what it asks, what it makes of the answers, and what it stores at the end.
 *
 * search -> (store ->) done. A ping has neither.
 * @module
 */

import { ipFromBytes, isDialable } from '../util/address.js'
import { readU16 } from '../util/bytes.js'
import { type Item, isAuthentic, type MutableItem, type Signatures } from './items.js'
import type { KrpcQuery, KrpcReply, NodeInfo, Want } from './krpc/krpc.js'
import { type Candidate, Candidates } from './lookup.js'
import type {
  DhtEvent,
  GetOptions,
  GetPeersOptions,
  LookupId,
  LookupStats,
  PutOptions,
} from './node-types.js'
import { readAddress } from './table/endpoint.js'
import { K } from './table/node-entry.js'

/** What a traversal is about. */
export type Aim =
  | { readonly kind: 'ping' }
  /** `inner` ones serve the table and emit no event. */
  | { readonly kind: 'find'; readonly inner: 'bootstrap' | 'fill' | undefined }
  | { readonly kind: 'peers'; readonly options: GetPeersOptions }
  | { readonly kind: 'get'; readonly options: GetOptions }
  | { readonly kind: 'put'; readonly item: Item; readonly options: PutOptions }
  | { readonly kind: 'sample' }

/** What all queries of a node begin with. */
export interface QueryBase {
  readonly type: 'query'
  readonly transactionId: Uint8Array
  readonly id: Uint8Array
  readonly readOnly: boolean
  readonly version: Uint8Array | undefined
}

/** Nodes taken from one answer: usual are 8 of each family, and a lie shall not cost more than a truth. */
const MOST_NODES = 16
/** Peers taken from one answer: as many as a large datagram holds. */
const MOST_PEERS = 200

export class Traversal {
  readonly id: LookupId
  readonly aim: Aim
  readonly target: Uint8Array
  readonly candidates: Candidates
  readonly startedAt: number
  phase: 'search' | 'store' | 'done' = 'search'
  /** Pings and store queries in flight; those of the search are in the candidates. */
  inFlight = 0
  /** Routers being asked, whose nodes are the first candidates. */
  routers = 0
  queries = 0
  responded = 0
  timedOut = 0
  rounds = 0
  stored = 0
  refusal: { readonly code: number; readonly message: string } | undefined
  /** The highest number of a mutable item so far. */
  private seq = -1n

  constructor(id: LookupId, aim: Aim, target: Uint8Array, now: number) {
    this.id = id
    this.aim = aim
    this.target = target
    this.candidates = new Candidates(target)
    this.startedAt = now
  }

  /** True for look-ups that only serve the table. */
  get isInner(): boolean {
    return this.aim.kind === 'find' && this.aim.inner !== undefined
  }

  /** The question that every node on the way gets; `plain`: only for the nodes that it knows. */
  question(base: QueryBase, want: Want | undefined, plain = false): KrpcQuery {
    const { aim, target } = this
    if (plain) return { ...base, method: 'find_node', target, want }
    switch (aim.kind) {
      case 'ping':
        return { ...base, method: 'ping' }
      case 'find':
        return { ...base, method: 'find_node', target, want }
      case 'sample':
        return { ...base, method: 'sample_infohashes', target, want }
      case 'get':
        return { ...base, method: 'get', target, want, seq: aim.options.seq }
      case 'put':
        return { ...base, method: 'get', target, want }
      case 'peers': {
        const { noSeed = false, scrape = false } = aim.options
        return { ...base, method: 'get_peers', infoHash: target, want, noSeed, scrape }
      }
    }
  }

  /** What was counted so far. */
  stats(now: number): LookupStats {
    const { queries, responded, timedOut, rounds, stored, startedAt } = this
    return { queries, responded, timedOut, rounds, stored, duration: now - startedAt }
  }

  /** Takes the answer of a node on the way; events go to `emit`. */
  onReply(
    candidate: Candidate,
    reply: KrpcReply,
    family: 4 | 6,
    signatures: Signatures | undefined,
    emit: (event: DhtEvent) => void,
  ): void {
    candidate.state = 'answered'
    this.responded++
    if (candidate.round > this.rounds) this.rounds = candidate.round
    candidate.token = reply.token?.slice()
    this.addNodes(reply, family, candidate.round + 1)
    const { aim, id: lookup } = this
    if (aim.kind === 'find' || aim.kind === 'ping') return
    const from = infoOf(candidate.node, family)
    if (aim.kind === 'peers') {
      const peers = reply.values ? peersOf(reply.values) : []
      if (peers.length > 0) emit({ type: 'peers', lookup, from, peers })
      const { seedFilter, peerFilter } = reply
      if (seedFilter || peerFilter) {
        const seeds = seedFilter?.slice() ?? new Uint8Array(256)
        emit({ type: 'scrape', lookup, from, seeds, peers: peerFilter?.slice() ?? new Uint8Array(256) })
      }
    } else if (aim.kind === 'sample') {
      const { samples, num, interval } = reply
      if (!samples) return
      const list: Uint8Array[] = []
      for (let at = 0; at < samples.length; at += 20) list.push(samples.slice(at, at + 20))
      const known = num ?? list.length
      emit({ type: 'samples', lookup, from, samples: list, num: known, interval: interval ?? 0 })
    } else {
      candidate.hasItem = reply.v !== undefined || reply.seq !== undefined
      const item = itemOf(reply, aim.kind === 'get' ? aim.options.salt : undefined)
      if (!item || aim.kind === 'put' || !isAuthentic(item, this.target, signatures)) return
      if (item.type === 'mutable') {
        if (item.seq <= this.seq) return
        this.seq = item.seq
      }
      emit({ type: 'item', lookup, from, item })
      // An immutable item cannot get any better.
      if (item.type === 'immutable') this.phase = 'done'
    }
  }

  /** Nodes of an answer become candidates; local addresses only when a local node tells them. */
  addNodes(reply: KrpcReply, family: 4 | 6, round: number): void {
    const nodes = family === 4 ? reply.nodes : reply.nodes6
    const size = family === 4 ? 26 : 38
    if (!nodes) return
    const end = Math.min(nodes.length, MOST_NODES * size)
    for (let at = 0; at < end; at += size) this.suggest(nodes.subarray(at, at + size), round)
  }

  /** Decides whether a node may become a candidate; set by the node, which knows its own id and address. */
  suggest: (node: Uint8Array, round: number) => void = () => undefined

  /** What the nearest nodes shall store, one query for each; empty when the traversal only reads. */
  storeQueries(base: QueryBase): { readonly candidate: Candidate; readonly query: KrpcQuery }[] {
    const { aim } = this
    const queries: { candidate: Candidate; query: KrpcQuery }[] = []
    if (aim.kind !== 'put' && (aim.kind !== 'peers' || !aim.options.announce)) return queries
    // BEP 42: on those that are entitled to their ids; on the nearest of all as well, which costs little.
    const nearest = new Set([...this.candidates.nearest(K, true), ...this.candidates.nearest(K, false)])
    for (const candidate of nearest) {
      const { token } = candidate
      if (!token) continue
      if (aim.kind === 'peers') {
        const { port = 0, impliedPort = false, seed = false } = aim.options.announce ?? {}
        const query = {
          ...base,
          method: 'announce_peer',
          infoHash: this.target,
          port,
          impliedPort,
          seed,
          token,
        } as const
        queries.push({ candidate, query })
      } else
        queries.push({
          candidate,
          query: putQuery(base, aim.item, token, candidate.hasItem ? aim.options.cas : undefined),
        })
    }
    return queries
  }
}

function putQuery(base: QueryBase, item: Item, token: Uint8Array, cas: bigint | undefined): KrpcQuery {
  if (item.type === 'immutable') return { ...base, method: 'put', token, v: item.value }
  const { value: v, publicKey: k, signature: sig, seq, salt }: MutableItem = item
  return { ...base, method: 'put', token, v, k, sig, seq, salt, cas }
}

/** The node as events show it. */
export function infoOf(node: Uint8Array, family: 4 | 6): NodeInfo {
  return { id: node.slice(0, 20), address: readAddress(node, 20, family) }
}

function peersOf(values: readonly Uint8Array[]): { host: string; port: number }[] {
  const peers: { host: string; port: number }[] = []
  for (const value of values) {
    if (peers.length === MOST_PEERS) break
    const ip = value.length - 2
    const peer = { host: ipFromBytes(value.subarray(0, ip)), port: readU16(value, ip) }
    if (isDialable(peer)) peers.push(peer)
  }
  return peers
}

function itemOf(reply: KrpcReply, salt: Uint8Array | undefined): Item | undefined {
  const { v, k, seq, sig } = reply
  if (v === undefined) return undefined
  if (k === undefined && sig === undefined) return { type: 'immutable', value: v.slice() }
  if (k === undefined || sig === undefined || seq === undefined) return undefined
  const parts = { publicKey: k.slice(), salt: salt?.slice() ?? new Uint8Array(0), signature: sig.slice() }
  return { type: 'mutable', value: v.slice(), seq, ...parts }
}
