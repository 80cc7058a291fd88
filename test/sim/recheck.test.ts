import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import type { Message } from '../../src/wire/index.js'
import type { RawLink, RawOptions } from './raw-peer.js'
import { at, content, isWhole, KIB, type Member, scenario } from './world.js'

const torrent = content(256 * KIB, 16 * KIB)
const FILE = 'downloads/data.bin'
const DONT_HAVE = 9

/** Changes a byte of these pieces behind everybody's back. */
function spoil(member: Member, ...pieces: number[]): void {
  for (const piece of pieces) {
    const at = piece * 16 * KIB + 100
    member.host.disk.writeAt(FILE, at, Uint8Array.of((torrent.data[at] as number) ^ 1))
  }
}

/** A leecher that hears of lost pieces, and asks for nothing by itself. */
const listening: RawOptions = {
  extended: true,
  open: (link) =>
    link.send({ type: 'have-none' }, hello({ m: { lt_donthave: DONT_HAVE } }), { type: 'interested' }),
}

function hello(keys: Parameters<typeof encode>[0]): Message {
  return { type: 'extended', id: 0, payload: encode(keys) }
}

/** The pieces that a link was told to be lost. */
function told(link: RawLink | undefined): number[] {
  return (link?.received ?? []).flatMap((message) =>
    message.type === 'extended' && message.id === DONT_HAVE
      ? [new DataView(message.payload.buffer, message.payload.byteOffset).getUint32(0)]
      : [],
  )
}

describe('recheck()', () => {
  scenario('of a seed whose pieces went bad: peers are told, and give them back', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 64 * KIB } })
    const lost: number[] = []
    seed.torrent.on('lost', (piece) => lost.push(piece))
    await sim.run(seed.torrent.done)
    const raw = await sim.rawTo(seed, torrent, listening)
    const leechers = [
      await sim.join(torrent, { add: { peers: [at(seed)] } }),
      await sim.join(torrent, { add: { peers: [at(seed)] } }),
    ]
    for (const [one, other] of [leechers, leechers.toReversed()])
      (one as Member).torrent.addPeers([at(other as Member)])
    await sim.run(() => leechers.every(({ torrent }) => torrent.stats.verifiedPieces >= 8), 60_000)
    const bad = [2, 7, 12]
    spoil(seed, ...bad)
    const result = await sim.run(seed.torrent.recheck())
    expect(result).toEqual({ pieces: 16, valid: 13, missing: 3, complete: false, lost: 3, found: 0 })
    expect(lost).toEqual(bad)
    expect(seed.torrent.state).toBe('downloading')
    expect(seed.torrent.stats).toMatchObject({ left: 48 * KIB, verifiedPieces: 13, peers: 3 })
    await sim.run(Promise.all(leechers.map(({ torrent }) => torrent.done)), 60_000)
    expect(await sim.run(seed.torrent.done, 60_000)).toBe('complete')
    expect(told(raw.links[0])).toEqual(bad)
    expect(isWhole(seed.host, torrent)).toBe(true)
    for (const leecher of leechers) expect(isWhole(leecher.host, torrent)).toBe(true)
  })
})
