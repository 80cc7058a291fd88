/** The commands round magnet links and single peers, as processes against each other on loopback. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDht } from '../../src/entry/dht.js'
import { createTorrent, type Metainfo, parseMetainfo } from '../../src/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { toHex } from '../../src/util/bytes.js'
import { COMMAND, type Ended, Running, requireBuild } from '../support/command.js'
import { seededRandom } from '../support/random.js'

const DATA = seededRandom(7).bytes(200_001)

let shared: string
let torrent: string
let metainfo: Metainfo
let infoHash: string
let folder: string
let peer: string
let magnet: string
let running: { close(): Promise<void> }[]

beforeAll(async () => {
  requireBuild()
  shared = await mkdtemp(join(tmpdir(), 'rarest-cli-magnets-'))
  await mkdir(join(shared, 'source'))
  await writeFile(join(shared, 'source', 'film.bin'), DATA)
  torrent = join(shared, 'film.torrent')
  const bytes = await createTorrent(join(shared, 'source', 'film.bin'), { pieceLength: 16_384, version: '1' })
  await writeFile(torrent, bytes)
  metainfo = parseMetainfo(bytes)
  infoHash = toHex(metainfo.infoHash as Uint8Array)
})

afterAll(() => rm(shared, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await mkdtemp(join(shared, 'test-'))
  running = []
  const seed = start('seed', torrent, join(shared, 'source'), '--host', '127.0.0.1', '--json')
  const { port } = await seed.event('listening')
  await seed.event('seeding')
  peer = `127.0.0.1:${port}`
  magnet = `magnet:?xt=urn:btih:${infoHash}&dn=a+film&x.pe=${peer}`
})

afterEach(async () => {
  for (const each of running.reverse()) await each.close()
})

function start(...args: string[]): Running {
  const child = new Running(COMMAND, args, { cwd: folder })
  running.push(child)
  return child
}

function run(...args: string[]): Promise<Ended> {
  return start(...args).ended
}

async function tracker(): Promise<string> {
  const server = new TrackerServer({ host: '127.0.0.1' })
  running.push(server)
  return (await server.listen()).httpUrl as string
}

describe('rarest download', () => {
  it('takes a magnet link', async () => {
    const { code, events, stderr } = await run(
      'download',
      magnet,
      '-o',
      'copy',
      '--host',
      '127.0.0.1',
      '--json',
    )
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(events.map(({ event }) => event).filter((name) => name !== 'progress')).toEqual([
      'listening',
      'added',
      'metadata',
      'checked',
      'done',
    ])
    expect(events[1]).toEqual({ event: 'added', infoHash })
    expect(events[2]).toEqual({ event: 'metadata', name: 'film.bin', size: DATA.length })
    expect((await readFile(join(folder, 'copy', 'film.bin'))).equals(DATA)).toBe(true)
  })

  it('says what is wrong with one', async () => {
    const { code, stderr, stdout } = await run('download', 'magnet:?xt=urn:btih:12', '-o', 'copy', '--no-dht')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^rarest: .*\(magnet\/bad-infohash\)\n$/)
    expect(stdout).toMatch(/^listening/)
  })
})

describe('rarest metadata', () => {
  it('saves a torrent file', async () => {
    const { code, stdout, stderr } = await run('metadata', magnet, '--no-dht')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('film.bin.torrent: film.bin')
    const saved = parseMetainfo(await readFile(join(folder, 'film.bin.torrent')))
    expect(saved.infoBytes).toEqual(metainfo.infoBytes)
  })

  it('saves it where it is told, with the trackers of the link, from the peer that is named', async () => {
    const url = 'http://127.0.0.1:1/announce'
    const link = `magnet:?xt=urn:btih:${infoHash}&tr=${encodeURIComponent(url)}`
    const { code, events } = await run(
      'metadata',
      link,
      '-o',
      'x.torrent',
      '--peer',
      peer,
      '--json',
      '--no-dht',
    )
    expect(code).toBe(0)
    expect(events).toMatchObject([{ path: 'x.torrent', name: 'film.bin', infoHash, size: DATA.length }])
    const saved = parseMetainfo(await readFile(join(folder, 'x.torrent')))
    expect(saved.trackers).toEqual([[url]])
    expect(saved.infoBytes).toEqual(metainfo.infoBytes)
  })
})

describe('rarest download and metadata of a hybrid', () => {
  it('go on from a saved torrent file without piece layers', async () => {
    const source = join(shared, 'source')
    const hybrid = join(folder, 'hybrid.torrent')
    await writeFile(
      hybrid,
      await createTorrent(join(source, 'film.bin'), { pieceLength: 16_384, version: 'hybrid' }),
    )
    const seed = start('seed', hybrid, source, '--host', '127.0.0.1', '--json')
    const { port } = await seed.event('listening')
    await seed.event('seeding')
    const { infoHashV2 } = parseMetainfo(await readFile(hybrid))
    const link = `magnet:?xt=urn:btmh:1220${toHex(infoHashV2 as Uint8Array)}&x.pe=127.0.0.1:${port}`
    const saved = await run('metadata', link, '-o', 'saved.torrent', '--no-dht')
    expect(saved.code).toBe(0)
    expect(saved.stderr).toContain('cli/no-piece-layers')
    const args = ['-o', 'copy', '--host', '127.0.0.1', '--peer', `127.0.0.1:${port}`]
    const done = await run('download', 'saved.torrent', ...args)
    expect(done.stderr).toBe('')
    expect(done.code).toBe(0)
    expect((await readFile(join(folder, 'copy', 'film.bin'))).equals(DATA)).toBe(true)
  })
})

describe('rarest handshake', () => {
  it.each([
    ['an infohash', () => infoHash],
    ['a torrent file', () => torrent],
  ])('shows what a peer says of itself, by %s', async (_what, name) => {
    const { code, events, stderr } = await run('handshake', name(), peer, '--json')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(events).toMatchObject([
      {
        peer,
        infoHash,
        peerId: expect.stringMatching(/^2d5252[0-9a-f]{34}$/),
        client: expect.stringMatching(/^rarest/),
        extended: true,
        fast: true,
        encryption: null,
        extension: {
          extensions: { ut_metadata: expect.any(Number) },
          metadataSize: metainfo.infoBytes.length,
        },
      },
    ])
  })

  it('is readable, and encrypted on demand', async () => {
    const { code, stdout } = await run('handshake', infoHash, peer, '--encryption', 'required')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^client +rarest/m)
    expect(stdout).toMatch(/^encryption +(rc4|plaintext)$/m)
    expect(stdout).toMatch(/^reserved +[0-9a-f]{16} \(extended, fast/m)
  })

  it.each([
    ['a peer that is not there', () => [infoHash, '127.0.0.1:1'], /ECONNREFUSED/],
    ['a torrent that the peer lacks', () => ['00'.repeat(20), peer], /\((wire|mse|net)\/|ECONNRESET/],
  ])('fails with a code for %s', async (_what, args, pattern) => {
    const { code, stderr } = await run('handshake', ...args())
    expect(code).toBe(1)
    expect(stderr).toMatch(pattern)
  })
})

describe('rarest piece', () => {
  it.each([
    ['a torrent file', () => [torrent, '--peer', peer]],
    ['a magnet link', () => [magnet]],
  ])('saves one piece of %s', async (_what, args) => {
    const { code, stdout, stderr } = await run(
      'piece',
      ...args().slice(0, 1),
      '12',
      '-o',
      'p',
      '--no-dht',
      ...args().slice(1),
    )
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('verified')
    expect((await readFile(join(folder, 'p'))).equals(DATA.subarray(12 * 16_384))).toBe(true)
  })

  it('fails for a piece that there is not', async () => {
    const { code, stderr } = await run('piece', magnet, '13', '-o', 'p', '--no-dht')
    expect(code).not.toBe(0)
    expect(stderr).toContain('piece must be an integer in 0 .. 12')
  })
})

describe('rarest peers', () => {
  it('lists what the trackers know', async () => {
    const url = await tracker()
    const tracked = start('seed', torrent, join(shared, 'source'), '--host', '127.0.0.1', '--json')
    await tracked.event('seeding')
    await tracked.close()
    const other = join(folder, 'tracked.torrent')
    await writeFile(
      other,
      await createTorrent(join(shared, 'source', 'film.bin'), {
        pieceLength: 16_384,
        announce: url,
        version: '1',
      }),
    )
    const seed = start('seed', other, join(shared, 'source'), '--host', '127.0.0.1', '--json')
    const { port } = await seed.event('listening')
    await seed.event('seeding')
    const found = async (): Promise<Ended> => {
      const ended = await run('peers', other, '--json', '--no-dht')
      return ended.events.length > 0 || ended.code !== 0 ? ended : found()
    }
    const { code, events, stderr } = await found()
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(events).toEqual([{ peer: `127.0.0.1:${port}`, source: url }])
  })

  it('lists what the DHT knows', async () => {
    const first = await openDht({ host: '127.0.0.1', bootstrap: [] })
    running.push(first)
    const router = `127.0.0.1:${first.port}`
    const nodes = await Promise.all(
      [1, 2, 3, 4].map(() => openDht({ host: '127.0.0.1', bootstrap: [router] })),
    )
    running.push(...nodes)
    await Promise.all(nodes.map((node) => node.ready))
    await nodes[0]?.announce(infoHash, { port: 4_001 }).done
    const { code, events, stderr } = await run('peers', magnet, '--json', '--bootstrap', router)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(events).toEqual([{ peer: '127.0.0.1:4001', source: 'dht' }])
  })

  it('fails when nobody can be asked', async () => {
    const nobody = await run('peers', torrent, '--no-dht')
    expect(nobody.code).toBe(1)
    expect(nobody.stderr).toContain('cli/no-tracker')
    const dead = await run('peers', magnet, '--tracker', 'http://127.0.0.1:1/announce', '--no-dht')
    expect(dead.code).toBe(1)
    expect(dead.stderr).toContain('tracker/')
  })
})
