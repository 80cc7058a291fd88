/**
 * A world that refuses everything: whatever the library wants of the outside, it asks the world that it was
 * given, and lives with a refusal.
 */

import dgram from 'node:dgram'
import dns from 'node:dns'
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { probePeer, Session } from '../../src/index.js'
import { magnetOf } from '../../src/metainfo/index.js'
import { openDht } from '../../src/net/dht/open.js'
import { systemWorld } from '../../src/net/system/world.js'
import { TrackerClient } from '../../src/net/tracker/client.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { UtpServer } from '../../src/net/utp/server.js'
import type { World } from '../../src/net/world.js'
import { wrapWorld } from '../../src/net/wrap-world.js'
import { type VirtualHost, VirtualNetwork } from '../../src/testing/index.js'
import { parseAddress } from '../../src/util/address.js'
import { errorCode, RarestError } from '../../src/util/errors.js'
import { announceRequest } from '../support/tracker.js'
import { content, KIB } from './world.js'

const CODE = 'test/refused'

/** What the library did round its world: calls of these, from a file of ours. */
const strays: string[] = []
const { lookup } = dns

/** Notes calls that come from src; the virtual world takes real turns of the event loop, as it may. */
function note(what: string): void {
  const stack = new Error().stack ?? ''
  if (/[\\/]src[\\/](?!testing)/.test(stack)) strays.push(`${what}: ${stack}`)
}

function spy<T extends object, K extends keyof T & string>(on: T, method: K): void {
  const original = on[method] as (...args: unknown[]) => unknown
  vi.spyOn(on as Record<string, (...args: unknown[]) => unknown>, method).mockImplementation(function (
    this: unknown,
    ...args
  ) {
    note(method)
    return original.apply(this, args)
  })
}

beforeEach(() => {
  strays.length = 0
  for (const method of ['setTimeout', 'setInterval', 'setImmediate'] as const) spy(globalThis, method)
  spy(performance, 'now')
  spy(Date, 'now')
  spy(Math, 'random')
  spy(net.Socket.prototype, 'connect')
  spy(net.Server.prototype, 'listen')
  spy(dgram.Socket.prototype, 'bind')
  spy(dgram.Socket.prototype, 'send')
  dns.lookup = ((...args: Parameters<typeof lookup>) => {
    note('lookup')
    return lookup(...args)
  }) as typeof lookup
  syncBuiltinESMExports()
})

afterEach(() => {
  vi.restoreAllMocks()
  dns.lookup = lookup
  syncBuiltinESMExports()
  expect(strays).toEqual([])
})

/** The clock and chance of a virtual host, and nothing else of it. */
function refusing() {
  const network = new VirtualNetwork({ seed: 3 })
  const host = network.host()
  const calls = new Map<string, number>()
  const refuse = (what: string) => (): never => {
    calls.set(what, (calls.get(what) ?? 0) + 1)
    throw Object.assign(new Error(`${what} is refused`), { code: CODE })
  }
  const world = wrapWorld(host.world, {
    connect: refuse('connect'),
    listen: refuse('listen'),
    bind: refuse('bind'),
    fetch: refuse('fetch'),
    serveHttp: refuse('serveHttp'),
    // An IP is no name: the world has to answer for it, and whatever is asked next is refused.
    lookup: async (name) => (parseAddress(name, 1) ? [name] : refuse('lookup')()),
    interfaces: refuse('interfaces'),
    watchInterfaces: refuse('watchInterfaces'),
    gateway: refuse('gateway'),
  })
  const run = <T>(promise: Promise<T>): Promise<T> => network.run({ until: promise })
  return { network, host, world, calls, run }
}

/** The code that a promise rejects with. */
function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => errorCode(error),
  )
}

function expectNothing(host: VirtualHost): void {
  expect(host.open).toEqual([])
}

describe('a world that refuses everything', () => {
  it('would not go unnoticed by what watches here', async () => {
    const world = systemWorld()
    world.setTimer(0, () => {}).cancel()
    await Promise.all([
      codeOf(world.lookup('name.test')),
      codeOf(world.connect({ host: '127.0.0.1', port: 1 }, { timeout: 1_000 })),
      world.listen({ host: '127.0.0.1', port: 0 }, () => {}).then((server) => server.close()),
      world.bind({ host: '127.0.0.1', port: 0 }, () => {}).then((socket) => socket.close()),
    ])
    const seen = new Set(strays.splice(0).map((stray) => stray.split(':')[0]))
    for (const what of ['setTimeout', 'lookup', 'connect', 'listen', 'bind']) expect(seen).toContain(what)
  })

  it('leaves a session with codes, and lets it close', async () => {
    const { network, host, world, calls, run } = refusing()
    const torrent = content(64 * KIB, 16 * KIB, ['http://tracker.test/announce', 'udp://tracker.test:1'])
    const warnings: string[] = []
    const session = new Session({
      world,
      storage: () => host.disk.backend(),
      dht: { bootstrap: ['router.test:6881'] },
    })
    session.on('warning', ({ code }) => warnings.push(code))
    const ready = codeOf(session.ready)
    const added = await run(session.add(torrent.metainfo, { peers: ['10.0.0.9:1', 'name.test:2'] }))
    added.on('warning', ({ code }) => warnings.push(code))
    expect(await run(ready)).toBe(CODE)
    expect(await run(codeOf(session.add('http://site.test/a.torrent')))).toBe(CODE)
    const magnet = await run(
      session.add(magnetOf(content(32 * KIB, 16 * KIB).metainfo), { peers: ['10.0.0.8:1'] }),
    )
    await network.advance(600_000)
    expect([added.state, magnet.state]).not.toContain('error')
    for (const code of warnings) expect(code).toMatch(/^[a-z-]+\/[a-z-]+$/)
    expect(warnings).toContain('tracker/unreachable')
    await run(session.close())
    // TCP comes first, and without it no UDP port is asked for.
    expect([...calls.keys()].sort()).toEqual(['connect', 'fetch', 'listen', 'lookup'])
    expectNothing(host)
  })

  it('leaves a DHT node, trackers of both kinds, uTP and a probe with codes', async () => {
    const { host, world, calls, run } = refusing()
    const fails = (promise: Promise<unknown>) => run(codeOf(promise))
    const infoHash = new Uint8Array(20).fill(1)
    expect(await fails(openDht({ world, bootstrap: ['router.test:1'] }))).toBe(CODE)
    const client = new TrackerClient(world)
    for (const url of [
      'http://10.0.0.7/announce',
      'https://t.test/announce',
      'udp://10.0.0.7:80',
      'udp://t.test:80',
    ])
      expect(await fails(client.announce(url, announceRequest()))).toBe('tracker/unreachable')
    await run(client.close())
    const server = new TrackerServer({ world })
    expect(await fails(server.listen())).toBe(CODE)
    await run(server.close())
    const utp = new UtpServer({ world })
    expect(await fails(utp.listen())).toBe(CODE)
    const socket = utp.connect({ host: '10.0.0.7', port: 1 })
    const [error] = await run(once(socket, 'error'))
    expect(errorCode(error)).toBe(CODE)
    await run(utp.close())
    expect(await fails(probePeer('10.0.0.7:1', infoHash, { world }))).toBe(CODE)
    expect(await fails(probePeer('name.test:1', infoHash, { world }))).toBe(CODE)
    expect([...calls.keys()].sort()).toEqual(['bind', 'connect', 'fetch', 'lookup', 'serveHttp'])
    expectNothing(host)
  })
})

/** A call of a world that fails, once or from then on. */
type Failing = { readonly call: number; readonly mode: 'once' | 'from then on' }

function failing(world: World, { call, mode }: Failing): { readonly world: World; readonly calls: string[] } {
  const calls: string[] = []
  const guard = <A extends unknown[], R>(what: string, ask: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      calls.push(what)
      const fails = mode === 'once' ? calls.length === call : calls.length >= call
      if (fails) throw new RarestError('EIO', `call ${call}, ${what}, fails`)
      return ask(...args)
    }
  }
  return {
    calls,
    world: wrapWorld(world, {
      connect: guard('connect', world.connect.bind(world)),
      listen: guard('listen', world.listen.bind(world)),
      bind: guard('bind', world.bind.bind(world)),
      fetch: guard('fetch', world.fetch.bind(world)),
      lookup: guard('lookup', world.lookup.bind(world)),
      serveHttp: guard('serveHttp', world.serveHttp.bind(world)),
    }),
  }
}

describe('a world that fails each call in turn', () => {
  const torrent = content(256 * KIB, 16 * KIB, ['http://tracker.test:80/announce', 'udp://tracker.test:80'])

  /** A download of one peer from another with trackers, DHT and uTP; the calls that the world of one saw. */
  async function download(victim: 'seed' | 'leecher' | 'tracker', failure: Failing) {
    const network = new VirtualNetwork({ seed: failure.call })
    const hosts = { tracker: network.host(), seed: network.host(), leecher: network.host() }
    network.names.set('tracker.test', [hosts.tracker.ip])
    network.names.set('router.test', [hosts.seed.ip])
    const { world, calls } = failing(hosts[victim].world, failure)
    const worldOf = (name: keyof typeof hosts): World => (name === victim ? world : hosts[name].world)
    const tracker = new TrackerServer({ world: worldOf('tracker'), host: hosts.tracker.ip, port: 80 })
    const listening = tracker.listen().then(
      () => 'fine',
      (error: unknown) => errorCode(error),
    )
    const outcomes: string[] = [await network.run({ until: listening })]
    for (const { path, data } of torrent.files) hosts.seed.disk.writeFile(`downloads/${path}`, data)
    const sessions = (['seed', 'leecher'] as const).map(
      (name) =>
        new Session({
          world: worldOf(name),
          storage: () => hosts[name].disk.backend(),
          port: 6881,
          dht: { bootstrap: ['router.test:6881'] },
        }),
    )
    const codes: string[] = []
    for (const session of sessions) {
      session.on('warning', ({ code }) => codes.push(code))
      session.ready.catch((error: unknown) => codes.push(errorCode(error)))
    }
    const [, leecher] = await network.run({
      until: Promise.all(sessions.map((session) => session.add(torrent.metainfo))),
    })
    let isDone = false
    void leecher!.done.then(
      () => {
        isDone = true
      },
      (error: unknown) => codes.push(errorCode(error)),
    )
    const deadline = network.now + 3_600_000
    await network.run({ until: () => isDone || network.now > deadline - 1, limit: 3_700_000 })
    await network.run({
      until: Promise.all([...sessions.map((session) => session.close()), tracker.close()]),
    })
    for (const host of Object.values(hosts)) expect(host.open).toEqual([])
    for (const code of [...codes, ...outcomes]) expect(code).not.toBe('internal')
    return { calls, isDone, codes }
  }

  it.each(['leecher', 'seed', 'tracker'] as const)(
    'never keeps the %s from closing, and one failure at most delays the download',
    { timeout: 240_000 },
    async (victim) => {
      let call = 1
      for (;;) {
        const { calls, isDone, codes } = await download(victim, { call, mode: 'once' })
        if (calls.length < call) break
        expect([call, calls[call - 1], isDone, isDone ? [] : codes]).toEqual([
          call,
          calls[call - 1],
          true,
          [],
        ])
        await download(victim, { call, mode: 'from then on' })
        call++
      }
      expect(call).toBeGreaterThan(2)
    },
  )
})
