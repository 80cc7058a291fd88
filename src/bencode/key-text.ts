/**
 * Keys as text, one char code a byte.
 * @module
 */

/** Long keys are rare and never repeat; short ones come from a small table of strings seen before. */
const CACHED_LENGTH = 20
const CACHE_SIZE = 512
const cache: string[] = new Array<string>(CACHE_SIZE).fill('')

/** The bytes of a key, a character each. */
export function keyText(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from
  if (length > CACHED_LENGTH || length === 0) return latin1(bytes, from, to)
  let hash = length
  for (let at = from; at < to; at++) hash = (hash * 31 + (bytes[at] as number)) | 0
  const slot = (hash ^ (hash >>> 9)) & (CACHE_SIZE - 1)
  const known = cache[slot] as string
  if (known.length === length) {
    let i = 0
    while (i < length && known.charCodeAt(i) === bytes[from + i]) i++
    if (i === length) return known
  }
  const key = latin1(bytes, from, to)
  cache[slot] = key
  return key
}

/** Any run of bytes, a character each. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at += 4096) {
    const run = bytes.subarray(at, Math.min(at + 4096, to))
    text += String.fromCharCode.apply(null, run as unknown as number[])
  }
  return text
}
