/**
 * Endpoints in compact form (6 or 18 bytes), as the DHT handles them: without text and without allocation
 * where a datagram arrives.
 * @module
 */

import { type Address, ipFromBytes, ipToBytes } from '../../util/address.js'
import { readU16, toLatin1, writeU16 } from '../../util/bytes.js'
import { isLocalIp } from '../../util/locality.js'

/** Bytes of a compact endpoint. */
export function endpointLength(family: 4 | 6): 6 | 18 {
  return family === 4 ? 6 : 18
}

/** Writes the compact form into `into`, which has the length of the node's family; false for the other family. */
export function writeEndpoint(address: Address, into: Uint8Array): boolean {
  const { host, port } = address
  if (into.length === 6 && writeIpv4(host, into)) {
    writeU16(into, 4, port)
    return true
  }
  const ip = ipToBytes(host)
  if (ip?.length !== into.length - 2) return false
  into.set(ip)
  writeU16(into, ip.length, port)
  return true
}

/** Dotted text into 4 bytes; false for anything else. The path of every datagram, so no regular expression. */
function writeIpv4(host: string, into: Uint8Array): boolean {
  let value = 0
  let digits = 0
  let part = 0
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === 0x2e) {
      if (digits === 0 || part === 3) return false
      into[part++] = value
      value = 0
      digits = 0
    } else {
      const digit = code - 0x30
      if (digit < 0 || digit > 9 || ++digits > 3) return false
      value = value * 10 + digit
      if (value > 255) return false
    }
  }
  if (part !== 3 || digits === 0) return false
  into[3] = value
  return true
}

/** Text form of the endpoint at `at`. */
export function readAddress(bytes: Uint8Array, at: number, family: 4 | 6): Address {
  const ip = family === 4 ? 4 : 16
  return { host: ipFromBytes(bytes.subarray(at, at + ip)), port: readU16(bytes, at + ip) }
}

/**
 * False for what cannot be sent to: port 0, unspecified, broadcast and multicast addresses, and IPv4
 * inside IPv6. `local` admits loopback and private addresses too.
 */
export function isUsableEndpoint(endpoint: Uint8Array, local: boolean): boolean {
  const { length } = endpoint
  if (endpoint[length - 1] === 0 && endpoint[length - 2] === 0) return false
  const first = endpoint[0] as number
  if (length === 6) {
    if (first === 0 || first >= 224) return false
  } else {
    if (first === 0xff) return false
    if (first === 0 && !local) return false
    let zeros = 0
    while (zeros < 16 && endpoint[zeros] === 0) zeros++
    if (zeros === 16) return false
    if (zeros === 10 && endpoint[10] === 0xff && endpoint[11] === 0xff) return false
  }
  return local || !isLocalIp(endpoint, length - 2)
}

/**
 * What counts as one host: the /24 of an IPv4 address, the /64 of an IPv6 one, since a host that has one
 * address of it may have all. On a local network every endpoint counts: many nodes of one machine are
 * honest there.
 */
export function networkKey(endpoint: Uint8Array): number | string {
  const isLocal = isLocalIp(endpoint, endpoint.length - 2)
  if (endpoint.length === 6) {
    const network = ((endpoint[0] as number) << 16) | ((endpoint[1] as number) << 8) | (endpoint[2] as number)
    if (!isLocal) return network
    // Beyond all networks, and cheaper than text.
    const rest = ((endpoint[3] as number) << 16) | readU16(endpoint, 4)
    return (network + 1) * 0x100_0000 + rest
  }
  const network = String.fromCharCode(
    readU16(endpoint, 0),
    readU16(endpoint, 2),
    readU16(endpoint, 4),
    readU16(endpoint, 6),
  )
  return isLocal ? network + toLatin1(endpoint.subarray(8)) : network
}
