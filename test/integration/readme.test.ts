/** The examples in README.md, run as printed in a folder where what they name exists. */

import { readFileSync } from 'node:fs'
import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTorrent, parseMetainfo, Session } from '../../src/index.js'
import { magnetOf } from '../../src/metainfo/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { COMMAND, canInterrupt, Running, requireBuild } from '../support/command.js'
import { seededRandom } from '../support/random.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

const FILES = { 'one.iso': 300_000, 'three.txt': 10, 'two.iso': 70_000 }

let folder: string
let open: { close(): Promise<void> }[]

beforeAll(async () => {
  requireBuild()
  open = []
  folder = await mkdtemp(join(tmpdir(), 'rarest-readme-'))
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules', 'rarest'), 'junction')
  for (const name of ['debian', 'photos']) {
    await mkdir(join(folder, 'theirs', name), { recursive: true })
    await mkdir(join(folder, name))
    for (const [file, size] of Object.entries(FILES)) {
      await writeFile(join(folder, 'theirs', name, file), seededRandom(size).bytes(size))
      await writeFile(join(folder, name, file), seededRandom(size).bytes(size))
    }
  }
  const tracker = new TrackerServer({ host: '127.0.0.1' })
  open.push(tracker)
  const { httpUrl } = await tracker.listen()
  const bytes = await createTorrent(join(folder, 'theirs', 'debian'), {
    version: '1',
    announce: httpUrl,
    pieceLength: 16_384,
  })
  await writeFile(join(folder, 'debian.torrent'), bytes)
  const seeder = new Session({ host: '127.0.0.1', path: join(folder, 'theirs') })
  open.push(seeder)
  await (await seeder.add(bytes)).done
  while (tracker.stats.peers === 0) await new Promise((resolve) => setTimeout(resolve, 10))
})

afterAll(async () => {
  for (const each of open.reverse()) await each.close()
  await rm(folder, { recursive: true, force: true })
})

/** Code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] as string)
}

/** Blocks that go on where the first one stands before it closes its session. */
function whole(code: string): string {
  if (/^import /m.test(code)) return code
  const opening = `import { Session } from 'rarest'
const session = new Session({ path: 'downloads' })
const torrent = await session.add('debian.torrent')
await torrent.done
`
  return `${opening}${code}\nawait session.close()\n`
}

async function runScript(code: string, name: string): Promise<string> {
  const script = join(folder, name)
  await writeFile(script, code)
  const running = new Running(script, [], { cwd: folder })
  open.push(running)
  const ended = await running.ended
  expect(ended.stderr).toBe('')
  expect(ended.code).toBe(0)
  return ended.stdout
}

describe('README.md', () => {
  it('has JavaScript that runs as printed', async () => {
    const [download, control, magnet, options, stream, make, ...others] = blocks('js')
    expect(others).toEqual([])

    const output = await runScript(whole(download as string), 'download.mjs')
    expect(output.match(/^verified piece \d+$/gm)).toHaveLength(23)
    const copy = await readFile(join(folder, 'downloads', 'debian', 'one.iso'))
    expect(copy.equals(await readFile(join(folder, 'theirs', 'debian', 'one.iso')))).toBe(true)

    const link = magnetOf(parseMetainfo(await readFile(join(folder, 'debian.torrent'))))
    const chosen = (magnet as string).replace(/magnet:\?[^']+/, link)
    expect(chosen).not.toBe(magnet)
    await runScript(
      `import { Session } from 'rarest'
const session = new Session({ path: 'from-magnet' })
${chosen}
await torrent.done
await session.close()
`,
      'magnet.mjs',
    )
    const first = await readFile(join(folder, 'theirs', 'debian', 'one.iso'))
    expect((await readFile(join(folder, 'from-magnet', 'debian', 'one.iso'))).equals(first)).toBe(true)
    const opened = `import { Session } from 'rarest'\n${options}\nawait session.close()\n`
    await runScript(opened, 'options.mjs')

    const streamed = await runScript(whole(stream as string), 'stream.mjs')
    expect(streamed.length).toBeGreaterThan(0)

    await runScript(whole(control as string), 'control.mjs')
    await expect(access(join(folder, 'downloads', 'debian'))).rejects.toMatchObject({ code: 'ENOENT' })

    await runScript(whole(make as string), 'make.mjs')
    expect(parseMetainfo(await readFile(join(folder, 'photos.torrent'))).name).toBe('photos')
    await rm(join(folder, 'photos.torrent'))
  })

  it.runIf(canInterrupt)('has commands that run as printed', async () => {
    const lines = blocks('sh')
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('npx rarest '))
      .map((line) =>
        line
          .replace(/\s+#.*$/, '')
          .split(/\s+/)
          .slice(2),
      )
    expect(lines.map(([command]) => command)).toEqual([
      'download',
      'seed',
      'create',
      'info',
      'check',
      'decode',
      'magnet',
      'tracker',
    ])
    for (const line of lines) {
      // The port of the example may be taken here.
      const args = line[0] === 'tracker' ? line.map((each) => (each === '6969' ? '0' : each)) : line
      const running = new Running(COMMAND, args, { cwd: folder })
      open.push(running)
      if (line[0] === 'seed') await running.line(/^seeding/)
      if (line[0] === 'tracker') await running.line(/^announce to udp:/)
      const lasts = line[0] === 'seed' || line[0] === 'tracker'
      const { code, stdout, stderr } = await (lasts ? running.interrupt() : running.ended)
      expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' })
      expect(stdout, line.join(' ')).not.toBe('')
    }
  })
})
