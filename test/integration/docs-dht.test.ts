/** The examples in docs/dht.md, run as printed, but against a network on loopback. */

import { readFileSync } from 'node:fs'
import { access, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ed25519, type OpenDht, openDht } from '../../src/entry/dht.js'
import { toHex } from '../../src/util/bytes.js'
import { Running, requireBuild } from '../support/command.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const HOST = '127.0.0.1'

let folder: string
let nodes: OpenDht[]
let running: Running[]

beforeAll(async () => {
  requireBuild()
  nodes = []
  running = []
  folder = await mkdtemp(join(tmpdir(), 'rarest-docs-dht-'))
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules', 'rarest'), 'junction')
  // More than the eight that a look-up waits for, since each example leaves a node behind that is gone.
  for (let i = 0; i < 14; i++) {
    const bootstrap = nodes[0] ? [`${HOST}:${nodes[0].port}`] : []
    nodes.push(await openDht({ host: HOST, bootstrap }))
  }
  await Promise.all(nodes.map((node) => node.ready))
})

afterAll(async () => {
  for (const each of running) await each.close()
  await Promise.all(nodes.map((node) => node.close()))
  await rm(folder, { recursive: true, force: true })
})

/** The code blocks, each with the loopback network in the place of the world's. */
function blocks(): string[] {
  const router = `'${HOST}:${nodes[0]?.port}'`
  const text = readFileSync(join(ROOT, 'docs', 'dht.md'), 'utf8')
  const all = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
  expect(new Set(all.map(([, language]) => language))).toEqual(new Set(['js']))
  return all.map(([, , code]) => {
    const local = (code as string)
      .replace('openDht()', `openDht({ host: '${HOST}', bootstrap: [${router}] })`)
      .replace('new Session()', `new Session({ host: '${HOST}', dht: { bootstrap: [${router}] } })`)
      .replace('new Session({ dht', `new Session({ host: '${HOST}', dht`)
      .replace("'router.example:6881'", router)
    expect(local).not.toBe(code)
    return local
  })
}

async function run(code: string, name: string): Promise<string> {
  await writeFile(join(folder, name), code)
  const script = new Running(join(folder, name), [], { cwd: folder })
  running.push(script)
  const { stdout, stderr, code: status } = await script.ended
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout
}

describe('docs/dht.md', () => {
  it('has JavaScript that runs as printed', async () => {
    const [peers, state, items, updates, ...others] = blocks()
    expect(others).toEqual([])
    const infoHash = /getPeers\('([0-9a-f]{40})'\)/.exec(peers as string)?.[1] as string
    await nodes[2]?.announce(infoHash, { port: 6881 }).done
    expect(await run(peers as string, 'peers.mjs')).toBe(`${HOST} port 6881\n`)

    for (const name of ['first.mjs', 'second.mjs']) {
      expect(await run(state as string, name)).toBe('')
      await access(join(folder, 'dht.state'))
    }

    expect(await run(items as string, 'items.mjs')).toBe('hello\n2: version two\n')

    const secretKey = new Uint8Array(32).fill(3)
    const key = toHex(ed25519.publicKeyOf(secretKey))
    await nodes[3]?.putMutable({ ih: new Uint8Array(20).fill(9) }, { secretKey })
    const known = (updates as string).replace(/'[0-9a-f]{64}'/, `'${key}'`)
    expect(known).toContain(key)
    expect(await run(known, 'updates.mjs')).toBe('')
  })
})
