/** Every program in `examples/`, run as its first lines say, against the built library. */

import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTorrent, parseMetainfo, Session } from '../../src/index.js'
import { canInterrupt, Running, requireBuild } from '../support/command.js'
import { seededRandom } from '../support/random.js'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))

let folder: string
let data: Uint8Array
let open: { close(): Promise<void> }[]

beforeEach(async () => {
  requireBuild()
  folder = await mkdtemp(join(tmpdir(), 'rarest-examples-'))
  open = []
  data = seededRandom(1).bytes(1_000_000)
  await mkdir(join(folder, 'sample'))
  await writeFile(join(folder, 'sample', 'large.bin'), data)
  await writeFile(join(folder, 'sample', 'small.txt'), 'small')
})

afterEach(async () => {
  for (const each of open.reverse()) await each.close()
  await rm(folder, { recursive: true, force: true })
})

function start(name: string, ...args: string[]): Running {
  const running = new Running(join(EXAMPLES, name), args, { cwd: folder })
  open.push(running)
  return running
}

function session(path: string): Session {
  const made = new Session({ host: '127.0.0.1', path })
  open.push(made)
  return made
}

describe('examples', () => {
  it('are all run here or in demo.test.ts', async () => {
    expect((await readdir(EXAMPLES)).sort()).toEqual([
      'bencode.mjs',
      'create-and-seed.mjs',
      'demo.mjs',
      'dht.mjs',
      'download-and-stream.mjs',
      'own-storage.mjs',
      'tracker.mjs',
      'utp.mjs',
      'virtual-swarm.mjs',
    ])
  })

  it('bencode.mjs reads and writes bencode', async () => {
    const { code, stdout, stderr } = await start('bencode.mjs').ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(1)).toEqual([
      'film 1180591620717411303424n',
      'l5:short6:silente',
      'true',
      'bencode/invalid-integer at byte 7',
      '',
    ])
  })

  it('dht.mjs finds peers and items', async () => {
    const { code, stdout, stderr } = await start('dht.mjs').ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'announced: true',
      'peer: 127.0.0.1 port 6881',
      'counted: { seeds: 1, peers: 0 }',
      'stored under e5f96f6f38320f0f33959cb4d3d656452117aadb: Hello World!',
      'version 1: c9e15763f722f23e98a29decdfae341b98d53056',
      '',
    ])
  })

  it('utp.mjs echoes over uTP', async () => {
    const { code, stdout, stderr } = await start('utp.mjs').ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^echoed 5000000 bytes to port \d+\n$/)
  })

  it('tracker.mjs introduces two peers', async () => {
    const { code, stdout, stderr } = await start('tracker.mjs').ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('peers: 127.0.0.1:6881\n')
    expect(stdout).toContain('the tracker knows 1 swarm and 2 peers\n')
  })

  it.runIf(canInterrupt)('create-and-seed.mjs seeds what it made', async () => {
    const seeder = start('create-and-seed.mjs', join(folder, 'sample'), 'http://127.0.0.1:1/announce')
    const port = /port (\d+)/.exec(await seeder.line(/^seeding sample on port /))?.[1]
    await seeder.line(/^magnet:/)
    const torrent = await session(join(folder, 'copy')).add(join(folder, 'sample.torrent'), {
      peers: [`127.0.0.1:${port}`],
    })
    expect(await torrent.done).toBe('complete')
    const { code, stdout } = await seeder.interrupt()
    expect(code).toBe(0)
    expect(stdout).toContain('hashed 1000005 bytes\n')
    expect(stdout).toContain('sent 1000005 bytes\n')
  })

  it('download-and-stream.mjs downloads and streams', async () => {
    const bytes = await createTorrent(join(folder, 'sample'), { pieceLength: 16_384 })
    await writeFile(join(folder, 'sample.torrent'), bytes)
    const seeder = session(folder)
    await (await seeder.add(bytes)).done
    const peer = `127.0.0.1:${await seeder.ready}`
    const { code, stdout, stderr } = await start('download-and-stream.mjs', 'sample.torrent', 'copy', peer)
      .ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const { pieceCount } = parseMetainfo(bytes)
    expect(stdout).toBe(
      `large.bin: sha256 ${createHash('sha256').update(data).digest('hex')}\n` +
        `${pieceCount} of ${pieceCount} pieces, 1000005 bytes downloaded\n`,
    )
    expect((await readFile(join(folder, 'copy', 'sample', 'large.bin'))).equals(data)).toBe(true)
  })

  it('own-storage.mjs passes the conformance suite and moves a torrent', async () => {
    const { code, stdout, stderr } = await start('own-storage.mjs').ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^(ok: .*\n){10,}moved 1000000 bytes, 62 pieces verified\n$/)
  })

  it('virtual-swarm.mjs repeats from its seed', async () => {
    const [first, second, other] = await Promise.all(
      ['5', '5', '6'].map((seed) => start('virtual-swarm.mjs', seed).ended),
    )
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first?.stdout).toContain('20 peers have 8 MiB each')
    expect(first?.stdout).toContain('every copy is right')
    expect(second?.stdout).toBe(first?.stdout)
    expect(other?.stdout).not.toBe(first?.stdout)
  })
})
