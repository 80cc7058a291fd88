import { describe, expect, it } from 'vitest'
import { addressKey } from '../../src/util/address.js'
import { utf8 } from '../../src/util/bytes.js'
import { errorCode } from '../../src/util/errors.js'
import { all, DhtNet } from './dht-net.js'

const infoHash = new Uint8Array(20).fill(0xa7)
const secretKey = new Uint8Array(32).fill(5)

describe('a DHT of thirty nodes', () => {
  it('finds peers, items and samples over both families', async () => {
    const net = new DhtNet(1, 0.02)
    await net.grow(30)
    for (const { dht } of net.nodes) for (const stats of dht.stats) expect(stats.goodNodes).toBeGreaterThan(8)
    const announced = await net.run(net.at(3).announce(infoHash, { port: 7001, seed: true }).done)
    expect(announced.stored).toBeGreaterThanOrEqual(12)
    await net.run(net.at(4).announce(infoHash, { port: 7002 }).done)
    const peers = await net.run(all(net.at(20).getPeers(infoHash)))
    expect(peers.map(addressKey).sort()).toEqual([
      '23.7.0.1:7001',
      '24.7.0.1:7002',
      '[2a00:4::1]:7001',
      '[2a00:5::1]:7002',
    ])
    const leechers = await net.run(all(net.at(21).getPeers(infoHash, { noSeeds: true, family: 4 })))
    expect(leechers.map(addressKey)).toEqual(['24.7.0.1:7002'])
    expect(await net.run(net.at(9).scrape('a7'.repeat(20)))).toEqual({ seeds: 2, peers: 2 })

    const put = await net.run(net.at(5).put('hello'))
    expect(put.stored).toBeGreaterThanOrEqual(12)
    const got = await net.run(net.at(25).get(put.target))
    expect(got?.value).toEqual(utf8('hello'))
    expect(await net.run(net.at(25).get(infoHash))).toBeUndefined()

    const first = await net.run(net.at(6).putMutable({ ih: infoHash }, { secretKey }))
    expect(first.item).toMatchObject({ seq: 1n })
    const second = await net.run(net.at(7).putMutable('two', { secretKey }))
    expect(second.item).toMatchObject({ seq: 2n })
    if (second.item.type !== 'mutable') throw new Error('not mutable')
    const newest = await net.run(net.at(8).getMutable(second.item.publicKey))
    expect(newest?.item.seq).toBe(2n)
    expect(await net.run(net.at(9).putItem(second.item))).toMatchObject({ target: second.target })

    const crawled = await net.run(all(net.at(10).crawl()), 600_000)
    expect(crawled).toEqual(['a7'.repeat(20)])
    const pong = await net.run(net.at(11).ping(`${net.nodes[0]!.host.ip}:6881`))
    expect(pong).toMatchObject({ id: net.at(0).stats[0]!.id, rtt: expect.any(Number) })
    expect(await net.run(net.at(11).ping('9.9.9.9:1').catch(errorCode))).toBe('dht/no-answer')
    await net.close()
  })

  it('goes on from saved state, without a router', async () => {
    const net = new DhtNet(2)
    await net.grow(20)
    const state = net.at(9).state()
    await net.run(net.nodes[9]!.dht.close())
    const before = net.at(9).stats.map(({ id }) => id)
    const back = await net.openOn(net.nodes[9]!.host, { state, bootstrap: [] })
    await net.run(back.ready)
    await net.network.advance(5_000)
    expect(back.stats.map(({ id }) => id)).toEqual(before)
    for (const { goodNodes } of back.stats) expect(goodNodes).toBeGreaterThan(8)
    await net.close()
  })

  it('follows a mutable item', async () => {
    const net = new DhtNet(3)
    await net.grow(12)
    const { item } = await net.run(net.at(1).putMutable('one', { secretKey }))
    if (item.type !== 'mutable') throw new Error('not mutable')
    const updates = net.at(2).updates(item.publicKey, { interval: 60_000 })
    expect((await net.run(updates.next())).value).toMatchObject({ item: { seq: 1n } })
    const next = updates.next()
    await net.network.advance(200_000)
    await net.run(net.at(3).putMutable('two', { secretKey }))
    expect((await net.run(next)).value).toMatchObject({ item: { seq: 2n } })
    const stale = net.at(3).putMutable('three', { secretKey, seq: 3n, cas: 1n })
    expect(await net.run(stale.catch(errorCode))).toBe('dht/not-stored')
    const last = updates.next().catch(errorCode)
    await net.network.advance(100_000)
    await net.close()
    expect(await last).toBe('dht/closed')
  })

  it('does nothing for itself when read-only', async () => {
    const net = new DhtNet(4)
    await net.grow(10)
    const quiet = await net.open({ readOnly: true }, '99.1.0.1')
    await net.run(quiet.ready)
    expect((await net.run(quiet.announce(infoHash, { port: 1 }).done)).stored).toBeGreaterThan(0)
    await net.network.advance(1_200_000)
    expect(quiet.stats[0]).toMatchObject({ repliesOut: 0, family: 4 })
    expect(await net.run(net.at(1).ping('99.1.0.1:6881').catch(errorCode))).toBe('dht/no-answer')
    await net.close()
  })
})

describe('look-ups', () => {
  it('end by signal, by leaving the loop, and by closing the node', async () => {
    const net = new DhtNet(5)
    await net.grow(10)
    const reason = new Error('enough')
    const controller = new AbortController()
    const aborted = net.at(1).getPeers(infoHash, { signal: controller.signal })
    const iterated = all(aborted).catch((error: unknown) => error)
    controller.abort(reason)
    expect(await aborted.done.catch((error: unknown) => error)).toBe(reason)
    expect(await iterated).toBe(reason)
    const early = net.at(1).get(infoHash, { signal: AbortSignal.abort(reason) })
    expect(await early.catch((error: unknown) => error)).toBe(reason)

    await net.run(net.at(2).announce(infoHash, { port: 9 }).done)
    const left = net.at(3).getPeers(infoHash)
    const first = async () => {
      for await (const peer of left) return peer
      return undefined
    }
    expect((await net.run(first()))?.port).toBe(9)
    await left.done
    expect(left.found).toBeGreaterThan(0)

    const running = net.at(4).getPeers(infoHash)
    await net.close()
    expect(await running.done.catch(errorCode)).toBe('dht/closed')
    expect(await net.at(4).get(infoHash).catch(errorCode)).toBe('dht/closed')
  })

  it('of a node that knows nobody end at once, and it is ready', async () => {
    const net = new DhtNet(6)
    const alone = await net.open()
    await net.run(alone.ready)
    expect(await net.run(all(alone.getPeers(infoHash)))).toEqual([])
    expect(await net.run(alone.put('x').catch(errorCode))).toBe('dht/not-stored')
    expect(() => alone.getPeers('abc')).toThrow(RangeError)
    expect(() => alone.getPeers(null as never)).toThrow(TypeError)
    await expect(alone.get('abc')).rejects.toThrow('target must be 40 hex digits or 20 bytes, got "abc"')
    for (const form of ['A7'.repeat(20), 'a7'.repeat(32), new Uint8Array(32), infoHash.buffer])
      expect(await net.run(all(alone.getPeers(form)))).toEqual([])
    expect(() => alone.announce(infoHash, { port: 0 })).toThrow(RangeError)
    await expect(alone.getMutable(new Uint8Array(31))).rejects.toThrow(RangeError)
    await net.close()
  })

  it('wait for routers whose names are found late', async () => {
    const net = new DhtNet(7)
    await net.grow(5)
    const late = await net.open({ bootstrap: ['late.example:6881'] }, '77.1.0.1')
    await net.network.advance(40_000)
    await net.run(late.ready)
    expect(late.stats[0]?.nodes).toBe(0)
    net.network.names.set('late.example', [net.nodes[0]!.host.ip])
    await net.network.advance(120_000)
    expect(late.stats[0]?.goodNodes).toBeGreaterThan(3)
    await net.close()
  })
})
