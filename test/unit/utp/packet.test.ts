import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../src/util/bytes.js'
import {
  ahead,
  decodePacket,
  encodePacket,
  HEADER_LENGTH,
  Header,
  micros,
  readHeader,
  type UtpPacket,
  writePadding,
} from '../../../src/utp/packet.js'

const data: UtpPacket = {
  type: 'data',
  connectionId: 65_535,
  timestamp: 0xffff_ffff,
  timestampDifference: 0xffff_fffe,
  window: 0xffff_fffd,
  seq: 65_535,
  ack: 65_534,
  payload: Uint8Array.of(1, 2, 3),
}

/** `data` with this chain between header and payload. */
function withChain(first: number, ...chain: number[]): Uint8Array {
  const plain = encodePacket(data)
  const bytes = concatBytes(plain.subarray(0, 20), Uint8Array.from(chain), plain.subarray(20))
  bytes[1] = first
  return bytes
}

function code(bytes: Uint8Array): string | undefined {
  const result = decodePacket(bytes)
  return result.ok ? undefined : result.error.code
}

describe('packets', () => {
  it('keep unsigned numbers whole', () => {
    expect(decodePacket(encodePacket(data))).toEqual({ ok: true, value: data })
  })

  it.each([0, 1, 19])('of %i bytes are too short', (length) => {
    expect(code(encodePacket(data).subarray(0, length))).toBe('utp/too-short')
  })

  it.each([
    [0x00, 'utp/bad-version'],
    [0x02, 'utp/bad-version'],
    [0x51, 'utp/bad-type'],
    [0xf1, 'utp/bad-type'],
    // `d`, the first byte of a DHT message.
    [0x64, 'utp/bad-version'],
  ])('with first byte %i: %s', (first, expected) => {
    const bytes = encodePacket(data)
    bytes[0] = first
    expect(code(bytes)).toBe(expected)
    expect(readHeader(bytes, new Header())).toBe(false)
  })

  it('skip extensions that nobody knows, and find a selective ack behind them', () => {
    const packet = decodePacket(withChain(7, 1, 3, 9, 9, 9, 200, 4, 1, 2, 3, 4, 0, 0))
    expect(packet).toEqual({ ok: true, value: { ...data, selectiveAck: Uint8Array.of(1, 2, 3, 4) } })
  })

  it('may have a selective ack of any length', () => {
    for (const length of [1, 3, 5, 255]) {
      const packet = decodePacket(withChain(1, 0, length, ...new Array<number>(length).fill(255)))
      expect(packet.ok && packet.value.selectiveAck?.length).toBe(length)
    }
    expect(decodePacket(withChain(1, 0, 0))).toEqual({ ok: true, value: data })
  })

  it.each([
    ['ends in its head', withChain(1).subarray(0, 21)],
    ['has more bytes than the packet', withChain(1, 0, 4).subarray(0, 23)],
    ['goes on after the end', withChain(1, 1, 1, 0).subarray(0, 23)],
    ['has a length only', withChain(9, 9, 255)],
  ])('whose chain %s are refused', (_, bytes) => {
    expect(code(bytes)).toBe('utp/bad-extension')
  })

  it('refuse to be written with a selective ack of odd length', () => {
    for (const length of [0, 1, 3, 256])
      expect(() => encodePacket({ ...data, selectiveAck: new Uint8Array(length) })).toThrow(RangeError)
  })
})

it('padding of every length from 2 is a chain that leaves the payload alone', () => {
  for (const length of [2, 3, 255, 256, 257, 258, 259, 260, 513, 514, 515, 516, 1400]) {
    const bytes = new Uint8Array(HEADER_LENGTH + length + 3)
    bytes.set(encodePacket({ ...data, payload: new Uint8Array(0) }))
    writePadding(bytes, length)
    bytes.set([1, 2, 3], HEADER_LENGTH + length)
    expect(decodePacket(bytes)).toEqual({ ok: true, value: data })
  }
})

it('numbers and times wrap', () => {
  expect(ahead(3, 65_534)).toBe(5)
  expect(ahead(65_534, 3)).toBe(65_531)
  expect(micros(1.5)).toBe(1500)
  expect(micros(4_294_967.296 + 2)).toBe(2000)
  expect(micros(-1)).toBe(-1000)
})
