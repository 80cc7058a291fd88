/** The contract of `ByteStream`, on everything in the system world that claims to keep it. */

import { afterEach, describe, expect, it } from 'vitest'
import { Scheduler } from '../../../src/net/scheduler.js'
import { systemWorld } from '../../../src/net/system/world.js'
import { SocketPair } from '../../../src/net/udp/socket-pair.js'
import { UtpTransport } from '../../../src/net/utp/transport.js'
import type { ByteStream, Transport } from '../../../src/net/world.js'
import { equalBytes } from '../../../src/util/bytes.js'
import { expectNothingLeft } from '../../support/resources.js'

const MIB = 1024 * 1024
const world = systemWorld()
/** What to close when the test is over, last opened first. */
const open: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
  await expectNothingLeft([], /TCP|UDP|Server|Timeout|Immediate/)
})

/** Both ends of one connection: who dialled, who was dialled. */
const PAIRS: Readonly<Record<Transport, () => Promise<readonly [ByteStream, ByteStream]>>> = {
  async tcp() {
    let accept: (stream: ByteStream) => void = () => {}
    const accepted = new Promise<ByteStream>((resolve) => {
      accept = resolve
    })
    const server = await world.listen({ host: '127.0.0.1', port: 0 }, accept)
    open.push(() => server.close())
    return both(world.connect(server.address, { timeout: 5_000 }), accepted)
  },
  async utp() {
    let accept: (stream: ByteStream) => void = () => {}
    const accepted = new Promise<ByteStream>((resolve) => {
      accept = resolve
    })
    const [dialler, server] = [await utp(() => {}), await utp(accept)]
    return both(dialler.transport.connect(server.address, { timeout: 5_000 }), accepted)
  },
}

async function both(dialled: Promise<ByteStream>, accepted: Promise<ByteStream>) {
  const pair = [await dialled, await accepted] as const
  open.push(() => {
    for (const stream of pair) stream.destroy()
  })
  return pair
}

async function utp(accept: (stream: ByteStream) => void) {
  const udp = new SocketPair(world)
  const scheduler = new Scheduler(world)
  const transport = new UtpTransport({ world, udp, scheduler, welcome: () => true, accept })
  open.push(async () => {
    transport.close()
    await udp.close()
    scheduler.close()
  })
  const port = await udp.open({ host: '127.0.0.1', port: 0 })
  return { transport, address: { host: '127.0.0.1', port } }
}

/** A stream with everything that its listener is told; fails when it is told inside a call, or after the end. */
class Seen {
  readonly stream: ByteStream
  readonly chunks: Uint8Array[] = []
  bytes = 0
  drains = 0
  closes = 0
  error: Error | undefined
  /** Set while a method of the stream runs. */
  inside = false
  onData: (chunk: Uint8Array) => void = () => {}

  constructor(stream: ByteStream) {
    this.stream = stream
  }

  listen(): this {
    this.call(() =>
      this.stream.listen({
        data: (chunk) => {
          this.#told()
          this.chunks.push(chunk.slice())
          this.bytes += chunk.length
          this.onData(chunk)
        },
        drain: () => {
          this.#told()
          this.drains++
        },
        close: (error) => {
          this.#told()
          this.closes++
          this.error = error
        },
      }),
    )
    return this
  }

  call<T>(method: () => T): T {
    const before = this.inside
    this.inside = true
    try {
      return method()
    } finally {
      this.inside = before
    }
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    return this.call(() =>
      this.stream.write(chunks, () => {
        expect(this.inside).toBe(false)
        sent?.()
      }),
    )
  }

  get data(): Uint8Array {
    return Buffer.concat(this.chunks)
  }

  #told(): void {
    expect(this.inside).toBe(false)
    expect(this.closes).toBe(0)
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff)
}

describe.each(['tcp', 'utp'] as const)('a stream over %s', (transport) => {
  const pair = async () => {
    const [a, b] = await PAIRS[transport]()
    return [new Seen(a), new Seen(b)] as const
  }

  it('says what it is and where its ends are', async () => {
    const [a, b] = await pair()
    expect([a.stream.transport, b.stream.transport]).toEqual([transport, transport])
    expect(a.stream.local.host).toBe('127.0.0.1')
    expect(b.stream.remote).toEqual(a.stream.local)
    expect(a.stream.remote).toEqual(b.stream.local)
  })

  it('delivers nothing before listen, then everything, in order, both ways', async () => {
    const [a, b] = await pair()
    const sent = pattern(300_000)
    for (let at = 0; at < sent.length; at += 50_000) {
      a.write([sent.subarray(at, at + 20_000), sent.subarray(at + 20_000, at + 50_000)])
      b.write([sent.subarray(at, at + 1), new Uint8Array(0), sent.subarray(at + 1, at + 50_000)])
    }
    for (let i = 0; i < 10; i++) await turn()
    expect([a.bytes, b.bytes]).toEqual([0, 0])
    a.listen()
    b.listen()
    await until(() => a.bytes === sent.length && b.bytes === sent.length)
    expect(equalBytes(a.data, sent)).toBe(true)
    expect(equalBytes(b.data, sent)).toBe(true)
  })

  it('holds a writer back while the reader pauses, and tells it once when all has left', async () => {
    const [a, b] = await pair()
    a.listen()
    b.stream.pause()
    b.listen()
    const chunk = pattern(MIB)
    let written = 0
    let sents = 0
    // Both ends may hold some MiB; nobody holds 64.
    while (a.write([chunk], () => sents++) || a.stream.queued < 2 * MIB) {
      written++
      await turn()
      expect(written).toBeLessThan(64)
    }
    written++
    for (let i = 0; i < 50; i++) await turn()
    expect(b.bytes).toBe(0)
    expect(a.stream.queued).toBeGreaterThan(0)
    expect(sents).toBeLessThan(written)
    const drains = a.drains
    b.call(() => b.stream.resume())
    await until(() => b.bytes === written * MIB)
    await until(() => a.drains > drains)
    await until(() => sents === written)
    expect(a.drains).toBe(drains + 1)
    expect(a.stream.queued).toBe(0)
    for (const part of [0, written - 1]) {
      expect(equalBytes(b.data.subarray(part * MIB, (part + 1) * MIB), chunk)).toBe(true)
    }
  })

  it('pauses and resumes inside the call that delivers', async () => {
    const [a, b] = await pair()
    const sent = pattern(200_000)
    let resumes = 0
    b.onData = () => {
      b.stream.pause()
      resumes++
      setImmediate(() => b.call(() => b.stream.resume()))
    }
    b.listen()
    a.write([sent])
    await until(() => b.bytes === sent.length)
    expect(equalBytes(b.data, sent)).toBe(true)
    expect(resumes).toBe(b.chunks.length)
  })

  it('sends what is queued before an end, and both sides close once and without an error', async () => {
    const [a, b] = await pair()
    a.listen()
    b.listen()
    const sent = pattern(6 * MIB)
    let sents = 0
    a.write([sent], () => sents++)
    a.call(() => a.stream.end())
    a.write([pattern(5)], () => sents++)
    a.stream.end()
    await until(() => a.closes === 1 && b.closes === 1)
    expect(equalBytes(b.data, sent)).toBe(true)
    expect([a.error, b.error]).toEqual([undefined, undefined])
    await until(() => sents === 2)
  })

  it('still delivers after its own end what the other side sends before it ends too', async () => {
    const [a, b] = await pair()
    a.listen()
    const answer = pattern(3 * MIB)
    b.write([answer])
    b.listen()
    a.call(() => a.stream.end())
    await until(() => a.closes === 1 && b.closes === 1)
    expect(equalBytes(a.data, answer)).toBe(true)
  })

  it('calls every sent before close when it is destroyed, and nothing after', async () => {
    const [a, b] = await pair()
    a.listen()
    b.stream.pause()
    b.listen()
    const order: string[] = []
    let writes = 0
    while (a.stream.queued < 2 * MIB) {
      a.write([pattern(MIB)], () => {
        expect(a.closes).toBe(0)
        order.push('sent')
      })
      writes++
      await turn()
    }
    a.call(() => a.stream.destroy())
    a.call(() => a.stream.destroy())
    expect(a.closes).toBe(0)
    await until(() => a.closes === 1)
    expect(order.length).toBe(writes)
    a.write([pattern(3)], () => order.push('late'))
    await until(() => order.includes('late'))
    a.stream.resume()
    a.stream.end()
    for (let i = 0; i < 5; i++) await turn()
    expect(a.closes).toBe(1)
  })

  it('delivers nothing after it was destroyed in the middle of delivering', async () => {
    const [a, b] = await pair()
    b.onData = () => b.stream.destroy()
    b.listen()
    a.listen()
    a.write([pattern(500_000)])
    await until(() => b.closes === 1 && a.closes === 1)
    expect(b.chunks.length).toBe(1)
    expect(b.error).toBeUndefined()
    expect(a.error).toMatchObject({ code: expect.any(String) })
  })

  it('tells a listener that comes late of the end', async () => {
    const [a, b] = await pair()
    a.stream.destroy()
    for (let i = 0; i < 5; i++) await turn()
    a.listen()
    expect(a.closes).toBe(0)
    await until(() => a.closes === 1)
    b.stream.destroy()
  })

  it('hands over to the next listener', async () => {
    const [a, b] = await pair()
    const first = new Seen(b.stream).listen()
    a.write([pattern(10)])
    await until(() => first.bytes === 10)
    b.listen()
    a.write([pattern(20)])
    await until(() => b.bytes === 20)
    expect(first.bytes).toBe(10)
  })
})
