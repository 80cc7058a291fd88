/** What sessions tell the DHT of their torrents, and when. */
import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import { decodeKrpc, encodeReply, type KrpcQuery } from '../../src/dht/krpc/krpc.js'
import { makeNodeId } from '../../src/dht/table/node-id.js'
import { parseMetainfo, Session } from '../../src/index.js'
import type { DatagramSocket } from '../../src/net/world.js'
import type { VirtualHost } from '../../src/testing/index.js'
import { type Address, encodeCompact, ipToBytes } from '../../src/util/address.js'
import { concatBytes, equalBytes, toHex, utf8 } from '../../src/util/bytes.js'
import { v2Content } from '../support/v2.js'
import { all, DhtNet, ROUTER } from './dht-net.js'
import { type Content, content, contentOfFiles, isWhole, KIB, type Sim, scenario, store } from './world.js'

const MINUTE = 60_000

/** A router, and the only node that it knows, which remembers when it was asked what. */
async function recorder(sim: Sim, name: string) {
  const host = sim.network.host()
  sim.network.names.set(name, [host.ip])
  const id = makeNodeId(ipToBytes(host.ip) as Uint8Array, host.world.random)
  const asked: { at: number; method: string; about: string; query: KrpcQuery }[] = []
  const nodes = concatBytes(id, encodeCompact({ host: host.ip, port: 6882 }))
  let socket: DatagramSocket | undefined
  const router = await sim.run(
    host.world.bind({ port: 6881, host: host.ip }, (bytes, from) => {
      const decoded = decodeKrpc(bytes)
      if (!decoded.ok || decoded.value.type !== 'query') return
      const { transactionId } = decoded.value
      router.send(encodeReply({ type: 'reply', transactionId, id: new Uint8Array(20), nodes }), from)
    }),
  )
  const receive = (bytes: Uint8Array, from: Address): void => {
    const decoded = decodeKrpc(bytes)
    if (!decoded.ok || decoded.value.type !== 'query') return
    const query = decoded.value
    const about = 'infoHash' in query ? toHex(query.infoHash) : ''
    asked.push({ at: sim.network.now, method: query.method, about, query: { ...query } })
    const token = utf8('token')
    socket?.send(encodeReply({ type: 'reply', transactionId: query.transactionId, id, token }), from)
  }
  socket = await sim.run(host.world.bind({ port: 6882, host: host.ip }, receive))
  const announces = (infoHash: Uint8Array | undefined) =>
    asked.filter(({ method, about }) => method === 'announce_peer' && infoHash && about === toHex(infoHash))
  return { asked, announces }
}

/** The same torrent with DHT nodes in its file. */
function withNodes(torrent: Content, nodes: readonly (readonly [string, number])[]): Content {
  const { info } = { info: torrent.metainfo.infoBytes }
  const text = encode({ nodes: nodes.map(([host, port]) => [host, port]) })
  // A dictionary of two keys in order: `info`, and `nodes` from the other one.
  const bytes = new Uint8Array([...utf8('d4:info'), ...info, ...text.subarray(1)])
  const metainfo = parseMetainfo(bytes)
  expect(equalBytes(metainfo.infoHash as Uint8Array, torrent.metainfo.infoHash as Uint8Array)).toBe(true)
  return { ...torrent, metainfo }
}

const dht = { bootstrap: [ROUTER] }

describe('a session in the DHT', () => {
  scenario('announces each torrent every 15 minutes, spread, and hybrids under both names', async (sim) => {
    const { announces } = await recorder(sim, 'router.example')
    const hybrid = v2Content([80 * KIB], 16 * KIB, { version: 'hybrid' })
    const host = sim.network.host()
    const torrents = Array.from({ length: 6 }, (_, i) => contentOfFiles([(20 + i) * KIB], 16 * KIB))
    const session = new Session({ world: host.world, storage: () => host.disk.backend(), port: 6881, dht })
    for (const { metainfo } of [hybrid, ...torrents]) await sim.run(session.add(metainfo))
    await sim.network.advance(125 * MINUTE)
    const names = [hybrid.metainfo.infoHash, hybrid.metainfo.infoHashV2?.subarray(0, 20)]
    for (const { metainfo } of torrents) names.push(metainfo.infoHash)
    const firsts: number[] = []
    for (const name of names) {
      const times = announces(name).map(({ at }) => at)
      // 125 minutes: the first at once, then each 13.5 to 16.5 after the one before, give or take the look-up.
      expect(times.length).toBeGreaterThanOrEqual(8)
      expect(times.length).toBeLessThanOrEqual(10)
      const gaps = times.slice(1).map((at, i) => at - (times[i] as number))
      for (const gap of gaps) {
        expect(gap).toBeGreaterThan(13.4 * MINUTE)
        expect(gap).toBeLessThan(16.8 * MINUTE)
      }
      firsts.push(times.at(-1) as number)
    }
    // After two hours they no longer come together.
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeGreaterThan(MINUTE)
    await sim.run(session.close())
    expect(host.open).toEqual([])
  })

  scenario('tells it nothing of private torrents', async (sim) => {
    const { asked, announces } = await recorder(sim, 'router.example')
    const secret = contentOfFiles([64 * KIB], 16 * KIB, { private: true })
    const open = content(64 * KIB, 16 * KIB)
    const seed = await sim.join(secret, { seed: true, session: { dht } })
    const peers = [`${seed.host.ip}:6881`]
    const { torrent, session } = await sim.join(secret, { session: { dht }, add: { peers } })
    expect(await sim.run(torrent.done)).toBe('complete')
    const other = await sim.run(session.add(open.metainfo))
    await sim.network.advance(40 * MINUTE)
    const about = new Set(asked.map((each) => each.about))
    expect(about).toContain(other.infoHash)
    expect(about).not.toContain(torrent.infoHash)
    expect(announces(secret.metainfo.infoHash)).toEqual([])
  })

  scenario('begins with the nodes that a torrent file names, and with those of its last run', async (sim) => {
    const net = new DhtNet(sim.network)
    await net.grow(10)
    const torrent = content(64 * KIB, 16 * KIB)
    await sim.join(torrent, { seed: true, session: { dht } })
    const nodes = [['router.example', 6881]] as const
    const alone = { dht: { bootstrap: [] } }
    const { torrent: found, host, session } = await sim.join(withNodes(torrent, nodes), { session: alone })
    expect(await sim.run(found.done)).toBe('complete')
    expect(isWhole(host, torrent)).toBe(true)
    const state = session.dht?.state() as Uint8Array
    await sim.run(session.close())
    const again: VirtualHost = sim.network.host()
    const back = await sim.join(torrent, { on: again, session: { dht: { bootstrap: [], state } } })
    expect(await sim.run(back.torrent.done)).toBe('complete')
    await net.close()
  })

  scenario('announces itself as a seed once it is one, and seeks no seeds then', async (sim) => {
    const { asked, announces } = await recorder(sim, 'router.example')
    const torrent = content(64 * KIB, 16 * KIB)
    const host = sim.network.host()
    store(host, torrent)
    const { torrent: own } = await sim.join(torrent, { on: host, session: { dht } })
    await sim.run(own.done)
    await sim.network.advance(20 * MINUTE)
    const { infoHash } = torrent.metainfo
    const seeds = announces(infoHash).map(({ query }) => query.method === 'announce_peer' && query.seed)
    expect(seeds.at(-1)).toBe(true)
    const looks = asked.flatMap(({ query }) => (query.method === 'get_peers' ? query.noSeed : []))
    expect(looks.at(-1)).toBe(true)
  })

  scenario(
    'finds what only the DHT knows, by a magnet with a bare infohash, over both families',
    async (sim) => {
      const net = new DhtNet(sim.network)
      await net.grow(10)
      const torrent = content(64 * KIB, 16 * KIB)
      await sim.join(torrent, { seed: true, session: { dht }, host: { ip: '88.1.0.1', ip6: '2a01:88::1' } })
      const magnet = `magnet:?xt=urn:btih:${toHex(torrent.metainfo.infoHash as Uint8Array)}`
      const leecher = await sim.join(torrent, {
        magnet,
        session: { dht },
        host: { ip: '89.1.0.1', ip6: '2a01:89::1' },
      })
      expect(await sim.run(leecher.torrent.done)).toBe('complete')
      const told = await net.run(all(net.at(4).getPeers(leecher.torrent.infoHash)))
      expect(new Set(told.map(({ host }) => host.includes(':')))).toEqual(new Set([true, false]))
      await net.close()
    },
  )
})
