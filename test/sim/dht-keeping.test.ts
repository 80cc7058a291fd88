/** Items that are put again, and look-ups that tell how far they are. */
import { describe, expect, it } from 'vitest'
import type { LookupStats } from '../../src/dht/node-types.js'
import { utf8 } from '../../src/util/bytes.js'
import { errorCode } from '../../src/util/errors.js'
import { all, DhtNet } from './dht-net.js'

const secretKey = new Uint8Array(32).fill(5)
const HOUR = 3_600_000

describe('items that are kept', () => {
  it('outlive the two hours that others have', async () => {
    const net = new DhtNet(11)
    await net.grow(16)
    const kept = await net.run(net.at(1).put('kept', { keep: true }))
    const left = await net.run(net.at(1).put('left'))
    const controller = new AbortController()
    const aborted = await net.run(net.at(2).put('aborted', { keep: true, signal: controller.signal }))
    const released = await net.run(net.at(2).put('released', { keep: true }))
    expect(net.at(1).kept).toMatchObject([{ target: kept.target, stored: kept.stored }])
    expect(net.at(2).kept).toHaveLength(2)
    controller.abort()
    expect(net.at(2).release(released.target)).toBe(true)
    expect(net.at(2).release(released.target)).toBe(false)
    expect(net.at(2).kept).toEqual([])
    await net.network.advance(5 * HOUR)
    expect((await net.run(net.at(9).get(kept.target)))?.value).toEqual(utf8('kept'))
    for (const { target } of [left, aborted, released])
      expect(await net.run(net.at(9).get(target))).toBeUndefined()
    expect(net.at(1).kept[0]?.stored).toBeGreaterThanOrEqual(8)
    await net.close()
    expect(net.at(1).kept).toEqual([])
  })

  it('give way to newer ones of the same key', async () => {
    const net = new DhtNet(12)
    await net.grow(16)
    const first = await net.run(net.at(1).putMutable('one', { secretKey, keep: true }))
    if (first.item.type !== 'mutable') throw new Error('not mutable')
    const { publicKey } = first.item
    await net.run(net.at(2).putMutable('two', { secretKey }))
    await net.network.advance(5 * HOUR)
    const found = await net.run(net.at(9).getMutable(publicKey))
    expect(found).toMatchObject({ value: utf8('two'), item: { seq: 2n } })
    expect(net.at(1).kept).toMatchObject([{ item: { seq: 2n } }])
    // Our own next version takes its place at once.
    await net.run(net.at(1).putMutable('three', { secretKey, keep: true }))
    expect(net.at(1).kept).toMatchObject([{ item: { seq: 3n } }])
    await net.close()
  })

  it('are not kept when nobody took them at first', async () => {
    const net = new DhtNet(13)
    const alone = await net.open({ bootstrap: [] }, '99.1.0.1')
    expect(await net.run(alone.put('x', { keep: true }).catch(errorCode))).toBe('dht/not-stored')
    expect(alone.kept).toEqual([])
    await net.close()
  })

  it('are tried again soon when nobody can be reached', async () => {
    const net = new DhtNet(15)
    await net.grow(12)
    const { target } = await net.run(net.at(1).put('kept', { keep: true }))
    net.network.partition(
      [net.nodes[1]!.host],
      net.nodes.slice(2).map(({ host }) => host),
    )
    await net.network.advance(3 * HOUR)
    expect(net.at(1).kept).toMatchObject([{ stored: 0 }])
    expect(await net.run(net.at(9).get(target))).toBeUndefined()
    net.network.heal()
    await net.network.advance(HOUR / 2)
    expect((await net.run(net.at(9).get(target)))?.value).toEqual(utf8('kept'))
    await net.close()
  })
})

describe('progress', () => {
  it('is told while nodes are asked, and once they were', async () => {
    const net = new DhtNet(14)
    await net.grow(20)
    const told: LookupStats[] = []
    const progress = (stats: LookupStats) => told.push(stats)
    const rises = () => {
      for (let i = 1; i < told.length; i++)
        expect(told[i]!.queries).toBeGreaterThanOrEqual(told[i - 1]!.queries)
      return told.splice(0)
    }
    const peers = net.at(2).getPeers(new Uint8Array(20), { progress })
    const done = await net.run(peers.done)
    const reports = rises()
    expect(reports.at(-1)).toEqual(done)
    expect(reports.length).toBeGreaterThan(0)
    expect(done.responded).toBeGreaterThanOrEqual(8)

    await net.run(net.at(2).scrape(new Uint8Array(20), { progress }))
    expect(rises().at(-1)?.responded).toBeGreaterThanOrEqual(8)
    await net.run(net.at(2).putMutable('one', { secretKey, progress }))
    // A look for the present version, then the put.
    expect(rises().at(-1)?.responded).toBeGreaterThanOrEqual(32)
    await net.run(all(net.at(2).crawl({ progress })), 600_000)
    expect(rises().at(-1)?.queries).toBeGreaterThan(100)
    await net.network.advance(5_000)
    expect(told).toEqual([])
    await net.close()
  })
})
