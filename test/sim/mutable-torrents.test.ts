/** Torrents that a key names, and that change (BEP 46). */
import { describe, expect } from 'vitest'
import { torrentValue } from '../../src/dht/mutable-torrent.js'
import { ed25519 } from '../../src/hash/ed25519.js'
import type { SessionOptions, Torrent, TorrentUpdate } from '../../src/index.js'
import { toHex, utf8 } from '../../src/util/bytes.js'
import { DhtNet, ROUTER } from './dht-net.js'
import { type Content, content, contentOfFiles, isWhole, KIB, type Sim, scenario } from './world.js'

const MINUTE = 60_000
const secretKey = new Uint8Array(32).fill(7)
const publicKey = ed25519.publicKeyOf(secretKey)
const salt = utf8('n')
const link = `magnet:?xs=urn:btpk:${toHex(publicKey)}&s=6e`
const session: SessionOptions = { dht: { bootstrap: [ROUTER] } }

const first = content(64 * KIB, 16 * KIB)
const second = content(96 * KIB, 16 * KIB)

/** Nodes, a publisher among them, and what it publishes. */
async function setUp(sim: Sim) {
  const net = new DhtNet(sim.network)
  await net.grow(12)
  const publish = (torrent: Content, seq: bigint, keep = true) => {
    const value = { ih: torrent.metainfo.infoHash as Uint8Array }
    return net.run(net.at(1).putMutable(value, { secretKey, salt, seq, keep }))
  }
  const seeds = async (...torrents: Content[]) => {
    for (const torrent of torrents) await sim.join(torrent, { seed: true, session })
  }
  return { net, publish, seeds }
}

const idOf = ({ metainfo }: Content) => toHex(metainfo.infoHash as Uint8Array)

describe('a magnet that names a key', () => {
  scenario('brings its torrent, tells of the next one, and leaves it to the application', async (sim) => {
    const { net, publish, seeds } = await setUp(sim)
    await seeds(first, second)
    await publish(first, 1n)
    const { torrent, host, session: ours } = await sim.join(first, { magnet: link, session })
    expect(await sim.run(torrent.done)).toBe('complete')
    expect(isWhole(host, first)).toBe(true)
    const updates: TorrentUpdate[] = []
    const told: Torrent[] = []
    torrent.on('update', (update) => updates.push(update))
    ours.on('update', (of) => told.push(of))
    await sim.network.advance(40 * MINUTE)
    expect(updates).toEqual([])
    await publish(second, 2n)
    await sim.run(() => updates.length > 0)
    expect(updates).toMatchObject([{ infoHash: idOf(second), seq: 2n }])
    expect(told).toEqual([torrent])
    expect(torrent.state).toBe('seeding')
    // The same again is no news, and neither is what is no torrent, or older.
    const { infoHash: _, ...rest } = updates[0] as TorrentUpdate
    await net.run(net.at(2).putMutable(torrentValue(new Uint8Array(20)), { secretKey, salt, seq: 3n }))
    await net.run(
      net.at(2).putMutable({ ih: second.metainfo.infoHash as Uint8Array }, { secretKey, salt, seq: 4n }),
    )
    await sim.network.advance(40 * MINUTE)
    expect(updates).toHaveLength(1)

    const next = await sim.run(ours.add(rest.magnet))
    expect(await sim.run(next.done)).toBe('complete')
    expect(next.infoHash).toBe(idOf(second))
    await net.close()
  })

  scenario('is followed where it is asked for, from version to version', async (sim) => {
    const { net, publish, seeds } = await setUp(sim)
    const third = contentOfFiles([40 * KIB, 24 * KIB], 16 * KIB)
    await seeds(first, second, third)
    await publish(first, 1n)
    const updates = { follow: true, interval: MINUTE }
    const {
      torrent,
      host,
      session: ours,
    } = await sim.join(first, { magnet: link, session, add: { updates } })
    const followed: [Torrent, Torrent][] = []
    ours.on('followed', (next, previous) => followed.push([next, previous]))
    expect(await sim.run(torrent.done)).toBe('complete')
    await publish(second, 2n)
    await sim.run(() => followed.length === 1)
    const [next, previous] = followed[0] as [Torrent, Torrent]
    expect(previous).toBe(torrent)
    expect(torrent.state).toBe('closed')
    expect(ours.torrents).toEqual([next])
    expect(await sim.run(next.done)).toBe('complete')
    expect(isWhole(host, second)).toBe(true)
    void next.pause()
    await publish(third, 3n)
    await sim.run(() => followed.length === 2)
    const last = followed[1]?.[0] as Torrent
    expect([last.infoHash, last.state]).toEqual([idOf(third), 'paused'])
    void last.resume()
    expect(await sim.run(last.done)).toBe('complete')
    expect(isWhole(host, third)).toBe(true)
    await net.close()
  })

  scenario('keeps what it names alive after its publisher has left', async (sim) => {
    const { net, publish, seeds } = await setUp(sim)
    await seeds(first)
    await publish(first, 1n, false)
    const { torrent } = await sim.join(first, { magnet: link, session })
    await sim.run(torrent.done)
    await sim.network.advance(300 * MINUTE)
    const kept = await net.run(net.at(5).getMutable(publicKey, { salt }))
    expect(kept?.item.seq).toBe(1n)
    await sim.run(torrent.close())
    await sim.network.advance(150 * MINUTE)
    expect(await net.run(net.at(5).getMutable(publicKey, { salt }))).toBeUndefined()
    await net.close()
  })

  scenario('tells of nothing where that is not wanted, and never of private torrents', async (sim) => {
    const { net, publish, seeds } = await setUp(sim)
    await seeds(first)
    const secret = contentOfFiles([20 * KIB], 16 * KIB, { private: true })
    const seed = await sim.join(secret, { seed: true })
    await publish(first, 1n)
    const silent = await sim.join(first, { magnet: link, session, add: { updates: false } })
    await publish(secret, 2n)
    const peers = [`${seed.host.ip}:6881`]
    const interval = MINUTE
    const hidden = await sim.join(secret, { magnet: link, session, add: { peers, updates: { interval } } })
    expect(await sim.run(hidden.torrent.done)).toBe('complete')
    let told = 0
    for (const { session: each } of [silent, hidden]) each.on('update', () => told++)
    await publish(second, 3n)
    await sim.network.advance(40 * MINUTE)
    expect(told).toBe(0)
    expect(hidden.session.dht?.kept).toEqual([])
    await net.close()
  })

  scenario('is refused with options that are none', async (sim) => {
    const { session: ours } = await sim.join(first, { seed: true })
    const add = (updates: unknown) => ours.add(link, { updates: updates as false })
    await expect(add({ interval: 1000 })).rejects.toThrow(RangeError)
    await expect(add(true)).rejects.toThrow(TypeError)
  })
})
