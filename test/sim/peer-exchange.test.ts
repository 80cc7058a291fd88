import { describe, expect } from 'vitest'
import type { SessionOptions } from '../../src/index.js'
import { size } from '../support/depth.js'
import {
  at,
  type Content,
  content,
  contentOfFiles,
  isWhole,
  type Member,
  type Sim,
  scenario,
} from './world.js'

const PEERS = size(100, 200)

const SMALL = content(64 * 1024, 16 * 1024)

/** Members of which each knows the one before it. */
async function chain(
  sim: Sim,
  torrent: Content,
  length: number,
  session: SessionOptions = {},
): Promise<Member[]> {
  const members: Member[] = []
  for (let i = 0; i < length; i++) {
    const before = members.at(-1)
    members.push(await sim.join(torrent, { session, add: before ? { peers: [at(before)] } : {} }))
  }
  return members
}

/** IPs of the hosts that a member has dialled or was dialled by. */
function neighbours(member: Member): Set<string> {
  return new Set(member.torrent.peers.map(({ address }) => address.slice(0, address.lastIndexOf(':'))))
}

describe('peer exchange', () => {
  scenario(
    `lets ${PEERS} peers that know one peer each know fifty others within ten minutes`,
    async (sim) => {
      const members = await chain(sim, SMALL, PEERS, { limits: { peersPerTorrent: 16 } })
      const fewest = () => Math.min(...members.map(({ torrent }) => torrent.stats.knownPeers))
      expect(fewest()).toBeLessThan(5)
      for (let minute = 0; minute < 10 && fewest() < 50; minute++) await sim.network.advance(60_000)
      expect(fewest()).toBeGreaterThanOrEqual(50)
    },
    { timeout: 120_000 },
  )

  scenario('spreads a file among peers that know one peer each', async (sim) => {
    const seed = await sim.join(SMALL, { seed: true })
    const middle = await sim.join(SMALL, { add: { peers: [at(seed)] } })
    const last = await sim.join(SMALL, { add: { peers: [at(middle)] } })
    await sim.run(Promise.all([middle.torrent.done, last.torrent.done]))
    expect(isWhole(last.host, SMALL)).toBe(true)
  })

  scenario('keeps a private torrent to its tracker', async (sim) => {
    const torrent = contentOfFiles([50_000, 50_000], 16 * 1024, { private: true })
    const members = await chain(sim, torrent, 6)
    await sim.network.advance(10 * 60_000)
    for (const [index, member] of members.entries()) {
      const expected = [members[index - 1], members[index + 1]].flatMap((other) =>
        other ? [other.host.ip] : [],
      )
      expect([...neighbours(member)].sort()).toEqual(expected.sort())
    }
  })
})
