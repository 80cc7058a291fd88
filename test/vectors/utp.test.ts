import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/util/bytes.js'
import { decodePacket, encodePacket, type UtpPacket } from '../../src/utp/packet.js'

const syn: UtpPacket = {
  type: 'syn',
  connectionId: 0x1234,
  timestamp: 1_000_000,
  timestampDifference: 0,
  window: 1_048_576,
  seq: 1,
  ack: 0,
}

/** ack 100; 102, 104 and 109 are held out of order. */
const state: UtpPacket = {
  type: 'state',
  connectionId: 0x1235,
  timestamp: 2_000_000,
  timestampDifference: 750,
  window: 1_048_576,
  seq: 1,
  ack: 100,
  selectiveAck: Uint8Array.of(0x85, 0, 0, 0),
}

describe('BEP 29', () => {
  it.each([
    ['SYN', '41001234000f4240000000000010000000010000', syn],
    ['STATE with a selective ack', '21011235001e8480000002ee0010000000010064000485000000', state],
  ] as const)('%s', (_, hex, packet) => {
    expect(toHex(encodePacket(packet))).toBe(hex)
    expect(decodePacket(fromHex(hex)!)).toEqual({ ok: true, value: packet })
  })

  it.each([
    ['data', '01'],
    ['fin', '11'],
    ['state', '21'],
    ['reset', '31'],
    ['syn', '41'],
  ] as const)('%s begins with %s', (type, first) => {
    expect(toHex(encodePacket({ ...syn, type }).subarray(0, 1))).toBe(first)
  })
})
