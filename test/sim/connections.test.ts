import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import type { TraceEvent } from '../../src/testing/index.js'
import { peerPriority } from '../../src/wire/peer-priority.js'
import type { RawLink } from './raw-peer.js'
import { at, closeCode, content, isWhole, KIB, type Member, MIB, scenario } from './world.js'

const torrent = content(1 * MIB, 64 * KIB)

describe('bad networks', () => {
  scenario('that cut connections at random do not keep a swarm from completing', async (sim) => {
    const host = { upload: 256 * KIB, connectionLife: 4_000 }
    const tracker = await sim.tracker('tracker.test')
    const subject = content(1 * MIB, 64 * KIB, [tracker])
    await sim.join(subject, { seed: true, host })
    for (let i = 0; i < 5; i++) await sim.join(subject, { host })
    await sim.run(Promise.all(sim.members.map((member) => member.torrent.done)), 1_800_000)
    for (const member of sim.members) expect(isWhole(member.host, subject)).toBe(true)
  })

  scenario(
    'with fragments of any size change nothing',
    async (sim) => {
      const seed = await sim.join(torrent, { seed: true })
      const leechers: Member[] = []
      for (let i = 0; i < 3; i++) {
        leechers.push(await sim.join(torrent, { add: { peers: [at(seed), ...leechers.map(at)] } }))
      }
      await sim.run(Promise.all(leechers.map((member) => member.torrent.done)), 60_000)
      for (const member of leechers) expect(isWhole(member.host, torrent)).toBe(true)
    },
    { fragment: 0.5 },
  )

  scenario('split in two and healed: both sides complete', async (sim) => {
    const tracker = await sim.tracker('tracker.test')
    const subject = content(2 * MIB, 64 * KIB, [tracker])
    const host = { upload: 128 * KIB }
    for (let i = 0; i < 6; i++) await sim.join(subject, { seed: i === 0, host })
    await sim.network.advance(6_000)
    const hosts = sim.members.map((member) => member.host)
    sim.network.partition(hosts.slice(0, 3), hosts.slice(3))
    await sim.network.advance(400_000)
    for (const member of sim.members.slice(0, 3)) expect(member.torrent.state).toBe('seeding')
    for (const member of sim.members.slice(3)) expect(member.torrent.state).toBe('downloading')
    sim.network.heal()
    await sim.run(Promise.all(sim.members.map((member) => member.torrent.done)), 3_600_000)
    for (const member of sim.members) expect(isWhole(member.host, subject)).toBe(true)
  })

  scenario('offline for a while: the download goes on', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 64 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.network.advance(5_000)
    seed.host.online = false
    await sim.network.advance(60_000)
    seed.host.online = true
    expect(await sim.run(leecher.torrent.done, 120_000)).toBe('complete')
  })

  scenario('behind NAT on one side: the other side cannot dial, but is dialled', async (sim) => {
    const tracker = await sim.tracker('tracker.test')
    const subject = content(1 * MIB, 64 * KIB, [tracker])
    const seed = await sim.join(subject, { seed: true, host: { nat: true } })
    await sim.run(seed.torrent.done)
    const open = await sim.join(subject)
    const closed = await sim.join(subject, { host: { nat: true } })
    await sim.run(Promise.all([open, closed].map((member) => member.torrent.done)), 3_600_000)
    for (const member of [open, closed]) expect(isWhole(member.host, subject)).toBe(true)
  })
})

describe('connections', () => {
  scenario('to ourselves are dropped and never tried again', async (sim) => {
    const tracker = await sim.tracker('tracker.test')
    const subject = content(256 * KIB, 64 * KIB, [tracker])
    const member = await sim.join(subject)
    member.torrent.addPeers([`${member.host.ip}:6881`, '127.0.0.1:6881'])
    await sim.network.advance(1_000)
    const { sent } = member.host.traffic
    expect(member.torrent.peers).toEqual([])
    await sim.network.advance(600_000)
    // Only the tracker hears of us.
    expect(member.host.traffic.sent - sent).toBeLessThan(2_000)
    expect(member.closes).toEqual([])
  })

  scenario('that both sides dial at once become one', async (sim) => {
    for (let round = 0; round < 10; round++) {
      const first = await sim.join(torrent, { add: { paused: true } })
      const second = await sim.join(torrent, { add: { paused: true } })
      await sim.run(Promise.all([first.torrent.ready, second.torrent.ready]))
      first.torrent.addPeers([at(second)])
      second.torrent.addPeers([at(first)])
      void first.torrent.resume()
      void second.torrent.resume()
      await sim.network.advance(3_000)
      expect(first.torrent.peers).toHaveLength(1)
      expect(second.torrent.peers).toHaveLength(1)
      await sim.network.advance(200_000)
      expect(first.torrent.peers).toHaveLength(1)
      expect(second.torrent.peers).toHaveLength(1)
      await sim.run(Promise.all([first.session.close(), second.session.close()]))
    }
  })

  const dials: TraceEvent[] = []
  scenario(
    'to dead addresses are given up after three tries, those that the user named are tried now and then',
    async (sim) => {
      const host = sim.network.host()
      sim.network.names.set('tracker.test', [host.ip])
      const body = encode({ interval: 86_400, peers: Uint8Array.of(10, 66, 0, 1, 26, 225) })
      await sim.run(host.world.serveHttp({ port: 80 }, () => ({ status: 200, body })))
      const subject = content(256 * KIB, 64 * KIB, ['http://tracker.test/announce'])
      await sim.join(subject, { add: { peers: ['10.66.0.2:6881'] } })
      const before = dials.length
      await sim.network.advance(10 * 3_600_000)
      const to = (address: string) => dials.slice(before).filter((dial) => dial.to === address).length
      expect(to('10.66.0.1:6881')).toBe(3)
      expect(to('10.66.0.2:6881')).toBeGreaterThan(4)
      expect(to('10.66.0.2:6881')).toBeLessThan(16)
    },
    { trace: (event) => event.kind === 'dial' && dials.push(event) },
  )

  scenario('stay below every limit', async (sim) => {
    const seed = await sim.join(torrent, {
      seed: true,
      host: { upload: 64 * KIB },
      session: { limits: { peersPerTorrent: 4, connections: 5 } },
    })
    await sim.run(seed.torrent.done)
    const leechers: Member[] = []
    for (let i = 0; i < 12; i++) leechers.push(await sim.join(torrent, { add: { peers: [at(seed)] } }))
    for (let i = 0; i < 60; i++) {
      await sim.network.advance(500)
      expect(seed.torrent.peers.length).toBeLessThanOrEqual(4)
    }
    const many = await sim.join(torrent, {
      session: { limits: { halfOpen: 3, dialsPerSecond: 5, peersPerTorrent: 6 } },
      add: { peers: Array.from({ length: 50 }, (_, i) => `10.55.0.${i + 1}:6881`) },
    })
    let most = 0
    for (let i = 0; i < 50; i++) {
      await sim.network.advance(100)
      most = Math.max(most, many.session.stats.halfOpen)
    }
    expect(most).toBe(3)
  })

  scenario('that do nothing make room for one of higher canonical priority (BEP 40)', async (sim) => {
    const victim = await sim.join(torrent, { session: { limits: { peersPerTorrent: 4 } } })
    const priority = (ip: string): number =>
      peerPriority({ host: ip, port: 1 }, { host: victim.host.ip, port: 6881 }) ?? 0
    const ips = Array.from({ length: 7 }, (_, i) => `10.${20 + i}.7.${3 * i + 1}`)
    ips.sort((a, b) => priority(a) - priority(b))
    const [lowest, low, ...others] = ips as [string, string, ...string[]]
    const [highest] = others.splice(4) as [string]
    const open = (link: RawLink) => link.send({ type: 'have-none' })
    const join = async (ip: string): Promise<RawLink> => {
      const peer = await sim.rawTo(victim, torrent, { host: { ip }, open })
      await sim.network.advance(1_000)
      return peer.links[0] as RawLink
    }
    const idle = new Map<string, RawLink>()
    for (const ip of [low, ...others.slice(0, 3)]) idle.set(ip, await join(ip))
    const closed = () => [...idle].filter(([, link]) => link.closed).map(([ip]) => ip)
    // A peer that came just now may still come to something.
    expect((await join(others[3] as string)).closed).toBe(true)
    await sim.network.advance(60_000)
    expect((await join(lowest)).closed).toBe(true)
    expect(closed()).toEqual([])
    expect((await join(highest)).closed).toBe(false)
    expect(closed()).toEqual([low])
    expect(closeCode(victim, low)).toBe('torrent/replaced')
    expect(victim.torrent.peers).toHaveLength(4)
  })

  scenario('between two seeds end', async (sim) => {
    const first = await sim.join(torrent, { seed: true })
    await sim.run(first.torrent.done)
    const second = await sim.join(torrent, { seed: true, add: { peers: [at(first)] } })
    await sim.network.advance(5_000)
    expect(first.torrent.peers).toEqual([])
    const leecher = await sim.join(torrent, { add: { peers: [at(first)] } })
    await sim.run(leecher.torrent.done, 10_000)
    await sim.network.advance(1_000)
    expect(leecher.torrent.peers).toEqual([])
    expect(second.torrent.state).toBe('seeding')
  })

  scenario('with the same id from two hosts: one stays', async (sim) => {
    const member = await sim.join(torrent, { seed: true })
    await sim.run(member.torrent.done)
    const peerId = new Uint8Array(20).fill(65)
    const first = await sim.rawTo(member, torrent, { peerId })
    const second = await sim.rawTo(member, torrent, { peerId })
    await sim.network.advance(1_000)
    expect(member.torrent.peers).toHaveLength(1)
    expect([first.links[0]?.closed, second.links[0]?.closed].filter(Boolean)).toHaveLength(1)
  })

  scenario('that were idle are kept alive, silent ones end', async (sim) => {
    const first = await sim.join(torrent)
    const second = await sim.join(torrent, { add: { peers: [at(first)] } })
    const silent = await sim.raw(torrent, { open: (link) => link.send({ type: 'have-none' }) })
    second.torrent.addPeers([silent.address])
    await sim.network.advance(140_000)
    expect(second.torrent.peers).toHaveLength(2)
    await sim.network.advance(60_000)
    expect(closeCode(second, silent.host.ip)).toBe('wire/idle')
    expect(second.torrent.peers).toHaveLength(1)
    expect(silent.links[0]?.received.some(({ type }) => type === 'keep-alive')).toBe(true)
  })
})
