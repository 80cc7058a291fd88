/**
 * SHA-1 and SHA-256 in plain JavaScript: what `#hash` means in a browser.
 * @module
 */

import fastSha256, { type Hash } from 'fast-sha256'
import Rusha from 'rusha'
import simpleSha1 from 'simple-sha1'
import { fromHex } from '../util/bytes.js'
import type { Hasher } from './hasher.js'

export type { Hasher } from './hasher.js'

// The package is one function with its other exports hung on; only this default import means the
// same in every bundler and in Node.
const Sha256 = (fastSha256 as unknown as { readonly Hash: new () => Hash }).Hash

/** SHA-1 of the bytes, 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array {
  return fromHex(simpleSha1.sync(bytes)) as Uint8Array
}

/** SHA-256 of the bytes, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return fastSha256(bytes)
}

/** An incremental SHA-1. */
export function createSha1(): Hasher {
  const hash = Rusha.createHash()
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.digest()),
  }
}

/** An incremental SHA-256. */
export function createSha256(): Hasher {
  const hash = new Sha256()
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.digest(),
  }
}
