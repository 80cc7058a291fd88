/** createTorrent against libtorrent: the same files give the same infohash. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTorrent } from '../../src/index.js'
import { type Metainfo, parseMetainfo } from '../../src/metainfo/index.js'
import { toHex } from '../../src/util/bytes.js'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { makePayload, SHAPES, type ShapeName } from './rigs/payload.js'
import { scene } from './rigs/scene.js'

const hashesOf = ({ infoHash, infoHashV2 }: Metainfo): (string | null)[] =>
  [infoHash, infoHashV2].map((hash) => (hash ? toHex(hash) : null))

const filesOf = ({ files }: Metainfo): Metainfo['files'] => files.filter(({ pad }) => !pad)

const listOf = (metainfo: Metainfo): [path: string, length: number][] =>
  filesOf(metainfo).map((file) => [
    [...(metainfo.multiFile ? [metainfo.name] : []), ...(file.originalPath ?? file.path)].join('/'),
    file.length,
  ])

const rootsOf = (metainfo: Metainfo): (string | undefined)[] =>
  filesOf(metainfo).map(({ piecesRoot }) => piecesRoot && toHex(piecesRoot))

describe.runIf(requireClient('libtorrent'))('createTorrent', () => {
  it('gives the infohash of libtorrent for every shape', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    for (const [index, shape] of (Object.keys(SHAPES) as ShapeName[]).entries()) {
      const payload = await makePayload(stage, oracle, SHAPES[shape], { name: `p${index}` })
      const ours = await createTorrent(join(payload.dir, payload.name), {
        pieceLength: payload.pieceLength,
        version: '1',
      })
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
    await writeFile(file, await createTorrent(source, { pieceLength, private: true, version: '1' }))
    const ours = await oracle.parse(file)
    expect(ours.infoHash).toBe(theirs.infoHash)
    expect(ours.private).toBe(true)
  })

  it('makes a torrent that libtorrent finds complete', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, oracle, SHAPES['a folder'])
    const file = stage.path('ours.torrent')
    await writeFile(file, await createTorrent(join(payload.dir, payload.name), { version: 'hybrid' }))
    const infoHash = await oracle.add(file, payload.dir)
    await oracle.finished(infoHash)
    expect((await oracle.status(infoHash)).done).toBe(payload.size)
  })

  it.each(['2', 'hybrid'] as const)(
    'and libtorrent read the torrents of each other: version %s',
    async (version) => {
      const stage = scene()
      const oracle = stage.own(await Libtorrent.start())
      for (const [index, shape] of (Object.keys(SHAPES) as ShapeName[]).entries()) {
        const payload = await makePayload(stage, oracle, SHAPES[shape], { name: `p${index}` })
        const { pieceLength } = payload
        const source = join(payload.dir, payload.name)
        const theirs = stage.path(`theirs-${index}.torrent`)
        const made = await oracle.create({ path: source, pieceLength, version, out: theirs })
        const read = parseMetainfo(await readFile(theirs))
        expect(hashesOf(read), shape).toEqual([made.infoHash, made.infoHashV2])
        expect(read.version).toBe(version)
        expect(listOf(read), shape).toEqual(made.files.map(({ path, length }) => [path, length]))

        const file = stage.path(`ours-${index}.torrent`)
        await writeFile(file, await createTorrent(source, { pieceLength, version }))
        const ours = parseMetainfo(await readFile(file))
        const parsed = await oracle.parse(file)
        expect([parsed.infoHash, parsed.infoHashV2], shape).toEqual(hashesOf(ours))
        expect(
          parsed.files.map(({ path, length }) => [path, length]),
          shape,
        ).toEqual(listOf(ours))
        expect(rootsOf(ours), shape).toEqual(rootsOf(read))
        expect(hashesOf(ours), shape).toEqual(hashesOf(read))
      }
    },
  )
})
