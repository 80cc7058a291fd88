/**
 * HalfSipHash-2-4 with an output of 32 bits (Aumasson, Bernstein): a keyed hash for short inputs. A sender that does
 * not know the key, however many inputs and hashes it has seen, cannot tell the hash of another input. A
 * tenth of the time of SHA-1 here.
 * @module
 */

/** 64 bits, as two integers of 32. */
export type HashKey = readonly [number, number]

/** The hash, 0 .. 2^32 - 1, of the first `length` bytes of `input`; `length` is a multiple of 4. */
export function halfSipHash(key: HashKey, input: Uint8Array, length: number): number {
  let a = key[0]
  let b = key[1]
  let c = 0x6c79_6765 ^ key[0]
  let d = 0x7465_6462 ^ key[1]
  // The words of the input, a word that tells its length, and a last step of twice as many rounds.
  for (let at = 0; at <= length + 4; at += 4) {
    let word = 0
    let rounds = 2
    if (at < length)
      word =
        (input[at] as number) |
        ((input[at + 1] as number) << 8) |
        ((input[at + 2] as number) << 16) |
        ((input[at + 3] as number) << 24)
    else if (at === length) word = length << 24
    else {
      c ^= 0xff
      rounds = 4
    }
    d ^= word
    for (; rounds > 0; rounds--) {
      a = (a + b) | 0
      b = ((b << 5) | (b >>> 27)) ^ a
      a = (a << 16) | (a >>> 16)
      c = (c + d) | 0
      d = ((d << 8) | (d >>> 24)) ^ c
      a = (a + d) | 0
      d = ((d << 7) | (d >>> 25)) ^ a
      c = (c + b) | 0
      b = ((b << 13) | (b >>> 19)) ^ c
      c = (c << 16) | (c >>> 16)
    }
    a ^= word
  }
  return (b ^ d) >>> 0
}
