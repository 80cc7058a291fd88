import { describe, expect } from 'vitest'
import type { World } from '../../src/net/world.js'
import type { Message } from '../../src/wire/index.js'
import type { RawLink, RawPeer } from './raw-peer.js'
import { at, content, contentOfFiles, isWhole, KIB, type Member, MIB, type Sim, scenario } from './world.js'

const torrent = content(1 * MIB, 64 * KIB)

/** An interested peer that never asks, and how long it was unchoked. */
interface Waiter {
  readonly peer: RawPeer
  readonly spent: () => number
}

async function waiter(sim: Sim, seed: Member, ask: boolean): Promise<Waiter> {
  let since = -1
  let total = 0
  let next = 0
  // A host of its own, so that its timers are not counted as the seed's.
  const own = sim.network.host().world
  const request = (link: RawLink) => {
    if (!ask) return
    const piece = next++ % 16
    link.send({ type: 'request', piece, begin: 0, length: 16 * KIB })
  }
  const peer = await sim.rawTo(seed, torrent, {
    open: (link) => {
      link.send({ type: 'have-none' }, { type: 'interested' })
      stayAlive(link, own)
    },
    message: (link, message) => {
      const { now } = sim.network
      if (message.type === 'unchoke') {
        since = now
        request(link)
      } else if (message.type === 'choke' && since >= 0) {
        total += now - since
        since = -1
      } else if (message.type === 'piece') request(link)
    },
  })
  return { peer, spent: () => total + (since >= 0 ? sim.network.now - since : 0) }
}

function stayAlive(link: RawLink, world: World): void {
  world.setTimer(60_000, () => {
    if (link.closed) return
    link.send({ type: 'keep-alive' })
    stayAlive(link, world)
  })
}

describe('choking', () => {
  scenario('one slot is shared equally by those who want it', async (sim) => {
    const seed = await sim.join(torrent, {
      seed: true,
      session: { limits: { uploadSlotsPerTorrent: 1 } },
      host: { upload: 32 * KIB },
    })
    await sim.run(seed.torrent.done)
    const waiters: Waiter[] = []
    for (let i = 0; i < 5; i++) waiters.push(await waiter(sim, seed, true))
    const hour = 7_200_000
    await sim.network.advance(hour)
    for (const { spent } of waiters) {
      expect(spent()).toBeGreaterThan((0.6 * hour) / 5)
      expect(spent()).toBeLessThan((1.4 * hour) / 5)
    }
    const sum = waiters.reduce((all, { spent }) => all + spent(), 0)
    expect(sum).toBeGreaterThan(0.98 * hour)
    expect(sum).toBeLessThan(1.05 * hour)
  })

  scenario('no more peers are unchoked than there are slots', async (sim) => {
    const seed = await sim.join(torrent, {
      seed: true,
      session: { limits: { uploadSlotsPerTorrent: 3 } },
      host: { upload: 256 * KIB },
    })
    await sim.run(seed.torrent.done)
    for (let i = 0; i < 12; i++) await waiter(sim, seed, true)
    for (let i = 0; i < 200; i++) {
      await sim.network.advance(997)
      expect(seed.torrent.peers.filter(({ amChoking }) => !amChoking).length).toBeLessThanOrEqual(3)
    }
  })

  scenario('peers that lose interest or leave give up their slot', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, session: { limits: { uploadSlotsPerTorrent: 1 } } })
    await sim.run(seed.torrent.done)
    const first = await waiter(sim, seed, false)
    await sim.network.advance(100)
    const second = await waiter(sim, seed, false)
    const third = await waiter(sim, seed, false)
    await sim.network.advance(1_000)
    expect([first, second, third].map(({ spent }) => spent() > 0)).toEqual([true, false, false])
    first.peer.links[0]?.send({ type: 'not-interested' })
    await sim.network.advance(1_000)
    expect([second, third].filter(({ spent }) => spent() > 0)).toHaveLength(1)
    const lucky = second.spent() > 0 ? second : third
    const other = lucky === second ? third : second
    lucky.peer.links[0]?.stream.destroy()
    await sim.network.advance(1_000)
    expect(other.spent()).toBeGreaterThan(0)
  })

  scenario('peers that hold a slot without asking for anything do not starve others', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 256 * KIB } })
    await sim.run(seed.torrent.done)
    for (let i = 0; i < 30; i++) await waiter(sim, seed, false)
    await sim.network.advance(20_000)
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done, 200_000)).toBe('complete')
  })

  scenario('those who give are given to', async (sim) => {
    // One giver and many takers that never send: with few slots the giver finishes first.
    // Private, so that peer exchange does not lead the takers to the seed.
    const torrent = contentOfFiles([1 * MIB], 64 * KIB, { private: true })
    const seed = await sim.join(torrent, { seed: true, host: { upload: 96 * KIB } })
    const host = { upload: 96 * KIB }
    const session = { limits: { uploadSlotsPerTorrent: 2 } }
    const giver = await sim.join(torrent, { host, session, add: { peers: [at(seed)] } })
    const other = await sim.join(torrent, { host, session, add: { peers: [at(seed), at(giver)] } })
    const takers: Member[] = []
    for (let i = 0; i < 4; i++) {
      takers.push(
        await sim.join(torrent, {
          host: { upload: 1 * KIB },
          session,
          add: { peers: [at(giver), at(other)] },
        }),
      )
    }
    await sim.run(Promise.all([giver, other].map(({ torrent }) => torrent.done)), 600_000)
    const left = takers.filter((taker) => taker.torrent.state === 'downloading')
    expect(left.length).toBeGreaterThanOrEqual(3)
    await sim.run(Promise.all(takers.map(({ torrent }) => torrent.done)), 3_600_000)
    for (const taker of takers) expect(isWhole(taker.host, torrent)).toBe(true)
  })
})

describe('the fast extension', () => {
  const allowed = (link: RawLink | undefined): number[] =>
    (link?.received ?? []).flatMap((message) => (message.type === 'allowed-fast' ? [message.piece] : []))

  /** A seed whose only slot is taken, and a second copy so that pieces are not rare. */
  async function busySeed(sim: Sim, subject = torrent) {
    const seed = await sim.join(subject, {
      seed: true,
      session: { limits: { uploadSlotsPerTorrent: 1 } },
      host: { upload: 64 * KIB },
    })
    await sim.run(seed.torrent.done)
    const taken = await sim.rawTo(seed, subject, {
      open: (link) =>
        link.send({ type: 'bitfield', bits: new Uint8Array([0xff, 0xfe]) }, { type: 'interested' }),
    })
    await sim.rawTo(seed, subject, {
      open: (link) => link.send({ type: 'bitfield', bits: new Uint8Array([0xff, 0xfe]) }),
    })
    await sim.network.advance(1_000)
    expect(taken.links[0]?.received.some(({ type }) => type === 'unchoke')).toBe(true)
    return seed
  }

  scenario('offers a set that depends on the address alone, and serves it while choked', async (sim) => {
    const seed = await busySeed(sim)
    const newcomer = await sim.rawTo(seed, torrent, {
      host: { ip: '10.9.9.9' },
      open: (link) => link.send({ type: 'have-none' }, { type: 'interested' }),
    })
    await sim.network.advance(1_000)
    const [link] = newcomer.links
    const set = allowed(link)
    expect(set.length).toBeGreaterThan(0)
    expect(new Set(set).size).toBe(set.length)
    const piece = set[0] as number
    const stranger = Array.from({ length: 16 }, (_, i) => i).find((i) => !set.includes(i)) as number
    const ask = (index: number): Message => ({ type: 'request', piece: index, begin: 0, length: 16 * KIB })
    link?.send(ask(piece), ask(stranger))
    await sim.network.advance(2_000)
    const answers = link?.received.filter(({ type }) => type === 'piece' || type === 'reject')
    expect(answers?.map((message) => [message.type, 'piece' in message && message.piece])).toEqual(
      expect.arrayContaining([
        ['piece', piece],
        ['reject', stranger],
      ]),
    )
    const again = await sim.run(newcomer.dial(seed.host))
    link?.stream.destroy()
    await sim.network.advance(1_000)
    const third = await sim.run(newcomer.dial(seed.host))
    await sim.network.advance(1_000)
    expect(allowed(third)).toEqual(set)
    again.stream.destroy()
  })

  scenario('serves each allowed piece three times over, then rejects', async (sim) => {
    const seed = await busySeed(sim)
    const greedy = await sim.rawTo(seed, torrent, {
      open: (link) => link.send({ type: 'have-none' }, { type: 'interested' }),
    })
    await sim.network.advance(1_000)
    const [link] = greedy.links
    const [piece] = allowed(link)
    expect(piece).toBeDefined()
    for (let i = 0; i < 20; i++)
      link?.send({ type: 'request', piece: piece as number, begin: 0, length: 16 * KIB })
    await sim.network.advance(20_000)
    expect(link?.received.filter(({ type }) => type === 'piece')).toHaveLength(12)
    expect(link?.received.filter(({ type }) => type === 'reject')).toHaveLength(8)
    expect(link?.closed).toBe(false)
  })

  scenario('lets a choked download begin', async (sim) => {
    const giving = await sim.raw(torrent, {
      open: (link) => {
        link.send({ type: 'have-all' })
        for (const piece of [3, 5]) link.send({ type: 'allowed-fast', piece })
      },
      message: (link, message) => {
        if (message.type !== 'request') return
        const from = message.piece * 64 * KIB + message.begin
        if (message.piece !== 3 && message.piece !== 5) link.send({ ...message, type: 'reject' })
        else
          link.send({
            type: 'piece',
            piece: message.piece,
            begin: message.begin,
            data: torrent.data.slice(from, from + message.length),
          })
      },
    })
    const leecher = await sim.join(torrent, { add: { peers: [giving.address] } })
    await sim.network.advance(30_000)
    expect(leecher.pieces.sort((a, b) => a - b)).toEqual([3, 5])
  })
})
