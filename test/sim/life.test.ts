import { describe, expect } from 'vitest'
import { RawPeer, seeding } from './raw-peer.js'
import { at, closeCode, content, isWhole, KIB, type Member, MIB, type Sim, scenario, store } from './world.js'

const torrent = content(1 * MIB, 64 * KIB)

describe('stop and start', () => {
  scenario('pause drops all peers and stays silent, resume goes on from there', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 64 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.network.advance(5_000)
    const { verifiedPieces, downloaded } = leecher.torrent.stats
    expect(verifiedPieces).toBeGreaterThan(0)
    const paused = leecher.torrent.pause()
    expect(leecher.torrent.state).toBe('paused')
    expect(leecher.torrent.peers).toEqual([])
    await sim.run(paused)
    expect(closeCode(leecher, seed.host.ip)).toBe('torrent/paused')
    const caller = await sim.rawTo(leecher, torrent, seeding(torrent))
    leecher.torrent.addPeers(['10.77.0.1:6881'])
    await sim.network.advance(1_000)
    const { sent } = leecher.host.traffic
    await sim.network.advance(300_000)
    expect(leecher.host.traffic.sent).toBe(sent)
    expect(leecher.host.open).toEqual(['tcp port 6881'])
    expect(caller.links[0]?.closed).toBe(true)
    expect(caller.links[0]?.greeted).toBe(false)
    void leecher.torrent.resume()
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(leecher.torrent.stats.downloaded).toBeLessThan(torrent.data.length + downloaded / 2 + 8 * 64 * KIB)
  })

  scenario('a seed that was paused serves again', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    void seed.torrent.pause()
    await sim.network.advance(1_000)
    void seed.torrent.resume()
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
  })

  scenario('pause and resume in every state and twice are harmless', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 128 * KIB } })
    const leecher = await sim.join(torrent, { host: { disk: { latency: 10 } }, add: { peers: [at(seed)] } })
    void leecher.torrent.pause()
    void leecher.torrent.resume()
    void leecher.torrent.pause()
    await sim.run(leecher.torrent.ready)
    expect(leecher.torrent.state).toBe('paused')
    for (let i = 0; i < 20; i++) {
      void leecher.torrent.resume()
      void leecher.torrent.resume()
      await sim.network.advance(i * 37)
      void leecher.torrent.pause()
      void leecher.torrent.pause()
      await sim.network.advance(i * 11)
    }
    void leecher.torrent.resume()
    expect(await sim.run(leecher.torrent.done, 120_000)).toBe('complete')
    void leecher.torrent.pause()
    void leecher.torrent.resume()
    expect(leecher.torrent.state).toBe('seeding')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    await sim.run(leecher.torrent.close())
    void leecher.torrent.pause()
    void leecher.torrent.resume()
    expect(leecher.torrent.state).toBe('closed')
  })

  scenario('pause, resume and close from inside every event', async (sim) => {
    for (const event of ['ready', 'peer', 'piece', 'peer-closed', 'done', 'checking'] as const) {
      for (const act of ['pause', 'bounce', 'close'] as const) {
        const seed = await sim.join(torrent, { seed: true })
        await sim.run(seed.torrent.done)
        let acted = 0
        const added = (joined: Member['torrent']) =>
          joined.on(event, () => {
            if (acted++ > 0) return
            if (act === 'close') void joined.close()
            else void joined.pause()
            if (act === 'bounce') void joined.resume()
          })
        const leecher = await sim.join(torrent, { add: { peers: [at(seed)] }, added })
        await sim.network.advance(5_000)
        const what = `${act} in ${event}`
        expect(acted, what).toBeGreaterThan(0)
        if (act === 'close') expect(leecher.torrent.state, what).toBe('closed')
        else {
          void leecher.torrent.resume()
          expect(await sim.run(leecher.torrent.done, 120_000), what).toBe('complete')
          expect(isWhole(leecher.host, torrent), what).toBe(true)
        }
        await sim.run(Promise.all([seed.session.close(), leecher.session.close()]))
      }
    }
  })

  scenario('a new session goes on with what the old one left', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 128 * KIB } })
    const first = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.network.advance(5_000)
    const { verifiedPieces } = first.torrent.stats
    await sim.run(first.session.close())
    const second = await sim.join(torrent, { on: first.host, add: { peers: [at(seed)] } })
    await sim.run(second.torrent.ready)
    expect(second.torrent.stats.verifiedPieces).toBeGreaterThanOrEqual(verifiedPieces)
    expect(await sim.run(second.torrent.done, 60_000)).toBe('complete')
    expect(second.torrent.stats.downloaded).toBeLessThanOrEqual((16 - verifiedPieces) * 64 * KIB)
    expect(isWhole(second.host, torrent)).toBe(true)
  })

  scenario('remove with deleteData takes the files along, and nothing else', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 128 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    leecher.host.disk.writeFile('downloads/other.bin', new Uint8Array(10))
    await sim.network.advance(4_000)
    await sim.run(leecher.torrent.remove({ deleteData: true }))
    expect(leecher.host.disk.paths).toEqual(['downloads/other.bin'])
    expect(leecher.session.torrents).toEqual([])
    expect(await sim.run(leecher.torrent.done)).toBe('closed')
    const again = await sim.run(leecher.session.add(torrent.metainfo, { peers: [at(seed)] }))
    expect(await sim.run(again.done, 60_000)).toBe('complete')
  })
})

describe('existing data', () => {
  const states: Record<string, { disk: (member: Member['host']) => void; valid: number }> = {
    'no file': { disk: () => {}, valid: 0 },
    'an empty file': {
      disk: (host) => host.disk.writeFile('downloads/data.bin', new Uint8Array(0)),
      valid: 0,
    },
    'the first half': {
      disk: (host) => host.disk.writeFile('downloads/data.bin', torrent.data.subarray(0, 512 * KIB)),
      valid: 8,
    },
    'half a piece too much': {
      disk: (host) =>
        host.disk.writeFile('downloads/data.bin', torrent.data.subarray(0, 512 * KIB + 32 * KIB)),
      valid: 8,
    },
    'the first piece missing': {
      disk: (host) => {
        store(host, torrent)
        host.disk.writeAt('downloads/data.bin', 0, new Uint8Array(64 * KIB))
      },
      valid: 15,
    },
    'every piece wrong': {
      disk: (host) => host.disk.writeFile('downloads/data.bin', new Uint8Array(torrent.data.length).fill(7)),
      valid: 0,
    },
    everything: { disk: (host) => store(host, torrent), valid: 16 },
    'everything and more': {
      disk: (host) => {
        store(host, torrent)
        host.disk.writeAt('downloads/data.bin', torrent.data.length, new Uint8Array(1000))
      },
      valid: 16,
    },
  }
  for (const [name, { disk, valid }] of Object.entries(states)) {
    scenario(`${name}: what is valid is kept, the rest is fetched`, async (sim) => {
      const seed = await sim.join(torrent, { seed: true })
      const host = sim.network.host()
      disk(host)
      const leecher = await sim.join(torrent, { on: host, add: { peers: [at(seed)], paused: true } })
      await sim.run(leecher.torrent.ready)
      expect(leecher.torrent.stats.verifiedPieces).toBe(valid)
      void leecher.torrent.resume()
      expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
      expect(leecher.torrent.stats.downloaded).toBe(torrent.data.length - valid * 64 * KIB)
      const file = host.disk.readFile('downloads/data.bin')
      expect(
        Buffer.from(torrent.data).equals(file?.subarray(0, torrent.data.length) ?? new Uint8Array(0)),
      ).toBe(true)
    })
  }

  scenario('of several members makes a whole that no one had', async (sim) => {
    const members: Member[] = []
    for (let i = 0; i < 4; i++) {
      const host = sim.network.host()
      host.disk.writeFile('downloads/data.bin', new Uint8Array(torrent.data.length))
      const from = i * 4 * 64 * KIB
      host.disk.writeAt('downloads/data.bin', from, torrent.data.slice(from, from + 4 * 64 * KIB))
      members.push(await sim.join(torrent, { on: host, add: { peers: members.map(at) } }))
    }
    await sim.run(Promise.all(members.map((member) => member.torrent.done)), 60_000)
    for (const member of members) expect(isWhole(member.host, torrent)).toBe(true)
  })

  scenario('that is checked when the torrent closes ends the check', async (sim) => {
    const big = content(4 * MIB, 64 * KIB)
    const host = sim.network.host({ disk: { bandwidth: MIB } })
    const member = await sim.join(big, { on: host, seed: true })
    await sim.network.advance(2_000)
    expect(member.torrent.state).toBe('checking')
    await sim.run(member.session.close(), 5_000)
    await expect(sim.run(member.torrent.ready)).rejects.toMatchObject({ code: 'torrent/closed' })
    expect(await sim.run(member.torrent.done)).toBe('closed')
  })
})

describe('closing in the middle', () => {
  /** Moments (ms after the start) at which a session closes: check, dial, handshake, download, end. */
  const moments = [0, 1, 5, 9, 15, 21, 25, 31, 41, 45, 61, 80, 100, 200, 500, 900, 1_500, 3_000, 9_000]
  scenario('at any moment is prompt, leaves nothing open and settles everything', async (sim) => {
    for (const moment of moments) {
      const tracker = `http://tracker${moment}.test:6969/announce`
      const seed = await sim.join(torrent, { seed: true, host: { upload: 256 * KIB } })
      const host = sim.network.host({ disk: { latency: 3 } })
      host.disk.writeFile('downloads/data.bin', new Uint8Array(torrent.data.length / 2))
      const leecher = await sim.join(torrent, { on: host, add: { peers: [at(seed)], trackers: [tracker] } })
      await sim.network.advance(moment)
      const file = leecher.torrent.files[0]
      const reading = file?.stream().next()
      reading?.catch(() => {})
      const done = leecher.torrent.done
      const before = sim.network.now
      await sim.run(leecher.session.close(), 10_000)
      expect(sim.network.now - before, `closed at ${moment}`).toBeLessThan(6_000)
      expect(leecher.host.open.filter((line) => !line.startsWith('tcp 10'))).toEqual([])
      expect(await sim.run(done), `closed at ${moment}`).toBe(moment < 9_000 ? 'closed' : 'complete')
      await sim.run(seed.session.close(), 10_000)
      expect(leecher.torrent.state).toBe('closed')
    }
  })

  scenario('while connections are being dialled and accepted', async (sim) => {
    const mute = await sim.raw(torrent, { greet: false })
    const leecher = await sim.join(torrent, { add: { peers: [mute.address, '10.88.0.1:6881'] } })
    const caller = await sim.rawTo(leecher, torrent, { greet: false })
    await sim.network.advance(100)
    await sim.run(leecher.session.close(), 1_000)
    await sim.network.advance(1_000)
    expect(leecher.host.open).toEqual([])
    expect(mute.links[0]?.closed).toBe(true)
    expect(caller.links[0]?.closed).toBe(true)
  })

  scenario('of one torrent leaves the others of the session alone', async (sim) => {
    const other = content(512 * KIB, 32 * KIB)
    const seed = await sim.join(torrent, { seed: true, host: { upload: 128 * KIB } })
    store(seed.host, torrent)
    const seed2 = await sim.join(other, { seed: true, host: { upload: 128 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    // Both are called data.bin: the second lives on a disk of its own.
    const second = await sim.run(leecher.session.add(torrent.metainfo))
    expect(second).toBe(leecher.torrent)
    const twin = await sim.join(other, { add: { peers: [at(seed2)] } })
    await sim.network.advance(1_000)
    await sim.run(leecher.torrent.close())
    expect(await sim.run(twin.torrent.done, 60_000)).toBe('complete')
  })
})

describe('a swarm of every kind at once', () => {
  scenario('completes: hostile, slow, cut off, paused and removed members', async (sim) => {
    const tracker = await sim.tracker('tracker.test')
    const subject = content(1 * MIB, 32 * KIB, [tracker])
    await sim.join(subject, { seed: true, host: { upload: 256 * KIB } })
    const honest: Member[] = []
    for (let i = 0; i < 6; i++)
      honest.push(await sim.join(subject, { host: { upload: 128 * KIB, connectionLife: 20_000 } }))
    const addresses = await bad(sim, subject)
    for (const member of honest) member.torrent.addPeers(addresses)
    await sim.network.advance(3_000)
    void honest[0]?.torrent.pause()
    await sim.run(honest[1]?.torrent.remove({ deleteData: true }) ?? Promise.resolve())
    await sim.network.advance(10_000)
    void honest[0]?.torrent.resume()
    const rest = honest.filter((_, index) => index !== 1)
    await sim.run(Promise.all(rest.map((member) => member.torrent.done)), 1_800_000)
    for (const member of rest) expect(isWhole(member.host, subject)).toBe(true)
  })
})

/** A liar, a mute and one that says random things. */
async function bad(sim: Sim, subject: typeof torrent): Promise<string[]> {
  const liar = await sim.raw(
    subject,
    seeding(subject, (data) => data.fill(0)),
  )
  const mute = await sim.raw(subject, {
    open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
  })
  const noise = new RawPeer(sim.network, subject, {
    open: (link) => link.send(link.stream && noise.host.world.random.bytes(5_000)),
  })
  await sim.run(noise.listen())
  return [liar, mute, noise].map((peer) => peer.address)
}
