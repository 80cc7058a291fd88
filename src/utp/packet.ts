/**
 * uTP packets as bytes (BEP 29): a header of 20 bytes, a chain of extensions, payload.
 * @module
 */

import { readU16, readU32, writeU16, writeU32 } from '../util/bytes.js'
import { type ErrorCode, ProtocolError, type Result } from '../util/errors.js'

/** Bytes of a packet without extensions and payload. */
export const HEADER_LENGTH = 20

export const ST_DATA = 0
export const ST_FIN = 1
export const ST_STATE = 2
export const ST_RESET = 3
export const ST_SYN = 4

const SELECTIVE_ACK = 1
const TYPES: readonly UtpPacketType[] = ['data', 'fin', 'state', 'reset', 'syn']

/** `state` is an acknowledgement without payload. */
export type UtpPacketType = 'data' | 'fin' | 'state' | 'reset' | 'syn'

/** One packet. Numbers are unsigned and wrap: 16 bits for ids, `seq` and `ack`, 32 for the others. */
export interface UtpPacket {
  readonly type: UtpPacketType
  readonly connectionId: number
  /** Microseconds, when it was sent. */
  readonly timestamp: number
  /** Microseconds that the last packet of the other side took here, in the sender's clock; 0 before there is one. */
  readonly timestampDifference: number
  /** Free bytes of the receive buffer. */
  readonly window: number
  readonly seq: number
  readonly ack: number
  /** Bit 0 of byte 0 is `ack + 2`. A multiple of 4 bytes long when we write it; any length is read. */
  readonly selectiveAck?: Uint8Array
  readonly payload?: Uint8Array
}

/** Reads a packet; extensions that we do not know are skipped. The arrays are views of `bytes`. */
export function decodePacket(bytes: Uint8Array): Result<UtpPacket> {
  const header = new Header()
  if (bytes.length < HEADER_LENGTH)
    return failed('utp/too-short', `a packet has 20 bytes, got ${bytes.length}`)
  if (((bytes[0] as number) & 15) !== 1) return failed('utp/bad-version', 'the version must be 1')
  if ((bytes[0] as number) >> 4 > ST_SYN) return failed('utp/bad-type', 'the type must be 0 .. 4')
  if (!readHeader(bytes, header)) return failed('utp/bad-extension', 'the extensions run past the packet')
  return {
    ok: true,
    value: {
      type: TYPES[header.type] as UtpPacketType,
      connectionId: header.id,
      timestamp: header.timestamp >>> 0,
      timestampDifference: header.difference >>> 0,
      window: header.window,
      seq: header.seq,
      ack: header.ack,
      ...(header.maskLength > 0
        ? { selectiveAck: bytes.subarray(header.maskAt, header.maskAt + header.maskLength) }
        : {}),
      ...(header.payloadAt < bytes.length ? { payload: bytes.subarray(header.payloadAt) } : {}),
    },
  }
}

/** Writes a packet. Throws RangeError for a selective ack that is not 4, 8 .. 252 bytes long. */
export function encodePacket(packet: UtpPacket): Uint8Array {
  const mask = packet.selectiveAck
  if (mask && (mask.length === 0 || mask.length % 4 !== 0 || mask.length > 252))
    throw new RangeError(`selectiveAck must be 4, 8 .. 252 bytes, got ${mask.length}`)
  const payloadAt = HEADER_LENGTH + (mask ? 2 + mask.length : 0)
  const bytes = new Uint8Array(payloadAt + (packet.payload?.length ?? 0))
  writeHeader(bytes, TYPES.indexOf(packet.type), packet.connectionId, packet.seq, packet.ack)
  writeU32(bytes, 4, packet.timestamp)
  writeU32(bytes, 8, packet.timestampDifference)
  writeU32(bytes, 12, packet.window)
  if (mask) {
    bytes[1] = SELECTIVE_ACK
    bytes[HEADER_LENGTH + 1] = mask.length
    bytes.set(mask, HEADER_LENGTH + 2)
  }
  if (packet.payload) bytes.set(packet.payload, payloadAt)
  return bytes
}

function failed(code: ErrorCode, message: string): Result<never> {
  return { ok: false, error: new ProtocolError(code, message) }
}

/** The fields of the packet that is being received; one object is reused for all. */
export class Header {
  type = 0
  id = 0
  /** Microseconds modulo 2^32, as signed integers: others would each be an object in memory. */
  timestamp = 0
  difference = 0
  window = 0
  seq = 0
  ack = 0
  /** The selective ack: `maskLength` bytes at `maskAt`. */
  maskAt = 0
  maskLength = 0
  payloadAt = 0
}

/** Reads the header and walks the extensions; false when `bytes` are no whole uTP packet. */
export function readHeader(bytes: Uint8Array, into: Header): boolean {
  const length = bytes.length
  if (length < HEADER_LENGTH) return false
  const first = bytes[0] as number
  if ((first & 15) !== 1 || first >> 4 > ST_SYN) return false
  into.type = first >> 4
  into.id = readU16(bytes, 2)
  into.timestamp = readU32(bytes, 4) | 0
  into.difference = readU32(bytes, 8) | 0
  into.window = readU32(bytes, 12)
  into.seq = readU16(bytes, 16)
  into.ack = readU16(bytes, 18)
  into.maskLength = 0
  let extension = bytes[1] as number
  let at = HEADER_LENGTH
  while (extension !== 0) {
    if (at + 2 > length) return false
    const next = bytes[at] as number
    const size = bytes[at + 1] as number
    at += 2
    if (at + size > length) return false
    if (extension === SELECTIVE_ACK) {
      into.maskAt = at
      into.maskLength = size
    }
    at += size
    extension = next
  }
  into.payloadAt = at
  return true
}

/** Writes what stays the same however often a packet is sent, and no extension. */
export function writeHeader(bytes: Uint8Array, type: number, id: number, seq: number, ack: number): void {
  bytes[0] = (type << 4) | 1
  bytes[1] = 0
  writeU16(bytes, 2, id)
  writeU16(bytes, 16, seq)
  writeU16(bytes, 18, ack)
}

/**
 * Turns the end of a header of `at` bytes into a selective ack of `length` bytes, to be filled; returns
 * where its bytes begin.
 */
export function beginMask(bytes: Uint8Array, length: number): number {
  bytes[1] = SELECTIVE_ACK
  bytes[HEADER_LENGTH] = 0
  bytes[HEADER_LENGTH + 1] = length
  return HEADER_LENGTH + 2
}

/** An extension that no stack knows, so that all skip it. */
const PADDING = 0x5a

/**
 * Fills `length` bytes after the header with extensions that receivers skip, so that a packet has the size
 * that is to be probed while its payload stays what it is. `length` is at least 2.
 */
export function writePadding(bytes: Uint8Array, length: number): void {
  bytes[1] = PADDING
  let at = HEADER_LENGTH
  let left = length
  while (left > 0) {
    // A rest of one byte could not hold the head of an extension.
    let size = Math.min(left, 257)
    if (left - size === 1) size--
    bytes.fill(0, at, at + size)
    bytes[at] = left > size ? PADDING : 0
    bytes[at + 1] = size - 2
    at += size
    left -= size
  }
}

/** Microseconds modulo 2^32 of `now` in ms, as a signed integer. */
export function micros(now: number): number {
  return (now * 1000) | 0
}

/** How many steps `to` is ahead of `from`, modulo 2^16: 0 .. 65535. Above 32767 it is behind. */
export function ahead(to: number, from: number): number {
  return (to - from) & 0xffff
}
