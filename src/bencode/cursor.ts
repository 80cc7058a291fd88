/**
 * Reads bytes that were walked over before: members are found where they lie, and only what is asked for
 * becomes a value. A large dictionary is read several times faster than by building all of it.
 * @module
 */

import { open } from './decode.js'
import { keyText } from './key-text.js'
import { Reader } from './reader.js'
import { type BencodeValue, DEEPEST, type DecodeOptions, type Limits } from './value.js'

const COLON = 0x3a
const ZERO = 0x30
const NINE = 0x39
const DICT = 0x64
const END = 0x65
const INTEGER = 0x69
const LIST = 0x6c

/** The walk before has counted. */
const COUNTED: Limits = {
  maxDepth: DEEPEST,
  maxLength: Number.POSITIVE_INFINITY,
  maxTokens: Number.POSITIVE_INFINITY,
  maxDigits: Number.POSITIVE_INFINITY,
  unsortedKeys: true,
}

/**
 * Checks that `bytes` begin with a value, as strictly as `decode` and with its errors, and makes nothing of it: a
 * cursor before it, and the offset of the first byte behind it.
 */
export function walk(
  bytes: Uint8Array,
  options?: DecodeOptions,
): { readonly start: Cursor; readonly end: number } {
  const reader = open(bytes, options)
  reader.skip()
  return { start: new Cursor(bytes, 0, reader.ends), end: reader.at }
}

/** A place in bencode that is known to be well-formed; checks nothing and throws nothing then. */
export class Cursor {
  readonly bytes: Uint8Array
  /** Offset of the value, key or end that comes next. */
  at: number
  /** Where the string that was read last begins, and the offset behind it. */
  from = 0
  to = 0
  /** Where long values end, by their offset. */
  readonly ends: ReadonlyMap<number, number> | undefined

  constructor(bytes: Uint8Array, at: number, ends: ReadonlyMap<number, number> | undefined) {
    this.bytes = bytes
    this.at = at
    this.ends = ends
  }

  isDict(): boolean {
    return this.bytes[this.at] === DICT
  }

  isList(): boolean {
    return this.bytes[this.at] === LIST
  }

  isString(): boolean {
    const lead = this.bytes[this.at] as number
    return lead >= ZERO && lead <= NINE
  }

  /** Steps into a list or dictionary. */
  enter(): void {
    this.at++
  }

  /** True while members follow; steps out of the list or dictionary behind the last one. */
  more(): boolean {
    if (this.bytes[this.at] !== END) return true
    this.at++
    return false
  }

  /** Reads a key or string: `from` and `to` say where it lies. */
  string(): void {
    const { bytes } = this
    let { at } = this
    let length = (bytes[at++] as number) - ZERO
    for (;;) {
      const byte = bytes[at++] as number
      if (byte === COLON) break
      length = length * 10 + (byte - ZERO)
    }
    this.from = at
    this.to = this.at = at + length
  }

  /** True when the string that was read last is this one, a character a byte. */
  is(text: string): boolean {
    const { bytes, from } = this
    if (this.to - from !== text.length) return false
    for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false
    return true
  }

  /** True when the string that was read last is made of these bytes. */
  holds(string: Uint8Array): boolean {
    const { bytes, from } = this
    if (this.to - from !== string.length) return false
    for (let i = 0; i < string.length; i++) if (bytes[from + i] !== string[i]) return false
    return true
  }

  /** The string that was read last. */
  view(): Uint8Array {
    return this.bytes.subarray(this.from, this.to)
  }

  /** Steps over a value of any kind. */
  skip(): void {
    const { bytes } = this
    let depth = 0
    do {
      const lead = bytes[this.at] as number
      if (lead <= NINE) this.string()
      else if (lead === INTEGER) while (bytes[this.at++] !== END);
      else {
        depth += lead === END ? -1 : 1
        this.at++
      }
    } while (depth > 0)
  }

  /** Reads a value of any kind. */
  value(): BencodeValue {
    const { bytes } = this
    if (bytes[this.at] === INTEGER) {
      let at = this.at + 1
      let value = 0
      for (let digit = bytes[at] as number; digit >= ZERO; digit = bytes[++at] as number) {
        if (digit > NINE) break
        value = value * 10 + (digit - ZERO)
      }
      // Short and not negative, as nearly all are.
      if (bytes[at] === END && at - this.at <= 16) {
        this.at = at + 1
        return value
      }
    }
    const reader = new Reader(bytes, COUNTED)
    reader.at = this.at
    const value = reader.value()
    this.at = reader.at
    return value
  }
}

/** A dictionary whose values are built as they are asked for. */
export class LazyDict {
  readonly #cursor: Cursor
  readonly #places = new Map<string, number>()

  /** Reads the keys of the dictionary that `cursor` stands before, and leaves it behind. */
  constructor(cursor: Cursor) {
    const { bytes } = cursor
    this.#cursor = cursor
    cursor.enter()
    while (cursor.more()) {
      cursor.string()
      this.#places.set(keyText(bytes, cursor.from, cursor.to), cursor.at)
      const end = cursor.ends?.get(cursor.at)
      if (end === undefined) cursor.skip()
      else cursor.at = end
    }
  }

  has(key: string): boolean {
    return this.#places.has(key)
  }

  get(key: string): BencodeValue | undefined {
    return this.cursor(key)?.value()
  }

  /** A cursor in front of the value, or undefined when there is none. */
  cursor(key: string): Cursor | undefined {
    const at = this.#places.get(key)
    return at === undefined ? undefined : new Cursor(this.#cursor.bytes, at, this.#cursor.ends)
  }
}
