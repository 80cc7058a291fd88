import { fromHex, toHex } from '../../src/util/bytes.js'
import { KEY_LENGTH, type KeyExchange, MSE_PRIME } from '../../src/wire/mse/keys.js'

const P = BigInt(`0x${toHex(MSE_PRIME)}`)

/** Diffie-Hellman by BigInt: an oracle for the one of Node. */
export function bigKeyExchange(privateKey: Uint8Array): KeyExchange {
  const exponent = BigInt(`0x${toHex(privateKey)}`)
  return {
    publicKey: numberBytes(power(2n, exponent)),
    secret: (theirs) => numberBytes(power(BigInt(`0x${toHex(theirs)}`), exponent)),
  }
}

/** A number as 96 bytes; negative ones count down from P. */
export function keyOf(number: bigint): Uint8Array {
  return numberBytes(number < 0n ? P + number : number)
}

function numberBytes(number: bigint): Uint8Array {
  return fromHex(number.toString(16).padStart(KEY_LENGTH * 2, '0')) as Uint8Array
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % P) {
    if (left & 1n) result = (result * square) % P
  }
  return result
}
