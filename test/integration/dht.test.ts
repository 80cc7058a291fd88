/** The DHT from the command line and in sessions: real processes and sockets on loopback. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OpenDht, openDht } from '../../src/entry/dht.js'
import { createTorrent, Session } from '../../src/index.js'
import { COMMAND, canInterrupt, type Ended, Running, requireBuild } from '../support/command.js'
import { expectNothingLeft, openResources } from '../support/resources.js'

const HOST = '127.0.0.1'

let folder: string
let nodes: OpenDht[]
let running: { close(): Promise<void> }[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rarest-dht-'))
  nodes = []
  running = []
  for (let i = 0; i < 8; i++) {
    const bootstrap = nodes[0] ? [`${HOST}:${nodes[0].port}`] : []
    nodes.push(await openDht({ host: HOST, bootstrap }))
  }
  await Promise.all(nodes.map((node) => node.ready))
})

afterEach(async () => {
  for (const each of running.reverse()) await each.close()
  await Promise.all(nodes.map((node) => node.close()))
  await rm(folder, { recursive: true, force: true })
})

const router = (): string => `${HOST}:${nodes[0]!.port}`

function start(...args: string[]): Running {
  const child = new Running(COMMAND, args, { cwd: folder })
  running.push(child)
  return child
}

function dht(name: string, ...args: string[]): Promise<Ended> {
  return start('dht', name, ...args, '--host', HOST, '--bootstrap', router()).ended
}

describe('rarest dht', () => {
  it('finds peers, counts them, and pings', async () => {
    requireBuild()
    const infoHash = 'ab'.repeat(20)
    await nodes[3]!.announce(infoHash, { port: 4_001, seed: true }).done
    await nodes[4]!.announce(infoHash, { port: 4_002 }).done
    const peers = await dht('get-peers', infoHash)
    expect(peers).toMatchObject({ code: 0, stderr: '' })
    expect(peers.stdout.trim().split('\n').sort()).toEqual([`${HOST}:4001`, `${HOST}:4002`])
    const events = (await dht('get-peers', infoHash, '--json')).events
    expect(events.at(-1)).toMatchObject({ event: 'done', peers: 2 })
    expect(await dht('get-peers', 'cd'.repeat(20))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cli/no-peers'),
    })
    // All on one IP, which filters count once.
    expect((await dht('scrape', infoHash)).stdout).toBe('about 1 seeds and 1 other peers\n')
    expect((await dht('sample', '--limit', '1')).stdout).toBe(`${infoHash}\n`)
    expect((await start('dht', 'ping', router(), '--host', HOST).ended).stdout).toContain(
      `${router()} ${nodes[0]!.stats[0]!.id}`,
    )
    expect(await dht('get-peers', 'abc')).toMatchObject({ code: 2 })
  })

  it('puts and gets items', async () => {
    requireBuild()
    const { stdout } = await dht('put', 'Hello World!')
    expect(stdout).toBe('e5f96f6f38320f0f33959cb4d3d656452117aadb\n')
    expect((await dht('get', stdout.trim())).stdout).toBe('Hello World!\n')
    const first = await dht('put', 'one', '--key', 'secret', '--salt', 'x', '--json')
    expect(first.events.at(-1)).toMatchObject({ event: 'stored', seq: 1 })
    const { key } = first.events.at(-1) as { key: string }
    expect((await readFile(join(folder, 'secret'), 'utf8')).trim()).toMatch(/^[0-9a-f]{64}$/)
    const second = await dht('put', 'two', '--key', 'secret', '--salt', 'x')
    expect(second.stdout).toBe(`${key} (version 2)\n`)
    const got = await dht('get', key, '--salt', 'x', '--json')
    expect(got.events.at(-1)).toMatchObject({ event: 'item', text: 'two', seq: 2, key })
    expect(await dht('get', key)).toMatchObject({ code: 1, stderr: expect.stringContaining('cli/not-found') })
    await writeFile(join(folder, 'bad'), 'no key')
    expect(await dht('put', 'x', '--key', 'bad')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cli/bad-key'),
    })
  })

  it('tells how far look-ups are', async () => {
    requireBuild()
    const infoHash = 'ef'.repeat(20)
    await nodes[3]!.announce(infoHash, { port: 4_001 }).done
    const calls = [
      ['get-peers', infoHash],
      ['get', infoHash],
      ['put', 'x'],
      ['put', 'x', '--key', 'secret'],
      ['scrape', infoHash],
      ['sample', '--limit', '1'],
    ]
    const told = await Promise.all(
      calls.map(async ([name, ...args]) => {
        const { events } = await dht(name as string, ...args, '--json')
        return events.findLast(({ event }) => event === 'progress')
      }),
    )
    for (const [i, progress] of told.entries()) {
      expect(progress, String(calls[i])).toMatchObject({
        queries: expect.any(Number),
        found: expect.any(Number),
      })
      if (calls[i]?.[0] !== 'sample') expect(progress?.responded, String(calls[i])).toBeGreaterThan(0)
    }
    expect(told[0]).toMatchObject({ found: 1 })
    const missing = await dht('get', infoHash, '--json')
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('(cli/not-found)') })
    expect(missing.events.at(-1)).toMatchObject({ event: 'error', code: 'cli/not-found' })
  })

  it.runIf(canInterrupt)('runs a node, which keeps what it knows', async () => {
    requireBuild()
    const child = start('dht', 'node', '--host', HOST, '--bootstrap', router(), '--dht-state', 'state')
    const port = /port (\d+)/.exec(await child.line(/^a DHT node on UDP port/))?.[1]
    await child.line(/^IPv4: \d+ of \d+ nodes/)
    expect((await nodes[2]!.ping(`${HOST}:${port}`)).id).toMatch(/^[0-9a-f]{40}$/)
    expect(await child.interrupt()).toMatchObject({ code: 0, stderr: '' })
    expect((await readFile(join(folder, 'state'))).length).toBeGreaterThan(8 * 26)
  })
})

describe('sessions in the DHT', () => {
  it('find each other by nothing but the torrent', async () => {
    const before = openResources()
    const data = new Uint8Array(100_000).fill(7)
    await writeFile(join(folder, 'file'), data)
    const torrent = await createTorrent(join(folder, 'file'))
    const open = (path: string): Session => {
      const options = { host: HOST, path: join(folder, path), dht: { bootstrap: [router()] } }
      const session = new Session(options)
      running.push({ close: () => session.close() })
      return session
    }
    const seeder = open('.')
    await (await seeder.add(torrent)).done
    await seeder.dht?.ready
    const leecher = open('copy')
    const copy = await leecher.add(torrent)
    expect(await copy.done).toBe('complete')
    expect(Buffer.from(await readFile(join(folder, 'copy', 'file'))).equals(data)).toBe(true)
    const [stats] = leecher.dht!.stats
    expect(stats?.goodNodes).toBeGreaterThan(3)
    const peers: string[] = []
    for await (const peer of nodes[5]!.getPeers(copy.infoHash)) peers.push(`${peer.host}:${peer.port}`)
    expect(peers).toContain(`${HOST}:${await seeder.ready}`)
    await Promise.all([seeder.close(), leecher.close()])
    await Promise.all(nodes.map((node) => node.close()))
    await expectNothingLeft(before.filter((kind) => !/UDP/.test(kind)))
  })

  it('tell each other of their nodes by PORT messages', async () => {
    await writeFile(join(folder, 'file'), new Uint8Array(100_000).fill(8))
    const torrent = await createTorrent(join(folder, 'file'))
    const dht = { bootstrap: [] }
    const seeder = new Session({ host: HOST, path: folder, dht })
    const leecher = new Session({ host: HOST, path: join(folder, 'copy'), dht })
    running.push({ close: () => seeder.close() }, { close: () => leecher.close() })
    await (await seeder.add(torrent)).done
    const copy = await leecher.add(torrent, { peers: [`${HOST}:${await seeder.ready}`] })
    expect(await copy.done).toBe('complete')
    const knows = (session: Session): boolean => (session.dht?.stats[0]?.nodes ?? 0) > 0
    while (!knows(seeder) || !knows(leecher)) await new Promise((resolve) => setTimeout(resolve, 20))
    const [node] = leecher.dht!.stats
    expect((await nodes[0]!.ping(`${HOST}:${await leecher.ready}`)).id).toBe(node?.id)
  })
})
