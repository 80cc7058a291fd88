/**
 * Settings that change while a session runs: each by what it does.
 */

import { describe, expect } from 'vitest'
import { MemoryStorage } from '../../src/entry/storage.js'
import type { TraceEvent } from '../../src/testing/index.js'
import { at, content, KIB, type Member, MIB, type Sim, scenario } from './world.js'

const torrent = content(4 * MIB, 64 * KIB)

/** A seed that sends this fast, and leechers that know it. */
async function swarm(sim: Sim, leechers: number, upload: number = 64 * KIB): Promise<[Member, Member[]]> {
  const seed = await sim.join(torrent, { seed: true, host: { upload } })
  await sim.run(seed.torrent.done)
  const others: Member[] = []
  for (let i = 0; i < leechers; i++) others.push(await sim.join(torrent, { add: { peers: [at(seed)] } }))
  await sim.network.advance(5_000)
  return [seed, others]
}

function unchoked({ torrent: { peers } }: Member): number {
  return peers.filter(({ amChoking }) => !amChoking).length
}

describe('configure', () => {
  scenario('closes connections beyond the limits, those of least use first', async (sim) => {
    const [seed] = await swarm(sim, 8, 8 * KIB)
    expect(seed.torrent.peers).toHaveLength(8)
    for (let i = 0; i < 3; i++) {
      await sim.rawTo(seed, torrent, { open: (link) => link.send({ type: 'have-none' }) })
    }
    await sim.network.advance(90_000)
    const idle = seed.torrent.peers.filter(({ uploadRate }) => uploadRate === 0).map(({ address }) => address)
    expect(idle.length).toBeGreaterThanOrEqual(3)

    seed.session.configure({ limits: { peersPerTorrent: 8 } })
    expect(seed.torrent.peers).toHaveLength(8)
    await sim.network.advance(1)
    const ended = seed.closes.slice(-3)
    expect(ended.map(({ code }) => code)).toEqual(Array(3).fill('torrent/limit'))
    for (const { address } of ended) expect(idle).toContain(address)

    seed.session.configure({ limits: { connections: 2 } })
    expect(seed.session.stats.connections).toBe(2)
    await sim.network.advance(60_000)
    expect(seed.session.stats.connections).toBeLessThanOrEqual(2)
    seed.session.configure({ limits: { connections: 5 } })
    await sim.network.advance(180_000)
    expect(seed.session.stats.connections).toBe(5)
  })

  const dials: TraceEvent[] = []
  scenario(
    'changes how many dials are under way at once, and how many begin a second',
    async (sim) => {
      const many = await sim.join(torrent, {
        session: { limits: { halfOpen: 3, dialsPerSecond: 100 } },
        add: { peers: Array.from({ length: 200 }, (_, i) => `10.55.0.${i + 1}:6881`) },
      })
      await sim.network.advance(500)
      expect(many.session.stats.halfOpen).toBe(3)
      many.session.configure({ limits: { halfOpen: 40 } })
      await sim.network.advance(500)
      expect(many.session.stats.halfOpen).toBe(40)
      many.session.configure({ limits: { halfOpen: 5 } })
      // All dials of before time out after 10 s.
      await sim.network.advance(11_000)
      expect(many.session.stats.halfOpen).toBe(5)

      many.session.configure({ limits: { halfOpen: 1_000, dialsPerSecond: 2 } })
      await sim.network.advance(2_000)
      dials.length = 0
      await sim.network.advance(10_000)
      expect(dials.length).toBeGreaterThanOrEqual(19)
      expect(dials.length).toBeLessThanOrEqual(21)
    },
    { trace: (event) => event.kind === 'dial' && dials.push(event) },
  )

  scenario('gives and takes upload slots at once, of a torrent and of the session', async (sim) => {
    const [seed] = await swarm(sim, 12, 16 * KIB)
    expect(unchoked(seed)).toBe(8)
    seed.session.configure({ limits: { uploadSlotsPerTorrent: 3 } })
    expect(unchoked(seed)).toBe(3)
    await sim.network.advance(30_000)
    expect(unchoked(seed)).toBe(3)
    seed.session.configure({ limits: { uploadSlotsPerTorrent: 12 } })
    expect(unchoked(seed)).toBe(12)
    seed.session.configure({ limits: { uploadSlots: 2 } })
    expect(unchoked(seed)).toBe(2)
    await sim.network.advance(30_000)
    expect(unchoked(seed)).toBe(2)
    seed.session.configure({ limits: { uploadSlots: 64 } })
    expect(unchoked(seed)).toBe(12)
  })

  scenario(
    'changes how many requests are asked of a peer, and how many it is told that we take',
    async (sim) => {
      const [seed, [leecher]] = (await swarm(sim, 1, 160 * KIB)) as [Member, [Member]]
      const outstanding = () => leecher.torrent.peers[0]?.outstanding ?? 0
      expect(outstanding()).toBeGreaterThan(8)
      leecher.session.configure({ limits: { outstandingRequestsPerPeer: 3 } })
      await sim.network.advance(1_500)
      expect(outstanding()).toBeLessThanOrEqual(3)
      leecher.session.configure({ limits: { outstandingRequestsPerPeer: 500 } })
      await sim.network.advance(2_500)
      expect(leecher.torrent.state).toBe('downloading')
      expect(outstanding()).toBeGreaterThan(3)
      seed.session.configure({ limits: { queuedRequestsPerPeer: 2 } })
      await sim.network.advance(3_000)
      expect(leecher.torrent.state).toBe('downloading')
      expect(outstanding()).toBeLessThanOrEqual(2)
      expect(leecher.closes).toEqual([])
    },
  )

  scenario('changes the memory for pieces under way', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 256 * KIB } })
    const leecher = await sim.join(torrent, {
      session: { limits: { pieceBytesPerTorrent: 64 * KIB } },
      add: { peers: [at(seed)] },
    })
    const outstanding = () => leecher.torrent.peers[0]?.outstanding ?? 0
    let most = 0
    for (let i = 0; i < 30; i++) {
      await sim.network.advance(100)
      most = Math.max(most, outstanding())
    }
    // One piece of four blocks.
    expect(most).toBe(4)
    leecher.session.configure({ limits: { pieceBytesPerTorrent: 32 * MIB } })
    await sim.network.advance(2_000)
    expect(outstanding()).toBeGreaterThan(4)
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
  })

  scenario('changes encryption and time-outs for connections made from then on', async (sim) => {
    const [seed, [leecher]] = (await swarm(sim, 1)) as [Member, [Member]]
    expect(leecher.torrent.peers[0]?.encryption).toBeUndefined()
    seed.session.configure({ encryption: 'required' })
    await sim.network.advance(1_000)
    expect(leecher.torrent.peers[0]?.encryption).toBeUndefined()
    const late = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.network.advance(5_000)
    expect(late.torrent.peers.find(({ address }) => address === at(seed))?.encryption).toBe('rc4')

    leecher.session.configure({ transport: { connectTimeoutMs: 1_000, handshakeTimeoutMs: 2_000 } })
    const before = leecher.session.stats.halfOpen
    leecher.torrent.addPeers(['10.55.0.1:6881'])
    await sim.network.advance(500)
    expect(leecher.session.stats.halfOpen).toBe(before + 1)
    await sim.network.advance(1_000)
    expect(leecher.session.stats.halfOpen).toBe(before)
  })

  scenario('turns peer exchange off and on, and changes our name', async (sim) => {
    const seed = await sim.join(torrent, {
      seed: true,
      host: { upload: 4 * KIB },
      session: { discovery: { pex: true } },
    })
    await sim.run(seed.torrent.done)
    seed.session.configure({ discovery: { pex: false }, client: { name: 'before' } })
    const one = await sim.join(torrent, { add: { peers: [at(seed)] } })
    const other = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.network.advance(180_000)
    const known = () => other.torrent.peers.length
    expect(known()).toBe(1)
    expect(one.torrent.peers[0]?.client).toBe('before')
    seed.session.configure({ discovery: { pex: true }, client: { name: 'after' } })
    await sim.network.advance(180_000)
    expect(known()).toBe(2)
    expect(one.torrent.peers.find(({ address }) => address === at(seed))?.client).toBe('after')
    seed.session.configure({ discovery: { pex: false } })
    const third = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.network.advance(1_000)
    // One of the first two may tell it, once it has met them; the seed does not.
    expect(third.torrent.peers.length).toBe(1)
  })

  scenario('changes where torrents go that are added later', async (sim) => {
    const paths: string[] = []
    const member = await sim.join(torrent, {
      session: {
        path: 'first',
        storage: ({ path }) => {
          paths.push(path)
          return new MemoryStorage()
        },
      },
    })
    const later = content(MIB, 64 * KIB)
    member.session.configure({ path: 'second' })
    expect(member.session.settings.storage.path).toBe('second')
    await sim.run(member.session.add(later.metainfo))
    expect(paths).toEqual(['first', 'second'])
    let made = 0
    member.session.configure({
      storage: () => {
        made++
        return new MemoryStorage()
      },
    })
    await sim.run(member.session.add(content(2 * MIB, 64 * KIB).metainfo))
    expect(paths).toHaveLength(2)
    expect(made).toBe(1)
  })

  scenario('changes how a seed gives its slots away', async (sim) => {
    const seed = await sim.join(torrent, {
      seed: true,
      host: { upload: 96 * KIB },
      session: { client: { seedChoking: 'fastest' }, limits: { uploadSlotsPerTorrent: 3 } },
    })
    await sim.run(seed.torrent.done)
    // They take for ever, at what their lines allow.
    const take = (download: number) =>
      sim.rawTo(seed, torrent, {
        host: { download },
        open: (link) => link.send({ type: 'have-none' }, { type: 'interested' }),
        message: (link, { type }) => {
          if (type === 'unchoke' || type === 'piece')
            link.send({ type: 'request', piece: 0, begin: 0, length: 16 * KIB })
        },
      })
    const slow = await take(2 * KIB)
    for (let i = 0; i < 6; i++) await take(32 * KIB)
    /** Seconds of ten minutes in which the slow peer has a slot. */
    const share = async (): Promise<number> => {
      let seconds = 0
      for (let second = 0; second < 600; second++) {
        await sim.network.advance(1_000)
        const peer = seed.torrent.peers.find(({ address }) => address.startsWith(`${slow.host.ip}:`))
        if (peer && !peer.amChoking) seconds++
      }
      return seconds
    }
    const fastest = await share()
    seed.session.configure({ client: { seedChoking: 'round-robin' } })
    const inTurn = await share()
    expect(inTurn).toBeGreaterThan(1.5 * fastest)
  })

  scenario('throws after close', async (sim) => {
    const member = await sim.join(torrent)
    await sim.run(member.session.close())
    expect(() => member.session.configure({ limits: { connections: 1 } })).toThrow(
      expect.objectContaining({ code: 'session/closed' }),
    )
    expect(member.session.settings.limits.connections).toBe(500)
  })
})
