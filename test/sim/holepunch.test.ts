import { describe, expect } from 'vitest'
import type { SessionOptions } from '../../src/index.js'
import { encodePex, PEX_FLAGS } from '../../src/pex/index.js'
import type { Address } from '../../src/util/address.js'
import { encodeExtensionHandshake } from '../../src/wire/extension.js'
import {
  decodeHolepunch,
  encodeHolepunch,
  HOLEPUNCH_ERRORS,
  type HolepunchMessage,
} from '../../src/wire/holepunch.js'
import type { RawLink, RawPeer } from './raw-peer.js'
import { at, content, contentOfFiles, KIB, type Member, type Sim, scenario } from './world.js'

const torrent = content(512 * KIB, 32 * KIB)
const utp = { session: { utp: true } }

/** ms in which the two behind NATs can meet only by way of the third. */
const BEFORE_PEX = 45_000

/** Ids under which a scripted peer takes what it is told. */
const IDS = { ut_holepunch: 7, ut_pex: 8 }
/** Those of a session. */
const OURS = { ut_holepunch: 4, ut_pex: 2 }

/** A scripted peer that dials a member and says what it takes. */
async function stranger(
  sim: Sim,
  member: Member,
  options: { readonly ip?: string; readonly extensions?: Readonly<Record<string, number>> } = {},
): Promise<{ peer: RawPeer; link: RawLink }> {
  const { ip, extensions = IDS } = options
  const peer = await sim.rawTo(member, torrent, {
    extended: true,
    ...(ip === undefined ? {} : { host: { ip } }),
    open: greet(extensions),
  })
  const link = peer.links[0] as RawLink
  await sim.run(() => link.greeted)
  await sim.network.advance(1_000)
  return { peer, link }
}

/** What a scripted peer begins with. */
function greet(extensions: Readonly<Record<string, number>>): (link: RawLink) => void {
  const payload = encodeExtensionHandshake({ extensions, port: 6881 })
  return (link) => link.send({ type: 'have-none' }, { type: 'extended', id: 0, payload })
}

function say(link: RawLink, message: HolepunchMessage): void {
  link.send({ type: 'extended', id: OURS.ut_holepunch, payload: encodeHolepunch(message) })
}

/** What a scripted peer was told so far. */
function told(link: RawLink): HolepunchMessage[] {
  return link.received.flatMap((message) => {
    if (message.type !== 'extended' || message.id !== IDS.ut_holepunch) return []
    return decodeHolepunch(message.payload) ?? []
  })
}

function addressOf(host: { readonly ip: string }, port = 6881): Address {
  return { host: host.ip, port }
}

/** Members that a member is connected to, by IP, with the transport. */
function connections(member: Member): Record<string, string> {
  return Object.fromEntries(
    member.torrent.peers.map(({ address, transport }) => [address.split(':')[0], transport]),
  )
}

describe('holepunching', () => {
  /**
   * Two peers behind NATs that know a third one alone: one has the second file, which the other one wants. The
   * third wants the first file, which nobody has, so that it stays and has nothing to give. The first hears
   * nothing of the other for a minute, having been told of somebody else just before: by then they have met.
   */
  async function trio(sim: Sim, session: SessionOptions, relaySession: SessionOptions = session) {
    const files = contentOfFiles([32 * KIB, 512 * KIB], 32 * KIB)
    const relay = await sim.join(files, { session: relaySession, add: { select: [0] } })
    const source = sim.network.host({ nat: true })
    source.disk.writeFile(`downloads/${files.files[1]?.path}`, files.files[1]?.data as Uint8Array)
    await sim.join(files, { session, on: source, add: { peers: [at(relay)] } })
    const other = await sim.rawTo(relay, files, { extended: true, open: greet(IDS) })
    await sim.run(() => other.links[0]?.greeted === true)
    await sim.network.advance(12_000)
    const add = { peers: [at(relay)], select: [1] }
    const leecher = await sim.join(files, { session, host: { nat: true }, add })
    return { relay, source, leecher }
  }

  scenario('brings two peers behind NATs together through a third', async (sim) => {
    const { relay, source, leecher } = await trio(sim, utp.session)
    expect(await sim.run(leecher.torrent.done, BEFORE_PEX)).toBe('complete')
    expect(connections(leecher)[source.ip]).toBe('utp')
    expect([relay.torrent.stats.downloaded, relay.torrent.stats.uploaded]).toEqual([0, 0])
  })

  scenario('does so for connections by uTP alone', async (sim) => {
    const { leecher } = await trio(sim, { utp: true, tcp: false }, utp.session)
    expect(await sim.run(leecher.torrent.done, BEFORE_PEX)).toBe('complete')
  })

  scenario('is not tried where uTP is off', async (sim) => {
    const { relay, leecher } = await trio(sim, { utp: false }, { utp: true })
    await sim.network.advance(BEFORE_PEX)
    expect(connections(leecher)).toEqual({ [relay.host.ip]: 'tcp' })
  })

  scenario('takes a relay that takes part in it', async (sim) => {
    const { relay, leecher } = await trio(sim, { utp: true }, { utp: false })
    await sim.network.advance(BEFORE_PEX)
    expect(connections(leecher)).toEqual({ [relay.host.ip]: 'tcp' })
  })

  scenario('is asked of those who named a peer, one after another when they refuse', async (sim) => {
    const member = await sim.join(torrent, utp)
    const target = addressOf(sim.network.host({ nat: true }))
    const relays: Awaited<ReturnType<typeof stranger>>[] = []
    for (let i = 0; i < 5; i++) relays.push(await stranger(sim, member))
    const pex = encodePex({ added: [{ address: target, flags: PEX_FLAGS.holepunch }], dropped: [] })
    for (const { link } of relays) link.send({ type: 'extended', id: OURS.ut_pex, payload: pex })
    const asked = () => relays.filter(({ link }) => told(link).length > 0)
    for (let turn = 1; turn <= 3; turn++) {
      await sim.run(() => asked().length === turn, 120_000)
      const { link } = asked().at(-1) as (typeof relays)[number]
      expect(told(link)).toEqual([{ type: 'rendezvous', address: target }])
      say(link, { type: 'error', address: target, error: HOLEPUNCH_ERRORS.notConnected })
    }
    await sim.network.advance(600_000)
    expect(asked().length).toBe(3)
    for (const { link } of asked()) expect(told(link).length).toBe(1)
    // Named again a quarter of an hour later, it may have become reachable by one of them.
    await sim.network.advance(300_000)
    const late = await stranger(sim, member)
    late.link.send({ type: 'extended', id: OURS.ut_pex, payload: pex })
    await sim.run(
      () => told(late.link).length === 1 || told(relays[0]?.link as RawLink).length === 2,
      120_000,
    )
  })

  scenario('is not asked for a peer that PEX does not mark', async (sim) => {
    const member = await sim.join(torrent, utp)
    const target = addressOf(sim.network.host({ nat: true }))
    const { link } = await stranger(sim, member)
    const added = [{ address: target, flags: PEX_FLAGS.utp | PEX_FLAGS.reachable }]
    link.send({ type: 'extended', id: OURS.ut_pex, payload: encodePex({ added, dropped: [] }) })
    await sim.network.advance(90_000)
    expect(member.torrent.stats.knownPeers).toBe(2)
    expect(told(link)).toEqual([])
  })

  scenario('is refused with the reason', async (sim) => {
    const relay = await sim.join(torrent, utp)
    const { link } = await stranger(sim, relay)
    const target = await stranger(sim, relay)
    const deaf = await stranger(sim, relay, { extensions: {} })
    const far = await stranger(sim, relay, { ip: '203.0.113.9' })
    const cases: readonly (readonly [Address, number])[] = [
      [{ host: '10.77.0.1', port: 6881 }, HOLEPUNCH_ERRORS.notConnected],
      [{ host: '0.0.0.0', port: 6881 }, HOLEPUNCH_ERRORS.noSuchPeer],
      [{ host: '10.77.0.1', port: 0 }, HOLEPUNCH_ERRORS.noSuchPeer],
      [addressOf(relay.host), HOLEPUNCH_ERRORS.noSelf],
      [addressOf(deaf.peer.host), HOLEPUNCH_ERRORS.noSupport],
      // Connected, but a local address is nothing to a peer of the world, nor the other way round.
      [addressOf(far.peer.host), HOLEPUNCH_ERRORS.notConnected],
    ]
    for (const [address] of cases) say(link, { type: 'rendezvous', address })
    await sim.network.advance(1_000)
    expect(told(link)).toEqual(cases.map(([address, error]) => ({ type: 'error', address, error })))
    say(far.link, { type: 'rendezvous', address: addressOf(target.peer.host) })
    await sim.network.advance(1_000)
    expect(told(far.link)).toMatchObject([{ type: 'error', error: HOLEPUNCH_ERRORS.notConnected }])
    expect([...told(target.link), ...told(deaf.link)]).toEqual([])
    // And one that can be met, by either name of the target.
    say(link, { type: 'rendezvous', address: addressOf(target.peer.host) })
    await sim.network.advance(1_000)
    expect(told(link).at(-1)).toEqual({ type: 'connect', address: addressOf(target.peer.host) })
    expect(told(target.link)).toEqual([
      { type: 'connect', address: { host: link.stream.local.host, port: 6881 } },
    ])
  })

  scenario('ignores what is no message, and who takes none', async (sim) => {
    const relay = await sim.join(torrent, utp)
    const { link } = await stranger(sim, relay)
    const deaf = await stranger(sim, relay, { extensions: {} })
    for (let length = 0; length < 40; length++) {
      for (const type of [0, 1, 2, 3, 255]) {
        const payload = new Uint8Array(length).fill(9)
        payload.set([type, length % 3].slice(0, length))
        link.send({ type: 'extended', id: OURS.ut_holepunch, payload })
      }
    }
    say(deaf.link, { type: 'rendezvous', address: addressOf({ ip: '10.77.0.1' }) })
    await sim.network.advance(5_000)
    expect(told(deaf.link)).toEqual([])
    expect([link.closed, deaf.link.closed]).toEqual([false, false])
  })

  const sent = new Map<string, number>()
  scenario(
    'rations what a peer can make us do',
    async (sim) => {
      const member = await sim.join(torrent, utp)
      const { link } = await stranger(sim, member)
      const far = await stranger(sim, member, { ip: '203.0.113.9' })
      const victims = Array.from({ length: 200 }, (_, i) => `10.50.0.${i + 1}`)
      for (const ip of victims) {
        say(link, { type: 'connect', address: { host: ip, port: 53 } })
        say(far.link, { type: 'connect', address: { host: ip, port: 53 } })
        say(link, { type: 'rendezvous', address: { host: ip, port: 53 } })
      }
      await sim.network.advance(59_000)
      const dialled = victims.filter((ip) => sent.has(`${ip}:53`))
      expect(dialled.length).toBe(10)
      // One attempt each: a SYN and its few resends.
      for (const ip of dialled) expect(sent.get(`${ip}:53`)).toBeLessThanOrEqual(5)
      expect(told(link).length).toBe(20)
      expect(told(far.link).length).toBe(0)
      await sim.network.advance(600_000)
      expect(victims.filter((ip) => sent.has(`${ip}:53`)).length).toBe(10)
      expect(member.torrent.stats.knownPeers).toBeLessThan(10)
    },
    {
      trace: ({ kind, to }) =>
        (kind === 'datagram' || kind === 'drop') && sent.set(to, (sent.get(to) ?? 0) + 1),
    },
  )
})
