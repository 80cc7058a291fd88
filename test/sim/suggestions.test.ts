import { describe, expect } from 'vitest'
import { blockOf, type RawLink, type RawOptions, seeding } from './raw-peer.js'
import { at, content, isWhole, KIB, MIB, type Sim, scenario } from './world.js'

const torrent = content(1 * MIB, 64 * KIB)

const suggested = (link: RawLink): number[] =>
  link.received.flatMap((message) => (message.type === 'suggest' ? [message.piece] : []))

/** A peer that is interested and asks for nothing. */
const watching = (options: RawOptions = {}): RawOptions => ({
  ...options,
  open: (link) => link.send({ type: 'have-none' }, { type: 'interested' }),
})

/** Asks for every block of the first eight pieces, in order. */
const reading: RawOptions = {
  open: (link) => link.send({ type: 'have-none' }, { type: 'interested' }),
  message: (link, { type }) => {
    if (type !== 'unchoke') return
    for (let block = 0; block < 32; block++)
      link.send({ type: 'request', piece: block >> 2, begin: (block & 3) * 16 * KIB, length: 16 * KIB })
  },
}

/** A seed, and two peers that have all pieces but the last, so that only this one is rare. */
async function seedWithCompany(sim: Sim, superseed = false) {
  const seed = await sim.join(torrent, { seed: true, add: superseed ? { superseed: 'strict' } : {} })
  await sim.run(seed.torrent.done)
  const most: RawOptions = {
    open: (link) => {
      link.send({ type: 'have-none' })
      for (let piece = 0; piece < 15; piece++) link.send({ type: 'have', piece })
    },
  }
  for (let i = 0; i < 2; i++) await sim.rawTo(seed, torrent, most)
  return seed
}

describe('a seed with pieces in its read cache', () => {
  scenario('suggests a few of them to those that lack them, once', async (sim) => {
    const seed = await seedWithCompany(sim)
    const watcher = await sim.rawTo(seed, torrent, watching())
    const plain = await sim.rawTo(seed, torrent, watching({ fast: false }))
    const idle = await sim.rawTo(seed, torrent, { open: (link) => link.send({ type: 'have-none' }) })
    await sim.network.advance(3_000)
    const [link] = watcher.links as [RawLink]
    expect(suggested(link)).toEqual([])
    await sim.rawTo(seed, torrent, reading)
    await sim.network.advance(30_000)
    const first = suggested(link)
    expect(first).toHaveLength(4)
    expect(new Set(first).size).toBe(4)
    for (const piece of first) link.send({ type: 'have', piece })
    await sim.network.advance(30_000)
    const all = suggested(link)
    expect(all).toHaveLength(8)
    expect(new Set(all).size).toBe(8)
    // Only the seed has it.
    expect(all).not.toContain(15)
    for (const other of [plain, idle]) expect(suggested(other.links[0] as RawLink)).toEqual([])
  })

  scenario('keeps them to itself while nobody else has them, and while it superseeds', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const superseed = await seedWithCompany(sim, true)
    for (const member of [seed, superseed]) {
      const watcher = await sim.rawTo(member, torrent, watching())
      await sim.rawTo(member, torrent, reading)
      await sim.network.advance(10_000)
      expect(suggested(watcher.links[0] as RawLink)).toEqual([])
    }
  })
})

describe('a leecher', () => {
  scenario('fetches what was suggested before what is as rare', async (sim) => {
    const large = content(2 * MIB, 32 * KIB)
    const asked: number[] = []
    const advice = [40, 22, 57]
    const adviser = await sim.raw(large, {
      open: (link) => {
        link.send({ type: 'have-all' })
        for (const piece of advice) link.send({ type: 'suggest', piece })
        link.send({ type: 'unchoke' })
      },
      message: (link, message) => {
        if (message.type !== 'request') return
        if (!asked.includes(message.piece)) asked.push(message.piece)
        link.send(blockOf(large, message))
      },
    })
    // It has the pieces that are taken at random.
    const host = sim.network.host()
    host.disk.writeFile('downloads/data.bin', large.data.slice(0, 8 * 32 * KIB))
    const leecher = await sim.join(large, { on: host, add: { peers: [adviser.address] } })
    await sim.run(leecher.torrent.done, 60_000)
    expect(new Set(asked.slice(0, 3))).toEqual(new Set(advice))
    expect(asked).toHaveLength(56)
  })

  scenario('completes from peers that suggest without end', async (sim) => {
    const pushy = await sim.raw(torrent, {
      open: (link) => {
        link.send({ type: 'have-none' })
        for (let i = 0; i < 20_000; i++) link.send({ type: 'suggest', piece: i % 16 })
      },
    })
    const seed = await sim.raw(torrent, seeding(torrent))
    const leecher = await sim.join(torrent, { add: { peers: [pushy.address, seed.address] } })
    await sim.run(leecher.torrent.done, 60_000)
    expect(isWhole(leecher.host, torrent)).toBe(true)
    const other = await sim.join(torrent, { add: { peers: [at(leecher)] } })
    await sim.run(other.torrent.done, 60_000)
  })
})
