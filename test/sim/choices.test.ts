import { describe, expect, vi } from 'vitest'
import type { Torrent } from '../../src/index.js'
import { Selection } from '../../src/torrent/files/selection.js'
import { blockOf, type RawLink, RawPeer } from './raw-peer.js'
import { at, content, contentOfFiles, isWhole, KIB, MIB, scenario } from './world.js'

const PIECE = 64 * KIB

describe('files', () => {
  const set = contentOfFiles([100 * KIB, 300 * KIB, 10, 0, 50 * KIB, 400 * KIB], PIECE)

  scenario('that are not selected get nothing', async (sim) => {
    const seed = await sim.join(set, { seed: true })
    const leecher = await sim.join(set, { add: { peers: [at(seed)], select: [1] } })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    await sim.network.advance(1_000)
    const wanted = leecher.host.disk.readFile('downloads/set/file-1.bin')
    expect(Buffer.from(set.files[1]?.data ?? []).equals(wanted ?? new Uint8Array(0))).toBe(true)
    for (const other of [0, 2, 4, 5]) {
      expect(leecher.host.disk.readFile(`downloads/set/file-${other}.bin`), `file ${other}`).toBeUndefined()
    }
    expect(leecher.torrent.stats.verifiedPieces).toBe(6)
    leecher.torrent.select([0, 1, 2, 3, 4, 5])
    expect(leecher.torrent.state).toBe('downloading')
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, set)).toBe(true)
    expect(leecher.torrent.stats.downloaded).toBe(set.data.length)
  })

  scenario('chosen while the download runs, back and forth', async (sim) => {
    const seed = await sim.join(set, { seed: true, host: { upload: 64 * KIB } })
    const leecher = await sim.join(set, { add: { peers: [at(seed)] } })
    for (let i = 0; i < 12; i++) {
      leecher.torrent.select(i % 3 === 0 ? [i % 6] : i % 3 === 1 ? [] : [0, 4, 5])
      await sim.network.advance(700)
    }
    leecher.torrent.select([0, 1, 2, 3, 4, 5])
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, set)).toBe(true)
  })

  scenario('set one by one are heeded together, and at once by those who look', async (sim) => {
    const pieces = vi.spyOn(Selection.prototype, 'pieces')
    const seed = await sim.join(set, { seed: true })
    const { torrent } = await sim.join(set, { add: { peers: [at(seed)], paused: true } })
    pieces.mockClear()
    for (const file of torrent.files) file.priority = 0
    expect(pieces).not.toHaveBeenCalled()
    expect(torrent.stats).toMatchObject({ wanted: 0, left: 0 })
    for (const file of torrent.files) file.priority = 4
    await sim.network.advance(1)
    expect(pieces).toHaveBeenCalledTimes(2)
    expect(torrent.stats.wanted).toBe(set.data.length)
    pieces.mockRestore()
  })

  scenario('of a higher priority come first', async (sim) => {
    const seed = await sim.join(set, { seed: true, host: { upload: 64 * KIB } })
    const leecher = await sim.join(set, {
      add: { peers: [at(seed)] },
      added: (torrent: Torrent) => {
        const file = torrent.files[5]
        if (file) file.priority = 7
      },
    })
    const [last] = leecher.torrent.files.slice(5)
    await sim.run(() => last?.progress === 1, 60_000)
    expect(leecher.torrent.stats.verifiedPieces).toBeLessThanOrEqual(9)
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
  })

  scenario('with pads are stored without them', async (sim) => {
    const padded = contentOfFiles([100 * KIB, -(28 * KIB), 70 * KIB, -(58 * KIB), 1], PIECE)
    const seed = await sim.join(padded, { seed: true })
    const leecher = await sim.join(padded, { add: { peers: [at(seed)] } })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, padded)).toBe(true)
    expect(leecher.host.disk.paths.filter((path) => path.includes('pad'))).toEqual([])
    expect(leecher.torrent.stats).toMatchObject({
      size: 170 * KIB + 1,
      verified: 170 * KIB + 1,
      progress: 1,
    })
  })

  for (const [name, lengths] of Object.entries({
    'of one byte': [1],
    'smaller than a block': [5_000],
    'with a last piece of one byte': [4 * PIECE + 1],
    'a hundred tiny ones': Array.from({ length: 100 }, (_, i) => i * 13),
  })) {
    scenario(`${name} arrive`, async (sim) => {
      const odd = contentOfFiles(lengths, PIECE)
      const seed = await sim.join(odd, { seed: true })
      const leecher = await sim.join(odd, { add: { peers: [at(seed)] } })
      expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
      expect(isWhole(leecher.host, odd)).toBe(true)
    })
  }
})

describe('pieces', () => {
  scenario('of 16 KiB arrive from several peers', async (sim) => {
    const small = content(2 * MIB + 100, 16 * KIB)
    const seeds = [await sim.join(small, { seed: true }), await sim.join(small, { seed: true })]
    const leecher = await sim.join(small, { add: { peers: seeds.map(at) } })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, small)).toBe(true)
    expect(leecher.torrent.stats.wasted).toBeLessThan(0.1 * small.data.length)
  })

  scenario('larger than the memory for them arrive from several peers', async (sim) => {
    const large = content(4 * MIB, 2 * MIB)
    const seeds = []
    for (let i = 0; i < 3; i++) seeds.push(await sim.join(large, { seed: true, host: { upload: 512 * KIB } }))
    const leecher = await sim.join(large, {
      add: { peers: seeds.map(at) },
      session: { limits: { pieceBytesPerTorrent: MIB } },
    })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, large)).toBe(true)
  })

  scenario('come in order when asked to', async (sim) => {
    const subject = content(2 * MIB, PIECE)
    const seed = await sim.join(subject, { seed: true, host: { upload: 256 * KIB } })
    const leecher = await sim.join(subject, { add: { peers: [at(seed)], sequential: true } })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    for (const [index, piece] of leecher.pieces.entries())
      expect(Math.abs(piece - index)).toBeLessThanOrEqual(2)
  })

  scenario('half done by peers that left do not keep others from being opened', async (sim) => {
    const subject = content(1 * MIB, 128 * KIB)
    // Room for two open pieces; the first peer has two, gives half of each and is gone.
    const half = new RawPeer(sim.network, subject, {
      open: (link) => link.send({ type: 'bitfield', bits: new Uint8Array([0xc0]) }, { type: 'unchoke' }),
      message: (link, message) => {
        if (message.type === 'request' && message.begin < 64 * KIB) link.send(blockOf(subject, message))
      },
    })
    await sim.run(half.listen())
    const other = await sim.raw(subject, {
      open: (link) => link.send({ type: 'bitfield', bits: new Uint8Array([0x3f]) }, { type: 'unchoke' }),
      message: (link: RawLink, message) => {
        if (message.type === 'request') link.send(blockOf(subject, message))
      },
    })
    const leecher = await sim.join(subject, {
      add: { peers: [half.address] },
      session: { limits: { pieceBytesPerTorrent: 256 * KIB } },
    })
    await sim.network.advance(2_000)
    expect(leecher.torrent.stats.downloaded).toBe(128 * KIB)
    half.links[0]?.stream.destroy()
    half.host.online = false
    leecher.torrent.addPeers([other.address])
    await sim.run(() => leecher.torrent.stats.verifiedPieces === 6, 180_000)
  })
})

describe('streams', () => {
  const movie = content(4 * MIB, PIECE)

  async function take(stream: AsyncGenerator<Uint8Array, void, undefined> | undefined): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const chunk of stream ?? []) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  scenario('from the middle come early', async (sim) => {
    const seed = await sim.join(movie, { seed: true, host: { upload: 128 * KIB } })
    const leecher = await sim.join(movie, { add: { peers: [at(seed)] } })
    await sim.network.advance(1_000)
    const start = 3 * MIB + 1_000
    const end = start + 300 * KIB
    const got = await sim.run(take(leecher.torrent.files[0]?.stream({ start, end })), 10_000)
    expect(Buffer.from(movie.data.subarray(start, end + 1)).equals(got)).toBe(true)
    expect(leecher.torrent.state).toBe('downloading')
    expect(leecher.torrent.stats.progress).toBeLessThan(0.4)
    const tail = await sim.run(
      take(leecher.torrent.files[0]?.stream({ start: movie.data.length - 10 })),
      10_000,
    )
    expect(tail).toHaveLength(10)
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(leecher.host, movie)).toBe(true)
  })

  scenario('are not held up by a peer that stalls on what is due', async (sim) => {
    const stuck = await sim.raw(movie, {
      open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
    })
    const leecher = await sim.join(movie, { add: { peers: [stuck.address] } })
    await sim.network.advance(500)
    const reading = take(leecher.torrent.files[0]?.stream({ end: 100 * KIB - 1 }))
    await sim.network.advance(500)
    const seed = await sim.join(movie, { seed: true, host: { upload: 256 * KIB } })
    leecher.torrent.addPeers([at(seed)])
    expect(await sim.run(reading, 15_000)).toHaveLength(100 * KIB)
  })

  /** Reads the first bytes of a range that nobody has given yet. */
  const begin = (torrent: Torrent, start: number, end: number, signal: AbortSignal): Promise<unknown> =>
    torrent.files[0]
      ?.stream({ start, end, signal })
      .next()
      .catch(() => undefined) ?? Promise.resolve()

  scenario('leave nothing urgent behind after an abort', async (sim) => {
    const seed = await sim.join(movie, { seed: true, host: { upload: 256 * KIB } })
    const leecher = await sim.join(movie)
    await sim.run(leecher.torrent.ready)
    const abort = new AbortController()
    const gone = begin(leecher.torrent, 0, 3 * MIB - 1, abort.signal)
    await sim.network.advance(100)
    abort.abort()
    await sim.run(gone)
    leecher.torrent.addPeers([at(seed)])
    await sim.run(() => leecher.pieces.length >= 12, 60_000)
    expect(leecher.pieces.slice(0, 12)).not.toEqual([...Array(12).keys()])
  })

  scenario('fetch what is there after a seek, not what was before', async (sim) => {
    const seed = await sim.join(movie, { seed: true, host: { upload: 256 * KIB } })
    const leecher = await sim.join(movie)
    await sim.run(leecher.torrent.ready)
    const abort = new AbortController()
    const gone = begin(leecher.torrent, 0, 3 * MIB - 1, abort.signal)
    await sim.network.advance(100)
    abort.abort()
    const end = 3 * MIB + 5 * PIECE - 1
    const sought = take(leecher.torrent.files[0]?.stream({ start: 3 * MIB, end }))
    await sim.run(gone)
    await sim.network.advance(100)
    leecher.torrent.addPeers([at(seed)])
    await sim.run(sought, 60_000)
    expect(leecher.pieces.slice(0, 5).sort()).toEqual([48, 49, 50, 51, 52])
  })

  scenario('keep what another reader needs urgent', async (sim) => {
    const seed = await sim.join(movie, { seed: true, host: { upload: 256 * KIB } })
    const leecher = await sim.join(movie)
    await sim.run(leecher.torrent.ready)
    const abort = new AbortController()
    const gone = begin(leecher.torrent, 0, 3 * MIB - 1, abort.signal)
    const end = 2 * MIB + 5 * PIECE - 1
    const other = take(leecher.torrent.files[0]?.stream({ start: 2 * MIB, end }))
    await sim.network.advance(100)
    abort.abort()
    await sim.run(gone)
    leecher.torrent.addPeers([at(seed)])
    await sim.run(other, 60_000)
    expect(leecher.pieces.slice(0, 5).sort()).toEqual([32, 33, 34, 35, 36])
  })

  scenario('want nothing behind their range', async (sim) => {
    const seed = await sim.join(movie, { seed: true, host: { upload: 256 * KIB } })
    const leecher = await sim.join(movie)
    await sim.run(leecher.torrent.ready)
    const reading = take(leecher.torrent.files[0]?.stream({ start: 2 * MIB, end: 2 * MIB + 2 * PIECE - 1 }))
    await sim.network.advance(100)
    leecher.torrent.addPeers([at(seed)])
    await sim.run(reading, 60_000)
    await sim.run(() => leecher.pieces.length >= 10, 60_000)
    expect(leecher.pieces.slice(0, 2).sort()).toEqual([32, 33])
    expect(leecher.pieces.slice(2, 10)).not.toEqual([34, 35, 36, 37, 38, 39, 40, 41])
  })

  scenario('end when they are aborted, and when the torrent fails or closes', async (sim) => {
    const leecher = await sim.join(movie)
    await sim.run(leecher.torrent.ready)
    const file = leecher.torrent.files[0]
    const abort = new AbortController()
    const aborted = take(file?.stream({ signal: abort.signal }))
    const closed = take(file?.stream())
    await sim.network.advance(100)
    abort.abort(new Error('enough'))
    await expect(sim.run(aborted)).rejects.toThrow('enough')
    await sim.run(leecher.torrent.close())
    await expect(sim.run(closed)).rejects.toMatchObject({ code: 'torrent/closed' })
  })

  scenario('of a seed read the disk', async (sim) => {
    const seed = await sim.join(movie, { seed: true })
    const got = await sim.run(take(seed.torrent.files[0]?.stream()), 10_000)
    expect(Buffer.from(movie.data).equals(got)).toBe(true)
  })
})
