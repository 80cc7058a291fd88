/** The commands inside this process, where their lines of code are counted; as processes they are in `test/integration`. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkCommand } from '../../../src/cli/commands/check.js'
import { createCommand } from '../../../src/cli/commands/create.js'
import { decodeCommand } from '../../../src/cli/commands/decode.js'
import { downloadCommand } from '../../../src/cli/commands/download.js'
import { infoCommand } from '../../../src/cli/commands/info.js'
import { seedCommand } from '../../../src/cli/commands/seed.js'
import { trackerCommand } from '../../../src/cli/commands/tracker.js'
import { Session } from '../../../src/index.js'
import { seededRandom } from '../../support/random.js'

let folder: string
let torrent: string
let stdout: string
let stderr: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rarest-commands-'))
  torrent = join(folder, 'film.torrent')
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'film.bin'), seededRandom(1).bytes(100_000))
  stdout = ''
  stderr = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text)
    return true
  })
  await run(
    createCommand(),
    join(folder, 'data', 'film.bin'),
    '-o',
    torrent,
    '--announce',
    'http://127.0.0.1:1/announce',
  )
  stdout = ''
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

async function run(command: Command, ...args: string[]): Promise<void> {
  await command.exitOverride().parseAsync(args, { from: 'user' })
}

/** Waits until the command under test has printed it. */
async function printed(pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(stdout)
    if (match) return match
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** As a closed terminal does; nobody but the command listens for it here. */
function hangUp(): void {
  process.emit('SIGHUP', 'SIGHUP')
}

/** Makes stdout look like a terminal. */
function onTerminal(): void {
  vi.spyOn(process.stdout, 'isTTY', 'get').mockReturnValue(true)
}

describe('commands', () => {
  it('create, info, check and decode', async () => {
    await run(infoCommand(), torrent)
    expect(stdout).toContain('file 0       film.bin (97.7 KiB)\n')
    await run(infoCommand(), torrent, '--json')
    expect(stdout).toContain('"pieceCount":7')
    await run(checkCommand(), torrent, join(folder, 'data'))
    expect(stdout).toContain('7 of 7 pieces are there and right\n')
    await expect(run(checkCommand(), torrent, folder, '--json')).rejects.toMatchObject({
      code: 'cli/incomplete',
      exitCode: 1,
    })
    await run(decodeCommand(), torrent)
    expect(stdout).toContain('"announce": "http://127.0.0.1:1/announce"')
  })

  it.each([
    ['lines', []],
    ['json', ['--json']],
    ['bar', []],
  ])('download and seed, shown as %s', async (kind, options) => {
    // A tty property is there only where stdout is one.
    if (kind === 'bar') {
      Object.defineProperty(process.stdout, 'isTTY', { configurable: true, get: () => false })
      onTerminal()
    }
    const seeder = new Session({ host: '127.0.0.1', path: join(folder, 'data') })
    try {
      await (await seeder.add(torrent)).done
      const peer = `127.0.0.1:${await seeder.ready}`
      const args = [torrent, '-o', join(folder, 'copy'), '--host', '127.0.0.1', '--peer', peer]
      const work = run(downloadCommand(), ...args, '--seed', ...options)
      await printed(kind === 'json' ? /"event":"seeding"/ : /seeding, Ctrl-C stops/)
      hangUp()
      await work
      const [ours, theirs] = await Promise.all(
        ['copy', 'data'].map((dir) => readFile(join(folder, dir, 'film.bin'))),
      )
      expect(ours?.equals(theirs as Buffer)).toBe(true)
      if (kind === 'bar') expect(stdout).toMatch(/100%.*97\.7 KiB of 97\.7 KiB/)
      if (kind === 'lines') expect(stdout).toContain('done: everything is here and verified; 97.7 KiB in ')
      if (kind === 'json') expect(stdout).toContain('{"event":"done"}\n')
    } finally {
      await seeder.close()
      if (kind === 'bar') Reflect.deleteProperty(process.stdout, 'isTTY')
    }
  })

  it('download and seed encrypted', async () => {
    const seeder = new Session({ host: '127.0.0.1', path: join(folder, 'data'), encryption: 'required' })
    try {
      await (await seeder.add(torrent)).done
      const peer = `127.0.0.1:${await seeder.ready}`
      const args = [torrent, '-o', join(folder, 'copy'), '--host', '127.0.0.1', '--peer', peer]
      await run(downloadCommand(), ...args, '--encryption', 'required')
      expect(stdout).toContain('done: everything is here and verified; 97.7 KiB in ')
      for (const command of [downloadCommand(), seedCommand()]) {
        await expect(run(command, ...args, '--encryption', 'always')).rejects.toMatchObject({
          code: 'commander.invalidArgument',
        })
      }
    } finally {
      await seeder.close()
    }
    const work = run(
      seedCommand(),
      torrent,
      join(folder, 'data'),
      ...['--host', '127.0.0.1', '--encryption', 'required', '--json'],
    )
    const [, port] = await printed(/"event":"listening","port":(\d+)/)
    await printed(/"event":"seeding"/)
    const leecher = new Session({ host: '127.0.0.1', path: join(folder, 'second'), encryption: 'required' })
    try {
      await (await leecher.add(torrent, { peers: [`127.0.0.1:${port}`] })).done
    } finally {
      await leecher.close()
    }
    hangUp()
    await work
  })

  it('seed until the end of the terminal, or not at all', async () => {
    const work = run(seedCommand(), torrent, join(folder, 'data'), '--host', '127.0.0.1', '--json')
    await printed(/"event":"seeding"/)
    hangUp()
    await work
    await expect(run(seedCommand(), torrent, folder, '--host', '127.0.0.1')).rejects.toMatchObject({
      code: 'cli/incomplete',
    })
  })

  it('download until interrupted', async () => {
    const dead = join(folder, 'dead.torrent')
    await run(createCommand(), join(folder, 'data'), '-o', dead, '--announce', 'http://127.0.0.1:1/announce')
    const work = run(downloadCommand(), dead, '-o', join(folder, 'none'), '--host', '127.0.0.1')
    await printed(/0 peers/)
    hangUp()
    await expect(work).rejects.toMatchObject({ code: 'cli/interrupted', exitCode: 129 })
    expect(stderr).toMatch(/^rarest: warning: .*\(tracker\/unreachable\)\n/)
  })

  it('tracker', async () => {
    const work = run(trackerCommand(), '--port', '0', '--host', '127.0.0.1')
    await printed(/announce to udp:/)
    hangUp()
    await work
    expect(stdout).toMatch(/^announce to http:\/\/127\.0\.0\.1:\d+\/announce\nannounce to udp:/)
  })

  it('refuse magnet links, folders and files in the place of folders', async () => {
    await expect(run(infoCommand(), 'magnet:?xt=x')).rejects.toMatchObject({
      code: 'cli/usage',
    })
    await expect(run(decodeCommand(), folder)).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(run(downloadCommand(), torrent, '-o', torrent)).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(run(createCommand(), folder, '-o', folder)).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(
      run(createCommand(), folder, '-o', join(folder, 'x'), '--announce', 'x'),
    ).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/^--announce must/) })
  })
})
