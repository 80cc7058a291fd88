/**
 * The clients of the field, each in both directions: torrents of several shapes at once, magnets, encryption
 * forced and off, a stop half way on either side. aria2 cannot be told of peers, so that a tracker of ours
 * brings all of them together: each client's own tracker client is tried on the way.
 */

import { describe, expect, it } from 'vitest'
import { Aria2 } from './rigs/aria2.js'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, type Payload, SHAPES, type Shape } from './rigs/payload.js'
import { QBittorrent } from './rigs/qbittorrent.js'
import { Command, openSession, within } from './rigs/rarest.js'
import { Rtorrent } from './rigs/rtorrent.js'
import { type Scene, scene } from './rigs/scene.js'

type Encryption = 'plain' | 'rc4'

/** What the tests ask of a client. */
interface Client {
  readonly address: string
  readonly log: string
  add(torrent: string, dir: string): Promise<string>
  addMagnet(magnet: string, dir: string): Promise<string>
  finished(infoHash: string, timeout?: number): Promise<void>
  have(infoHash: string): Promise<number>
  stop(polite?: boolean): Promise<void>
}

const CLIENTS = {
  aria2: (_stage: Scene, encryption?: Encryption): Promise<Client> =>
    Aria2.start(encryption ? { encryption } : {}),
  rtorrent: (stage: Scene, encryption?: Encryption): Promise<Client> =>
    Rtorrent.start(stage.path('rtorrent'), encryption ? { encryption } : {}),
  qbittorrent: (stage: Scene, encryption?: Encryption): Promise<Client> =>
    QBittorrent.start(stage.path('qbittorrent'), encryption ? { encryption } : {}),
}
const names = Object.keys(CLIENTS) as (keyof typeof CLIENTS)[]

const MIB = 1 << 20
const TRIED: readonly Shape[] = [
  { pieceLength: 16 << 10, files: { '': 6 * MIB + 5 } },
  { pieceLength: 4 * MIB, files: { '': 21 * MIB + 1 } },
  SHAPES['a folder of many small files'],
]
const DONE = 60_000

async function startTracker(stage: Scene): Promise<string> {
  const tracker = stage.own(new Command('tracker', '--host', '127.0.0.1', '--port', '0', '--json'))
  return (await tracker.child.event('listening')).httpUrl
}

async function payloads(stage: Scene, url: string): Promise<Payload[]> {
  const maker = stage.own(await Libtorrent.start())
  const made: Payload[] = []
  for (const [index, shape] of TRIED.entries())
    made.push(await makePayload(stage, maker, shape, { name: `p${index}`, trackers: [url] }))
  await maker.stop()
  return made
}

for (const name of names) {
  describe.runIf(requireClient(name) && requireClient('libtorrent'))(name, () => {
    it('sends us every shape', async () => {
      const stage = scene()
      const all = await payloads(stage, await startTracker(stage))
      const client = stage.own(await CLIENTS[name](stage))
      for (const payload of all) await client.add(payload.torrent, payload.dir)
      const target = await stage.folder('target')
      const session = openSession(stage, target)
      const torrents = await Promise.all(all.map(({ torrent }) => session.add(torrent)))
      for (const torrent of torrents) {
        expect(await within(DONE, torrent.name, torrent.done)).toBe('complete')
        expect(torrent.stats.wasted).toBe(0)
      }
      for (const payload of all) await expectSame(payload, target)
    })

    it('takes every shape from us', async () => {
      const stage = scene()
      const all = await payloads(stage, await startTracker(stage))
      const session = openSession(stage, '.')
      const target = await stage.folder('target')
      const client = stage.own(await CLIENTS[name](stage))
      for (const payload of all) {
        const torrent = await session.add(payload.torrent, { path: payload.dir })
        expect(await torrent.done).toBe('complete')
      }
      for (const payload of all) await client.add(payload.torrent, target)
      for (const payload of all) await client.finished(payload.infoHash, DONE)
      for (const payload of all) await expectSame(payload, target, { empty: false })
      expect(session.bans).toEqual([])
    })
  })
}
