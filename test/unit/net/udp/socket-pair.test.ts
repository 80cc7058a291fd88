import { describe, expect, it } from 'vitest'
import { systemWorld } from '../../../../src/net/system/world.js'
import { SocketPair } from '../../../../src/net/udp/socket-pair.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import type { Address } from '../../../../src/util/address.js'
import { errorCode } from '../../../../src/util/errors.js'

const bytes = (length: number, first: number) => new Uint8Array(length).fill(0).fill(first, 0, 1)

describe('the UDP socket pair', () => {
  it('tells DHT, uTP and the rest apart', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const [a, b] = [network.host({ ip6: '2001:db8::1' }), network.host({ ip6: '2001:db8::2' })]
    const udp = new SocketPair(a.world)
    const got: string[] = []
    const take = (kind: string) => (datagram: Uint8Array, from: Address) =>
      got.push(`${kind} ${datagram.length} ${from.host}`)
    udp.onDht = take('dht')
    udp.onUtp = take('utp')
    udp.onOther = take('other')
    const other = new SocketPair(b.world)
    const port = await network.run({ until: udp.open({ port: 6881 }) })
    await network.run({ until: other.open({ port: 0 }) })
    expect(port).toBe(6881)
    expect(udp.addresses.map(({ host }) => host)).toEqual(['0.0.0.0', '::'])
    const to = { host: a.ip, port }
    other.send(bytes(10, 0x64), to)
    other.send(bytes(20, 0x01), to)
    other.send(bytes(20, 0x41), { host: '2001:db8::1', port })
    other.send(bytes(20, 0x51), to)
    other.send(bytes(19, 0x01), to)
    other.send(bytes(20, 0x00), to)
    other.send(new Uint8Array(0), to)
    await network.advance(1_000)
    expect(got.sort()).toEqual([
      `dht 10 ${b.ip}`,
      `other 0 ${b.ip}`,
      `other 19 ${b.ip}`,
      `other 20 ${b.ip}`,
      `other 20 ${b.ip}`,
      `utp 20 ${b.ip}`,
      'utp 20 2001:db8::2',
    ])
    await network.run({ until: udp.close() })
    other.send(bytes(10, 0x64), to)
    udp.send(bytes(10, 0x64), to)
    await network.advance(1_000)
    expect(got.length).toBe(7)
    expect(a.open).toEqual([])
  })

  it('does without a family that is not there', async () => {
    const network = new VirtualNetwork({ seed: 2 })
    const host = network.host()
    const udp = new SocketPair(host.world)
    await network.run({ until: udp.open({ port: 6881 }) })
    expect([udp.has(4), udp.has(6), udp.port]).toEqual([true, false, 6881])
    udp.send(bytes(10, 0x64), { host: '2001:db8::9', port: 1 })
    const second = new SocketPair(host.world)
    expect(await network.run({ until: second.open({ port: 6881 }).catch(errorCode) })).toBe('EADDRINUSE')
    expect(second.addresses).toEqual([])
    await network.run({ until: udp.close() })
  })

  it('binds both families of this machine to one port', async () => {
    const udp = new SocketPair(systemWorld())
    const port = await udp.open({ port: 0 })
    expect(port).toBeGreaterThan(0)
    for (const address of udp.addresses) expect(address.port).toBe(port)
    await udp.close()
    const closed = new SocketPair(systemWorld())
    const opening = closed.open({ host: '127.0.0.1', port: 0 })
    await closed.close()
    await opening
    expect(closed.addresses).toEqual([])
  })
})
