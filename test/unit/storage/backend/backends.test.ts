import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storageConformance } from '../../../../src/storage/backend/conformance.js'
import { FileStorage } from '../../../../src/storage/backend/file.js'
import { MemoryStorage } from '../../../../src/storage/backend/memory.js'
import { feedPiece, openStore, readRange, same, sample, torrent } from '../fixture.js'

let base = ''
let count = 0

beforeAll(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'rarest-storage-'))
})

afterAll(() => fs.rmSync(base, { recursive: true, force: true }))

function folder(): string {
  return path.join(base, String(count++))
}

describe('MemoryStorage conforms:', () => {
  for (const { name, run } of storageConformance) {
    it(name, async () => {
      let backend = new MemoryStorage()
      await run((which) => {
        if (which === 'fresh') backend = new MemoryStorage()
        return backend
      })
    })
  }
})

describe('FileStorage conforms:', () => {
  for (const { name, run } of storageConformance) {
    it.each([40, 1])(`${name} (%d handles)`, async (maxHandles) => {
      let root = ''
      await run((which) => {
        if (which === 'fresh') root = folder()
        return new FileStorage(root, { maxHandles })
      })
    })
  }
})

describe('the conformance suite', () => {
  it('finds a backend that loses bytes', async () => {
    class Lossy extends MemoryStorage {
      override async read(file: number, offset: number, into: Uint8Array): Promise<number> {
        const got = await super.read(file, offset, into)
        if (got > 1000) into[999] = (into[999] ?? 0) ^ 1
        return got
      }
    }
    const failed: string[] = []
    for (const { name, run } of storageConformance) {
      await run(() => new Lossy()).catch((error: unknown) => failed.push(`${name}: ${String(error)}`))
    }
    expect(failed.length).toBeGreaterThan(1)
    expect(failed[0]).toContain('byte 999')
  })
})

describe('FileStorage', () => {
  it('deletes its files and the folders that are empty then, and nothing else', async () => {
    const root = folder()
    const storage = new FileStorage(root)
    await storage.open([
      { path: ['t', 'a', 'x'], length: 3 },
      { path: ['t', 'b', 'y'], length: 3 },
      { path: ['t', 'c', 'never'], length: 3 },
    ])
    await storage.write(0, 0, [Uint8Array.of(1, 2, 3)])
    await storage.write(1, 0, [Uint8Array.of(1, 2, 3)])
    fs.writeFileSync(path.join(root, 't', 'b', 'mine'), 'mine')
    await storage.destroy()
    await storage.close()
    expect(fs.readdirSync(path.join(root, 't'), { recursive: true })).toEqual(['b', path.join('b', 'mine')])
  })

  it.each([[['..', 'x']], [['a', '..', 'x']], [['']], [['a/b']], [['a\\b']], [['.']], [['a\0']], [[]]])(
    'refuses the path %j',
    async (elements) => {
      await expect(new FileStorage(folder()).open([{ path: elements, length: 1 }])).rejects.toMatchObject({
        code: 'storage/unsafe-path',
      })
    },
  )

  it.skipIf(process.platform === 'win32')(
    'never writes, reads or deletes through a link out of the root',
    async () => {
      const outside = folder()
      fs.mkdirSync(outside)
      fs.writeFileSync(path.join(outside, 'secret'), 'secret')
      const root = folder()
      fs.mkdirSync(path.join(root, 't'), { recursive: true })
      fs.symlinkSync(outside, path.join(root, 't', 'folder'))
      fs.symlinkSync(path.join(outside, 'secret'), path.join(root, 't', 'file'))
      fs.symlinkSync(path.join(outside, 'nothing'), path.join(root, 't', 'dangling'))
      const storage = new FileStorage(root)
      await storage.open([
        { path: ['t', 'folder', 'secret'], length: 6 },
        { path: ['t', 'file'], length: 6 },
        { path: ['t', 'dangling'], length: 6 },
        { path: ['t', 'folder', 'deep', 'new'], length: 6 },
      ])
      for (const file of [0, 1, 2, 3]) {
        await expect(storage.write(file, 0, [Uint8Array.of(1)])).rejects.toMatchObject({ code: 'ELOOP' })
        await expect(storage.create(file)).rejects.toMatchObject({ code: 'ELOOP' })
      }
      for (const file of [0, 1, 2]) {
        await expect(storage.read(file, 0, new Uint8Array(6))).rejects.toMatchObject({ code: 'ELOOP' })
        await expect(storage.status(file)).rejects.toMatchObject({ code: 'ELOOP' })
      }
      await storage.destroy().catch(() => undefined)
      await storage.close()
      expect(fs.readFileSync(path.join(outside, 'secret'), 'utf8')).toBe('secret')
      expect(fs.readdirSync(outside)).toEqual(['secret'])
    },
  )

  it.skipIf(process.platform === 'win32')('follows links that stay in the root', async () => {
    const root = folder()
    fs.mkdirSync(path.join(root, 't', 'real'), { recursive: true })
    fs.symlinkSync('real', path.join(root, 't', 'alias'))
    fs.writeFileSync(path.join(root, 't', 'real', 'x'), 'abc')
    fs.symlinkSync('x', path.join(root, 't', 'real', 'y'))
    const storage = new FileStorage(root)
    await storage.open([
      { path: ['t', 'alias', 'x'], length: 3 },
      { path: ['t', 'real', 'y'], length: 3 },
    ])
    const into = new Uint8Array(3)
    expect(await storage.read(0, 0, into)).toBe(3)
    expect(await storage.read(1, 0, into)).toBe(3)
    expect(Buffer.from(into).toString()).toBe('abc')
    await storage.close()
  })

  it.skipIf(process.platform !== 'linux')(
    'refuses what is no regular file instead of waiting for it',
    async () => {
      const { execFileSync } = await import('node:child_process')
      const root = folder()
      fs.mkdirSync(path.join(root, 'folder'), { recursive: true })
      execFileSync('mkfifo', [path.join(root, 'pipe')])
      const storage = new FileStorage(root)
      await storage.open([
        { path: ['pipe'], length: 3 },
        { path: ['folder'], length: 3 },
      ])
      await expect(storage.read(0, 0, new Uint8Array(3))).rejects.toMatchObject({ code: 'EINVAL' })
      await expect(storage.write(1, 0, [Uint8Array.of(1)])).rejects.toMatchObject({ code: 'EISDIR' })
      await storage.close()
    },
  )

  it('writes again where a folder or file was deleted, once it has seen it', async () => {
    const root = folder()
    const storage = new FileStorage(root)
    await storage.open([{ path: ['t', 'd', 'x'], length: 10 }])
    await storage.write(0, 0, [Uint8Array.of(1, 2, 3)])
    fs.rmSync(path.join(root, 't'), { recursive: true })
    expect((await storage.status(0)).length).toBe(-1)
    await storage.write(0, 0, [Uint8Array.of(4, 5)])
    expect([...fs.readFileSync(path.join(root, 't', 'd', 'x'))]).toEqual([4, 5])
    fs.rmSync(path.join(root, 't', 'd', 'x'))
    fs.writeFileSync(path.join(root, 't', 'd', 'x'), 'replaced')
    expect((await storage.status(0)).length).toBe(8)
    const into = new Uint8Array(8)
    await storage.read(0, 0, into)
    expect(Buffer.from(into).toString()).toBe('replaced')
    await storage.close()
    await expect(storage.read(0, 0, into)).rejects.toMatchObject({ code: 'EBADF' })
  })

  it('reads files that may only be read', async () => {
    const root = folder()
    fs.mkdirSync(root)
    fs.writeFileSync(path.join(root, 'x'), 'abc', { mode: 0o444 })
    const storage = new FileStorage(root)
    await storage.open([{ path: ['x'], length: 3 }])
    expect(await storage.read(0, 0, new Uint8Array(3))).toBe(3)
    await storage.close()
  })

  it.skipIf(process.platform !== 'linux')('leaves holes where nothing was written', async () => {
    const root = folder()
    const storage = new FileStorage(root)
    await storage.open([{ path: ['x'], length: 1e9 }])
    await storage.write(0, 900_000_000, [new Uint8Array(10).fill(1)])
    await storage.close()
    const stat = fs.statSync(path.join(root, 'x'))
    expect(stat.size).toBe(900_000_010)
    expect(stat.blocks * 512).toBeLessThan(1_000_000)
  })

  it('goes through 10,000 files with 40 handles, and leaves none open', async () => {
    const handles = (): number => (process.platform === 'linux' ? fs.readdirSync('/proc/self/fd').length : 0)
    const before = handles()
    const source = torrent(
      Array.from({ length: 10_000 }, (_, i) => ({ path: `t/${i % 100}/${i}`, length: 37 })),
      16_384,
    )
    const { store } = await openStore(source, { backend: new FileStorage(folder()) })
    let peak = 0
    const order = Array.from(
      { length: source.layout.pieceCount },
      (_, i) => (i * 7) % source.layout.pieceCount,
    )
    for (const piece of order) {
      feedPiece(store, source, piece)
      if (piece % 4 === 0) await store.flush()
      peak = Math.max(peak, handles() - before)
    }
    await store.flush()
    expect(store.verified.isFull).toBe(true)
    expect(peak).toBeLessThanOrEqual(41)
    const some = await Promise.all(
      [0, 5, 11, 22].map(async (piece) => readRange(store, piece, 0, source.layout.pieceSize(piece))),
    )
    expect(same(some[0], source.data.subarray(0, 16_384))).toBe(true)
    expect((await store.check()).isFull).toBe(true)
    await store.destroy()
    expect(handles()).toBe(before)
  })

  it('waits for a handle when all are in use', async () => {
    const root = folder()
    const storage = new FileStorage(root, { maxHandles: 2 })
    const files = Array.from({ length: 20 }, (_, i) => ({ path: [`f${i}`], length: 100_000 }))
    await storage.open(files)
    const data = sample(100_000)
    await Promise.all(
      files.map((_, i) => storage.write(i, 0, [data.subarray(0, 50_000), data.subarray(50_000)])),
    )
    const read = await Promise.all(
      files.map(async (_, i) => {
        const into = new Uint8Array(100_000)
        await storage.read(i, 0, into)
        return same(into, data)
      }),
    )
    expect(read.every(Boolean)).toBe(true)
    await storage.close()
  })
})
