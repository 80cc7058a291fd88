/** createTorrent against libtorrent: the same files give the same infohash. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTorrent } from '../../src/index.js'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { makePayload, SHAPES, type ShapeName } from './rigs/payload.js'
import { scene } from './rigs/scene.js'

describe.runIf(requireClient('libtorrent'))('createTorrent', () => {
  it('gives the infohash of libtorrent for every shape', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    for (const [index, shape] of (Object.keys(SHAPES) as ShapeName[]).entries()) {
      const payload = await makePayload(stage, oracle, SHAPES[shape], { name: `p${index}` })
      const ours = await createTorrent(join(payload.dir, payload.name), { pieceLength: payload.pieceLength })
      const file = stage.path(`ours-${index}.torrent`)
      await writeFile(file, ours)
      expect((await oracle.parse(file)).infoHash, shape).toBe(payload.infoHash)
    }
  })

  it('gives the infohash of libtorrent for a private torrent', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, oracle, SHAPES['a file smaller than a block'])
    const source = join(payload.dir, payload.name)
    const { pieceLength } = payload
    const theirs = await oracle.create({ path: source, pieceLength, private: true })
    const file = stage.path('ours.torrent')
    await writeFile(file, await createTorrent(source, { pieceLength, private: true }))
    const ours = await oracle.parse(file)
    expect(ours.infoHash).toBe(theirs.infoHash)
    expect(ours.private).toBe(true)
  })

  it('makes a torrent that libtorrent finds complete', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, oracle, SHAPES['a folder'])
    const file = stage.path('ours.torrent')
    await writeFile(file, await createTorrent(join(payload.dir, payload.name)))
    const infoHash = await oracle.add(file, payload.dir)
    await oracle.finished(infoHash)
    expect((await oracle.status(infoHash)).done).toBe(payload.size)
  })
})
