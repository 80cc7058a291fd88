/** Pieces that we lose while libtorrent is connected (BEP 54). */

import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { scene, until } from './rigs/scene.js'

const DONE = 30_000

/** Inverts a byte of a file. */
async function flip(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = new Uint8Array(1)
  await file.read(byte, 0, 1, position)
  await file.write(Uint8Array.of(byte[0]! ^ 0xff), 0, 1, position)
  await file.close()
}

describe.runIf(requireClient('libtorrent'))('a lost piece', () => {
  it.each(['1', '2', 'hybrid'] as const)(
    'of ours is known to libtorrent, and when it is back (v%s)',
    async (version) => {
      const stage = scene()
      // Slow, so that it is still there when the piece goes.
      const leech = stage.own(await Libtorrent.start({ settings: { download_rate_limit: 600_000 } }))
      const payload = await makePayload(stage, leech, SHAPES['a file'], { version })
      const session = openSession(stage, payload.dir)
      const torrent = await session.add(payload.torrent)
      expect(await within(DONE, 'check', torrent.done)).toBe('complete')
      const closes: string[] = []
      torrent.on('peer-closed', (_, code) => closes.push(code))
      const target = await stage.folder('target')
      await leech.add(payload.torrent, target, { sequential: true })
      await leech.connect(payload.infoHash, [await addressOf(session)])
      const known = async (): Promise<number | undefined> =>
        (await leech.status(payload.infoHash)).peers[0]?.pieces
      await until('libtorrent knows that we have all', async () => (await known()) === payload.pieceCount)
      const path = join(payload.dir, payload.name)
      const positions = [payload.pieceCount - 2, payload.pieceCount - 1].map(
        (piece) => piece * payload.pieceLength,
      )
      for (const position of positions) await flip(path, position)
      expect(await within(DONE, 're-check', torrent.recheck())).toMatchObject({ lost: 2, missing: 2 })
      expect(torrent.state).toBe('downloading')
      await until('libtorrent knows that we lost two', async () => (await known()) === payload.pieceCount - 2)
      // With nothing left to ask for libtorrent would go: a peer that had all once only uploads, it thinks.
      for (const position of positions) await flip(path, position)
      expect(await within(DONE, 're-check', torrent.recheck())).toMatchObject({ found: 2, complete: true })
      await leech.finished(payload.infoHash)
      await expectSame(payload, target)
      expect(closes.filter((code) => code !== 'torrent/both-seeds' && code !== 'net/ended')).toEqual([])
    },
  )
})
