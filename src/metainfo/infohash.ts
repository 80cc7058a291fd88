/**
 * Infohashes as users hand them in: hex or bytes (BEP 3, 52).
 * @module
 */

import { fromHex } from '../util/bytes.js'

/**
 * An infohash as every public door takes it: 40 hex digits or 20 bytes (v1, or truncated v2), 64 hex digits or
 * 32 bytes (v2). Digits in any case.
 */
export type InfoHash = string | Uint8Array | ArrayBuffer

/**
 * The bytes of an infohash, 20 or 32, as a copy. Throws TypeError for what is neither text nor bytes and
 * RangeError for another length or other characters, both with the name of the argument.
 */
export function infoHashBytes(name: string, value: InfoHash): Uint8Array {
  return hashBytes(name, value, [20, 32])
}

/** The 20 bytes by which trackers, peers and the DHT know a torrent: those of a v2 infohash are its first 20. */
export function swarmKey(name: string, value: InfoHash): Uint8Array {
  return infoHashBytes(name, value).subarray(0, 20)
}

/** As {@link infoHashBytes}, for other hashes of one of these lengths. */
export function hashBytes(name: string, value: InfoHash, lengths: readonly number[]): Uint8Array {
  const expected = `${lengths.map((length) => 2 * length).join(' or ')} hex digits or ${lengths.join(' or ')} bytes`
  if (typeof value === 'string') {
    const bytes = fromHex(value)
    if (bytes && lengths.includes(bytes.length)) return bytes
    throw new RangeError(`${name} must be ${expected}, got ${quoted(value)}`)
  }
  const isBytes = value instanceof Uint8Array || value instanceof ArrayBuffer
  if (!isBytes) throw new TypeError(`${name} must be ${expected}, got ${kindOf(value)}`)
  if (!lengths.includes(value.byteLength))
    throw new RangeError(`${name} must be ${expected}, got ${value.byteLength} bytes`)
  return new Uint8Array(value)
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
