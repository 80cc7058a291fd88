import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemWorld } from '../../../../src/net/system/world.js'
import type { ByteStream, StreamServer } from '../../../../src/net/world.js'
import { equalBytes } from '../../../../src/util/bytes.js'
import { errorCode } from '../../../../src/util/errors.js'
import { expectNothingLeft } from '../../../support/resources.js'

const world = systemWorld()
const servers: StreamServer[] = []
const streams: ByteStream[] = []

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy()
  for (const server of servers.splice(0)) await server.close()
  // Connections may have been on their way when the test ended.
  await expectNothingLeft([], /TCP|UDP|Server/, () => {
    for (const stream of streams.splice(0)) stream.destroy()
  })
})

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function server(accept: (stream: ByteStream) => void): Promise<StreamServer> {
  const opened = await world.listen({ host: '127.0.0.1', port: 0 }, (stream) => {
    streams.push(stream)
    accept(stream)
  })
  servers.push(opened)
  return opened
}

async function dial(to: StreamServer): Promise<ByteStream> {
  const stream = await world.connect(to.address, { timeout: 5_000 })
  streams.push(stream)
  return stream
}

interface Seen {
  bytes: Uint8Array[]
  drains: number
  closed: Promise<Error | undefined>
  closes: number
  received(length: number): Promise<Uint8Array>
}

function watch(stream: ByteStream): Seen {
  let close: (error: Error | undefined) => void = () => {}
  let wake: () => void = () => {}
  const seen: Seen = {
    bytes: [],
    drains: 0,
    closes: 0,
    closed: new Promise((resolve) => {
      close = resolve
    }),
    async received(length) {
      while (seen.bytes.reduce((sum, chunk) => sum + chunk.length, 0) < length) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return Buffer.concat(seen.bytes)
    },
  }
  stream.listen({
    data(chunk) {
      expect(seen.closes).toBe(0)
      seen.bytes.push(chunk.slice())
      wake()
    },
    drain() {
      expect(seen.closes).toBe(0)
      seen.drains++
    },
    close(error) {
      seen.closes++
      close(error)
    },
  })
  return seen
}

/** Both ends of one connection. */
async function pair(): Promise<[ByteStream, ByteStream]> {
  const accepted: ByteStream[] = []
  const listening = await server((stream) => accepted.push(stream))
  const dialled = await dial(listening)
  while (accepted.length === 0) await turnOfLoop()
  return [dialled, accepted[0]!]
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff)
}

describe('streams of the system world', () => {
  it('echo in order, with addresses on both ends', async () => {
    const listening = await server((stream) => {
      stream.listen({
        data: (chunk) => stream.write([chunk.slice()]),
        drain() {},
        close() {},
      })
    })
    const stream = await dial(listening)
    expect(stream.remote).toEqual(listening.address)
    expect(stream.local.host).toBe('127.0.0.1')
    expect(streams[0]!.remote).toEqual(stream.local)
    const seen = watch(stream)
    const sent = pattern(100_000)
    const order: number[] = []
    stream.write([sent.subarray(0, 1), sent.subarray(1, 50_000)], () => order.push(1))
    stream.write([sent.subarray(50_000)], () => order.push(2))
    stream.write([], () => order.push(3))
    expect(order).toEqual([])
    expect(equalBytes(await seen.received(sent.length), sent)).toBe(true)
    expect([...order].sort()).toEqual([1, 2, 3])
    expect(stream.queued).toBe(0)
  })

  it('send small messages at once, on both ends (TCP_NODELAY)', async () => {
    // Node's handles, which every socket of the process has: the option cannot be read back.
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const socket = connect((probe.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    const handle = (socket as unknown as { _handle: { setNoDelay(on: boolean): void } })._handle
    const spy = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'setNoDelay')
    socket.destroy()
    probe.close()
    try {
      await pair()
      expect(spy.mock.calls).toEqual([[true], [true]])
      expect(new Set(spy.mock.contexts).size).toBe(2)
    } finally {
      spy.mockRestore()
    }
  })

  it('give IPv4 addresses for IPv4 peers of a dual-stack server', async () => {
    const accepted: ByteStream[] = []
    const listening = await world.listen({ port: 0 }, (stream) => {
      streams.push(stream)
      accepted.push(stream)
    })
    servers.push(listening)
    const stream = await world.connect(
      { host: '127.0.0.1', port: listening.address.port },
      { timeout: 5_000 },
    )
    streams.push(stream)
    while (accepted.length === 0) await turnOfLoop()
    expect(accepted[0]!.remote).toEqual(stream.local)
    expect(accepted[0]!.local).toEqual({ host: '127.0.0.1', port: listening.address.port })
  })

  it('deliver nothing before listen, then everything', async () => {
    const [a, b] = await pair()
    a.write([pattern(1_000)])
    a.end()
    for (let turn = 0; turn < 20; turn++) await turnOfLoop()
    const seen = watch(b)
    expect(await seen.closed).toBeUndefined()
    expect(equalBytes(Buffer.concat(seen.bytes), pattern(1_000))).toBe(true)
    expect(seen.closes).toBe(1)
  })

  it('hold a writer back until the reader takes the bytes', async () => {
    const [a, b] = await pair()
    const writer = watch(a)
    const chunk = pattern(1 << 20)
    let written = 0
    let done = 0
    b.pause()
    const reader = watch(b)
    while (written < 64) {
      written++
      if (!a.write([chunk], () => done++)) break
    }
    expect(written).toBeLessThan(64)
    for (let turn = 0; turn < 50; turn++) await turnOfLoop()
    expect(a.queued).toBeGreaterThan(0)
    expect(writer.drains).toBe(0)
    expect(reader.bytes).toEqual([])
    b.resume()
    expect((await reader.received(written << 20)).length).toBe(written << 20)
    for (let turn = 0; turn < 50 && writer.drains === 0; turn++) await turnOfLoop()
    expect(writer.drains).toBe(1)
    expect(done).toBe(written)
    expect(a.queued).toBe(0)
  })

  it('pause and resume on dialled and accepted ends, also inside the callback', async () => {
    const [a, b] = await pair()
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      let got = 0
      let calls = 0
      to.listen({
        data(chunk) {
          got += chunk.length
          calls++
          to.pause()
        },
        drain() {},
        close() {},
      })
      from.write([pattern(2_000_000)])
      let before = -1
      for (let round = 0; round < 2_000 && got < 2_000_000; round++) {
        for (let turn = 0; turn < 2; turn++) await turnOfLoop()
        if (got === before) to.resume()
        before = got
      }
      expect(got).toBe(2_000_000)
      expect(calls).toBeGreaterThan(1)
      to.resume()
    }
  })

  it('send what is queued before an end, and answer a half-closed remote', async () => {
    const [a, b] = await pair()
    const reply = pattern(3_000_000)
    b.listen({ data: () => b.write([reply]), drain() {}, close() {} })
    const seen = watch(a)
    a.write([pattern(10)])
    a.end()
    a.end()
    expect(await seen.closed).toBeUndefined()
    expect(equalBytes(Buffer.concat(seen.bytes), reply)).toBe(true)
  })

  it('close once, with every sent callback before it', async () => {
    const [a, b] = await pair()
    const order: string[] = []
    await new Promise<void>((resolve) => {
      a.listen({
        data() {},
        drain: () => order.push('drain'),
        close(error) {
          order.push(error ? 'error' : 'close')
          resolve()
        },
      })
      const chunk = new Uint8Array(1 << 20)
      for (let i = 0; i < 40; i++) a.write([chunk], () => order.push('sent'))
      a.destroy()
      expect(order).toEqual([])
      a.destroy()
      a.write([pattern(1)], () => order.push('late'))
    })
    expect(order.filter((event) => event === 'sent').length).toBe(40)
    expect(order.at(-1)).toBe('close')
    expect(order).toContain('late')
    const seen = watch(b)
    await seen.closed
    a.write([pattern(1)], () => order.push('after'))
    await turnOfLoop()
    expect(order.at(-1)).toBe('after')
  })

  it('tell a reset by its code', async () => {
    const [a, b] = await pair()
    const seen = watch(a)
    b.write([pattern(10)])
    await seen.received(10)
    // Unread bytes make the destroyed end answer with a reset.
    a.write([pattern(200_000)])
    for (let turn = 0; turn < 20; turn++) await turnOfLoop()
    b.destroy()
    const error = await seen.closed
    expect(['ECONNRESET', 'EPIPE']).toContain(errorCode(error))
  })

  it('end a stream that nobody listens to', async () => {
    const [a, b] = await pair()
    const seen = watch(b)
    a.write([pattern(5)])
    a.end()
    expect(await seen.closed).toBeUndefined()
    expect(equalBytes(Buffer.concat(seen.bytes), pattern(5))).toBe(true)
  })

  it('call close on a listener that comes after the close', async () => {
    const [a, b] = await pair()
    a.destroy()
    await turnOfLoop()
    await turnOfLoop()
    const seen = watch(a)
    expect(seen.closes).toBe(0)
    expect(await seen.closed).toBeUndefined()
    b.destroy()
  })

  it('refuse, time out and abort with their reasons', async () => {
    const listening = await server(() => {})
    await listening.close()
    await expect(world.connect(listening.address, { timeout: 5_000 })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    const live = await server(() => {})
    const reason = new Error('enough')
    await expect(
      world.connect(live.address, { timeout: 5_000, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
    const aborter = new AbortController()
    const aborted = world.connect(live.address, { timeout: 5_000, signal: aborter.signal })
    aborter.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    // The timer fires before the loop looks at sockets.
    const timed = world.connect(live.address, { timeout: 0 })
    const until = performance.now() + 5
    while (performance.now() < until);
    await expect(timed).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await expect(
      world.connect(live.address, { timeout: 100, localAddress: 'nonsense' }),
    ).rejects.toBeInstanceOf(Error)
    await expect(world.connect({ host: '127.0.0.1', port: 70_000 }, { timeout: 100 })).rejects.toBeInstanceOf(
      Error,
    )
  })

  it('refuse a taken port', async () => {
    const listening = await server(() => {})
    await expect(
      world.listen({ host: '127.0.0.1', port: listening.address.port }, () => {}),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('free the port on close while open streams live on', async () => {
    const [a, b] = await pair()
    const port = servers[0]!.address.port
    await servers[0]!.close()
    await servers[0]!.close()
    servers.push(await world.listen({ host: '127.0.0.1', port }, () => {}))
    const seen = watch(b)
    a.write([pattern(3)])
    expect(equalBytes(await seen.received(3), pattern(3))).toBe(true)
  })

  it('carry 1,000 connections at once', async () => {
    const listening = await server((stream) => {
      stream.listen({ data: (chunk) => stream.write([chunk.slice()]), drain() {}, close() {} })
    })
    const dialled = await Promise.all(Array.from({ length: 1_000 }, () => dial(listening)))
    const seen = dialled.map(watch)
    dialled.forEach((stream, i) => {
      stream.write([Uint8Array.of(i & 0xff, i >>> 8)])
    })
    const answers = await Promise.all(seen.map((one) => one.received(2)))
    answers.forEach((answer, i) => {
      expect(answer).toEqual(Buffer.of(i & 0xff, i >>> 8))
    })
    for (const stream of dialled) stream.end()
    await Promise.all(seen.map((one) => one.closed))
  })
  it('read by events where the runtime lets no accepted socket read into our buffer', async () => {
    const accepted: ByteStream[] = []
    const listening = await server((stream) => accepted.push(stream))
    // A plain socket's handle, to reach the prototype of all of them.
    const probe = connect(listening.address.port, '127.0.0.1')
    const handle = (probe as unknown as { _handle: object })._handle
    const prototype = Object.getPrototypeOf(handle) as { useUserBuffer?: unknown }
    Object.defineProperty(prototype, 'useUserBuffer', { value: undefined, configurable: true })
    try {
      while (accepted.length === 0) await turnOfLoop()
    } finally {
      delete prototype.useUserBuffer
    }
    const stream = accepted[0]!
    stream.pause()
    // A handshake listens before the link does, and what comes must come once.
    watch(stream)
    const seen = watch(stream)
    const sent = pattern(300_000)
    probe.end(sent)
    for (let turn = 0; turn < 20; turn++) await turnOfLoop()
    expect(seen.bytes).toEqual([])
    stream.resume()
    expect(await seen.closed).toBeUndefined()
    expect(equalBytes(Buffer.concat(seen.bytes), sent)).toBe(true)
    await new Promise((resolve) => probe.resume().once('close', resolve))
  })
})
