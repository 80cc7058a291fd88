/**
 * Holepunching (BEP 55) between two NATs that are the kernel's own, in network namespaces, with libtorrent in each
 * of the three parts.
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { abilities, Lan, type Machine } from './rigs/namespaces.js'
import { makePayload, type Payload } from './rigs/payload.js'
import { type Scene, scene, until } from './rigs/scene.js'
import { OurSession } from './rigs/session.js'

const KIB = 1024
/** The first file is nobody's, so that everybody stays; one behind a NAT has the second, the other one wants both. */
const SHAPE = { pieceLength: 32 * KIB, files: { a: 32 * KIB, b: 512 * KIB } }
const MET = 60_000

type Who = 'ours' | 'libtorrent'

interface Peer {
  readonly address: string
  readonly utp: boolean
  readonly down: number
}

interface Client {
  readonly port: number
  peers(): Promise<readonly Peer[]>
}

/** A relay, and two NATs with one machine behind each, on three sides of a router. */
function twoNats(stage: Scene): {
  readonly relay: { readonly machine: Machine; readonly host: string }
  readonly homes: readonly { readonly machine: Machine; readonly host: string; readonly seenAs: string }[]
} {
  const lan = stage.own(new Lan())
  const [middle, relay] = [lan.machine(), lan.machine()]
  lan.join(middle, ['192.0.2.1/24'], relay, ['192.0.2.2/24'])
  lan.route(relay, '192.0.2.1')
  const homes = ['198.51.100', '203.0.113'].map((net, i) => {
    const [router, machine] = [lan.machine(), lan.machine()]
    const home = `192.168.${i + 1}`
    lan.join(middle, [`${net}.1/24`], router, [`${net}.2/24`])
    lan.join(router, [`${home}.1/24`], machine, [`${home}.2/24`])
    lan.route(router, `${net}.1`)
    lan.route(machine, `${home}.1`)
    lan.nat(router)
    return { machine, host: `${home}.2`, seenAs: `${net}.2` }
  })
  lan.forward(middle)
  return { relay: { machine: relay, host: '192.0.2.2' }, homes }
}

async function participant(
  stage: Scene,
  who: Who,
  at: { readonly machine: Machine; readonly host: string },
  payload: Payload,
  dir: string,
  options: {
    readonly tcp?: boolean
    readonly select?: readonly number[]
    readonly peers?: readonly string[]
  } = {},
): Promise<Client> {
  const { tcp = true, select, peers = [] } = options
  if (who === 'ours') {
    const ours = stage.own(
      await OurSession.start(
        {
          session: { host: at.host, transport: { connectTimeoutMs: 3_000, tcp } },
          torrent: payload.torrent,
          dir,
          peers,
          ...(select === undefined ? {} : { select }),
        },
        at,
      ),
    )
    return {
      port: ours.port,
      peers: async () =>
        (await ours.status()).peers.map(({ address, transport, downloaded }) => ({
          address,
          utp: transport === 'utp',
          down: downloaded,
        })),
    }
  }
  const { host, machine } = at
  const settings = { peer_connect_timeout: 3, min_reconnect_time: 1, download_rate_limit: 16 * KIB }
  const libtorrent = stage.own(
    await Libtorrent.start({ transport: 'utp', listen: [host], settings }, { machine }),
  )
  await libtorrent.add(payload.torrent, dir, { pex: true })
  await libtorrent.connect(payload.infoHash, peers)
  const port = Number(libtorrent.address.split(':')[1])
  return { port, peers: async () => (await libtorrent.status(payload.infoHash)).peers }
}

const ready = requireClient('libtorrent') && abilities().nat

describe.runIf(ready)('holepunching through two NATs of the kernel', () => {
  it.each<[source: Who, relay: Who, leech: Who]>([
    ['ours', 'libtorrent', 'ours'],
    ['libtorrent', 'ours', 'libtorrent'],
    ['ours', 'ours', 'libtorrent'],
    ['libtorrent', 'libtorrent', 'ours'],
  ])('%s and, through %s, %s', async (...whos) => {
    const stage = scene()
    const net = twoNats(stage)
    const maker = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, maker, SHAPE)
    await rm(join(payload.dir, payload.name, 'a'))
    const [source, relay, leech] = whos
    // libtorrent introduces those alone whom it knows by uTP, and takes TCP connections only to hang up.
    const tcp = relay === 'ours'
    const [first, second] = net.homes as [(typeof net.homes)[number], (typeof net.homes)[number]]
    const middle = await participant(stage, relay, net.relay, payload, await stage.folder('relay'), {
      select: [0],
    })
    const peers = [`${net.relay.host}:${middle.port}`]
    const has = await participant(stage, source, first, payload, payload.dir, { tcp, peers })
    await until('the source has reached the relay', async () => (await has.peers()).length > 0)
    const wants = await participant(stage, leech, second, payload, await stage.folder('leech'), {
      tcp,
      peers,
    })
    const direct = async () =>
      (await wants.peers()).find(({ address }) => address.startsWith(`${first.seenAs}:`))
    await until('the two have met, and one downloads', async () => ((await direct())?.down ?? 0) > 0, MET)
    expect(await direct()).toMatchObject({ utp: true })
    expect((await has.peers()).some(({ address }) => address.startsWith(`${second.seenAs}:`))).toBe(true)
  })
})
