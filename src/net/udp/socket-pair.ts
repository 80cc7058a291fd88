/**
 * The UDP sockets of a session, one per address family on one port, shared by DHT, uTP and UDP trackers
 * (BEP 5, 15, 29). The first byte of a datagram tells whose it is.
 * @module
 */

import { type Address, familyOf } from '../../util/address.js'
import { errorCode } from '../../util/errors.js'
import { logger } from '../log.js'
import type { DatagramSocket, World } from '../world.js'

const log = logger('udp')

/** `d`: every KRPC message is a dictionary. */
const DICTIONARY = 0x64
/** Types of uTP packets: data, fin, state, reset, syn. */
const UTP_TYPES = 5
/** The header of a uTP packet. */
const UTP_HEADER = 20
/** Codes of a machine without the family at hand: no reason to fail. */
const NO_FAMILY: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EINVAL'])

/** Takes a datagram; the bytes are lent for the duration of the call. */
export type DatagramReceiver = (bytes: Uint8Array, from: Address, now: number) => void

export class SocketPair {
  /** Takes what begins like a bencoded dictionary. */
  onDht: DatagramReceiver | undefined
  /** Takes what has the header of a uTP packet. */
  onUtp: DatagramReceiver | undefined
  /** Takes everything else: answers of trackers, known by their transaction. */
  onOther: DatagramReceiver | undefined
  readonly #world: World
  readonly #sockets: { 4?: DatagramSocket; 6?: DatagramSocket } = {}
  #closed = false

  constructor(world: World) {
    this.#world = world
  }

  /** Where the sockets are bound, IPv4 first. */
  get addresses(): readonly Address[] {
    return [this.#sockets[4], this.#sockets[6]].flatMap((socket) => (socket ? [socket.address] : []))
  }

  /** The port of all sockets, 0 before they are open. */
  get port(): number {
    return this.addresses[0]?.port ?? 0
  }

  /** The smaller receive buffer of the sockets, bytes as the system counts them; undefined where there is none. */
  get receiveBuffer(): number | undefined {
    const sizes = [this.#sockets[4], this.#sockets[6]].flatMap((socket) => socket?.receiveBuffer ?? [])
    return sizes.length > 0 ? Math.min(...sizes) : undefined
  }

  /** True when datagrams can be sent to addresses of this family. */
  has(family: 4 | 6): boolean {
    return this.#sockets[family] !== undefined
  }

  /**
   * Binds both families, or the one of `host`, on one port; port 0 takes one that is free in both. A family
   * that the machine lacks is left out. Resolves to the port; rejects with `EADDRINUSE` when it is taken,
   * and then nothing is bound.
   */
  async open(at: { readonly host?: string; readonly port: number }): Promise<number> {
    const families: readonly (4 | 6)[] = at.host === undefined ? [4, 6] : [at.host.includes(':') ? 6 : 4]
    let port = at.port
    let missing: unknown
    try {
      for (const family of families) {
        try {
          port = await this.#bind(family, port, at.host)
        } catch (error) {
          if (!NO_FAMILY.has(errorCode(error))) throw error
          log('no IPv%d: %s', family, errorCode(error))
          missing = error
        }
      }
      if (this.addresses.length === 0) throw missing
    } catch (error) {
      await this.#release()
      throw error
    }
    if (this.#closed) await this.#release()
    return port
  }

  /** Sends one datagram; the bytes may be reused right after. Lost when the family is not there. */
  send(bytes: Uint8Array, to: Address): void {
    this.#sockets[familyOf(to)]?.send(bytes, to)
  }

  /** Closes the sockets; nothing is received after the call. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#release()
  }

  async #bind(family: 4 | 6, port: number, host: string | undefined): Promise<number> {
    const socket = await this.#world.bind(
      { port, family, ...(host !== undefined && { host }) },
      (bytes, from) => this.#receive(bytes, from),
    )
    this.#sockets[family] = socket
    return socket.address.port
  }

  async #release(): Promise<void> {
    const sockets = [this.#sockets[4], this.#sockets[6]].flatMap((socket) => socket ?? [])
    delete this.#sockets[4]
    delete this.#sockets[6]
    await Promise.all(sockets.map((socket) => socket.close()))
  }

  #receive(bytes: Uint8Array, from: Address): void {
    if (this.#closed) return
    const first = bytes[0]
    const now = this.#world.now()
    if (first === DICTIONARY) this.onDht?.(bytes, from, now)
    else if (isUtp(bytes)) this.onUtp?.(bytes, from, now)
    else this.onOther?.(bytes, from, now)
  }
}

/** Version 1 in the low half of the first byte, a known type in the high one; tracker answers begin with zeros. */
function isUtp(bytes: Uint8Array): boolean {
  const first = bytes[0]
  return first !== undefined && bytes.length >= UTP_HEADER && (first & 0x0f) === 1 && first >>> 4 < UTP_TYPES
}
