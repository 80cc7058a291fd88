/**
 * Writing KRPC: canonical bencoding (keys ascend), straight into bytes.
 * @module
 */

import { fromLatin1 } from '../../util/bytes.js'
import type { KrpcError, KrpcQuery, KrpcReply, Want } from './message.js'
import { writer } from './writer.js'

/** BEP 32. The room for lists is what the rest leaves of it. */
const MAX_DATAGRAM = 1024

/** The datagram of a query. A put of a value near 1000 bytes passes 1024 bytes: the item cannot be cut. */
export function encodeQuery(query: KrpcQuery): Uint8Array {
  const w = writer
  w.begin()
  w.raw('d1:ad')
  if (query.method === 'put' && query.cas !== undefined) w.integerField('3:cas', query.cas)
  w.raw('2:id20:')
  w.copy(query.id)
  switch (query.method) {
    case 'ping':
      break
    case 'find_node':
    case 'sample_infohashes':
      w.raw('6:target20:')
      w.copy(query.target)
      wantField(query.want)
      break
    case 'get_peers':
      w.raw('9:info_hash20:')
      w.copy(query.infoHash)
      if (query.noSeed) w.raw('6:noseedi1e')
      if (query.scrape) w.raw('6:scrapei1e')
      wantField(query.want)
      break
    case 'announce_peer':
      w.raw(query.impliedPort ? '12:implied_porti1e9:info_hash20:' : '9:info_hash20:')
      w.copy(query.infoHash)
      w.integerField('4:port', query.port)
      if (query.seed) w.raw('4:seedi1e')
      w.field('5:token', query.token)
      break
    case 'get':
      if (query.seq !== undefined) w.integerField('3:seq', query.seq)
      w.raw('6:target20:')
      w.copy(query.target)
      wantField(query.want)
      break
    case 'put':
      if (query.k !== undefined) w.field('1:k', query.k)
      if (query.salt !== undefined && query.salt.length > 0) w.field('4:salt', query.salt)
      if (query.seq !== undefined) w.integerField('3:seq', query.seq)
      if (query.sig !== undefined) w.field('3:sig', query.sig)
      w.field('5:token', query.token)
      w.raw('1:v')
      w.copy(query.v)
      break
    case 'unknown':
      if (query.target !== undefined) w.field('6:target', query.target)
      wantField(query.want)
  }
  w.raw(QUERY_NAMES[query.method])
  if (query.readOnly) w.raw('2:roi1e')
  return w.end(query.transactionId, query.version, 'q')
}

const QUERY_NAMES: Readonly<Record<KrpcQuery['method'], string>> = {
  ping: 'e1:q4:ping',
  find_node: 'e1:q9:find_node',
  get_peers: 'e1:q9:get_peers',
  announce_peer: 'e1:q13:announce_peer',
  get: 'e1:q3:get',
  put: 'e1:q3:put',
  sample_infohashes: 'e1:q17:sample_infohashes',
  unknown: 'e1:q7:unknown',
}

/**
 * The datagram of a reply. To stay within `limit` (default 1024 bytes, BEP 32) it gives up, in this
 * order: values beyond what fits, samples, nodes6 and nodes from their far ends. What is left is only
 * longer when an item is.
 */
export function encodeReply(reply: KrpcReply, limit: number = MAX_DATAGRAM): Uint8Array {
  const w = writer
  w.begin()
  if (reply.ip === undefined) w.raw('d1:rd')
  else {
    w.raw('d2:ip')
    w.string(reply.ip)
    w.raw('1:rd')
  }
  const { nodes, nodes6, values, samples } = reply
  let nodesLength = nodes?.length ?? 0
  let nodes6Length = nodes6?.length ?? 0
  let valuesCount = values?.length ?? 0
  let samplesLength = samples?.length ?? 0
  if (valuesCount > 0 || samplesLength > 0 || reply.v !== undefined || reply.seedFilter !== undefined) {
    let room = limit - fixedLength(reply) - nodesLength - nodes6Length
    if (values !== undefined) {
      let fits = 0
      for (; fits < valuesCount; fits++) {
        const { length } = values[fits] as Uint8Array
        room -= length + (length < 10 ? 2 : 3)
        if (room < 0) break
      }
      if (room < 0) room += 21
      valuesCount = fits
    }
    if (samples !== undefined) {
      samplesLength = Math.max(0, Math.min(samplesLength, room - (room % 20)))
      room -= samplesLength
    }
    while (room < 0 && nodes6Length > 0) {
      nodes6Length -= 38
      room += 38
    }
    while (room < 0 && nodesLength > 0) {
      nodesLength -= 26
      room += 26
    }
  }
  if (reply.peerFilter !== undefined) w.field('4:BFpe', reply.peerFilter)
  if (reply.seedFilter !== undefined) w.field('4:BFsd', reply.seedFilter)
  w.raw('2:id20:')
  w.copy(reply.id)
  if (reply.interval !== undefined) w.integerField('8:interval', reply.interval)
  if (reply.k !== undefined) w.field('1:k', reply.k)
  if (nodes !== undefined) partField('5:nodes', nodes, nodesLength)
  if (nodes6 !== undefined) partField('6:nodes6', nodes6, nodes6Length)
  if (reply.num !== undefined) w.integerField('3:num', reply.num)
  if (samples !== undefined) partField('7:samples', samples, samplesLength)
  if (reply.seq !== undefined) w.integerField('3:seq', reply.seq)
  if (reply.sig !== undefined) w.field('3:sig', reply.sig)
  if (reply.token !== undefined) w.field('5:token', reply.token)
  if (reply.v !== undefined) {
    w.raw('1:v')
    w.copy(reply.v)
  }
  if (values !== undefined && valuesCount > 0) {
    w.raw('6:valuesl')
    for (let i = 0; i < valuesCount; i++) w.string(values[i] as Uint8Array)
    w.raw('e')
  }
  w.raw('e')
  return w.end(reply.transactionId, reply.version, 'r')
}

/** The datagram of an error. */
export function encodeError(error: KrpcError): Uint8Array {
  const w = writer
  w.begin()
  w.raw('d1:el')
  w.integer(error.code)
  w.string(fromLatin1(error.message))
  w.raw('e')
  if (error.ip !== undefined) w.field('2:ip', error.ip)
  return w.end(error.transactionId, error.version, 'e')
}

/** An upper bound, exact within a few bytes, of everything but the entries of lists. */
function fixedLength(reply: KrpcReply): number {
  // `d1:rd`, the id and what follows the values.
  let length = 5 + 27 + 1 + 14 + reply.transactionId.length
  if (reply.version !== undefined) length += 6 + reply.version.length
  if (reply.ip !== undefined) length += 7 + reply.ip.length
  if (reply.nodes !== undefined) length += 11
  if (reply.nodes6 !== undefined) length += 12
  if (reply.token !== undefined) length += 11 + reply.token.length
  if (reply.values !== undefined) length += 10
  if (reply.peerFilter !== undefined) length += 10 + reply.peerFilter.length
  if (reply.seedFilter !== undefined) length += 10 + reply.seedFilter.length
  if (reply.samples !== undefined) length += 13
  if (reply.interval !== undefined) length += 18
  if (reply.num !== undefined) length += 23
  if (reply.k !== undefined) length += 6 + reply.k.length
  if (reply.seq !== undefined) length += 27
  if (reply.sig !== undefined) length += 8 + reply.sig.length
  if (reply.v !== undefined) length += 3 + reply.v.length
  return length
}

/** The first `length` bytes of a string. */
function partField(key: string, value: Uint8Array, length: number): void {
  writer.raw(key)
  writer.head(length)
  writer.copy(value, 0, length)
}

function wantField(want: Want | undefined): void {
  if (want === undefined || want.length === 0) return
  writer.raw('4:wantl')
  if (want.includes(4)) writer.raw('2:n4')
  if (want.includes(6)) writer.raw('2:n6')
  writer.raw('e')
}
