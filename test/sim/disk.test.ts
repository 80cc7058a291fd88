import { describe, expect } from 'vitest'
import { StorageError } from '../../src/storage/backend/error.js'
import type { DiskOperation } from '../../src/testing/index.js'
import { at, content, contentOfFiles, isWhole, KIB, type Member, MIB, type Sim, scenario } from './world.js'

const torrent = content(2 * MIB, 128 * KIB)
const files = contentOfFiles([300 * KIB, 200 * KIB, 0, 524 * KIB], 64 * KIB)

/** A seed of `files` whose session also seeds `torrent`. */
async function seedOfTwo(sim: Sim) {
  const seed = await sim.join(files, { seed: true })
  seed.host.disk.writeFile('downloads/data.bin', torrent.data)
  const other = await sim.run(seed.session.add(torrent.metainfo))
  await sim.run(Promise.all([seed.torrent.done, other.done]))
  return { seed, other }
}

/** The other torrent of the session still serves a whole download. */
async function otherLives(sim: Sim, seed: Member) {
  const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
  expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
  expect(isWhole(leecher.host, torrent)).toBe(true)
}

describe('files that suffer while they are seeded', () => {
  const path = 'downloads/set/file-1.bin'
  const blows: Record<
    string,
    { code: string; strike: (seed: Member) => void; heal: (seed: Member) => void }
  > = {
    changed: {
      code: 'storage/changed',
      strike: (seed) => seed.host.disk.writeAt(path, 70_000, new Uint8Array(1000)),
      heal: (seed) => seed.host.disk.writeFile(path, files.files[1]?.data ?? new Uint8Array(0)),
    },
    cut: {
      code: 'storage/missing',
      strike: (seed) => seed.host.disk.writeFile(path, new Uint8Array(100)),
      heal: (seed) => seed.host.disk.writeFile(path, files.files[1]?.data ?? new Uint8Array(0)),
    },
    deleted: {
      code: 'storage/missing',
      strike: (seed) => seed.host.disk.deleteFile(path),
      heal: (seed) => seed.host.disk.writeFile(path, files.files[1]?.data ?? new Uint8Array(0)),
    },
    unreadable: {
      code: 'storage/permission',
      strike: (seed) => {
        seed.host.disk.fault = (operation) => (touches(operation, path) ? 'EACCES' : undefined)
      },
      heal: (seed) => {
        seed.host.disk.fault = undefined
      },
    },
    'on a broken disk': {
      code: 'storage/io',
      strike: (seed) => {
        seed.host.disk.fault = (operation) => (touches(operation, path) ? 'EIO' : undefined)
      },
      heal: (seed) => {
        seed.host.disk.fault = undefined
      },
    },
  }
  for (const [name, { code, strike, heal }] of Object.entries(blows)) {
    scenario(`${name}: the torrent stops and names the file, others go on, resume() mends`, async (sim) => {
      const { seed } = await seedOfTwo(sim)
      const errors: unknown[] = []
      seed.torrent.on('error', (error) => errors.push(error))
      await sim.network.advance(5_000)
      strike(seed)
      const leecher = await sim.join(files, { add: { peers: [at(seed)] } })
      await sim.run(() => seed.torrent.state === 'error', 60_000)
      expect(errors).toHaveLength(1)
      expect(errors[0]).toBeInstanceOf(StorageError)
      expect(seed.torrent.error?.code).toMatch(/^storage\/(changed|missing|permission|io)$/)
      if (name !== 'cut') expect(seed.torrent.error?.code).toBe(code)
      expect(seed.torrent.error?.message).toContain('file-1.bin')
      expect(seed.torrent.peers).toEqual([])
      await otherLives(sim, seed)
      heal(seed)
      void seed.torrent.resume()
      expect(await sim.run(leecher.torrent.done, 600_000)).toBe('complete')
      expect(isWhole(leecher.host, files)).toBe(true)
      expect(seed.torrent.state).toBe('seeding')
      expect(errors).toHaveLength(1)
    })
  }

  scenario('deleted for good are fetched again from others after resume()', async (sim) => {
    const { seed } = await seedOfTwo(sim)
    const second = await sim.join(files, { seed: true })
    await sim.network.advance(5_000)
    seed.host.disk.deleteFile(path)
    const leecher = await sim.join(files, { add: { peers: [at(seed)] } })
    await sim.run(() => seed.torrent.state === 'error', 60_000)
    seed.torrent.addPeers([at(second)])
    leecher.torrent.addPeers([at(second)])
    void seed.torrent.resume()
    await sim.run(seed.torrent.ready, 60_000).catch(() => {})
    expect(await sim.run(seed.torrent.done, 120_000)).toBe('complete')
    expect(await sim.run(leecher.torrent.done, 120_000)).toBe('complete')
    expect(isWhole(seed.host, files)).toBe(true)
    expect(isWhole(leecher.host, files)).toBe(true)
  })
})

describe('files that are lost half way', () => {
  scenario('are noticed when somebody asks for them, and fetched again after resume()', async (sim) => {
    const seed = await sim.join(files, { seed: true, host: { upload: 48 * KIB } })
    const leecher = await sim.join(files, { add: { peers: [at(seed)], sequential: true } })
    leecher.torrent.on('error', () => {})
    await sim.run(() => leecher.torrent.files[0]?.progress === 1, 60_000)
    await sim.network.advance(300)
    leecher.host.disk.deleteFile('downloads/set/file-0.bin')
    const other = await sim.join(files, { add: { peers: [at(leecher)] } })
    await sim.run(() => leecher.torrent.state === 'error', 60_000)
    expect(leecher.torrent.error?.code).toBe('storage/missing')
    void leecher.torrent.resume()
    await sim.run(leecher.torrent.ready)
    expect(leecher.torrent.files[0]?.verified).toBe(0)
    expect(await sim.run(leecher.torrent.done, 120_000)).toBe('complete')
    expect(await sim.run(other.torrent.done, 120_000)).toBe('complete')
    expect(isWhole(leecher.host, files)).toBe(true)
    expect(isWhole(other.host, files)).toBe(true)
  })
})

describe('disks that fail a download', () => {
  scenario('because they are full: resume() goes on, nothing verified is lost', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 512 * KIB } })
    const leecher = await sim.join(torrent, {
      add: { peers: [at(seed)] },
      host: { disk: { capacity: 700 * KIB } },
    })
    await expect(sim.run(leecher.torrent.done, 60_000)).rejects.toMatchObject({ code: 'storage/disk-full' })
    expect(leecher.torrent.state).toBe('error')
    expect(leecher.torrent.error?.message).toContain('data.bin')
    const { verifiedPieces, downloaded } = leecher.torrent.stats
    expect(verifiedPieces).toBeGreaterThan(2)
    void leecher.torrent.resume()
    await expect(sim.run(leecher.torrent.done, 60_000)).rejects.toMatchObject({ code: 'storage/disk-full' })
    expect(leecher.torrent.stats.verifiedPieces).toBeGreaterThanOrEqual(verifiedPieces)
    leecher.host.disk.capacity = Number.POSITIVE_INFINITY
    void leecher.torrent.resume()
    expect(await sim.run(leecher.torrent.done, 120_000)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(leecher.torrent.stats.downloaded).toBeGreaterThan(downloaded)
    // What was verified is not fetched again; unfinished pieces may be.
    expect(leecher.torrent.stats.downloaded).toBeLessThan(2 * MIB + 12 * 128 * KIB)
    expect(new Set(leecher.pieces).size).toBe(leecher.pieces.length)
  })

  for (const [code, name] of [
    ['EACCES', 'storage/permission'],
    ['EROFS', 'storage/permission'],
    ['EIO', 'storage/io'],
    ['EDQUOT', 'storage/disk-full'],
  ] as const) {
    scenario(`with ${code} for one file: the error names it, resume() goes on`, async (sim) => {
      const seed = await sim.join(files, { seed: true })
      const leecher = await sim.join(files, { add: { peers: [at(seed)], paused: true } })
      await sim.run(leecher.torrent.ready)
      leecher.host.disk.fault = (operation) =>
        operation.kind === 'write' && operation.path.endsWith('file-3.bin') ? code : undefined
      void leecher.torrent.resume()
      await expect(sim.run(leecher.torrent.done, 60_000)).rejects.toMatchObject({ code: name })
      expect(leecher.torrent.error?.message).toContain('file-3.bin')
      leecher.host.disk.fault = undefined
      void leecher.torrent.resume()
      expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
      expect(isWhole(leecher.host, files)).toBe(true)
    })
  }

  scenario('in the check: ready rejects, resume() checks again', async (sim) => {
    const host = sim.network.host()
    host.disk.fault = (operation) => (touches(operation, 'downloads/set/file-3.bin') ? 'EIO' : undefined)
    const member = await sim.join(files, { on: host, seed: true })
    await expect(sim.run(member.torrent.ready)).rejects.toMatchObject({ code: 'storage/io' })
    expect(member.torrent.state).toBe('error')
    host.disk.fault = undefined
    void member.torrent.resume()
    expect(await sim.run(member.torrent.done, 60_000)).toBe('complete')
    expect(member.torrent.state).toBe('seeding')
    await sim.run(member.torrent.ready)
  })

  scenario('when empty files are made: resume() makes them', async (sim) => {
    const host = sim.network.host()
    host.disk.fault = (operation) => (operation.kind === 'create' ? 'EACCES' : undefined)
    const seed = await sim.join(files, { seed: true })
    const member = await sim.join(files, { on: host, add: { peers: [at(seed)] } })
    await expect(sim.run(member.torrent.done)).rejects.toMatchObject({ code: 'storage/permission' })
    host.disk.fault = undefined
    void member.torrent.resume()
    expect(await sim.run(member.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(host, files)).toBe(true)
    expect(host.disk.paths).toContain('downloads/set/file-2.bin')
  })

  scenario('for good: the session closes all the same', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    const leecher = await sim.join(torrent, {
      add: { peers: [at(seed)] },
      host: { disk: { capacity: 300 * KIB } },
    })
    await expect(sim.run(leecher.torrent.done, 60_000)).rejects.toMatchObject({ code: 'storage/disk-full' })
    await sim.run(leecher.session.close(), 10_000)
    expect(leecher.torrent.state).toBe('closed')
  })
})

describe('slow disks', () => {
  for (const [name, size, budget, bound] of [
    ['a small budget', 24 * MIB, 4 * MIB, 4 * MIB],
    ['the usual budget', 40 * MIB, 32 * MIB, 24 * MIB],
  ] as const) {
    scenario(`bound the memory of a download with ${name}, and are kept busy`, async (sim) => {
      const big = content(size, 256 * KIB)
      const seeds = []
      for (let i = 0; i < 3; i++) seeds.push(await sim.join(big, { seed: true }))
      const rate = 4 * MIB
      const leecher = await sim.join(big, {
        add: { peers: seeds.map(at), skipCheck: true },
        session: { limits: { pieceBytesPerTorrent: budget } },
        host: { disk: { bandwidth: rate, latency: 5 } },
      })
      let most = 0
      let over = false
      const started = sim.network.now
      void leecher.torrent.done.then(() => {
        over = true
      })
      while (!over && sim.network.now - started < 120_000) {
        await sim.network.advance(50)
        const { downloaded, verifiedPieces } = leecher.torrent.stats
        most = Math.max(most, downloaded - verifiedPieces * big.metainfo.pieceLength)
      }
      expect(over).toBe(true)
      expect(isWhole(leecher.host, big)).toBe(true)
      expect(most).toBeLessThanOrEqual(bound + 3 * 256 * KIB)
      expect(sim.network.now - started).toBeLessThan(1.25 * (size / rate) * 1000)
    })
  }

  scenario('serve what they can', async (sim) => {
    const seed = await sim.join(torrent, {
      seed: true,
      host: { disk: { bandwidth: 512 * KIB, latency: 20 } },
      add: {},
    })
    await sim.run(seed.torrent.done)
    const leechers = []
    const started = sim.network.now
    for (let i = 0; i < 4; i++) leechers.push(await sim.join(torrent, { add: { peers: [at(seed)] } }))
    await sim.run(Promise.all(leechers.map((leecher) => leecher.torrent.done)), 120_000)
    expect(sim.network.now - started).toBeLessThan(60_000)
    for (const leecher of leechers) expect(isWhole(leecher.host, torrent)).toBe(true)
  })
})

function touches(operation: DiskOperation, path: string): boolean {
  return operation.path === path && (operation.kind === 'read' || operation.kind === 'write')
}
