/**
 * Node ids: the XOR metric (BEP 5), and ids that an IP address entitles to (BEP 42).
 * @module
 */

import { crc32c } from '../../util/crc32c.js'
import { isLocalIp } from '../../util/locality.js'
import type { Random } from '../../util/random.js'
import { ID_LENGTH } from '../krpc/message.js'

const MASK_4 = [0x03, 0x0f, 0x3f, 0xff]
const MASK_6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff]

/** A fresh id for an IP (4 or 16 bytes): 21 bits and the last byte are ruled by BEP 42, the rest is random. */
export function makeNodeId(ip: Uint8Array, random: Random): Uint8Array {
  const id = random.bytes(ID_LENGTH)
  const crc = entitled(ip, (id[19] as number) & 7)
  id[0] = crc >>> 24
  id[1] = crc >>> 16
  id[2] = ((crc >>> 8) & 0xf8) | ((id[2] as number) & 7)
  return id
}

/**
 * True when the IP (4 or 16 bytes) entitles to the id that `bytes` begin with. Local addresses entitle to any.
 */
export function isEntitled(bytes: Uint8Array, ip: Uint8Array): boolean {
  if (isLocalIp(ip)) return true
  const crc = entitled(ip, (bytes[19] as number) & 7)
  return (
    bytes[0] === crc >>> 24 &&
    bytes[1] === ((crc >>> 16) & 0xff) &&
    ((bytes[2] as number) & 0xf8) === ((crc >>> 8) & 0xf8)
  )
}

const masked4 = new Uint8Array(4)
const masked8 = new Uint8Array(8)

function entitled(ip: Uint8Array, r: number): number {
  const isIpv4 = ip.length === 4
  const masked = isIpv4 ? masked4 : masked8
  const mask = isIpv4 ? MASK_4 : MASK_6
  for (let i = 0; i < masked.length; i++) masked[i] = (ip[i] as number) & (mask[i] as number)
  masked[0] = (masked[0] as number) | (r << 5)
  return crc32c(masked)
}

/** Leading bits that both ids (or what begins with them) share: 0 .. 160. */
export function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const difference = (a[i] as number) ^ (b[i] as number)
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24
  }
  return 8 * ID_LENGTH
}

/** The first 32 bits of an id as a signed integer: enough to tell nearly all distances apart. */
export function prefixOf(id: Uint8Array): number {
  return ((id[0] as number) << 24) | ((id[1] as number) << 16) | ((id[2] as number) << 8) | (id[3] as number)
}

/** Anything with an id at the beginning of `node` and its {@link prefixOf}. */
export interface Placed {
  readonly node: Uint8Array
  readonly prefix: number
}

/** Negative when `a` is nearer to the target than `b`. `prefix` is the target's. */
export function compareDistance(a: Placed, b: Placed, target: Uint8Array, prefix: number): number {
  const first = (a.prefix ^ prefix) >>> 0
  const second = (b.prefix ^ prefix) >>> 0
  if (first !== second) return first - second
  for (let i = 4; i < ID_LENGTH; i++) {
    const wanted = target[i] as number
    const difference = ((a.node[i] as number) ^ wanted) - ((b.node[i] as number) ^ wanted)
    if (difference !== 0) return difference
  }
  return 0
}

/** A random id that shares exactly `bits` leading bits with `id` (0 .. 159), or at least so many. */
export function randomIdNear(id: Uint8Array, bits: number, exactly: boolean, random: Random): Uint8Array {
  const near = random.bytes(ID_LENGTH)
  const whole = bits >>> 3
  near.set(id.subarray(0, whole))
  const rest = bits & 7
  const mask = (0xff00 >>> rest) & 0xff
  const own = id[whole] as number
  near[whole] = (own & mask) | ((near[whole] as number) & ~mask)
  if (exactly) {
    const bit = 0x80 >>> rest
    near[whole] = ((near[whole] as number) & ~bit) | (~own & bit)
  }
  return near
}
