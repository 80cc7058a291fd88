/**
 * Write tokens (BEP 5): a node that announces or puts shows that it receives what is sent to its address.
 * A token is a keyed hash of the address and what it is for; nothing is stored per token.
 * @module
 */

import { readU32, writeU32 } from '../util/bytes.js'
import type { Random } from '../util/random.js'
import { type HashKey, halfSipHash } from './half-sip-hash.js'

/** ms that a secret makes tokens; they stay valid for as long again, so 5 to 10 min (BEP 5). */
export const SECRET_LIFE = 300_000
/** Bytes of a token. Four (libtorrent) suffice: a guess costs a datagram, and the secret is gone in 10 min. */
const TOKEN_BYTES = 4
/** An IP, and what the token is bound to. */
const LONGEST = 16 + 20

/** Tokens made of the current and the previous secret. */
export class Tokens {
  private readonly random: Random
  private secret: HashKey
  private previous: HashKey
  private rotated: number
  private readonly input: Uint8Array = new Uint8Array(LONGEST)

  constructor(random: Random, now: number) {
    this.random = random
    this.secret = this.draw()
    // No node can hold a token of it: it is as good as none.
    this.previous = this.draw()
    this.rotated = now
  }

  /** The token of an endpoint (6 or 18 bytes, of which the IP counts) for one infohash or target (20 bytes). */
  issue(endpoint: Uint8Array, target: Uint8Array, now: number): Uint8Array {
    this.rotate(now)
    const token = new Uint8Array(TOKEN_BYTES)
    writeU32(token, 0, this.hash(endpoint, target, this.secret))
    return token
  }

  /** True when `token` was issued to this IP for this infohash or target in the last 5 to 10 min. */
  isValid(token: Uint8Array, endpoint: Uint8Array, target: Uint8Array, now: number): boolean {
    if (token.length !== TOKEN_BYTES) return false
    this.rotate(now)
    const given = readU32(token, 0)
    return (
      given === this.hash(endpoint, target, this.secret) ||
      given === this.hash(endpoint, target, this.previous)
    )
  }

  private hash(endpoint: Uint8Array, target: Uint8Array, secret: HashKey): number {
    const { input } = this
    const ip = endpoint.length - 2
    for (let i = 0; i < ip; i++) input[i] = endpoint[i] as number
    for (let i = 0; i < 20; i++) input[ip + i] = target[i] as number
    return halfSipHash(secret, input, ip + 20)
  }

  private rotate(now: number): void {
    const age = now - this.rotated
    if (age < SECRET_LIFE) return
    // After a long pause both secrets are out of date.
    this.previous = age < 2 * SECRET_LIFE ? this.secret : this.draw()
    this.secret = this.draw()
    // On a fixed grid: secrets rotate by and by, however seldom one is asked for.
    this.rotated += Math.floor(age / SECRET_LIFE) * SECRET_LIFE
  }

  private draw(): HashKey {
    return [this.random.uint32(), this.random.uint32()]
  }
}
