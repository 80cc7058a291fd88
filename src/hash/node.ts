/**
 * SHA-1 and SHA-256 over `node:crypto`: what `#hash` means in Node.
 * @module
 */

import { createHash, type Hash, hash } from 'node:crypto'
import type { Hasher } from './hasher.js'

export type { Hasher } from './hasher.js'

/** SHA-1 of the bytes, 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return fromBinary(hash('sha1', bytes, 'binary'))
}

/** SHA-256 of the bytes, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return fromBinary(hash('sha256', bytes, 'binary'))
}

/** An incremental SHA-1. */
export function createSha1(): Hasher {
  return new NodeHasher('sha1')
}

/** An incremental SHA-256. */
export function createSha256(): Hasher {
  return new NodeHasher('sha256')
}

class NodeHasher implements Hasher {
  readonly #hash: Hash

  constructor(algorithm: 'sha1' | 'sha256') {
    this.#hash = createHash(algorithm)
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  digest(): Uint8Array {
    return fromBinary(this.#hash.digest('binary'))
  }
}

/** A string crosses from C++ in half the time of a Buffer: 350 against 710 ns for a 64-byte SHA-256. */
function fromBinary(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
