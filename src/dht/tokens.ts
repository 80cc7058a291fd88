/**
 * Write tokens (BEP 5): whoever announces or puts shows that it receives what is sent to its address.
 * A token is a hash of the address and a secret; nothing is stored per token.
 * @module
 */

import { sha1 } from '#hash'
import { ipToBytes } from '../util/address.js'
import { equalBytes } from '../util/bytes.js'
import type { Random } from '../util/random.js'

/** ms that a secret makes tokens; they stay valid for as long again, so 5 to 10 min (BEP 5). */
export const SECRET_LIFE = 300_000
/** Bytes of a token. Four (LT) suffice: a guess costs a datagram, and the secret is gone in 10 min. */
const TOKEN_BYTES = 4
const SECRET_BYTES = 16
/** IP, secret, and what it is bound to. */
const LONGEST = 16 + SECRET_BYTES + 20

/** Tokens made of the current and the previous secret. */
export class Tokens {
  readonly #random: Random
  #secret: Uint8Array
  #previous: Uint8Array
  #rotated: number
  readonly #input: Uint8Array = new Uint8Array(LONGEST)

  constructor(random: Random, now: number) {
    this.#random = random
    this.#secret = random.bytes(SECRET_BYTES)
    // Nobody can hold a token of it: it is as good as none.
    this.#previous = random.bytes(SECRET_BYTES)
    this.#rotated = now
  }

  /** The token of an IP for one infohash or target (20 bytes). */
  issue(host: string, target: Uint8Array, now: number): Uint8Array {
    this.#rotate(now)
    return this.#make(host, target, this.#secret)
  }

  /** True when `token` was issued to this IP for this infohash or target in the last 5 to 10 min. */
  isValid(token: Uint8Array, host: string, target: Uint8Array, now: number): boolean {
    if (token.length !== TOKEN_BYTES) return false
    this.#rotate(now)
    return (
      equalBytes(token, this.#make(host, target, this.#secret)) ||
      equalBytes(token, this.#make(host, target, this.#previous))
    )
  }

  #make(host: string, target: Uint8Array, secret: Uint8Array): Uint8Array {
    const input = this.#input
    const ip = ipToBytes(host) ?? NO_IP
    input.set(ip)
    input.set(secret, ip.length)
    input.set(target, ip.length + SECRET_BYTES)
    return sha1(input.subarray(0, ip.length + SECRET_BYTES + target.length)).slice(0, TOKEN_BYTES)
  }

  #rotate(now: number): void {
    const age = now - this.#rotated
    if (age < SECRET_LIFE) return
    // After a long pause both secrets are out of date.
    this.#previous = age < 2 * SECRET_LIFE ? this.#secret : this.#random.bytes(SECRET_BYTES)
    this.#secret = this.#random.bytes(SECRET_BYTES)
    // On a fixed grid: secrets rotate by and by, however seldom anybody asks.
    this.#rotated += Math.floor(age / SECRET_LIFE) * SECRET_LIFE
  }
}

const NO_IP: Uint8Array = new Uint8Array(0)
