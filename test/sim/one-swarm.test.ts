/**
 * A connection is the same before and after the metadata: what peers do wrong earns the same, and those who met
 * over a magnet link go on with each other.
 */

import { describe, expect } from 'vitest'
import { concatBytes } from '../../src/util/bytes.js'
import { decodeExtensionHandshake, encodeExtensionHandshake } from '../../src/wire/extension.js'
import { encodeMessage, type Message } from '../../src/wire/index.js'
import { encodeMetadataMessage } from '../../src/wire/metadata/index.js'
import { frame, type RawLink, type RawOptions } from './raw-peer.js'
import { at, closeCode, content, isWhole, KIB, type Member, type Sim, scenario } from './world.js'

const torrent = content(256 * KIB, 16 * KIB)
/** A magnet is without metadata, a torrent file without data: nobody else is there. */
const PHASES = { 'before the metadata': true, 'with the metadata': false }

const many = (count: number, message: (index: number) => Message): Uint8Array =>
  concatBytes(...Array.from({ length: count }, (_, index) => encodeMessage(message(index))))
const helloOf = (extensions: Readonly<Record<string, number>>): Message => ({
  type: 'extended',
  id: 0,
  payload: encodeExtensionHandshake({ extensions }),
})

interface Offence {
  readonly code: string
  readonly send: (link: RawLink) => void
  /** Banned at once: nobody does it by mistake. */
  readonly flood?: boolean
}

const OFFENCES: Readonly<Record<string, Offence>> = {
  'a message without end': {
    code: 'wire/message-too-long',
    flood: true,
    send: (link) => link.send(frame(0x7fffffff, 20)),
  },
  'a flood of requests for metadata': {
    code: 'metadata/request-flood',
    flood: true,
    send: (link) =>
      link.send(
        helloOf({ ut_metadata: 9 }),
        many(2_000, (piece) => ({
          type: 'extended',
          id: 1,
          payload: encodeMetadataMessage({ type: 'request', piece: 1_000_000 + piece }),
        })),
      ),
  },
  'a flood of chokes': {
    code: 'torrent/choke-flood',
    send: (link) => link.send(many(402, (index) => ({ type: index & 1 ? 'choke' : 'unchoke' }))),
  },
  'a have of no length': { code: 'wire/bad-length', send: (link) => link.send(frame(1, 4)) },
  'everything and nothing in turn': {
    code: 'wire/pieces-flood',
    send: (link) => link.send(many(402, (index) => ({ type: index & 1 ? 'have-none' : 'have-all' }))),
  },
}

/** A host that dials `victim` again and again, and does what it does each time. */
async function offend(sim: Sim, victim: Member, { send }: Offence, times: number): Promise<string> {
  const options: RawOptions = {
    extended: true,
    open: (link) => {
      link.send({ type: 'have-none' })
      send(link)
    },
  }
  const peer = await sim.rawTo(victim, torrent, options)
  await sim.network.advance(3_000)
  for (let time = 1; time < times; time++) {
    await sim.run(peer.dial(victim.host))
    await sim.network.advance(3_000)
  }
  return peer.host.ip
}

for (const [phase, magnet] of Object.entries(PHASES)) {
  describe(`a peer ${phase}`, () => {
    for (const [name, offence] of Object.entries(OFFENCES)) {
      scenario(`is closed, counted and banned for ${name}`, async (sim) => {
        const victim = await sim.join(torrent, { magnet })
        const others = await sim.join(torrent, { magnet, add: { peers: [at(victim)] } })
        await sim.run(() => victim.torrent.peers.length === 1)
        if (!offence.flood) {
          const mild = await offend(sim, victim, offence, 3)
          expect(closeCode(victim, mild)).toBe(offence.code)
          expect(victim.session.bans, 'three may be a fault').toEqual([])
        }
        const ip = await offend(sim, victim, offence, offence.flood ? 1 : 4)
        expect(victim.closes.filter(({ address }) => address.startsWith(`${ip}:`))).toHaveLength(
          offence.flood ? 1 : 4,
        )
        expect(closeCode(victim, ip)).toBe(offence.code)
        expect(victim.session.bans).toMatchObject([{ address: ip, reason: offence.code }])
        expect(victim.warnings.map(({ code }) => code)).toContain(offence.code)
        expect(victim.torrent.peers.map(({ client }) => client)).toEqual(
          others.torrent.peers.map(({ client }) => client),
        )
      })
    }

    scenario('that connects twice stays once', async (sim) => {
      const victim = await sim.join(torrent, { magnet })
      const peerId = new Uint8Array(20).fill(65)
      const first = await sim.rawTo(victim, torrent, { peerId })
      await sim.network.advance(1_000)
      const crowd: RawLink[] = []
      for (let i = 0; i < 20; i++) {
        const again = await sim.rawTo(victim, torrent, { peerId })
        await sim.network.advance(1_000)
        crowd.push(again.links[0] as RawLink)
      }
      expect(victim.torrent.peers.map(({ address }) => address.split(':')[0])).toEqual([first.host.ip])
      expect(crowd.every((link) => link.closed)).toBe(true)
    })

    scenario('that we dial while it dials us is one connection', async (sim) => {
      for (let round = 0; round < 5; round++) {
        const one = await sim.join(torrent, { magnet, add: { paused: true } })
        const two = await sim.join(torrent, { magnet, add: { paused: true } })
        const pair = [one, two]
        if (!magnet) await sim.run(Promise.all(pair.map((member) => member.torrent.ready)))
        one.torrent.addPeers([at(two)])
        two.torrent.addPeers([at(one)])
        for (const member of pair) void member.torrent.resume()
        await sim.network.advance(3_000)
        for (const member of pair) expect(member.torrent.peers).toHaveLength(1)
        await sim.run(Promise.all(pair.map((member) => member.session.close())))
      }
    })

    scenario('hears at once whether we prefer encryption, and that we download', async (sim) => {
      const victim = await sim.join(torrent, { magnet, session: { encryption: 'preferred' } })
      const peer = await sim.rawTo(victim, torrent, { extended: true })
      const told = () =>
        peer.links[0]?.received.flatMap((message) =>
          message.type === 'extended' && message.id === 0 ? [decodeExtensionHandshake(message.payload)] : [],
        )
      await sim.network.advance(2_000)
      expect(told()).toMatchObject([{ prefersEncryption: true, uploadOnly: false }])
    })
  })
}

describe('a swarm', () => {
  scenario('of 30 that begins with one seed and 29 magnets completes', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const magnets: Member[] = []
    for (let i = 0; i < 29; i++) {
      // Each knows one that came before it; only the first knows the seed.
      const knows = magnets.at(-1) ?? seed
      magnets.push(await sim.join(torrent, { magnet: true, add: { peers: [at(knows)] } }))
    }
    await sim.run(Promise.all(magnets.map((member) => member.torrent.done)), 600_000)
    for (const member of magnets) {
      expect(isWhole(member.host, torrent)).toBe(true)
      expect(member.torrent.metainfo?.infoBytes).toEqual(torrent.metainfo.infoBytes)
      expect(member.session.bans).toEqual([])
      // Nobody was sent away but for having everything, or for having come twice.
      const codes = new Set(member.closes.map(({ code }) => code))
      for (const code of ['torrent/both-seeds', 'torrent/duplicate', 'torrent/no-interest', 'net/ended'])
        codes.delete(code)
      expect([...codes]).toEqual([])
    }
  })

  scenario('in which all wait for the seed completes when it comes, however late', async (sim) => {
    const magnets: Member[] = []
    for (let i = 0; i < 8; i++) {
      const known = magnets.length > 0 ? [at(magnets.at(-1) as Member)] : []
      magnets.push(await sim.join(torrent, { magnet: true, add: { peers: known } }))
    }
    // Longer than two that want nothing of each other stay together otherwise.
    await sim.network.advance(620_000)
    expect(magnets.every((member) => member.torrent.state === 'metadata')).toBe(true)
    const waited = magnets.map((member) => member.torrent.stats.peers)
    expect(Math.min(...waited), 'those that want nothing of each other yet stay').toBeGreaterThan(4)
    const last = magnets.at(-1) as Member
    await sim.join(torrent, { seed: true, add: { peers: [at(last)] } })
    await sim.run(Promise.all(magnets.map((member) => member.torrent.done)), 600_000)
    for (const member of magnets) expect(isWhole(member.host, torrent)).toBe(true)
  })
})
