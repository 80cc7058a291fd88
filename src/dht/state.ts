/**
 * What nodes know, as bytes between two runs: a bencoded dictionary with ids and compact nodes of both
 * families.
 * @module
 */

import { asBytes, asDict } from '../bencode/access.js'
import { tryDecode } from '../bencode/decode.js'
import { encode } from '../bencode/encode.js'
import { encodeCompact, isDialable } from '../util/address.js'
import { concatBytes } from '../util/bytes.js'
import { ID_LENGTH, type NodeInfo, nodesOf } from './krpc/krpc.js'
import type { DhtState } from './node-types.js'

/** States of the nodes of a host, by family. */
export interface DhtStates {
  readonly 4?: DhtState
  readonly 6?: DhtState
}

/** Nodes of one family that are read at most: more than any table holds. */
const MAX_NODES = 4_096

/** The bytes to keep. */
export function encodeState(states: DhtStates): Uint8Array {
  return encode({
    id: states[4]?.id,
    id6: states[6]?.id,
    nodes: states[4] && compactNodes(states[4].nodes),
    nodes6: states[6] && compactNodes(states[6].nodes),
  })
}

/** What {@link encodeState} wrote; whatever is unreadable in it is left out. Never throws. */
export function decodeState(bytes: Uint8Array): DhtStates {
  const decoded = tryDecode(bytes)
  const dict = decoded.ok ? asDict(decoded.value) : undefined
  if (!dict) return {}
  const of = (family: 4 | 6, idKey: string, nodesKey: string): DhtState | undefined => {
    const id = asBytes(dict.get(idKey))
    if (id?.length !== ID_LENGTH) return undefined
    const nodes = nodesOf(asBytes(dict.get(nodesKey)) ?? new Uint8Array(0), family)
    return { id: id.slice(), nodes: nodes.filter(({ address }) => isDialable(address)).slice(0, MAX_NODES) }
  }
  const state4 = of(4, 'id', 'nodes')
  const state6 = of(6, 'id6', 'nodes6')
  return { ...(state4 && { 4: state4 }), ...(state6 && { 6: state6 }) }
}

function compactNodes(nodes: readonly NodeInfo[]): Uint8Array {
  return concatBytes(...nodes.flatMap(({ id, address }) => [id, encodeCompact(address)]))
}
