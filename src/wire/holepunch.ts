/**
 * Messages of `ut_holepunch` (BEP 55): two peers that cannot reach each other are introduced by a third.
 *
 * | bytes | field |
 * |---|---|
 * | 1 | 0 rendezvous, 1 connect, 2 error |
 * | 1 | 0 IPv4, 1 IPv6 |
 * | 4 or 16 | address |
 * | 2 | port |
 * | 4 | code of an error, else 0; some leave it out where it is 0 |
 * @module
 */

import { type Address, familyOf, ipFromBytes, ipToBytes } from '../util/address.js'
import { readU16, readU32, writeU16, writeU32 } from '../util/bytes.js'

/** Why a relay refuses to introduce two peers (BEP 55), by its number on the wire. */
export const HOLEPUNCH_ERRORS: Readonly<
  Record<'noSuchPeer' | 'notConnected' | 'noSupport' | 'noSelf', number>
> = { noSuchPeer: 1, notConnected: 2, noSupport: 3, noSelf: 4 }

/** One message of `ut_holepunch`. */
export type HolepunchMessage =
  /** To a relay: introduce me to this peer. Of a relay: connect to this peer now, over uTP. */
  | { readonly type: 'rendezvous' | 'connect'; readonly address: Address }
  /** Of a relay: there will be no introduction. `error` is one of {@link HOLEPUNCH_ERRORS}, or unknown. */
  | { readonly type: 'error'; readonly address: Address; readonly error: number }

/** The payload of an extended message. Throws RangeError for a host that is no IP. */
export function encodeHolepunch(message: HolepunchMessage): Uint8Array {
  const { host, port } = message.address
  const ip = ipToBytes(host)
  if (!ip) throw new RangeError(`host must be an IP address, got ${host}`)
  const bytes = new Uint8Array(2 + ip.length + 6)
  bytes[0] = TYPES.indexOf(message.type)
  bytes[1] = familyOf(message.address) === 6 ? 1 : 0
  bytes.set(ip, 2)
  writeU16(bytes, 2 + ip.length, port)
  if (message.type === 'error') writeU32(bytes, 4 + ip.length, message.error)
  return bytes
}

/**
 * Reads a message; undefined for what is none and must be ignored: another length than 12 or 24 bytes (8 or
 * 20 but for errors), an unknown type or family.
 */
export function decodeHolepunch(payload: Uint8Array): HolepunchMessage | undefined {
  const type = TYPES[payload[0] ?? TYPES.length]
  const family = payload[1]
  if (type === undefined || (family !== 0 && family !== 1)) return undefined
  const end = family === 0 ? 6 : 18
  const isWhole = payload.length === end + 6
  if (!isWhole && (type === 'error' || payload.length !== end + 2)) return undefined
  const address = { host: ipFromBytes(payload.subarray(2, end)), port: readU16(payload, end) }
  return type === 'error' ? { type, address, error: readU32(payload, end + 2) } : { type, address }
}

const TYPES = ['rendezvous', 'connect', 'error'] as const
