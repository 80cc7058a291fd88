/**
 * The bloom filters of DHT scrapes (BEP 33): sets of IP addresses in 256 bytes, from which their number
 * can be estimated and which can be united without counting an address twice.
 * @module
 */

import { sha1 } from '#hash'

/** Bytes of a filter: m = 2048 bits, k = 2 bits per address. */
export const BLOOM_BYTES = 256
const BITS = BLOOM_BYTES * 8

/** A set of addresses; beyond about 6,000 of them its estimate means nothing (BEP 33). */
export class BloomFilter {
  /** The 256 bytes as they travel. Not a copy. */
  readonly bytes: Uint8Array

  /** An empty filter, or one over the given 256 bytes, which it keeps. Throws RangeError for another length. */
  constructor(bytes: Uint8Array = new Uint8Array(BLOOM_BYTES)) {
    if (bytes.length !== BLOOM_BYTES)
      throw new RangeError(`bytes must be ${BLOOM_BYTES} bytes, got ${bytes.length}`)
    this.bytes = bytes
  }

  /** Adds an address: its 4 or 16 bytes, without port. */
  add(ip: Uint8Array): void {
    const hash = sha1(ip)
    this.#set(((hash[0] as number) | ((hash[1] as number) << 8)) % BITS)
    this.#set(((hash[2] as number) | ((hash[3] as number) << 8)) % BITS)
  }

  /** True when the address may be in the set, false when it certainly is not. */
  mayHave(ip: Uint8Array): boolean {
    const hash = sha1(ip)
    return (
      this.#has(((hash[0] as number) | ((hash[1] as number) << 8)) % BITS) &&
      this.#has(((hash[2] as number) | ((hash[3] as number) << 8)) % BITS)
    )
  }

  /** Adds everything that is in the other filter's 256 bytes; bytes of another length are ignored. */
  unite(other: Uint8Array): void {
    if (other.length !== BLOOM_BYTES) return
    for (let i = 0; i < BLOOM_BYTES; i++) this.bytes[i] = (this.bytes[i] as number) | (other[i] as number)
  }

  /** How many addresses are in it, estimated from its zero bits; not an integer. */
  get estimate(): number {
    let zeros = 0
    for (const byte of this.bytes) for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) === 0) zeros++
    if (zeros === BITS) return 0
    // A full filter would give infinity; one zero bit is the most that it can tell (BEP 33).
    return Math.log(Math.max(1, zeros) / BITS) / (2 * Math.log(1 - 1 / BITS))
  }

  #set(bit: number): void {
    this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] as number) | (1 << (bit & 7))
  }

  #has(bit: number): boolean {
    return ((this.bytes[bit >>> 3] as number) & (1 << (bit & 7))) !== 0
  }
}
