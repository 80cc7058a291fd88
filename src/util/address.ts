/**
 * Peer endpoints and their compact forms (BEP 5, 7, 23).
 * @module
 */

import { readU16, writeU16 } from './bytes.js'

/** An IP endpoint. `host` is IPv4 dotted text or IPv6 text in the form {@link ipFromBytes} prints; never a name. */
export interface Address {
  readonly host: string
  /** 1 .. 65535. */
  readonly port: number
}

/** A key that is equal exactly for equal addresses: `1.2.3.4:6881`, `[2001:db8::1]:6881`. */
export function addressKey(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** Text of 4 or 16 address bytes (RFC 5952 for IPv6; IPv4-mapped addresses become IPv4). */
export function ipFromBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push(readU16(bytes, i))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return ipFromBytes(bytes.subarray(12, 16))
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > length) {
      start = i
      length = run
    }
  }
  const hex = groups.map((group) => group.toString(16))
  if (start < 0) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** The 4 or 16 bytes of IP text (IPv4-mapped IPv6 gives 4, a zone is dropped), or undefined when it is no IP. */
export function ipToBytes(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return ipv4ToBytes(text)
  const zone = text.indexOf('%')
  let rest = zone < 0 ? text : text.slice(0, zone)
  let tail: Uint8Array | undefined
  if (rest.includes('.')) {
    const cut = rest.lastIndexOf(':') + 1
    tail = ipv4ToBytes(rest.slice(cut))
    if (!tail) return undefined
    rest = `${rest.slice(0, cut)}${readU16(tail, 0).toString(16)}:${readU16(tail, 2).toString(16)}`
  }
  const halves = rest.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0] as string)
  const foot = halves.length === 2 ? groupsOf(halves[1] as string) : []
  if (!head || !foot) return undefined
  const missing = 8 - head.length - foot.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...foot]
  const bytes = new Uint8Array(16)
  for (let i = 0; i < 8; i++) writeU16(bytes, 2 * i, groups[i] as number)
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return mapped ? bytes.slice(12) : bytes
}

function ipv4ToBytes(text: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return undefined
  const parts = match.slice(1).map(Number)
  return parts.every((part) => part <= 255) ? Uint8Array.from(parts) : undefined
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined
}

/** The address in canonical text, or undefined when `host` is no IP or the port is out of 1 .. 65535. */
export function parseAddress(host: string, port: number): Address | undefined {
  const bytes = ipToBytes(host)
  if (!bytes || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  return { host: ipFromBytes(bytes), port }
}

/** Host and port of `1.2.3.4:6881`, `[::1]:6881` or `name:6881`. Throws RangeError for anything else. */
export function parseEndpoint(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port < 1 || port > 65_535) throw new RangeError(`peer must be host:port, got ${text}`)
  return { host: (match[1] ?? match[2]) as string, port }
}

/** 4 or 6: the family of an {@link Address}. */
export function familyOf(address: Address): 4 | 6 {
  const { host } = address
  // Every datagram asks, and either mark is among the first five characters: five times faster than `includes`.
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === 0x3a) return 6
    if (code === 0x2e) return 4
  }
  return 4
}

/** Compact form: 6 bytes for IPv4, 18 for IPv6. Throws RangeError when `host` is no IP. */
export function encodeCompact(address: Address): Uint8Array {
  const ip = ipToBytes(address.host)
  if (!ip) throw new RangeError(`host must be an IP address, got ${address.host}`)
  const bytes = new Uint8Array(ip.length + 2)
  bytes.set(ip)
  writeU16(bytes, ip.length, address.port)
  return bytes
}

/**
 * The endpoints of a compact list, unusable ones left out, or undefined when the length is not a
 * multiple of the entry size (6 for IPv4, 18 for IPv6).
 */
export function decodeCompactList(bytes: Uint8Array, family: 4 | 6): Address[] | undefined {
  const ip = family === 4 ? 4 : 16
  if (bytes.length % (ip + 2) !== 0) return undefined
  const addresses: Address[] = []
  for (let at = 0; at < bytes.length; at += ip + 2) {
    const address = { host: ipFromBytes(bytes.subarray(at, at + ip)), port: readU16(bytes, at + ip) }
    if (isDialable(address)) addresses.push(address)
  }
  return addresses
}

/** False for port 0 and for unspecified, broadcast and multicast addresses: no peer listens there. */
export function isDialable(address: Address): boolean {
  if (!Number.isInteger(address.port) || address.port < 1 || address.port > 65_535) return false
  const bytes = ipToBytes(address.host)
  if (!bytes) return false
  const first = bytes[0] as number
  if (bytes.length === 4) return first !== 0 && first < 224
  return first !== 0xff && bytes.some((byte) => byte !== 0)
}
