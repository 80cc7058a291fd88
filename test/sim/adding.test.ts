import { describe, expect } from 'vitest'
import { Session, type Torrent, type Warning } from '../../src/index.js'
import { formatMagnet, magnetOf } from '../../src/metainfo/index.js'
import type { SessionTorrent } from '../../src/torrent/torrent.js'
import { toHex } from '../../src/util/bytes.js'
import {
  at,
  type Content,
  content,
  contentOfFiles,
  isWhole,
  KIB,
  type Sim,
  scenario,
  store,
} from './world.js'

const files = contentOfFiles([40 * KIB, 50 * KIB, 60 * KIB], 16 * KIB)
const secret = contentOfFiles([64 * KIB], 16 * KIB, { private: true, trackers: ['http://own.test/announce'] })

interface Opened {
  readonly host: ReturnType<Sim['network']['host']>
  readonly session: Session
  readonly warnings: Warning[]
}

function open(sim: Sim): Opened {
  const host = sim.network.host()
  const session = new Session({ world: host.world, storage: () => host.disk.backend(), utp: false })
  const warnings: Warning[] = []
  session.on('warning', (warning) => warnings.push(warning))
  return { host, session, warnings }
}

async function end(sim: Sim, { host, session }: Opened): Promise<void> {
  await sim.run(session.close())
  expect(host.open).toEqual([])
}

function linkTo(
  { metainfo }: Content,
  more: { trackers?: string[]; peers?: { host: string; port: number }[] } = {},
) {
  const { infoHash, infoHashV2 } = metainfo
  return formatMagnet({
    ...(infoHash ? { infoHash } : {}),
    ...(infoHashV2 ? { infoHashV2 } : {}),
    trackers: more.trackers ?? [],
    peers: more.peers ?? [],
  })
}

const codes = (warnings: readonly Warning[]) =>
  warnings.map(({ code }) => code).filter((code) => code.startsWith('session/'))
const urls = (torrent: Torrent) => torrent.trackers.map(({ url }) => url)

describe('a torrent file after its magnet', () => {
  for (const paused of [false, true]) {
    scenario(`gives it the metadata${paused ? ', also to one that is paused' : ''}`, async (sim) => {
      const opened = open(sim)
      const { host, session } = opened
      store(host, files)
      const first = await sim.run(session.add(magnetOf(files.metainfo), { paused }))
      await sim.network.advance(1_000)
      const heard: string[] = []
      first.on('metadata', ({ name }) => heard.push(name))
      const second = await sim.run(session.add(files.metainfo, { select: [0, 2] }))
      expect(second).toBe(first)
      expect((await sim.run(first.metadata)).name).toBe('set')
      await sim.run(first.ready)
      expect(first.state).toBe(paused ? 'paused' : 'seeding')
      expect(first.files.map(({ priority }) => priority)).toEqual([4, 0, 4])
      if (paused) await sim.run(first.resume())
      expect(await sim.run(first.done)).toBe('complete')
      expect(heard).toEqual(['set'])
      await end(sim, opened)
    })
  }

  scenario('ends the fetching from peers that is under way', async (sim) => {
    const opened = open(sim)
    const seed = await sim.join(files, { seed: true })
    const first = await sim.run(opened.session.add(magnetOf(files.metainfo), { peers: [at(seed)] }))
    await sim.run(new Promise<void>((resolve) => first.once('peer', () => resolve())))
    await sim.run(opened.session.add(files.metainfo))
    expect(await sim.run(first.done, 60_000)).toBe('complete')
    expect(isWhole(opened.host, files)).toBe(true)
    await end(sim, opened)
  })

  scenario('that is private leaves what the link named', async (sim) => {
    const opened = open(sim)
    const torrent = await sim.run(
      opened.session.add(
        linkTo(secret, {
          trackers: ['http://strange.test/announce'],
          peers: [{ host: '10.9.9.9', port: 1 }],
        }),
      ),
    )
    await sim.run(opened.session.add(secret.metainfo))
    await sim.run(torrent.ready)
    expect(urls(torrent)).toEqual(['http://own.test/announce'])
    expect(torrent.stats.knownPeers).toBe(0)
    await end(sim, opened)
  })
})

describe('a torrent that is added again', () => {
  scenario('takes what is new, and says what it does not take', async (sim) => {
    const { session, warnings, ...rest } = open(sim)
    const torrent = await sim.run(session.add(files.metainfo, { paused: true }))
    await sim.run(torrent.ready)
    const same = await sim.run(
      session.add(files.metainfo, {
        trackers: ['http://more.test/announce'],
        peers: ['10.9.9.9:1'],
        select: [1],
        sequential: true,
        paused: false,
      }),
    )
    expect(same).toBe(torrent)
    expect(urls(torrent)).toEqual(['http://more.test/announce'])
    expect(torrent.stats.knownPeers).toBe(1)
    expect(torrent.files.map(({ priority }) => priority)).toEqual([0, 4, 0])
    expect(torrent.sequential).toBe(true)
    expect(torrent.state).toBe('downloading')
    expect(codes(warnings)).toEqual([])
    await sim.run(session.add(files.metainfo, { paused: true }))
    expect(torrent.state).toBe('paused')
    await sim.run(session.add(files.metainfo))
    expect(torrent.state).toBe('paused')
    const dropped = [
      { path: 'elsewhere' },
      { superseed: 'strict' },
      { skipCheck: true },
      { updates: { interval: 60_000 } },
    ] as const
    for (const options of dropped) {
      warnings.length = 0
      await sim.run(session.add(files.metainfo, options))
      await sim.network.advance(10)
      expect(codes(warnings), JSON.stringify(options)).toEqual(['session/ignored-option'])
      expect(warnings[0]?.message).toContain(Object.keys(options)[0])
    }
    await end(sim, { session, warnings, ...rest })
  })

  scenario('with a wrong option is left as it is', async (sim) => {
    const opened = open(sim)
    const torrent = await sim.run(opened.session.add(files.metainfo, { paused: true }))
    await sim.run(torrent.ready)
    for (const options of [{ select: [3] }, { peers: ['nonsense'] }, { superseed: 'much' as never }]) {
      const again = opened.session.add(files.metainfo, {
        trackers: ['http://x.test/a'],
        paused: false,
        ...options,
      })
      await expect(sim.run(again)).rejects.toThrow(RangeError)
    }
    expect(urls(torrent)).toEqual([])
    expect(torrent.state).toBe('paused')
    await end(sim, opened)
  })

  scenario('by a stranger takes nothing when it is private', async (sim) => {
    const opened = open(sim)
    const stranger = await sim.raw(secret)
    const torrent = await sim.run(opened.session.add(secret.metainfo))
    await sim.run(torrent.ready)
    const [host = '', port = ''] = stranger.address.split(':')
    const link = linkTo(secret, {
      trackers: ['http://strange.test/announce'],
      peers: [{ host, port: Number(port) }],
    })
    expect(await sim.run(opened.session.add(link))).toBe(torrent)
    await sim.network.advance(30_000)
    expect(urls(torrent)).toEqual(['http://own.test/announce'])
    expect(stranger.links).toEqual([])
    expect(codes(opened.warnings)).toEqual(['session/private'])
    // A user may name peers of their own.
    await sim.run(opened.session.add(link, { peers: [stranger.address] }))
    expect(torrent.stats.knownPeers).toBe(1)
    await end(sim, opened)
  })
})

describe('a torrent that is on its way out', () => {
  for (const leave of ['close', 'remove'] as const) {
    scenario(`by ${leave}() is waited for, and added anew, once`, async (sim) => {
      const opened = open(sim)
      const { session, host } = opened
      store(host, files)
      const first = await sim.run(session.add(files.metainfo))
      await sim.run(first.ready)
      const leaving = first[leave]()
      const [second, third] = await sim.run(
        Promise.all([session.add(files.metainfo), session.add(magnetOf(files.metainfo))]),
      )
      await sim.run(leaving)
      expect(second).not.toBe(first)
      expect(third).toBe(second)
      expect(first.state).toBe('closed')
      expect(await sim.run((second as Torrent).done)).toBe('complete')
      expect(session.torrents).toEqual([second])
      await end(sim, opened)
    })
  }

  scenario('keeps nobody who gives up, or whose session closes', async (sim) => {
    const opened = open(sim)
    const first = await sim.run(opened.session.add(files.metainfo))
    const leaving = first.close()
    const reason = new Error('enough')
    const given = opened.session.add(files.metainfo, { signal: AbortSignal.abort(reason) })
    await expect(sim.run(given)).rejects.toBe(reason)
    const late = opened.session.add(files.metainfo).catch((error: unknown) => error)
    const closing = opened.session.close()
    expect(await sim.run(late)).toMatchObject({ code: 'session/closed' })
    await sim.run(Promise.all([leaving, closing]))
    expect(opened.host.open).toEqual([])
  })
})

describe('a torrent that is refused', () => {
  scenario('leaves nothing', async (sim) => {
    const opened = open(sim)
    const { session } = opened
    await sim.run(session.ready)
    const added: Torrent[] = []
    session.on('added', (torrent) => added.push(torrent))
    for (let n = 0; n < 20; n++) {
      const each = content((n + 1) * KIB, 16 * KIB)
      for (const options of [{ peers: ['nonsense'] }, { select: [7] }, { superseed: 'much' as never }])
        await expect(sim.run(session.add(each.metainfo, options))).rejects.toThrow(RangeError)
      expect(session.torrent(toHex(each.metainfo.infoHash as Uint8Array))).toBeUndefined()
    }
    await sim.network.advance(1_000)
    expect(added).toEqual([])
    expect(session.torrents).toEqual([])
    // The same torrent with right options is welcome.
    const torrent = (await sim.run(session.add(files.metainfo, { paused: true }))) as SessionTorrent
    await sim.run(torrent.ready)
    expect(session.torrents).toEqual([torrent])
    await end(sim, opened)
  })
})
