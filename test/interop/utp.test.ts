/** uTP with real clients: nothing here would connect at all over TCP, or it is told which of both it was. */

import { describe, expect, it } from 'vitest'
import type { Torrent } from '../../src/index.js'
import { Scheduler } from '../../src/net/scheduler.js'
import { systemWorld } from '../../src/net/system/world.js'
import { SocketPair } from '../../src/net/udp/socket-pair.js'
import { UtpTransport } from '../../src/net/utp/transport.js'
import type { ByteStream } from '../../src/net/world.js'
import { parseEndpoint } from '../../src/util/address.js'
import { hasIpv6 } from '../support/ipv6.js'
import { expectNothingLeft } from '../support/resources.js'
import { requireClient } from './rigs/clients.js'
import { Far } from './rigs/far.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { abilities, Lan } from './rigs/namespaces.js'
import { expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { type Scene, scene, until } from './rigs/scene.js'
import { OurSession } from './rigs/session.js'
import { Transmission } from './rigs/transmission.js'

const MIB = 1024 * 1024
const GIB = { pieceLength: MIB, files: { '': 1024 * MIB } }
const SMALLER = { pieceLength: 256 * 1024, files: { '': 16 * MIB + 5 } }
const DONE = 30_000
const FAR = 90_000
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

const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1)

describe.runIf(requireClient('libtorrent'))('libtorrent over uTP', () => {
  it('sends us 1 GiB, and another takes it from us', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ transport: 'utp' }))
    const payload = await makePayload(stage, seed, GIB)
    await seed.add(payload.torrent, payload.dir, { seedMode: true })
    const target = await stage.folder('target')
    const session = openSession(stage, target, ONLY)
    const torrent = await session.add(payload.torrent)
    const used = usedBy(torrent)
    torrent.addPeers([seed.address])
    expect(await within(FAR, 'download', torrent.done)).toBe('complete')
    expect(torrent.stats).toMatchObject({ downloaded: payload.size, wasted: 0, uploaded: 0 })
    await seed.stop()
    await expectSame(payload, target)

    const leech = stage.own(await Libtorrent.start({ transport: 'utp' }))
    const further = await stage.folder('further')
    await leech.add(payload.torrent, further)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash, FAR)
    expect(torrent.stats.uploaded).toBe(payload.size)
    await expectSame(payload, further)
    expect([...used]).toEqual(['utp plain'])
  }, 240_000)

  it('(rc4) sends to us', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ transport: 'utp', encryption: 'rc4' }))
    const payload = await makePayload(stage, seed, SMALLER)
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const session = openSession(stage, target, ONLY)
    const torrent = await session.add(payload.torrent)
    const used = usedBy(torrent)
    torrent.addPeers([seed.address])
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect([...used]).toEqual(['utp rc4'])
    expect(torrent.stats.wasted).toBe(0)
    await expectSame(payload, target)
  })

  it('(rc4) dials us and takes from us', async () => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start({ transport: 'utp', encryption: 'rc4' }))
    const payload = await makePayload(stage, leech, SMALLER)
    const session = openSession(stage, payload.dir, ONLY)
    const torrent = await session.add(payload.torrent)
    await within(DONE, 'check', torrent.done)
    const used = usedBy(torrent)
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash)
    expect([...used]).toEqual(['utp rc4'])
    await expectSame(payload, target)
  })

  it.runIf(hasIpv6)('(IPv6) sends to us, and another takes it from us', async () => {
    const stage = scene()
    const local = { transport: 'utp', listen: ['::1'] } as const
    const seed = stage.own(await Libtorrent.start(local))
    const payload = await makePayload(stage, seed, SMALLER)
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const session = openSession(stage, target, { ...ONLY, host: '::1' })
    const torrent = await session.add(payload.torrent)
    const used = usedBy(torrent)
    torrent.addPeers([`[::1]:${portOf(seed.address)}`])
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    await expectSame(payload, target)
    const leech = stage.own(await Libtorrent.start(local))
    const further = await stage.folder('further')
    await leech.add(payload.torrent, further)
    await leech.connect(payload.infoHash, [`[::1]:${await session.ready}`])
    await leech.finished(payload.infoHash)
    await expectSame(payload, further)
    expect([...used]).toEqual(['utp plain'])
  })

  it('opens and closes 2,000 connections with us: we keep none, and it still serves', async () => {
    const stage = scene()
    const libtorrent = stage.own(await Libtorrent.start({ transport: 'utp' }))
    const payload = await makePayload(stage, libtorrent, SHAPES['a file smaller than a block'])
    await libtorrent.add(payload.torrent, payload.dir)
    const to = parseEndpoint(libtorrent.address)
    const world = systemWorld()
    const udp = new SocketPair(world)
    const scheduler = new Scheduler(world)
    const utp = new UtpTransport({ world, udp, scheduler, welcome: () => false, accept() {} })
    await udp.open({ host: '127.0.0.1', port: 0 })
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
    await udp.close()
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

const { namespaces, netem } = abilities()
/** How the long way is made: by the kernel where it can, else by a relay, in networks of their own where that goes. */
const WAY = netem
  ? 'tc netem between namespaces'
  : `a relay ${namespaces ? 'between namespaces' : 'on loopback'}`

describe.runIf(requireClient('libtorrent'))(`libtorrent far away, over uTP (${WAY})`, () => {
  // 50 ms there and back, 1 % lost each way. One connection would take minutes, in either direction.
  const link = { delay: 25, loss: 0.01 }
  const hosts = Array.from({ length: 8 }, (_, i) => i + 2)

  /** The two ends of a long way: eight times libtorrent there, and at which addresses we reach it from here. */
  async function farAway(stage: Scene) {
    const net = namespaces ? '10.50.0' : '127.0.0'
    const host = `${net}.1`
    const listen = hosts.map((last) => `${net}.${last}`)
    const lan = stage.own(new Lan())
    const here = namespaces ? lan.machine() : undefined
    const there = namespaces ? lan.machine() : undefined
    if (here && there) {
      const [own, other] = lan.join(
        here,
        [`${host}/24`],
        there,
        listen.map((address) => `${address}/24`),
      )
      const how = ['limit', '100000', 'delay', `${link.delay}ms`, 'loss', `${100 * link.loss}%`]
      if (netem) lan.netem(here, own, ...how)
      if (netem) lan.netem(there, other, ...how)
    }
    const libtorrent = stage.own(await Libtorrent.start({ transport: 'utp', listen }, { machine: there }))
    const { addresses } = libtorrent
    const place = { machine: here }
    const peers = netem
      ? addresses
      : stage.own(await Far.start(addresses, { ...link, host }, place)).addresses
    return { libtorrent, peers, place, session: { host, tcp: false } }
  }

  it('sends us 32 MiB', async () => {
    const stage = scene()
    const { libtorrent, peers, place, session } = await farAway(stage)
    const payload = await makePayload(stage, libtorrent, { pieceLength: 65_536, files: { '': 32 * MIB } })
    await libtorrent.add(payload.torrent, payload.dir)
    const dir = await stage.folder('target')
    const ours = stage.own(await OurSession.start({ session, torrent: payload.torrent, dir, peers }, place))
    expect(await ours.child.event('done', { timeout: FAR })).toMatchObject({ how: 'complete' })
    await ours.stop()
    await expectSame(payload, dir)
  })

  it('takes 32 MiB from us, in eight places', async () => {
    const stage = scene()
    const { libtorrent, peers, place, session } = await farAway(stage)
    const payload = await makePayload(stage, libtorrent, { pieceLength: 65_536, files: { '': 4 * MIB } })
    await libtorrent.add(payload.torrent, await stage.folder('target'))
    const { torrent, dir } = payload
    const seed = stage.own(
      await OurSession.start(
        { session: { ...session, limits: { uploadSlotsPerTorrent: 8 } }, torrent, dir },
        place,
      ),
    )
    await seed.child.event('done')
    await seed.connect(peers)
    for (const _ of hosts) await libtorrent.child.event('finished', { timeout: FAR })
    expect((await seed.status()).stats.uploaded).toBeGreaterThanOrEqual(8 * payload.size)
  })
})

describe.runIf(namespaces && requireClient('libtorrent'))('a path of the kernel', () => {
  it('that shrinks in the middle of a transfer does not end it: the system cuts fragments', async () => {
    const stage = scene()
    const maker = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, maker, { pieceLength: 65_536, files: { '': 8 * MIB } })
    const lan = stage.own(new Lan())
    const [here, router, there] = [lan.machine(), lan.machine(), lan.machine()]
    lan.join(here, ['10.51.1.2/24'], router, ['10.51.1.1/24'])
    const [near, far] = lan.join(router, ['10.51.2.1/24'], there, ['10.51.2.2/24'])
    lan.forward(router)
    lan.route(here, '10.51.1.1')
    lan.route(there, '10.51.2.1')
    const session = { host: '10.51.1.2', tcp: false }
    const { torrent, dir } = payload
    const seed = stage.own(await OurSession.start({ session, torrent, dir }, { machine: here }))
    const settings = { download_rate_limit: 2 * MIB }
    const leech = stage.own(
      await Libtorrent.start({ transport: 'utp', listen: ['10.51.2.2'], settings }, { machine: there }),
    )
    const target = await stage.folder('target')
    await leech.add(torrent, target)
    await leech.connect(payload.infoHash, [`10.51.1.2:${seed.port}`])
    const done = async () => (await leech.status(payload.infoHash)).done
    await until('a part is there', async () => (await done()) > MIB)
    lan.mtu(router, near, 1000)
    lan.mtu(there, far, 1000)
    expect(await done()).toBeLessThan(payload.size)
    await leech.finished(payload.infoHash)
    // One connection carried all of it.
    expect(leech.child.events.filter(({ event }) => event === 'connected')).toHaveLength(1)
    await expectSame(payload, target)
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
