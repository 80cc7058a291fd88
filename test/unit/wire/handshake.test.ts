import { describe, expect, it } from 'vitest'
import { concatBytes, fromLatin1 } from '../../../src/util/bytes.js'
import {
  decodeHandshake,
  encodeHandshake,
  type HandshakeEvent,
  HandshakeReader,
  reservedBits,
  supports,
} from '../../../src/wire/handshake.js'

const infoHash = new Uint8Array(20).fill(0xaa)
const peerId = fromLatin1('-RR0100-abcdefghijkl')
const reserved = reservedBits({ extended: true, fast: true, dht: true })
const bytes = encodeHandshake({ infoHash, peerId, reserved })

function read(input: Uint8Array, size: number): HandshakeEvent[] {
  const reader = new HandshakeReader()
  const events: HandshakeEvent[] = []
  for (let at = 0; at < input.length; at += size) {
    const chunk = Buffer.from(input.subarray(at, at + size))
    reader.receive(chunk)
    chunk.fill(0xee)
    for (let event = reader.poll(); event; event = reader.poll()) events.push(event)
  }
  return events
}

describe('handshake', () => {
  it('has the layout of BEP 3', () => {
    const reservedText = '\0\0\0\0\0\x10\0\x05'
    expect(bytes).toEqual(
      fromLatin1(`\x13BitTorrent protocol${reservedText}${'\xaa'.repeat(20)}-RR0100-abcdefghijkl`),
    )
    expect(decodeHandshake(Buffer.from(bytes))).toEqual({ infoHash, peerId, reserved })
    expect(decodeHandshake(bytes.subarray(0, 67))).toBeUndefined()
    expect(decodeHandshake(new Uint8Array(68))).toBeUndefined()
  })

  it.each([
    ['none', {}, '0000000000000000'],
    ['extended', { extended: true }, '0000000000100000'],
    ['fast', { fast: true }, '0000000000000004'],
    ['dht', { dht: true }, '0000000000000001'],
    ['v2upgrade', { v2upgrade: true }, '0000000000000010'],
    ['all', { extended: true, fast: true, dht: true, v2upgrade: true }, '0000000000100015'],
  ])('reserved bits: %s', (_name, support, hex) => {
    const all = { extended: false, fast: false, dht: false, v2upgrade: false, ...support }
    expect(Buffer.from(reservedBits(support)).toString('hex')).toBe(hex)
    expect(supports(Buffer.from(hex, 'hex'))).toEqual(all)
  })

  it('ignores reserved bits of others', () => {
    expect(supports(Buffer.from('ffff08000003000a', 'hex'))).toEqual({
      extended: false,
      fast: false,
      dht: false,
      v2upgrade: false,
    })
  })

  it('refuses parts of the wrong size', () => {
    const part = { infoHash, peerId, reserved }
    expect(() => encodeHandshake({ ...part, infoHash: new Uint8Array(32) })).toThrow(RangeError)
    expect(() => encodeHandshake({ ...part, peerId: new Uint8Array(19) })).toThrow(/peerId must be 20 bytes/)
    expect(() => encodeHandshake({ ...part, reserved: 'x' as unknown as Uint8Array })).toThrow(TypeError)
  })
})

describe.each([
  ['whole', 1000],
  ['byte by byte', 1],
  ['in sevens', 7],
])('HandshakeReader, %s', (_name, size) => {
  it('tells the infohash, then the handshake', () => {
    expect(read(bytes, size)).toEqual([
      { type: 'infohash', infoHash, reserved },
      { type: 'done', handshake: { infoHash, peerId, reserved }, rest: new Uint8Array(0) },
    ])
  })

  it('tells the infohash after 48 bytes', () => {
    expect(read(bytes.subarray(0, 47), size)).toEqual([])
    expect(read(bytes.subarray(0, 48), size)).toEqual([{ type: 'infohash', infoHash, reserved }])
  })

  it.each([0, 1, 10, 19])('refuses a wrong byte %i at once', (at) => {
    const wrong = bytes.slice(0, at + 1)
    wrong[at] = (wrong[at] as number) ^ 1
    const events = read(wrong, size)
    expect(events).toMatchObject([{ type: 'error', code: 'wire/not-bittorrent' }])
    expect(read(concatBytes(wrong, bytes), size)).toEqual(events)
  })
})

it('hands on what follows the handshake, as a copy', () => {
  const reader = new HandshakeReader()
  const chunk = Buffer.from(concatBytes(bytes, Uint8Array.of(1, 2, 3)))
  reader.receive(chunk)
  chunk.fill(0)
  reader.poll()
  expect(reader.poll()).toMatchObject({ type: 'done', rest: Uint8Array.of(1, 2, 3) })
  reader.receive(bytes)
  expect(reader.poll()).toBeUndefined()
})
