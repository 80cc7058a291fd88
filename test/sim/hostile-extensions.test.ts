/** Extension handshakes, peer exchange and metadata requests that are out to harm (BEP 10, 11, 9). */

import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import { encodePex } from '../../src/pex/index.js'
import { concatBytes, utf8 } from '../../src/util/bytes.js'
import { encodeExtensionHandshake } from '../../src/wire/extension.js'
import { encodeMessage, type Message } from '../../src/wire/index.js'
import { encodeMetadataMessage, METADATA_BLOCK } from '../../src/wire/metadata/index.js'
import type { RawLink, RawOptions } from './raw-peer.js'
import { at, closeCode, content, isWhole, KIB, type Member, MIB, type Sim, scenario } from './world.js'

/** Two blocks of metadata. */
const torrent = content(16 * MIB, 16 * KIB)
const { infoBytes } = torrent.metainfo
/** Ids under which a session takes messages. */
const OURS = { ut_metadata: 1, ut_pex: 2 }

const extended = (id: number, payload: Uint8Array): Message => ({ type: 'extended', id, payload })
const hello = (extensions: Readonly<Record<string, number>>, metadataSize?: number): Message =>
  extended(
    0,
    encodeExtensionHandshake({ extensions, ...(metadataSize === undefined ? {} : { metadataSize }) }),
  )

async function seedOf(sim: Sim): Promise<Member> {
  const seed = await sim.join(torrent, { seed: true })
  await sim.run(seed.torrent.done)
  return seed
}

/** What a session sends of its own accord: keep-alives and the like do not count. */
const sentBy = (link: RawLink): number => link.received.filter(({ type }) => type === 'extended').length

describe('hostile extension handshakes', () => {
  const ids = (entries: string): Uint8Array => utf8(`d1:md${entries}ee`)
  const ODD: Readonly<Record<string, Uint8Array>> = {
    'that are a list': utf8('le'),
    'that are no bencoding': utf8('GET / HTTP/1.1'),
    'that are cut': utf8('d1:md6:ut_pexi1e'),
    'that nest without end': utf8('d1:m'.repeat(20_000)),
    'with ids out of range': ids(
      '6:ut_pexi256e11:ut_metadatai-1e11:lt_donthavei99999999999999999999e3:abci1.5e',
    ),
    'with one id for all': ids('11:lt_donthavei3e12:ut_holepunchi3e11:ut_metadatai3e6:ut_pexi3e'),
    'with values of other types': encode({ m: { ut_pex: 'x', ut_metadata: [1] }, p: 'y', v: 7, reqq: [] }),
    'with 20,000 names': encode({
      m: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`x${i}`, (i % 255) + 1])),
    }),
    'with a name of 100,000 bytes': encode({ m: { ['n'.repeat(100_000)]: 1 }, v: 'v'.repeat(20_000) }),
    'with the metadata size 0': encode({ m: { ut_metadata: 9 }, metadata_size: 0 }),
    'with a port and a queue out of range': encode({ m: {}, p: 65_536, reqq: -1, yourip: 'abc' }),
  }

  scenario('change nothing', async (sim) => {
    const seed = await seedOf(sim)
    const attackers: RawLink[] = []
    for (const payload of Object.values(ODD)) {
      const open = (link: RawLink) => link.send({ type: 'have-none' }, extended(0, payload))
      attackers.push((await sim.rawTo(seed, torrent, { extended: true, open })).links[0] as RawLink)
    }
    const leecher = await sim.join(torrent, { magnet: true, add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    await sim.network.advance(90_000)
    for (const [index, name] of Object.keys(ODD).entries()) expect(attackers[index]?.closed, name).toBe(false)
    for (const { client } of seed.torrent.peers) expect(client).toMatch(/^[\x20-\x7e]{0,128}$/)
  })

  scenario('of 1 MiB end the connection', async (sim) => {
    const seed = await seedOf(sim)
    const large = encode({ m: {}, v: new Uint8Array(MIB) })
    const peer = await sim.rawTo(seed, torrent, {
      extended: true,
      open: (link) => link.send(extended(0, large)),
    })
    await sim.network.advance(5_000)
    expect(closeCode(seed, peer.host.ip)).toBe('wire/message-too-long')
    expect(seed.session.bans).toMatchObject([{ address: peer.host.ip, reason: 'wire/message-too-long' }])
  })

  scenario('repeated a thousand times are answered no more than once', async (sim) => {
    const seed = await seedOf(sim)
    const again = concatBytes(
      ...Array.from({ length: 1_000 }, (_, i) =>
        encodeMessage(hello({ [`x${i}`]: (i % 255) + 1, ut_pex: 7 })),
      ),
    )
    const peer = await sim.rawTo(seed, torrent, {
      extended: true,
      open: (link) => link.send({ type: 'have-none' }, again),
    })
    await sim.network.advance(10_000)
    const [link] = peer.links as [RawLink]
    expect(link.closed).toBe(false)
    expect(sentBy(link)).toBe(1)
  })
})

describe('hostile peer exchange', () => {
  const v4 = (...entries: readonly (readonly [number, number, number, number, number])[]): Uint8Array =>
    Uint8Array.from(entries.flatMap(([a, b, c, d, port]) => [a, b, c, d, port >> 8, port & 255]))

  /** A peer that sends one message of peer exchange every so many ms. */
  async function gossip(
    sim: Sim,
    member: Member,
    every: number,
    payload: (count: number) => Uint8Array,
    ip?: string,
  ) {
    const peer = await sim.rawTo(member, torrent, {
      extended: true,
      ...(ip === undefined ? {} : { host: { ip } }),
      open: (link) => {
        link.send({ type: 'have-none' }, hello({ ut_pex: 5 }))
        let count = 0
        const next = (): void => {
          if (link.closed) return
          link.send(extended(OURS.ut_pex, payload(count++)))
          peer.host.world.setTimer(every, next)
        }
        // The peer is not known here before the dial is over.
        queueMicrotask(next)
      },
    })
    return peer
  }

  scenario('of odd length, too often, or half a million entries long ends the connection', async (sim) => {
    const victim = await sim.join(torrent)
    const odd = await gossip(sim, victim, 41_000, () => encode({ added: new Uint8Array(7) }))
    const often = await gossip(sim, victim, 1_000, () => encodePex({ added: [], dropped: [] }))
    const vast = await gossip(sim, victim, 60_000, () => encode({ added: new Uint8Array(3_000_000).fill(9) }))
    const large = await gossip(sim, victim, 41_000, () => encode({ added: new Uint8Array(120_000).fill(9) }))
    await sim.network.advance(20_000)
    expect(closeCode(victim, often.host.ip)).toBe('pex/flood')
    expect(closeCode(victim, vast.host.ip)).toBe('wire/message-too-long')
    expect(closeCode(victim, odd.host.ip)).toBeUndefined()
    await sim.network.advance(200_000)
    expect(closeCode(victim, odd.host.ip)).toBe('pex/bad-length')
    expect(closeCode(victim, large.host.ip)).toBe('pex/too-long')
    expect(victim.torrent.stats.knownPeers).toBeLessThanOrEqual(4)
  })

  scenario(
    'with our own address, and with such as nobody can have, brings nobody else to dial',
    async (sim) => {
      const victim = await sim.join(torrent)
      const own = victim.host.ip.split('.').map(Number) as [number, number, number, number]
      const payload = encode({
        added: v4(
          [...own, 6881],
          [127, 0, 0, 1, 6881],
          [224, 0, 0, 1, 6881],
          [239, 255, 255, 250, 1900],
          [255, 255, 255, 255, 6881],
          [0, 0, 0, 0, 6881],
          [10, 200, 0, 1, 0],
          // The only one that makes sense.
          [10, 200, 0, 2, 6881],
        ),
        added6: new Uint8Array(18 * 3).map((_, i) => (i < 16 ? 0 : i < 34 ? 0xff : i === 51 ? 1 : 0)),
      })
      await gossip(sim, victim, 61_000, () => payload)
      let dialling = 0
      for (let second = 0; second < 300; second++) {
        await sim.network.advance(1_000)
        dialling = Math.max(dialling, victim.session.stats.halfOpen)
      }
      expect(dialling).toBe(1)
      expect(victim.torrent.stats.knownPeers).toBe(1)
    },
  )

  scenario('of local addresses from the other end of the world is not believed', async (sim) => {
    const victim = await sim.join(torrent)
    await gossip(
      sim,
      victim,
      61_000,
      () => encode({ added: v4([10, 200, 0, 1, 6881], [192, 168, 1, 1, 80], [198, 51, 100, 7, 6881]) }),
      '203.0.113.9',
    )
    await sim.network.advance(120_000)
    expect(victim.torrent.stats.knownPeers).toBe(1)
  })

  scenario('of new addresses every minute is a bounded part of what we know', async (sim) => {
    const victim = await sim.join(torrent)
    await gossip(sim, victim, 61_000, (count) =>
      encode({
        added: v4(
          ...Array.from(
            { length: 100 },
            (_, i) => [10, 100 + (count >> 8), count & 255, i + 1, 6881] as const,
          ),
        ),
      }),
    )
    await sim.network.advance(60 * 61_000)
    expect(victim.torrent.stats.knownPeers).toBeGreaterThan(100)
    expect(victim.torrent.stats.knownPeers).toBeLessThanOrEqual(501)
  })
})

describe('hostile metadata', () => {
  const request = (piece: number): Message =>
    extended(OURS.ut_metadata, encodeMetadataMessage({ type: 'request', piece }))
  const flood = concatBytes(...Array.from({ length: 20_000 }, (_, i) => encodeMessage(request(i & 1))))
  const asking: RawOptions = {
    extended: true,
    open: (link) => link.send({ type: 'have-none' }, hello({ ut_metadata: 9 }), flood),
  }

  scenario(
    'requests in floods end the connection, of those who have it and of those who wait',
    async (sim) => {
      const seed = await seedOf(sim)
      const waiting = await sim.join(torrent, { magnet: true })
      for (const victim of [seed, waiting]) {
        const peer = await sim.rawTo(victim, torrent, asking)
        await sim.network.advance(10_000)
        expect(closeCode(victim, peer.host.ip)).toBe('metadata/request-flood')
        const [link] = peer.links as [RawLink]
        // What it was sent until then is bounded.
        const bytes = link.received.reduce(
          (sum, { type }) => sum + (type === 'extended' ? METADATA_BLOCK : 0),
          0,
        )
        expect(bytes).toBeLessThan(40 * MIB)
      }
      waiting.torrent.addPeers([at(seed)])
      expect(await sim.run(waiting.torrent.done)).toBe('complete')
    },
  )

  /** A peer that offers the metadata and answers requests for it with these messages. */
  function offering(answer: (piece: number) => readonly Uint8Array[]): RawOptions & { asked: number[] } {
    const asked: number[] = []
    return {
      asked,
      extended: true,
      open: (link) => link.send({ type: 'have-none' }, hello({ ut_metadata: 7 }, infoBytes.length)),
      message: (link, message) => {
        if (message.type !== 'extended' || message.id !== 7) return
        const piece = Number(/5:piecei(\d+)e/.exec(Buffer.from(message.payload).toString('latin1'))?.[1])
        asked.push(piece)
        link.send(...answer(piece).map((payload) => extended(OURS.ut_metadata, payload)))
      },
    }
  }
  const data = (piece: number): Uint8Array =>
    encodeMetadataMessage({
      type: 'data',
      piece,
      totalSize: infoBytes.length,
      block: infoBytes.subarray(piece * METADATA_BLOCK, (piece + 1) * METADATA_BLOCK),
    })
  const reject = (piece: number): Uint8Array => encodeMetadataMessage({ type: 'reject', piece })

  for (const [name, answer] of Object.entries({
    'every answer twice': (piece: number) => [data(piece), data(piece)],
    'an answer and a reject': (piece: number) => [data(piece), reject(piece)],
    'other blocks besides': (piece: number) => [data(1 - piece), data(piece), data(1 - piece)],
  })) {
    scenario(`that comes with ${name} is taken`, async (sim) => {
      const peer = await sim.raw(torrent, offering(answer))
      const leecher = await sim.join(torrent, { magnet: true, add: { peers: [peer.address] } })
      expect((await sim.run(leecher.torrent.metadata, 30_000)).infoBytes).toEqual(infoBytes)
    })
  }

  scenario('that is refused for ever is asked for now and then', async (sim) => {
    const options = offering((piece) => [reject(piece)])
    const peer = await sim.raw(torrent, options)
    const leecher = await sim.join(torrent, { magnet: true, add: { peers: [peer.address] } })
    await sim.network.advance(3_600_000)
    expect(leecher.torrent.state).toBe('metadata')
    expect(options.asked.length).toBeGreaterThan(20)
    expect(options.asked.length).toBeLessThan(200)
  })

  scenario('is whole when the last of it comes, whichever peer lied before', async (sim) => {
    const liars = []
    for (let i = 0; i < 4; i++) {
      const options = offering((piece) => {
        const bytes = data(piece)
        bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ (1 + i)
        return [bytes]
      })
      liars.push(await sim.raw(torrent, options))
    }
    const honest = await sim.raw(
      torrent,
      offering((piece) => [data(piece)]),
    )
    const peers = [...liars, honest].map(({ address }) => address)
    const leecher = await sim.join(torrent, { magnet: true, add: { peers } })
    await sim.run(leecher.torrent.metadata, 300_000)
    expect(leecher.session.bans.map(({ address }) => address)).not.toContain(honest.host.ip)
    for (const { address, reason } of leecher.session.bans) {
      expect(liars.map(({ host }) => host.ip)).toContain(address)
      expect(reason).toMatch(/^metadata\//)
    }
    expect(isWhole(leecher.host, torrent)).toBe(false)
  })
})
