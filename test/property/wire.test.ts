import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, toHex } from '../../src/util/bytes.js'
import { decodeExtensionHandshake, encodeExtensionHandshake } from '../../src/wire/extension.js'
import { decodeHandshake, encodeHandshake, HandshakeReader } from '../../src/wire/handshake.js'
import { decodeMessage, encodeMessage, type Message } from '../../src/wire/message.js'
import type { Peer } from '../../src/wire/peer.js'
import { clientName } from '../../src/wire/peer-id.js'
import { runs } from '../support/depth.js'
import { BLOCK, drain, layout, newPeer } from '../support/wire.js'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const hashRequest = fc.record({ root: bytes(32), base: u32, index: u32, length: u32, proofs: u32 })
const range = { piece: u32, begin: u32, length: u32 }
const bare = fc.constantFrom(
  'keep-alive',
  'choke',
  'unchoke',
  'interested',
  'not-interested',
  'have-all',
  'have-none',
)

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: bare }),
  fc.record({ type: fc.constantFrom('have', 'suggest', 'allowed-fast'), piece: u32 }),
  fc.record({ type: fc.constant('bitfield'), bits: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ type: fc.constantFrom('request', 'cancel', 'reject'), ...range }),
  fc.record({ type: fc.constant('piece'), piece: u32, begin: u32, data: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ type: fc.constant('port'), port: fc.integer({ min: 0, max: 65_535 }) }),
  fc.record({
    type: fc.constant('extended'),
    id: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: 40 }),
  }),
  fc.record({ type: fc.constantFrom('hash-request', 'hash-reject'), request: hashRequest }),
  fc
    .record({ request: hashRequest, hashes: fc.array(bytes(32), { maxLength: 4 }) })
    .map(({ request, hashes }) => ({ type: 'hashes' as const, request, hashes: concatBytes(...hashes) })),
  fc.record({
    type: fc.constant('unknown'),
    id: fc.integer({ min: 24, max: 255 }),
    payload: fc.uint8Array({ maxLength: 40 }),
  }),
) as fc.Arbitrary<Message>

/** Messages that a torrent of ten pieces mostly accepts. */
const piece = fc.integer({ min: 0, max: 10 })
const begin = fc.constantFrom(0, BLOCK, 1, 2 * BLOCK)
const length = fc.constantFrom(BLOCK, 1, 3000, 0, 131_072, 131_073)
const plausible: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: bare }),
  fc.record({ type: fc.constantFrom('have', 'suggest', 'allowed-fast'), piece }),
  fc.record({ type: fc.constantFrom('request', 'cancel', 'reject'), piece, begin, length }),
  fc.record({ piece, begin, length: fc.constantFrom(BLOCK, 3000) }).map(({ length, ...rest }) => ({
    type: 'piece' as const,
    ...rest,
    data: new Uint8Array(length).fill(length),
  })),
  fc.record({
    type: fc.constant('extended'),
    id: fc.integer({ min: 0, max: 3 }),
    payload: fc.oneof(
      fc.constant(encodeExtensionHandshake({ client: 'x', extensions: { ut_pex: 1 } })),
      fc.uint8Array({ maxLength: 20 }),
    ),
  }),
  fc.record({
    type: fc.constant('bitfield'),
    bits: fc.constantFrom(Uint8Array.of(0x80, 0x40), new Uint8Array(3)),
  }),
) as fc.Arbitrary<Message>

/** A stream of plausible messages in which a few bytes are wrong, as hostile peers and bugs make them. */
const stream = fc
  .tuple(
    fc.array(fc.oneof({ weight: 4, arbitrary: plausible }, { weight: 1, arbitrary: message }), {
      maxLength: 12,
    }),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    fc.uint8Array({ maxLength: 8 }),
  )
  .map(([messages, changes, tail]) => {
    const whole = concatBytes(...messages.map(encodeMessage), tail)
    for (const [at, byte] of changes) if (whole.length > 0) whole[at % whole.length] = byte
    return whole
  })

const settings = fc.record({
  fast: fc.boolean(),
  extended: fc.boolean(),
  dht: fc.boolean(),
  v2: fc.boolean(),
  magnet: fc.boolean(),
})
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never

function victim({ magnet, ...options }: Settings): Peer {
  const peer = newPeer({ ...options, ...(magnet ? { layout: undefined } : {}) })
  peer.start(undefined, undefined, 0)
  if (!magnet) for (let i = 0; i < 5; i++) peer.request(i, 0, BLOCK, 0)
  peer.setChoking(false, 0)
  return peer
}

/** Everything that can be seen of a peer after it has read `input` in these chunks. */
function outcome(options: Settings, input: Uint8Array, sizes: readonly number[]): unknown {
  const peer = victim(options)
  let at = 0
  for (let i = 0; at < input.length; i++) {
    const chunk = input.slice(at, at + (sizes[i % sizes.length] as number))
    at += chunk.length
    peer.receive(chunk, 0)
    chunk.fill(0xee)
  }
  const events = drain(peer)
  return {
    events: events
      .filter((event) => event.type !== 'requests')
      .map((event) => (event.type === 'block' ? { ...event, data: event.data && toHex(event.data) } : event)),
    closed: peer.closed,
    outstanding: peer.outstanding,
    queued: peer.queued,
    pieces: peer.pieces && toHex(peer.pieces.bytes),
    output: toHex(concatBytes(...(peer.transmit(0) ?? []))),
    waste: peer.closed ? 0 : peer.counters.waste,
  }
}

describe('wire', () => {
  it('messages survive the wire', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeMessage(encodeMessage(value))).toEqual({ ok: true, value })
      }),
    )
  })

  it('decoders never throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), stream), (input) => {
        decodeMessage(input)
        decodeHandshake(input)
        decodeExtensionHandshake(input)
        clientName(input.subarray(0, 20))
      }),
    )
  })

  it('a handshake is read alike from any chunks', () => {
    const part = fc.record({ infoHash: bytes(20), peerId: bytes(20), reserved: bytes(8) })
    const sizes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(part, fc.uint8Array({ maxLength: 30 }), sizes, (handshake, after, cuts) => {
        const input = concatBytes(encodeHandshake(handshake), after)
        const reader = new HandshakeReader()
        let at = 0
        for (let i = 0; at < input.length; i++) {
          const chunk = input.slice(at, at + (cuts[i % cuts.length] as number))
          at += chunk.length
          reader.receive(chunk)
          if (at < 48) expect(reader.poll()).toBeUndefined()
          if (at >= 68) break
        }
        const { infoHash, reserved } = handshake
        expect(reader.poll()).toEqual({ type: 'infohash', infoHash, reserved })
        const done = reader.poll()
        expect(done).toMatchObject({ type: 'done', handshake })
        expect(done?.type === 'done' && concatBytes(done.rest, input.subarray(at))).toEqual(after)
      }),
    )
  })

  it('extension handshakes survive the wire', () => {
    const name = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => /^[ -~]*$/.test(text))
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength: 20 })
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 20 }),
        ids,
        fc.integer({ min: 1, max: 65_535 }),
        (names, list, port) => {
          const extensions = new Map(names.slice(0, list.length).map((text, i) => [text, list[i] as number]))
          const decoded = decodeExtensionHandshake(encodeExtensionHandshake({ extensions, port }))
          expect(decoded).toEqual({ extensions, port })
        },
      ),
    )
  })

  it('a peer sees the same in any chunks, never throws, and grows no more than it was sent', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 21, max: 20_000 })), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(settings, stream, sizes, (options, input, cuts) => {
        const whole = outcome(options, input, [1e9])
        expect(outcome(options, input, cuts)).toEqual(whole)
        const { events, output, closed } = whole as {
          events: unknown[]
          output: string
          closed?: { code: string }
        }
        // Two more than messages: the first byte of each counts, a close, and `pieces` of setLayout.
        expect(events.length).toBeLessThanOrEqual(input.length / 4 + 2)
        expect(output.length / 2).toBeLessThanOrEqual(input.length + 5 * 17 + 30)
        if (closed) expect(closed.code).toMatch(/^wire\/[a-z-]+$/)
      }),
      { numRuns: runs(120) },
    )
  })

  it('noise closes a peer or is skipped', () => {
    fc.assert(
      fc.property(settings, fc.uint8Array({ maxLength: 300 }), (options, input) => {
        expect(outcome(options, input, [7])).toEqual(outcome(options, input, [1e9]))
      }),
    )
  })

  it('metadata that comes later gives the same pieces', () => {
    const first: fc.Arbitrary<Message[]> = fc.oneof(
      fc.constant<Message[]>([]),
      fc.constant<Message[]>([{ type: 'have-all' }]),
      fc.constant<Message[]>([{ type: 'have-none' }]),
      bytes(2).map(([a, b]): Message[] => [
        { type: 'bitfield', bits: Uint8Array.of(a as number, (b as number) & 0xc0) },
      ]),
    )
    const haves = fc.array(fc.integer({ min: 0, max: layout.pieceCount - 1 }), { maxLength: 10 })
    fc.assert(
      fc.property(first, haves, (opening, list) => {
        const input = concatBytes(
          ...opening.map(encodeMessage),
          ...list.map((piece) => encodeMessage({ type: 'have', piece })),
        )
        const early = newPeer({ layout: undefined })
        const late = newPeer()
        early.receive(input, 0)
        late.receive(input, 0)
        expect(early.isSeed && !late.isSeed).toBe(false)
        early.setLayout(layout, 0)
        expect(early.pieces?.bytes).toEqual(late.pieces?.bytes)
        expect(early.closed).toBeUndefined()
      }),
    )
  })
})
