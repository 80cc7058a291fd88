import { describe, expect, it } from 'vitest'
import { size } from '../support/depth.js'
import { content, MIB, Sim } from './world.js'

const PEERS = size(25, 50)
const SIZE = 32 * MIB
const RATE = MIB

/** One seed and `peers` peers that all send at the same rate, met through a tracker. */
async function swarm(seed: number, peers = PEERS) {
  const sim = new Sim(seed, { latency: (a, b) => 10 + ((a.ip.length * 7 + b.ip.length * 13) % 40) })
  const tracker = await sim.tracker('tracker.test')
  const torrent = content(SIZE, 256 * 1024, [tracker])
  const origin = await sim.join(torrent, { seed: true, host: { upload: RATE, download: 4 * RATE } })
  await sim.run(origin.torrent.done)
  const started = sim.network.now
  for (let i = 0; i < peers; i++) await sim.join(torrent, { host: { upload: RATE, download: 4 * RATE } })
  const leechers = sim.members.slice(1)
  const finished: number[] = []
  await sim.run(
    Promise.all(
      leechers.map((member) => member.torrent.done.then(() => finished.push(sim.network.now - started))),
    ),
  )
  const sent = origin.torrent.stats.uploaded
  const right = leechers.every((member) =>
    Buffer.from(member.host.disk.readFile('downloads/data.bin') ?? []).equals(torrent.data),
  )
  const wasted = leechers.reduce((sum, member) => sum + member.torrent.stats.wasted, 0)
  await sim.close()
  return { finished, sent, right, wasted, digest: sim.network.digest }
}

describe(`a swarm of ${PEERS} sessions and one seed`, () => {
  it('spreads by itself: few copies from the seed, the last peer near the bandwidth bound', {
    timeout: 120_000,
  }, async () => {
    const { finished, sent, right, wasted } = await swarm(1)
    const bound = Math.max(SIZE / RATE, (PEERS * SIZE) / ((PEERS + 1) * RATE)) * 1000
    expect(right).toBe(true)
    expect(finished).toHaveLength(PEERS)
    expect(finished.at(-1)).toBeLessThan(2 * bound)
    expect(sent).toBeLessThan(1.5 * SIZE)
    expect(wasted).toBeLessThan(0.05 * SIZE * PEERS)
  })

  it('repeats from its seed to the event', { timeout: 60_000 }, async () => {
    const first = await swarm(7, 8)
    const second = await swarm(7, 8)
    const other = await swarm(8, 8)
    expect(second.digest).toBe(first.digest)
    expect(second.finished).toEqual(first.finished)
    expect(other.digest).not.toBe(first.digest)
  })
})
