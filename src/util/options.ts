/**
 * Checks what callers pass as options: every name is one that exists, every value has the right type and lies in
 * its range. All public functions that take options check them with this, so that `dth: false` or a limit of NaN
 * ends where it was written and not hours later.
 * @module
 */

import type { OptionsCode } from './error-codes.js'

/** What the value of an option has to be. */
export interface Kind<T> {
  /** The type of what may be given, as TypeScript writes it. */
  readonly type: string
  /** What may be given, in words: `integer, 1 .. 65,535`. */
  readonly words: string
  /**
   * The value, completed where it is an object of further options. Throws TypeError (`options/wrong-type`,
   * `options/unknown-option`) or RangeError (`options/out-of-range`), all of which name the option.
   */
  check(value: unknown, name: string): T
}

/** One kind for each option of a bag: none can be forgotten, and none is there that the type does not have. */
export type Kinds<T> = { readonly [N in keyof T]-?: Kind<unknown> }

/**
 * Checks a bag of options: an object with known names alone, each of its kind; `undefined` is as good as not
 * given. `name` is the bag itself in messages, where it is an option of something: `dht` makes `dht.bootstrap`.
 */
export function checkOptions<T>(options: unknown, kinds: Kinds<T>, name = ''): void {
  const known = kinds as Readonly<Record<string, Kind<unknown>>>
  for (const [key, value] of entriesOf(options, name || 'options')) {
    const kind = Object.hasOwn(known, key) ? known[key] : undefined
    const full = name === '' ? key : `${name}.${key}`
    if (!kind) {
      const near = nearest(key, Object.keys(known))
      throw unknownOption(full, near && (name === '' ? near : `${name}.${near}`))
    }
    if (value !== undefined) kind.check(value, full)
  }
}

/** The own properties of an object of options. Throws TypeError for anything else. */
export function entriesOf(options: unknown, name: string): [string, unknown][] {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrongType(name, 'an object', options)
  return Object.entries(options)
}

/** The error for an option that does not exist; `near` is the one that may have been meant. */
export function unknownOption(name: string, near: string | undefined): TypeError {
  const hint = near === undefined ? '' : `: did you mean ${near}?`
  return coded(new TypeError(`there is no option ${name}${hint}`), 'options/unknown-option')
}

/** The error for a value of the wrong type. `expected` with its article: `a number`. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return coded(new TypeError(`${name} must be ${expected}, got ${typeName(value)}`), 'options/wrong-type')
}

/** The error for a value of the right type that is not allowed. */
export function outOfRange(name: string, expected: string, value: unknown): RangeError {
  return coded(new RangeError(`${name} must be ${expected}, got ${String(value)}`), 'options/out-of-range')
}

/** The error for options that contradict each other. */
export function conflict(message: string): RangeError {
  return coded(new RangeError(message), 'options/conflict')
}

/** An integer from `least` to `most`. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `in ${least} .. ${most}`
  return {
    type: 'number',
    words: `integer, ${rangeWords(least, most)}`,
    check: (value, name) => {
      if (typeof value !== 'number') throw wrongType(name, 'a number', value)
      if (!Number.isSafeInteger(value) || value < least || value > most)
        throw outOfRange(name, `an integer ${range}`, value)
      return value
    },
  }
}

/** A number from `least` to `most`; infinite only when `most` is. */
export function number(least: number, most: number = Number.POSITIVE_INFINITY): Kind<number> {
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `in ${least} .. ${most}`
  return {
    type: 'number',
    words: `number, ${rangeWords(least, most)}`,
    check: (value, name) => {
      if (typeof value !== 'number') throw wrongType(name, 'a number', value)
      if (!(value >= least && value <= most)) throw outOfRange(name, `a number ${range}`, value)
      return value
    },
  }
}

export const boolean: Kind<boolean> = {
  type: 'boolean',
  words: 'true or false',
  check: (value, name) => {
    if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value)
    return value
  },
}

export const text: Kind<string> = {
  type: 'string',
  words: 'text',
  check: (value, name) => {
    if (typeof value !== 'string') throw wrongType(name, 'a string', value)
    return value
  },
}

export const bytes: Kind<Uint8Array> = {
  type: 'Uint8Array',
  words: 'bytes',
  check: (value, name) => {
    if (!(value instanceof Uint8Array)) throw wrongType(name, 'a Uint8Array', value)
    return value
  },
}

/** Any function: what it takes and gives, only a call can show. */
export const callback: Kind<(...args: never[]) => unknown> = {
  type: 'Function',
  words: 'function',
  check: (value, name) => {
    if (typeof value !== 'function') throw wrongType(name, 'a function', value)
    return value as (...args: never[]) => unknown
  },
}

/** Any object, for what has a type of its own: a world, a socket. */
export const object: Kind<object> = {
  type: 'object',
  words: 'object',
  check: (value, name) => {
    if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value)
    return value
  },
}

/** An AbortSignal, of whatever realm. */
export const abortSignal: Kind<object> = {
  type: 'AbortSignal',
  words: 'AbortSignal',
  check: (value, name) => {
    if (
      typeof value !== 'object' ||
      value === null ||
      !('aborted' in value) ||
      !('addEventListener' in value)
    )
      throw wrongType(name, 'an AbortSignal', value)
    return value
  },
}

/** One of some words. `type`: how TypeScript writes them, where they have a name. */
export function oneOf<const T extends string>(values: readonly T[], type?: string): Kind<T> {
  const listed = values.map((value) => `'${value}'`)
  return {
    type: type ?? listed.join(' | '),
    words: values.map((value) => `\`${value}\``).join(', '),
    check: (value, name) => {
      if (typeof value !== 'string') throw wrongType(name, 'a string', value)
      if (!values.includes(value as T)) throw outOfRange(name, `one of ${values.join(', ')}`, value)
      return value as T
    },
  }
}

/** A list, each element of one kind. */
export function listOf<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    type: `readonly (${kind.type})[]`,
    words: `list: ${kind.words}`,
    check: (value, name) => {
      if (!Array.isArray(value)) throw wrongType(name, 'an array', value)
      return value.map((element, index) => kind.check(element, `${name}[${index}]`))
    },
  }
}

/** What one kind takes, or a list of it. */
export function oneOrList<T>(kind: Kind<T>): Kind<T | readonly T[]> {
  const list = listOf(kind)
  return {
    type: `${kind.type} | ${list.type}`,
    words: `${kind.words}, or a list of it`,
    check: (value, name) => (Array.isArray(value) ? list : kind).check(value, name),
  }
}

/** What one kind takes, or exactly one other value, such as `false` for none. */
export function orElse<T, const V extends string | boolean>(kind: Kind<T>, other: V): Kind<T | V> {
  const shown = typeof other === 'string' ? `'${other}'` : String(other)
  return {
    type: `${kind.type} | ${shown}`,
    words: `${kind.words}, or \`${other}\``,
    check: (value, name) => (value === other ? other : kind.check(value, name)),
  }
}

/** An object of further options. */
export function bag<T extends object>(kinds: Kinds<T>, type = 'object'): Kind<T> {
  return {
    type,
    words: type,
    check: (value, name) => {
      checkOptions(value, kinds, name)
      return value as T
    },
  }
}

/** Of `names` the one that a misspelt `name` is likely to mean, if any. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const given = name.slice(0, MOST_COMPARED).toLowerCase()
  let best: string | undefined
  let least = Math.max(1, Math.floor(given.length / 3)) + 1
  for (const candidate of names) {
    const distance = editDistance(given, candidate.toLowerCase())
    if (distance >= least) continue
    best = candidate
    least = distance
  }
  return best
}

/** Characters of a misspelt name that are looked at. */
const MOST_COMPARED = 64

/** Letters inserted, left out, replaced, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(before, j - 2) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] as number
}

function coded<E extends Error>(error: E, code: OptionsCode): E {
  return Object.assign(error, { code })
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}

function rangeWords(least: number, most: number): string {
  const isOpen = most === Number.MAX_SAFE_INTEGER || most === Number.POSITIVE_INFINITY
  return isOpen ? `from ${grouped(least)}` : `${grouped(least)} .. ${grouped(most)}`
}

function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
