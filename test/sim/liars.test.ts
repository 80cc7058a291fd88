import { describe, expect } from 'vitest'
import { blockOf, type RawOptions, seeding } from './raw-peer.js'
import { at, closeCode, content, isWhole, KIB, type Member, scenario } from './world.js'

const torrent = content(2048 * KIB, 128 * KIB)
const spoil = (data: Uint8Array) => {
  data[7] = (data[7] as number) ^ 1
}

describe('corrupt data', () => {
  scenario('from a lone seed bans it at the first piece', async (sim) => {
    const liar = await sim.raw(torrent, seeding(torrent, spoil))
    const leecher = await sim.join(torrent, { add: { peers: [liar.address] } })
    await sim.run(() => liar.links[0]?.closed === true)
    expect(closeCode(leecher, liar.host.ip)).toBe('torrent/corrupt-data')
    expect(leecher.warnings.map(({ code }) => code)).toContain('torrent/corrupt-data')
    expect(leecher.torrent.stats.verifiedPieces).toBe(0)
    expect(leecher.torrent.stats.wasted).toBeGreaterThanOrEqual(128 * KIB)
    expect(leecher.torrent.stats.wasted).toBeLessThan(4 * 128 * KIB)
    await sim.network.advance(600_000)
    expect(liar.links).toHaveLength(1)
    const seed = await sim.join(torrent, { seed: true })
    leecher.torrent.addPeers([at(seed)])
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
  })

  scenario('from one of several seeds bans the liar and nobody else', async (sim) => {
    const seeds = []
    for (let i = 0; i < 3; i++)
      seeds.push(await sim.join(torrent, { seed: true, host: { upload: 64 * KIB } }))
    const liar = await sim.raw(torrent, { ...seeding(torrent, spoil), host: { upload: 64 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [liar.address, ...seeds.map(at)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(banned(leecher)).toEqual([liar.address])
    for (const seed of seeds) expect(closeCode(leecher, seed.host.ip)).toBe('torrent/both-seeds')
  })

  scenario('in a single block of each piece, from one of several, bans the liar', async (sim) => {
    const big = content(4096 * KIB, 512 * KIB)
    const seeds = []
    for (let i = 0; i < 3; i++) seeds.push(await sim.join(big, { seed: true, host: { upload: 64 * KIB } }))
    const liar = await sim.raw(big, { ...seeding(big, spoil), host: { upload: 16 * KIB } })
    const leecher = await sim.join(big, { add: { peers: [liar.address, ...seeds.map(at)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, big)).toBe(true)
    for (const address of banned(leecher)) expect(address).toBe(liar.address)
    for (const seed of seeds) expect(closeCode(leecher, seed.host.ip)).toBe('torrent/both-seeds')
  })

  scenario('of one bad piece does not condemn two honest seeds of a broken file', async (sim) => {
    // Both hold the same wrong byte: nobody can give piece 3, but everything else arrives.
    const bad = (data: Uint8Array, piece: number) => {
      if (piece === 3) spoil(data)
    }
    const first = await sim.raw(torrent, { ...seeding(torrent, bad), host: { upload: 64 * KIB } })
    const second = await sim.raw(torrent, { ...seeding(torrent, bad), host: { upload: 64 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [first.address, second.address] } })
    await sim.network.advance(300_000)
    expect(leecher.torrent.stats.verifiedPieces).toBeLessThanOrEqual(torrent.metainfo.pieceCount - 1)
    const seed = await sim.join(torrent, { seed: true })
    leecher.torrent.addPeers([at(seed)])
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
  })

  scenario('that comes twice, cancelled or not, is dropped', async (sim) => {
    const twice: RawOptions = {
      fast: false,
      open: (link) => link.send({ type: 'bitfield', bits: full() }, { type: 'unchoke' }),
      message: (link, message) => {
        if (message.type !== 'request') return
        link.send(blockOf(torrent, message), blockOf(torrent, message, spoil))
      },
    }
    const peer = await sim.raw(torrent, twice)
    const seed = await sim.join(torrent, { seed: true, host: { upload: 64 * KIB } })
    const leecher = await sim.join(torrent, { add: { peers: [peer.address, at(seed)] } })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(closeCode(leecher, peer.host.ip)).toBe('wire/unrequested-piece')
  })
})

describe('peers that do not deliver', () => {
  const stalling: Record<string, RawOptions> = {
    'never unchoke': { open: (link) => link.send({ type: 'have-all' }) },
    'never send': { open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }) },
    'send one byte a minute': {
      open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
      message: drip(0),
    },
    'stop in the middle of a block': {
      open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
      message: drip(5_000),
    },
    'reject everything': {
      open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
      message: (link, message) => {
        if (message.type === 'request') link.send({ ...message, type: 'reject' })
      },
    },
    'choke and unchoke all the time': {
      fast: false,
      open: (link) => link.send({ type: 'bitfield', bits: full() }, { type: 'unchoke' }),
      message: (link, message) => {
        if (message.type === 'request') link.send({ type: 'choke' }, { type: 'unchoke' })
      },
    },
    'leave as soon as they are asked': {
      open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
      message: (link, message) => {
        if (message.type === 'request') link.stream.destroy()
      },
    },
  }
  for (const [name, options] of Object.entries(stalling)) {
    scenario(`because they ${name}, do not hold up the download from a slow seed`, async (sim) => {
      const seed = await sim.join(torrent, { seed: true, host: { upload: 128 * KIB } })
      const peers = []
      for (let i = 0; i < 3; i++) peers.push(await sim.raw(torrent, options))
      const addresses = peers.map((peer) => peer.address)
      const leecher = await sim.join(torrent, { add: { peers: addresses } })
      await sim.network.advance(1_000)
      leecher.torrent.addPeers([at(seed)])
      expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
      expect(isWhole(leecher.host, torrent)).toBe(true)
      expect(banned(leecher)).toEqual([])
    })
  }

  scenario('because they send one byte a minute, are closed in the end', async (sim) => {
    const slow = await sim.raw(torrent, {
      open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
      message: drip(0),
    })
    const leecher = await sim.join(torrent, { add: { peers: [slow.address] } })
    await sim.run(() => slow.links[0]?.closed === true, 600_000)
    expect(closeCode(leecher, slow.host.ip)).toBe('wire/idle')
  })

  for (const fast of [true, false]) {
    scenario(`while they choke (fast: ${fast}) are asked again when they unchoke`, async (sim) => {
      let asked = 0
      const moody = await sim.raw(torrent, {
        fast,
        open: (link) => link.send({ type: 'bitfield', bits: full() }, { type: 'unchoke' }),
        message: (link, message) => {
          if (message.type !== 'request') return
          if (++asked % 20 !== 0) {
            link.send(blockOf(torrent, message))
            return
          }
          link.send({ type: 'choke' })
          if (fast) link.send({ ...message, type: 'reject' })
          moody.host.world.setTimer(500, () => link.send({ type: 'unchoke' }))
        },
      })
      const leecher = await sim.join(torrent, { add: { peers: [moody.address] } })
      expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
      expect(isWhole(leecher.host, torrent)).toBe(true)
    })
  }

  scenario('at first, deliver what they were asked for when they come to life', async (sim) => {
    const late = await sim.raw(torrent, {
      open: (link) => {
        link.send({ type: 'have-all' })
        late.host.world.setTimer(60_000, () => link.send({ type: 'unchoke' }))
      },
      message: (link, message) => {
        if (message.type === 'request') link.send(blockOf(torrent, message))
      },
    })
    const leecher = await sim.join(torrent, { add: { peers: [late.address] } })
    expect(await sim.run(leecher.torrent.done, 90_000)).toBe('complete')
  })
})

/** Answers the first request with `at` bytes at once, the rest at one byte a minute. */
function drip(at: number): NonNullable<RawOptions['message']> {
  return (link, message) => {
    if (message.type !== 'request' || link.received.filter(({ type }) => type === 'request').length > 1)
      return
    const { piece, begin, length } = message
    const bytes = new Uint8Array(13 + length)
    new DataView(bytes.buffer).setUint32(0, 9 + length)
    bytes[4] = 7
    new DataView(bytes.buffer).setUint32(5, piece)
    new DataView(bytes.buffer).setUint32(9, begin)
    bytes.set(torrent.data.subarray(piece * torrent.metainfo.pieceLength + begin).subarray(0, length), 13)
    link.send(bytes.subarray(0, at))
    link.drip(bytes.subarray(at), 60_000)
  }
}

function full(): Uint8Array {
  return new Uint8Array(torrent.metainfo.pieceCount / 8).fill(255)
}

function banned(member: Member): string[] {
  return member.warnings
    .filter(({ message }) => message.endsWith('was banned'))
    .map(({ message }) => message.split(' ')[0] as string)
}
