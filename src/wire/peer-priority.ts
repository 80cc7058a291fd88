/**
 * Canonical peer priority (BEP 40): a rank that both ends of a connection compute alike, so that full
 * swarms agree which connections to keep, and no peer can choose a high one by choosing an address.
 * @module
 */

import { type Address, ipToBytes } from '../util/address.js'
import { compareBytes, concatBytes, writeU16 } from '../util/bytes.js'
import { crc32c } from '../util/crc32c.js'

/**
 * The priority of a connection between two endpoints, 0 .. 2^32 - 1, larger is better; symmetric. Addresses
 * count down to where they begin to differ, ports only between equal addresses. Undefined between different
 * families and for a host that is no IP.
 */
export function peerPriority(a: Address, b: Address): number | undefined {
  const one = ipToBytes(a.host)
  const other = ipToBytes(b.host)
  if (!one || one.length !== other?.length) return undefined
  let equal = 0
  while (equal < one.length && one[equal] === other[equal]) equal++
  if (equal === one.length) {
    const ports = new Uint8Array(4)
    writeU16(ports, 0, Math.min(a.port, b.port))
    writeU16(ports, 2, Math.max(a.port, b.port))
    return crc32c(ports)
  }
  // What is equal is kept, and one byte more: from the third byte of IPv4, from the seventh of IPv6.
  const kept = one.length === 4 ? (equal < 2 ? 2 : equal + 1) : equal < 6 ? 6 : equal + 1
  for (let i = kept; i < one.length; i++) {
    one[i] = (one[i] as number) & 0x55
    other[i] = (other[i] as number) & 0x55
  }
  return crc32c(compareBytes(one, other) < 0 ? concatBytes(one, other) : concatBytes(other, one))
}
