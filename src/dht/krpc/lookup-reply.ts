/**
 * Writing the reply to find_node and get_peers, the queries of every look-up, and to ping: straight from the routing
 * table and the peer store into the datagram. `encodeReply` writes the same bytes from a `KrpcReply`, for
 * which nodes and peers had to be copied, or wrapped one by one, first.
 * @module
 */

import { writer } from './writer.js'

export interface LookupReply {
  readonly transactionId: Uint8Array
  readonly id: Uint8Array
  readonly version: Uint8Array | undefined
  /** Compact endpoint of the asker. */
  readonly ip: Uint8Array
  /** Nearest first; each id and endpoint, 26 bytes. */
  readonly nodes: NodeList | undefined
  /** Those of the other family, 38 bytes each. */
  readonly nodes6: NodeList | undefined
  readonly token: Uint8Array | undefined
  /** Entries of a bencoded list, 8 or 21 bytes each, of peers of the family of `ip`. */
  readonly peers: Uint8Array | undefined
}

type NodeList = readonly { readonly node: Uint8Array }[]

/** Bytes of a reply with nothing but the ids of node and transaction, the latter's bytes not counted. */
const BARE = 47

/**
 * The datagram. To stay within `limit` it gives up peers, then nodes6 and nodes from their far ends; what is
 * left is longer only when the limit is less than a bare reply needs.
 */
export function encodeLookupReply(reply: LookupReply, limit: number): Uint8Array {
  const { transactionId, id, version, ip, nodes, nodes6, token, peers } = reply
  let nodesCount = nodes?.length ?? 0
  let nodes6Count = nodes6?.length ?? 0
  let room = limit - BARE - transactionId.length - ip.length - 7
  if (version !== undefined) room -= 6 + version.length
  if (nodes !== undefined) room -= 11 + 26 * nodesCount
  if (nodes6 !== undefined) room -= 12 + 38 * nodes6Count
  if (token !== undefined) room -= 11 + token.length
  let peersLength = 0
  if (peers !== undefined && peers.length > 0) {
    const entry = ip.length === 6 ? 8 : 21
    const fits = Math.max(0, Math.floor((room - 10) / entry))
    peersLength = Math.min(peers.length, fits * entry)
  }
  for (; room < 0 && nodes6Count > 0; nodes6Count--) room += 38
  for (; room < 0 && nodesCount > 0; nodesCount--) room += 26

  const w = writer
  w.begin()
  w.field('d2:ip', ip)
  w.raw('1:rd2:id20:')
  w.copy(id)
  if (nodes !== undefined) {
    w.raw('5:nodes')
    w.head(26 * nodesCount)
    for (let i = 0; i < nodesCount; i++) w.copy((nodes[i] as NodeList[0]).node)
  }
  if (nodes6 !== undefined) {
    w.raw('6:nodes6')
    w.head(38 * nodes6Count)
    for (let i = 0; i < nodes6Count; i++) w.copy((nodes6[i] as NodeList[0]).node)
  }
  if (token !== undefined) w.field('5:token', token)
  if (peers !== undefined && peersLength > 0) {
    w.raw('6:valuesl')
    w.copy(peers, 0, peersLength)
    w.raw('e')
  }
  w.raw('e')
  return w.end(transactionId, version, 'r')
}
