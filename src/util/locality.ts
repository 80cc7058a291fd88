/**
 * Which addresses mean something only to whoever is near.
 * @module
 */

import { ipToBytes } from './address.js'

/** How far an address reaches: this machine, this network, everywhere; undefined when the text is no IP. */
export function reachOf(host: string): 'machine' | 'network' | 'world' | undefined {
  const bytes = ipToBytes(host)
  if (!bytes) return undefined
  const [a, b] = bytes as unknown as readonly [number, number]
  if (bytes.length === 4) {
    if (a === 127) return 'machine'
    const near =
      a === 10 || (a === 172 && b >> 4 === 1) || (a === 192 && b === 168) || (a === 169 && b === 254)
    return near ? 'network' : 'world'
  }
  if (bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0)) return 'machine'
  // Link-local fe80::/10 and unique local fc00::/7.
  return (a === 0xfe && b >> 6 === 2) || a >> 1 === 0x7e ? 'network' : 'world'
}
