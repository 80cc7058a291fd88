/**
 * Typed access to decoded values: undefined for another type, so that a remote dictionary is read
 * without casts and without exceptions.
 * @module
 */

import { fromUtf8 } from '../util/bytes.js'
import type { BencodeDict, BencodeValue } from './value.js'

/** The byte string, or undefined when the value is no byte string. */
export function asBytes(value: BencodeValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

/** The byte string as UTF-8 text (malformed sequences become U+FFFD), or undefined when it is none. */
export function asText(value: BencodeValue | undefined): string | undefined {
  return value instanceof Uint8Array ? fromUtf8(value) : undefined
}

/** The integer when it is safe, or undefined for another type and for integers beyond 2^53 - 1. */
export function asInteger(value: BencodeValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** The integer at any size, or undefined when the value is no integer. */
export function asBigInt(value: BencodeValue | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' ? BigInt(value) : undefined
}

/** The list, or undefined when the value is no list. */
export function asList(value: BencodeValue | undefined): readonly BencodeValue[] | undefined {
  return Array.isArray(value) ? (value as readonly BencodeValue[]) : undefined
}

/** The dictionary, or undefined when the value is none. */
export function asDict(value: BencodeValue | undefined): BencodeDict | undefined {
  return value instanceof Map ? (value as BencodeDict) : undefined
}
