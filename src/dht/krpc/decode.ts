/**
 * Reading KRPC: two passes over the datagram, one over its outer dictionary and one over the inner, and no tree
 * of values. It is lenient where the field is (keys in any order, unknown keys, bytes after the dictionary) and
 * builds nothing that is not asked for.
 * @module
 */

import { type ErrorCode, ProtocolError, type Result } from '../../util/errors.js'
import { fields, readFields, sized } from './fields.js'
import type { KrpcError, KrpcMessage, KrpcReply } from './message.js'
import { reader } from './reader.js'

/** A longer `t` would only make us send more: usual are 2, and 8 the most that is seen. */
const LONGEST_TRANSACTION = 64
const LONGEST_MESSAGE = 200
/** Seconds; BEP 51. */
const LONGEST_INTERVAL = 21_600

// One of each, made once: a flood of garbage shall not cost a stack trace a datagram.
const MALFORMED = failure('dht/malformed', 'a datagram must be one bencoded dictionary')
const NO_TRANSACTION = failure('dht/no-transaction', 'a message must have a transaction id')
const NO_KIND = failure('dht/unknown-kind', 'a message must be a query, a reply or an error')
const NO_ID = failure('dht/bad-reply', 'a reply must carry the id of its node')

/**
 * The message of a datagram. Never throws. Fails with `dht/malformed`, `dht/no-transaction`,
 * `dht/unknown-kind` or `dht/bad-reply`: nothing of these deserves an answer. A query with wrong
 * arguments is a {@link KrpcMessage} of type `bad-query`, which does.
 */
export function decodeKrpc(bytes: Uint8Array): Result<KrpcMessage> {
  return decode(bytes, false)
}

/**
 * For a caller that is done with a message before the next one comes: transaction and ids (`id`, `target`,
 * `infoHash`) are in memory that the next call overwrites. That saves half of the time of a ping.
 */
export function decodeLent(bytes: Uint8Array): Result<KrpcMessage> {
  return decode(bytes, true)
}

function decode(bytes: Uint8Array, lends: boolean): Result<KrpcMessage> {
  reader.begin(bytes)
  const message = readMessage(lends)
  reader.end()
  return message
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

/** The outer dictionary. */
class Envelope {
  transactionId: Uint8Array | undefined
  /** The character of `y`. */
  kind = 0
  method: Method | undefined
  version: Uint8Array | undefined
  ip: Uint8Array | undefined
  readOnly = false
  /** Where the arguments of a query, the values of a reply and the list of an error begin; 0 for nowhere. */
  args = 0
  values = 0
  error = 0

  clear(): void {
    this.transactionId = undefined
    this.kind = 0
    this.method = undefined
    this.version = undefined
    this.ip = undefined
    this.readOnly = false
    this.args = 0
    this.values = 0
    this.error = 0
  }
}

const envelope = new Envelope()

function readMessage(lends: boolean): Result<KrpcMessage> {
  const r = reader
  const e = envelope
  e.clear()
  if (!r.enterDict()) return MALFORMED
  while (!r.isAtEnd) if (!r.string() || !readKey(lends)) return MALFORMED
  const { transactionId } = e
  if (transactionId === undefined || transactionId.length === 0 || transactionId.length > LONGEST_TRANSACTION)
    return NO_TRANSACTION
  if (e.kind === 0x71 /* q */) return { ok: true, value: queryOf(transactionId, lends) }
  if (e.kind === 0x72 /* r */) return replyOf(transactionId, lends)
  if (e.kind === 0x65 /* e */) return { ok: true, value: errorOf(transactionId) }
  return NO_KIND
}

/** The value of the key that was read last. False when it is broken. */
function readKey(lends: boolean): boolean {
  const r = reader
  const e = envelope
  const length = r.to - r.from
  if (length === 1) {
    const key = r.lead
    if (key === 0x61 /* a */) e.args = r.at
    else if (key === 0x72 /* r */) e.values = r.at
    else if (key === 0x65 /* e */) e.error = r.at
    else if (r.isAtString) {
      if (!r.string()) return false
      if (key === 0x74 /* t */) e.transactionId = lends ? lentTransaction() : r.view(r.from, r.to)
      else if (key === 0x79 /* y */) e.kind = r.to - r.from === 1 ? r.lead : 0
      else if (key === 0x71 /* q */) e.method = methodHere()
      else if (key === 0x76 /* v */) e.version = r.view(r.from, r.to)
      return true
    }
  } else if (length === 2) {
    if (r.is('ip') && r.isAtString) {
      if (!r.string()) return false
      const size = r.to - r.from
      if (size === 6 || size === 18 || size === 4 || size === 16) e.ip = r.view(r.from, r.to)
      return true
    }
    if (r.is('ro') && r.isAtInteger) {
      const value = r.integer()
      e.readOnly = value === 1
      return value !== undefined
    }
  }
  return r.skip()
}

/** By length: transactions are as long as those of the last message, but for a few. */
const transactions: Uint8Array[] = []

function lentTransaction(): Uint8Array {
  const length = reader.to - reader.from
  if (length > LONGEST_TRANSACTION) return reader.view(reader.from, reader.to)
  while (transactions.length <= length) transactions.push(new Uint8Array(transactions.length))
  return reader.copyTo(transactions[length] as Uint8Array)
}

function methodHere(): Method {
  const r = reader
  switch (r.to - r.from) {
    case 3:
      return r.is('get') ? 'get' : r.is('put') ? 'put' : 'unknown'
    case 4:
      return r.is('ping') ? 'ping' : 'unknown'
    case 9:
      return r.is('find_node') ? 'find_node' : r.is('get_peers') ? 'get_peers' : 'unknown'
    case 13:
      return r.is('announce_peer') ? 'announce_peer' : 'unknown'
    case 17:
      return r.is('sample_infohashes') ? 'sample_infohashes' : 'unknown'
    default:
      return 'unknown'
  }
}

function queryOf(transactionId: Uint8Array, lends: boolean): KrpcMessage {
  const bad = (message: string): KrpcMessage => ({ type: 'bad-query', transactionId, code: 203, message })
  const { method, readOnly, version, args } = envelope
  if (method === undefined) return bad('a query must name its method')
  if (!readFields(args, lends)) return bad('a query must have arguments')
  const { id, target, infoHash, want, token } = fields
  if (id === undefined) return bad('id must be 20 bytes')
  switch (method) {
    case 'ping':
      return { type: 'query', method, transactionId, id, readOnly, version }
    case 'find_node':
      if (target === undefined) return bad('target must be 20 bytes')
      return { type: 'query', method, transactionId, id, readOnly, version, target, want }
    case 'get_peers': {
      if (infoHash === undefined) return bad('info_hash must be 20 bytes')
      const { noSeed, scrape } = fields
      return { type: 'query', method, transactionId, id, readOnly, version, infoHash, want, noSeed, scrape }
    }
    case 'announce_peer': {
      if (infoHash === undefined) return bad('info_hash must be 20 bytes')
      if (token === undefined) return bad('a token is needed')
      const { impliedPort, seed } = fields
      const port = portOf(fields.port)
      if (port === 0 && !impliedPort) return bad('port must be 1 to 65535')
      const what = { infoHash, port, impliedPort, seed, token }
      return { type: 'query', method, transactionId, id, readOnly, version, ...what }
    }
    case 'get': {
      if (target === undefined) return bad('target must be 20 bytes')
      const { seq } = fields
      return { type: 'query', method, transactionId, id, readOnly, version, target, want, seq }
    }
    case 'put': {
      const { v, k, seq, sig, salt, cas } = fields
      if (token === undefined) return bad('a token is needed')
      if (v === undefined) return bad('a value is needed')
      return { type: 'query', method, transactionId, id, readOnly, version, token, v, k, seq, sig, salt, cas }
    }
    case 'sample_infohashes':
      if (target === undefined) return bad('target must be 20 bytes')
      return { type: 'query', method, transactionId, id, readOnly, version, target, want }
    case 'unknown': {
      const towards = target ?? infoHash
      return { type: 'query', method, transactionId, id, readOnly, version, target: towards, want }
    }
  }
}

/** 0 for what is no port. */
function portOf(value: number | bigint | undefined): number {
  return typeof value === 'number' && value >= 1 && value <= 65_535 ? value : 0
}

function replyOf(transactionId: Uint8Array, lends: boolean): Result<KrpcMessage> {
  const { version, ip, values } = envelope
  if (!readFields(values, lends)) return NO_ID
  const f = fields
  const { id, nodes, nodes6, samples, interval } = f
  if (id === undefined) return NO_ID
  const value: KrpcReply = {
    type: 'reply',
    transactionId,
    id,
    version,
    ip,
    nodes: multiple(nodes, 26),
    nodes6: multiple(nodes6, 38),
    values: f.values,
    token: f.token,
    seedFilter: f.seedFilter,
    peerFilter: f.peerFilter,
    v: f.v,
    k: sized(f.k, 32),
    seq: f.seq,
    sig: sized(f.sig, 64),
    interval: interval === undefined ? undefined : Math.min(interval, LONGEST_INTERVAL),
    num: f.num,
    samples: multiple(samples, 20),
  }
  return { ok: true, value }
}

function multiple(bytes: Uint8Array | undefined, size: number): Uint8Array | undefined {
  return bytes !== undefined && bytes.length % size === 0 ? bytes : undefined
}

function errorOf(transactionId: Uint8Array): KrpcError {
  const { version, ip, error } = envelope
  const r = reader
  let code = 201
  let message = ''
  r.at = error
  if (error !== 0 && r.enterList()) {
    for (let index = 0; !r.isAtEnd; index++) {
      if (index === 0 && r.isAtInteger) {
        const value = r.integer()
        if (typeof value === 'number') code = value
      } else if (r.isStringValue() && index <= 1)
        message = r.text(r.from, Math.min(r.to, r.from + LONGEST_MESSAGE))
    }
  }
  return { type: 'error', transactionId, version, ip, code, message }
}

function failure(code: ErrorCode, message: string): Result<never> {
  return { ok: false, error: new ProtocolError(code, message) }
}
