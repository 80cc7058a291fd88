/**
 * The rigs among themselves, without rarest: when these fail too, the fault is not ours.
 */

import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { scene } from './rigs/scene.js'
import { Transmission } from './rigs/transmission.js'
import { WebTorrent } from './rigs/webtorrent.js'

const libtorrent = requireClient('libtorrent')

describe.runIf(libtorrent)('reference clients among themselves', () => {
  it('libtorrent to libtorrent', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, SHAPES['a folder'])
    const target = await stage.folder('target')
    await seed.add(payload.torrent, payload.dir)
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [seed.address])
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
  })

  it.runIf(requireClient('transmission'))('Transmission to libtorrent and back', async () => {
    const stage = scene()
    const peer = stage.own(await Libtorrent.start())
    const transmission = stage.own(await Transmission.start(stage.path('transmission')))
    const theirs = await makePayload(stage, peer, SHAPES['a folder'], { name: 'theirs' })
    const ours = await makePayload(stage, peer, SHAPES['a file'], { name: 'ours' })
    const [target, theirTarget] = await Promise.all([stage.folder('target'), stage.folder('their-target')])

    await transmission.add(theirs.torrent, theirs.dir)
    await transmission.finished(theirs.infoHash)
    await transmission.add(ours.torrent, theirTarget)
    await peer.add(theirs.torrent, target)
    await peer.add(ours.torrent, ours.dir)
    await peer.connect(theirs.infoHash, [transmission.address])
    await transmission.connected(theirs.infoHash)
    await peer.connect(ours.infoHash, [transmission.address])
    await Promise.all([peer.finished(theirs.infoHash, 40_000), transmission.finished(ours.infoHash)])
    await expectSame(theirs, target)
    await expectSame(ours, theirTarget)
  })

  it.runIf(requireClient('webtorrent'))('WebTorrent to libtorrent and back', async () => {
    const stage = scene()
    const peer = stage.own(await Libtorrent.start())
    const webtorrent = stage.own(await WebTorrent.start())
    const theirs = await makePayload(stage, peer, SHAPES['a folder'], { name: 'theirs' })
    const ours = await makePayload(stage, peer, SHAPES['a file'], { name: 'ours' })
    const [target, theirTarget] = await Promise.all([stage.folder('target'), stage.folder('their-target')])

    await webtorrent.add(theirs.torrent, theirs.dir)
    await webtorrent.finished(theirs.infoHash)
    await webtorrent.add(ours.torrent, theirTarget)
    await peer.add(theirs.torrent, target)
    await peer.add(ours.torrent, ours.dir)
    await peer.connect(theirs.infoHash, [webtorrent.address])
    await webtorrent.connect(ours.infoHash, [peer.address])
    await Promise.all([peer.finished(theirs.infoHash), webtorrent.finished(ours.infoHash)])
    await expectSame(theirs, target)
    await expectSame(ours, theirTarget)
  })

  it('parses what it creates', async () => {
    const stage = scene()
    const peer = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, peer, SHAPES['a folder'], {
      trackers: ['http://127.0.0.1:9/announce'],
    })
    const info = await peer.parse(payload.torrent)
    expect(info.infoHash).toBe(payload.infoHash)
    expect(info.files.map(({ path }) => path)).toEqual([...payload.paths].sort())
    expect(info.trackers).toEqual(['http://127.0.0.1:9/announce'])
  })
})
