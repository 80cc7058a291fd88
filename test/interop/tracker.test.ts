/** Our tracker, over HTTP and UDP, used by libtorrent and by us to find each other. */

import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, type Payload, SHAPES } from './rigs/payload.js'
import { Command, openSession, within } from './rigs/rarest.js'
import { type Scene, scene } from './rigs/scene.js'

const DONE = 30_000
const protocols = ['http', 'udp'] as const

async function startTracker(stage: Scene, protocol: 'http' | 'udp'): Promise<string> {
  const tracker = stage.own(new Command('tracker', '--host', '127.0.0.1', '--port', '0', '--json'))
  const listening = await tracker.child.event('listening')
  return protocol === 'http' ? listening.httpUrl : listening.udpUrl
}

describe.runIf(requireClient('libtorrent'))('our tracker', () => {
  it.each(protocols)('over %s brings libtorrent to libtorrent', async (protocol) => {
    const stage = scene()
    const url = await startTracker(stage, protocol)
    const seed = stage.own(await Libtorrent.start())
    const leech = stage.own(await Libtorrent.start())
    const { payload, target } = await seeded(stage, seed, url)
    await seed.child.event('tracker')
    await leech.add(payload.torrent, target)
    expect((await leech.child.event('tracker')).peers).toBeGreaterThan(0)
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
  })

  it.each(protocols)('over %s brings us to libtorrent', async (protocol) => {
    const stage = scene()
    const url = await startTracker(stage, protocol)
    const seed = stage.own(await Libtorrent.start())
    const { payload, target } = await seeded(stage, seed, url)
    await seed.child.event('tracker')
    const torrent = await openSession(stage, target).add(payload.torrent)
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })

  it.each(protocols)('over %s brings libtorrent to us', async (protocol) => {
    const stage = scene()
    const url = await startTracker(stage, protocol)
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, SHAPES['a file'], { trackers: [url] })
    const target = await stage.folder('target')
    const torrent = await openSession(stage, payload.dir).add(payload.torrent)
    await torrent.done
    await leech.add(payload.torrent, target)
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
  })
})

async function seeded(
  stage: Scene,
  seed: Libtorrent,
  url: string,
): Promise<{ payload: Payload; target: string }> {
  const payload = await makePayload(stage, seed, SHAPES['a file'], { trackers: [url] })
  await seed.add(payload.torrent, payload.dir)
  return { payload, target: await stage.folder('target') }
}
