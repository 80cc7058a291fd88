import { describe, expect, it } from 'vitest'
import {
  alignedTorrent,
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
const PIECE = 32 * KIB
const simple = torrent([{ path: 'a', length: 8 * PIECE }], PIECE)

/** A store that has all of a torrent of one file. */
async function whole(source = simple) {
  const backend = new TestBackend()
  await backend.inner.write(0, 0, [source.data])
  const opened = await openStore(source, { backend })
  await opened.store.check()
  return { ...opened, backend }
}

async function spoil(backend: TestBackend, position: number): Promise<void> {
  const byte = new Uint8Array(1)
  await backend.inner.read(0, position, byte)
  await backend.inner.write(0, position, [Uint8Array.of(byte[0]! ^ 1)])
}

/** Makes the next call of a kind wait until it is let go. */
function hold(
  backend: TestBackend,
  method: 'read' | 'status',
): { go: () => void; readonly reached: boolean } {
  const held = { go: () => {}, reached: false }
  backend.before = (called) => {
    if (called !== method || held.reached) return
    held.reached = true
    return new Promise<void>((resolve) => (held.go = resolve))
  }
  return held
}

describe('recheck', () => {
  it('loses what is wrong, finds what is right, and says how far it is', async () => {
    const { store, log, backend } = await whole()
    await spoil(backend, PIECE + 7)
    await spoil(backend, 5 * PIECE)
    const seen: [number, boolean][] = []
    const onProgress = (piece: number, valid: boolean): void => void seen.push([piece, valid])
    expect(await store.recheck({ onProgress })).toEqual({ lost: 2, found: 0 })
    expect(log.lost).toEqual([1, 5])
    expect(log.errors).toEqual([])
    expect([...store.verified]).toEqual([0, 2, 3, 4, 6, 7])
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((piece) => [piece, piece !== 1 && piece !== 5]))
    await spoil(backend, PIECE + 7)
    expect(await store.recheck()).toEqual({ lost: 0, found: 1 })
    expect(log.verified).toEqual([1])
    feedPiece(store, simple, 5)
    await store.flush()
    expect(store.verified.isFull).toBe(true)
    expect(await store.recheck()).toEqual({ lost: 0, found: 0 })
    await store.close()
  })

  it.each([
    ['v1 with odd boundaries', torrent([{ path: 'a', length: 90_001 }], 20_000)],
    ['v2', alignedTorrent([150_000], PIECE, '2')],
    ['a hybrid', alignedTorrent([150_000], PIECE, 'hybrid')],
    ['large pieces', torrent([{ path: 'large', length: 6_000_000 }], 5 * 1024 * KIB)],
  ])('works for %s', async (_, source) => {
    const { store, log, backend } = await whole(source)
    expect(store.verified.isFull).toBe(true)
    await spoil(backend, source.layout.pieceLength + 5)
    expect(await store.recheck()).toEqual({ lost: 1, found: 0 })
    expect(log.lost).toEqual([1])
    feedPiece(store, source, 1)
    await store.flush()
    await turns()
    expect(await store.recheck()).toEqual({ lost: 0, found: 0 })
    expect(store.verified.isFull).toBe(true)
    await store.close()
  })

  it('does not lose a piece that was written after its bytes were read', async () => {
    const backend = new TestBackend()
    const { store, log } = await openStore(simple, { backend })
    feedPiece(store, simple, 0)
    await store.flush()
    // The file is there, and piece 3 not in it yet.
    feedPiece(store, simple, 7)
    await store.flush()
    let go = (): void => {}
    const read = backend.inner.read.bind(backend.inner)
    backend.inner.read = async (...args) => {
      const got = await read(...args)
      await new Promise<void>((resolve) => (go = resolve))
      return got
    }
    const run = store.recheck()
    await turns(3)
    feedPiece(store, simple, 3)
    await store.flush()
    backend.inner.read = read
    go()
    expect(await run).toEqual({ lost: 0, found: 0 })
    expect(log.lost).toEqual([])
    expect([...store.verified]).toEqual([0, 3, 7])
    await store.close()
  })

  it('takes a piece that is half way from the disk, and leaves those alone that write into it', async () => {
    const backend = new TestBackend()
    const { store, log } = await openStore(simple, { backend })
    feedBlock(store, simple, 2, 0)
    const lent = store.place(2, 16 * KIB, 16 * KIB)!
    await backend.inner.write(0, 0, [simple.data])
    expect(await store.recheck()).toEqual({ lost: 0, found: 8 })
    expect(log.verified).toHaveLength(8)
    lent.fill(0x55)
    store.received(2, 16 * KIB, lent)
    await turns()
    expect(store.memory.pieces).toBe(0)
    expect(log.failed).toEqual([])
    expect(same(await readRange(store, 2, 0, 100), simple.data.subarray(2 * PIECE, 2 * PIECE + 100))).toBe(
      true,
    )
    await store.close()
  })

  it('looks first at what is read meanwhile, and gives nothing away that is wrong', async () => {
    const { store, log, backend } = await whole()
    await spoil(backend, 6 * PIECE)
    const held = hold(backend, 'status')
    const run = store.recheck()
    await turns(2)
    expect(held.reached).toBe(true)
    const errors: unknown[] = []
    const load = (piece: number): Promise<void> =>
      new Promise((resolve) =>
        store.load(piece, 0, 16 * KIB, store.reader(), (error) => {
          if (error) errors.push(error)
          resolve()
        }),
      )
    await load(6)
    expect(log.lost).toEqual([6])
    expect(store.read(6, 0, 16 * KIB, store.reader())).toBeUndefined()
    expect(same(await readRange(store, 5, 0, 100), simple.data.subarray(5 * PIECE, 5 * PIECE + 100))).toBe(
      true,
    )
    held.go()
    expect(await run).toEqual({ lost: 1, found: 0 })
    expect(errors).toEqual([])
    expect(log.errors).toEqual([])
    await store.close()
  })

  it('drops what was read ahead of a lost piece, but not from under those who send it', async () => {
    const { store, backend } = await whole()
    const before = await readRange(store, 4, 0, 100)
    await readRange(store, 4, 16 * KIB, 16 * KIB)
    expect([...store.cachedPieces]).toContain(4)
    const reader = store.reader()
    const parts = store.read(4, 0, 16 * KIB, reader)!
    await spoil(backend, 4 * PIECE)
    await store.recheck()
    expect(store.read(4, 0, 16 * KIB, reader)).toBeUndefined()
    expect(same(parts[0]!.subarray(0, 100), before)).toBe(true)
    expect([...store.cachedPieces]).not.toContain(4)
    store.sent(parts)
    await store.close()
  })

  it('knows the files that it has seen: they are not hashed again when they are read', async () => {
    const { store, backend } = await whole()
    backend.modified = 1
    await store.recheck()
    backend.calls.length = 0
    await readRange(store, 3, 0, 100)
    expect(backend.calls.filter(({ method }) => method === 'read')).toHaveLength(1)
    backend.modified = 2
    await store.recheck()
    backend.calls.length = 0
    await readRange(store, 2, 0, 100)
    expect(backend.calls.filter(({ method }) => method === 'read')).toHaveLength(1)
    await store.close()
  })

  it('ends with its signal, keeps what it knows by then, and looks at the rest when it is read', async () => {
    const source = torrent([{ path: 'a', length: 4 * 1024 * KIB }], PIECE)
    const { store, log, backend } = await whole(source)
    const last = source.layout.pieceCount - 1
    await spoil(backend, 0)
    await spoil(backend, last * PIECE)
    const abort = new AbortController()
    const run = store.recheck({
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    })
    await expect(run).rejects.toThrow('enough')
    expect(log.lost).toEqual([0])
    await new Promise<void>((resolve) => store.load(last, 0, 100, store.reader(), () => resolve()))
    expect(log.lost).toEqual([0, last])
    expect(log.errors).toEqual([])
    await store.close()
  })

  it('fails when a file cannot be read, and ends with the store', async () => {
    const { store, log, backend } = await whole()
    backend.before = (method) => {
      if (method === 'read') throw systemError('EACCES')
    }
    await expect(store.recheck()).rejects.toMatchObject({ code: 'storage/permission' })
    expect(log.lost).toEqual([])
    const held = hold(backend, 'read')
    const outcome = store.recheck().catch((error: unknown) => error)
    await turns(2)
    const end = store.close()
    await turns(2)
    held.go()
    await end
    expect(await outcome).toMatchObject({ code: 'storage/io' })
    expect(backend.calls.at(-1)?.method).toBe('close')
  })

  it('keeps away from bytes that move between files', async () => {
    const source = torrent(
      [
        { path: 'a', length: PIECE + 100 },
        { path: 'b', length: PIECE },
      ],
      PIECE,
    )
    const { store, log } = await openStore(source)
    await store.setWanted([true, false])
    for (const piece of [0, 1]) feedPiece(store, source, piece)
    await store.flush()
    for (let round = 0; round < 5; round++) {
      const run = store.recheck()
      const moved = store.setWanted([true, round % 2 === 0])
      expect(await run).toEqual({ lost: 0, found: 0 })
      await moved
    }
    expect(log.lost).toEqual([])
    await store.close()
  })

  it('tells of a large file that is gone in many turns', async () => {
    const source = torrent([{ path: 'a', length: 40 * 1024 * 16 }], 16)
    const { store, log, backend } = await whole(source)
    await backend.inner.remove(0)
    let most = 0
    let count = 0
    const onProgress = (): void => {
      if (count++ > 0) return
      setImmediate(() => {
        most = Math.max(most, count)
        count = 0
      })
    }
    await store.recheck({ onProgress })
    expect(log.lost).toHaveLength(40 * 1024)
    expect(most).toBeLessThanOrEqual(2 * 1024)
    await store.close()
  })
})
