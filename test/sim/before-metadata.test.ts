/** What peers tell each other before there is metadata: other peers, DHT nodes, and how to meet. */

import { describe, expect } from 'vitest'
import { decodePex, encodePex, PEX_FLAGS } from '../../src/pex/index.js'
import { parseAddress } from '../../src/util/address.js'
import { encodeExtensionHandshake } from '../../src/wire/extension.js'
import type { RawLink, RawOptions } from './raw-peer.js'
import { at, content, contentOfFiles, KIB, type Member, type Sim, scenario } from './world.js'

const torrent = content(512 * KIB, 16 * KIB)
/** Ids under which a scripted peer takes what it is told. */
const IDS = { ut_metadata: 7, ut_pex: 8, ut_holepunch: 9 }
/** Those of a session. */
const OURS = { ut_metadata: 1, ut_pex: 2, ut_holepunch: 4 }

/** A peer without metadata that names others, `host:port`, as soon as it is connected. */
function naming(others: readonly string[], flags: number = PEX_FLAGS.reachable): RawOptions {
  const added = others.map((other) => {
    const [host, port] = other.split(':')
    return { address: parseAddress(host as string, Number(port)) as never, flags }
  })
  return {
    extended: true,
    open: (link) => {
      link.send(
        { type: 'have-none' },
        { type: 'extended', id: 0, payload: encodeExtensionHandshake({ extensions: IDS, port: 6881 }) },
        { type: 'extended', id: OURS.ut_pex, payload: encodePex({ added, dropped: [] }) },
      )
    },
  }
}

/** The addresses that each message of peer exchange to a scripted peer added. */
function toldBy(link: RawLink): string[][] {
  return link.received.flatMap((message) => {
    if (message.type !== 'extended' || message.id !== IDS.ut_pex) return []
    const decoded = decodePex(message.payload)
    return decoded.ok ? [decoded.value.added.map(({ address }) => `${address.host}:${address.port}`)] : []
  })
}

/** A seed that is no known peer of anybody. */
async function hiddenSeed(sim: Sim, of = torrent): Promise<Member> {
  const seed = await sim.join(of, { seed: true })
  await sim.run(seed.torrent.done)
  return seed
}

describe('a magnet', () => {
  scenario('learns by peer exchange of those who have the metadata, from one who has not', async (sim) => {
    const seed = await hiddenSeed(sim)
    const poor = await sim.raw(torrent, naming([at(seed)]))
    const leecher = await sim.join(torrent, { magnet: true, add: { peers: [poor.address] } })
    await sim.run(leecher.torrent.metadata, 20_000)
    expect(leecher.torrent.peers.find(({ address }) => address === at(seed))?.source).toBe('pex')
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario('learns by peer exchange of faster ones than the one that it knows', async (sim) => {
    const seed = await hiddenSeed(sim)
    const { open } = naming([at(seed)])
    const { infoBytes } = torrent.metainfo
    // Offers the metadata, and never sends it.
    const slow = await sim.raw(torrent, {
      extended: true,
      open: (link) => {
        open?.(link)
        const hello = encodeExtensionHandshake({ extensions: IDS, metadataSize: infoBytes.length })
        link.send({ type: 'extended', id: 0, payload: hello })
      },
    })
    const leecher = await sim.join(torrent, { magnet: true, add: { peers: [slow.address] } })
    await sim.run(leecher.torrent.metadata, 60_000)
    expect(leecher.torrent.peers.map(({ address }) => address)).toContain(at(seed))
  })

  scenario('tells those who wait with it of each other', async (sim) => {
    const middle = await sim.join(torrent, { magnet: true })
    const waiting: Member[] = []
    for (let i = 0; i < 6; i++)
      waiting.push(await sim.join(torrent, { magnet: true, add: { peers: [at(middle)] } }))
    await sim.run(() => waiting.every((member) => member.torrent.stats.peers >= 4), 180_000)
    expect(middle.torrent.state).toBe('metadata')
    // A peer that joins by any of them ends up with the rest.
    const last = waiting.at(-1) as Member
    const seed = await sim.join(torrent, { seed: true, add: { peers: [at(last)] } })
    await sim.run(seed.torrent.ready)
    await sim.run(Promise.all(waiting.map((member) => member.torrent.done)), 180_000)
  })

  scenario('goes on telling where it was, at most once a minute, when it has the metadata', async (sim) => {
    const times: number[] = []
    const listening = naming([])
    const listener = await sim.raw(torrent, {
      ...listening,
      message: (_link, message) => {
        if (message.type === 'extended' && message.id === IDS.ut_pex) times.push(sim.network.now)
      },
    })
    const other = await sim.raw(torrent, naming([]))
    const middle = await sim.join(torrent, {
      magnet: true,
      add: { peers: [listener.address, other.address] },
    })
    await sim.run(() => times.length > 0, 60_000)
    const seed = await sim.join(torrent, { seed: true, add: { peers: [at(middle)] } })
    await sim.run(seed.torrent.ready)
    await sim.run(middle.torrent.metadata)
    await sim.join(torrent, { magnet: true, add: { peers: [at(middle)] } })
    await sim.run(() => times.length > 1, 180_000)
    const gaps = times.slice(1).map((time, index) => time - (times[index] as number))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60_000 - 1)
    const [link] = listener.links as [RawLink]
    const told = toldBy(link).flat()
    expect(new Set(told).size, 'nobody is named twice').toBe(told.length)
    expect(toldBy(link)[0]).toEqual([other.address])
  })

  scenario('that turns out private has told nobody of anybody since', async (sim) => {
    const secret = contentOfFiles([100_000], 16_384, { private: true })
    const listener = await sim.raw(secret, naming([]))
    const peers = [listener.address, (await sim.raw(secret, naming([]))).address]
    const leecher = await sim.join(secret, { magnet: true, add: { peers } })
    await sim.run(() => leecher.torrent.stats.peers === 2)
    const seed = await sim.join(secret, { seed: true, add: { peers: [at(leecher)] } })
    await sim.run(seed.torrent.ready)
    await sim.run(leecher.torrent.metadata)
    const [link] = listener.links as [RawLink]
    const before = toldBy(link).length
    const newcomer = await sim.join(secret, { add: { peers: [at(leecher)] } })
    await sim.run(newcomer.torrent.ready)
    await sim.network.advance(300_000)
    expect(toldBy(link).length).toBe(before)
    // The names of what it does not do any more are taken back.
    const hellos = link.received.flatMap((message) =>
      message.type === 'extended' && message.id === 0
        ? [Buffer.from(message.payload).toString('latin1')]
        : [],
    )
    expect(hellos[0]).toContain('6:ut_pexi2e')
    expect(hellos[1]).toContain('6:ut_pexi0e')
  })

  scenario('that turns out private forgets whom its peers have named', async (sim) => {
    const secret = contentOfFiles([100_000], 16_384, { private: true })
    const named = await sim.raw(secret, naming([]))
    const gone = sim.network.host()
    const gossip = await sim.raw(secret, naming([named.address, `${gone.ip}:6881`]))
    const leecher = await sim.join(secret, { magnet: true, add: { peers: [gossip.address] } })
    await sim.run(() => leecher.torrent.stats.peers === 2)
    expect(leecher.torrent.stats.knownPeers).toBe(3)
    const seed = await sim.join(secret, { seed: true })
    await sim.run(seed.torrent.done)
    leecher.torrent.addPeers([at(seed)])
    await sim.run(leecher.torrent.metadata)
    expect(leecher.torrent.stats.knownPeers).toBe(2)
    await sim.run(leecher.torrent.done)
    expect(leecher.closes).toContainEqual({ address: named.address, code: 'torrent/private' })
    expect(named.links[0]?.closed).toBe(true)
    const [link] = gossip.links as [RawLink]
    const added = [{ address: parseAddress(gone.ip, 6881) as never, flags: 0 }]
    for (let minute = 0; minute < 10; minute++) {
      link.send({ type: 'extended', id: OURS.ut_pex, payload: encodePex({ added, dropped: [] }) })
      await sim.network.advance(60_000)
    }
    expect(named.links).toHaveLength(1)
    expect(leecher.torrent.stats.knownPeers).toBe(2)
  })

  scenario('that is paused while its data is checked leaves the swarm at once', async (sim) => {
    const tracker = await sim.tracker('tracker.test')
    const tracked = content(512 * KIB, 16 * KIB, [tracker])
    const seed = await sim.join(tracked, { seed: true })
    await sim.run(seed.torrent.done)
    const left: number[] = []
    const leecher = await sim.join(tracked, {
      magnet: true,
      // It takes a while to find that all of it is wrong.
      host: { disk: { latency: 200 } },
      added: (torrent) => {
        torrent.on('metadata', () => {
          expect(torrent.state).toBe('checking')
          void torrent.pause().then(() => left.push(torrent.peers.length))
        })
      },
    })
    leecher.host.disk.writeFile('downloads/data.bin', new Uint8Array(512 * KIB))
    leecher.torrent.addPeers([at(seed)])
    await sim.run(() => left.length > 0)
    expect(left).toEqual([0])
    expect(leecher.torrent.state).toBe('checking')
    await sim.run(() => leecher.torrent.state === 'paused')
    await sim.network.advance(60_000)
    expect(leecher.torrent.peers).toEqual([])
    expect(seed.torrent.peers).toEqual([])
    await sim.run(leecher.torrent.resume())
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario('takes one DHT node of each peer, and names its own', async (sim) => {
    const asked = new Set<number>()
    const hosts = ['20.1.0.1', '20.2.0.1']
    const peers = []
    for (const ip of hosts) {
      const peer = await sim.raw(torrent, {
        dht: true,
        host: { ip },
        open: (link) => {
          link.send(
            { type: 'have-none' },
            ...[7000, 7001, 7002].map((port) => ({ type: 'port', port }) as const),
          )
        },
      })
      for (const port of [7000, 7001, 7002])
        await sim.run(peer.host.world.bind({ host: ip, port }, () => asked.add(port)))
      peers.push(peer)
    }
    const leecher = await sim.join(torrent, {
      magnet: true,
      host: { ip: '20.3.0.1' },
      session: { dht: { bootstrap: [] } },
      add: { peers: peers.map(({ address }) => address) },
    })
    await sim.network.advance(60_000)
    expect(leecher.torrent.state).toBe('metadata')
    expect([...asked]).toEqual([7000])
    for (const { links } of peers) {
      const ports = links[0]?.received.filter(({ type }) => type === 'port')
      expect(ports).toEqual([{ type: 'port', port: 6881 }])
    }
  })

  scenario('meets a peer behind a NAT through one that has no metadata either', async (sim) => {
    const session = { utp: true }
    const relay = await sim.join(torrent, { session, magnet: true })
    const join = () =>
      sim.join(torrent, { session, host: { nat: true }, magnet: true, add: { peers: [at(relay)] } })
    const first = await join()
    // Having been told of somebody else just before, the first hears nothing of the second for a minute.
    const other = await sim.rawTo(relay, torrent, naming([]))
    await sim.run(() => other.links[0]?.greeted === true)
    await sim.network.advance(12_000)
    const second = await join()
    const met = () => second.torrent.peers.find(({ address }) => address.startsWith(`${first.host.ip}:`))
    await sim.run(() => met() !== undefined, 45_000)
    expect(met()?.transport).toBe('utp')
    expect(second.torrent.state).toBe('metadata')
  })
})
