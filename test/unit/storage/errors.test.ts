import { describe, expect, it } from 'vitest'
import { storageError } from '../../../src/storage/backend/error.js'
import { MemoryStorage } from '../../../src/storage/backend/memory.js'
import {
  feedBlock,
  feedPiece,
  openStore,
  readRange,
  same,
  systemError,
  TestBackend,
  torrent,
  turns,
} from './fixture.js'

const KIB = 1024

const source = torrent(
  [
    { path: 't/a', length: 100_000 },
    { path: 't/b', length: 60_000 },
  ],
  32 * KIB,
)

describe('a failing disk', () => {
  it.each([
    ['ENOSPC', 'storage/disk-full'],
    ['EDQUOT', 'storage/disk-full'],
    ['EACCES', 'storage/permission'],
    ['EROFS', 'storage/permission'],
    ['ELOOP', 'storage/permission'],
    ['ENOENT', 'storage/missing'],
    ['EIO', 'storage/io'],
  ])(
    '%s stops the store with %s, names the file, and loses nothing that was verified',
    async (system, code) => {
      const backend = new TestBackend()
      const { store, log } = await openStore(source, { backend })
      feedPiece(store, source, 0)
      await store.flush()
      let broken = true
      backend.before = (method, file) => {
        if (method === 'write' && file === 1 && broken) throw systemError(system)
      }
      const lease = store.place(1, 0, 16 * KIB)!
      feedPiece(store, source, 4)
      feedPiece(store, source, 3)
      await turns()
      expect(log.errors.map((error) => [error.code, error.path])).toEqual([[code, 't/b']])
      expect(log.errors[0]?.cause).toMatchObject({ code: system })
      expect(store.error).toBe(log.errors[0])
      expect(store.place(2, 0, 16 * KIB)).toBeUndefined()
      expect([...store.verified]).not.toContain(4)
      await expect(store.flush()).rejects.toMatchObject({ code })
      // What is on the disk is served on.
      expect(same(await readRange(store, 0, 0, 1000), source.data.subarray(0, 1000))).toBe(true)

      store.retry()
      await turns()
      expect(log.errors.length).toBe(2)

      broken = false
      store.retry()
      lease.set(source.data.subarray(32 * KIB, 48 * KIB))
      store.received(1, 0, lease)
      feedBlock(store, source, 1, 1)
      feedPiece(store, source, 2)
      await store.flush()
      expect(log.verified.toSorted()).toEqual([0, 1, 2, 3, 4])
      expect(log.errors.length).toBe(2)
      expect(same(backend.inner.file('t/a'), source.fileBytes(0))).toBe(true)
      expect(same(backend.inner.file('t/b'), source.fileBytes(1))).toBe(true)
      expect(store.memory.pieces).toBe(0)
    },
  )

  it('at any call ends in an error that a retry repairs', async () => {
    for (let nth = 1; nth <= 12; nth++) {
      const backend = new TestBackend()
      const { store, log } = await openStore(source, { backend })
      let writes = 0
      backend.before = (method) => {
        if (method === 'write' && ++writes === nth) throw systemError('ENOSPC')
      }
      for (let piece = 0; piece < 5; piece++) {
        feedPiece(store, source, piece)
        await turns(2)
        if (store.error) store.retry()
      }
      await turns()
      if (store.error) store.retry()
      for (let piece = 0; piece < 5; piece++) feedPiece(store, source, piece)
      await store.flush()
      expect(log.verified.toSorted()).toEqual([0, 1, 2, 3, 4])
      expect(log.errors.length).toBe(writes >= nth ? 1 : 0)
      expect(same(backend.inner.file('t/b'), source.fileBytes(1))).toBe(true)
    }
  })

  it('that stays full does not keep the store from closing', async () => {
    const backend = new TestBackend()
    const { store, log } = await openStore(source, { backend })
    backend.before = (method) => {
      if (method === 'write') throw systemError('ENOSPC')
    }
    feedPiece(store, source, 0)
    await turns()
    await store.close()
    expect(log.verified).toEqual([])
    expect(backend.count('close')).toBe(1)
    await store.flush()
    store.retry()
    await turns()
    expect(backend.count('write')).toBe(1)
  })

  it('fails open, flush, setWanted, createEmptyFiles and check with a storage error', async () => {
    const backend = new TestBackend()
    let failing = ''
    backend.before = (method) => {
      if (method === failing) throw systemError('EACCES')
    }
    const { store } = await openStore(source, { backend })
    failing = 'flush'
    await expect(store.flush()).rejects.toMatchObject({ code: 'storage/permission' })
    failing = 'status'
    await expect(store.setWanted([true, false])).rejects.toMatchObject({
      code: 'storage/permission',
      path: 't/b',
    })
    await expect(store.check()).rejects.toMatchObject({ code: 'storage/permission' })
    failing = 'read'
    await backend.inner.write(0, 0, [source.fileBytes(0)])
    await expect(store.check()).rejects.toMatchObject({ code: 'storage/permission', path: 't/a' })
    failing = 'open'
    await expect(openStore(source, { backend })).rejects.toMatchObject({ code: 'storage/permission' })
    const empty = torrent([{ path: 'x/y', length: 0 }], 16 * KIB)
    failing = 'create'
    const second = await openStore(empty, { backend })
    await expect(second.store.createEmptyFiles()).rejects.toMatchObject({
      code: 'storage/permission',
      path: 'x/y',
    })
  })

  it('turns whatever is thrown into a storage error', () => {
    expect(storageError('odd', 'a/b')).toMatchObject({ code: 'storage/io', path: 'a/b', message: 'a/b: odd' })
    const error = storageError(systemError('EPERM'), 'a')
    expect(storageError(error, 'b')).toBe(error)
  })
})

describe('files that go wrong while they are seeded', () => {
  async function seeding() {
    const inner = new MemoryStorage()
    const backend = new TestBackend(inner)
    backend.modified = 1
    const { store, log } = await openStore(source, { backend, readBudget: 64 * KIB })
    await inner.write(0, 0, [source.fileBytes(0)])
    await inner.write(1, 0, [source.fileBytes(1)])
    expect((await store.check()).isFull).toBe(true)
    return { store, log, backend, inner }
  }

  it('deleted: an error names the file, and the store refuses new pieces', async () => {
    const { store, log, inner } = await seeding()
    expect(same(await readRange(store, 0, 0, 10), source.data.subarray(0, 10))).toBe(true)
    await inner.remove(1)
    await expect(readRange(store, 4, 0, 10)).rejects.toMatchObject({ code: 'storage/missing', path: 't/b' })
    expect(log.errors.map((error) => error.path)).toEqual(['t/b'])
    await expect(readRange(store, 4, 0, 10)).rejects.toMatchObject({ code: 'storage/missing' })
    expect(log.errors.length).toBe(1)
    expect([...(store.suspects ?? [])]).toEqual([3, 4])
    expect([...(await store.check({ pieces: store.suspects! }))]).toEqual([])
    expect([...store.verified]).toEqual([0, 1, 2])
    expect(store.suspects).toBeUndefined()
    await inner.write(1, 0, [source.fileBytes(1)])
    await store.check()
    store.retry()
    expect(store.error).toBeUndefined()
    expect((await readRange(store, 4, 0, 10)).length).toBe(10)
  })

  it('cut short: storage/missing', async () => {
    const { store, inner } = await seeding()
    await inner.remove(0)
    await inner.write(0, 0, [source.fileBytes(0).subarray(0, 40_000)])
    await expect(readRange(store, 2, 0, 10)).rejects.toMatchObject({ code: 'storage/missing', path: 't/a' })
  })

  it('cut short between two looks: storage/missing too', async () => {
    const { store, inner } = await seeding()
    await readRange(store, 0, 0, 10)
    await inner.remove(0)
    await inner.write(0, 0, [source.fileBytes(0).subarray(0, 40_000)])
    await expect(readRange(store, 2, 0, 10)).rejects.toMatchObject({
      code: 'storage/missing',
      message: expect.stringContaining('bytes from 65536'),
    })
  })

  it('unreadable: storage/permission', async () => {
    const { store, log, backend } = await seeding()
    backend.before = (method) => {
      if (method === 'read') throw systemError('EACCES')
    }
    await expect(readRange(store, 1, 0, 10)).rejects.toMatchObject({
      code: 'storage/permission',
      path: 't/a',
    })
    expect(log.errors.length).toBe(1)
  })

  it('changed: bad bytes are never served, good ones still are', async () => {
    const { store, log, backend, inner } = await seeding()
    await inner.write(0, 40_000, [Uint8Array.of(1, 2, 3, 4)])
    backend.modified = 2
    expect(same(await readRange(store, 0, 0, 10), source.data.subarray(0, 10))).toBe(true)
    await expect(readRange(store, 1, 0, 10)).rejects.toMatchObject({ code: 'storage/changed', path: 't/a' })
    expect(log.errors.map((error) => error.code)).toEqual(['storage/changed'])
    expect((await store.check()).count).toBe(4)
    expect(store.verified.has(1)).toBe(false)
  })

  it('touched only: served on after the pieces were hashed again, once', async () => {
    const { store, log, backend } = await seeding()
    backend.modified = 2
    for (const piece of [0, 1, 2, 0, 1, 2]) {
      const start = piece * 32 * KIB
      expect(same(await readRange(store, piece, 0, 100), source.data.subarray(start, start + 100))).toBe(true)
    }
    expect(log.errors).toEqual([])
  })
})

describe('a file deleted while it is written', () => {
  it('is noticed', async () => {
    const big = torrent([{ path: 'big', length: 40 * 1024 * KIB }], 1024 * KIB)
    const { store, log, backend } = await openStore(big, { backend: new TestBackend() })
    const { inner } = backend as TestBackend
    for (let piece = 0; piece < 16; piece++) {
      if (piece === 15) {
        await store.flush()
        await inner.remove(0)
        ;(backend as TestBackend).before = async (method) => {
          if (method === 'status') await inner.remove(0)
        }
      }
      feedPiece(store, big, piece)
      await turns(4)
    }
    await turns()
    expect(log.errors.map((error) => [error.code, error.path])).toEqual([['storage/missing', 'big']])
  })
})
