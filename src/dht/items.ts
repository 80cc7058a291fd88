/**
 * Stored items (BEP 44): where they live, what is signed, and the checks of a node that stores or reads one.
 * Values are raw bencoding throughout, as it arrived: what is hashed and signed is never encoded anew.
 * @module
 */

import { sha1 } from '#hash'
import { tryDecode } from '../bencode/decode.js'
import { concatBytes, equalBytes, utf8 } from '../util/bytes.js'

/** Bytes of a value's bencoding at most. */
export const MAX_VALUE = 1000
/** Bytes of a salt at most. */
export const MAX_SALT = 64
/** The highest sequence number, 2^63 - 1. */
export const MAX_SEQ: bigint = 2n ** 63n - 1n

/** Ed25519, injected: the cores have no signatures of their own. */
export interface Signatures {
  /** True when `signature` (64 bytes) over `message` is by `publicKey` (32 bytes). Never throws. */
  verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean
}

/** An item whose name is its content. */
export interface ImmutableItem {
  readonly type: 'immutable'
  /** Bencoding of the value, at most 1000 bytes. */
  readonly value: Uint8Array
}

/** An item that the owner of a key may replace by one with a higher `seq`. */
export interface MutableItem {
  readonly type: 'mutable'
  /** Bencoding of the value, at most 1000 bytes. */
  readonly value: Uint8Array
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** At most 64 bytes; empty means none. */
  readonly salt: Uint8Array
  /** 0 .. 2^63 - 1. */
  readonly seq: bigint
  /** 64 bytes, over {@link signedBytes}. */
  readonly signature: Uint8Array
}

export type Item = ImmutableItem | MutableItem

/** Where an immutable value lives: SHA-1 of its bencoding. */
export function immutableTarget(value: Uint8Array): Uint8Array {
  return sha1(value)
}

/** Where the mutable items of a key and a salt live: SHA-1 of both. */
export function mutableTarget(publicKey: Uint8Array, salt: Uint8Array = NONE): Uint8Array {
  return sha1(concatBytes(publicKey, salt))
}

/** The 20 bytes under which an item is stored. */
export function itemTarget(item: Item): Uint8Array {
  return item.type === 'immutable' ? immutableTarget(item.value) : mutableTarget(item.publicKey, item.salt)
}

/** The bytes that the owner of a mutable item signs: salt (when there is one), number, value. */
export function signedBytes(item: Pick<MutableItem, 'value' | 'salt' | 'seq'>): Uint8Array {
  const { value, salt, seq } = item
  const head = utf8(`3:seqi${seq}e1:v`)
  return salt.length === 0
    ? concatBytes(head, value)
    : concatBytes(utf8(`4:salt${salt.length}:`), salt, head, value)
}

/** An error of BEP 44. */
export interface ItemFault {
  /** 203 malformed, 205 value too big, 206 bad signature, 207 salt too big. */
  readonly code: 203 | 205 | 206 | 207
  readonly message: string
}

/** What is wrong with an item's fields and value, its signature and its target apart; undefined for nothing. */
export function itemFault(item: Item): ItemFault | undefined {
  if (item.value.length > MAX_VALUE) return { code: 205, message: 'the value is too big' }
  if (!tryDecode(item.value).ok) return { code: 203, message: 'the value is not bencoded' }
  if (item.type === 'immutable') return undefined
  if (item.publicKey.length !== 32) return { code: 203, message: 'a key must be 32 bytes' }
  if (item.salt.length > MAX_SALT) return { code: 207, message: 'the salt is too big' }
  if (item.seq < 0n || item.seq > MAX_SEQ) return { code: 203, message: 'seq must be 0 to 2^63 - 1' }
  if (item.signature.length !== 64) return { code: 206, message: 'a signature must be 64 bytes' }
  return undefined
}

/** True when the item needs no signature or its signature holds. Its fields are without fault. */
export function isSigned(item: Item, signatures: Signatures | undefined): boolean {
  if (item.type === 'immutable') return true
  return signatures?.verify(item.publicKey, item.signature, signedBytes(item)) === true
}

/**
 * True when an item that some node returned is what was asked for: its hash is the target, and its
 * signature holds. A salt is never in an answer: the reader puts in the one that it asked with.
 */
export function isAuthentic(item: Item, target: Uint8Array, signatures: Signatures | undefined): boolean {
  return itemFault(item) === undefined && equalBytes(itemTarget(item), target) && isSigned(item, signatures)
}

const NONE: Uint8Array = new Uint8Array(0)
