/** The peer wire against the npm package `bittorrent-protocol`: blocks and haves, in chunks of several sizes. */
import Protocol from 'bittorrent-protocol'
import { bench, do_not_optimize, summary } from 'mitata'
import { Layout } from '../../src/metainfo/layout.js'
import { Decoder, NEED } from '../../src/wire/decoder.js'
import { encodeHandshake, reservedBits } from '../../src/wire/handshake.js'
import { encodeMessage, PIECE } from '../../src/wire/message.js'
import { Peer } from '../../src/wire/peer.js'

const BLOCK = 16_384
const BLOCKS = 256
const PIECE_LENGTH = 1 << 20
const layout = new Layout([{ length: 1 << 30, pad: false }], PIECE_LENGTH)
const memory = new Uint8Array(PIECE_LENGTH)
const parts = Array.from({ length: PIECE_LENGTH / BLOCK }, (_, i) =>
  memory.subarray(i * BLOCK, (i + 1) * BLOCK),
)

/** 4 MiB of blocks: four pieces. */
const stream = Buffer.concat(
  Array.from({ length: BLOCKS }, (_, i) =>
    encodeMessage({
      type: 'piece',
      piece: Math.floor((i * BLOCK) / PIECE_LENGTH),
      begin: (i * BLOCK) % PIECE_LENGTH,
      data: Buffer.alloc(BLOCK, i),
    }),
  ),
)
const haves = Buffer.concat(
  Array.from({ length: 1024 }, (_, piece) => encodeMessage({ type: 'have', piece })),
)

function cut(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

function newPeer(): Peer {
  const peer = new Peer({
    layout,
    fast: true,
    extended: true,
    dht: false,
    place: (_piece, begin) => parts[begin >>> 14],
    maxRequests: 500,
    now: 0,
  })
  peer.start(undefined, undefined, 0)
  peer.receive(encodeMessage({ type: 'have-none' }), 0)
  while (peer.poll() !== undefined);
  return peer
}

interface Wire {
  _write(chunk: Uint8Array, done: () => void): void
  resume(): void
  on(event: string, listener: (...values: never[]) => void): void
}
const nothing = (): void => {}

function newWire(): Wire {
  const wire = new Protocol() as Wire
  const id = new Uint8Array(20).fill(0x41)
  wire.resume()
  wire._write(encodeHandshake({ infoHash: id, peerId: id, reserved: reservedBits({ fast: true }) }), nothing)
  return wire
}

for (const size of [16, 64, 256]) {
  const chunks = cut(stream, size * 1024)
  summary(() => {
    const decoder = new Decoder()
    bench(`decode 4 MiB of blocks in ${size} KiB chunks: rarest`, () => {
      for (const chunk of chunks) {
        decoder.feed(chunk)
        for (let code = decoder.next(); code !== NEED; code = decoder.next()) {
          if (code === PIECE) decoder.into(parts[decoder.begin >>> 14])
        }
      }
      return do_not_optimize(decoder.copied)
    })
    const wire = newWire()
    let seen = 0
    wire.on('piece', () => {
      seen++
    })
    bench(`decode 4 MiB of blocks in ${size} KiB chunks: bittorrent-protocol 4.1.21`, () => {
      for (const chunk of chunks) wire._write(chunk, nothing)
      return do_not_optimize(seen)
    })
  })
  const peer = newPeer()
  let now = 0
  bench(`request and receive 4 MiB of blocks in ${size} KiB chunks: rarest peer core`, () => {
    for (let i = 0; i < BLOCKS; i++) peer.request(i >>> 6, (i & 63) * BLOCK, BLOCK, now)
    peer.transmit(now)
    let blocks = 0
    for (const chunk of chunks) {
      peer.receive(chunk, ++now)
      for (let event = peer.poll(); event !== undefined; event = peer.poll()) blocks++
    }
    if (blocks !== BLOCKS) throw new Error(`${blocks} blocks, ${peer.closed?.message}`)
    return do_not_optimize(blocks)
  })
}

const havesInChunks = cut(haves, 64 * 1024)
summary(() => {
  bench('1,024 haves: rarest peer core', () => {
    const peer = newPeer()
    let events = 0
    for (const chunk of havesInChunks) {
      peer.receive(chunk, 0)
      for (let event = peer.poll(); event !== undefined; event = peer.poll()) events++
    }
    return do_not_optimize(events)
  })
  const wire = newWire()
  let seen = 0
  wire.on('have', () => {
    seen++
  })
  bench('1,024 haves: bittorrent-protocol 4.1.21', () => {
    for (const chunk of havesInChunks) wire._write(chunk, nothing)
    return do_not_optimize(seen)
  })
})

/** Upload: requests come, 16 blocks are answered per write. */
const requests = Buffer.concat(
  Array.from({ length: 64 }, (_, i) =>
    encodeMessage({ type: 'request', piece: 0, begin: i * BLOCK, length: BLOCK }),
  ),
)
const seeding = newPeer()
seeding.setChoking(false, 0)
bench('take 64 requests and answer them: rarest peer core', () => {
  seeding.receive(requests, 0)
  while (seeding.poll() !== undefined);
  for (let range = seeding.nextRequest(); range !== undefined; range = seeding.nextRequest()) {
    seeding.answer([parts[range.begin >>> 14] as Uint8Array])
  }
  return do_not_optimize(seeding.transmit(0))
})
