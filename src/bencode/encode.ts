/**
 * Canonical bencode encoding (BEP 3): keys in raw byte order, numbers without ornaments.
 * @module
 */

import { toLatin1, utf8 } from '../util/bytes.js'
import { DEEPEST, type Encodable } from './value.js'

/**
 * The canonical bytes of a value. Strings become UTF-8; keys of a Map are taken as bytes (one char
 * code each), keys of a plain object as text; members that are undefined are left out.
 *
 * Throws RangeError for numbers that are not safe integers, Map keys with char codes above 255, keys
 * that become equal in UTF-8, cycles and nesting deeper than 1000; TypeError for anything else that
 * bencode cannot say (null, booleans, undefined in a list, class instances).
 */
export function encode(value: Encodable): Uint8Array {
  const writer = spare ?? new Writer()
  // Taken while in use: a getter of the caller's object may encode something itself.
  spare = undefined
  try {
    writer.value(value, 0)
    return writer.take()
  } finally {
    writer.reset()
    spare = writer
  }
}

const KEPT = 65_536
const ZERO = 0x30
const COLON = 0x3a
const END = 0x65

class Writer {
  #bytes: Uint8Array = new Uint8Array(1024)
  #at = 0

  value(value: Encodable, depth: number): void {
    if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'number') this.#number(value)
    else if (value instanceof Uint8Array) this.#string(value)
    else if (typeof value === 'bigint') this.#ascii(`i${value}e`)
    else if (typeof value !== 'object' || value === null) throw unencodable(value)
    else this.#container(value, depth)
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  reset(): void {
    this.#at = 0
    if (this.#bytes.length > KEPT) this.#bytes = new Uint8Array(1024)
  }

  #container(value: Exclude<Encodable, string | number | bigint>, depth: number): void {
    if (depth >= DEEPEST) throw new RangeError(`value must not be cyclic or nested deeper than ${DEEPEST}`)
    if (Array.isArray(value)) {
      this.#byte(0x6c)
      // An index loop, not `for of`, sees the holes of a sparse array.
      for (let i = 0; i < value.length; i++) this.value(value[i] as Encodable, depth + 1)
      this.#byte(END)
    } else if (isMap(value)) this.#map(value, depth)
    else if (isPlain(value)) this.#object(value as Record<string, Encodable | undefined>, depth)
    else if (Object.prototype.toString.call(value) === '[object Uint8Array]')
      this.#string(value as Uint8Array)
    else throw unencodable(value)
  }

  #map(map: ReadonlyMap<string, Encodable | undefined>, depth: number): void {
    this.#byte(0x64)
    if (isSorted(map)) for (const [key, member] of map) this.#member(key, member, depth)
    else {
      const entries = [...map].sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [key, member] of entries) this.#member(key, member, depth)
    }
    this.#byte(END)
  }

  #object(object: Record<string, Encodable | undefined>, depth: number): void {
    const keys = Object.keys(object)
    this.#byte(0x64)
    if (keys.every(isAscii)) {
      for (const key of isAscending(keys) ? keys : keys.sort()) this.#member(key, object[key], depth)
    } else {
      // UTF-16 order is not byte order beyond the basic plane: sort what will be written.
      const entries = keys.map((key): [string, string] => [toLatin1(utf8(key)), key])
      entries.sort(([a], [b]) => (a < b ? -1 : 1))
      let previous: string | undefined
      for (const [bytes, key] of entries) {
        if (bytes === previous)
          throw new RangeError(`keys must differ in UTF-8, got ${JSON.stringify(key)} twice`)
        previous = bytes
        this.#member(bytes, object[key], depth)
      }
    }
    this.#byte(END)
  }

  #member(key: string, value: Encodable | undefined, depth: number): void {
    if (value === undefined) return
    const { length } = key
    this.#prefix(length)
    const at = this.#reserve(length)
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) {
      const code = key.charCodeAt(i)
      if (code > 0xff)
        throw new RangeError(`a Map key must have one char code per byte, got ${JSON.stringify(key)}`)
      bytes[at + i] = code
    }
    this.value(value, depth + 1)
  }

  #text(text: string): void {
    const { length } = text
    if (length > 64) {
      this.#string(utf8(text))
      return
    }
    const start = this.#at
    this.#prefix(length)
    const at = this.#reserve(length)
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) {
        this.#at = start
        this.#string(utf8(text))
        return
      }
      bytes[at + i] = code
    }
  }

  #string(string: Uint8Array): void {
    const { length } = string
    this.#prefix(length)
    const at = this.#reserve(length)
    if (length > 32) this.#bytes.set(string, at)
    else {
      const bytes = this.#bytes
      for (let i = 0; i < length; i++) bytes[at + i] = string[i] as number
    }
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`a number must be a safe integer, got ${value}`)
    this.#byte(0x69)
    if (value < 0) this.#byte(0x2d)
    this.#digits(Math.abs(value))
    this.#byte(END)
  }

  #prefix(length: number): void {
    this.#digits(length)
    this.#byte(COLON)
  }

  #digits(value: number): void {
    if (value < 10) {
      this.#byte(ZERO + value)
      return
    }
    if (value >= 0x4000_0000) {
      this.#ascii(String(value))
      return
    }
    let count = 1
    for (let power = 10; power <= value; power *= 10) count++
    let at = this.#reserve(count) + count
    let rest = value | 0
    while (rest > 0) {
      const quotient = (rest / 10) | 0
      this.#bytes[--at] = ZERO + rest - quotient * 10
      rest = quotient
    }
  }

  #ascii(text: string): void {
    const at = this.#reserve(text.length)
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i)
  }

  #byte(byte: number): void {
    const at = this.#reserve(1)
    this.#bytes[at] = byte
  }

  /** Makes room for `length` bytes and returns where they begin. */
  #reserve(length: number): number {
    const at = this.#at
    const end = at + length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    this.#at = end
    return at
  }
}

let spare: Writer | undefined

function isMap(value: object): value is ReadonlyMap<string, Encodable | undefined> {
  return value instanceof Map || Object.prototype.toString.call(value) === '[object Map]'
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // The second half admits objects of another realm (a vm context, a frame).
  return (
    prototype === Object.prototype ||
    prototype === null ||
    (Object.prototype.toString.call(value) === '[object Object]' && Object.getPrototypeOf(prototype) === null)
  )
}

function isSorted(map: ReadonlyMap<unknown, unknown>): boolean {
  let previous: string | undefined
  let sorted = true
  for (const key of map.keys()) {
    if (typeof key !== 'string') throw new TypeError(`a Map key must be a string, got ${typeof key}`)
    if (previous !== undefined && key < previous) sorted = false
    previous = key
  }
  return sorted
}

function isAscending(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if ((keys[i] as string) < (keys[i - 1] as string)) return false
  return true
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function unencodable(value: unknown): TypeError {
  const name = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name : typeof value
  return new TypeError(
    `value must be an integer, string, Uint8Array, array, Map or plain object, got ${name}`,
  )
}
