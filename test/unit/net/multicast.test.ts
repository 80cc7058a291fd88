/** Multicast groups, interfaces and gateways, on the machine's loopback and between virtual hosts. */

import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultGateway, gatewayOf4, gatewayOf6 } from '../../../src/net/system/gateway.js'
import { InterfaceWatch, systemInterfaces } from '../../../src/net/system/interfaces.js'
import { systemWorld } from '../../../src/net/system/world.js'
import type { DatagramSocket, NetworkInterface, World } from '../../../src/net/world.js'
import { type VirtualHost, VirtualNetwork } from '../../../src/testing/index.js'
import { fromUtf8, utf8 } from '../../../src/util/bytes.js'
import { expectNothingLeft } from '../../support/resources.js'

const GROUP = '239.192.152.143'
const LOOPBACK =
  Object.entries(networkInterfaces()).find(([, all]) => all?.some(({ internal }) => internal))?.[0] ?? 'lo'

const open: DatagramSocket[] = []

async function listener(world: World, port: number, group: string | undefined, by?: string) {
  const got: string[] = []
  const socket = await world.bind(
    {
      port,
      reuse: true,
      family: group?.includes(':') ? 6 : 4,
      multicast: { ttl: 1, ...(by && { interface: by }) },
    },
    (bytes) => got.push(fromUtf8(bytes)),
  )
  open.push(socket)
  if (group) await socket.join(group, by)
  return { got, socket }
}

describe('multicast on the loopback of the machine', () => {
  const world = systemWorld()

  afterEach(async () => {
    await Promise.all(open.splice(0).map((socket) => socket.close()))
    await expectNothingLeft([], /UDP/)
  })

  it('reaches every socket that joined, until it leaves', async () => {
    const probe = await world.bind({ port: 0 }, () => {})
    const { port } = probe.address
    await probe.close()
    const [a, b] = [
      await listener(world, port, GROUP, LOOPBACK),
      await listener(world, port, GROUP, LOOPBACK),
    ]
    const outsider = await world.bind({ port: 0, multicast: { interface: LOOPBACK } }, () => {})
    open.push(outsider)
    await a.socket.join(GROUP, LOOPBACK)
    outsider.send(utf8('one'), { host: GROUP, port })
    while (a.got.length < 1 || b.got.length < 1) await new Promise((resolve) => setImmediate(resolve))
    await b.socket.leave(GROUP, LOOPBACK)
    await b.socket.leave(GROUP, LOOPBACK)
    outsider.send(utf8('two'), { host: GROUP, port })
    while (a.got.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(a.got).toEqual(['one', 'two'])
  })

  it('says what cannot be joined', async () => {
    const { socket } = await listener(world, 0, undefined)
    await expect(socket.join(GROUP, 'no-such-interface')).rejects.toMatchObject({ code: 'ENODEV' })
    await expect(socket.join('127.0.0.1')).rejects.toMatchObject({ code: 'EINVAL' })
    await expect(
      world.bind({ port: 0, multicast: { interface: 'no-such-interface' } }, () => {}),
    ).rejects.toMatchObject({ code: 'ENODEV' })
    await socket.close()
    await expect(socket.join(GROUP, LOOPBACK)).rejects.toMatchObject({ code: 'EBADF' })
  })

  it('shares a port only when both ask for it', async () => {
    const { socket } = await listener(world, 0, undefined)
    const { port } = socket.address
    await expect(world.bind({ port }, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' })
    open.push(await world.bind({ port, reuse: true }, () => {}))
  })
})

describe('multicast between virtual hosts', () => {
  function lan() {
    const net = new VirtualNetwork({ seed: 1 })
    const near = [
      net.host({ lan: 'home', ip6: 'fd00::1' }),
      net.host({ lan: 'home', ip6: 'fd00::2' }),
    ] as const
    return { net, near, far: net.host({ lan: 'office', ip6: 'fd00::3' }), lone: net.host({ ip6: 'fd00::4' }) }
  }
  const hear = async (net: VirtualNetwork, host: VirtualHost, group: string, by?: string) => {
    const { got, socket } = await net.run({ until: listener(host.world, 6771, group, by) })
    return { got, socket }
  }

  it('reaches the hosts of one local network that joined, over either family', async () => {
    const { net, near, far, lone } = lan()
    for (const group of [GROUP, 'ff15::efc0:988f']) {
      const all = []
      for (const host of [...near, far, lone]) all.push(await hear(net, host, group))
      const deaf = await net.run({
        until: near[1].world.bind({ port: 6771, reuse: true }, () => expect.fail('not joined')),
      })
      all[0]!.socket.send(utf8('hello'), { host: group, port: 6771 })
      all[0]!.socket.send(utf8('hello'), { host: group, port: 6772 })
      await net.advance(1_000)
      expect(all.map(({ got }) => got)).toEqual([['hello'], ['hello'], [], []])
      for (const { socket } of [...all, { socket: deaf }]) await socket.close()
    }
    expect(net.hosts.flatMap((host) => host.open)).toEqual([])
  })

  it('minds loopback, ttl, partitions, and interfaces', async () => {
    const { net, near } = lan()
    const [a, b] = near
    const there = await hear(net, b, GROUP)
    const here = await hear(net, a, GROUP)
    const send = async (multicast: { loopback?: boolean; ttl?: number; interface?: string }) => {
      const socket = await net.run({ until: a.world.bind({ port: 0, multicast }, () => {}) })
      socket.send(utf8(JSON.stringify(multicast)), { host: GROUP, port: 6771 })
      await net.advance(1_000)
      await socket.close()
      return [here.got.splice(0).length, there.got.splice(0).length]
    }
    expect(await send({})).toEqual([1, 1])
    expect(await send({ loopback: false })).toEqual([0, 1])
    expect(await send({ ttl: 0 })).toEqual([1, 0])
    expect(await send({ interface: 'lo' })).toEqual([0, 0])
    net.partition([a], [b])
    expect(await send({})).toEqual([1, 0])
    net.heal()
    b.interfaces.setUp('eth0', false)
    expect(await send({})).toEqual([1, 0])
    b.interfaces.setUp('eth0', true)
    expect(await send({})).toEqual([1, 1])
    a.interfaces.add({ name: 'wlan0', ip: '192.168.7.2', lan: 'cafe' })
    expect(await send({ interface: 'wlan0' })).toEqual([0, 0])
    await expect(net.run({ until: here.socket.join(GROUP, 'ppp0') })).rejects.toMatchObject({
      code: 'ENODEV',
    })
    await expect(net.run({ until: here.socket.join('10.0.0.1') })).rejects.toMatchObject({ code: 'EINVAL' })
    await expect(net.run({ until: b.world.bind({ port: 6771 }, () => {}) })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
  })
})

describe('interfaces', () => {
  it('of the machine have names, addresses and a loopback', async () => {
    const all = await systemWorld().interfaces()
    const loopback = all.find(({ isLoopback }) => isLoopback)
    expect(loopback?.addresses).toContainEqual({ host: '127.0.0.1', family: 4, prefix: 8 })
    expect(all.every(({ isUp }) => isUp)).toBe(true)
    expect(all.map(({ name }) => name).sort()).toEqual(Object.keys(networkInterfaces()).sort())
  })

  it('of the machine are watched while somebody listens', async () => {
    const address = (host: string) => [{ host, family: 4 as const, prefix: 24 }]
    let now: readonly NetworkInterface[] | undefined = systemInterfaces()
    let looks = 0
    const watch = new InterfaceWatch(() => {
      looks++
      if (!now) throw new Error('not now')
      return now
    }, 2)
    expect(looks).toBe(0)
    const seen: number[] = []
    const tell = (interfaces: readonly NetworkInterface[]): void => void seen.push(interfaces.length)
    const [first, second] = [watch.add(tell), watch.add(tell)]
    const later = async (count: number): Promise<void> => {
      const until = looks + count
      while (looks < until) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await later(3)
    now = undefined
    await later(2)
    now = [...systemInterfaces()].reverse()
    await later(2)
    expect(seen).toEqual([])
    now = [{ name: 'x', isLoopback: false, isUp: true, addresses: address('10.0.0.1') }]
    await later(3)
    expect(seen).toEqual([1, 1])
    first.cancel()
    now = []
    await later(3)
    expect(seen).toEqual([1, 1, 0])
    second.cancel()
    second.cancel()
    const { length } = seen
    const before = looks
    now = systemInterfaces()
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect([looks, seen.length]).toEqual([before, length])
  })

  it('of a virtual host come and go, and their connections hang meanwhile', async () => {
    const net = new VirtualNetwork({ seed: 2 })
    const [a, b] = [net.host(), net.host()]
    const seen: string[][] = []
    const watch = a.world.watchInterfaces((all) =>
      seen.push(all.filter(({ isUp }) => isUp).map(({ name }) => name)),
    )
    a.interfaces.add({ name: 'wlan0', ip: '192.168.1.2' })
    a.interfaces.setUp('eth0', false)
    await net.advance(1)
    expect(seen.at(-1)).toEqual(['lo', 'wlan0'])
    // What comes from this host comes from the address that is left.
    const from: string[] = []
    const server = await b.world.listen({ port: 80 }, (stream) => {
      from.push(stream.remote.host)
      stream.listen({ data: (bytes) => void from.push(fromUtf8(bytes)), drain() {}, close() {} })
    })
    const stream = await net.run({ until: a.world.connect({ host: b.ip, port: 80 }, { timeout: 1_000 }) })
    stream.listen({ data() {}, drain() {}, close() {} })
    a.interfaces.setUp('wlan0', false)
    stream.write([utf8('late')])
    await net.advance(5_000)
    expect(from).toEqual(['192.168.1.2'])
    await expect(
      net.run({ until: a.world.connect({ host: b.ip, port: 80 }, { timeout: 1_000 }) }),
    ).rejects.toMatchObject({ code: 'ENETUNREACH' })
    a.interfaces.setUp('wlan0', true)
    await net.advance(1_000)
    expect(from).toEqual(['192.168.1.2', 'late'])
    expect(a.open).toContain('interface watch')
    a.interfaces.remove('wlan0')
    watch.cancel()
    const { length } = seen
    await net.advance(1)
    expect(seen.length).toBe(length)
    expect((await net.run({ until: a.world.interfaces() })).map(({ name }) => name)).toEqual(['lo', 'eth0'])
    expect(() => a.interfaces.add({ name: 'eth1', ip: b.ip })).toThrow(RangeError)
    expect(() => a.interfaces.add({ name: 'eth1', ip: '1.2.3' })).toThrow(RangeError)
    expect(() => a.interfaces.setUp('eth1', true)).toThrow(RangeError)
    await server.close()
  })
})

describe('the default gateway', () => {
  it('is read from the tables of Linux, the lowest metric first', () => {
    const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
    const table = [
      'eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t20\t00000000\t0\t0\t0',
      'down0\t00000000\t0101A8C0\t0002\t0\t0\t1\t00000000\t0\t0\t0',
      'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      'bad',
      '',
    ].join('\n')
    expect(gatewayOf4(head + table)).toEqual({ host: '192.168.1.254', interface: 'wlan0' })
    expect(gatewayOf4(head)).toBeUndefined()
    const zero = '0'.repeat(32)
    const table6 = [
      `fd${'0'.repeat(30)} 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     eth0`,
      `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0`,
      `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
      'bad',
    ].join('\n')
    expect(gatewayOf6(table6)).toEqual({ host: 'fe80::1', interface: 'eth0' })
    expect(gatewayOf6('')).toBeUndefined()
  })

  it('is that of the machine, or unknown', async () => {
    for (const family of [4, 6] as const) {
      const gateway = await systemWorld().gateway(family)
      expect(gateway).toEqual(await defaultGateway(family))
      if (gateway) expect(gateway.host.includes(':')).toBe(family === 6)
    }
  })

  it('of a virtual host is what it was told', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const host = net.host()
    expect(await net.run({ until: host.world.gateway(4) })).toBeUndefined()
    host.interfaces.gateways = { 4: { host: '10.0.0.254', interface: 'eth0' } }
    expect(await net.run({ until: host.world.gateway(4) })).toEqual({ host: '10.0.0.254', interface: 'eth0' })
  })
})
