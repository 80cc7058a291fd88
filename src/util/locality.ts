/**
 * Which addresses mean something only to hosts that are near.
 * @module
 */

import { ipToBytes } from './address.js'

/** How far an address reaches: this machine, this network, everywhere; undefined when the text is no IP. */
export function reachOf(host: string): 'machine' | 'network' | 'world' | undefined {
  const bytes = ipToBytes(host)
  if (!bytes) return undefined
  const loopback = bytes.length === 4 ? bytes[0] === 127 : bytes[0] === 0 && isLocalIp(bytes)
  if (loopback) return 'machine'
  return isLocalIp(bytes) ? 'network' : 'world'
}

/**
 * True for addresses that no stranger on the internet can have: loopback, private, link-local and
 * unique local ones. BEP 42 exempts them, and only local nodes may tell of them. The address is the first
 * `length` bytes, by default all.
 */
export function isLocalIp(ip: Uint8Array, length: number = ip.length): boolean {
  const first = ip[0] as number
  const second = ip[1] as number
  if (length === 4) {
    return (
      first === 127 ||
      first === 10 ||
      (first === 172 && (second & 0xf0) === 16) ||
      (first === 192 && second === 168) ||
      (first === 169 && second === 254)
    )
  }
  if (first === 0xfe) return (second & 0xc0) === 0x80
  if ((first & 0xfe) === 0xfc) return true
  if (first !== 0) return false
  for (let i = 0; i < 15; i++) if (ip[i] !== 0) return false
  return ip[15] === 1
}
