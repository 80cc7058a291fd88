/**
 * Connection ids of the UDP tracker that need no memory: a keyed hash of the client's IP and the time
 * (BEP 15 wants them unguessable, so that no client announces under a forged address).
 * @module
 */

import { sha1 } from '#hash'
import { readU32, utf8, writeU32 } from '../util/bytes.js'
import type { Random } from '../util/random.js'

/** ms; an id of the present or the previous window is good, so it lives 2 to 4 minutes (BEP 15: at least 2). */
const WINDOW = 120_000

export class ConnectionIds {
  readonly #secret: Uint8Array

  constructor(random: Random) {
    this.#secret = random.bytes(20)
  }

  /** The id for a client. Its port is left out: a NAT may give the next datagram another one. */
  issue(host: string, now: number): bigint {
    return this.#hash(host, Math.floor(now / WINDOW))
  }

  /** True for an id that {@link issue} gave to this IP within the last two minutes. */
  verify(id: bigint, host: string, now: number): boolean {
    const window = Math.floor(now / WINDOW)
    return id === this.#hash(host, window) || id === this.#hash(host, window - 1)
  }

  #hash(host: string, window: number): bigint {
    const address = utf8(host)
    const bytes = new Uint8Array(28 + address.length)
    bytes.set(this.#secret)
    writeU32(bytes, 20, Math.floor(window / 0x1_0000_0000))
    writeU32(bytes, 24, window)
    bytes.set(address, 28)
    const digest = sha1(bytes)
    return (BigInt(readU32(digest, 0)) << 32n) | BigInt(readU32(digest, 4))
  }
}
