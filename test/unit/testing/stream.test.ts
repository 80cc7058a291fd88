import { describe, expect, it } from 'vitest'
import type { ByteStream } from '../../../src/net/world.js'
import {
  type HostOptions,
  type NetworkOptions,
  type VirtualHost,
  VirtualNetwork,
} from '../../../src/testing/index.js'
import { equalBytes } from '../../../src/util/bytes.js'
import { errorCode } from '../../../src/util/errors.js'

interface End {
  stream: ByteStream
  bytes: Uint8Array[]
  /** Virtual ms at which each chunk came. */
  times: number[]
  drains: number
  closes: number
  error: Error | undefined
  length: number
}

function watch(net: VirtualNetwork, stream: ByteStream): End {
  const end: End = { stream, bytes: [], times: [], drains: 0, closes: 0, error: undefined, length: 0 }
  stream.listen({
    data(chunk) {
      expect(end.closes).toBe(0)
      end.bytes.push(chunk.slice())
      end.length += chunk.length
      end.times.push(net.now)
    },
    drain() {
      expect(end.closes).toBe(0)
      end.drains++
    },
    close(error) {
      end.closes++
      end.error = error
    },
  })
  return end
}

function content(end: End): Uint8Array {
  return Buffer.concat(end.bytes)
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff)
}

async function serve(host: VirtualHost, accept: (stream: ByteStream) => void, port = 6881) {
  return host.world.listen({ port }, accept)
}

/** A network with two hosts and a connection between them, opened at 20 ms. */
async function connected(
  options: Partial<NetworkOptions> = {},
  a: HostOptions = {},
  b: HostOptions = {},
): Promise<{ net: VirtualNetwork; hosts: [VirtualHost, VirtualHost]; ends: [End, End] }> {
  const net = new VirtualNetwork({ seed: 1, ...options })
  const from = net.host(a)
  const to = net.host(b)
  const ends: End[] = []
  await serve(to, (stream) => ends.push(watch(net, stream)))
  const stream = await net.run({
    until: from.world.connect({ host: to.ip, port: 6881 }, { timeout: 5_000 }),
  })
  return { net, hosts: [from, to], ends: [watch(net, stream), ends[0]!] }
}

describe('virtual streams', () => {
  it('open after one round trip', async () => {
    const { net, ends } = await connected({ latency: 25 })
    expect(net.now).toBe(50)
    expect(ends[0].stream.remote).toEqual({ host: '10.0.0.2', port: 6881 })
    expect(ends[1].stream.remote).toEqual(ends[0].stream.local)
    expect(ends[0].stream.local.host).toBe('10.0.0.1')
  })

  it('deliver after upload time, latency and download time, exactly', async () => {
    const { net, ends } = await connected({ latency: 30 }, { upload: 1_000_000 }, { download: 500_000 })
    const start = net.now
    ends[0].stream.write([pattern(1_000)])
    await net.run({ until: () => ends[1].length === 1_000 })
    expect(net.now - start).toBeCloseTo(1 + 30 + 2, 9)
  })

  it.each([
    ['upload', { upload: 1_000_000 }, { download: 4_000_000 }],
    ['download', { upload: 4_000_000 }, { download: 1_000_000 }],
  ])('carry a long transfer at the rate of the slower line: %s', async (_name, a, b) => {
    const { net, ends } = await connected({ latency: 10 }, a, b)
    const start = net.now
    ends[0].stream.write([pattern(2_000_000)])
    await net.run({ until: () => ends[1].length === 2_000_000 })
    const ideal = 2_000 + 10
    expect(net.now - start).toBeGreaterThanOrEqual(ideal)
    // One segment passes the faster line before the slower one has work.
    expect(net.now - start).toBeLessThan(ideal + 10)
    expect(equalBytes(content(ends[1]), pattern(2_000_000))).toBe(true)
  })

  it('reach window / round trip without a line limit', async () => {
    const { net, ends } = await connected({ latency: 50, window: 100_000 })
    const start = net.now
    ends[0].stream.write([pattern(1_000_000)])
    await net.run({ until: () => ends[1].length === 1_000_000 })
    expect(net.now - start).toBeGreaterThan(600)
    expect(net.now - start).toBeLessThanOrEqual(1_050)
  })

  it('share an upload line fairly, and a download line too', async () => {
    for (const hub of ['upload', 'download'] as const) {
      const net = new VirtualNetwork({ seed: 1 })
      const middle = net.host({ [hub]: 1_000_000 })
      const others = Array.from({ length: 5 }, (_, i) => net.host({ latency: i * 5 }))
      const ends: End[] = []
      for (const other of others) {
        const [from, to] = hub === 'upload' ? [middle, other] : [other, middle]
        await serve(to, (stream) => ends.push(watch(net, stream)), 7000 + others.indexOf(other))
        const stream = await net.run({
          until: from.world.connect({ host: to.ip, port: 7000 + others.indexOf(other) }, { timeout: 1_000 }),
        })
        stream.listen({ data() {}, drain() {}, close() {} })
        stream.write([new Uint8Array(4_000_000)])
      }
      const before = ends.map((end) => end.length)
      await net.advance(5_000)
      const shares = ends.map((end, i) => end.length - before[i]!)
      const total = shares.reduce((sum, share) => sum + share, 0)
      expect(total).toBeGreaterThan(4_900_000)
      expect(total).toBeLessThan(5_100_000)
      for (const share of shares) expect(share / total).toBeCloseTo(0.2, 1)
    }
  })

  it('hold a writer back while the reader is paused, without losing anything', async () => {
    const { net, ends } = await connected({ window: 100_000, sendBuffer: 50_000 })
    const [a, b] = ends
    b.stream.pause()
    let sent = 0
    let more = true
    for (let i = 0; i < 100 && more; i++) more = a.stream.write([pattern(10_000)], () => sent++)
    expect(more).toBe(false)
    await net.advance(1_000)
    expect(b.length).toBe(0)
    expect(a.drains).toBe(0)
    expect(a.stream.queued).toBeGreaterThan(0)
    const queued = a.stream.queued
    await net.advance(60_000)
    expect(a.stream.queued).toBe(queued)
    b.stream.resume()
    await net.run({ until: () => a.drains === 1 })
    expect(a.stream.queued).toBe(0)
    a.stream.end()
    await net.run({ until: () => b.closes === 1 && a.closes === 1 })
    expect(b.length).toBe(sent * 10_000)
  })

  it('lend chunks for the call only', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const [a, b] = [net.host(), net.host()]
    let kept: Uint8Array | undefined
    await serve(b, (stream) =>
      stream.listen({
        data(chunk) {
          expect(chunk[1]).toBe(7)
          kept = chunk
        },
        drain() {},
        close() {},
      }),
    )
    const stream = await net.run({ until: a.world.connect({ host: b.ip, port: 6881 }, { timeout: 100 }) })
    stream.write([pattern(100)])
    await net.run({ until: () => kept !== undefined })
    expect(kept![1]).not.toBe(7)
  })

  it('flush before an end, and answer a half-closed remote', async () => {
    const { net, ends, hosts } = await connected({}, { upload: 100_000 }, { upload: 100_000 })
    const [a, b] = ends
    let sent = 0
    a.stream.write([pattern(200_000)], () => sent++)
    a.stream.end()
    expect(a.stream.write([pattern(1)], () => sent++)).toBe(false)
    b.stream.write([pattern(150_000)])
    await net.run({ until: () => a.closes === 1 && b.closes === 1 })
    expect([a.error, b.error]).toEqual([undefined, undefined])
    expect([a.length, b.length, sent]).toEqual([150_000, 200_000, 2])
    expect([...hosts[0].open, ...hosts[1].open]).toEqual(['tcp port 6881'])
  })

  it('cut off a remote that never ends', async () => {
    const { net, ends } = await connected()
    const [a, b] = ends
    b.stream.pause()
    a.stream.end()
    await net.advance(4_000)
    expect(a.closes).toBe(0)
    await net.advance(2_000)
    expect(a.closes).toBe(1)
    expect(b.closes).toBe(0)
    b.stream.resume()
    await net.run({ until: () => b.closes === 1 })
  })

  it('close once on destroy, sent callbacks first, and reset who writes to the closed end', async () => {
    const { net, ends } = await connected({}, { upload: 1_000_000 })
    const [a, b] = ends
    const order: string[] = []
    a.stream.write([pattern(1_000_000)], () => order.push('sent'))
    a.stream.destroy()
    a.stream.destroy()
    expect(a.closes).toBe(0)
    b.stream.write([pattern(10)])
    await net.run({ until: () => a.closes === 1 && b.closes === 1 })
    expect(order).toEqual(['sent'])
    expect(a.error).toBeUndefined()
    expect(errorCode(b.error)).toBe('ECONNRESET')
    a.stream.write([pattern(1)], () => order.push('late'))
    await net.advance(1)
    expect(order).toEqual(['sent', 'late'])
    const again = watch(net, a.stream)
    await net.advance(1)
    expect(again.closes).toBe(1)
  })

  it('end cleanly for the remote when destroyed with all bytes read', async () => {
    const { net, ends } = await connected()
    const [a, b] = ends
    a.stream.write([pattern(100)])
    a.stream.destroy()
    await net.run({ until: () => b.closes === 1 })
    expect(b.length).toBe(100)
    expect(b.error).toBeUndefined()
  })

  it('deliver what came before listen once there is a listener', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const [a, b] = [net.host(), net.host()]
    let accepted: ByteStream | undefined
    await serve(b, (stream) => {
      accepted = stream
    })
    const stream = await net.run({ until: a.world.connect({ host: b.ip, port: 6881 }, { timeout: 100 }) })
    stream.write([pattern(100)])
    stream.end()
    await net.advance(1_000)
    const end = watch(net, accepted!)
    expect(end.length).toBe(0)
    await net.run({ until: () => end.closes === 1 })
    expect(equalBytes(content(end), pattern(100))).toBe(true)
  })

  it('break in the middle when cut', async () => {
    const { net, ends, hosts } = await connected({}, { upload: 100_000 })
    const [a, b] = ends
    a.stream.write([pattern(1_000_000)])
    await net.advance(3_000)
    hosts[1].cutConnections()
    await net.run({ until: () => a.closes === 1 && b.closes === 1 })
    expect([errorCode(a.error), errorCode(b.error)]).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect(b.length).toBeGreaterThan(250_000)
    expect(b.length).toBeLessThan(300_000)
    expect(equalBytes(content(b), pattern(1_000_000).subarray(0, b.length))).toBe(true)
  })

  it('hang during a partition and go on after it', async () => {
    const { net, ends, hosts } = await connected({}, { upload: 100_000 })
    const [a, b] = ends
    a.stream.write([pattern(200_000)])
    await net.advance(500)
    net.partition([hosts[0]])
    await net.advance(60_000)
    expect(b.length).toBeLessThan(60_000)
    expect(b.closes).toBe(0)
    await expect(
      net.run({ until: hosts[0].world.connect({ host: hosts[1].ip, port: 6881 }, { timeout: 100 }) }),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    net.heal()
    await net.run({ until: () => b.length === 200_000 })
    hosts[1].online = false
    a.stream.write([pattern(10)])
    await net.advance(1_000)
    expect(b.length).toBe(200_000)
    hosts[1].online = true
    await net.run({ until: () => b.length === 200_010 })
    expect(equalBytes(content(b).subarray(0, 200_000), pattern(200_000))).toBe(true)
  })

  it('reset connections after a random life', async () => {
    const { net, ends } = await connected({}, {}, { connectionLife: 1_000 })
    await net.run({ until: () => ends[0].closes === 1 && ends[1].closes === 1 })
    expect(errorCode(ends[0].error)).toBe('ECONNRESET')
  })
})

describe('virtual dials', () => {
  it('are refused, unanswered, aborted', async () => {
    const net = new VirtualNetwork({ seed: 1, latency: 10 })
    const a = net.host()
    const b = net.host({ nat: true })
    const c = net.host({ refuse: 1 })
    await serve(b, () => {})
    await serve(c, () => {})
    const dial = (host: string, port = 6881, signal?: AbortSignal) =>
      net.run({ until: a.world.connect({ host, port }, { timeout: 500, ...(signal ? { signal } : {}) }) })
    await expect(dial(c.ip, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(net.now).toBe(20)
    await expect(dial(c.ip)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(dial(b.ip)).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(net.now).toBe(540)
    await expect(dial('10.9.9.9')).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const aborter = new AbortController()
    const pending = dial('10.9.9.9', 6881, aborter.signal)
    expect(a.open).toEqual(['dial 10.9.9.9:6881'])
    aborter.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    await expect(dial(c.ip, 6881, AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    expect(a.open).toEqual([])
  })

  it('reach the own host at once, over loopback or its address', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const a = net.host({ ip6: '2001:db8::1' })
    await serve(a, () => {})
    for (const host of ['127.0.0.1', '::1', a.ip, '2001:db8::1']) {
      const stream = await net.run({ until: a.world.connect({ host, port: 6881 }, { timeout: 100 }) })
      expect(stream.local.host).toBe(host)
      expect(net.now).toBe(0)
    }
  })

  it('that are aborted on their way leave nothing open', async () => {
    const net = new VirtualNetwork({ seed: 1, latency: 10 })
    const [a, b] = [net.host(), net.host()]
    const ends: End[] = []
    const listening = await serve(b, (stream) => ends.push(watch(net, stream)))
    await expect(
      net.run({ until: a.world.connect({ host: b.ip, port: 6881 }, { timeout: 15 }) }),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await net.run({ until: () => ends[0]?.closes === 1 })
    await listening.close()
    expect([...a.open, ...b.open]).toEqual([])
  })

  it('find taken ports taken', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const a = net.host()
    const first = await a.world.listen({ port: 0 }, () => {})
    await expect(a.world.listen({ port: first.address.port }, () => {})).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await a.world.bind({ port: first.address.port }, () => {})
    await first.close()
    await a.world.listen({ host: '0.0.0.0', port: first.address.port }, () => {})
    await a.world.listen({ host: '::', port: first.address.port }, () => {})
    expect(a.open.length).toBe(3)
  })
})
