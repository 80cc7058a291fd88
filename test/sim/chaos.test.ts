import { describe, expect } from 'vitest'
import type { Torrent } from '../../src/index.js'
import type { VirtualHost } from '../../src/testing/index.js'
import { below } from '../../src/util/random.js'
import { runs } from '../support/depth.js'
import { seededRandom } from '../support/random.js'
import { RawPeer } from './raw-peer.js'
import { at, type Content, contentOfFiles, isWhole, KIB, type Member, type Sim, scenario } from './world.js'

const PIECE = 32 * KIB
const LENGTHS = [100 * KIB, 5, -(28 * KIB - 5), 300 * KIB, 0, 77_777, 200 * KIB]
const ALL = [0, 1, 2, 3, 4, 5]
const WORLDS = runs(2)
const FIRST = Number(process.env.SIM_SEED ?? 1)

/** One random disturbance of a running swarm. */
type Blow = (sim: Sim, victim: Member, draw: (bound: number) => number) => void

const BLOWS: readonly Blow[] = [
  (_sim, { torrent }) => torrent.pause(),
  (_sim, { torrent }) => torrent.resume(),
  (_sim, { torrent }) => {
    void torrent.pause()
    void torrent.resume()
  },
  (_sim, { host }) => host.cutConnections(),
  (_sim, { host }, draw) => {
    host.online = draw(3) > 0
  },
  (sim) => {
    const half = sim.network.hosts.length >> 1
    sim.network.partition(sim.network.hosts.slice(0, half), sim.network.hosts.slice(half))
  },
  (sim) => sim.network.heal(),
  (_sim, { host }, draw) => {
    const code = ['EIO', 'ENOSPC', 'EACCES'][draw(3)] as string
    const kind = (['read', 'write'] as const)[draw(2)]
    host.disk.fault = (operation) => (operation.kind === kind ? code : undefined)
  },
  (_sim, { host, torrent }) => {
    host.disk.fault = undefined
    void torrent.resume()
  },
  (_sim, { torrent }, draw) => torrent.select(ALL.filter(() => draw(2) === 0)),
  (_sim, { torrent }) => torrent.select(ALL),
  (_sim, { torrent }, draw) => {
    torrent.sequential = draw(2) === 0
  },
  (sim, victim, draw) => {
    // A caller that says random things after its handshake.
    const noise = seededRandom(draw(1_000_000)).bytes(100 + draw(3_000))
    const caller = new RawPeer(sim.network, bare(victim), {
      fast: draw(2) === 0,
      open: (link) => link.send({ type: 'interested' }, noise),
    })
    caller.dial(victim.host).catch(() => {})
  },
  (_sim, { torrent }, draw) => {
    const file = torrent.files[draw(6)]
    if (!file || file.length === 0) return
    const abort = new AbortController()
    const reading = file.stream({ start: draw(file.length), signal: abort.signal }).next()
    reading.catch(() => {})
    if (draw(2) === 0) abort.abort(new Error('changed our mind'))
  },
]

/** What a raw peer must know of a member's torrent. */
function bare({ torrent }: Member): Content {
  return { metainfo: torrent.metainfo as Content['metainfo'], data: new Uint8Array(0), files: [] }
}

describe('chaos', () => {
  for (let seed = FIRST; seed < FIRST + WORLDS; seed++) {
    const name = `of pauses, restarts, cuts, partitions and disk errors ends well (world ${seed})`
    scenario(name, (sim) => play(sim, seed), { seed, fragment: 0.2 })
  }
})

async function play(sim: Sim, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const draw = (bound: number) => below(random, bound)
  const tracker = await sim.tracker('tracker.test')
  const subject = contentOfFiles(LENGTHS, PIECE, { trackers: [tracker] })
  const host = () => ({ upload: 10 * KIB + draw(60 * KIB), connectionLife: 20_000, latency: draw(50) })
  const members = [await sim.join(subject, { seed: true, host: host() })]
  const session = { limits: { pieceBytesPerTorrent: 4 * PIECE } }
  const added = (torrent: Torrent) => torrent.on('error', () => {})
  for (let i = 0; i < 4; i++) members.push(await sim.join(subject, { host: host(), session, added }))
  const changed = new Set<VirtualHost>()
  for (let i = 0; i < 60; i++) {
    await sim.network.advance(draw(1_500))
    const index = 1 + draw(members.length - 1)
    const victim = members[index] as Member
    const blow = draw(BLOWS.length + 2)
    if (blow === BLOWS.length) {
      await sim.run(victim.session.close(), 30_000)
      victim.host.disk.fault = undefined
      members[index] = await sim.join(subject, { on: victim.host, session, added })
    } else if (blow > BLOWS.length) {
      if (draw(3) > 0 || !victim.host.disk.readFile('downloads/set/file-3.bin')) continue
      victim.host.disk.writeAt('downloads/set/file-3.bin', draw(200 * KIB), random.bytes(100))
      changed.add(victim.host)
    } else BLOWS[blow]?.(sim, victim, draw)
  }
  sim.network.heal()
  for (const member of members) {
    member.host.online = true
    member.host.disk.fault = undefined
    await sim.network.advance(1_000)
    member.torrent.select(ALL)
    void member.torrent.resume()
    member.torrent.addPeers(members.filter((other) => other !== member).map(at))
  }
  await sim.run(() => members.every(({ torrent }) => ['seeding', 'error'].includes(torrent.state)), 7_200_000)
  for (const member of members) {
    const { ip } = member.host
    if (changed.has(member.host)) {
      // May be found out only when somebody asks for the data.
      if (member.torrent.state === 'error')
        expect(member.torrent.error?.code, ip).toMatch(/^storage\/(changed|missing)$/)
      continue
    }
    expect(member.torrent.state, ip).toBe('seeding')
    expect(member.torrent.stats.left, ip).toBe(0)
    expect(await sim.run(member.torrent.done), ip).toBe('complete')
    expect(isWhole(member.host, subject), ip).toBe(true)
  }
}
