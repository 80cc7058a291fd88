/**
 * What bencode can say (BEP 3), and the limits within which it is read.
 * @module
 */

/**
 * A decoded value. Integers are numbers when safe, else bigint; byte strings are views of the input;
 * dictionaries are maps.
 */
export type BencodeValue = number | bigint | Uint8Array | readonly BencodeValue[] | BencodeDict

/**
 * A decoded dictionary, in the order of the input. Each char code of a key is one byte (latin1), so
 * that arbitrary bytes are exact and `__proto__` is a key like any other.
 */
export type BencodeDict = ReadonlyMap<string, BencodeValue>

/** What {@link encode} takes: decoded values, and the plain strings, arrays and objects of JavaScript. */
export type Encodable =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable | undefined>
  | { readonly [key: string]: Encodable | undefined }

/** Limits of a decoder. Throws RangeError for a limit that is not an integer of its range. */
export interface DecodeOptions {
  /** Nested lists and dictionaries, 0 .. 1000. Default 100, as libtorrent: no BEP needs ten. */
  readonly maxDepth?: number
  /** Bytes of input. Unlimited by default: the reader of the bytes has bounded them. */
  readonly maxLength?: number
  /**
   * Values and keys. Default 3,000,000, as libtorrent: 400,000 files, while input made of empty
   * containers still cannot take more than a few hundred MB.
   */
  readonly maxTokens?: number
  /**
   * Digits of an integer. Default 10,000, far beyond every BEP (the largest needs 20): making a
   * bigint costs more than linear time, at this length 18 ns a digit, at a million 115.
   */
  readonly maxDigits?: number
  /**
   * Accept dictionaries whose keys are out of order, as some encoders in the field write them.
   * Duplicate keys stay errors. Default false.
   */
  readonly unsortedKeys?: boolean
}

/** Limits with every default filled in. */
export interface Limits {
  readonly maxDepth: number
  readonly maxLength: number
  readonly maxTokens: number
  readonly maxDigits: number
  readonly unsortedKeys: boolean
}

/** Deepest nesting that `maxDepth` may ask for: a thousand frames fit every stack. */
export const DEEPEST = 1000

const DEFAULTS: Limits = {
  maxDepth: 100,
  maxLength: Number.POSITIVE_INFINITY,
  maxTokens: 3_000_000,
  maxDigits: 10_000,
  unsortedKeys: false,
}

/** Fills in the defaults and checks the ranges. */
export function resolveLimits(options: DecodeOptions | undefined): Limits {
  if (options === undefined) return DEFAULTS
  return {
    maxDepth: limit('maxDepth', options.maxDepth, DEFAULTS.maxDepth, DEEPEST),
    maxLength: limit('maxLength', options.maxLength, DEFAULTS.maxLength, Number.POSITIVE_INFINITY),
    maxTokens: limit('maxTokens', options.maxTokens, DEFAULTS.maxTokens, Number.POSITIVE_INFINITY),
    maxDigits: limit('maxDigits', options.maxDigits, DEFAULTS.maxDigits, Number.POSITIVE_INFINITY),
    unsortedKeys: options.unsortedKeys ?? DEFAULTS.unsortedKeys,
  }
}

function limit(name: string, value: number | undefined, fallback: number, max: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, got ${typeof value}`)
  if (value >= 0 && value <= max && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))
    return value
  throw new RangeError(`${name} must be an integer in 0 .. ${max}, got ${value}`)
}
