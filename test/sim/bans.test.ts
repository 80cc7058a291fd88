import { describe, expect } from 'vitest'
import { seeding } from './raw-peer.js'
import { closeCode, content, KIB, MIB, scenario } from './world.js'

const torrent = content(1 * MIB, 64 * KIB)

describe('a ban', () => {
  scenario(
    'by the user closes connections in every torrent, and the listener reads nothing from there',
    async (sim) => {
      const other = content(1 * MIB + 1, 64 * KIB)
      const seed = await sim.join(torrent, { seed: true })
      const second = await sim.run(seed.session.add(other.metainfo))
      const raw = await sim.rawTo(seed, torrent, { open: (link) => link.send({ type: 'have-none' }) })
      await sim.network.advance(1_000)
      expect(raw.links[0]?.greeted).toBe(true)
      seed.session.ban(raw.host.ip, { duration: 60_000, reason: 'noise' })
      await sim.network.advance(1_000)
      expect(closeCode(seed, raw.host.ip)).toBe('torrent/banned')
      expect(seed.session.bans).toMatchObject([{ address: raw.host.ip, reason: 'noise' }])
      expect(seed.session.stats.banned).toBe(1)
      const again = await sim.run(raw.dial(seed.host)).catch(() => undefined)
      await sim.network.advance(1_000)
      expect(again?.greeted ?? false).toBe(false)
      second.addPeers([`${raw.host.ip}:6881`])
      await sim.network.advance(60_000)
      expect(seed.session.bans).toEqual([])
      const late = await sim.run(raw.dial(seed.host))
      await sim.network.advance(1_000)
      expect(late.greeted).toBe(true)
    },
  )

  scenario('for corrupt data holds in all torrents of a session, until it is lifted', async (sim) => {
    const other = content(1 * MIB + 1, 64 * KIB)
    const liar = await sim.raw(
      torrent,
      seeding(torrent, (data) => data.fill(0)),
    )
    const leecher = await sim.join(torrent, { add: { peers: [liar.address] } })
    await sim.run(() => liar.links[0]?.closed === true)
    expect(leecher.session.bans).toMatchObject([{ address: liar.host.ip, reason: 'torrent/corrupt-data' }])
    const second = await sim.run(leecher.session.add(other.metainfo, { peers: [liar.address] }))
    await sim.network.advance(120_000)
    expect(second.stats.knownPeers).toBe(1)
    expect(liar.links).toHaveLength(1)
    expect(leecher.session.unban(liar.host.ip)).toBe(true)
    expect(leecher.session.unban(liar.host.ip)).toBe(false)
    leecher.torrent.addPeers([liar.address])
    await sim.network.advance(120_000)
    expect(liar.links.length).toBeGreaterThan(1)
  })

  scenario('comes at the fourth violation of the protocol, at the first flood', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const clumsy = await sim.rawTo(seed, torrent, {
      open: (link) => link.send({ type: 'have-none' }, { type: 'have', piece: 99 }),
    })
    await sim.network.advance(1_000)
    for (let i = 0; i < 3; i++) {
      expect(seed.session.bans).toEqual([])
      await sim.run(clumsy.dial(seed.host))
      await sim.network.advance(1_000)
    }
    expect(seed.session.bans.map(({ address }) => address)).toEqual([clumsy.host.ip])
    const flood = await sim.rawTo(seed, torrent, {
      open: (link) => link.send(new Uint8Array([0x7f, 0xff, 0xff, 0xff, 5])),
    })
    await sim.network.advance(1_000)
    expect(seed.session.bans.map(({ address }) => address)).toContain(flood.host.ip)
  })
})
