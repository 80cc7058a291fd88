/**
 * Strict bencode decoding with limits and exact error positions (BEP 3, 52).
 *
 * | code | offset |
 * |---|---|
 * | `bencode/unexpected-end` | length of the input |
 * | `bencode/trailing-bytes` | first byte after the value |
 * | `bencode/unknown-type` | the lead byte |
 * | `bencode/invalid-integer` | the first digit of `-0` and leading zeros, else the byte that is no digit |
 * | `bencode/integer-too-long` | the `i` |
 * | `bencode/invalid-length` | the first digit of leading zeros, else the byte that is no digit |
 * | `bencode/string-past-end` | the first digit of the length |
 * | `bencode/key-not-string` | the byte in place of a key |
 * | `bencode/missing-value` | the `e` in place of a value |
 * | `bencode/unsorted-key`, `bencode/duplicate-key` | the offending key's length |
 * | `bencode/too-deep` | the `l` or `d` that is one too many |
 * | `bencode/too-many-tokens` | the value or key that is one too many |
 * | `bencode/too-long` | `maxLength` |
 * @module
 */

import { ProtocolError, type Result } from '../util/errors.js'
import { Reader } from './reader.js'
import { type BencodeValue, type DecodeOptions, resolveLimits } from './value.js'

/** Where a value lies in its input: bytes `start` .. `end - 1`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A value and the offset of the first byte after it. */
export interface Prefix {
  readonly value: BencodeValue
  readonly end: number
}

/**
 * The one value that `bytes` hold. Byte strings are views of `bytes`, not copies. Throws
 * {@link ProtocolError} with a code of the table above and the offset of the violation.
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): BencodeValue {
  const reader = open(bytes, options)
  const value = reader.value()
  reader.finish()
  return value
}

/** {@link decode} as a result: no bytes make it throw. */
export function tryDecode(bytes: Uint8Array, options?: DecodeOptions): Result<BencodeValue> {
  return attempt(() => decode(bytes, options))
}

/** The value at the beginning of `bytes`, whatever follows it (BEP 9 appends raw data to a dictionary). */
export function decodePrefix(bytes: Uint8Array, options?: DecodeOptions): Prefix {
  const reader = open(bytes, options)
  const value = reader.value()
  return { value, end: reader.at }
}

/** {@link decodePrefix} as a result: no bytes make it throw. */
export function tryDecodePrefix(bytes: Uint8Array, options?: DecodeOptions): Result<Prefix> {
  return attempt(() => decodePrefix(bytes, options))
}

/**
 * The raw bytes of the value at a path of dictionary keys (latin1) and list indices, found without
 * building values: `span(torrent, ['info'])` is what the infohash is over. Undefined when nothing
 * is there. Throws like {@link decode} for whatever is malformed up to the end of that value; what
 * comes after it is not looked at.
 */
export function span(
  bytes: Uint8Array,
  path: readonly (string | number)[],
  options?: DecodeOptions,
): Span | undefined {
  const reader = open(bytes, options)
  for (const step of path) if (!reader.descend(step)) return undefined
  const start = reader.at
  reader.skip()
  return { start, end: reader.at }
}

/** A reader at the beginning of `bytes`. Throws TypeError for anything but bytes. */
export function open(bytes: Uint8Array, options: DecodeOptions | undefined): Reader {
  if (!(bytes instanceof Uint8Array) && Object.prototype.toString.call(bytes) !== '[object Uint8Array]') {
    throw new TypeError(`bytes must be a Uint8Array, got ${typeof bytes}`)
  }
  return new Reader(bytes, resolveLimits(options))
}

function attempt<T>(read: () => T): Result<T> {
  try {
    return { ok: true, value: read() }
  } catch (error) {
    if (error instanceof ProtocolError) return { ok: false, error }
    throw error
  }
}
