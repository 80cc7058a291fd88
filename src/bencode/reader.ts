/**
 * The strict bencode grammar (BEP 3): one reader that builds values, or walks over them.
 * @module
 */

import { type ErrorCode, ProtocolError } from '../util/errors.js'
import { keyText, latin1 } from './key-text.js'
import type { BencodeDict, BencodeValue, Limits } from './value.js'

const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const DICT = 0x64
const END = 0x65
const INTEGER = 0x69
const LIST = 0x6c
/** No input is that long: reading further digits of a length could only lose precision. */
const LONGEST = 2 ** 48

/** Bytes that are worth a note of where they end; so few such values fit that the notes stay small. */
const LONG = 4096

/**
 * Reads from `at` onwards. Every method throws ProtocolError at the first byte that breaks the
 * grammar or a limit; `at` is then of no use any more.
 */
export class Reader {
  at = 0
  /** Where the long ones of the lists and dictionaries near the root end, by their offset, once skipped. */
  ends: Map<number, number> | undefined
  readonly #bytes: Uint8Array
  readonly #limits: Limits
  #tokens: number
  #depth = 0

  constructor(bytes: Uint8Array, limits: Limits) {
    if (bytes.length > limits.maxLength) {
      throw violation('bencode/too-long', `more than ${limits.maxLength} bytes`, limits.maxLength)
    }
    // A Buffer's subarray makes Buffers, which are slower and must not leak into public values.
    this.#bytes =
      bytes.constructor === Uint8Array
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limits = limits
    this.#tokens = limits.maxTokens
  }

  /** The value at `at`, built. */
  value(): BencodeValue {
    this.#count()
    const lead = this.#bytes[this.at]
    if (lead === undefined) throw this.#truncated()
    if (lead >= ZERO && lead <= 0x39) return this.#string()
    if (lead === INTEGER) return this.#integer()
    if (lead === LIST) return this.#list()
    if (lead === DICT) return this.#dict()
    throw this.#unknown()
  }

  /** Walks over the value at `at`, as strict as {@link value}. */
  skip(): void {
    this.#count()
    const lead = this.#bytes[this.at]
    if (lead === undefined) throw this.#truncated()
    if (lead >= ZERO && lead <= 0x39) this.#skipString()
    else if (lead === INTEGER) this.#integer()
    else if (lead === LIST || lead === DICT) this.#skipMembers(lead)
    else throw this.#unknown()
  }

  #skipMembers(lead: number): void {
    const start = this.at
    this.#enter()
    if (lead === LIST) while (!this.#ended()) this.skip()
    else if (this.#limits.unsortedKeys) this.#skipUnsorted()
    else this.#skipSorted()
    this.#leave()
    if (this.#depth > 2 || this.at - start <= LONG) return
    this.ends ??= new Map()
    this.ends.set(start, this.at)
  }

  /**
   * Steps to the value under `step`, a dictionary key or a list index; false when the value at `at`
   * has no such member. What is passed on the way is checked like everything else.
   */
  descend(step: string | number): boolean {
    this.#count()
    const lead = this.#bytes[this.at]
    if (lead === undefined) throw this.#truncated()
    if (typeof step === 'number') {
      if (lead !== LIST) return false
      this.#enter()
      for (let index = 0; !this.#ended(); index++) {
        if (index === step) return true
        this.skip()
      }
      return false
    }
    if (lead !== DICT) return false
    this.#enter()
    const keys = new KeyOrder(this.#limits.unsortedKeys)
    for (;;) {
      const start = this.at
      const key = this.#key()
      if (key === undefined) return false
      keys.check(key, start)
      if (key === step) {
        if (this.#bytes[this.at] === END) throw this.#missingValue()
        return true
      }
      this.skip()
    }
  }

  /** Throws when bytes follow the value that was read. */
  finish(): void {
    if (this.at !== this.#bytes.length)
      throw violation('bencode/trailing-bytes', 'bytes follow the value', this.at)
  }

  #string(): Uint8Array {
    const start = this.at
    const length = this.#length()
    const from = this.at
    const to = from + length
    if (to > this.#bytes.length) throw this.#pastEnd(start)
    this.at = to
    return this.#bytes.subarray(from, to)
  }

  #skipString(): void {
    const start = this.at
    const length = this.#length()
    this.at += length
    if (this.at > this.#bytes.length) throw this.#pastEnd(start)
  }

  /** Reads `<length>:`. */
  #length(): number {
    const bytes = this.#bytes
    const start = this.at
    let at = start
    let length = 0
    for (;;) {
      const byte = bytes[at]
      if (byte === undefined) throw this.#truncated()
      if (byte === COLON) break
      if (byte < ZERO || byte > 0x39)
        throw violation('bencode/invalid-length', 'a string length must be digits and a colon', at)
      if (at > start && length === 0)
        throw violation('bencode/invalid-length', 'a string length must not have leading zeros', start)
      length = length * 10 + (byte - ZERO)
      if (length > LONGEST) throw this.#pastEnd(start)
      at++
    }
    this.at = at + 1
    return length
  }

  #integer(): number | bigint {
    const bytes = this.#bytes
    const start = this.at
    let at = start + 1
    const negative = bytes[at] === MINUS
    if (negative) at++
    const first = at
    let magnitude = 0
    for (;;) {
      const byte = bytes[at]
      if (byte === undefined) throw this.#truncated()
      if (byte === END) break
      if (byte < ZERO || byte > 0x39)
        throw violation('bencode/invalid-integer', 'an integer must be digits and an e', at)
      if (at - first >= this.#limits.maxDigits)
        throw violation(
          'bencode/integer-too-long',
          `an integer has more than ${this.#limits.maxDigits} digits`,
          start,
        )
      // Exact up to 15 digits; longer ones are read again below.
      magnitude = magnitude * 10 + (byte - ZERO)
      at++
    }
    if (at === first) throw violation('bencode/invalid-integer', 'an integer must have digits', at)
    if (bytes[first] === ZERO && (negative || at > first + 1))
      throw violation('bencode/invalid-integer', 'an integer must not have leading zeros or be -0', first)
    this.at = at + 1
    if (at - first <= 15) return negative ? -magnitude : magnitude
    return this.#bigInteger(start + 1, at)
  }

  #bigInteger(from: number, to: number): number | bigint {
    let digits = ''
    for (let at = from; at < to; at += 4096) {
      const run = this.#bytes.subarray(at, Math.min(at + 4096, to))
      digits += String.fromCharCode.apply(null, run as unknown as number[])
    }
    const exact = BigInt(digits)
    const rounded = Number(exact)
    return Number.isSafeInteger(rounded) ? rounded : exact
  }

  #list(): BencodeValue[] {
    this.#enter()
    const items: BencodeValue[] = []
    while (!this.#ended()) items.push(this.value())
    this.#leave()
    return items
  }

  #dict(): BencodeDict {
    this.#enter()
    const dict = new Map<string, BencodeValue>()
    let previous: string | undefined
    for (;;) {
      const start = this.at
      const key = this.#key()
      if (key === undefined) break
      if (previous !== undefined && key <= previous) {
        if (dict.has(key)) throw duplicate(start)
        if (!this.#limits.unsortedKeys) throw unsorted(start)
      }
      // In lenient mode a smaller key is followed by keys that may repeat an earlier, larger one:
      // `previous` stays at the largest, so that anything not above it is looked up.
      if (previous === undefined || key > previous) previous = key
      if (this.#bytes[this.at] === END) throw this.#missingValue()
      dict.set(key, this.value())
    }
    this.#leave()
    return dict
  }

  #skipUnsorted(): void {
    const keys = new KeyOrder(true)
    for (;;) {
      const start = this.at
      const key = this.#key()
      if (key === undefined) return
      keys.check(key, start)
      if (this.#bytes[this.at] === END) throw this.#missingValue()
      this.skip()
    }
  }

  /** Compares keys where they lie, which is a good deal faster than making strings of them. */
  #skipSorted(): void {
    const bytes = this.#bytes
    const first = this.at
    let from = 0
    let to = 0
    for (;;) {
      const start = this.at
      const lead = bytes[start]
      if (lead === undefined) throw this.#truncated()
      if (lead === END) return
      if (lead < ZERO || lead > 0x39)
        throw violation('bencode/key-not-string', 'a key must be a string', start)
      this.#count()
      const length = this.#length()
      const next = this.at
      this.at += length
      if (this.at > bytes.length) throw this.#pastEnd(start)
      if (start > first && !ascends(bytes, from, to, next, this.at))
        throw this.#repeats(first, start, next, this.at) ? duplicate(start) : unsorted(start)
      from = next
      to = this.at
      if (bytes[to] === END) throw this.#missingValue()
      this.skip()
    }
  }

  /** True when one of the keys from `first` to `start` is the one at `from` .. `to`; leaves `at` anywhere. */
  #repeats(first: number, start: number, from: number, to: number): boolean {
    const key = latin1(this.#bytes, from, to)
    this.#tokens = Number.POSITIVE_INFINITY
    this.at = first
    while (this.at < start) {
      if (this.#key() === key) return true
      this.skip()
    }
    return false
  }

  /** The key at `at`, one char code a byte, or undefined at the end of the dictionary. */
  #key(): string | undefined {
    const bytes = this.#bytes
    const lead = bytes[this.at]
    if (lead === undefined) throw this.#truncated()
    if (lead === END) return undefined
    if (lead < ZERO || lead > 0x39)
      throw violation('bencode/key-not-string', 'a key must be a string', this.at)
    this.#count()
    const start = this.at
    const from = start + 2
    // Keys of one digit's length, and of two: all of the protocol's, and worth their own path.
    const length = bytes[start + 1] === COLON ? lead - ZERO : this.#length()
    if (bytes[start + 1] === COLON) this.at = from
    const to = this.at + length
    if (to > bytes.length) throw this.#pastEnd(start)
    const key = keyText(bytes, this.at, to)
    this.at = to
    return key
  }

  #count(): void {
    if (--this.#tokens < 0)
      throw violation(
        'bencode/too-many-tokens',
        `more than ${this.#limits.maxTokens} values and keys`,
        this.at,
      )
  }

  #enter(): void {
    if (++this.#depth > this.#limits.maxDepth)
      throw violation('bencode/too-deep', `nested deeper than ${this.#limits.maxDepth}`, this.at)
    this.at++
  }

  #leave(): void {
    this.#depth--
    this.at++
  }

  #ended(): boolean {
    return this.#bytes[this.at] === END
  }

  #truncated(): ProtocolError {
    return violation('bencode/unexpected-end', 'the input ends inside a value', this.#bytes.length)
  }

  #pastEnd(start: number): ProtocolError {
    return violation('bencode/string-past-end', 'a string reaches past the end of the input', start)
  }

  #unknown(): ProtocolError {
    return violation('bencode/unknown-type', 'a value must begin with a digit, i, l or d', this.at)
  }

  #missingValue(): ProtocolError {
    return violation('bencode/missing-value', 'a key has no value', this.at)
  }
}

/** Checks the order of keys without building the dictionary. */
class KeyOrder {
  readonly #lenient: boolean
  #largest: string | undefined
  readonly #seen = new Set<string>()

  constructor(lenient: boolean) {
    this.#lenient = lenient
  }

  check(key: string, start: number): void {
    if (this.#largest !== undefined && key <= this.#largest) {
      if (key === this.#largest || this.#seen.has(key)) throw duplicate(start)
      if (!this.#lenient) throw unsorted(start)
    } else this.#largest = key
    if (this.#lenient) this.#seen.add(key)
  }
}

/** True when the bytes `a` .. `aEnd` sort before those of `b` .. `bEnd`. */
function ascends(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  for (; a < aEnd && b < bEnd; a++, b++) {
    const difference = (bytes[a] as number) - (bytes[b] as number)
    if (difference !== 0) return difference < 0
  }
  return a === aEnd && b < bEnd
}

function duplicate(offset: number): ProtocolError {
  return violation('bencode/duplicate-key', 'a dictionary has the same key twice', offset)
}

function unsorted(offset: number): ProtocolError {
  return violation('bencode/unsorted-key', 'the keys of a dictionary must ascend', offset)
}

function violation(code: ErrorCode, sentence: string, offset: number): ProtocolError {
  return new ProtocolError(code, `${sentence} (offset ${offset})`, { offset })
}
