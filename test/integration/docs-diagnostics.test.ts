/** The example in docs/diagnostics.md, run as printed, but from a seed on loopback. */

import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTorrent, Session } from '../../src/index.js'
import { Running, requireBuild } from '../support/command.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const HOST = '127.0.0.1'

let folder: string
let seed: Session

beforeAll(async () => {
  requireBuild()
  folder = await mkdtemp(join(tmpdir(), 'rarest-docs-diagnostics-'))
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules', 'rarest'), 'junction')
  await writeFile(join(folder, 'debian.iso'), Buffer.alloc(100_000, 7))
  const torrent = await createTorrent(join(folder, 'debian.iso'), { pieceLength: 32_768 })
  await writeFile(join(folder, 'debian.torrent'), torrent)
  seed = new Session({ path: folder, host: HOST })
  await (await seed.add(torrent)).done
})

afterAll(async () => {
  await seed?.close()
  await rm(folder, { recursive: true, force: true })
})

it('counts peers and tells each piece', async () => {
  const text = readFileSync(join(ROOT, 'docs', 'diagnostics.md'), 'utf8')
  const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(text) ?? []
  const local = code
    .replace("path: 'downloads'", `path: 'downloads', host: '${HOST}'`)
    .replace("'debian.torrent'", `'debian.torrent', { peers: ['${HOST}:${await seed.ready}'] }`)
  await writeFile(join(folder, 'example.mjs'), local)
  const script = new Running(join(folder, 'example.mjs'), [], { cwd: folder })
  try {
    const { code: exit, stdout, stderr } = await script.ended
    expect(stderr).toBe('')
    expect(exit).toBe(0)
    expect(stdout.trimEnd().split('\n').sort()).toEqual([
      'verified piece 0 with 1 peers',
      'verified piece 1 with 1 peers',
      'verified piece 2 with 1 peers',
      'verified piece 3 with 1 peers',
    ])
  } finally {
    await script.close()
  }
})
