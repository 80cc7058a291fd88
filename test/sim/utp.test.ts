import { describe, expect } from 'vitest'
import { at, content, isWhole, MIB, scenario } from './world.js'

const torrent = content(2 * MIB, 64 * 1024)
const only = { session: { utp: true, tcp: false } }

describe('uTP', () => {
  scenario('alone carries a download', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, ...only })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(torrent, { ...only, add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(leecher.torrent.stats.wasted).toBe(0)
    expect(leecher.session.stats.udp).toMatchObject({ receiveBuffer: undefined })
  })

  scenario('alone carries encrypted connections', async (sim) => {
    const required = { session: { ...only.session, encryption: 'required' as const } }
    const seed = await sim.join(torrent, { seed: true, ...required })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(torrent, { ...required, add: { peers: [at(seed)] } })
    await sim.run(() => leecher.torrent.stats.downloaded > 0)
    expect(leecher.torrent.peers[0]).toMatchObject({ encryption: 'rc4', transport: 'utp' })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario('takes over where TCP does not come about', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, ...only })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(torrent, { session: { utp: true }, add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario('is not used where TCP comes about', async (sim) => {
    const both = { session: { utp: true } }
    const seed = await sim.join(torrent, { seed: true, ...both })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(torrent, { ...both, add: { peers: [at(seed)] } })
    await sim.run(() => leecher.torrent.stats.downloaded > 0)
    expect(leecher.torrent.peers[0]).toMatchObject({ transport: 'tcp' })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario('is tried first after a handshake over TCP that failed', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, ...only })
    await sim.run(seed.torrent.done)
    // As a client that wants uTP alone does it, though its system takes the connection.
    const rude = await sim.run(seed.host.world.listen({ port: 6881 }, (stream) => stream.destroy()))
    const leecher = await sim.join(torrent, { session: { utp: true }, add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done, 30_000)).toBe('complete')
    await sim.run(rude.close())
  })

  const dials: string[] = []
  scenario(
    'is tried first where it worked before',
    async (sim) => {
      const seed = await sim.join(torrent, { seed: true, ...only })
      await sim.run(seed.torrent.done)
      const leecher = await sim.join(torrent, { session: { utp: true }, add: { peers: [at(seed)] } })
      await sim.run(() => leecher.torrent.stats.downloaded > 0)
      expect(dials).toEqual([at(seed)])
      void leecher.torrent.pause()
      await sim.network.advance(1_000)
      void leecher.torrent.resume()
      expect(await sim.run(leecher.torrent.done)).toBe('complete')
      expect(dials).toEqual([at(seed)])
    },
    { trace: ({ kind, to }) => kind === 'dial' && dials.push(to) },
  )
})
