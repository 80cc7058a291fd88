import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import { decodeExtensionHandshake } from '../../src/wire/extension.js'
import type { Message } from '../../src/wire/index.js'
import type { RawLink, RawOptions } from './raw-peer.js'
import { at, content, contentOfFiles, KIB, scenario } from './world.js'

const torrent = content(256 * KIB, 16 * KIB)
const PIECES = 16
const DONT_HAVE = 3

function hello(keys: Parameters<typeof encode>[0] = {}): Message {
  return { type: 'extended', id: 0, payload: encode({ m: {}, ...(keys as object) }) }
}

/** What a link was told in extension handshakes about downloading, in order. */
function told(link: RawLink | undefined): (boolean | undefined)[] {
  return (link?.received ?? []).flatMap((message) =>
    message.type === 'extended' && message.id === 0
      ? [decodeExtensionHandshake(message.payload)?.uploadOnly]
      : [],
  )
}

function dontHave(piece: number): Message {
  return { type: 'extended', id: DONT_HAVE, payload: Uint8Array.of(0, 0, piece >> 8, piece & 255) }
}

const speaks: RawOptions = { extended: true }

describe('partial seeds (BEP 21)', () => {
  scenario('tell when they stop downloading', async (sim) => {
    const set = contentOfFiles([64 * KIB, 64 * KIB], 16 * KIB)
    const seed = await sim.join(set, { seed: true, host: { upload: 64 * KIB } })
    const member = await sim.join(set, { add: { select: [0], peers: [at(seed)] } })
    const peer = await sim.rawTo(member, set, {
      ...speaks,
      open: (link) => link.send({ type: 'have-none' }, hello()),
    })
    expect(await sim.run(member.torrent.done, 60_000)).toBe('complete')
    await sim.network.advance(1_000)
    expect(told(peer.links[0])).toEqual([false, true])
    member.torrent.select([0, 1])
    await sim.network.advance(100)
    expect(told(peer.links[0])).toEqual([false, true, false])
    expect(await sim.run(member.torrent.done, 60_000)).toBe('complete')
    await sim.network.advance(1_000)
    expect(told(peer.links[0])).toEqual([false, true, false, true])
    expect(peer.links[0]?.closed).toBe(false)
  })

  scenario('and seeds have nothing to do with each other', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const peer = await sim.rawTo(seed, torrent, {
      ...speaks,
      open: (link) => link.send({ type: 'have-none' }, hello({ upload_only: 1 })),
    })
    await sim.network.advance(1_000)
    expect(peer.links[0]?.closed).toBe(true)
    expect(seed.closes.map(({ code }) => code)).toEqual(['torrent/both-seeds'])
  })

  scenario('are left when they have nothing for us, and get no slot', async (sim) => {
    const member = await sim.join(torrent)
    const peer = await sim.rawTo(member, torrent, {
      ...speaks,
      open: (link) => link.send({ type: 'have-none' }, hello({ upload_only: 1 }), { type: 'interested' }),
    })
    await sim.network.advance(5_000)
    expect(peer.links[0]?.closed).toBe(false)
    expect(member.torrent.stats.seeds).toBe(1)
    expect(peer.links[0]?.received.some(({ type }) => type === 'unchoke')).toBe(false)
    await sim.network.advance(10_000)
    expect(peer.links[0]?.closed).toBe(true)
    expect(member.closes.map(({ code }) => code)).toEqual(['torrent/no-interest'])
  })
})

describe('a lost piece (BEP 54)', () => {
  const asked = (link: RawLink | undefined) =>
    (link?.received ?? []).flatMap((message) => (message.type === 'request' ? [message.piece] : []))

  for (const fast of [true, false]) {
    scenario(`is not asked for any more, ${fast ? 'with' : 'without'} fast`, async (sim) => {
      const member = await sim.join(torrent)
      const bits = new Uint8Array([0xff, 0xff])
      const peer = await sim.rawTo(member, torrent, {
        ...speaks,
        fast,
        open: (link) => {
          link.send({ type: 'bitfield', bits }, hello())
          for (let piece = 1; piece < PIECES; piece++) link.send(dontHave(piece))
          link.send(dontHave(PIECES), dontHave(1), {
            type: 'extended',
            id: DONT_HAVE,
            payload: new Uint8Array(3),
          })
        },
      })
      const link = peer.links[0]
      await sim.network.advance(1_000)
      expect(member.torrent.peers[0]?.progress).toBe(1 / PIECES)
      expect(member.torrent.peers[0]?.amInterested).toBe(true)
      link?.send({ type: 'unchoke' })
      await sim.network.advance(1_000)
      expect(asked(link)).toEqual([0])
      link?.send(dontHave(0))
      if (fast) link?.send({ type: 'reject', piece: 0, begin: 0, length: 16 * KIB })
      await sim.network.advance(1_000)
      expect(member.torrent.peers[0]).toMatchObject({ amInterested: false, outstanding: 0, progress: 0 })
      link?.send({ type: 'have', piece: 5 })
      await sim.network.advance(1_000)
      expect(asked(link)).toEqual([0, 5])
      expect(link?.closed).toBe(false)
    })
  }
})
