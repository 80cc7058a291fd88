/**
 * Ed25519 (RFC 8032) over `node:crypto`, for the mutable items of the DHT (BEP 44). Not part of what runs
 * in a browser: there, signatures are for the application to inject.
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** DER around a raw public key (SubjectPublicKeyInfo) and around a raw seed (PKCS #8), RFC 8410. */
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Signatures over raw keys. */
export const ed25519: {
  verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  publicKeyOf(seed: Uint8Array): Uint8Array
} = {
  /** True when the 64-byte signature over `message` is by the 32-byte public key. Never throws. */
  verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
    if (publicKey.length !== 32 || signature.length !== 64) return false
    try {
      return verify(null, message, publicKeyObject(publicKey), signature)
    } catch {
      // Not a point of the curve.
      return false
    }
  },

  /** The 64-byte signature by the key of a 32-byte seed. Throws RangeError for another length. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, privateKeyObject(seed)))
  },

  /** The 32-byte public key of a 32-byte seed. Throws RangeError for another length. */
  publicKeyOf(seed: Uint8Array): Uint8Array {
    const der = createPublicKey(privateKeyObject(seed)).export({ type: 'spki', format: 'der' })
    return new Uint8Array(der.subarray(PUBLIC_PREFIX.length))
  },
}

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: 'der', type: 'spki' })
}

function privateKeyObject(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new RangeError(`seed must be 32 bytes, got ${seed.length}`)
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}
