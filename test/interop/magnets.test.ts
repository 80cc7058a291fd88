/** Magnet links, both ways: one peer is all that each side is told. */

import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { type Scene, scene } from './rigs/scene.js'
import { Transmission } from './rigs/transmission.js'
import { WebTorrent } from './rigs/webtorrent.js'

const DONE = 60_000
/** Several blocks of metadata. */
const PAYLOAD = { pieceLength: 16 << 10, files: { 'a/one.bin': 20 << 20, 'two.bin': 300_001 } }

interface Client {
  readonly address: string
  readonly log: string
  add(torrent: string, dir: string): Promise<string>
  addMagnet(magnet: string, dir: string): Promise<string>
  finished(infoHash: string, timeout?: number): Promise<void>
  stop(): Promise<void>
  connect?(infoHash: string, peers: readonly string[]): Promise<void>
}

const CLIENTS: Readonly<
  Record<'libtorrent' | 'transmission' | 'webtorrent', (stage: Scene) => Promise<Client>>
> = {
  libtorrent: () => Libtorrent.start(),
  transmission: async (stage) => Transmission.start(await stage.folder('transmission')),
  webtorrent: () => WebTorrent.start(),
}

describe
  .runIf(requireClient('libtorrent'))
  .each((['libtorrent', 'transmission', 'webtorrent'] as const).filter((name) => requireClient(name)))(
  'magnets and %s',
  (name) => {
    it('tells us what a magnet names, and sends it', async () => {
      const stage = scene()
      const maker = stage.own(await Libtorrent.start())
      const payload = await makePayload(stage, maker, PAYLOAD)
      const seed = stage.own(await CLIENTS[name](stage))
      await seed.add(payload.torrent, payload.dir)
      const target = await stage.folder('target')
      const magnet = `magnet:?xt=urn:btih:${payload.infoHash}&x.pe=${seed.address}`
      const torrent = await openSession(stage, target).add(magnet)
      expect((await within(DONE, 'metadata', torrent.metadata)).name).toBe('payload')
      expect(await within(DONE, 'download', torrent.done)).toBe('complete')
      await expectSame(payload, target)
    })

    it('asks us what a magnet names, and takes it', async () => {
      const stage = scene()
      const maker = stage.own(await Libtorrent.start())
      const payload = await makePayload(stage, maker, PAYLOAD)
      const leech = stage.own(await CLIENTS[name](stage))
      const session = openSession(stage, payload.dir)
      const torrent = await session.add(payload.torrent)
      expect(await within(DONE, 'check', torrent.done)).toBe('complete')
      const target = await stage.folder('target')
      await leech.addMagnet(`magnet:?xt=urn:btih:${payload.infoHash}`, target)
      if (leech.connect) await leech.connect(payload.infoHash, [await addressOf(session)])
      else torrent.addPeers([leech.address])
      await leech.finished(payload.infoHash, DONE)
      await expectSame(payload, target, { empty: false })
    })
  },
)
