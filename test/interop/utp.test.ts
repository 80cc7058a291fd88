/** uTP with real clients: nothing here would connect at all over TCP, or it is told which of both it was. */

import { describe, expect, it } from 'vitest'
import type { Torrent } from '../../src/index.js'
import { Scheduler } from '../../src/net/scheduler.js'
import { systemWorld } from '../../src/net/system.js'
import { UdpHub } from '../../src/net/udp-hub.js'
import { UtpTransport } from '../../src/net/utp-transport.js'
import type { ByteStream } from '../../src/net/world.js'
import { parseEndpoint } from '../../src/util/address.js'
import { expectNothingLeft } from '../support/resources.js'
import { requireClient } from './rigs/clients.js'
import { Far } from './rigs/far.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { scene } from './rigs/scene.js'
import { Transmission } from './rigs/transmission.js'

const MIB = 1024 * 1024
const BIG = { pieceLength: 256 * 1024, files: { '': 64 * MIB + 5 } }
const SMALLER = { pieceLength: 256 * 1024, files: { '': 16 * MIB + 5 } }
const DONE = 30_000
const VISITS = 2_000
const ONLY = { tcp: false }

/** Transport and encryption of every peer that the torrent has met so far. */
function usedBy(torrent: Torrent): Set<string> {
  const used = new Set<string>()
  torrent.on('peer', () => {
    for (const { transport, encryption } of torrent.peers) used.add(`${transport} ${encryption ?? 'plain'}`)
  })
  return used
}

describe.runIf(requireClient('libtorrent'))('libtorrent over uTP', () => {
  it.each([
    ['plain', BIG],
    ['rc4', SMALLER],
  ] as const)('(%s) sends to us', async (encryption, shape) => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ transport: 'utp', encryption }))
    const payload = await makePayload(stage, seed, shape)
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const session = openSession(stage, target, ONLY)
    const torrent = await session.add(payload.torrent)
    const used = usedBy(torrent)
    torrent.addPeers([seed.address])
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect([...used]).toEqual([`utp ${encryption}`])
    expect(torrent.stats.wasted).toBe(0)
    await expectSame(payload, target)
  })

  it.each([
    ['plain', BIG],
    ['rc4', SMALLER],
  ] as const)('(%s) dials us and takes from us', async (encryption, shape) => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start({ transport: 'utp', encryption }))
    const payload = await makePayload(stage, leech, shape)
    const session = openSession(stage, payload.dir, ONLY)
    const torrent = await session.add(payload.torrent)
    await within(DONE, 'check', torrent.done)
    const used = usedBy(torrent)
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash)
    expect([...used]).toEqual([`utp ${encryption}`])
    await expectSame(payload, target)
  })

  it('opens and closes 2,000 connections with us, and neither side keeps any', async () => {
    const stage = scene()
    const libtorrent = stage.own(await Libtorrent.start({ transport: 'utp' }))
    const payload = await makePayload(stage, libtorrent, SHAPES['a file smaller than a block'])
    await libtorrent.add(payload.torrent, payload.dir)
    const to = parseEndpoint(libtorrent.address)
    const world = systemWorld()
    const hub = new UdpHub(world)
    const scheduler = new Scheduler(world)
    const utp = new UtpTransport({ world, hub, scheduler, welcome: () => false, accept() {} })
    await hub.open({ host: '127.0.0.1', port: 0 })
    let closed = 0
    // libtorrent ignores a SYN whose id it remembers of an earlier connection: another try has another id.
    const dial = async (tries = 3): Promise<ByteStream> => {
      try {
        return await utp.connect(to, { timeout: 10_000 })
      } catch (error) {
        if (tries === 1) throw error
        return dial(tries - 1)
      }
    }
    const visit = async () => {
      const stream = await dial()
      stream.listen({
        data() {},
        drain() {},
        close: () => closed++,
      })
      stream.write([new Uint8Array([19])])
      if (closed % 10 === 0) stream.end()
      else stream.destroy()
    }
    // A few at a time.
    let begun = 0
    const visitor = async () => {
      while (begun++ < VISITS) await visit()
    }
    await Promise.all(Array.from({ length: 50 }, visitor))
    const end = performance.now() + DONE
    while ((closed < VISITS || utp.stats.connections > 0) && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 50))
    expect([closed, utp.stats.connections]).toEqual([VISITS, 0])
    utp.close()
    await hub.close()
    scheduler.close()
    // It still serves.
    const target = await stage.folder('target')
    const session = openSession(stage, target, ONLY)
    const torrent = await session.add(payload.torrent, { peers: [libtorrent.address] })
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await session.close()
    await expectNothingLeft([], /UDP/)
  })
})

describe.runIf(requireClient('libtorrent'))('libtorrent far away, over uTP', () => {
  // 50 ms there and back, 1 % lost each way. One connection would take minutes, whoever sends.
  const link = { delay: 25, loss: 0.01 }
  const listen = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 2}`)

  it('sends us 32 MiB', async () => {
    const stage = scene()
    const seeds = stage.own(await Libtorrent.start({ transport: 'utp', listen }))
    const payload = await makePayload(stage, seeds, { pieceLength: 65_536, files: { '': 32 * MIB } })
    await seeds.add(payload.torrent, payload.dir)
    const far = stage.own(await Far.start(seeds.addresses, link))
    const target = await stage.folder('target')
    const torrent = await openSession(stage, target, ONLY).add(payload.torrent, { peers: far.addresses })
    expect(await within(80_000, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
  })

  it('takes 32 MiB from us, in eight places', async () => {
    const stage = scene()
    const leeches = stage.own(await Libtorrent.start({ transport: 'utp', listen }))
    const payload = await makePayload(stage, leeches, { pieceLength: 65_536, files: { '': 4 * MIB } })
    const session = openSession(stage, payload.dir, { ...ONLY, uploadSlots: 8 })
    const torrent = await session.add(payload.torrent)
    await torrent.done
    await leeches.add(payload.torrent, await stage.folder('target'))
    const far = stage.own(await Far.start(leeches.addresses, link))
    torrent.addPeers(far.addresses)
    for (const _ of listen) await leeches.child.event('finished', { timeout: 80_000 })
    expect(torrent.stats.uploaded).toBeGreaterThanOrEqual(8 * payload.size)
  })
})

describe.runIf(requireClient('transmission') && requireClient('libtorrent'))('Transmission over uTP', () => {
  // It starts at intervals of ten seconds: both at once.
  it('sends us a folder and takes one from us', async () => {
    const stage = scene()
    const maker = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, maker, SHAPES['a folder'])
    const outcomes = await Promise.all(
      ['seed', 'leech'].map(async (role) => {
        const target = await stage.folder(role)
        const [theirDir, ourDir] = role === 'seed' ? [payload.dir, target] : [target, payload.dir]
        const transmission = stage.own(await Transmission.start(stage.path(`config-${role}`), { utp: true }))
        await transmission.add(payload.torrent, theirDir)
        if (role === 'seed') await transmission.finished(payload.infoHash)
        const torrent = await openSession(stage, ourDir, ONLY).add(payload.torrent)
        if (role === 'leech') await torrent.done
        const used = usedBy(torrent)
        torrent.addPeers([transmission.address])
        if (role === 'seed') await within(60_000, 'download', torrent.done)
        else await transmission.finished(payload.infoHash, 60_000)
        await expectSame(payload, target, { empty: role === 'seed' })
        return [...used]
      }),
    )
    expect(outcomes).toEqual([['utp plain'], ['utp plain']])
  }, 90_000)
})
