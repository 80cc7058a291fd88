/** The built `rarest` command: real processes against each other on loopback. */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import { createTorrent, parseMetainfo } from '../../src/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { COMMAND, canInterrupt, type Ended, Running, requireBuild } from '../support/command.js'
import { seededRandom } from '../support/random.js'

const FILES = { 'a.bin': 300_000, empty: 0, 'sub/b.bin': 100_001 }
const SIZE = 400_001
const PIECES = 25

let shared: string
let source: string
let torrent: string
let infoHash: string
let folder: string
let running: { close(): Promise<void> }[]

beforeAll(async () => {
  requireBuild()
  shared = await mkdtemp(join(tmpdir(), 'rarest-cli-'))
  source = join(shared, 'source')
  await mkdir(join(source, 'sample', 'sub'), { recursive: true })
  for (const [name, size] of Object.entries(FILES)) {
    await writeFile(join(source, 'sample', name), seededRandom(size).bytes(size))
  }
  torrent = join(shared, 'sample.torrent')
  await writeFile(torrent, await createTorrent(join(source, 'sample'), { pieceLength: 16_384, version: '1' }))
  infoHash = hashOf(await readFile(torrent))
})

afterAll(() => rm(shared, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await mkdtemp(join(shared, 'test-'))
  running = []
})

afterEach(async () => {
  for (const each of running.reverse()) await each.close()
})

function hashOf(bytes: Uint8Array): string {
  return Buffer.from(parseMetainfo(bytes).infoHash as Uint8Array).toString('hex')
}

function start(...args: string[]): Running {
  const child = new Running(COMMAND, args, { cwd: folder })
  running.push(child)
  return child
}

function run(...args: string[]): Promise<Ended> {
  return start(...args).ended
}

async function seeding(file = torrent): Promise<{ child: Running; peer: string }> {
  const child = start('seed', file, source, '--host', '127.0.0.1', '--json')
  const { port } = await child.event('listening')
  await child.event('seeding')
  return { child, peer: `127.0.0.1:${port}` }
}

async function expectSame(dir: string, names: readonly string[] = Object.keys(FILES)): Promise<void> {
  for (const name of names) {
    const [got, expected] = await Promise.all(
      [dir, source].map((root) => readFile(join(root, 'sample', name))),
    )
    expect(got?.equals(expected as Buffer), name).toBe(true)
  }
}

async function tracker(): Promise<{ server: TrackerServer; url: string }> {
  const server = new TrackerServer({ host: '127.0.0.1' })
  running.push(server)
  return { server, url: (await server.listen()).httpUrl as string }
}

/** Waits for what no process tells. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('rarest download', () => {
  it('tells in JSON lines what happens, and exits 0 when all is verified', async () => {
    const { peer } = await seeding()
    const args = ['download', torrent, '-o', 'copy', '--host', '127.0.0.1', '--peer', peer, '--json']
    const { code, events, stdout, stderr } = await run(...args)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(events.length)
    expect(events.map(({ event }) => event).filter((name, i, all) => name !== all[i - 1])).toEqual([
      'listening',
      'added',
      'checked',
      'progress',
      'done',
    ])
    expect(events[0]).toEqual({ event: 'listening', port: expect.any(Number) })
    expect(events[1]).toEqual({ event: 'added', infoHash })
    expect(events[2]).toEqual({ event: 'checked', pieces: PIECES, valid: 0, verified: 0 })
    expect(events.at(-2)).toEqual({
      event: 'progress',
      verified: SIZE,
      downloaded: SIZE,
      uploaded: 0,
      size: SIZE,
      rate: expect.any(Number),
      uploadRate: 0,
      peers: expect.any(Number),
    })
    expect(events.at(-1)).toEqual({ event: 'done' })
    await expectSame(join(folder, 'copy'))

    const again = await run('download', torrent, '-o', 'copy', '--host', '127.0.0.1', '--json')
    expect(again.code).toBe(0)
    expect(again.events).toContainEqual({
      event: 'checked',
      pieces: PIECES,
      valid: PIECES,
      verified: SIZE,
    })
  })

  it('prints plain lines without escape codes when stdout is no terminal', async () => {
    const { peer } = await seeding()
    const args = ['download', torrent, '-o', 'copy', '--host', '127.0.0.1', '--peer', peer]
    const { code, stdout, stderr } = await run(...args)
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^listening on port \d+\nsample, 390\.6 KiB, [0-9a-f]{40}\nchecked /)
    expect(stdout).toMatch(/390\.6 KiB of 390\.6 KiB, .*\ndone: everything is here and verified; .*\n$/)
    expect(stdout).not.toContain('\u001b')
  })

  it('fetches only the selected files', async () => {
    const { peer } = await seeding()
    const args = ['download', torrent, '-o', 'copy', '--host', '127.0.0.1', '--peer', peer]
    const { code, events } = await run(...args, '--select', '1-2', '--json')
    expect(code).toBe(0)
    expect(events.at(-1)).toEqual({ event: 'done' })
    await expectSame(join(folder, 'copy'), ['empty', 'sub/b.bin'])
    expect(await readdir(join(folder, 'copy', 'sample'))).not.toContain('a.bin')
    const outside = await run(...args, '--select', '0,3')
    expect(outside.code).toBe(2)
    expect(outside.stderr).toBe('rarest: file index must be in 0 .. 2, got 3 (cli/usage)\n')
  })

  it.runIf(canInterrupt)(
    'finds peers through a tracker, seeds afterwards with --seed, and says stopped on Ctrl-C',
    async () => {
      const { server, url } = await tracker()
      const tracked = join(folder, 'tracked.torrent')
      await run('create', join(source, 'sample'), '-o', tracked, '--version', '1', '--announce', url)
      const { child } = await seeding(tracked)
      await until(() => server.stats.peers === 1)
      const first = start('download', tracked, '-o', 'one', '--host', '127.0.0.1', '--seed', '--json')
      await first.event('done')
      await first.event('seeding')
      await until(() => server.stats.peers === 2)
      expect((await child.interrupt()).code).toBe(0)
      await until(() => server.stats.peers === 1)
      const { code } = await run('download', tracked, '-o', 'two', '--host', '127.0.0.1', '--sequential')
      expect(code).toBe(0)
      await expectSame(join(folder, 'two'))
      const { code: stopped, events } = await first.interrupt()
      expect(stopped).toBe(0)
      expect(events.at(-1)).toMatchObject({ event: 'progress', uploaded: SIZE })
      await until(() => server.stats.peers === 0)
    },
  )

  it.runIf(canInterrupt)('goes on trying with dead trackers and peers, and exits 130 on Ctrl-C', async () => {
    const dead = join(folder, 'dead.torrent')
    await run('create', join(source, 'sample'), '-o', dead, '--announce', 'http://127.0.0.1:1/announce')
    const child = start('download', dead, '--host', '127.0.0.1', '--peer', '127.0.0.1:1', '--json')
    expect(await child.event('warning')).toMatchObject({
      code: 'tracker/unreachable',
      message: expect.stringContaining('http://127.0.0.1:1/announce'),
    })
    await child.event('progress', ({ peers }) => peers === 0)
    const { code, events, stderr } = await child.interrupt()
    expect(code).toBe(130)
    expect(stderr).toBe('rarest: stopped before the download was complete (cli/interrupted)\n')
    expect(events.at(-1)).toEqual({
      event: 'error',
      code: 'cli/interrupted',
      message: 'stopped before the download was complete',
    })
  })

  it.runIf(canInterrupt)(
    'reads a torrent from a URL, and stops while a slow server keeps it waiting',
    async () => {
      const { peer } = await seeding()
      const server = createServer((request, response) => {
        if (request.url === '/sample.torrent') void readFile(torrent).then((bytes) => response.end(bytes))
        else if (request.url === '/missing') response.writeHead(404).end()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      running.push({
        close: async () => {
          server.closeAllConnections()
          server.close()
        },
      })
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const args = ['-o', 'copy', '--host', '127.0.0.1', '--peer', peer, '--json']
      expect((await run('download', `${base}/sample.torrent`, ...args)).code).toBe(0)
      const missing = await run('download', `${base}/missing`, ...args)
      expect(missing.code).toBe(1)
      expect(missing.stderr).toBe(`rarest: ${base}/missing answered with status 404 (session/http-status)\n`)
      const slow = start('download', `${base}/slow`, ...args)
      await slow.event('listening')
      expect((await slow.interrupt()).code).toBe(130)
    },
  )

  it('ends quietly, saying stopped, when nobody reads its output any more', async () => {
    const { server, url } = await tracker()
    const tracked = join(folder, 'tracked.torrent')
    await run('create', join(source, 'sample'), '-o', tracked, '--version', '1', '--announce', url)
    const child = start('download', tracked, '--host', '127.0.0.1', '--json')
    await child.event('progress')
    await until(() => server.stats.peers === 1)
    child.process.stdout?.destroy()
    const { code, stderr } = await child.ended
    expect(stderr).toBe('')
    expect(code).toBe(141)
    await until(() => server.stats.peers === 0)
  })
})

describe('rarest seed', () => {
  it('refuses incomplete data', async () => {
    const { code, stderr, events } = await run('seed', torrent, folder, '--host', '127.0.0.1', '--json')
    expect(code).toBe(1)
    expect(stderr).toBe(
      `rarest: ${PIECES} of ${PIECES} pieces are missing or wrong in ${folder} (cli/incomplete)\n`,
    )
    expect(events.map(({ event }) => event)).toEqual(['listening', 'added', 'error'])
    expect(await readdir(folder)).toEqual([])
  })

  it('listens where it is told, and says which port is taken', async () => {
    const { peer } = await seeding()
    const port = peer.slice(peer.indexOf(':') + 1)
    const { code, stdout, stderr } = await run('seed', torrent, source, '--host', '127.0.0.1', '--port', port)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toBe(`rarest: cannot listen: address already in use ${peer} (EADDRINUSE)\n`)
  })
})

describe('rarest create and info', () => {
  it('makes a torrent with every option, and shows it', async () => {
    const out = join(folder, 'out.torrent')
    const tiers = [['http://127.0.0.1:9/announce'], ['udp://127.0.0.1:9']]
    const made = await run(
      'create',
      join(source, 'sample'),
      '--output',
      out,
      ...tiers.flatMap(([url]) => ['--announce', url as string]),
      ...['--piece-length', '32768', '--private', '--comment', 'a comment', '--source', 'X'],
      ...['--web-seed', 'http://127.0.0.1:9/', '--version', 'hybrid', '--json'],
    )
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const { infoHash: hash, infoHashV2: hashV2, pieceCount } = JSON.parse(made.stdout)
    expect(JSON.parse(made.stdout)).toEqual({
      output: out,
      name: 'sample',
      infoHash: expect.stringMatching(/^[0-9a-f]{40}$/),
      infoHashV2: expect.stringMatching(/^[0-9a-f]{64}$/),
      version: 'hybrid',
      size: SIZE,
      pieceLength: 32_768,
      pieceCount: expect.any(Number),
    })
    const shown = await run('info', out, '--json')
    expect(shown.code).toBe(0)
    expect(JSON.parse(shown.stdout)).toEqual({
      name: 'sample',
      infoHash: hash,
      infoHashV2: hashV2,
      version: 'hybrid',
      pieceLength: 32_768,
      pieceCount,
      size: SIZE,
      private: true,
      files: Object.entries(FILES).map(([path, length]) => ({ path, length })),
      trackers: tiers,
      webSeeds: ['http://127.0.0.1:9/'],
      comment: 'a comment',
      createdBy: expect.stringMatching(/^rarest\//),
      creationDate: expect.any(Number),
      magnet: expect.stringContaining(`magnet:?xt=urn:btih:${hash}&xt=urn:btmh:1220${hashV2}`),
    })
    const text = await run('info', out)
    expect(text.stdout).toContain(`infohash     ${hash}\n`)
    expect(text.stdout).toContain('file 2       sub/b.bin (97.7 KiB)\n')
  })

  it('says null for what is absent, and leaves pad files out', async () => {
    const file = join(folder, 'bare.torrent')
    const info = {
      files: [
        { length: 5, path: ['x'] },
        { attr: 'p', length: 16_379, path: ['.pad', '16379'] },
        { length: 1, path: ['y\u001b[31m'] },
      ],
      name: 'bare',
      'piece length': 16_384,
      pieces: new Uint8Array(40),
    }
    await writeFile(file, encode({ info }))
    const { stdout } = await run('info', file, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      size: 6,
      private: false,
      files: [{ path: 'x', length: 5 }, { length: 1 }],
      trackers: [],
      webSeeds: [],
      comment: null,
      createdBy: null,
      creationDate: null,
    })
    expect((await run('info', file)).stdout).not.toContain('\u001b')
  })

  it.each([
    ['1', 40, null],
    ['2', null, 64],
    ['hybrid', 40, 64],
  ])('makes version %s, its magnet link, and finds its data', async (version, digits, digitsV2) => {
    const out = join(folder, `v${version}.torrent`)
    const made = await run('create', join(source, 'sample'), '-o', out, '--version', version, '--json')
    const { infoHash: hash, infoHashV2: hashV2 } = JSON.parse(made.stdout)
    expect([hash?.length ?? null, hashV2?.length ?? null]).toEqual([digits, digitsV2])
    const link = (await run('magnet', out)).stdout.trim()
    expect(link).toMatch(/^magnet:\?xt=urn:bt/)
    expect(JSON.parse((await run('magnet', `${link}&so=0,2-3&x.pe=[::1]:6881`, '--json')).stdout)).toEqual({
      infoHash: hash,
      infoHashV2: hashV2,
      name: 'sample',
      trackers: [],
      webSeeds: [],
      peers: ['[::1]:6881'],
      select: [0, 2, 3],
      length: SIZE,
    })
    expect(JSON.parse((await run('check', out, source, '--json')).stdout)).toMatchObject({ complete: true })
  })

  it('writes <name>.torrent by default and never replaces it unasked', async () => {
    expect((await run('create', join(source, 'sample'), '--version', '1')).code).toBe(0)
    const bytes = await readFile(join(folder, 'sample.torrent'))
    expect(hashOf(bytes)).toBe(infoHash)
    const again = await run('create', join(source, 'sample'), '--version', '1')
    expect(again.code).toBe(1)
    expect(again.stderr).toBe(
      'rarest: sample.torrent exists already: replace it with -o, or write elsewhere (EEXIST)\n',
    )
    expect((await run('create', join(source, 'sample'), '-o', 'sample.torrent')).code).toBe(0)
  })
})

describe('rarest check', () => {
  it('counts what is right, and exits 0 only when all of it is', async () => {
    const whole = await run('check', torrent, source, '--json')
    expect(whole).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(whole.stdout)).toEqual({
      pieces: PIECES,
      valid: PIECES,
      missing: 0,
      complete: true,
    })
    await mkdir(join(folder, 'sample', 'sub'), { recursive: true })
    const spoilt = await readFile(join(source, 'sample', 'a.bin'))
    spoilt[100_000] = (spoilt[100_000] as number) ^ 1
    await writeFile(join(folder, 'sample', 'a.bin'), spoilt)
    const partial = await run('check', torrent, folder, '--json')
    expect(partial.code).toBe(1)
    // a.bin fills 18 pieces and a part of the next; one of the 18 is spoilt.
    expect(JSON.parse(partial.stdout)).toEqual({ pieces: PIECES, valid: 17, missing: 8, complete: false })
    expect(partial.stderr).toBe(`rarest: 8 of 25 pieces are missing or wrong in ${folder} (cli/incomplete)\n`)
    expect(await readdir(join(folder, 'sample'))).toEqual(['a.bin', 'sub'])
    expect((await run('check', torrent, source)).stdout).toBe('25 of 25 pieces are there and right\n')
  })
})

describe('rarest decode', () => {
  const bytes = Buffer.from(
    'd2:10i1e1:ali99999999999999999999ei-5ee9:__proto__i7e1:b2:\xff\xfe1:c3:h\xc3\xa92:\xff\xfddee',
    'latin1',
  )
  const text = `{
  "10": 1,
  "__proto__": 7,
  "a": [
    {"$int":"99999999999999999999"},
    -5
  ],
  "b": {"$hex":"fffe"},
  "c": "h\u00e9",
  "$hex:fffd": {}
}
`

  it('prints bencode as JSON, from a file and from standard input', async () => {
    const sorted = Buffer.from(
      'd2:10i1e9:__proto__i7e1:ali99999999999999999999ei-5ee1:b2:\xff\xfe1:c3:h\xc3\xa92:\xff\xfddee',
      'latin1',
    )
    await writeFile(join(folder, 'data'), sorted)
    expect(await run('decode', 'data')).toMatchObject({ code: 0, stdout: text, stderr: '' })
    const child = start('decode', '-')
    child.process.stdin?.end(sorted)
    expect(await child.ended).toMatchObject({ code: 0, stdout: text })
  })

  it('says where broken bencode is broken', async () => {
    await writeFile(join(folder, 'data'), bytes)
    const { code, stdout, stderr } = await run('decode', 'data')
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^rarest: data: .*offset \d+.* \(bencode\/unsorted-key\)\n$/)
  })
})

describe('rarest tracker', () => {
  it.runIf(canInterrupt)('serves HTTP and UDP until Ctrl-C', async () => {
    const child = start('tracker', '--port', '0', '--host', '127.0.0.1', '--json')
    const { port, httpUrl, udpUrl } = await child.event('listening')
    expect(httpUrl).toBe(`http://127.0.0.1:${port}/announce`)
    expect(udpUrl).toBe(`udp://127.0.0.1:${port}/announce`)
    const tracked = join(folder, 'tracked.torrent')
    await run(
      'create',
      join(source, 'sample'),
      '-o',
      tracked,
      '--version',
      '1',
      '--announce',
      udpUrl as string,
    )
    const { child: seeder } = await seeding(tracked)
    const args = ['download', tracked, '-o', 'copy', '--host', '127.0.0.1', '--json']
    expect((await run(...args)).code).toBe(0)
    expect((await seeder.interrupt()).code).toBe(0)
    expect(await child.interrupt()).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('trouble is one sentence with a code on stderr', () => {
  const cases = [
    [['info', 'missing.torrent'], 1, 'missing.torrent: no such file or directory (ENOENT)'],
    [['download', 'missing.torrent'], 1, 'missing.torrent: no such file or directory (ENOENT)'],
    [['check', '.', '.'], 1, '. is a folder, not a torrent file (EISDIR)'],
    [['info', '.'], 1, '. is a folder, not a file (EISDIR)'],
    [['decode', 'missing'], 1, 'missing: no such file or directory (ENOENT)'],
    [
      ['download', 'magnet:?xt=urn:btih:00'],
      1,
      'magnet:?xt=urn:btih:00: urn:btih needs 40 hex digits or 32 of base32 (magnet/bad-infohash)',
    ],
    [['nonsense'], 2, "unknown command 'nonsense' (cli/usage)"],
    [['info'], 2, "missing required argument 'torrent' (cli/usage)"],
    [['info', 'x', '--nonsense'], 2, "unknown option '--nonsense' (cli/usage)"],
    [
      ['tracker', '--port', '65536'],
      2,
      "option '--port <n>' argument '65536' is invalid. Expected an integer in 0 .. 65535, got 65536. (cli/usage)",
    ],
    [
      ['download', 'x', '--peer', 'here'],
      2,
      "option '--peer <host:port>' argument 'here' is invalid. Expected host:port or [v6]:port, got here. (cli/usage)",
    ],
    [
      ['create', '.', '-o', 'x', '--version', '2', '--piece-length', '1000'],
      2,
      '--piece-length must be a power of two from 16384 up to 536870912, got 1000 (cli/usage)',
    ],
    [['magnet', 'magnet:?dn=x'], 1, 'the link names no torrent (magnet/no-infohash)'],
    [['create', '.', '-o', 'nowhere/x'], 1, 'nowhere: there is no such folder to write to (ENOENT)'],
  ] as const

  it('for missing files, folders, wrong options and the like', async () => {
    await writeFile(join(folder, 'file'), 'x')
    const ended = await Promise.all(cases.map(([args]) => run(...args)))
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(
      cases.map(([, code, sentence]) => [code, `rarest: ${sentence}\n`]),
    )
  })

  it('names the torrent that is broken', async () => {
    await writeFile(join(folder, 'broken.torrent'), (await readFile(torrent)).subarray(0, 200))
    for (const command of ['info', 'download']) {
      const { code, stderr } = await run(command, 'broken.torrent')
      expect(code).toBe(1)
      expect(stderr).toMatch(/^rarest: broken\.torrent: .* \(bencode\/[a-z-]+\)\n$/)
    }
  })

  it('says at once when it cannot write', async () => {
    await writeFile(join(folder, 'file'), 'x')
    const { code, stderr, events } = await run('download', torrent, '-o', 'file', '--json')
    expect(code).toBe(1)
    expect(stderr).toBe('rarest: cannot write to file: it is not a folder (EEXIST)\n')
    expect(events.at(-1)).toMatchObject({ event: 'error', code: 'EEXIST' })
  })
})
