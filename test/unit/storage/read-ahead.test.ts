import { describe, expect, it } from 'vitest'
import type { StorageError } from '../../../src/storage/backend/error.js'
import { MemoryStorage } from '../../../src/storage/backend/memory.js'
import { openStore, readRange, same, TestBackend, torrent, turns } from './fixture.js'

const KIB = 1024
const MIB = 1024 * KIB
const BLOCK = 16 * KIB

async function seeding(length: number, pieceLength: number, readBudget?: number) {
  const source = torrent([{ path: 'a', length }], pieceLength)
  const inner = new MemoryStorage()
  await inner.write(0, 0, [source.data])
  const backend = new TestBackend(inner)
  const { store, log } = await openStore(source, { backend, ...(readBudget ? { readBudget } : {}) })
  await store.check()
  backend.calls.length = 0
  const reads = () => backend.calls.filter((call) => call.method === 'read')
  return { source, backend, store, log, reads }
}

describe('reading', () => {
  it('on sequentially doubles the window up to 1 MiB, and reads everything once', async () => {
    const { source, store, reads } = await seeding(8 * MIB, MIB)
    const reader = store.reader()
    for (let piece = 0; piece < 8; piece++) {
      for (let begin = 0; begin < MIB; begin += BLOCK) {
        const start = piece * MIB + begin
        const bytes = await readRange(store, piece, begin, BLOCK, reader)
        if (!same(bytes, source.data.subarray(start, start + BLOCK)))
          throw new Error(`wrong bytes at ${start}`)
      }
    }
    const lengths = reads().map((call) => call.length)
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(8 * MIB)
    expect(lengths[0]).toBe(BLOCK)
    expect(Math.max(...lengths)).toBe(MIB)
    expect(lengths.length).toBeLessThan(16)
  })

  it('on sequentially hardly ever waits: the next window is fetched in time', async () => {
    const { store } = await seeding(8 * MIB, MIB)
    const reader = store.reader()
    let waits = 0
    for (let piece = 0; piece < 8; piece++) {
      for (let begin = 0; begin < MIB; begin += BLOCK) {
        let parts = store.read(piece, begin, BLOCK, reader)
        if (!parts) {
          waits++
          await new Promise<void>((resolve) => store.load(piece, begin, BLOCK, reader, () => resolve()))
          parts = store.read(piece, begin, BLOCK, reader)
        }
        store.sent(parts!)
        await turns(1)
      }
    }
    expect(waits).toBeLessThanOrEqual(5)
  })

  it('keeps within a budget that was lowered, and within one that was raised again', async () => {
    const { store, reads } = await seeding(8 * MIB, MIB)
    const pass = async (): Promise<number> => {
      const before = reads().length
      const reader = store.reader()
      for (let piece = 0; piece < 8; piece++) {
        for (let begin = 0; begin < MIB; begin += BLOCK) await readRange(store, piece, begin, BLOCK, reader)
      }
      return reads().length - before
    }
    await pass()
    expect(await pass()).toBe(0)
    store.readBudget = 0
    expect(await pass()).toBeGreaterThan(0)
    expect(await pass()).toBeGreaterThan(0)
    store.readBudget = 16 * MIB
    await pass()
    expect(await pass()).toBe(0)
  })

  it('here and there loads no more than what was asked for', async () => {
    const { store, reads } = await seeding(8 * MIB, MIB)
    const reader = store.reader()
    for (const piece of [5, 1, 7, 2]) await readRange(store, piece, 64 * KIB, BLOCK, reader)
    expect(reads().map((call) => call.length)).toEqual([BLOCK, BLOCK, BLOCK, BLOCK])
  })

  it('shares windows between readers', async () => {
    const { store, reads } = await seeding(2 * MIB, MIB)
    const [a, b] = [store.reader(), store.reader()]
    for (let begin = 0; begin < MIB; begin += BLOCK) await readRange(store, 0, begin, BLOCK, a)
    const before = reads().length
    for (let begin = 0; begin < MIB; begin += BLOCK) await readRange(store, 0, begin, BLOCK, b)
    expect(reads().length).toBe(before)
  })

  it('of a range that is being loaded waits for that one read', async () => {
    const { source, store, reads } = await seeding(MIB, MIB)
    const readers = [store.reader(), store.reader(), store.reader()]
    const all = await Promise.all(readers.map((reader) => readRange(store, 0, 3 * BLOCK, BLOCK, reader)))
    expect(all.every((bytes) => same(bytes, source.data.subarray(3 * BLOCK, 4 * BLOCK)))).toBe(true)
    expect(reads().length).toBe(1)
  })

  it('of odd ranges over several windows gives the parts in order', async () => {
    const { source, store } = await seeding(MIB, MIB)
    await readRange(store, 0, 2 * BLOCK, BLOCK)
    for (const [begin, length] of [
      [5, 3 * BLOCK],
      [2 * BLOCK - 1, 2],
      [0, 200_000],
      [MIB - 1, 1],
    ] as const) {
      const bytes = await readRange(store, 0, begin, length)
      expect(same(bytes, source.data.subarray(begin, begin + length))).toBe(true)
    }
  })

  it('of ranges that end inside a block comes to an end', async () => {
    for (const [length, pieceLength] of [
      [MIB, MIB],
      [100_000, 20_000],
    ] as const) {
      const { source, store } = await seeding(length, pieceLength)
      for (const [piece, begin, size] of [
        [0, 100, 17_000],
        [0, 17_100, 2000],
        [0, 0, 18_000],
      ] as const) {
        expect(
          same(await readRange(store, piece, begin, size), source.data.subarray(begin, begin + size)),
        ).toBe(true)
      }
    }
  })

  it('goes over the ends of small pieces, but never into one that is not verified', async () => {
    const { source, store, reads, backend } = await seeding(MIB, BLOCK)
    await backend.inner.write(0, 40 * BLOCK, [new Uint8Array(10)])
    await store.check()
    backend.calls.length = 0
    const reader = store.reader()
    for (let piece = 0; piece < 40; piece++) {
      expect(
        same(
          await readRange(store, piece, 0, BLOCK, reader),
          source.data.subarray(piece * BLOCK, (piece + 1) * BLOCK),
        ),
      ).toBe(true)
    }
    expect(reads().length).toBeLessThan(8)
    expect(Math.max(...reads().map((call) => call.offset + call.length))).toBe(40 * BLOCK)
    await expect(readRange(store, 40, 0, BLOCK, reader)).rejects.toMatchObject({ code: 'storage/missing' })
  })
})

describe('memory of windows', () => {
  it('stays within the budget while many read', async () => {
    const budget = 2 * MIB
    const { source, store } = await seeding(16 * MIB, MIB, budget)
    const readers = Array.from({ length: 16 }, () => store.reader())
    for (let begin = 0; begin < MIB; begin += BLOCK) {
      await Promise.all(
        readers.map(async (reader, piece) => {
          const bytes = await readRange(store, piece, begin, BLOCK, reader)
          const start = piece * MIB + begin
          if (!same(bytes, source.data.subarray(start, start + BLOCK)))
            throw new Error(`wrong bytes at ${start}`)
        }),
      )
      expect(store.memory.reads).toBeLessThanOrEqual(budget)
    }
  })

  it('is not reused while parts of it are out', async () => {
    const budget = 64 * KIB
    const { source, store } = await seeding(4 * MIB, MIB, budget)
    const reader = store.reader()
    const held: { parts: Uint8Array[]; start: number }[] = []
    for (let i = 0; i < 40; i++) {
      const begin = i * BLOCK
      await new Promise<void>((resolve) => store.load(i % 4, begin, BLOCK, reader, () => resolve()))
      const parts = store.read(i % 4, begin, BLOCK, reader)
      expect(parts).toBeDefined()
      held.push({ parts: parts!, start: (i % 4) * MIB + begin })
    }
    expect(store.memory.reads).toBe(40 * BLOCK)
    for (const { parts, start } of held) {
      expect(same(Buffer.concat(parts), source.data.subarray(start, start + BLOCK))).toBe(true)
      store.sent(parts)
    }
    await readRange(store, 0, 60 * BLOCK, BLOCK, reader)
    expect(store.memory.reads).toBeLessThanOrEqual(budget)
  })

  it('stays valid when a piece is dropped, and when the store closes', async () => {
    const { source, store, backend } = await seeding(2 * MIB, MIB)
    const reader = store.reader()
    await readRange(store, 0, 0, BLOCK, reader)
    const parts = store.read(0, 0, BLOCK, reader)!
    await backend.inner.write(0, 0, [new Uint8Array(10)])
    await store.check()
    expect(store.read(0, 0, BLOCK, reader)).toBeUndefined()
    for (const begin of [0, 5 * BLOCK, 9 * BLOCK]) await readRange(store, 1, begin, BLOCK)
    await store.close()
    expect(same(Buffer.concat(parts), source.data.subarray(0, BLOCK))).toBe(true)
    store.sent(parts)
    store.sent(parts)
    store.forget(reader)
  })
})

describe('a failing read', () => {
  it('is told to all who wait, once each, and to nobody who only read ahead', async () => {
    const { store, log, backend } = await seeding(4 * MIB, MIB)
    backend.before = async (method) => {
      if (method !== 'read') return
      await turns(2)
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    const told: (StorageError | undefined)[] = []
    for (let i = 0; i < 3; i++) store.load(1, 0, BLOCK, store.reader(), (error) => told.push(error))
    await turns(10)
    expect(told.map((error) => error?.code)).toEqual(['storage/io', 'storage/io', 'storage/io'])
    expect(log.errors.length).toBe(1)
    backend.before = () => {}
    store.retry()
    expect((await readRange(store, 1, 0, BLOCK)).length).toBe(BLOCK)
  })
})

describe('the pieces in memory', () => {
  it('are those whose blocks were all read, until their windows go', async () => {
    const { store } = await seeding(5 * MIB + 100, 64 * KIB, 128 * KIB)
    const reader = store.reader()
    const read = async (piece: number, blocks: readonly number[]) => {
      for (const block of blocks) await readRange(store, piece, block * BLOCK, BLOCK, reader)
    }
    await read(3, [3, 1, 2])
    expect([...store.cachedPieces]).toEqual([])
    await read(3, [0])
    expect([...store.cachedPieces]).toEqual([3])
    await readRange(store, 80, 0, 100, reader)
    expect([...store.cachedPieces]).toEqual([3, 80])
    for (const piece of [9, 20, 31, 42]) await read(piece, [1, 3, 0, 2])
    expect(store.cachedPieces.has(3)).toBe(false)
    expect(store.cachedPieces.has(42)).toBe(true)
    expect(store.cachedPieces.size).toBeLessThanOrEqual(2)
  })

  it('are none after close', async () => {
    const { store } = await seeding(MIB, 64 * KIB)
    const reader = store.reader()
    for (const block of [0, 1, 2, 3]) await readRange(store, 5, block * BLOCK, BLOCK, reader)
    expect([...store.cachedPieces]).toEqual([5])
    await store.close()
    expect([...store.cachedPieces]).toEqual([])
  })
})
