/**
 * The messages of KRPC: one bencoded dictionary a datagram (BEP 5, 32, 33, 42, 43, 44, 46, 51).
 * Types alone, for a browser too.
 *
 * Byte strings of a decoded message are views of the datagram: copy what shall outlive it. Lists of
 * nodes stay in their compact form; {@link nodesOf} opens them.
 * @module
 */

import { type Address, ipFromBytes } from '../../util/address.js'
import { readU16 } from '../../util/bytes.js'

/** BEP 32: no datagram of ours is longer, but for items that are (a value of BEP 44 may have 1000 bytes). */
export const MAX_DATAGRAM = 1024

/** Bytes of a node id, an infohash and a target. */
export const ID_LENGTH = 20

/** Families of nodes that a query asks for (BEP 32); undefined when it names none. */
export type Want = readonly (4 | 6)[]

export interface QueryBase {
  readonly type: 'query'
  /** `t`, echoed verbatim by the answer. */
  readonly transactionId: Uint8Array
  /** Id of the sender, 20 bytes. */
  readonly id: Uint8Array
  /** BEP 43: the sender answers no queries. */
  readonly readOnly: boolean
  /** `v`: client and version, usually 4 bytes. */
  readonly version?: Uint8Array | undefined
}

export interface PingQuery extends QueryBase {
  readonly method: 'ping'
}

export interface FindNodeQuery extends QueryBase {
  readonly method: 'find_node'
  readonly target: Uint8Array
  readonly want?: Want | undefined
}

export interface GetPeersQuery extends QueryBase {
  readonly method: 'get_peers'
  readonly infoHash: Uint8Array
  readonly want?: Want | undefined
  /** BEP 33: rather peers that are no seeds. */
  readonly noSeed: boolean
  /** BEP 33: bloom filters of the swarm are asked for. */
  readonly scrape: boolean
}

export interface AnnouncePeerQuery extends QueryBase {
  readonly method: 'announce_peer'
  readonly infoHash: Uint8Array
  /** 1 .. 65535; 0 only when `impliedPort`. */
  readonly port: number
  /** The UDP source port is the peer's port, whatever `port` says. */
  readonly impliedPort: boolean
  /** BEP 33: the peer has everything. */
  readonly seed: boolean
  readonly token: Uint8Array
}

export interface GetQuery extends QueryBase {
  readonly method: 'get'
  readonly target: Uint8Array
  readonly want?: Want | undefined
  /** BEP 44: only an item with a higher number is of interest. */
  readonly seq?: bigint | undefined
}

export interface PutQuery extends QueryBase {
  readonly method: 'put'
  readonly token: Uint8Array
  /** The bencoded value as it came: hash and verify these bytes. Not checked to be canonical bencoding. */
  readonly v: Uint8Array
  /** Public key, 32 bytes; with `seq` and `sig` for a mutable item. */
  readonly k?: Uint8Array | undefined
  readonly seq?: bigint | undefined
  readonly sig?: Uint8Array | undefined
  readonly salt?: Uint8Array | undefined
  readonly cas?: bigint | undefined
}

export interface SampleQuery extends QueryBase {
  readonly method: 'sample_infohashes'
  readonly target: Uint8Array
  readonly want?: Want | undefined
}

/** A method that this library does not know. With a target it is answered like find_node (BEP 51). */
export interface UnknownQuery extends QueryBase {
  readonly method: 'unknown'
  /** `target` or `info_hash`, when it is 20 bytes. */
  readonly target: Uint8Array | undefined
  readonly want?: Want | undefined
}

export type KrpcQuery =
  | PingQuery
  | FindNodeQuery
  | GetPeersQuery
  | AnnouncePeerQuery
  | GetQuery
  | PutQuery
  | SampleQuery
  | UnknownQuery

/** A query that deserves an error as its answer: its arguments are missing or malformed. */
export interface BadQuery {
  readonly type: 'bad-query'
  readonly transactionId: Uint8Array
  /** 203. */
  readonly code: number
  readonly message: string
}

/** The answer to any query: which fields count depends on what was asked. */
export interface KrpcReply {
  readonly type: 'reply'
  readonly transactionId: Uint8Array
  readonly id: Uint8Array
  readonly version?: Uint8Array | undefined
  /** BEP 42: our endpoint as the other side sees it, 6 or 18 bytes (some leave the port out: 4 or 16). */
  readonly ip?: Uint8Array | undefined
  /** Compact IPv4 nodes, a multiple of 26 bytes; a list of another length counts as absent. */
  readonly nodes?: Uint8Array | undefined
  /** Compact IPv6 nodes, a multiple of 38 bytes. */
  readonly nodes6?: Uint8Array | undefined
  /** Compact peers, each 6 or 18 bytes; others were left out. */
  readonly values?: readonly Uint8Array[] | undefined
  readonly token?: Uint8Array | undefined
  /** BEP 33: bloom filter of the seeds, 256 bytes. */
  readonly seedFilter?: Uint8Array | undefined
  /** BEP 33: bloom filter of the other peers, 256 bytes. */
  readonly peerFilter?: Uint8Array | undefined
  /** BEP 44: the bencoded value as it came. */
  readonly v?: Uint8Array | undefined
  readonly k?: Uint8Array | undefined
  readonly seq?: bigint | undefined
  readonly sig?: Uint8Array | undefined
  /** BEP 51: seconds before the next question, 0 .. 21600. */
  readonly interval?: number | undefined
  /** BEP 51: infohashes that the node stores. */
  readonly num?: number | undefined
  /** BEP 51: infohashes one after the other, a multiple of 20 bytes. */
  readonly samples?: Uint8Array | undefined
}

export interface KrpcError {
  readonly type: 'error'
  readonly transactionId: Uint8Array
  readonly version?: Uint8Array | undefined
  readonly ip?: Uint8Array | undefined
  /** 201 generic, 202 server, 203 protocol, 204 unknown method, 205 .. 207 and 301, 302 of BEP 44. */
  readonly code: number
  readonly message: string
}

/** What a datagram can be. */
export type KrpcMessage = KrpcQuery | BadQuery | KrpcReply | KrpcError

/** A node as others tell of it. */
export interface NodeInfo {
  readonly id: Uint8Array
  readonly address: Address
}

/** The nodes of a compact list, id and endpoint, as they stand; a length of no multiple gives none. */
export function nodesOf(compact: Uint8Array, family: 4 | 6): NodeInfo[] {
  const size = family === 4 ? 26 : 38
  const nodes: NodeInfo[] = []
  if (compact.length % size !== 0) return nodes
  for (let at = 0; at < compact.length; at += size) {
    const host = ipFromBytes(compact.subarray(at + ID_LENGTH, at + size - 2))
    nodes.push({
      id: compact.slice(at, at + ID_LENGTH),
      address: { host, port: readU16(compact, at + size - 2) },
    })
  }
  return nodes
}
