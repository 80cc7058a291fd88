import { describe, expect, it } from 'vitest'
import { Scheduler } from '../../../../src/net/scheduler.js'
import { SocketPair } from '../../../../src/net/udp/socket-pair.js'
import { UtpTransport, type UtpTransportOptions } from '../../../../src/net/utp/transport.js'
import type { ByteStream } from '../../../../src/net/world.js'
import { type VirtualHost, VirtualNetwork } from '../../../../src/testing/index.js'

const PORT = 6881

interface Node {
  readonly host: VirtualHost
  readonly transport: UtpTransport
  readonly accepted: ByteStream[]
  close(): Promise<void>
}

async function node(network: VirtualNetwork, options: Partial<UtpTransportOptions> = {}): Promise<Node> {
  const host = network.host()
  const { world } = host
  const scheduler = new Scheduler(world)
  const udp = new SocketPair(world)
  const accepted: ByteStream[] = []
  const transport = new UtpTransport({
    world,
    scheduler,
    udp,
    welcome: () => true,
    accept: (stream) => accepted.push(stream),
    ...options,
  })
  await network.run({ until: udp.open({ port: PORT }) })
  return {
    host,
    transport,
    accepted,
    async close() {
      transport.close()
      await udp.close()
      scheduler.close()
      await network.advance(10_000)
      expect(host.open).toEqual([])
    },
  }
}

function at({ host }: Node) {
  return { host: host.ip, port: PORT }
}

interface Told {
  bytes: number
  readonly closes: (string | undefined)[]
}

function watch(stream: ByteStream): Told {
  const told: Told = { bytes: 0, closes: [] }
  stream.listen({
    data: (chunk) => {
      told.bytes += chunk.length
    },
    drain() {},
    close: (error) => told.closes.push(error && (error as Error & { code: string }).code),
  })
  return told
}

/** Two nodes and both ends of a connection between them. */
async function pair(network: VirtualNetwork) {
  const [a, b] = [await node(network), await node(network)]
  const dialled = await network.run({ until: a.transport.connect(at(b), { timeout: 5_000 }) })
  await network.run({ until: () => b.accepted.length === 1 })
  return { a, b, dialled, accepted: b.accepted[0] as ByteStream }
}

describe('uTP on the sockets of a session', () => {
  it('fails to connect with a code for each reason, and leaves nothing behind', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const a = await node(network)
    const nobody = { host: '10.9.9.9', port: 1 }
    const refused = a.transport.connect(nobody, { timeout: 100 })
    await expect(network.run({ until: refused })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const reason = new Error('enough')
    const aborted = a.transport.connect(nobody, { timeout: 100, signal: AbortSignal.abort(reason) })
    await expect(network.run({ until: aborted })).rejects.toBe(reason)
    const aborter = new AbortController()
    const given = a.transport.connect(nobody, { timeout: 100, signal: aborter.signal })
    aborter.abort(reason)
    await expect(network.run({ until: given })).rejects.toBe(reason)
    const slow = a.transport.connect(nobody, { timeout: 100_000 })
    await expect(network.run({ until: slow })).rejects.toMatchObject({ code: 'utp/connect-timeout' })
    const otherFamily = a.transport.connect({ host: '2001:db8::1', port: 1 }, { timeout: 100 })
    await expect(network.run({ until: otherFamily })).rejects.toMatchObject({ code: 'utp/no-socket' })
    expect(a.transport.stats.connections).toBe(0)
    const open = a.transport.connect(nobody, { timeout: 100_000 })
    a.transport.close()
    await expect(network.run({ until: open })).rejects.toMatchObject({ code: 'utp/destroyed' })
    const late = a.transport.connect(nobody, { timeout: 100 })
    await expect(network.run({ until: late })).rejects.toMatchObject({ code: 'utp/closed' })
    await a.close()
  })

  it('does not answer whom it does not want, and no more than it may hold', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const a = await node(network)
    const b = await node(network, { maxConnections: 4, welcome: ({ host }) => host === a.host.ip })
    const stranger = await node(network)
    const unwanted = stranger.transport.connect(at(b), { timeout: 500 })
    await expect(network.run({ until: unwanted })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const dials = Array.from({ length: 6 }, () => a.transport.connect(at(b), { timeout: 2_000 }))
    const results = await network.run({ until: Promise.allSettled(dials) })
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(4)
    expect(b.transport.stats.connections).toBeLessThanOrEqual(4)
    for (const each of [a, b, stranger]) await each.close()
  })

  it('gives up a stream that ended while its remote neither reads nor ends', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const { a, b, dialled, accepted } = await pair(network)
    const told = watch(dialled)
    accepted.pause()
    const other = watch(accepted)
    dialled.write([new Uint8Array(16 * 1024 * 1024)])
    dialled.end()
    const before = network.now
    await network.run({ until: () => told.closes.length === 1 })
    expect(network.now - before).toBeCloseTo(5_000, -2)
    expect(told.closes).toEqual([undefined])
    await network.run({ until: () => other.closes.length === 1 })
    expect(other.closes).toEqual(['utp/reset'])
    await network.advance(5_000)
    expect([a.transport.stats.connections, b.transport.stats.connections]).toEqual([0, 0])
    for (const each of [a, b]) await each.close()
  })

  it('answers a remote that has ended with all that was written', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const { a, b, dialled, accepted } = await pair(network)
    const answer = 12 * 1024 * 1024
    const told = watch(dialled)
    accepted.write([new Uint8Array(answer)])
    const other = watch(accepted)
    dialled.end()
    await network.run({ until: () => told.closes.length === 1 && other.closes.length === 1 })
    expect(told).toEqual({ bytes: answer, closes: [undefined] })
    expect(other.closes).toEqual([undefined])
    for (const each of [a, b]) await each.close()
  })

  it('does not keep what it answers to a remote that has ended and reads no more', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const { a, b, dialled, accepted } = await pair(network)
    watch(dialled)
    const other = watch(accepted)
    dialled.end()
    dialled.pause()
    await network.run({ until: () => other.closes.length === 1 })
    await network.advance(15_000)
    expect([a.transport.stats.connections, b.transport.stats.connections]).toEqual([0, 0])
    for (const each of [a, b]) await each.close()
  })

  it('tells of a remote that vanished', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const { a, b, dialled, accepted } = await pair(network)
    const told = watch(dialled)
    watch(accepted)
    b.host.online = false
    dialled.write([new Uint8Array(1000)])
    await network.run({ until: () => told.closes.length === 1 })
    expect(told.closes).toEqual(['utp/timeout'])
    for (const each of [a, b]) await each.close()
  })

  it('ends all streams when it is closed, also those without a listener yet', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const { a, b, dialled, accepted } = await pair(network)
    const second = await network.run({ until: a.transport.connect(at(b), { timeout: 5_000 }) })
    const told = watch(dialled)
    watch(accepted)
    let sent = 0
    dialled.write([new Uint8Array(16 * 1024 * 1024)], () => sent++)
    a.transport.close()
    expect([told.closes, sent]).toEqual([['utp/destroyed'], 1])
    const late = watch(second)
    dialled.write([new Uint8Array(10)], () => sent++)
    await network.advance(1)
    expect([late.closes, sent]).toEqual([['utp/destroyed'], 2])
    for (const each of [a, b]) await each.close()
  })

  it('opens and closes a thousand connections without keeping any', async () => {
    const network = new VirtualNetwork({ seed: 1, datagrams: { loss: 0.02, reorder: 0.05 } })
    const echo = (stream: ByteStream) =>
      stream.listen({
        data: (chunk) => stream.write([chunk.slice()]),
        drain() {},
        close() {},
      })
    const [a, b] = [await node(network), await node(network, { accept: echo })]
    let echoed = 0
    const visit = async () => {
      const stream = await a.transport.connect(at(b), { timeout: 60_000 })
      await new Promise<void>((resolve) => {
        stream.listen({
          data: ({ length }) => {
            echoed += length
            stream.end()
          },
          drain() {},
          close: () => resolve(),
        })
        stream.write([new Uint8Array(100)])
      })
    }
    for (let round = 0; round < 10; round++)
      await network.run({ until: Promise.all(Array.from({ length: 100 }, visit)) })
    expect(echoed).toBe(100_000)
    await network.advance(60_000)
    expect([a.transport.stats.connections, b.transport.stats.connections]).toEqual([0, 0])
    for (const each of [a, b]) await each.close()
  })
})
