import { describe, expect, it } from 'vitest'
import { Layout } from '../../../../src/metainfo/layout.js'
import { PartFile } from '../../../../src/storage/backend/part-file.js'
import { feedPiece, openStore, readRange, same, TestBackend, torrent } from '../fixture.js'

const KIB = 1024

// Pieces: 0-2 t/a, 3 t/a + t/b, 4-5 t/b, 6 t/b + t/c + t/d, 7-9 t/d.
const source = torrent(
  [
    { path: 't/a', length: 110 * KIB },
    { path: 't/b', length: 100 * KIB },
    { path: 't/c', length: 100 },
    { path: 't/d', length: 100 * KIB },
  ],
  32 * KIB,
)

function reopen(backend: TestBackend) {
  return openStore(source, { backend: new TestBackend(backend.inner) })
}

describe('deselected files', () => {
  it('get nothing on the disk; shared pieces are kept in the part file, and served from it', async () => {
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    const { inner } = backend as TestBackend
    await store.setWanted([false, true, false, false])
    for (const piece of [3, 4, 5, 6]) feedPiece(store, source, piece)
    await store.flush()
    expect(same(inner.file('t/b'), source.fileBytes(1))).toBe(true)
    for (const name of ['t/a', 't/c', 't/d']) expect(inner.file(name)).toBeUndefined()
    expect(inner.file('t/.parts')?.length).toBe(64 * KIB)
    for (const piece of [3, 6]) {
      const bytes = await readRange(store, piece, 0, 32 * KIB)
      expect(same(bytes, source.data.subarray(piece * 32 * KIB, (piece + 1) * 32 * KIB))).toBe(true)
    }
    await store.close()

    // A restart finds it all again, whatever is selected by then.
    const second = await reopen(backend as TestBackend)
    expect([...(await second.store.check())]).toEqual([3, 4, 5, 6])
    await second.store.close()
  })

  it('get their bytes when they are selected later', async () => {
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    const { inner } = backend as TestBackend
    await store.setWanted([false, true, false, false])
    for (const piece of [3, 4, 5, 6]) feedPiece(store, source, piece)
    await store.flush()
    await store.setWanted([true, true, true, false])
    expect(inner.file('t/c')).toEqual(source.fileBytes(2))
    expect(inner.file('t/a')?.length).toBe(110 * KIB)
    expect(inner.file('t/.parts')).toBeDefined()
    for (const piece of [0, 1, 2]) feedPiece(store, source, piece)
    await store.flush()
    expect(same(inner.file('t/a'), source.fileBytes(0))).toBe(true)
    await store.setWanted([true, true, true, true])
    expect(inner.file('t/.parts')).toBeUndefined()
    for (const piece of [7, 8, 9]) feedPiece(store, source, piece)
    await store.flush()
    expect(same(inner.file('t/d'), source.fileBytes(3))).toBe(true)
    expect((await store.check()).isFull).toBe(true)
  })

  it('selected after a restart are completed from the part file', async () => {
    const first = await openStore(source, { backend: new TestBackend() })
    await first.store.setWanted([false, true, false, false])
    for (const piece of [3, 4, 5, 6]) feedPiece(first.store, source, piece)
    await first.store.close()
    const { store, backend } = await reopen(first.backend as TestBackend)
    const { inner } = backend as TestBackend
    await store.check()
    expect(inner.file('t/c')).toBeUndefined()
    await store.createEmptyFiles()
    expect(inner.file('t/c')).toEqual(source.fileBytes(2))
    expect(inner.file('t/.parts')).toBeUndefined()
    expect([...store.verified]).toEqual([3, 4, 5, 6])
    expect(
      same(await readRange(store, 6, 0, 32 * KIB), source.data.subarray(6 * 32 * KIB, 7 * 32 * KIB)),
    ).toBe(true)
  })

  it('that were written to before they were deselected stay where they are', async () => {
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    const { inner } = backend as TestBackend
    feedPiece(store, source, 0)
    await store.flush()
    await store.setWanted([false, true, true, true])
    feedPiece(store, source, 3)
    await store.flush()
    expect(inner.file('t/a')?.length).toBe(110 * KIB)
    expect(inner.file('t/.parts')).toBeUndefined()
  })

  it('with a whole piece under way get that piece', async () => {
    const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
    await store.setWanted([false, true, true, true])
    feedPiece(store, source, 1)
    await store.flush()
    expect(log.verified).toEqual([1])
    expect((backend as TestBackend).inner.file('t/a')?.length).toBe(64 * KIB)
    expect(same(await readRange(store, 1, 0, 100), source.data.subarray(32 * KIB, 32 * KIB + 100))).toBe(true)
  })

  it('may change while pieces are being written', async () => {
    const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
    const changes: Promise<void>[] = []
    for (let piece = 0; piece < source.layout.pieceCount; piece++) {
      feedPiece(store, source, piece)
      changes.push(store.setWanted([piece % 2 === 0, true, piece % 3 === 0, piece % 4 === 0]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(changes)
    await store.setWanted([true, true, true, true])
    await store.flush()
    expect(log.verified.length).toBe(source.layout.pieceCount)
    const { inner } = backend as TestBackend
    for (let file = 0; file < 4; file++) {
      expect(same(inner.file(source.files[file]!.path.join('/')), source.fileBytes(file))).toBe(true)
    }
    expect(inner.file('t/.parts')).toBeUndefined()
  })

  it('that start anew in a clean part file never show the old one', async () => {
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    await (backend as TestBackend).inner.write(4, 0, [new Uint8Array(64 * KIB).fill(9)])
    await store.close()
    const second = await reopen(backend as TestBackend)
    expect([...(await second.store.check())]).toEqual([])
  })
})

describe('the name of the part file', () => {
  it.each([
    [['t/a', 't/.parts'], 't/.parts_'],
    [['t/a', 't/.PARTS/x'], 't/.parts_'],
    [['a', 'b'], '.a.parts'],
    [['t/a', 'b'], '.t.parts'],
  ])('of %j is %s', async (paths, expected) => {
    const two = torrent(
      paths.map((path) => ({ path, length: 20_000 })),
      32 * KIB,
    )
    const { store, backend } = await openStore(two, { backend: new TestBackend() })
    await store.setWanted([false, true])
    feedPiece(store, two, 0)
    await store.flush()
    expect((backend as TestBackend).inner.file(expected)).toBeDefined()
  })
})

describe('the place of the part file', () => {
  const placeOf = (...paths: string[][]): string => {
    const files = paths.map((path) => ({ path, length: 1, pad: false }))
    return new PartFile(new Layout(files, 16 * KIB), files).path.join('/')
  }

  it.each<[string, string[][], string]>([
    ['one file', [['a']], '.a.parts'],
    [
      'a folder',
      [
        ['t', 'a'],
        ['t', 'b'],
      ],
      't/.parts',
    ],
    [
      'a file of that name',
      [
        ['t', '.Parts'],
        ['t', 'b'],
      ],
      't/.parts_',
    ],
    [
      'a folder of that name',
      [
        ['t', '.parts', 'x'],
        ['t', '.parts_'],
      ],
      't/.parts__',
    ],
    ['that name further down', [['t', 'a', '.parts']], 't/.parts'],
    ['files of several folders', [['a', 'x'], ['b'], ['.A.parts', 'y']], '.a.parts_'],
  ])('is clear of %s', (_, paths, expected) => {
    expect(placeOf(...paths)).toBe(expected)
  })

  it('is found among many files, a hostile number of which stand in its way', () => {
    const evil = Array.from({ length: 230 }, (_, i) => ['t', `.parts${'_'.repeat(i)}`])
    const many = Array.from({ length: 200_000 }, (_, i) => ['t', `f${i}`])
    expect(placeOf(...many.concat(evil))).toBe(`t/.parts${'_'.repeat(230)}`)
  })
})
