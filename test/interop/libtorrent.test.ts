/** Both directions with libtorrent, through the library, for every odd shape. */

import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { copySpoilt, expectSame, makePayload, SHAPES, type ShapeName } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { scene, until } from './rigs/scene.js'

const shapes = Object.keys(SHAPES) as ShapeName[]
const DONE = 20_000

describe.runIf(requireClient('libtorrent'))('libtorrent', () => {
  it.each(shapes)('sends us %s', async (shape) => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, SHAPES[shape])
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    expect(torrent.infoHash).toBe(payload.infoHash)
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats).toMatchObject({ verified: payload.size, left: 0, wasted: 0, state: 'seeding' })
    await expectSame(payload, target)
  })

  it.each(shapes)('takes %s from us', async (shape) => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, SHAPES[shape])
    const session = openSession(stage, payload.dir)
    const torrent = await session.add(payload.torrent)
    expect(await within(DONE, 'check', torrent.done)).toBe('complete')
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash)
    expect(torrent.stats.uploaded).toBeGreaterThanOrEqual(payload.size)
    await expectSame(payload, target)
  })

  it('takes a torrent from us that we dial', async () => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, SHAPES['a folder'])
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    const session = openSession(stage, payload.dir, { listen: false })
    await session.add(payload.torrent, { peers: [leech.address] })
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
  })

  it('completes partial data with us, fetching little more than what is missing', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, SHAPES['a file'])
    const target = await stage.folder('target')
    await copySpoilt(payload, target, 0.7)
    await seed.add(payload.torrent, payload.dir)
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    await torrent.ready
    expect(torrent.stats.verified).toBeGreaterThan(payload.size * 0.65)
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats.downloaded).toBeLessThan(payload.size * 0.35)
    await expectSame(payload, target)
  })

  it('completes a folder of which files are missing, short and foreign', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, SHAPES['a folder'])
    const target = await stage.folder('target')
    const [whole, short] = ['payload/a piece.bin', 'payload/crosses pieces.bin'] as const
    await mkdir(dirname(join(target, whole)), { recursive: true })
    await copyFile(join(payload.dir, whole), join(target, whole))
    await writeFile(join(target, short), Buffer.alloc(10))
    await seed.add(payload.torrent, payload.dir)
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats.downloaded).toBeLessThanOrEqual(payload.size - payload.pieceLength)
    await expectSame(payload, target)
  })

  it('completes partial data of its own from us', async () => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, SHAPES['a file'])
    const target = await stage.folder('target')
    await copySpoilt(payload, target, 0.7)
    const session = openSession(stage, payload.dir)
    const torrent = await session.add(payload.torrent)
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash)
    expect(torrent.stats.uploaded).toBeLessThan(payload.size * 0.35)
    await expectSame(payload, target)
  })

  it('sends us from several seeds at once', async () => {
    const stage = scene()
    const listen = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']
    // Held back, so that no single seed is done before the others begin.
    const settings = { upload_rate_limit: 2 << 20 }
    const seed = stage.own(await Libtorrent.start({ listen, settings }))
    const payload = await makePayload(stage, seed, {
      pieceLength: 256 << 10,
      files: { '': (8 << 20) + 1 },
    })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const session = openSession(stage, target)
    const torrent = await session.add(payload.torrent, { peers: seed.addresses })
    const contributors = new Set<string>()
    torrent.on('piece', () => {
      for (const { address, downloaded } of torrent.peers) if (downloaded > 0) contributors.add(address)
    })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(contributors.size).toBe(listen.length)
    expect(torrent.stats.downloaded).toBeLessThan(payload.size * 1.1)
    await expectSame(payload, target)
  })

  it('shares a swarm with us: one seed, four leeches of both kinds', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, { pieceLength: 128 << 10, files: { '': 12 << 20 } })
    await seed.add(payload.torrent, payload.dir)
    const theirs = await Promise.all(
      [1, 2].map(async (index) => {
        const target = await stage.folder(`theirs-${index}`)
        const client = stage.own(await Libtorrent.start())
        await client.add(payload.torrent, target)
        return { client, target }
      }),
    )
    const known = [seed.address, ...theirs.map(({ client }) => client.address)]
    const ours = []
    for (const index of [1, 2]) {
      const target = await stage.folder(`ours-${index}`)
      const session = openSession(stage, target)
      ours.push({ torrent: await session.add(payload.torrent, { peers: known }), target })
      known.push(await addressOf(session))
    }
    for (const { client } of theirs) await client.connect(payload.infoHash, [seed.address, ...known.slice(3)])
    await Promise.all([
      ...ours.map(({ torrent }) => within(DONE, 'our download', torrent.done)),
      ...theirs.map(({ client }) => client.finished(payload.infoHash)),
    ])
    for (const { target } of [...ours, ...theirs]) await expectSame(payload, target)
  })

  it('goes on after we stop half way and start again', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ settings: { upload_rate_limit: 8 << 20 } }))
    const payload = await makePayload(stage, seed, { pieceLength: 64 << 10, files: { '': 12 << 20 } })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const first = openSession(stage, target)
    const before = await first.add(payload.torrent, { peers: [seed.address] })
    let verified = 0
    await new Promise<void>((resolve) => {
      before.on('piece', () => {
        if (++verified === 60) resolve()
      })
    })
    const outcome = before.done
    await within(10_000, 'close', first.close())
    expect(await outcome).toBe('closed')

    const after = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    await after.ready
    // All that was verified is there again, and it was not all.
    expect(after.stats.verifiedPieces).toBeGreaterThanOrEqual(60)
    expect(after.stats.verifiedPieces).toBeLessThan(payload.pieceCount)
    expect(await within(DONE, 'download', after.done)).toBe('complete')
    expect(after.stats.downloaded).toBeLessThanOrEqual(payload.size - 60 * payload.pieceLength)
    await expectSame(payload, target)
  })

  it('goes on after we pause and resume', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ settings: { upload_rate_limit: 8 << 20 } }))
    const payload = await makePayload(stage, seed, { pieceLength: 64 << 10, files: { '': 12 << 20 } })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    await new Promise<void>((resolve) => {
      torrent.once('piece', () => {
        void torrent.pause()
        resolve()
      })
    })
    expect(torrent.stats).toMatchObject({ state: 'paused', peers: 0 })
    await until('libtorrent sees no peer', async () => {
      const { peers } = await seed.status(payload.infoHash)
      return peers.length === 0
    })
    expect(torrent.stats.verifiedPieces).toBeLessThan(payload.pieceCount)
    void torrent.resume()
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })

  it('goes on with us after it stops half way and starts again', async () => {
    const stage = scene()
    const payloadMaker = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, payloadMaker, {
      pieceLength: 64 << 10,
      files: { '': 32 << 20 },
    })
    const session = openSession(stage, payload.dir)
    const torrent = await session.add(payload.torrent)
    const address = await addressOf(session)
    const target = await stage.folder('target')
    const slow = stage.own(await Libtorrent.start({ settings: { download_rate_limit: 4 << 20 } }))
    await slow.add(payload.torrent, target)
    await slow.connect(payload.infoHash, [address])
    await until('some is there', async () => (await slow.status(payload.infoHash)).done > 4 << 20)
    await slow.stop()
    expect(torrent.stats.uploaded).toBeLessThan(payload.size)
    expect(torrent.stats.state).toBe('seeding')

    const again = stage.own(await Libtorrent.start())
    await again.add(payload.torrent, target)
    await again.connect(payload.infoHash, [address])
    await again.finished(payload.infoHash)
    await expectSame(payload, target)
  })

  it('that sends corrupt data is found out while an honest one goes on', async () => {
    const stage = scene()
    const honest = stage.own(await Libtorrent.start({ listen: ['127.0.0.1'] }))
    const liar = stage.own(await Libtorrent.start({ listen: ['127.0.0.2'] }))
    const payload = await makePayload(stage, honest, { pieceLength: 64 << 10, files: { '': 6 << 20 } })
    // It checks good files, and only then they change: libtorrent looks before it sends unchecked pieces.
    const spoilt = await stage.folder('spoilt')
    await copySpoilt(payload, spoilt, 1)
    await honest.add(payload.torrent, payload.dir)
    await liar.add(payload.torrent, spoilt)
    await liar.finished(payload.infoHash)
    await copySpoilt(payload, spoilt, 0)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [liar.address] })
    const closed = new Promise<string>((resolve) => {
      torrent.on('peer-closed', (address) => {
        if (address === liar.address) resolve(address)
      })
    })
    await within(DONE, 'the liar is dropped', closed)
    expect(torrent.stats).toMatchObject({ verified: 0, verifiedPieces: 0 })
    expect(torrent.stats.wasted).toBeGreaterThan(0)
    torrent.addPeers([honest.address])
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })

  it('that is killed in the middle leaves the rest to another seed', async () => {
    const stage = scene()
    const settings = { upload_rate_limit: 4 << 20 }
    const dying = stage.own(await Libtorrent.start({ listen: ['127.0.0.2'], settings }))
    const other = stage.own(await Libtorrent.start({ listen: ['127.0.0.1'], settings }))
    const payload = await makePayload(stage, other, { pieceLength: 64 << 10, files: { '': 8 << 20 } })
    await dying.add(payload.torrent, payload.dir)
    await other.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, {
      peers: [dying.address, other.address],
    })
    await until('something is there', () => torrent.stats.verifiedPieces > 5)
    dying.child.signal('SIGKILL')
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })

  it('sends us only the files that we select', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, {
      pieceLength: 64 << 10,
      files: { 'a.bin': 1_000_000, 'b.bin': 300_000, 'c.bin': 1_000_000 },
    })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, {
      peers: [seed.address],
      select: [1],
    })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats.downloaded).toBeLessThan(300_000 + 3 * payload.pieceLength)
    await expectSame({ ...payload, paths: ['payload/b.bin'] }, target)
    torrent.select([0, 1, 2])
    expect(await within(DONE, 'the rest', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })
})
