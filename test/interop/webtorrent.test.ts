/** Both directions with WebTorrent over TCP. */

import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, SHAPES, type ShapeName } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { scene } from './rigs/scene.js'
import { WebTorrent } from './rigs/webtorrent.js'

const shapes = Object.keys(SHAPES) as ShapeName[]
const DONE = 30_000

describe.runIf(requireClient('webtorrent') && requireClient('libtorrent'))('WebTorrent', () => {
  it.each(shapes)('sends us %s', async (shape) => {
    const stage = scene()
    const maker = stage.own(await Libtorrent.start())
    const seed = stage.own(await WebTorrent.start())
    const payload = await makePayload(stage, maker, SHAPES[shape])
    await seed.add(payload.torrent, payload.dir)
    await seed.finished(payload.infoHash)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, { peers: [seed.address] })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })

  // WebTorrent makes no empty files of its own accord, so that shape would not come out the same.
  it.each(shapes.filter((shape) => shape !== 'a folder of many small files'))(
    'takes %s from us',
    async (shape) => {
      const stage = scene()
      const maker = stage.own(await Libtorrent.start())
      const leech = stage.own(await WebTorrent.start())
      const payload = await makePayload(stage, maker, SHAPES[shape])
      const session = openSession(stage, payload.dir)
      const torrent = await session.add(payload.torrent)
      expect(await within(DONE, 'check', torrent.done)).toBe('complete')
      const target = await stage.folder('target')
      await leech.add(payload.torrent, target)
      await leech.connect(payload.infoHash, [await addressOf(session)])
      await leech.finished(payload.infoHash)
      await expectSame(payload, target, { empty: false })
    },
  )

  it('and libtorrent seed to us together', async () => {
    const stage = scene()
    // Held back, so that neither is done before the other begins.
    const other = stage.own(
      await Libtorrent.start({ listen: ['127.0.0.2'], settings: { upload_rate_limit: 4 << 20 } }),
    )
    const seed = stage.own(await WebTorrent.start())
    const payload = await makePayload(stage, other, { pieceLength: 128 << 10, files: { '': 16 << 20 } })
    await other.add(payload.torrent, payload.dir)
    await seed.add(payload.torrent, payload.dir)
    await seed.finished(payload.infoHash)
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target).add(payload.torrent, {
      peers: [seed.address, other.address],
    })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })
})
