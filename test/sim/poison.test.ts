import { describe, expect } from 'vitest'
import { blockOf, seeding } from './raw-peer.js'
import { at, content, isWhole, KIB, type Member, MIB, scenario } from './world.js'

const spoil = (data: Uint8Array): void => {
  data[7] = (data[7] as number) ^ 1
}

const banned = (member: Member): string[] => member.session.bans.map(({ address }) => address)

describe('poison', () => {
  scenario('from three of thirty peers gets them banned, and everyone completes', async (sim) => {
    const subject = content(4 * MIB, 128 * KIB)
    const host = { upload: 256 * KIB, download: 1 * MIB }
    const seed = await sim.join(subject, { seed: true, host })
    const poison = []
    for (let i = 0; i < 3; i++) {
      let sent = 0
      // Every third block is wrong: most pieces with their help fail, and others may be to blame.
      poison.push(
        await sim.raw(subject, {
          ...seeding(subject, (data) => {
            if (sent++ % 3 === 0) spoil(data)
          }),
          host,
        }),
      )
    }
    const liars = poison.map(({ host }) => host.ip).sort()
    const members: Member[] = []
    for (let i = 0; i < 26; i++) {
      const others = [...members.slice(-8).map(at), at(seed), ...poison.map(({ address }) => address)]
      members.push(await sim.join(subject, { host, add: { peers: others } }))
    }
    await sim.run(Promise.all(members.map((member) => member.torrent.done)), 3_600_000)
    for (const member of members) {
      expect(isWhole(member.host, subject)).toBe(true)
      for (const address of banned(member)) expect(liars).toContain(address)
    }
    const bans = members.map((member) => banned(member).length)
    // All three by nearly all: a peer that was done before one of them lied to it had nothing to find out.
    expect(bans.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0.8 * 3 * members.length)
  })

  scenario('in one block of one piece is traced to its sender when the piece is right', async (sim) => {
    const subject = content(2 * MIB, 512 * KIB)
    let lies = 0
    const liar = await sim.raw(subject, {
      ...seeding(subject, (data) => {
        if (lies++ === 0) spoil(data)
      }),
      host: { upload: 64 * KIB },
    })
    const seeds = []
    for (let i = 0; i < 3; i++)
      seeds.push(await sim.join(subject, { seed: true, host: { upload: 64 * KIB } }))
    const leecher = await sim.join(subject, { add: { peers: [liar.address, ...seeds.map(at)] } })
    expect(await sim.run(leecher.torrent.done, 600_000)).toBe('complete')
    expect(banned(leecher)).toEqual([liar.host.ip])
    expect(isWhole(leecher.host, subject)).toBe(true)
  })

  scenario(
    'in one block of a large piece is traced, though the block was on the disk by then',
    async (sim) => {
      const subject = content(24 * MIB, 8 * MIB)
      const host = { upload: 256 * KIB }
      let lies = 0
      const liar = await sim.raw(subject, {
        open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
        message: (link, message) => {
          if (message.type !== 'request') return
          // Not among the last blocks of its piece, which are in memory when it is judged.
          const lie = lies === 0 && message.begin < 4 * MIB
          if (lie) lies++
          link.send(blockOf(subject, message, lie ? spoil : undefined))
        },
        host,
      })
      const seeds = []
      for (let i = 0; i < 3; i++) seeds.push(await sim.join(subject, { seed: true, host }))
      const leecher = await sim.join(subject, { add: { peers: [liar.address, ...seeds.map(at)] } })
      expect(await sim.run(leecher.torrent.done, 600_000)).toBe('complete')
      expect(lies).toBe(1)
      expect(banned(leecher)).toEqual([liar.host.ip])
      expect(isWhole(leecher.host, subject)).toBe(true)
    },
  )
})
