import { describe, expect, it } from 'vitest'
import type { DatagramSocket } from '../../../src/net/world.js'
import { type TraceEvent, VirtualNetwork } from '../../../src/testing/index.js'

function sleep(net: VirtualNetwork, ms: number): Promise<void> {
  const [host] = net.hosts
  return new Promise((resolve) => host!.world.setTimer(ms, resolve))
}

describe('VirtualNetwork.run', () => {
  it('lets hours pass at once, and promises settle between events', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const host = net.host()
    const order: string[] = []
    const task = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(net, 3_600_000)
        await Promise.resolve()
        await Promise.resolve().then(() => order.push(`${i} at ${host.world.now()}`))
      }
      return 'done'
    })()
    host.world.setTimer(7_200_000.5, () => order.push('between'))
    expect(await net.run({ until: task, limit: 1e8 })).toBe('done')
    expect(order).toEqual(['0 at 3600000', '1 at 7200000', 'between', '2 at 10800000'])
    expect(net.now).toBe(10_800_000)
    expect(host.world.unixTime()).toBe(1_735_689_600_000 + 10_800_000)
  })

  it('runs timers in order of time, equal ones in order of making, deferred calls last', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const { world } = net.host()
    const order: number[] = []
    world.setTimer(20, () => order.push(3))
    world.setTimer(10, () => {
      world.defer(() => order.push(2))
      order.push(0)
      process.nextTick(() => queueMicrotask(() => order.push(0.5)))
    })
    world.setTimer(10, () => order.push(1))
    world.setTimer(15, () => order.push(99)).cancel()
    await net.advance(100)
    expect(order).toEqual([0, 0.5, 1, 2, 3])
    expect(net.now).toBe(100)
  })

  it('does not let a timer of 0 ms stop time', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const { world } = net.host()
    let calls = 0
    const again = (): void => {
      calls++
      world.setTimer(0, again)
    }
    again()
    await net.advance(100)
    expect(calls).toBe(101)
  })

  it('fails with the seed when nothing is left, at the limit, and when code throws', async () => {
    const net = new VirtualNetwork({ seed: 4711 })
    const { world } = net.host()
    await expect(net.run({ until: () => false })).rejects.toThrow(/nothing is left to happen \(seed 4711/)
    world.setTimer(1_000, () => {})
    await expect(net.run({ until: () => false, limit: 500 })).rejects.toThrow(
      /500 virtual ms \(seed 4711, 500 ms/,
    )
    expect(net.now).toBe(500)
    const bug = new Error('bug')
    world.setTimer(100, () => {
      throw bug
    })
    await expect(net.run({ until: () => false })).rejects.toMatchObject({
      message: 'an event threw: bug (seed 4711, 600 ms)',
      cause: bug,
    })
    await expect(net.run({ until: Promise.reject(bug) })).rejects.toBe(bug)
    const first = net.run({ until: () => true })
    await expect(net.run({ until: () => true })).rejects.toThrow('runs already')
    await first
  })

  it('survives a hundred thousand cancelled timers', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const host = net.host()
    let calls = 0
    for (let i = 0; i < 100_000; i++) {
      const timer = host.world.setTimer(1 + (i % 977), () => calls++)
      if (i % 100 !== 0) timer.cancel()
    }
    expect(host.open.length).toBe(1_000)
    await net.advance(1_000)
    expect(calls).toBe(1_000)
    expect(host.open).toEqual([])
  })
})

describe('repeatability', () => {
  /** Hosts that talk at random over lossy datagrams and streams; gives the digest and the trace. */
  async function scene(seed: number): Promise<{ digest: string; trace: TraceEvent[] }> {
    const trace: TraceEvent[] = []
    const net = new VirtualNetwork({
      seed,
      fragment: 0.3,
      datagrams: { loss: 0.1, duplicate: 0.1, reorder: 0.5 },
      trace: (event) => trace.push(event),
    })
    const hosts = Array.from({ length: 6 }, (_, i) =>
      net.host({ upload: 100_000 + i * 10_000, connectionLife: 20_000, refuse: 0.1 }),
    )
    for (const host of hosts) {
      const { world } = host
      await world.listen({ port: 1 }, (stream) =>
        stream.listen({ data: (chunk) => stream.write([chunk.slice(0, 100)]), drain() {}, close() {} }),
      )
      const socket = await world.bind({ port: 1 }, () => {})
      const act = (): void => {
        const to = { host: hosts[world.random.uint32() % hosts.length]!.ip, port: 1 }
        socket.send(world.random.bytes(world.random.uint32() % 1_400), to)
        void world.connect(to, { timeout: 1_000 }).then(
          (stream) => {
            stream.listen({ data() {}, drain() {}, close() {} })
            stream.write([world.random.bytes(20_000)])
            world.setTimer(2_000, () => stream.destroy())
          },
          () => {},
        )
        world.setTimer(world.random.uint32() % 500, act)
      }
      act()
    }
    await net.advance(10_000)
    return { digest: net.digest, trace }
  }

  it('gives the same events for the same seed, others for another', async () => {
    const [a, b, c] = [await scene(5), await scene(5), await scene(6)]
    expect(a.trace.length).toBeGreaterThan(500)
    expect(new Set(a.trace.map(({ kind }) => kind))).toEqual(
      new Set(['dial', 'open', 'refuse', 'data', 'close', 'datagram', 'drop']),
    )
    expect(b.trace).toEqual(a.trace)
    expect(b.digest).toBe(a.digest)
    expect(c.digest).not.toBe(a.digest)
  })
})

describe('hosts', () => {
  it('get free addresses, and refuse what is none', () => {
    const net = new VirtualNetwork({ seed: 1 })
    expect(net.host().ip).toBe('10.0.0.1')
    expect(net.host({ ip: '10.0.0.3' }).ip).toBe('10.0.0.3')
    expect(net.host().ip).toBe('10.0.0.4')
    expect(() => net.host({ ip: '10.0.0.1' })).toThrow(RangeError)
    expect(() => net.host({ ip: 'nonsense' })).toThrow(RangeError)
    expect(() => net.host({ ip6: '2001:DB8::1' })).toThrow(RangeError)
    expect(() => net.host({ upload: 0 })).toThrow(/upload must be above 0 bytes\/s, got 0/)
  })

  it('draw numbers of their own from one seed', () => {
    const draw = (seed: number): number[] => {
      const net = new VirtualNetwork({ seed })
      return [net.host(), net.host()].map(({ world }) => world.random.uint32())
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(new Set(draw(1)).size).toBe(2)
  })
})

describe('names', () => {
  it('resolve after their latency, fail, or stay silent', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const { world } = net.host()
    net.names.set('Tracker.test', ['10.0.0.1', '2001:db8::1'])
    net.names.fail('broken.test', 'EAI_AGAIN')
    net.names.fail('silent.test', 'never')
    const lookup = (name: string, options = {}) => net.run({ until: world.lookup(name, options) })
    expect(await lookup('tracker.TEST')).toEqual(['10.0.0.1', '2001:db8::1'])
    expect(net.now).toBe(5)
    expect(await lookup('1.2.3.4')).toEqual(['1.2.3.4'])
    await expect(lookup('nowhere.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(lookup('broken.test')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
    await expect(lookup('silent.test', { timeout: 100 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const aborter = new AbortController()
    const pending = lookup('silent.test', { signal: aborter.signal })
    aborter.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
    await expect(lookup('a.test', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    )
    net.names.delete('tracker.test')
    await expect(lookup('tracker.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })
})

describe('virtual datagrams', () => {
  interface Got {
    bytes: Uint8Array
    time: number
    from: string
  }

  async function between(options: ConstructorParameters<typeof VirtualNetwork>[0], a = {}, b = {}) {
    const net = new VirtualNetwork(options)
    const hosts = [net.host(a), net.host(b)]
    const got: Got[][] = [[], []]
    const sockets: DatagramSocket[] = []
    for (const [i, host] of hosts.entries()) {
      sockets.push(
        await host.world.bind({ port: 6881 }, (bytes, from) =>
          got[i]!.push({ bytes: bytes.slice(), time: net.now, from: `${from.host}:${from.port}` }),
        ),
      )
    }
    const send = (from: 0 | 1, bytes: Uint8Array): void =>
      sockets[from]!.send(bytes, { host: hosts[1 - from]!.ip, port: 6881 })
    return { net, got, send, sockets, hosts }
  }

  it('arrive after line time and latency, in memory lent for the call', async () => {
    const { net, got, send } = await between(
      { seed: 1, latency: 30 },
      { upload: 100_000 },
      { download: 50_000 },
    )
    const bytes = new Uint8Array(972).fill(7)
    send(0, bytes)
    bytes.fill(9)
    await net.advance(1_000)
    expect(got[1]).toEqual([
      { bytes: new Uint8Array(972).fill(7), time: 10 + 30 + 20, from: '10.0.0.1:6881' },
    ])
  })

  it('are lost, doubled and overtaken as often as asked', async () => {
    const { net, got, send } = await between({
      seed: 3,
      datagrams: { loss: 0.2, duplicate: 0.1, reorder: 0.3, reorderDelay: 50 },
    })
    for (let i = 0; i < 2_000; i++) send(0, Uint8Array.of(i, i >> 8))
    await net.advance(1_000)
    const order = got[1]!.map(({ bytes }) => bytes[0]! | (bytes[1]! << 8))
    expect(new Set(order).size / 2_000).toBeCloseTo(0.8, 1)
    expect(order.length / new Set(order).size).toBeCloseTo(1.1, 1)
    const late = order.filter((n, i) => i > 0 && n < order[i - 1]!).length
    expect(late).toBeGreaterThan(100)
  })

  it('vanish when larger than the MTU, or when a line has too much to do', async () => {
    const { net, got, send } = await between({ seed: 1, datagrams: { mtu: 1_500 } }, { upload: 1_000_000 })
    send(0, new Uint8Array(1_472))
    send(0, new Uint8Array(1_473))
    await net.advance(1_000)
    expect(got[1]!.length).toBe(1)
    for (let i = 0; i < 1_000; i++) send(0, new Uint8Array(1_472))
    await net.advance(10_000)
    expect(got[1]!.length).toBeGreaterThan(80)
    expect(got[1]!.length).toBeLessThan(100)
  })

  it('pass a NAT only as answers', async () => {
    const { net, got, send } = await between({ seed: 1 }, { nat: true })
    send(1, Uint8Array.of(1))
    await net.advance(100)
    expect(got[0]).toEqual([])
    send(0, Uint8Array.of(2))
    await net.advance(100)
    send(1, Uint8Array.of(3))
    await net.advance(100)
    expect(got[0]!.map(({ bytes }) => bytes[0])).toEqual([3])
  })

  it('pass a NAT only as answers of the very address and port', async () => {
    const { net, got, send, hosts } = await between({ seed: 1 }, { nat: true })
    send(0, Uint8Array.of(1))
    await net.advance(100)
    const behind = { host: hosts[0]!.ip, port: 6881 }
    const [beside, third] = [
      await hosts[1]!.world.bind({ port: 6882 }, () => {}),
      await net.host().world.bind({ port: 6881 }, () => {}),
    ]
    beside.send(Uint8Array.of(2), behind)
    third.send(Uint8Array.of(3), behind)
    send(1, Uint8Array.of(4))
    await net.advance(100)
    expect(got[0]!.map(({ bytes }) => bytes[0])).toEqual([4])
  })

  it('are lost to closed sockets, other families, partitions, hosts that drop, and nobody', async () => {
    const { net, got, send, sockets, hosts } = await between({ seed: 1 }, {}, { dropDatagrams: 0.5 })
    for (let i = 0; i < 1_000; i++) send(0, Uint8Array.of(1))
    await net.advance(100)
    expect(got[1]!.length / 1_000).toBeCloseTo(0.5, 1)
    got[1]!.length = 0
    net.partition([hosts[0]!])
    send(0, Uint8Array.of(1))
    net.heal()
    for (const host of ['10.9.9.9', '2001:db8::9']) sockets[0]!.send(Uint8Array.of(1), { host, port: 1 })
    sockets[0]!.send(Uint8Array.of(1), { host: hosts[1]!.ip, port: 0 })
    sockets[0]!.send(new Uint8Array(70_000), { host: hosts[1]!.ip, port: 6881 })
    await sockets[1]!.close()
    for (let i = 0; i < 10; i++) send(0, Uint8Array.of(1))
    sockets[1]!.send(Uint8Array.of(1), { host: hosts[0]!.ip, port: 6881 })
    await net.advance(100)
    expect(got).toEqual([[], []])
    await expect(hosts[0]!.world.bind({ port: 6881 }, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
