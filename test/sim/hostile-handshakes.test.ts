import { describe, expect } from 'vitest'
import { utf8 } from '../../src/util/bytes.js'
import { RawPeer } from './raw-peer.js'
import { at, content, isWhole, KIB, scenario } from './world.js'

const torrent = content(1024 * KIB, 64 * KIB)
const SILENT = { greet: false } as const

describe('hostile handshakes', () => {
  scenario(
    'that we accept end at once when wrong, and in 15 s when slow or when they may be encrypted',
    async (sim) => {
      const victim = await sim.join(torrent, { seed: true })
      await sim.run(victim.torrent.done)
      const wrongHash = await sim.rawTo(victim, torrent, { infoHash: new Uint8Array(20) })
      const web = await sim.rawTo(victim, torrent, SILENT)
      web.links[0]?.send(utf8('GET / HTTP/1.1\r\n\r\n'))
      const mute = await sim.rawTo(victim, torrent, SILENT)
      const short = await sim.rawTo(victim, torrent, SILENT)
      short.links[0]?.send(short.handshake.subarray(0, 67))
      const slow = await sim.rawTo(victim, torrent, SILENT)
      slow.links[0]?.drip(slow.handshake, 1_000)
      const gone = await sim.rawTo(victim, torrent, SILENT)
      gone.links[0]?.send(gone.handshake.subarray(0, 30))
      gone.links[0]?.stream.end()
      const patient = await sim.rawTo(victim, torrent, SILENT)
      patient.links[0]?.drip(patient.handshake, 200)
      const closed = () =>
        [wrongHash, web, mute, short, slow, gone, patient].map((peer) => peer.links[0]?.closed === true)
      await sim.network.advance(1_000)
      expect(closed()).toEqual([true, false, false, false, false, true, false])
      await sim.network.advance(13_000)
      expect(closed()).toEqual([true, false, false, false, false, true, false])
      expect(patient.links[0]?.greeted).toBe(true)
      expect(victim.torrent.peers).toHaveLength(1)
      await sim.network.advance(2_000)
      expect(closed()).toEqual([true, true, true, true, true, true, false])
      expect(wrongHash.links[0]?.greeted).toBe(false)
      expect(mute.links[0]?.greeted).toBe(false)
    },
  )

  scenario('of peers that we dial cost nothing but their place', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    const wrong = await sim.raw(torrent, { infoHash: new Uint8Array(20) })
    const mute = await sim.raw(torrent, SILENT)
    const torn = new RawPeer(sim.network, torrent)
    await torn.host.world.listen({ port: 6881 }, (stream) => stream.destroy())
    const leecher = await sim.join(torrent, {
      add: { peers: [wrong.address, mute.address, torn.address, '10.99.0.1:6881', at(seed)] },
    })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    await sim.network.advance(150_000)
    expect(leecher.session.stats.halfOpen).toBe(0)
    expect(wrong.links[0]?.closed).toBe(true)
    expect(mute.links[0]?.closed).toBe(true)
    expect(isWhole(leecher.host, torrent)).toBe(true)
  })

  scenario('from one host, however many, leave room for others', async (sim) => {
    const victim = await sim.join(torrent, { seed: true })
    await sim.run(victim.torrent.done)
    const crowd = new RawPeer(sim.network, torrent, SILENT)
    for (let i = 0; i < 300; i++) await sim.run(crowd.dial(victim.host))
    const leecher = await sim.join(torrent, { add: { peers: [at(victim)] } })
    expect(await sim.run(leecher.torrent.done, 10_000)).toBe('complete')
    expect(crowd.links.filter((link) => !link.closed).length).toBeLessThanOrEqual(100)
    await sim.network.advance(20_000)
    expect(crowd.links.filter((link) => !link.closed)).toEqual([])
  })

  scenario(
    'with a hostile message in the same packet are reported as a connection that ended',
    async (sim) => {
      const victim = await sim.join(torrent, { seed: true })
      await sim.run(victim.torrent.done)
      const events: string[] = []
      victim.torrent.on('peer', () => events.push('peer'))
      victim.torrent.on('peer-closed', (_address, code) => events.push(code))
      const hasty = await sim.rawTo(victim, torrent, SILENT)
      hasty.links[0]?.send(hasty.handshake, { type: 'have-none' }, { type: 'have', piece: 1 << 30 })
      await sim.network.advance(1_000)
      expect(events).toEqual(['peer', 'wire/bad-have'])
      expect(hasty.links[0]?.closed).toBe(true)
    },
  )

  scenario('dialled by us are dropped when they end with ours', async (sim) => {
    const mirror = new RawPeer(sim.network, torrent)
    await mirror.host.world.listen({ port: 6881 }, (stream) => {
      stream.listen({
        data: (chunk) => stream.write([chunk.slice()]),
        drain() {},
        close() {},
      })
    })
    const seed = await sim.join(torrent, { seed: true })
    const leecher = await sim.join(torrent, { add: { peers: [mirror.address, at(seed)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    await sim.network.advance(60_000)
    expect(leecher.closes.map(({ address }) => address)).not.toContain(mirror.address)
    expect(leecher.torrent.peers).toEqual([])
  })
})
