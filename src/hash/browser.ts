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

/**
 * SHA-256 of each run of `length` bytes of `bytes`, the last one shorter when they do not divide: 32 bytes
 * each, one after the other from the beginning of `into`. With runs of 64 bytes these are the parents of
 * merkle nodes, and `into` may then be `bytes`.
 */
export function sha256Runs(bytes: Uint8Array, length: number, into: Uint8Array): void {
  let at = 0
  for (let from = 0; from < bytes.length; from += length) {
    into.set(fastSha256(bytes.subarray(from, from + length)), at)
    at += 32
  }
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
