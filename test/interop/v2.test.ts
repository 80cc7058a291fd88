/**
 * v2 and hybrid torrents with libtorrent, and with a client that knows their v1 half alone (BEP 52). Transmission
 * 3.00 is not that one: it takes no torrent file with a file tree in it.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseMetainfo } from '../../src/metainfo/index.js'
import type { Metainfo } from '../../src/metainfo/model.js'
import { requireClient } from './rigs/clients.js'
import { Liar } from './rigs/liar.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, type Payload, SHAPES } from './rigs/payload.js'
import { addressOf, Command, openSession, within } from './rigs/rarest.js'
import { type Scene, scene, until } from './rigs/scene.js'
import { WebTorrent } from './rigs/webtorrent.js'

const DONE = 30_000
const MIB = 1 << 20

const names = [
  'a file',
  'a file smaller than a block',
  'pieces of one block',
  'pieces of 8 MiB',
  'a folder',
] as const
const shapes = (['2', 'hybrid'] as const).flatMap((version) => names.map((name) => ({ version, name })))

/** The torrent without its piece layers, as if it came from a magnet link. */
async function withoutLayers(payload: Payload): Promise<Metainfo> {
  const metainfo = parseMetainfo(new Uint8Array(await readFile(payload.torrent)))
  return { ...metainfo, pieceLayers: new Map() }
}

describe.runIf(requireClient('libtorrent'))('libtorrent', () => {
  it.each(shapes)('sends us $name, version $version', async ({ version, name }) => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, SHAPES[name], { version })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats).toMatchObject({ left: 0, wasted: 0, state: 'seeding', size: payload.size })
    await expectSame(payload, target)
  })

  it.each(shapes)('takes $name from us, version $version', async ({ version, name }) => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, SHAPES[name], { version })
    const session = openSession(stage, payload.dir)
    const torrent = await session.add(payload.torrent)
    expect(await within(DONE, 'check', torrent.done)).toBe('complete')
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
  })

  it.each(['2', 'hybrid'] as const)('gives us the piece layers, version %s', async (version) => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const shape = { pieceLength: 16 << 10, files: { a: 20 * MIB, b: 3 * MIB + 1, c: 100 } }
    const payload = await makePayload(stage, seed, shape, { version })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const bare = await withoutLayers(payload)
    const torrent = await openSession(stage, target).add(bare, { peers: [seed.address] })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats.wasted).toBe(0)
    await expectSame(payload, target)
  })

  it.each(['2', 'hybrid'] as const)('gets metadata and piece layers from us, version %s', async (version) => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const shape = { pieceLength: 16 << 10, files: { a: 20 * MIB, b: 3 * MIB + 1, c: 100 } }
    const payload = await makePayload(stage, leech, shape, { version })
    const { infoHashV2 } = await leech.parse(payload.torrent)
    const session = openSession(stage, payload.dir)
    const torrent = await session.add(payload.torrent)
    await within(DONE, 'check', torrent.done)
    const target = await stage.folder('target')
    const key = await leech.addMagnet(`magnet:?xt=urn:btmh:1220${infoHashV2}`, target)
    await leech.connect(key, [await addressOf(session)])
    await until('libtorrent has it all', async () => (await leech.status(key)).seeding, DONE)
    await leech.child.request({ cmd: 'flush', infoHash: key })
    await leech.child.event('flushed')
    await expectSame(payload, target)
  })

  it.each(['2', 'hybrid'] as const)('proves which block another spoilt, version %s', async (version) => {
    const stage = scene()
    const source = stage.own(await Libtorrent.start())
    const payload = await makePayload(
      stage,
      source,
      { pieceLength: MIB, files: { '': 8 * MIB } },
      { version },
    )
    // It keeps the leaves of what it downloads, not of what it finds on its disk.
    const seed = stage.own(await Libtorrent.start({ settings: { upload_rate_limit: 4 * MIB } }))
    await source.add(payload.torrent, payload.dir)
    await seed.add(payload.torrent, await stage.folder('seed'))
    await seed.connect(payload.infoHash, [source.address])
    await seed.finished(payload.infoHash)
    const liar = await spoil(stage, payload, 7, MIB)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address, liar] })
    const codes: string[] = []
    torrent.on('warning', ({ code }) => codes.push(code))
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect(codes).toEqual(['torrent/corrupt-data'])
    // The wrong block, and what was under way with the liar.
    expect(torrent.stats.wasted).toBeLessThan(MIB / 2)
    await expectSame(payload, target)
  })

  it.each(['2', 'hybrid'] as const)('completes from us what another spoilt, version %s', async (version) => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, { pieceLength: MIB, files: { '': 8 * MIB } }, { version })
    const session = openSession(stage, payload.dir)
    const torrent = await session.add(payload.torrent)
    await within(DONE, 'check', torrent.done)
    const liar = await spoil(stage, payload, 7, MIB)
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [liar, await addressOf(session)])
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
  })
})

/** A seed that spoils the nth block that it sends; its address. */
async function spoil(stage: Scene, payload: Payload, nth: number, pieceLength: number): Promise<string> {
  const metainfo = parseMetainfo(new Uint8Array(await readFile(payload.torrent)))
  let sent = 0
  const liar = stage.own(
    await Liar.start({
      infoHash: (metainfo.infoHashV2 as Uint8Array).subarray(0, 20),
      pieceLength,
      data: await readFile(join(payload.dir, payload.paths[0] as string)),
      delay: 20,
      mend: (bytes) => {
        if (++sent === nth) bytes.fill(0, 100, 200)
      },
    }),
  )
  return liar.address
}

describe.runIf(requireClient('libtorrent'))('the rarest command', () => {
  it.each(['2', 'hybrid'] as const)('seeds, downloads and checks version %s', async (version) => {
    const stage = scene()
    const maker = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, maker, SHAPES['a folder'], { version })
    const { torrent, dir } = payload
    const seed = stage.own(new Command('seed', torrent, dir, '--host', '127.0.0.1', '--json'))
    const peer = await seed.address()
    const target = await stage.folder('target')
    const leech = stage.own(
      new Command('download', torrent, '-o', target, '--host', '127.0.0.1', '--peer', peer, '--json'),
    )
    expect(await leech.child.ended()).toBe(0)
    await expectSame(payload, target)
    const check = stage.own(new Command('check', torrent, target, '--json'))
    expect(await check.child.ended()).toBe(0)
    await maker.add(torrent, target)
    expect((await maker.status(payload.infoHash)).seeding).toBe(true)
  })
})

describe.runIf(requireClient('libtorrent') && requireClient('webtorrent'))(
  'WebTorrent, which knows v1 alone',
  () => {
    it('shares a hybrid with libtorrent over v2 and with us', async () => {
      const stage = scene()
      const theirs = stage.own(await Libtorrent.start())
      const v1Only = stage.own(await WebTorrent.start())
      const payload = await makePayload(stage, theirs, SHAPES['a folder'], { version: 'hybrid' })
      const [ours, libtorrents, webtorrents] = await Promise.all(
        ['ours', 'libtorrents', 'webtorrents'].map((name) => stage.folder(name)),
      )
      const session = openSession(stage, payload.dir)
      const seed = await session.add(payload.torrent)
      await within(DONE, 'check', seed.done)
      const leech = openSession(stage, ours as string)
      const torrent = await leech.add(payload.torrent, { peers: [await addressOf(session)] })
      await theirs.add(payload.torrent, libtorrents as string)
      await theirs.connect(payload.infoHash, [await addressOf(session), await addressOf(leech)])
      await v1Only.add(payload.torrent, webtorrents as string)
      await v1Only.connect(payload.infoHash, [
        await addressOf(session),
        await addressOf(leech),
        theirs.address,
      ])
      expect(await within(DONE, 'download', torrent.done)).toBe('complete')
      await theirs.finished(payload.infoHash)
      await v1Only.finished(payload.infoHash)
      await expectSame(payload, ours as string)
      await expectSame(payload, libtorrents as string)
      await expectSame(payload, webtorrents as string, { empty: false })
    })
  },
)
