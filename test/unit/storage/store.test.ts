import { describe, expect, it } from 'vitest'
import type { MemoryStorage } from '../../../src/storage/memory.js'
import { feedBlock, feedPiece, openStore, readRange, torrent, turns } from './fixture.js'

const KIB = 1024

describe('a piece on its way', () => {
  it('is verified, written and read back', async () => {
    const source = torrent(
      [
        { path: 't/a', length: 100_000 },
        { path: 't/b', length: 50_001 },
      ],
      32 * KIB,
    )
    const { store, log, backend } = await openStore(source)
    for (let piece = 0; piece < source.layout.pieceCount; piece++) feedPiece(store, source, piece)
    await turns()
    expect(log.failed).toEqual([])
    expect(log.verified.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    expect((backend as MemoryStorage).file('t/a')).toEqual(source.fileBytes(0))
    expect((backend as MemoryStorage).file('t/b')).toEqual(source.fileBytes(1))
    expect(store.memory.pieces).toBe(0)
    for (let piece = 0; piece < source.layout.pieceCount; piece++) {
      const start = piece * source.layout.pieceLength
      const size = source.layout.pieceSize(piece)
      expect(await readRange(store, piece, 0, size)).toEqual(source.data.slice(start, start + size))
    }
    await store.close()
  })

  it('is emptied when its hash is wrong, and can come again', async () => {
    const source = torrent([{ path: 'a', length: 40_000 }], 32 * KIB)
    const { store, log, backend } = await openStore(source)
    const memory = store.place(0, 0, 16 * KIB)!
    memory.fill(9)
    store.received(0, 0, memory)
    feedBlock(store, source, 0, 1)
    expect(log.failed).toEqual([])
    await turns()
    expect(log.failed).toEqual([0])
    expect(store.memory.pieces).toBe(0)
    expect((backend as MemoryStorage).file('a')).toBeUndefined()
    feedPiece(store, source, 0)
    feedPiece(store, source, 1)
    await store.flush()
    expect(log.verified.toSorted()).toEqual([0, 1])
    expect((backend as MemoryStorage).file('a')).toEqual(source.data)
  })
})
