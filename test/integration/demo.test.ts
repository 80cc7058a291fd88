/** `npm run demo`, without its build. */

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { Running, requireBuild } from '../support/command.js'

const DEMO = fileURLToPath(new URL('../../examples/demo.mjs', import.meta.url))

it('downloads, verifies, says what happened in plain lines, and leaves nothing behind', async () => {
  requireBuild()
  const folder = await mkdtemp(join(tmpdir(), 'rarest-demo-test-'))
  try {
    const { code, stdout, stderr } = await new Running(DEMO, [], {
      env: { ...process.env, TMPDIR: folder, TEMP: folder },
    }).ended
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).not.toContain('\u001b')
    const lines = stdout.trimEnd().split('\n')
    expect(
      lines.map((line) => line.slice(0, 13).trim()).filter((name, i, all) => name !== all[i - 1]),
    ).toEqual([
      'tracker',
      'torrent',
      'seeder 1',
      'seeder 2',
      'downloading',
      'from',
      'done',
      'rate',
      'compared',
    ])
    expect(stdout).toContain('1561 of 1561 pieces verified by SHA-1')
    expect(await readdir(folder)).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('exits non-zero when it fails', async () => {
  requireBuild()
  const nowhere = join(tmpdir(), 'rarest-is-not-here')
  const { code } = await new Running(DEMO, [], {
    env: { ...process.env, TMPDIR: nowhere, TEMP: nowhere },
  }).ended
  expect(code).toBe(1)
})
