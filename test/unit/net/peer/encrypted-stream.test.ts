import { describe, expect, it } from 'vitest'
import { EncryptedStream } from '../../../../src/net/peer/encrypted-stream.js'
import type { ByteStream } from '../../../../src/net/world.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { concatBytes } from '../../../../src/util/bytes.js'
import { Rc4 } from '../../../../src/wire/mse/rc4.js'
import { seededRandom } from '../../../support/random.js'
import { FakeStream } from '../fakes.js'

const KEY = Uint8Array.of(1, 2, 3)
const OTHER = Uint8Array.of(4, 5, 6)

function setUp() {
  const below = new FakeStream()
  const stream = new EncryptedStream(below, { incoming: new Rc4(KEY), outgoing: new Rc4(OTHER) })
  return { below, stream }
}

function encrypted(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice()
  new Rc4(key).apply(out, out)
  return out
}

describe('EncryptedStream', () => {
  it.each([
    [[0]],
    [[1, 13, 0, 16_384]],
    [[13, 16_384, 13, 16_384, 13, 16_384, 13, 16_384, 13, 16_384]],
    [[65_536]],
    [[65_535, 1, 1]],
    [[13, 1_000_000, 5]],
    [[60_000, 8_000]],
  ])('encrypts what it is given into memory of its own: %j', (lengths) => {
    const { below, stream } = setUp()
    const random = seededRandom(lengths.length)
    const chunks = lengths.map((length) => random.bytes(length))
    const before = chunks.map((chunk) => chunk.slice())
    stream.write(chunks)
    expect(Buffer.from(concatBytes(...chunks)).equals(concatBytes(...before))).toBe(true)
    expect(Buffer.from(concatBytes(...below.writes)).equals(encrypted(OTHER, concatBytes(...chunks)))).toBe(
      true,
    )
  })

  it('goes on with its keystream from write to write', () => {
    const { below, stream } = setUp()
    const bytes = seededRandom(1).bytes(200_000)
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 3) % 50_000) {
      size = Math.max(size, 1)
      stream.write([bytes.subarray(at, at + size)])
    }
    expect(Buffer.from(concatBytes(...below.writes)).equals(encrypted(OTHER, bytes))).toBe(true)
  })

  it('uses no buffer again before what is in it has left', () => {
    const kept: Uint8Array[] = []
    const { below, stream } = setUp()
    below.write = (chunks, sent) => {
      kept.push(...chunks)
      if (sent) below.sent.push(sent)
      return true
    }
    const bytes = seededRandom(2).bytes(300_000)
    stream.write([bytes])
    stream.write([bytes])
    const all = encrypted(OTHER, concatBytes(bytes, bytes))
    expect(Buffer.from(concatBytes(...kept)).equals(all)).toBe(true)
    const memory = new Set(kept.map(({ buffer }) => buffer))
    for (const sent of below.sent.splice(0)) sent()
    kept.length = 0
    stream.write([bytes])
    expect(kept.some(({ buffer }) => memory.has(buffer))).toBe(true)
  })

  it('reports what was sent, once, and passes on what the stream below says of its queue', () => {
    const { below, stream } = setUp()
    let sent = 0
    const report = (): void => {
      sent++
    }
    expect(stream.write([new Uint8Array(10)], report)).toBe(true)
    expect(stream.write([new Uint8Array(100_000)], report)).toBe(true)
    expect(sent).toBe(0)
    for (const each of below.sent.splice(0)) each()
    expect(sent).toBe(2)
    below.write = () => false
    expect(stream.write([new Uint8Array(100_000)])).toBe(false)
    below.queued = 12
    expect(stream.queued).toBe(12)
    stream.pause()
    expect(below.paused).toBe(true)
    stream.resume()
    expect(below.paused).toBe(false)
    stream.destroy()
    expect(below.destroyed).toBe(true)
    expect([stream.remote, stream.local]).toEqual([below.remote, below.local])
  })

  it('decrypts what arrives, for the listener of now', () => {
    const { below, stream } = setUp()
    const bytes = seededRandom(3).bytes(50_000)
    const wire = encrypted(KEY, bytes)
    const got: [Uint8Array[], Uint8Array[]] = [[], []]
    const events: string[] = []
    const listen = (index: 0 | 1): void =>
      stream.listen({
        data: (chunk) => got[index].push(chunk.slice()),
        drain: () => events.push('drain'),
        close: (error) => events.push(`close ${error?.message}`),
      })
    listen(0)
    below.listener?.data(wire.slice(0, 1_001))
    listen(1)
    below.listener?.data(Buffer.from(wire.subarray(1_001)))
    expect(concatBytes(...got[0])).toEqual(bytes.slice(0, 1_001))
    expect(Buffer.from(concatBytes(...got[1])).equals(bytes.subarray(1_001))).toBe(true)
    below.listener?.drain()
    below.listener?.close(new Error('broke'))
    expect(events).toEqual(['drain', 'close broke'])
  })

  it('carries bytes both ways over a line that splits them anywhere, with back-pressure and an orderly end', async () => {
    const network = new VirtualNetwork({ seed: 4, fragment: 0.5 })
    const [here, there] = [network.host({ upload: 1_000_000 }), network.host()]
    let accepted: ByteStream | undefined
    await network.run({
      until: there.world.listen({ port: 1 }, (stream) => {
        accepted = stream
      }),
    })
    const dialled = await network.run({
      until: here.world.connect({ host: there.ip, port: 1 }, { timeout: 1_000 }),
    })
    const a = new EncryptedStream(dialled, { incoming: new Rc4(KEY), outgoing: new Rc4(OTHER) })
    const b = new EncryptedStream(accepted as ByteStream, {
      incoming: new Rc4(OTHER),
      outgoing: new Rc4(KEY),
    })
    const bytes = seededRandom(5).bytes(600_000)
    const got: Uint8Array[] = []
    const ends: string[] = []
    let echoed = 0
    b.listen({
      data(chunk) {
        got.push(chunk.slice())
        b.write([Uint8Array.of(chunk.length & 255)])
      },
      drain() {},
      close: () => ends.push('b'),
    })
    let at = 0
    let held = 0
    const more = (): void => {
      while (at < bytes.length) {
        const part = bytes.subarray(at, at + 50_000)
        at += part.length
        if (!a.write([part])) {
          held++
          return
        }
      }
      a.end()
    }
    a.listen({
      data: (chunk) => {
        for (const byte of chunk) echoed += Number(byte >= 0)
      },
      drain: more,
      close: () => ends.push('a'),
    })
    more()
    await network.advance(10_000)
    expect(Buffer.from(concatBytes(...got)).equals(bytes)).toBe(true)
    expect(echoed).toBe(got.length)
    expect(held).toBeGreaterThan(2)
    expect(ends.sort()).toEqual(['a', 'b'])
  })
})
