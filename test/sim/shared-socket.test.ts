/** UDP trackers, the DHT and uTP on the sockets of a session. */
import { describe, expect } from 'vitest'
import type { DatagramSocket } from '../../src/net/world.js'
import type { VirtualHost } from '../../src/testing/index.js'
import { decodeUdpRequest, encodeUdpResponse, type UdpResponse } from '../../src/tracker/udp-codec.js'
import type { Address } from '../../src/util/address.js'
import { at, content, isWhole, KIB, type Sim, scenario } from './world.js'

interface Asked {
  readonly action: string
  readonly from: Address
}

/** A UDP tracker that knows `peers`; a forger answers everything before it does, in every wrong way. */
async function tracker(sim: Sim, name: string, peers: readonly Address[]) {
  const host = sim.network.host()
  const forger = sim.network.host()
  sim.network.names.set(name, [host.ip])
  const asked: Asked[] = []
  const bad = [{ host: forger.ip, port: 6881 }]
  const lies = await sim.run(forger.world.bind({ port: 80, host: forger.ip }, () => {}))
  let socket: DatagramSocket | undefined
  const receive = (bytes: Uint8Array, from: Address): void => {
    const decoded = decodeUdpRequest(bytes)
    if (!decoded.ok || !socket) return
    const { action, transactionId } = decoded.value
    asked.push({ action, from })
    const answer = (transaction: number, of: readonly Address[]): Uint8Array => {
      const head = { transactionId: transaction }
      const rest = { interval: 1800, leechers: 0, seeders: 1, peers: of }
      const reply: UdpResponse =
        action === 'connect'
          ? { ...head, action, connectionId: of === bad ? 666n : 1n }
          : { ...head, action: 'announce', ...rest }
      return encodeUdpResponse(reply)
    }
    // From elsewhere with the right transaction, from here with the wrong one, cut short, and as an error.
    lies.send(answer(transactionId, bad), from)
    socket.send(answer(transactionId ^ 1, bad), from)
    socket.send(answer(transactionId, bad).subarray(0, 7), from)
    socket.send(encodeUdpResponse({ action: 'error', transactionId: transactionId ^ 1, message: 'no' }), from)
    // Rightly answered only when the connection id is that of the true answer.
    const real = decoded.value.action === 'connect' || decoded.value.connectionId === 1n
    if (real) socket.send(answer(transactionId, peers), from)
  }
  socket = await sim.run(host.world.bind({ port: 80, host: host.ip }, receive))
  return { url: `udp://${name}:80/announce`, asked, forger }
}

const open = (host: VirtualHost) => host.open.filter((what) => /datagram|udp/i.test(what))

describe('UDP trackers of a session', () => {
  scenario('are asked over its own sockets, and nobody else can answer', async (sim) => {
    const torrent = content(64 * KIB, 16 * KIB)
    const seed = await sim.join(torrent, { seed: true, session: { utp: true } })
    const { url, asked, forger } = await tracker(sim, 'tracker.test', [{ host: seed.host.ip, port: 6881 }])
    const session = { utp: true, dht: { bootstrap: [] } }
    const member = await sim.join(torrent, { session, add: { trackers: [url] } })
    expect(await sim.run(member.torrent.done)).toBe('complete')
    expect(isWhole(member.host, torrent)).toBe(true)
    expect(asked.map(({ action }) => action)).toEqual(
      ['connect', 'announce', 'announce'].slice(0, asked.length),
    )
    expect(new Set(asked.map(({ from }) => `${from.host}:${from.port}`))).toEqual(new Set([at(member)]))
    expect(open(member.host).every((what) => what.includes('6881'))).toBe(true)
    expect(open(member.host).length).toBeGreaterThan(0)
    expect(member.torrent.stats.knownPeers).toBe(1)
    expect(member.torrent.peers.map(({ address }) => address)).not.toContain(`${forger.ip}:6881`)
  })

  scenario('are asked over sockets of their own where the session has none', async (sim) => {
    const torrent = content(64 * KIB, 16 * KIB)
    const seed = await sim.join(torrent, { seed: true })
    const { url, asked } = await tracker(sim, 'tracker.test', [{ host: seed.host.ip, port: 6881 }])
    const member = await sim.join(torrent, { add: { trackers: [url] } })
    expect(await sim.run(member.torrent.done)).toBe('complete')
    expect(asked[0]?.from.port).not.toBe(6881)
  })
})
