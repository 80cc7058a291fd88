import { describe, expect } from 'vitest'
import type { SuperseedMode } from '../../src/torrent/upload/superseed.js'
import type { Message } from '../../src/wire/index.js'
import { type RawLink, seeding } from './raw-peer.js'
import { at, content, isWhole, KIB, MIB, type Sim, scenario } from './world.js'

const torrent = content(1 * MIB, 64 * KIB)

const shown = (link: RawLink): number[] =>
  link.received.flatMap((message) => (message.type === 'have' ? [message.piece] : []))

/** A seed that superseeds, and a peer of a kind that tells what it sees. */
async function superseed(sim: Sim, mode: SuperseedMode) {
  const seed = await sim.join(torrent, { seed: true, add: { superseed: mode } })
  await sim.run(seed.torrent.done)
  const watcher = async (message?: (link: RawLink, message: Message) => void) => {
    const peer = await sim.rawTo(seed, torrent, {
      open: (link) => link.send({ type: 'have-none' }),
      ...(message ? { message } : {}),
    })
    await sim.network.advance(2_000)
    return peer.links[0] as RawLink
  }
  return { seed, watcher }
}

describe('superseeding', () => {
  for (const mode of ['normal', 'strict'] as const) {
    scenario(`(${mode}) sends at most 1.2 copies to a swarm of 20`, async (sim) => {
      const size = 4 * MIB
      const tracker = await sim.tracker('tracker.test')
      const subject = content(size, 64 * KIB, [tracker])
      const host = { upload: 512 * KIB, download: 2 * MIB }
      const seed = await sim.join(subject, { seed: true, host, add: { superseed: mode } })
      await sim.run(seed.torrent.done)
      const leechers = []
      for (let i = 0; i < 20; i++) leechers.push(await sim.join(subject, { host }))
      await sim.run(Promise.all(leechers.map((member) => member.torrent.done)), 3_600_000)
      for (const member of leechers) expect(isWhole(member.host, subject)).toBe(true)
      expect(seed.torrent.stats.uploaded).toBeLessThan(1.2 * size)
    })

    scenario(`(${mode}) poses as a peer without data and shows one piece at a time`, async (sim) => {
      const { seed, watcher } = await superseed(sim, mode)
      const first = await watcher()
      const second = await watcher()
      expect(first.received.map(({ type }) => type)).not.toContain('have-all')
      expect(first.received.map(({ type }) => type)).not.toContain('bitfield')
      expect(first.received.map(({ type }) => type)).not.toContain('allowed-fast')
      expect(first.received[0]?.type).toBe('have-none')
      expect([shown(first), shown(second)]).toEqual([[0], [1]])
      first.send({ type: 'have', piece: 0 })
      await sim.network.advance(2_000)
      expect(shown(first)).toEqual([0])
      second.send({ type: 'have', piece: 0 })
      await sim.network.advance(2_000)
      expect([shown(first), shown(second)]).toEqual([[0, 2], [1]])
      expect(seed.torrent.stats.peers).toBe(2)
    })

    scenario(`(${mode}) serves what it showed and rejects the rest`, async (sim) => {
      const { watcher } = await superseed(sim, mode)
      const link = await watcher((link, { type }) => {
        if (type !== 'unchoke') return
        for (const piece of [0, 5]) link.send({ type: 'request', piece, begin: 0, length: 16 * KIB })
      })
      link.send({ type: 'interested' })
      await sim.network.advance(2_000)
      const answers = link.received.flatMap((message) =>
        message.type === 'piece' || message.type === 'reject' ? [`${message.type} ${message.piece}`] : [],
      )
      expect(answers).toEqual(['piece 0', 'reject 5'])
    })

    scenario(`(${mode}) shows everything when another seed comes`, async (sim) => {
      const { watcher } = await superseed(sim, mode)
      const link = await watcher()
      expect(shown(link)).toHaveLength(1)
      const other = await sim.raw(torrent, seeding(torrent))
      sim.members[0]?.torrent.addPeers([other.address])
      await sim.network.advance(2_000)
      expect(shown(link).sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i))
      const late = await watcher()
      expect(late.received.map(({ type }) => type)).toContain('have-all')
    })

    scenario(`(${mode}) feeds a lone leecher to the end`, async (sim) => {
      const { seed } = await superseed(sim, mode)
      const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
      expect(await sim.run(leecher.torrent.done, 600_000)).toBe('complete')
    })

    scenario(`(${mode}) gets around peers that take pieces and pass nothing on`, async (sim) => {
      const { seed, watcher } = await superseed(sim, mode)
      for (let i = 0; i < 5; i++) {
        await watcher((link, message) => {
          if (message.type === 'have') link.send({ type: 'have', piece: message.piece })
        })
      }
      const leechers = []
      for (let i = 0; i < 3; i++) leechers.push(await sim.join(torrent, { add: { peers: [at(seed)] } }))
      for (const one of leechers) one.torrent.addPeers(leechers.map(at))
      await sim.run(Promise.all(leechers.map((member) => member.torrent.done)), 3_600_000)
    })
  }

  scenario('normal shows more when nobody passes a piece on for long, strict does not', async (sim) => {
    const counts = []
    for (const mode of ['normal', 'strict'] as const) {
      const { watcher } = await superseed(sim, mode)
      const link = await watcher()
      await watcher()
      link.send({ type: 'have', piece: 0 }, { type: 'interested' })
      await sim.network.advance(40_000)
      counts.push(shown(link).length)
    }
    expect(counts).toEqual([2, 1])
  })

  scenario('takes no other mode', async (sim) => {
    const adding = sim.join(torrent, { add: { superseed: 'lax' as SuperseedMode } })
    await expect(adding).rejects.toThrow(RangeError)
  })

  scenario('is not for those who have not got everything from the start', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    const half = await sim.join(torrent, { add: { superseed: 'strict', peers: [at(seed)] } })
    await sim.run(half.torrent.done)
    const peer = await sim.rawTo(half, torrent, { open: (link) => link.send({ type: 'have-none' }) })
    await sim.network.advance(2_000)
    expect(peer.links[0]?.received.map(({ type }) => type)).toContain('have-all')
  })
})
