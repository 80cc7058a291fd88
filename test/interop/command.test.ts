/** The built `rarest` command against libtorrent: its JSON events, exit codes and files. */

import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { copySpoilt, expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { Command } from './rigs/rarest.js'
import { scene } from './rigs/scene.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 30_000 })
}

describe.runIf(requireClient('libtorrent'))('the rarest command', () => {
  it('downloads from libtorrent and says so', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, seed, SHAPES['a folder'])
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const command = stage.own(
      new Command(
        'download',
        payload.torrent,
        '-o',
        target,
        '--host',
        '127.0.0.1',
        '--peer',
        seed.address,
        '--json',
      ),
    )
    expect((await command.child.event('listening')).port).toBeGreaterThan(0)
    expect((await command.child.event('added')).infoHash).toBe(payload.infoHash)
    await command.child.event('checked')
    await command.child.event('done', { timeout: 30_000 })
    expect(await command.child.ended()).toBe(0)
    await expectSame(payload, target)
  })

  it('seeds to libtorrent until Ctrl-C', async () => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, leech, SHAPES['a folder'])
    const command = stage.own(
      new Command('seed', payload.torrent, payload.dir, '--host', '127.0.0.1', '--json'),
    )
    const address = await command.address()
    await command.child.event('seeding')
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [address])
    await leech.finished(payload.infoHash)
    await expectSame(payload, target)
    expect(await command.interrupt()).toBe(0)
  })

  it('goes on where it was interrupted', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ settings: { upload_rate_limit: 4 << 20 } }))
    const payload = await makePayload(stage, seed, { pieceLength: 64 << 10, files: { '': 8 << 20 } })
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const args = ['download', payload.torrent, '-o', target, '--host', '127.0.0.1', '--peer', seed.address]
    const first = stage.own(new Command(...args, '--json'))
    const { verified } = await first.child.event('progress', {
      match: (event) => event.verified > 1 << 20,
    })
    expect(await first.interrupt()).not.toBe(0)

    const second = stage.own(new Command(...args, '--json'))
    const checked = await second.child.event('checked')
    expect(checked.verified).toBeGreaterThanOrEqual(verified)
    await second.child.event('done', { timeout: 30_000 })
    expect(await second.child.ended()).toBe(0)
    await expectSame(payload, target)
  })

  it('checks data as libtorrent does', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, oracle, SHAPES['a file'])
    const whole = run('check', payload.torrent, payload.dir, '--json')
    expect(whole.status).toBe(0)
    const { pieceCount: pieces } = payload
    expect(JSON.parse(whole.stdout)).toMatchObject({ pieces, valid: pieces, missing: 0, complete: true })

    const target = await stage.folder('target')
    await copySpoilt(payload, target, 0.5)
    await oracle.add(payload.torrent, target)
    const { done } = await oracle.status(payload.infoHash)
    const partial = run('check', payload.torrent, target, '--json')
    expect(partial.status).not.toBe(0)
    const valid = Math.ceil(done / payload.pieceLength)
    expect(JSON.parse(partial.stdout)).toMatchObject({ valid, missing: pieces - valid, complete: false })
  })

  it('creates a torrent that libtorrent reads, and reads one that libtorrent made', async () => {
    const stage = scene()
    const oracle = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, oracle, SHAPES['a folder'], {
      trackers: ['http://127.0.0.1:9/announce', 'udp://127.0.0.1:9'],
    })
    const out = stage.path('ours.torrent')
    const source = `${payload.dir}/${payload.name}`
    const options = [
      '--piece-length',
      String(payload.pieceLength),
      '--announce',
      'http://127.0.0.1:9/announce',
    ]
    const created = run(
      'create',
      source,
      '-o',
      out,
      '--version',
      '1',
      ...options,
      '--announce',
      'udp://127.0.0.1:9',
      '--json',
    )
    expect(created.stderr).toBe('')
    expect(created.status).toBe(0)
    const [theirs, ours] = await Promise.all([oracle.parse(payload.torrent), oracle.parse(out)])
    expect(ours).toMatchObject({
      infoHash: theirs.infoHash,
      files: theirs.files,
      trackers: theirs.trackers,
      pieceLength: theirs.pieceLength,
    })

    const info = JSON.parse(run('info', payload.torrent, '--json').stdout)
    expect(info).toMatchObject({
      name: theirs.name,
      infoHash: theirs.infoHash,
      infoHashV2: null,
      version: '1',
      pieceLength: theirs.pieceLength,
      pieceCount: theirs.pieceCount,
      size: theirs.size,
      private: false,
      trackers: theirs.trackers.map((url) => [url]),
      webSeeds: [],
    })
    const lengths = (files: readonly { path: string | readonly string[]; length: number }[]): number[] =>
      files.map(({ length }) => length)
    expect(lengths(info.files)).toEqual(lengths(theirs.files))
    expect(await readFile(out)).not.toHaveLength(0)
  })
})
