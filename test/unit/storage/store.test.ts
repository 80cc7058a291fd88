import { describe, expect, it } from 'vitest'
import { feedBlock, feedPiece, openStore, readRange, same, TestBackend, torrent, turns } from './fixture.js'

const KIB = 1024
const MIB = 1024 * KIB

function simple(length = 100_000, pieceLength = 32 * KIB) {
  return torrent([{ path: 'a', length }], pieceLength)
}

describe('a piece on its way', () => {
  it('is verified, written and read back', async () => {
    const source = torrent(
      [
        { path: 't/a', length: 100_000 },
        { path: 't/b', length: 50_001 },
      ],
      32 * KIB,
    )
    const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
    for (let piece = 0; piece < source.layout.pieceCount; piece++) feedPiece(store, source, piece)
    await turns()
    expect(log.failed).toEqual([])
    expect(log.verified.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    const { inner } = backend as TestBackend
    expect(same(inner.file('t/a'), source.fileBytes(0))).toBe(true)
    expect(same(inner.file('t/b'), source.fileBytes(1))).toBe(true)
    expect(store.memory.pieces).toBe(0)
    for (let piece = 0; piece < source.layout.pieceCount; piece++) {
      const start = piece * source.layout.pieceLength
      const size = source.layout.pieceSize(piece)
      expect(same(await readRange(store, piece, 0, size), source.data.subarray(start, start + size))).toBe(
        true,
      )
    }
    await store.close()
  })

  it('is emptied when its hash is wrong, and can come again', async () => {
    const source = simple(40_000)
    const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
    const memory = store.place(0, 0, 16 * KIB)!
    memory.fill(9)
    store.received(0, 0, memory)
    feedBlock(store, source, 0, 1)
    expect(log.failed).toEqual([])
    await turns()
    expect(log.failed).toEqual([0])
    expect(store.memory.pieces).toBe(0)
    expect((backend as TestBackend).count('write')).toBe(0)
    feedPiece(store, source, 0)
    feedPiece(store, source, 1)
    await store.flush()
    expect(log.verified.toSorted()).toEqual([0, 1])
    expect(same((backend as TestBackend).inner.file('a'), source.data)).toBe(true)
  })

  it('is readable and announced only when it is written', async () => {
    const source = simple(32 * KIB)
    const backend = new TestBackend()
    let open = () => {}
    backend.before = (method) => {
      if (method === 'write') return new Promise<void>((resolve) => (open = resolve))
    }
    const { store, log } = await openStore(source, { backend })
    feedPiece(store, source, 0)
    await turns()
    expect(backend.count('write')).toBe(1)
    expect(log.verified).toEqual([])
    expect(store.verified.has(0)).toBe(false)
    expect(store.read(0, 0, 10, store.reader())).toBeUndefined()
    expect(store.place(0, 0, 16 * KIB)).toBeUndefined()
    open()
    await turns(3)
    expect(log.verified).toEqual([0])
    expect(store.place(0, 0, 16 * KIB)).toBeUndefined()
  })

  it('never reports from inside a call', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    feedPiece(store, source, 0)
    expect(log).toMatchObject({ verified: [], failed: [] })
    await turns()
    expect(log.verified).toEqual([0])
  })

  it('of one odd size after the other comes through', async () => {
    for (const [length, pieceLength] of [
      [1, 16 * KIB],
      [16 * KIB + 1, 16 * KIB],
      [70_001, 20_000],
      [1000, 100],
      [3 * MIB + 5, MIB + 16 * KIB],
    ] as const) {
      const source = simple(length, pieceLength)
      const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
      for (let piece = source.layout.pieceCount - 1; piece >= 0; piece--) feedPiece(store, source, piece)
      await store.flush()
      expect(log.verified.length).toBe(source.layout.pieceCount)
      expect(same((backend as TestBackend).inner.file('a'), source.data)).toBe(true)
      const last = source.layout.pieceCount - 1
      const size = source.layout.pieceSize(last)
      expect(same(await readRange(store, last, 0, size), source.data.subarray(length - size))).toBe(true)
      await store.close()
    }
  })
})

describe('leases', () => {
  it('are exclusive: a second writer gets scratch memory, which is copied in', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    const first = store.place(0, 0, 16 * KIB)!
    const second = store.place(0, 0, 16 * KIB)!
    expect(store.isScratch(first)).toBe(false)
    expect(store.isScratch(second)).toBe(true)
    first.fill(1)
    second.set(source.data.subarray(0, 16 * KIB))
    store.release(0, 0, first)
    store.received(0, 0, second)
    feedBlock(store, source, 0, 1)
    await turns()
    expect(log.verified).toEqual([0])
    expect(store.memory.pieces).toBe(0)
  })

  it('that are still open hold a scratch block back until they end', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    const first = store.place(0, 0, 16 * KIB)!
    const second = store.place(0, 0, 16 * KIB)!
    second.set(source.data.subarray(0, 16 * KIB))
    store.received(0, 0, second)
    feedBlock(store, source, 0, 1)
    first.fill(1)
    await turns()
    expect(log).toMatchObject({ verified: [], failed: [] })
    store.release(0, 0, first)
    await turns()
    expect(log.verified).toEqual([0])
  })

  it('that end well make a scratch copy of the same block superfluous', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    const first = store.place(0, 0, 16 * KIB)!
    const second = store.place(0, 0, 16 * KIB)!
    const third = store.place(0, 0, 16 * KIB)!
    second.fill(3)
    store.received(0, 0, second)
    first.set(source.data.subarray(0, 16 * KIB))
    store.received(0, 0, first)
    third.fill(4)
    store.received(0, 0, third)
    feedBlock(store, source, 0, 1)
    await turns()
    expect(log).toMatchObject({ verified: [0], failed: [] })
    expect(store.memory.pieces).toBe(0)
  })

  it('given back unfilled make the block free again', async () => {
    const source = simple(32 * KIB)
    const { store } = await openStore(source)
    const first = store.place(0, 0, 16 * KIB)!
    expect(store.isScratch(store.place(0, 0, 16 * KIB)!)).toBe(true)
    store.release(0, 0, first)
    expect(store.isScratch(store.place(0, 0, 16 * KIB)!)).toBe(false)
  })

  it('refuse a block that is here', async () => {
    const source = simple(32 * KIB)
    const { store } = await openStore(source)
    feedBlock(store, source, 0, 0)
    expect(store.place(0, 0, 16 * KIB)).toBeUndefined()
    expect(store.place(0, 16 * KIB, 16 * KIB)).toBeDefined()
  })

  it('on scratch memory are bounded', async () => {
    const source = simple(32 * KIB)
    const { store } = await openStore(source)
    store.place(0, 0, 16 * KIB)
    let lent = 0
    while (store.place(0, 0, 16 * KIB) !== undefined) lent++
    expect(lent).toBe(256)
  })

  it('keep the memory of an abandoned piece from being used for another', async () => {
    const source = simple(96 * KIB)
    const { store, log } = await openStore(source)
    const late = store.place(0, 0, 16 * KIB)!
    store.abandon(0)
    expect(store.memory.pieces).toBe(32 * KIB)
    feedBlock(store, source, 1, 0)
    late.fill(7)
    feedBlock(store, source, 1, 1)
    store.release(0, 0, late)
    expect(store.memory.pieces).toBe(32 * KIB)
    await turns()
    expect(log).toMatchObject({ verified: [1], failed: [] })
    expect(store.memory.pieces).toBe(0)
  })

  it('on an abandoned piece that fill all the same serve the piece that was opened again', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    const late = store.place(0, 0, 16 * KIB)!
    store.abandon(0)
    feedBlock(store, source, 0, 1)
    late.set(source.data.subarray(0, 16 * KIB))
    store.received(0, 0, late)
    await turns()
    expect(log).toMatchObject({ verified: [0], failed: [] })
    expect(store.memory.pieces).toBe(0)
  })

  it('on an abandoned piece nobody opened again open it', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    const late = store.place(0, 0, 16 * KIB)!
    store.abandon(0)
    late.set(source.data.subarray(0, 16 * KIB))
    store.received(0, 0, late)
    expect(feedBlock(store, source, 0, 0)).toBe(false)
    expect(feedBlock(store, source, 0, 1)).toBe(true)
    await turns()
    expect(log.verified).toEqual([0])
  })

  it('cannot abandon a piece that is whole', async () => {
    const source = simple(32 * KIB)
    const { store, log } = await openStore(source)
    feedPiece(store, source, 0)
    store.abandon(0)
    await turns()
    expect(log.verified).toEqual([0])
  })
})

describe('load', () => {
  it('hashes at most 1 MiB a turn', async () => {
    const source = simple(4 * MIB, 4 * MIB)
    let deferred: (() => void)[] = []
    const { store, log } = await openStore(source, { defer: (call) => void deferred.push(call) })
    feedPiece(store, source, 0)
    let used = 0
    for (; log.verified.length === 0 && used < 50; used++) {
      const calls = deferred
      deferred = []
      for (const call of calls) call()
      await turns(2)
    }
    // The first MiB in the turn that received it, one more in each that follows.
    expect(used).toBe(3)
    expect(log.verified).toEqual([0])
  })

  it('makes the store congested, and drains', async () => {
    const source = simple(24 * MIB, MIB)
    const backend = new TestBackend()
    let hold = true
    const waiting: (() => void)[] = []
    backend.before = (method) =>
      method === 'write' && hold ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined
    const { store, log } = await openStore(source, { backend })
    let fed = 0
    for (; fed < 24 && !store.congested; fed++) {
      feedPiece(store, source, fed)
      await turns(3)
    }
    expect(store.congested).toBe(true)
    expect(fed).toBe(17)
    hold = false
    for (const go of waiting.splice(0)) go()
    await turns(100)
    expect(store.congested).toBe(false)
    expect(log.drained).toBe(1)
    expect(log.verified.length).toBe(17)
  })

  it('gathers small pieces that lie side by side into writes of up to 1 MiB', async () => {
    const source = simple(2 * MIB, 16 * KIB)
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    for (let piece = 127; piece >= 0; piece--) feedPiece(store, source, piece)
    await store.flush()
    const lengths = (backend as TestBackend).calls
      .filter((call) => call.method === 'write')
      .map((call) => call.length)
    expect(lengths.length).toBe(2)
    expect(Math.max(...lengths)).toBe(MIB)
    expect(same((backend as TestBackend).inner.file('a'), source.data)).toBe(true)
  })

  it('never holds a lone small piece for ever', async () => {
    const source = simple(MIB, 16 * KIB)
    const { store, log } = await openStore(source)
    feedPiece(store, source, 10)
    await turns(12)
    expect(log.verified).toEqual([10])
  })

  it('opens as many pieces as half the budget holds, or up to 16 that all of it holds, at least one', async () => {
    for (const [pieceLength, budget, expected] of [
      [MIB, undefined, 32],
      [16 * KIB, undefined, 2048],
      [MIB, 32 * MIB, 16],
      [MIB, 10 * MIB, 10],
      [2 * MIB, 32 * MIB, 16],
      [4 * MIB, 32 * MIB, 8],
      [4 * MIB, undefined, 16],
      [16 * MIB, undefined, 16],
      [64 * MIB, undefined, 16],
      [MIB, 1, 1],
      [64 * MIB, 1, 1],
    ] as const) {
      const files = [{ path: ['a'], length: 100, pad: false }]
      const source = { ...simple(100, pieceLength), files }
      const { store } = await openStore(source, budget === undefined ? {} : { budget })
      expect(store.maxOpenPieces).toBe(expected)
    }
  })
})

describe('pads', () => {
  const source = torrent(
    [
      { path: 'a', length: 20_000 },
      { path: '.pad/45536', length: 45_536, pad: true },
      { path: 'b', length: 65_536 },
      { path: '.pad/131072', length: 131_072, pad: true },
      { path: 'c', length: 10 },
    ],
    64 * KIB,
  )

  it('need not arrive, are hashed and served as zeros, and are never stored', async () => {
    const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
    feedBlock(store, source, 0, 0)
    // The second block ends inside the pad: its request is clipped to the file.
    const clipped = store.place(0, 16 * KIB, 20_000 - 16 * KIB)!
    clipped.set(source.data.subarray(16 * KIB, 20_000))
    store.received(0, 16 * KIB, clipped)
    feedPiece(store, source, 1)
    feedPiece(store, source, 4)
    await turns()
    expect(log.failed).toEqual([])
    expect(log.verified.toSorted()).toEqual([0, 1, 4])
    const { inner, calls } = backend as TestBackend
    expect(same(inner.file('a'), source.fileBytes(0))).toBe(true)
    expect(same(inner.file('b'), source.fileBytes(2))).toBe(true)
    expect(calls.every((call) => call.file < 3)).toBe(true)
    expect(same(await readRange(store, 0, 0, 64 * KIB), source.data.subarray(0, 64 * KIB))).toBe(true)
  })

  it('that peers send all the same do no harm', async () => {
    const { store, log } = await openStore(source)
    feedPiece(store, source, 0)
    await turns()
    expect(log).toMatchObject({ verified: [0], failed: [] })
    expect(store.memory.pieces).toBe(0)
  })

  it('that fill a whole piece verify it as soon as it is opened, and in a check', async () => {
    const { store, log } = await openStore(source)
    const memory = store.place(2, 0, 16 * KIB)!
    store.received(2, 0, memory)
    await turns()
    expect(log.verified).toEqual([2])
    expect([...(await store.check())]).toEqual([2, 3])
  })
})

describe('files without bytes', () => {
  it('are made on demand: the wanted ones, no symlinks, no pads', async () => {
    const source = torrent(
      [
        { path: 't/empty', length: 0 },
        { path: 't/unwanted', length: 0 },
        { path: 't/link', length: 0, symlink: true },
        { path: 't/pad', length: 0, pad: true },
        { path: 't/a', length: 10 },
      ],
      16 * KIB,
    )
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    expect((backend as TestBackend).count('create')).toBe(0)
    await store.setWanted([true, false, true, true, true])
    await store.createEmptyFiles()
    const { inner } = backend as TestBackend
    expect(inner.file('t/empty')).toEqual(new Uint8Array(0))
    expect(inner.file('t/unwanted')).toBeUndefined()
    expect(inner.file('t/link')).toBeUndefined()
    expect((backend as TestBackend).count('create')).toBe(1)
  })

  it('are all there is in an empty torrent', async () => {
    const source = torrent([{ path: 'empty', length: 0 }], 16 * KIB)
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    expect((await store.check()).length).toBe(0)
    await store.createEmptyFiles()
    await store.close()
    expect((backend as TestBackend).inner.file('empty')).toEqual(new Uint8Array(0))
  })
})

describe('the end', () => {
  it('writes what is verified before it closes', async () => {
    const source = simple(64 * KIB)
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    feedPiece(store, source, 0)
    feedPiece(store, source, 1)
    await store.close()
    await store.close()
    const { inner, calls } = backend as TestBackend
    expect(same(inner.file('a'), source.data)).toBe(true)
    expect(calls.at(-1)?.method).toBe('close')
    expect(store.place(0, 0, 10)).toBeUndefined()
  })

  it('takes late leases back without a word', async () => {
    const source = simple(64 * KIB)
    const { store } = await openStore(source)
    const a = store.place(0, 0, 16 * KIB)!
    const b = store.place(0, 16 * KIB, 16 * KIB)!
    await store.close()
    store.release(0, 0, a)
    store.received(0, 16 * KIB, b)
    store.abandon(0)
    const errors: unknown[] = []
    store.load(0, 0, 10, store.reader(), (error) => errors.push(error?.code))
    await turns(3)
    expect(errors).toEqual(['storage/missing'])
  })

  it('deletes the files on destroy', async () => {
    const source = simple(64 * KIB)
    const { store, backend } = await openStore(source, { backend: new TestBackend() })
    feedPiece(store, source, 0)
    await store.flush()
    await store.destroy()
    const { inner, calls } = backend as TestBackend
    expect(inner.file('a')).toBeUndefined()
    expect(calls.slice(-2).map((call) => call.method)).toEqual(['destroy', 'close'])
  })

  it.each(['close', 'destroy'] as const)(
    'on %s waits for reads, and calls nothing afterwards',
    async (how) => {
      const source = simple(96 * KIB)
      const backend = new TestBackend()
      const { store } = await openStore(source, { backend })
      await store.open()
      expect(backend.count('open')).toBe(1)
      for (const piece of [0, 1, 2]) feedPiece(store, source, piece)
      await store.flush()
      let go = () => {}
      backend.before = (method) => {
        if (method === 'status') return new Promise<void>((resolve) => (go = resolve))
      }
      const told: unknown[] = []
      // The look at the file is under way when the store ends; the read must not follow it.
      store.load(0, 0, 16 * KIB, store.reader(), (error) => told.push(error?.code))
      await turns(2)
      let ended = false
      const end = store[how]().then(() => {
        ended = true
      })
      await turns(5)
      expect(ended).toBe(false)
      go()
      await end
      await turns(2)
      expect(told.length).toBe(1)
      expect(backend.count('read')).toBe(0)
      expect(backend.calls.at(-1)?.method).toBe('close')
      await expect(store.check()).rejects.toMatchObject({ code: 'storage/io' })
    },
  )

  it('trusts what saved state says', async () => {
    const source = simple(96 * KIB)
    const first = await openStore(source, { backend: new TestBackend() })
    for (const piece of [0, 2]) feedPiece(first.store, source, piece)
    await first.store.close()
    const backend = new TestBackend((first.backend as TestBackend).inner)
    const { store } = await openStore(source, { backend })
    store.trust(first.store.verified)
    expect([...store.verified]).toEqual([0, 2])
    expect(store.place(2, 0, 16 * KIB)).toBeUndefined()
    expect(same(await readRange(store, 2, 5, 100), source.data.subarray(64 * KIB + 5, 64 * KIB + 105))).toBe(
      true,
    )
  })
})
