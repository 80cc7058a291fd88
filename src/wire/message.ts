/**
 * Peer messages: ids, sizes and the stateless codec (BEP 3, 5, 6, 10, 52). A message is a u32 length,
 * a u8 id and a payload; length 0 is a keep-alive.
 * @module
 */

import { readU16, readU32, writeU16, writeU32 } from '../util/bytes.js'
import { type ErrorCode, ProtocolError, type Result } from '../util/errors.js'

export const CHOKE = 0
export const UNCHOKE = 1
export const INTERESTED = 2
export const NOT_INTERESTED = 3
export const HAVE = 4
export const BITFIELD = 5
export const REQUEST = 6
export const PIECE = 7
export const CANCEL = 8
export const PORT = 9
export const SUGGEST = 13
export const HAVE_ALL = 14
export const HAVE_NONE = 15
export const REJECT = 16
export const ALLOWED_FAST = 17
export const EXTENDED = 20
export const HASH_REQUEST = 21
export const HASHES = 22
export const HASH_REJECT = 23

/** The length field of every id whose length is fixed; 0 for the others. */
export const FIXED_LENGTH: Uint8Array = new Uint8Array(256)
for (const id of [CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL, HAVE_NONE]) FIXED_LENGTH[id] = 1
for (const id of [HAVE, SUGGEST, ALLOWED_FAST]) FIXED_LENGTH[id] = 5
for (const id of [REQUEST, CANCEL, REJECT]) FIXED_LENGTH[id] = 13
FIXED_LENGTH[PORT] = 3
for (const id of [HASH_REQUEST, HASH_REJECT]) FIXED_LENGTH[id] = 49

/** Longest message of any kind: what libtorrent takes. Unknown ids are skipped up to here. */
export const MAX_MESSAGE: number = 1 << 20
/** Longest block that we serve or skip: some old clients ask for 128 KiB (BEP 3 says 16 KiB). */
export const MAX_BLOCK: number = 128 * 1024
/** Longest extended message: four times what the largest deployed one (a metadata piece, PEX) needs. */
export const MAX_EXTENDED: number = 128 * 1024
/** Most pieces while the real number is unknown (a magnet): what libtorrent takes. */
export const MAX_PIECES: number = 1 << 21
/** Longest `hashes`: 512 hashes and 32 uncles (BEP 52). */
export const MAX_HASHES: number = 49 + 32 * 544

/** A request for merkle hashes of one file, in the terms of BEP 52. */
export interface HashRequest {
  /** 32 bytes: the pieces root of the file. */
  readonly root: Uint8Array
  /** 0 = leaves. */
  readonly base: number
  /** First hash in the base layer. */
  readonly index: number
  /** Number of base hashes. */
  readonly length: number
  /** Number of proof layers, those included that are left out on the wire. */
  readonly proofs: number
}

/** A message without state: what the bytes say. */
export type Message =
  | { readonly type: 'keep-alive' }
  | { readonly type: 'choke' | 'unchoke' | 'interested' | 'not-interested' | 'have-all' | 'have-none' }
  | { readonly type: 'have' | 'suggest' | 'allowed-fast'; readonly piece: number }
  | { readonly type: 'bitfield'; readonly bits: Uint8Array }
  | {
      readonly type: 'request' | 'cancel' | 'reject'
      readonly piece: number
      readonly begin: number
      readonly length: number
    }
  | { readonly type: 'piece'; readonly piece: number; readonly begin: number; readonly data: Uint8Array }
  | { readonly type: 'port'; readonly port: number }
  | { readonly type: 'extended'; readonly id: number; readonly payload: Uint8Array }
  | { readonly type: 'hash-request' | 'hash-reject'; readonly request: HashRequest }
  | { readonly type: 'hashes'; readonly request: HashRequest; readonly hashes: Uint8Array }
  | { readonly type: 'unknown'; readonly id: number; readonly payload: Uint8Array }

const BARE: Readonly<Record<string, number>> = {
  choke: CHOKE,
  unchoke: UNCHOKE,
  interested: INTERESTED,
  'not-interested': NOT_INTERESTED,
  'have-all': HAVE_ALL,
  'have-none': HAVE_NONE,
}
const INDEXED: Readonly<Record<string, number>> = {
  have: HAVE,
  suggest: SUGGEST,
  'allowed-fast': ALLOWED_FAST,
}
const RANGED: Readonly<Record<string, number>> = { request: REQUEST, cancel: CANCEL, reject: REJECT }
const NAMES: ReadonlyMap<number, string> = new Map(
  [BARE, INDEXED, RANGED].flatMap((table) => Object.entries(table).map(([name, id]) => [id, name] as const)),
)

/** The bytes of a message, length prefix included. Integers are taken modulo their width. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case 'keep-alive':
      return new Uint8Array(4)
    case 'have':
    case 'suggest':
    case 'allowed-fast': {
      const bytes = frame(INDEXED[message.type] as number, 4)
      writeU32(bytes, 5, message.piece)
      return bytes
    }
    case 'bitfield':
      return withPayload(BITFIELD, message.bits)
    case 'request':
    case 'cancel':
    case 'reject': {
      const bytes = frame(RANGED[message.type] as number, 12)
      writeU32(bytes, 5, message.piece)
      writeU32(bytes, 9, message.begin)
      writeU32(bytes, 13, message.length)
      return bytes
    }
    case 'piece': {
      const bytes = frame(PIECE, 8 + message.data.length)
      writeU32(bytes, 5, message.piece)
      writeU32(bytes, 9, message.begin)
      bytes.set(message.data, 13)
      return bytes
    }
    case 'port': {
      const bytes = frame(PORT, 2)
      writeU16(bytes, 5, message.port)
      return bytes
    }
    case 'extended': {
      const bytes = frame(EXTENDED, 1 + message.payload.length)
      bytes[5] = message.id
      bytes.set(message.payload, 6)
      return bytes
    }
    case 'hash-request':
      return withPayload(HASH_REQUEST, encodeHashRequest(message.request))
    case 'hash-reject':
      return withPayload(HASH_REJECT, encodeHashRequest(message.request))
    case 'hashes': {
      const bytes = frame(HASHES, 48 + message.hashes.length)
      bytes.set(encodeHashRequest(message.request), 5)
      bytes.set(message.hashes, 53)
      return bytes
    }
    case 'unknown':
      return withPayload(message.id, message.payload)
    default:
      return frame(BARE[message.type] as number, 0)
  }
}

/**
 * The one message that `bytes` hold, length prefix included; byte strings are views. Codes:
 * `wire/truncated` and `wire/trailing-bytes` when the length does not match the bytes,
 * `wire/bad-length` when it does not fit the id. Bounds that need a torrent are left to the caller.
 */
export function decodeMessage(bytes: Uint8Array): Result<Message> {
  if (bytes.length < 4) return fault('wire/truncated', `${bytes.length} bytes are no message`, bytes.length)
  const length = readU32(bytes, 0)
  if (length > bytes.length - 4) {
    return fault('wire/truncated', `the message has ${bytes.length - 4} of ${length} bytes`, bytes.length)
  }
  if (length < bytes.length - 4) return fault('wire/trailing-bytes', 'bytes follow the message', length + 4)
  if (length === 0) return { ok: true, value: { type: 'keep-alive' } }
  const id = bytes[4] as number
  if (!lengthFits(id, length)) return fault('wire/bad-length', `length ${length} is wrong for id ${id}`, 0)
  return { ok: true, value: messageOf(id, bytes.subarray(5)) }
}

/** True when a length field is one that the id may have. Unknown ids may have any. */
export function lengthFits(id: number, length: number): boolean {
  const fixed = FIXED_LENGTH[id] as number
  if (fixed !== 0) return length === fixed
  if (id === PIECE) return length >= 9
  if (id === EXTENDED) return length >= 2
  if (id === HASHES) return length >= 49 && (length - 49) % 32 === 0
  return true
}

/** The 48 bytes that every hash message begins with. Throws RangeError when the root is not 32 bytes. */
export function encodeHashRequest(request: HashRequest): Uint8Array {
  if (request.root.length !== 32) {
    throw new RangeError(`root must be 32 bytes, got ${request.root.length}`)
  }
  const bytes = new Uint8Array(48)
  bytes.set(request.root)
  writeU32(bytes, 32, request.base)
  writeU32(bytes, 36, request.index)
  writeU32(bytes, 40, request.length)
  writeU32(bytes, 44, request.proofs)
  return bytes
}

/** The inverse of {@link encodeHashRequest}; the caller has checked for 48 bytes. The root is a copy. */
export function decodeHashRequest(bytes: Uint8Array): HashRequest {
  return {
    root: new Uint8Array(bytes.subarray(0, 32)),
    base: readU32(bytes, 32),
    index: readU32(bytes, 36),
    length: readU32(bytes, 40),
    proofs: readU32(bytes, 44),
  }
}

function messageOf(id: number, payload: Uint8Array): Message {
  const name = NAMES.get(id)
  switch (name) {
    case 'have':
    case 'suggest':
    case 'allowed-fast':
      return { type: name, piece: readU32(payload, 0) }
    case 'request':
    case 'cancel':
    case 'reject':
      return {
        type: name,
        piece: readU32(payload, 0),
        begin: readU32(payload, 4),
        length: readU32(payload, 8),
      }
    case 'choke':
    case 'unchoke':
    case 'interested':
    case 'not-interested':
    case 'have-all':
    case 'have-none':
      return { type: name }
  }
  switch (id) {
    case BITFIELD:
      return { type: 'bitfield', bits: payload }
    case PIECE:
      return {
        type: 'piece',
        piece: readU32(payload, 0),
        begin: readU32(payload, 4),
        data: payload.subarray(8),
      }
    case PORT:
      return { type: 'port', port: readU16(payload, 0) }
    case EXTENDED:
      return { type: 'extended', id: payload[0] as number, payload: payload.subarray(1) }
    case HASH_REQUEST:
      return { type: 'hash-request', request: decodeHashRequest(payload) }
    case HASH_REJECT:
      return { type: 'hash-reject', request: decodeHashRequest(payload) }
    case HASHES:
      return { type: 'hashes', request: decodeHashRequest(payload), hashes: payload.subarray(48) }
  }
  return { type: 'unknown', id, payload }
}

function frame(id: number, payload: number): Uint8Array {
  const bytes = new Uint8Array(5 + payload)
  writeU32(bytes, 0, 1 + payload)
  bytes[4] = id
  return bytes
}

function withPayload(id: number, payload: Uint8Array): Uint8Array {
  const bytes = frame(id, payload.length)
  bytes.set(payload, 5)
  return bytes
}

function fault(code: ErrorCode, message: string, offset: number): Result<never> {
  return { ok: false, error: new ProtocolError(code, message, { offset }) }
}
