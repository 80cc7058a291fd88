/**
 * Reading KRPC: one pass over the datagram, no tree of values. It is lenient where the field is (keys
 * in any order, unknown keys, bytes after the dictionary) and builds nothing that is not asked for.
 * @module
 */

import { ProtocolError, type Result } from '../util/errors.js'
import type { KrpcError, KrpcMessage, KrpcReply, Want } from './krpc.js'

const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const DICT = 0x64
const END = 0x65
const INTEGER = 0x69
const LIST = 0x6c

/** A longer `t` would only make us send more: usual are 2, and 8 the most that is seen. */
const LONGEST_TRANSACTION = 64
/** Tokens of the field have 4 to 20 bytes; ours are echoed whole. */
const LONGEST_TOKEN = 256
const LONGEST_MESSAGE = 200

// One of each, made once: a flood of garbage shall not cost a stack trace a datagram.
const MALFORMED = failure('dht/malformed', 'a datagram must be one bencoded dictionary')
const NO_TRANSACTION = failure('dht/no-transaction', 'a message must have a transaction id')
const NO_KIND = failure('dht/unknown-kind', 'a message must be a query, a reply or an error')
const NO_ID = failure('dht/bad-reply', 'a reply must carry the id of its node')

const WANT_4: Want = [4]
const WANT_6: Want = [6]
const WANT_BOTH: Want = [4, 6]

/**
 * The message of a datagram. Never throws. Fails with `dht/malformed`, `dht/no-transaction`,
 * `dht/unknown-kind` or `dht/bad-reply`: nothing of these deserves an answer. A query with wrong
 * arguments is a {@link KrpcMessage} of type `bad-query`, which does.
 */
export function decodeKrpc(bytes: Uint8Array): Result<KrpcMessage> {
  // A Buffer's subarray makes Buffers, which are slower and must not leak into public values.
  buf =
    bytes.constructor === Uint8Array
      ? bytes
      : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  end = buf.length
  pos = 0
  const message = readMessage()
  buf = NOTHING
  return message
}

const NOTHING = new Uint8Array(0)

// The state of the one reader: decoding is synchronous and never nests.
let buf: Uint8Array = NOTHING
let pos = 0
let end = 0
/** The string that {@link readString} found. */
let from = 0
let to = 0

/** Where the arguments of a query, the values of a reply or the list of an error begin; 0 for nowhere. */
let body = 0

function readMessage(): Result<KrpcMessage> {
  if (buf[0] !== DICT) return MALFORMED
  pos = 1
  let transactionId: Uint8Array | undefined
  let kind = 0
  let method: Method | undefined
  let version: Uint8Array | undefined
  let ip: Uint8Array | undefined
  let readOnly = false
  let args = 0
  let values = 0
  let failed = 0
  while (buf[pos] !== END) {
    if (!readString()) return MALFORMED
    const length = to - from
    const lead = buf[from]
    if (length === 1) {
      if (lead === 0x74 /* t */) {
        if (!isString()) return skip() ? NO_TRANSACTION : MALFORMED
        if (!readString()) return MALFORMED
        transactionId = buf.subarray(from, to)
        continue
      }
      if (lead === 0x79 /* y */) {
        if (isString()) {
          if (!readString()) return MALFORMED
          kind = to - from === 1 ? (buf[from] as number) : 0
          continue
        }
      } else if (lead === 0x71 /* q */) {
        if (isString()) {
          if (!readString()) return MALFORMED
          method = methodAt(from, to)
          continue
        }
      } else if (lead === 0x76 /* v */) {
        if (isString()) {
          if (!readString()) return MALFORMED
          version = buf.subarray(from, to)
          continue
        }
      } else if (lead === 0x61 /* a */) args = pos
      else if (lead === 0x72 /* r */) values = pos
      else if (lead === 0x65 /* e */) failed = pos
    } else if (length === 2 && lead === 0x69 && buf[from + 1] === 0x70 /* ip */) {
      if (isString()) {
        if (!readString()) return MALFORMED
        const size = to - from
        if (size === 6 || size === 18 || size === 4 || size === 16) ip = buf.subarray(from, to)
        continue
      }
    } else if (length === 2 && lead === 0x72 && buf[from + 1] === 0x6f /* ro */) {
      if (buf[pos] === INTEGER) {
        const value = readInteger()
        if (value === undefined) return MALFORMED
        readOnly = value === 1
        continue
      }
    }
    if (!skip()) return MALFORMED
  }
  if (transactionId === undefined || transactionId.length === 0 || transactionId.length > LONGEST_TRANSACTION)
    return NO_TRANSACTION
  if (kind === 0x71 /* q */) {
    body = args
    return { ok: true, value: readQuery(transactionId, method, readOnly, version) }
  }
  if (kind === 0x72 /* r */) {
    body = values
    return readReply(transactionId, version, ip)
  }
  if (kind === 0x65 /* e */) {
    body = failed
    return { ok: true, value: readError(transactionId, version, ip) }
  }
  return NO_KIND
}

type Method =
  | 'ping'
  | 'find_node'
  | 'get_peers'
  | 'announce_peer'
  | 'get'
  | 'put'
  | 'sample_infohashes'
  | 'unknown'

function methodAt(start: number, stop: number): Method {
  switch (stop - start) {
    case 3:
      return says(start, 'get') ? 'get' : says(start, 'put') ? 'put' : 'unknown'
    case 4:
      return says(start, 'ping') ? 'ping' : 'unknown'
    case 9:
      return says(start, 'find_node') ? 'find_node' : says(start, 'get_peers') ? 'get_peers' : 'unknown'
    case 13:
      return says(start, 'announce_peer') ? 'announce_peer' : 'unknown'
    case 17:
      return says(start, 'sample_infohashes') ? 'sample_infohashes' : 'unknown'
    default:
      return 'unknown'
  }
}

function readQuery(
  transactionId: Uint8Array,
  method: Method | undefined,
  readOnly: boolean,
  version: Uint8Array | undefined,
): KrpcMessage {
  const bad = (message: string): KrpcMessage => ({ type: 'bad-query', transactionId, code: 203, message })
  if (method === undefined) return bad('a query must name its method')
  if (body === 0 || buf[body] !== DICT) return bad('a query must have arguments')
  pos = body + 1
  let id: Uint8Array | undefined
  let target: Uint8Array | undefined
  let infoHash: Uint8Array | undefined
  let token: Uint8Array | undefined
  let v: Uint8Array | undefined
  let k: Uint8Array | undefined
  let sig: Uint8Array | undefined
  let salt: Uint8Array | undefined
  let want: Want | undefined
  let seq: bigint | undefined
  let cas: bigint | undefined
  let port: number | bigint | undefined
  let impliedPort = false
  let seed = false
  let noSeed = false
  let scrape = false
  while (buf[pos] !== END) {
    // The walk over the message has seen these bytes: strings and integers are whole.
    if (!readString()) return bad('a key must be a string')
    const start = from
    const length = to - from
    switch (length) {
      case 1:
        if (buf[start] === 0x76 /* v */) {
          const first = pos
          skip()
          v = buf.subarray(first, pos)
          continue
        }
        if (buf[start] === 0x6b /* k */) {
          k = stringHere()
          continue
        }
        break
      case 2:
        if (says(start, 'id')) {
          id = stringHere()
          continue
        }
        break
      case 3:
        if (says(start, 'seq')) {
          seq = wideHere()
          continue
        }
        if (says(start, 'sig')) {
          sig = stringHere()
          continue
        }
        if (says(start, 'cas')) {
          cas = wideHere()
          continue
        }
        break
      case 4:
        if (says(start, 'want')) {
          want = readWant()
          continue
        }
        if (says(start, 'port')) {
          port = integerHere()
          continue
        }
        if (says(start, 'salt')) {
          salt = stringHere()
          continue
        }
        if (says(start, 'seed')) {
          seed = flagHere()
          continue
        }
        break
      case 5:
        if (says(start, 'token')) {
          token = stringHere()
          continue
        }
        break
      case 6:
        if (says(start, 'target')) {
          target = stringHere()
          continue
        }
        if (says(start, 'noseed')) {
          noSeed = flagHere()
          continue
        }
        if (says(start, 'scrape')) {
          scrape = flagHere()
          continue
        }
        break
      case 9:
        if (says(start, 'info_hash')) {
          infoHash = stringHere()
          continue
        }
        break
      case 12:
        if (says(start, 'implied_port')) {
          impliedPort = flagHere()
          continue
        }
        break
    }
    skip()
  }
  if (id?.length !== 20) return bad('id must be 20 bytes')
  switch (method) {
    case 'ping':
      return { type: 'query', method, transactionId, id, readOnly, version }
    case 'find_node':
      if (target?.length !== 20) return bad('target must be 20 bytes')
      return { type: 'query', method, transactionId, id, readOnly, version, target, want }
    case 'get_peers':
      if (infoHash?.length !== 20) return bad('info_hash must be 20 bytes')
      return { type: 'query', method, transactionId, id, readOnly, version, infoHash, want, noSeed, scrape }
    case 'announce_peer': {
      if (infoHash?.length !== 20) return bad('info_hash must be 20 bytes')
      if (!isToken(token)) return bad('a token is needed')
      const tcpPort = typeof port === 'number' && port >= 1 && port <= 65_535 ? port : 0
      if (tcpPort === 0 && !impliedPort) return bad('port must be 1 to 65535')
      return {
        type: 'query',
        method,
        transactionId,
        id,
        readOnly,
        version,
        infoHash,
        port: tcpPort,
        impliedPort,
        seed,
        token,
      }
    }
    case 'get':
      if (target?.length !== 20) return bad('target must be 20 bytes')
      return { type: 'query', method, transactionId, id, readOnly, version, target, want, seq }
    case 'put':
      if (!isToken(token)) return bad('a token is needed')
      if (v === undefined) return bad('a value is needed')
      return { type: 'query', method, transactionId, id, readOnly, version, token, v, k, seq, sig, salt, cas }
    case 'sample_infohashes':
      if (target?.length !== 20) return bad('target must be 20 bytes')
      return { type: 'query', method, transactionId, id, readOnly, version, target, want }
    case 'unknown': {
      const towards = target ?? infoHash
      return {
        type: 'query',
        method,
        transactionId,
        id,
        readOnly,
        version,
        target: towards?.length === 20 ? towards : undefined,
        want,
      }
    }
  }
}

function isToken(token: Uint8Array | undefined): token is Uint8Array {
  return token !== undefined && token.length > 0 && token.length <= LONGEST_TOKEN
}

function readReply(
  transactionId: Uint8Array,
  version: Uint8Array | undefined,
  ip: Uint8Array | undefined,
): Result<KrpcMessage> {
  if (body === 0 || buf[body] !== DICT) return NO_ID
  pos = body + 1
  let id: Uint8Array | undefined
  let nodes: Uint8Array | undefined
  let nodes6: Uint8Array | undefined
  let values: Uint8Array[] | undefined
  let token: Uint8Array | undefined
  let rare: Rare | undefined
  while (buf[pos] !== END) {
    if (!readString()) return MALFORMED
    const start = from
    const length = to - from
    if (length === 2 && says(start, 'id')) id = stringHere()
    else if (length === 5 && says(start, 'nodes')) nodes = stringHere()
    else if (length === 6 && says(start, 'nodes6')) nodes6 = stringHere()
    else if (length === 5 && says(start, 'token')) token = stringHere()
    else if (length === 6 && says(start, 'values')) values = readValues()
    else {
      rare ??= {}
      readRare(start, length, rare)
    }
  }
  if (id?.length !== 20) return NO_ID
  if (nodes !== undefined && nodes.length % 26 !== 0) nodes = undefined
  if (nodes6 !== undefined && nodes6.length % 38 !== 0) nodes6 = undefined
  if (!isToken(token)) token = undefined
  const value: KrpcReply = {
    type: 'reply',
    transactionId,
    id,
    version,
    ip,
    nodes,
    nodes6,
    values,
    token,
    seedFilter: rare?.seedFilter,
    peerFilter: rare?.peerFilter,
    v: rare?.v,
    k: rare?.k,
    seq: rare?.seq,
    sig: rare?.sig,
    interval: rare?.interval,
    num: rare?.num,
    samples: rare?.samples,
  }
  return { ok: true, value }
}

/** The fields of BEP 33, 44 and 51. */
type Rare = {
  -readonly [K in
    | 'seedFilter'
    | 'peerFilter'
    | 'v'
    | 'k'
    | 'seq'
    | 'sig'
    | 'interval'
    | 'num'
    | 'samples']?: KrpcReply[K]
}

function readRare(start: number, length: number, rare: Rare): void {
  if (length === 1 && buf[start] === 0x76 /* v */) {
    const first = pos
    skip()
    rare.v = buf.subarray(first, pos)
  } else if (length === 1 && buf[start] === 0x6b /* k */) rare.k = sized(stringHere(), 32)
  else if (length === 3 && says(start, 'seq')) rare.seq = wideHere()
  else if (length === 3 && says(start, 'sig')) rare.sig = sized(stringHere(), 64)
  else if (length === 3 && says(start, 'num')) rare.num = countOf(integerHere())
  else if (length === 4 && says(start, 'BFsd')) rare.seedFilter = sized(stringHere(), 256)
  else if (length === 4 && says(start, 'BFpe')) rare.peerFilter = sized(stringHere(), 256)
  else if (length === 7 && says(start, 'samples')) {
    const samples = stringHere()
    rare.samples = samples !== undefined && samples.length % 20 === 0 ? samples : undefined
  } else if (length === 8 && says(start, 'interval')) {
    const interval = countOf(integerHere())
    rare.interval = interval === undefined ? undefined : Math.min(interval, 21_600)
  } else skip()
}

function sized(bytes: Uint8Array | undefined, length: number): Uint8Array | undefined {
  return bytes?.length === length ? bytes : undefined
}

function countOf(value: number | bigint | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}

function readError(
  transactionId: Uint8Array,
  version: Uint8Array | undefined,
  ip: Uint8Array | undefined,
): KrpcError {
  let code = 201
  let message = ''
  if (body !== 0 && buf[body] === LIST) {
    pos = body + 1
    for (let index = 0; buf[pos] !== END; index++) {
      const isCode = index === 0 && buf[pos] === INTEGER
      const isText = index <= 1 && isString()
      if (isCode) {
        const value = integerHere()
        if (typeof value === 'number') code = value
      } else if (isText) {
        readString()
        message = textOf(from, Math.min(to, from + LONGEST_MESSAGE))
      } else skip()
    }
  }
  return { type: 'error', transactionId, version, ip, code, message }
}

/** Printable ASCII of remote text; everything else becomes a question mark, as it may end in a log. */
function textOf(start: number, stop: number): string {
  let text = ''
  for (let at = start; at < stop; at++) {
    const byte = buf[at] as number
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?'
  }
  return text
}

function readWant(): Want | undefined {
  if (buf[pos] !== LIST) {
    skip()
    return undefined
  }
  pos++
  let wants4 = false
  let wants6 = false
  while (buf[pos] !== END) {
    if (isString()) {
      readString()
      if (to - from === 2 && says(from, 'n4')) wants4 = true
      else if (to - from === 2 && says(from, 'n6')) wants6 = true
    } else skip()
  }
  pos++
  return wants4 ? (wants6 ? WANT_BOTH : WANT_4) : wants6 ? WANT_6 : undefined
}

/** A list of peers; libtorrent's older packed form, one string of many, is understood too. */
function readValues(): Uint8Array[] | undefined {
  if (buf[pos] !== LIST) {
    skip()
    return undefined
  }
  pos++
  const values: Uint8Array[] = []
  while (buf[pos] !== END) {
    if (isString()) {
      readString()
      const size = to - from
      if (size === 6 || size === 18) values.push(buf.subarray(from, to))
    } else skip()
  }
  pos++
  return values
}

/** True when the `length` bytes at `start`, known to be as many as `text` has, are `text`. */
function says(start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (buf[start + i] !== text.charCodeAt(i)) return false
  return true
}

function isString(): boolean {
  const lead = buf[pos] as number
  return lead >= ZERO && lead <= NINE
}

/** The string value at `pos`, or undefined (walked over) for another type. */
function stringHere(): Uint8Array | undefined {
  if (!isString()) {
    skip()
    return undefined
  }
  readString()
  return buf.subarray(from, to)
}

function integerHere(): number | bigint | undefined {
  if (buf[pos] !== INTEGER) {
    skip()
    return undefined
  }
  return readInteger()
}

function wideHere(): bigint | undefined {
  const value = integerHere()
  return value === undefined ? undefined : BigInt(value)
}

function flagHere(): boolean {
  const value = integerHere()
  return value !== undefined && value !== 0
}

/** Reads `<length>:<bytes>` at `pos` into `from` and `to`; false when that is not there. */
function readString(): boolean {
  let byte = buf[pos] as number
  if (!(byte >= ZERO && byte <= NINE)) return false
  let length = byte - ZERO
  let at = pos + 1
  for (byte = buf[at] as number; byte >= ZERO && byte <= NINE; byte = buf[at] as number) {
    length = length * 10 + (byte - ZERO)
    if (length > end) return false
    at++
  }
  if (byte !== COLON) return false
  from = at + 1
  to = from + length
  if (to > end) return false
  pos = to
  return true
}

/** Reads `i<digits>e` at `pos`; undefined when it is none, or longer than 64 bits need. */
function readInteger(): number | bigint | undefined {
  let at = pos + 1
  const isNegative = buf[at] === MINUS
  if (isNegative) at++
  const first = at
  let value = 0
  for (;;) {
    const byte = buf[at] as number
    if (byte === END) break
    if (!(byte >= ZERO && byte <= NINE) || at - first >= 20) return undefined
    value = value * 10 + (byte - ZERO)
    at++
  }
  if (at === first) return undefined
  pos = at + 1
  if (value <= Number.MAX_SAFE_INTEGER) return isNegative && value !== 0 ? -value : value
  let digits = ''
  for (let i = first; i < at; i++) digits += String.fromCharCode(buf[i] as number)
  return isNegative ? -BigInt(digits) : BigInt(digits)
}

/** Walks over the value at `pos`, however deep: a count instead of recursion. False when it is broken. */
function skip(): boolean {
  let depth = 0
  do {
    const lead = buf[pos]
    if (lead === DICT || lead === LIST) {
      depth++
      pos++
    } else if (lead === END) {
      if (depth === 0) return false
      depth--
      pos++
    } else if (lead === INTEGER) {
      if (readInteger() === undefined) return false
    } else if (!readString()) return false
  } while (depth > 0)
  return true
}

function failure(code: string, message: string): Result<never> {
  return { ok: false, error: new ProtocolError(code, message) }
}
