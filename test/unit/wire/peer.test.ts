import { describe, expect, it } from 'vitest'
import { Bitfield } from '../../../src/util/bitfield.js'
import { concatBytes } from '../../../src/util/bytes.js'
import { encodeExtensionHandshake } from '../../../src/wire/extension.js'
import { encodeMessage, type Message } from '../../../src/wire/message.js'
import type { Peer, PeerEvent, PeerOptions } from '../../../src/wire/peer.js'
import { BLOCK, bytesOf, drain, feed, layout, messagesIn, newPeer, sent } from '../../support/wire.js'

interface Case {
  readonly name: string
  readonly options?: Partial<PeerOptions>
  /** Commands before the input; what they send is not looked at. */
  readonly before?: (peer: Peer) => void
  readonly input: readonly (Message | Uint8Array)[]
  readonly events?: readonly (Partial<PeerEvent> | { type: string })[]
  readonly output?: readonly Message[]
  /** Code of the close that ends the events. */
  readonly close?: string
  readonly after?: (peer: Peer) => void
}

const raw = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const bits = (...bytes: number[]): Message => ({ type: 'bitfield', bits: Uint8Array.from(bytes) })
const data = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value)
const have = (piece: number): Message => ({ type: 'have', piece })
const ask = (piece: number, begin = 0, length = BLOCK): Message => ({ type: 'request', piece, begin, length })
const refuse = (piece: number, begin = 0, length = BLOCK): Message => ({
  type: 'reject',
  piece,
  begin,
  length,
})
const stop = (piece: number, begin = 0, length = BLOCK): Message => ({ type: 'cancel', piece, begin, length })
const block = (piece: number, begin = 0, length = BLOCK): Message => ({
  type: 'piece',
  piece,
  begin,
  data: data(length),
})
const none: Message = { type: 'have-none' }
const all: Message = { type: 'have-all' }
const extendedHello: Message = { type: 'extended', id: 0, payload: encodeExtensionHandshake({ client: 'x' }) }
const root = new Uint8Array(32).fill(3)
const hashRequest = { root, base: 0, index: 4, length: 2, proofs: 2 }
const v1 = { fast: false }
const magnet = { layout: undefined }
const unchoked = (peer: Peer): void => peer.setChoking(false, 0)
const asking = (peer: Peer): void => {
  peer.request(1, 0, BLOCK, 0)
  peer.request(1, BLOCK, BLOCK, 0)
}
const received = (piece: number, begin = 0, length = BLOCK): { type: string } & Record<string, unknown> => ({
  type: 'block',
  piece,
  begin,
  length,
  data: 'as sent',
})
/** Comparing 16 KiB with `toEqual` takes a millisecond. */
const summarized = (event: PeerEvent): PeerEvent =>
  event.type === 'block' && event.data && Buffer.from(event.data).equals(data(event.length))
    ? { ...event, data: 'as sent' as unknown as Uint8Array }
    : event

const framing: readonly Case[] = [
  { name: 'keep-alive', input: [{ type: 'keep-alive' }, { type: 'keep-alive' }] },
  {
    name: 'unknown ids are skipped',
    input: [raw('00000001ff'), raw('000000066301020304ff'), have(1)],
    events: [{ type: 'have' }],
  },
  { name: 'unknown id before the bitfield', input: [raw('0000000263ff'), all], events: [{ type: 'pieces' }] },
  { name: 'length 0x7fffffff', input: [raw('7fffffff14')], close: 'wire/message-too-long' },
  { name: 'length 0xffffffff', input: [raw('ffffffff')], close: 'wire/message-too-long' },
  { name: 'length above 1 MiB', input: [raw('0010000163')], close: 'wire/message-too-long' },
  { name: 'extended above its cap', input: [raw('0002000114')], close: 'wire/message-too-long' },
  {
    name: 'hashes above their cap',
    options: { v2: true },
    input: [raw('0000445116')],
    close: 'wire/message-too-long',
  },
  {
    name: 'block above 128 KiB',
    options: v1,
    input: [raw('0002000a070000000000000000')],
    close: 'wire/message-too-long',
  },
  ...[
    ['choke', '000000020000'],
    ['have', '0000000404000000'],
    ['have, long', '000000060400000000ff'],
    ['request', '0000000c06'],
    ['piece', '0000000807'],
    ['port', '0000000209'],
    ['reject', '0000000e10'],
    ['extended', '0000000114'],
    ['hash request', '0000003015'],
    ['hashes', '0000003216'],
    ['have all', '000000020e00'],
  ].map(([name, hex]) => ({
    name: `wrong length of ${name}`,
    input: [raw(hex as string)],
    close: 'wire/bad-length',
  })),
]

const pieces: readonly Case[] = [
  {
    name: 'bitfield',
    input: [bits(0b10100000, 0b01000000)],
    events: [{ type: 'pieces' }],
    after: (peer) => expect([...(peer.pieces ?? [])]).toEqual([0, 2, 9]),
  },
  {
    name: 'bitfield after extended and keep-alive',
    input: [extendedHello, { type: 'keep-alive' }, bits(0, 0)],
    events: [{ type: 'extension-handshake' }, { type: 'pieces' }],
  },
  {
    name: 'have all',
    input: [all],
    events: [{ type: 'pieces' }],
    after: (peer) => expect(peer.isSeed).toBe(true),
  },
  {
    name: 'have none',
    input: [none],
    events: [{ type: 'pieces' }],
    after: (peer) => expect(peer.pieces?.isEmpty).toBe(true),
  },
  {
    name: 'full bitfield',
    input: [bits(0xff, 0b11000000)],
    events: [{ type: 'pieces' }],
    after: (peer) => expect(peer.isSeed).toBe(true),
  },
  { name: 'bitfield too short', input: [bits(0)], close: 'wire/bad-bitfield' },
  { name: 'bitfield too long', input: [bits(0, 0, 0)], close: 'wire/bad-bitfield' },
  { name: 'bitfield of length 0', input: [bits()], close: 'wire/bad-bitfield' },
  { name: 'spare bits', input: [bits(0, 0b00100000)], close: 'wire/bad-bitfield' },
  {
    name: 'second bitfield that says the same',
    input: [bits(0, 0), bits(0, 0)],
    events: [{ type: 'pieces' }],
  },
  {
    name: 'second bitfield with more pieces (aria2 sends one in place of many haves)',
    input: [bits(0b10000000, 0), bits(0b10100000, 0b01000000)],
    events: [{ type: 'pieces' }, { type: 'have', piece: 2 }, { type: 'have', piece: 9 }],
    after: (peer) => expect([...(peer.pieces ?? [])]).toEqual([0, 2, 9]),
  },
  {
    name: 'second bitfield with fewer pieces',
    input: [bits(0xff, 0), bits(0b10000000, 0)],
    events: [{ type: 'pieces' }, { type: 'pieces' }],
    after: (peer) => expect([...(peer.pieces ?? [])]).toEqual([0]),
  },
  {
    name: 'second bitfield with spare bits',
    input: [bits(0, 0), bits(0, 1)],
    events: [{ type: 'pieces' }],
    close: 'wire/bad-bitfield',
  },
  {
    name: 'have all after bitfield',
    input: [bits(0, 0), all, all],
    events: [{ type: 'pieces' }, { type: 'pieces' }],
    after: (peer) => expect(peer.isSeed).toBe(true),
  },
  {
    name: 'have none after have all',
    input: [all, none, none],
    events: [{ type: 'pieces' }, { type: 'pieces' }],
    after: (peer) => expect(peer.pieces?.isEmpty).toBe(true),
  },
  {
    name: 'bitfield after have',
    input: [have(1), bits(0b01000000, 0)],
    events: [{ type: 'have', piece: 1 }],
  },
  {
    name: 'bitfield after choke',
    options: v1,
    input: [{ type: 'choke' }, bits(0, 0)],
    events: [{ type: 'choke' }, { type: 'pieces' }],
  },
  {
    name: 'everything and nothing in turn',
    input: Array.from({ length: 70 }, (_, at) => (at & 1 ? none : all)),
    events: Array.from({ length: 65 }, () => ({ type: 'pieces' })),
    close: 'wire/pieces-flood',
  },
  {
    name: 'everything after the metadata, nothing before',
    options: magnet,
    input: [all, bits(0, 0), none, all],
    after: (peer) => {
      peer.setLayout(layout, 0)
      expect(peer.isSeed).toBe(true)
    },
  },
  { name: 'have all without fast', options: v1, input: [all], close: 'wire/fast-not-negotiated' },
  { name: 'have none without fast', options: v1, input: [none], close: 'wire/fast-not-negotiated' },
  {
    name: 'no bitfield at all',
    options: v1,
    input: [{ type: 'unchoke' }],
    events: [{ type: 'unchoke' }],
    after: (peer) => expect(peer.pieces?.isEmpty).toBe(true),
  },
  { name: 'no bitfield at all with fast', input: [have(0)], events: [{ type: 'have', piece: 0 }] },
  {
    name: 'haves, once each',
    input: [have(0), have(9), have(0)],
    events: [
      { type: 'have', piece: 0 },
      { type: 'have', piece: 9 },
    ],
  },
  {
    name: 'have of the last piece makes a seed',
    input: [bits(0xff, 0b10000000), have(9)],
    events: [{ type: 'pieces' }, { type: 'have', piece: 9 }],
    after: (peer) => expect(peer.isSeed).toBe(true),
  },
  { name: 'have beyond the end', input: [have(10)], close: 'wire/bad-have' },
  { name: 'have 0xffffffff', input: [have(0xffffffff)], close: 'wire/bad-have' },
]

const state: readonly Case[] = [
  {
    name: 'choke and interest',
    input: [{ type: 'unchoke' }, { type: 'interested' }, { type: 'not-interested' }, { type: 'choke' }],
    events: [{ type: 'unchoke' }, { type: 'interested' }, { type: 'not-interested' }, { type: 'choke' }],
    after: (peer) => expect([peer.peerChoking, peer.peerInterested]).toEqual([true, false]),
  },
  { name: 'port', input: [{ type: 'port', port: 6881 }], events: [{ type: 'port', port: 6881 }] },
  { name: 'port 0', input: [{ type: 'port', port: 0 }] },
  { name: 'port without DHT', options: { dht: false }, input: [{ type: 'port', port: 1 }] },
  { name: 'suggest', input: [{ type: 'suggest', piece: 9 }], events: [{ type: 'suggest', piece: 9 }] },
  { name: 'suggest beyond the end', input: [{ type: 'suggest', piece: 10 }], close: 'wire/bad-suggest' },
  {
    name: 'suggest without fast',
    options: v1,
    input: [{ type: 'suggest', piece: 1 }],
    close: 'wire/fast-not-negotiated',
  },
  {
    name: 'allowed fast, twice',
    input: [
      { type: 'allowed-fast', piece: 3 },
      { type: 'allowed-fast', piece: 3 },
    ],
    events: [{ type: 'allowed-fast', piece: 3 }],
    after: (peer) => expect([peer.isAllowedFast(3), peer.isAllowedFast(4)]).toEqual([true, false]),
  },
  {
    name: 'allowed fast beyond the end',
    input: [{ type: 'allowed-fast', piece: 10 }],
    close: 'wire/bad-allowed-fast',
  },
  {
    name: 'allowed fast without fast',
    options: v1,
    input: [{ type: 'allowed-fast', piece: 1 }],
    close: 'wire/fast-not-negotiated',
  },
  {
    name: 'extension handshake',
    input: [extendedHello],
    events: [{ type: 'extension-handshake' }],
    after: (peer) => expect(peer.extension?.client).toBe('x'),
  },
  {
    name: 'broken extension handshake',
    input: [raw('0000000414006465'), raw('00000003140078')],
    events: [{ type: 'extension-handshake' }],
  },
  {
    name: 'extended message',
    input: [raw('000000041401dead')],
    events: [{ type: 'extended', id: 1, payload: raw('dead') }],
  },
  {
    name: 'extended message of several KiB',
    input: [{ type: 'extended', id: 1, payload: data(20_000, 9) }],
    events: [{ type: 'extended', id: 1, payload: data(20_000, 9) }],
  },
  {
    name: 'extended without the bit',
    options: { extended: false },
    input: [extendedHello, raw('000000041401dead')],
  },
  {
    name: 'hash messages',
    options: { v2: true },
    input: [
      { type: 'hash-request', request: hashRequest },
      { type: 'hashes', request: hashRequest, hashes: data(64) },
      { type: 'hash-reject', request: hashRequest },
    ],
    events: [
      { type: 'hash-request', request: hashRequest },
      { type: 'hashes', request: hashRequest, hashes: data(64) },
      { type: 'hash-reject', request: hashRequest },
    ],
  },
  {
    name: 'hash request on v1',
    input: [{ type: 'hash-request', request: hashRequest }],
    close: 'wire/hash-not-negotiated',
  },
  {
    name: 'hashes on v1',
    input: [{ type: 'hashes', request: hashRequest, hashes: data(32) }],
    close: 'wire/hash-not-negotiated',
  },
  {
    name: 'hash reject on v1',
    input: [{ type: 'hash-reject', request: hashRequest }],
    close: 'wire/hash-not-negotiated',
  },
]

const blocks: readonly Case[] = [
  {
    name: 'requested blocks',
    before: asking,
    input: [block(1), block(1, BLOCK)],
    events: [received(1), received(1, BLOCK)],
    after: (peer) => expect(peer.outstanding).toBe(0),
  },
  {
    name: 'blocks in another order',
    before: asking,
    input: [block(1, BLOCK), block(1)],
    events: [received(1, BLOCK), received(1)],
  },
  {
    name: 'short last block',
    before: (peer) => peer.request(9, 0, 3000, 0),
    input: [block(9, 0, 3000)],
    events: [received(9, 0, 3000)],
  },
  {
    name: 'memory refused',
    options: { place: () => undefined },
    before: asking,
    input: [block(1), have(2)],
    events: [{ type: 'block', piece: 1, data: undefined }, { type: 'have' }],
    after: (peer) => expect(peer.counters).toMatchObject({ waste: BLOCK, payloadIn: BLOCK }),
  },
  { name: 'unrequested', before: asking, input: [block(2)], close: 'wire/unrequested-piece' },
  {
    name: 'requested, twice',
    before: asking,
    input: [block(1), block(1)],
    events: [received(1)],
    close: 'wire/unrequested-piece',
  },
  {
    name: 'unrequested without fast',
    options: v1,
    input: [block(2), have(1)],
    events: [{ type: 'have' }],
    after: (peer) => expect(peer.counters.waste).toBe(BLOCK),
  },
  {
    name: 'unrequested without fast, for ever',
    options: v1,
    input: Array.from({ length: 65 }, () => block(9, 0, 3000)),
    close: 'wire/unrequested-piece',
  },
  {
    name: 'unrequested on v2 without fast',
    options: { fast: false, v2: true },
    input: [block(2)],
    close: 'wire/unrequested-piece',
  },
  {
    name: 'unrequested before the metadata',
    options: magnet,
    input: [block(2)],
    close: 'wire/unrequested-piece',
  },
  {
    name: 'unrequested before the metadata without fast',
    options: { ...v1, ...magnet },
    input: [block(2, 5, 77)],
  },
  { name: 'piece beyond the end', options: v1, input: [block(10)], close: 'wire/bad-piece' },
  { name: 'begin off the grid', before: asking, input: [block(1, 1)], close: 'wire/bad-piece' },
  { name: 'begin beyond the piece', before: asking, input: [block(1, 2 * BLOCK)], close: 'wire/bad-piece' },
  { name: 'half a block', before: asking, input: [block(1, 0, 100)], close: 'wire/bad-piece' },
  { name: 'block too long', before: asking, input: [block(1, 0, BLOCK + 1)], close: 'wire/bad-piece' },
  { name: 'empty block', before: asking, input: [block(1, 0, 0)], close: 'wire/bad-piece' },
  {
    name: 'reject',
    before: asking,
    input: [refuse(1), block(1, BLOCK)],
    events: [{ type: 'rejected', piece: 1, begin: 0 }, received(1, BLOCK)],
  },
  {
    name: 'block after its reject',
    before: asking,
    input: [refuse(1), block(1)],
    events: [{ type: 'rejected' }],
    close: 'wire/unrequested-piece',
  },
  {
    name: 'reject of what was not asked',
    before: asking,
    input: [refuse(2)],
    close: 'wire/unrequested-reject',
  },
  {
    name: 'reject of another length',
    before: asking,
    input: [refuse(1, 0, 100)],
    close: 'wire/unrequested-reject',
  },
  { name: 'reject without metadata', options: magnet, input: [refuse(1)], close: 'wire/unrequested-reject' },
  {
    name: 'reject without fast',
    options: v1,
    before: asking,
    input: [refuse(1)],
    close: 'wire/fast-not-negotiated',
  },
  {
    name: 'choke leaves requests open with fast',
    before: asking,
    input: [{ type: 'unchoke' }, { type: 'choke' }, block(1), refuse(1, BLOCK)],
    events: [
      { type: 'unchoke' },
      { type: 'choke' },
      received(1),
      { type: 'rejected', piece: 1, begin: BLOCK },
    ],
  },
  {
    name: 'choke drops requests without fast',
    options: v1,
    before: asking,
    input: [{ type: 'unchoke' }, { type: 'choke' }, block(1)],
    events: [{ type: 'unchoke' }, { type: 'choke' }],
    after: (peer) =>
      expect([peer.outstanding, peer.oldestRequest, peer.counters.waste]).toEqual([
        0,
        Number.POSITIVE_INFINITY,
        BLOCK,
      ]),
  },
  {
    name: 'a rejected fast request is not asked again',
    before: asking,
    input: [{ type: 'allowed-fast', piece: 1 }, refuse(1)],
    events: [{ type: 'allowed-fast' }, { type: 'rejected' }],
    after: (peer) => expect(peer.isAllowedFast(1)).toBe(false),
  },
  {
    name: 'block after a cancel',
    before: (peer) => {
      asking(peer)
      peer.cancel(1, 0, 0)
    },
    input: [block(1), block(1, BLOCK)],
    events: [received(1, BLOCK)],
    after: (peer) => expect(peer.counters.waste).toBe(BLOCK),
  },
  {
    name: 'reject after a cancel',
    before: (peer) => {
      asking(peer)
      peer.cancel(1, 0, 0)
    },
    input: [refuse(1), block(1, BLOCK)],
    events: [received(1, BLOCK)],
  },
  {
    name: 'block and reject after a cancel, as some do',
    before: (peer) => {
      asking(peer)
      peer.cancel(1, 0, 0)
    },
    input: [block(1), refuse(1), have(2)],
    events: [{ type: 'have' }],
  },
  {
    name: 'block and two rejects after a cancel',
    before: (peer) => {
      asking(peer)
      peer.cancel(1, 0, 0)
    },
    input: [block(1), refuse(1), refuse(1)],
    close: 'wire/unrequested-reject',
  },
  {
    name: 'cancelled, asked again, rejected, sent',
    before: (peer) => {
      asking(peer)
      peer.cancel(1, 0, 0)
      peer.request(1, 0, BLOCK, 0)
    },
    input: [refuse(1), block(1)],
    events: [received(1)],
  },
  {
    name: 'cancelled and asked again, twice',
    before: (peer) => {
      for (let i = 0; i < 2; i++) {
        peer.request(1, 0, BLOCK, 0)
        peer.cancel(1, 0, 0)
      }
      peer.request(1, 0, BLOCK, 0)
    },
    input: [refuse(1), refuse(1), block(1)],
    events: [received(1)],
  },
  {
    name: 'cancelled, asked again, sent twice',
    before: (peer) => {
      asking(peer)
      peer.cancel(1, 0, 0)
      peer.request(1, 0, BLOCK, 0)
    },
    input: [block(1), block(1)],
    events: [received(1)],
  },
]

const uploads: readonly Case[] = [
  {
    name: 'requests in order',
    before: unchoked,
    input: [ask(1), ask(0, 100, 50)],
    events: [{ type: 'requests' }],
    after: (peer) => expect(answerAll(peer)).toEqual([ask(1), ask(0, 100, 50)]),
  },
  { name: 'up to 128 KiB', before: unchoked, input: [ask(0, 0, 2 * BLOCK)], events: [{ type: 'requests' }] },
  {
    name: 'more than 128 KiB',
    before: unchoked,
    input: [ask(0, 0, 131_073)],
    close: 'wire/request-too-long',
  },
  { name: 'length 0', before: unchoked, input: [ask(0, 0, 0)], close: 'wire/bad-request' },
  { name: 'piece beyond the end', before: unchoked, input: [ask(10)], close: 'wire/bad-request' },
  {
    name: 'past the end of the piece',
    before: unchoked,
    input: [ask(0, BLOCK + 1)],
    close: 'wire/bad-request',
  },
  {
    name: 'past the end of the torrent',
    before: unchoked,
    input: [ask(9, 0, 3001)],
    close: 'wire/bad-request',
  },
  { name: 'begin 0xffffffff', before: unchoked, input: [ask(0, 0xffffffff, 1)], close: 'wire/bad-request' },
  { name: 'while choked', input: [ask(1)], output: [refuse(1)] },
  { name: 'while choked without fast', options: v1, input: [ask(1)] },
  {
    name: 'while choked, for ever',
    options: v1,
    input: Array.from({ length: 20_257 }, () => ask(1)),
    close: 'wire/request-flood',
  },
  {
    name: 'while choked, for ever, with fast',
    input: Array.from({ length: 265 }, () => ask(1)),
    close: 'wire/request-flood',
  },
  {
    name: 'too many',
    before: unchoked,
    input: [0, 1, 2, 3, 4].map((piece) => ask(piece)),
    events: [{ type: 'requests' }],
    output: [refuse(4)],
  },
  {
    name: 'more than it was told without fast (rtorrent)',
    options: v1,
    before: unchoked,
    input: Array.from({ length: 10_000 }, (_, at) => ask(0, 0, 1 + at)),
    events: [{ type: 'requests' }],
    after: (peer) => {
      expect(peer.queued).toBe(10_000)
      for (let length = 1; length <= 10_000; length++) peer.answer([new Uint8Array(length)])
    },
  },
  {
    name: 'too many without fast',
    options: v1,
    before: unchoked,
    input: Array.from({ length: 10_001 }, () => ask(1)),
    events: [{ type: 'requests' }],
    close: 'wire/request-flood',
  },
  {
    name: 'too many, for ever',
    before: unchoked,
    input: Array.from({ length: 269 }, () => ask(1)),
    events: [{ type: 'requests' }],
    close: 'wire/request-flood',
  },
  { name: 'before the metadata', options: magnet, before: unchoked, input: [ask(1)], output: [refuse(1)] },
  {
    name: 'cancel',
    before: unchoked,
    input: [ask(1), ask(2), stop(1)],
    events: [{ type: 'requests' }],
    output: [refuse(1)],
    after: (peer) => expect(answerAll(peer)).toEqual([ask(2)]),
  },
  {
    name: 'cancel without fast',
    options: v1,
    before: unchoked,
    input: [ask(1), ask(2), ask(3), stop(2)],
    events: [{ type: 'requests' }],
    after: (peer) => expect(answerAll(peer)).toEqual([ask(1), ask(3)]),
  },
  {
    name: 'cancel of what is not there',
    before: unchoked,
    input: [ask(1), stop(1, 0, 5), stop(2)],
    events: [{ type: 'requests' }],
    after: (peer) => expect(peer.queued).toBe(1),
  },
  { name: 'cancel beyond the end', before: unchoked, input: [stop(10)], close: 'wire/bad-cancel' },
  {
    name: 'allowed fast while choked',
    before: (peer) => peer.offerFast([3]),
    input: [ask(3), ask(4)],
    events: [{ type: 'requests' }],
    output: [refuse(4)],
    after: (peer) => expect(answerAll(peer)).toEqual([ask(3)]),
  },
  {
    name: 'allowed fast, more than three times',
    options: { maxRequests: 100 },
    before: (peer) => peer.offerFast([3]),
    input: Array.from({ length: 7 }, () => ask(3)),
    events: [{ type: 'requests' }],
    output: [refuse(3)],
  },
]

const metadata: readonly Case[] = [
  { name: 'nothing known', options: magnet, input: [], after: learn([]) },
  { name: 'bitfield', options: magnet, input: [bits(0b10000000, 0b01000000)], after: learn([0, 9]) },
  {
    name: 'bitfield and haves',
    options: magnet,
    input: [bits(0b10000000, 0), have(5), have(9)],
    after: learn([0, 5, 9]),
  },
  { name: 'haves alone', options: magnet, input: [none, have(5), have(2)], after: learn([2, 5]) },
  {
    name: 'have all',
    options: magnet,
    input: [all],
    after: (peer) => {
      expect(peer.isSeed).toBe(true)
      learn([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(peer)
    },
  },
  {
    name: 'bitfield of another size',
    options: magnet,
    input: [bits(0, 0, 0)],
    after: fails('wire/bad-bitfield'),
  },
  { name: 'spare bits', options: magnet, input: [bits(0, 0b00100000)], after: fails('wire/bad-bitfield') },
  { name: 'have beyond the end', options: magnet, input: [have(10)], after: fails('wire/bad-bitfield') },
  {
    name: 'have far beyond the end',
    options: magnet,
    input: [have(2 ** 21 - 1)],
    after: fails('wire/bad-bitfield'),
  },
  {
    name: 'allowed fast beyond the end',
    options: magnet,
    input: [{ type: 'allowed-fast', piece: 10 }],
    after: fails('wire/bad-allowed-fast'),
  },
  {
    name: 'allowed fast',
    options: magnet,
    input: [{ type: 'allowed-fast', piece: 9 }],
    after: (peer) => {
      peer.setLayout(layout, 0)
      expect(drain(peer)).toEqual([{ type: 'allowed-fast', piece: 9 }])
    },
  },
  { name: 'have that no torrent has', options: magnet, input: [have(2 ** 21)], close: 'wire/bad-have' },
  {
    name: 'bitfield that no torrent has',
    options: magnet,
    input: [raw('0004000205')],
    close: 'wire/bad-bitfield',
  },
  { name: 'suggest', options: magnet, input: [{ type: 'suggest', piece: 4 }] },
]

function learn(expected: readonly number[]): (peer: Peer) => void {
  return (peer) => {
    expect(peer.pieces).toBeUndefined()
    peer.setLayout(layout, 0)
    expect(drain(peer)).toEqual(expected.length > 0 ? [{ type: 'pieces' }] : [])
    expect([...(peer.pieces ?? [])]).toEqual(expected)
    feed(peer, bytesOf(have(1), have(1), ask(1)), 3)
    expect(sent(peer).slice(-1)).toEqual([refuse(1)])
  }
}

function fails(code: string): (peer: Peer) => void {
  return (peer) => {
    peer.setLayout(layout, 0)
    expect(drain(peer)).toMatchObject([{ type: 'close', code }])
  }
}

function answerAll(peer: Peer): Message[] {
  const asked: Message[] = []
  for (let range = peer.nextRequest(); range !== undefined; range = peer.nextRequest()) {
    asked.push({ type: 'request', ...range })
    peer.answer([data(range.length)])
  }
  return asked
}

describe.each([
  ['whole', 10_000_000],
  ['byte by byte', 1],
  ['in chunks of 16', 16],
] as const)('input %s', (_name, size) => {
  describe.each([
    ['framing', framing],
    ['pieces', pieces],
    ['state', state],
    ['blocks', blocks],
    ['uploads', uploads],
    ['metadata', metadata],
  ] as const)('%s', (_table, cases) => {
    it.each(cases.map((row) => [row.name, row] as const))('%s', (_case, row) => {
      const peer = newPeer(row.options)
      peer.start(undefined, undefined, 0)
      row.before?.(peer)
      peer.transmit(0)
      feed(peer, bytesOf(...row.input), size)
      const events = drain(peer).map(summarized)
      const expected = [...(row.events ?? [])]
      if (row.close) expected.push({ type: 'close', code: row.close } as Partial<PeerEvent>)
      // One `requests` event comes per chunk.
      const once = events.filter(
        (event, i) =>
          event.type !== 'requests' || events.findIndex((other) => other.type === 'requests') === i,
      )
      expect(once).toMatchObject(expected)
      expect(once).toHaveLength(expected.length)
      expect(peer.closed?.code).toBe(row.close)
      if (row.close) {
        expect(peer.transmit(0)).toBeUndefined()
        feed(peer, bytesOf(have(1)), 1)
        expect(drain(peer)).toEqual([])
        expect(peer.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
      } else {
        expect(sent(peer)).toEqual(row.output ?? [])
        row.after?.(peer)
      }
    })
  })
})

describe('what is sent', () => {
  const pieces = new Bitfield(10, Uint8Array.of(0b10000000, 0))

  it.each([
    ['nothing known, fast', undefined, true, [none]],
    ['nothing, fast', new Bitfield(10), true, [none]],
    ['all, fast', Bitfield.full(10), true, [all]],
    ['some, fast', pieces, true, [bits(0x80, 0)]],
    ['nothing known', undefined, false, []],
    ['nothing', new Bitfield(10), false, []],
    ['all', Bitfield.full(10), false, [bits(0xff, 0xc0)]],
  ] as const)('start with %s', (_name, own, fast, expected) => {
    const peer = newPeer({ fast })
    peer.start(own, undefined, 0)
    expect(sent(peer)).toEqual(expected)
    const other = newPeer({ fast })
    other.start(own, new Uint8Array(2), 0)
    expect(sent(other)).toEqual([...expected, { type: 'extended', id: 0, payload: new Uint8Array(2) }])
  })

  it('nothing that is not negotiated', () => {
    const peer = newPeer({ fast: false, extended: false, dht: false })
    peer.start(undefined, new Uint8Array(2), 0)
    peer.extended(1, new Uint8Array(3))
    peer.port(1)
    peer.suggest(1)
    peer.offerFast([1])
    peer.hashRequest(hashRequest)
    peer.hashes(hashRequest, new Uint8Array(64))
    peer.hashReject(hashRequest)
    expect(peer.transmit(0)).toBeUndefined()
  })

  it('all small messages in one chunk', () => {
    const peer = newPeer({ v2: true })
    peer.start(undefined, undefined, 0)
    peer.setInterested(true, 0)
    peer.setInterested(true, 0)
    peer.setInterested(false, 0)
    peer.setChoking(true, 0)
    peer.setChoking(false, 0)
    peer.have(3, 0)
    peer.request(1, 0, BLOCK, 0)
    peer.request(1, 0, BLOCK, 0)
    peer.cancel(1, 0, 0)
    peer.cancel(1, 0, 0)
    peer.cancel(9, 0, 0)
    peer.request(9, 0, 3000, 0)
    peer.cancel(9, 0, 0)
    peer.port(6881)
    peer.suggest(2)
    peer.offerFast([4, 4])
    peer.offerFast([4])
    peer.extended(3, Uint8Array.of(1))
    peer.hashRequest(hashRequest)
    peer.hashes(hashRequest, data(32))
    peer.hashReject(hashRequest)
    const chunks = peer.transmit(0) ?? []
    expect(chunks).toHaveLength(1)
    expect(messagesIn(chunks[0] as Uint8Array)).toEqual([
      none,
      { type: 'interested' },
      { type: 'not-interested' },
      { type: 'unchoke' },
      have(3),
      ask(1),
      stop(1),
      ask(9, 0, 3000),
      stop(9, 0, 3000),
      { type: 'port', port: 6881 },
      { type: 'suggest', piece: 2 },
      { type: 'allowed-fast', piece: 4 },
      { type: 'extended', id: 3, payload: Uint8Array.of(1) },
      { type: 'hash-request', request: hashRequest },
      { type: 'hashes', request: hashRequest, hashes: data(32) },
      { type: 'hash-reject', request: hashRequest },
    ])
    expect(peer.counters).toMatchObject({ messagesOut: 16, overheadOut: chunks[0]?.length, payloadOut: 0 })
    expect(peer.transmit(0)).toBeUndefined()
  })

  it('payload by reference, headers between, in the order of the requests', () => {
    const peer = newPeer()
    peer.setChoking(false, 0)
    peer.transmit(0)
    feed(peer, bytesOf(ask(1), ask(2, 5, 30), ask(3)), 1000)
    const halves = [data(10_000), data(6_384)]
    const second = data(30)
    peer.answer(halves)
    peer.have(0, 0)
    peer.answer([second])
    peer.reject()
    const chunks = peer.transmit(0) ?? []
    expect(chunks[1]).toBe(halves[0])
    expect(chunks[2]).toBe(halves[1])
    expect(chunks[4]).toBe(second)
    expect(chunks).toHaveLength(6)
    expect(messagesIn(concatBytes(...chunks))).toEqual([block(1), have(0), block(2, 5, 30), refuse(3)])
    expect(peer.counters).toMatchObject({ payloadOut: BLOCK + 30, overheadOut: 5 + 13 + 9 + 13 + 17 })
    peer.answer([second])
    peer.reject()
    expect(peer.transmit(0)).toBeUndefined()
  })

  it('answers of the wrong size are our own fault', () => {
    const peer = newPeer()
    peer.setChoking(false, 0)
    feed(peer, bytesOf(ask(1)), 1000)
    expect(() => peer.answer([data(100)])).toThrow(/data must be 16384 bytes, got 100/)
    expect(peer.nextRequest()).toEqual({ piece: 1, begin: 0, length: BLOCK })
  })

  it('choke first, then rejects, but for allowed-fast pieces', () => {
    const peer = newPeer()
    peer.setChoking(false, 0)
    peer.offerFast([2])
    feed(peer, bytesOf(ask(1), ask(2), ask(3)), 1000)
    peer.transmit(0)
    peer.setChoking(true, 0)
    expect(sent(peer)).toEqual([{ type: 'choke' }, refuse(1), refuse(3)])
    expect(answerAll(peer)).toEqual([ask(2)])
  })

  it('choke without fast drops', () => {
    const peer = newPeer({ fast: false })
    peer.setChoking(false, 0)
    feed(peer, bytesOf(ask(1), ask(2)), 1000)
    peer.transmit(0)
    peer.setChoking(true, 0)
    expect(sent(peer)).toEqual([{ type: 'choke' }])
    expect(peer.nextRequest()).toBeUndefined()
    expect(peer.queued).toBe(0)
  })

  it('more than one pool of small messages, and one that fits none', () => {
    const peer = newPeer()
    peer.start(undefined, data(3000), 0)
    for (let i = 0; i < 500; i++) peer.have(i % 10, 0)
    expect(sent(peer)).toEqual([
      none,
      { type: 'extended', id: 0, payload: data(3000) },
      ...Array.from({ length: 500 }, (_, i) => have(i % 10)),
    ])
  })
})

describe('memory of a block', () => {
  it('is written once, in place, as chunks come', () => {
    const memory = new Uint8Array(BLOCK)
    const places: number[][] = []
    const peer = newPeer({
      place: (...block) => {
        places.push(block)
        return memory
      },
    })
    peer.request(1, BLOCK, BLOCK, 5)
    const bytes = encodeMessage(block(1, BLOCK))
    feed(peer, bytes.subarray(0, 13), 13, 6)
    expect(places).toEqual([[1, BLOCK, BLOCK]])
    feed(peer, bytes.subarray(13, 1013), 100, 6)
    expect(peer.incoming).toMatchObject({ piece: 1, begin: BLOCK })
    expect(peer.incoming?.data).toBe(memory)
    expect([memory[999], memory[1000]]).toEqual([7, 0])
    expect(peer.outstanding).toBe(1)
    feed(peer, bytes.subarray(1013), 5000, 25)
    const [event] = drain(peer)
    expect(event).toMatchObject({ type: 'block', rtt: 20 })
    expect(event?.type === 'block' && event.data).toBe(memory)
    expect(peer.incoming).toBeUndefined()
    expect(peer.outstanding).toBe(0)
  })

  it.each(['cancel', 'close'])('is not touched after a %s', (how) => {
    const memory = new Uint8Array(BLOCK)
    const peer = newPeer({ place: () => memory })
    peer.request(1, 0, BLOCK, 0)
    peer.transmit(0)
    const bytes = bytesOf(block(1), have(3))
    feed(peer, bytes.subarray(0, 1013), 5000)
    if (how === 'cancel') peer.cancel(1, 0, 0)
    else peer.close('torrent/enough')
    memory.fill(1)
    feed(peer, bytes.subarray(1013), 5000)
    expect(memory.every((byte) => byte === 1)).toBe(true)
    expect(peer.incoming).toBeUndefined()
    expect(peer.outstanding).toBe(0)
    expect(peer.transmit(0)).toBeUndefined()
    expect(drain(peer)).toMatchObject([{ type: how === 'cancel' ? 'have' : 'close' }])
    if (how === 'cancel') {
      expect(peer.counters).toMatchObject({ payloadIn: BLOCK, waste: BLOCK })
      feed(peer, bytesOf(block(1)), 5000)
      expect(peer.closed?.code).toBe('wire/unrequested-piece')
    }
  })

  it('may be asked for again while its cancelled payload arrives', () => {
    const peer = newPeer()
    peer.request(1, 0, BLOCK, 0)
    const bytes = bytesOf(block(1), block(1))
    feed(peer, bytes.subarray(0, 1000), 1000)
    peer.cancel(1, 0, 0)
    peer.request(1, 0, BLOCK, 1)
    feed(peer, bytes.subarray(1000), 1000, 9)
    expect(drain(peer)).toMatchObject([{ type: 'block', rtt: 8 }])
  })

  it('of the wrong size is our own fault', () => {
    const peer = newPeer({ place: () => new Uint8Array(5) })
    peer.request(1, 0, BLOCK, 0)
    expect(() => feed(peer, bytesOf(block(1)), 1e9)).toThrow(/place must give 16384 bytes, got 5/)
  })
})

describe('time', () => {
  it('sends a keep-alive after silence of ours', () => {
    const peer = newPeer()
    peer.start(undefined, undefined, 0)
    peer.transmit(10)
    expect(peer.nextTimeout()).toBe(110_010)
    feed(peer, bytesOf(none), 9, 100_000)
    peer.timeout(110_009)
    expect(peer.transmit(110_009)).toBeUndefined()
    peer.timeout(110_010)
    expect(sent(peer, 110_010)).toEqual([{ type: 'keep-alive' }])
    expect(peer.nextTimeout()).toBe(220_010)
    peer.setInterested(true, 115_000)
    peer.transmit(115_000)
    expect(peer.nextTimeout()).toBe(225_000)
  })

  it('closes after silence of theirs', () => {
    const peer = newPeer({ timings: { idle: 1000, keepAlive: 5000 } })
    feed(peer, bytesOf({ type: 'keep-alive' }), 9, 600)
    expect(peer.lastReceived).toBe(600)
    expect(peer.nextTimeout()).toBe(1600)
    peer.timeout(1599)
    expect(peer.closed).toBeUndefined()
    peer.timeout(1600)
    expect(drain(peer)).toMatchObject([{ type: 'close', code: 'wire/idle' }])
    peer.timeout(9999)
    expect(drain(peer)).toEqual([])
  })

  it('takes drops of a message for silence, a slow block for life', () => {
    const peer = newPeer({ timings: { idle: 1000 } })
    peer.request(1, 0, BLOCK, 0)
    const bytes = bytesOf(block(1))
    feed(peer, bytes.subarray(0, 500), 1, 900)
    expect(peer.lastReceived).toBe(0)
    feed(peer, bytes.subarray(500, 1024), 1, 950)
    expect(peer.lastReceived).toBe(950)
    feed(peer, bytes.subarray(1024), 2000, 1900)
    expect(peer.lastReceived).toBe(1900)
  })

  it('knows the oldest request', () => {
    const peer = newPeer()
    expect(peer.oldestRequest).toBe(Number.POSITIVE_INFINITY)
    for (const [piece, now] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const)
      peer.request(piece, 0, BLOCK, now)
    expect(peer.oldestRequest).toBe(1)
    feed(peer, bytesOf(block(1)), 1e9, 4)
    expect(peer.oldestRequest).toBe(1)
    peer.cancel(0, 0, 4)
    expect(peer.oldestRequest).toBe(3)
    peer.request(0, 0, BLOCK, 5)
    feed(peer, bytesOf(refuse(2)), 1e9, 6)
    expect(peer.oldestRequest).toBe(5)
    peer.cancel(0, 0, 6)
    expect(peer.oldestRequest).toBe(Number.POSITIVE_INFINITY)
    peer.request(3, 0, BLOCK, 7)
    expect(peer.oldestRequest).toBe(7)
    for (let i = 4; i < 8; i++) peer.request(i, 0, BLOCK, 4 + i)
    for (let i = 3; i < 7; i++) peer.cancel(i, 0, 20)
    expect(peer.oldestRequest).toBe(11)
  })
})

describe('bounds', () => {
  it('closes a peer that does not read what it makes us send', () => {
    const peer = newPeer({ maxRequests: 100_000 })
    peer.setChoking(false, 0)
    const flood = bytesOf(...Array.from({ length: 1000 }, () => [ask(1), stop(1)]).flat())
    for (let i = 0; i < 100 && !peer.closed; i++) peer.receive(flood, 0)
    expect(peer.closed?.code).toBe('wire/send-queue-full')
  })

  it('closes a peer that reads no haves', () => {
    const peer = newPeer()
    for (let i = 0; i < 200_000 && !peer.closed; i++) peer.have(i % 10, 0)
    expect(peer.closed?.code).toBe('wire/send-queue-full')
  })

  it('counts no block that a choke made late', () => {
    const peer = newPeer({ fast: false })
    for (let round = 0; round < 100; round++) {
      peer.request(9, 0, 3000, 0)
      feed(peer, bytesOf({ type: 'choke' }, block(9, 0, 3000)), 4096)
    }
    expect(peer.closed).toBeUndefined()
    expect(peer.counters.waste).toBe(300_000)
  })

  it('holds thousands of requests in order', () => {
    const peer = newPeer({ maxRequests: 3000 })
    peer.setChoking(false, 0)
    feed(peer, bytesOf(...Array.from({ length: 3000 }, (_, i) => ask(0, i, 1))), 4096)
    for (let i = 0; i < 3000; i++) {
      expect(peer.nextRequest()?.begin).toBe(i)
      peer.answer([data(1)])
    }
    expect(peer.queued).toBe(0)
  })

  it('remembers a bounded number of allowed-fast pieces', () => {
    const peer = newPeer({ layout: undefined })
    feed(
      peer,
      bytesOf(...Array.from({ length: 1000 }, (_, piece): Message => ({ type: 'allowed-fast', piece }))),
      4096,
    )
    expect([peer.isAllowedFast(255), peer.isAllowedFast(256)]).toEqual([true, false])
  })

  it('reads a bounded number of extension handshakes', () => {
    const peer = newPeer()
    feed(peer, bytesOf(...Array.from({ length: 150 }, () => extendedHello)), 4096)
    expect(drain(peer)).toHaveLength(100)
    expect(peer.closed).toBeUndefined()
  })

  it('counts what a choke allows anew after each unchoke', () => {
    const peer = newPeer()
    for (let round = 0; round < 3; round++) {
      feed(peer, bytesOf(...Array.from({ length: 250 }, () => ask(1))), 4096)
      peer.setChoking(false, 0)
      peer.setChoking(true, 0)
    }
    expect(peer.closed).toBeUndefined()
  })

  it('ignores every command once closed', () => {
    const peer = newPeer({ v2: true })
    peer.close('torrent/enough', 'why')
    peer.close('other')
    expect(peer.closed).toEqual({ code: 'torrent/enough', message: 'why' })
    peer.start(Bitfield.full(10), new Uint8Array(2), 0)
    peer.setChoking(false, 0)
    peer.setInterested(true, 0)
    peer.have(1, 0)
    peer.request(1, 0, BLOCK, 0)
    peer.cancel(1, 0, 0)
    peer.answer([])
    peer.reject()
    peer.offerFast([1])
    peer.suggest(1)
    peer.extended(1, new Uint8Array(1))
    peer.port(1)
    peer.hashRequest(hashRequest)
    peer.setLayout(layout, 0)
    expect(peer.transmit(0)).toBeUndefined()
    expect(drain(peer)).toMatchObject([{ type: 'close', code: 'torrent/enough', message: 'why' }])
    expect(peer.outstanding).toBe(0)
  })
})
