/**
 * The Diffie-Hellman exchange of MSE over `node:crypto`.
 * @module
 */

import { createDiffieHellman, type DiffieHellman } from 'node:crypto'
import { KEY_LENGTH, type KeyExchange, MSE_PRIME } from '../../wire/mse/keys.js'

let group: DiffieHellman | undefined

/**
 * One side of an exchange. All share one object of OpenSSL, which takes 20 ms to make (it checks the
 * prime), and is given the private key for each computation, which then takes 0.05 ms.
 */
export function nodeKeyExchange(privateKey: Uint8Array): KeyExchange {
  group ??= createDiffieHellman(MSE_PRIME, 2)
  group.setPrivateKey(privateKey)
  const publicKey = padded(group.generateKeys())
  return {
    publicKey,
    secret(theirs) {
      const shared = group as DiffieHellman
      shared.setPrivateKey(privateKey)
      return padded(shared.computeSecret(theirs))
    },
  }
}

/** OpenSSL leaves out leading zeros in some versions. */
function padded(number: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(KEY_LENGTH)
  bytes.set(number, KEY_LENGTH - number.length)
  return bytes
}
