import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { feedBlock, openStore, readRange, same, systemError, TestBackend, torrent, turns } from './fixture.js'

const KIB = 1024
const MIB = 1024 * KIB

/** Two pieces above the limit from which on pieces spill, and a short one. */
const source = torrent(
  [
    { path: 't/a', length: 5 * MIB - 1000 },
    { path: '.pad/300000', length: 300_000, pad: true },
    { path: 't/b', length: 6 * MIB },
  ],
  5 * MIB,
)

function blocks(piece: number): number[] {
  return Array.from({ length: source.layout.blockCount(piece) }, (_, index) => index)
}

/** A fixed shuffle. */
function shuffled(list: readonly number[]): number[] {
  return [...list].sort((a, b) => ((a * 7919 + 13) % 1009) - ((b * 7919 + 13) % 1009))
}

describe('a large piece', () => {
  it('that comes in order never holds more than a few MiB', async () => {
    const { store, log, backend } = await openStore(source, { backend: new TestBackend(), budget: 4 * MIB })
    let peak = 0
    for (let piece = 0; piece < source.layout.pieceCount; piece++) {
      for (const index of blocks(piece)) {
        feedBlock(store, source, piece, index)
        peak = Math.max(peak, store.memory.pieces)
        if (index % 16 === 15) await turns(2)
      }
    }
    await store.flush()
    expect(log.verified.toSorted()).toEqual([0, 1, 2])
    expect(peak).toBeLessThan(3 * MIB)
    const { inner, calls } = backend as TestBackend
    expect(same(inner.file('t/a'), source.fileBytes(0))).toBe(true)
    expect(same(inner.file('t/b'), source.fileBytes(2))).toBe(true)
    const writes = calls.filter((call) => call.method === 'write')
    expect(Math.max(...writes.map((call) => call.length))).toBe(MIB)
    expect(writes.length).toBeLessThan(18)
    expect(store.memory.pieces).toBe(0)
  })

  it('that comes in any order stays within the budget, and is read back for the hash', async () => {
    const budget = 2 * MIB
    const { store, log, backend } = await openStore(source, { backend: new TestBackend(), budget })
    let peak = 0
    const order = shuffled(blocks(0)).flatMap((index) => [
      [0, index],
      [1, index],
    ])
    let fed = 0
    for (const [piece, index] of order) {
      if (index! < source.layout.blockCount(piece!)) feedBlock(store, source, piece!, index!)
      if (++fed % 8 === 0) await turns(4)
      peak = Math.max(peak, store.memory.pieces)
    }
    await turns(200)
    expect(log.errors).toEqual([])
    expect(log.failed).toEqual([])
    expect(log.verified.toSorted()).toEqual([0, 1])
    expect(peak).toBeLessThan(budget + 3 * MIB)
    const { inner } = backend as TestBackend
    expect((backend as TestBackend).count('read')).toBeGreaterThan(0)
    expect(same(inner.file('t/a'), source.fileBytes(0))).toBe(true)
    expect(store.memory.pieces).toBe(0)
    expect(
      same(await readRange(store, 1, 1000, 100_000), source.data.subarray(5 * MIB + 1000, 5 * MIB + 101_000)),
    ).toBe(true)
  })

  it('counts for nothing until all of it is here, and can fail after most of it was written', async () => {
    const { store, log, backend } = await openStore(source, { backend: new TestBackend() })
    for (const index of blocks(0).slice(0, -1)) feedBlock(store, source, 0, index)
    await turns()
    const { inner } = backend as TestBackend
    expect(inner.file('t/a')).toBeDefined()
    expect(store.verified.has(0)).toBe(false)
    expect(store.read(0, 0, 100, store.reader())).toBeUndefined()
    const { begin, length } = source.layout.blockAt(0, source.layout.blockCount(0) - 1)
    const memory = store.place(0, begin, length)!
    memory.fill(1)
    store.received(0, begin, memory)
    await turns()
    expect(log.failed).toEqual([0])
    expect(store.memory.pieces).toBe(0)
    for (const index of blocks(0)) feedBlock(store, source, 0, index)
    await store.flush()
    expect(log.verified).toEqual([0])
    expect(same(inner.file('t/a'), source.fileBytes(0))).toBe(true)
  })

  it('that is abandoned gives back its memory when the disk is through with it', async () => {
    const backend = new TestBackend()
    const waiting: (() => void)[] = []
    backend.before = (method) =>
      method === 'write' ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined
    const { store, log } = await openStore(source, { backend, budget: MIB })
    const lease = store.place(0, 0, 16 * KIB)!
    for (const index of blocks(0).slice(1, 200)) feedBlock(store, source, 0, index)
    await turns()
    expect(waiting.length).toBe(1)
    store.abandon(0)
    store.release(0, 0, lease)
    expect(store.memory.pieces).toBeGreaterThan(0)
    backend.before = () => {}
    for (const go of waiting) go()
    await turns()
    expect(store.memory.pieces).toBe(0)
    for (const index of blocks(0)) feedBlock(store, source, 0, index)
    await store.flush()
    expect(log.verified).toEqual([0])
    expect(same(backend.inner.file('t/a'), source.fileBytes(0))).toBe(true)
  })

  it.each(['write', 'read'] as const)('survives a failing %s', async (failing) => {
    const backend = new TestBackend()
    const { store, log } = await openStore(source, { backend, budget: MIB })
    let broken = true
    backend.before = (method) => {
      if (method === failing && broken) throw systemError('EIO')
    }
    // From the end, so that nothing can be hashed and the budget is used up.
    const order = blocks(0).reverse()
    for (const index of order) {
      let tries = 0
      while (!feedBlock(store, source, 0, index) && tries++ < 3) {
        expect(store.error).toBeDefined()
        broken = false
        store.retry()
        await turns(5)
      }
      if (index % 16 === 0) await turns(3)
    }
    await turns()
    if (store.error) {
      broken = false
      store.retry()
    }
    await store.flush()
    expect(log.errors.length).toBe(1)
    expect(log.verified).toEqual([0])
    expect(same(backend.inner.file('t/a'), source.fileBytes(0))).toBe(true)
    expect(store.memory.pieces).toBe(0)
  })

  it.each(['all of it can be read', 'nothing can'])(
    'is told apart block by block after it failed, where %s back from the disk',
    async (how) => {
      const backend = new TestBackend()
      const { store, log } = await openStore(source, { backend, budget: 4 * MIB })
      const digestOf = (index: number): string => {
        const { begin, length } = source.layout.blockAt(0, index)
        return createHash('sha1')
          .update(source.data.subarray(begin, begin + length))
          .digest('hex')
      }
      const right = blocks(0).map(digestOf)
      const hex = (digests: readonly (Uint8Array | undefined)[] | undefined) =>
        digests?.map((digest) => digest && Buffer.from(digest).toString('hex'))
      const feed = async (spoilt?: number) => {
        for (const index of blocks(0)) {
          if (index === spoilt) {
            const { begin, length } = source.layout.blockAt(0, index)
            store.received(0, begin, (store.place(0, begin, length) as Uint8Array).fill(7))
          } else expect(feedBlock(store, source, 0, index)).toBe(true)
          if (index % 16 === 15) await turns(4)
        }
      }
      let readBack = 0
      backend.before = async (method) => {
        if (method !== 'read') return
        readBack++
        if (how === 'nothing can') throw systemError('EIO')
        // Nobody may write anew while it is read.
        expect(log.failed.length === 0 || log.verified.length === 0).toBe(true)
        expect(feedBlock(store, source, 0, 3)).toBe(false)
        await turns(3)
      }
      await feed(3)
      await turns(400)
      expect(log.failed).toEqual([0])
      expect(log.errors).toEqual([])
      expect(readBack).toBeGreaterThan(0)
      const wrong = hex(store.takeDigests(0))
      const unknown = (wrong ?? []).filter((digest) => digest === undefined).length
      if (how === 'nothing can') {
        expect(unknown).toBeGreaterThan(0)
        expect(unknown).toBeLessThan(right.length)
      } else {
        expect(wrong?.[3]).toBe(createHash('sha1').update(new Uint8Array(16_384).fill(7)).digest('hex'))
        expect(wrong?.with(3, right[3])).toEqual(right)
      }
      await feed()
      await store.flush()
      await turns(400)
      expect(log.verified).toEqual([0])
      if (how !== 'nothing can') expect(hex(store.takeDigests(0))).toEqual(right)
      expect(store.takeDigests(0) === undefined || how === 'nothing can').toBe(true)
      expect(store.memory.pieces).toBe(0)
    },
  )

  it('that is read back when the store closes lets it close', async () => {
    const backend = new TestBackend()
    const { store, log } = await openStore(source, { backend, budget: 4 * MIB })
    let go = (): void => {}
    backend.before = (method) =>
      method === 'read' ? new Promise<void>((resolve) => (go = resolve)) : undefined
    for (const index of blocks(0)) {
      const { begin, length } = source.layout.blockAt(0, index)
      store.received(0, begin, (store.place(0, begin, length) as Uint8Array).fill(7))
      if (index % 16 === 15) await turns(4)
    }
    await turns()
    expect(log.failed).toEqual([])
    const closing = store.close()
    await turns()
    go()
    await closing
    await turns()
    expect(log.failed).toEqual([])
    expect(store.memory.pieces).toBe(0)
  })
})
