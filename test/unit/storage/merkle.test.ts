import { describe, expect, it } from 'vitest'
import { HashTrees } from '../../../src/metainfo/hash-trees.js'
import { LeafHasher } from '../../../src/metainfo/merkle.js'
import type { StorageError } from '../../../src/storage/backend/error.js'
import { MemoryStorage } from '../../../src/storage/backend/memory.js'
import { MerkleVerifier } from '../../../src/storage/merkle-verifier.js'
import { Store, type StoreEvents } from '../../../src/storage/store.js'
import { type V2Content, v2Content, withoutLayers } from '../../support/v2.js'
import { readRange, same, turns } from './fixture.js'

const KIB = 1024
const MIB = 1024 * KIB

/** A store of a v2 or hybrid torrent, and what it told. */
async function open(
  content: V2Content,
  options: { budget?: number; doubts?: boolean; backend?: MemoryStorage } = {},
) {
  const { metainfo } = content
  const trees = new HashTrees(metainfo)
  const log = {
    verified: [] as number[],
    failed: [] as number[],
    doubtful: [] as number[],
    errors: [] as StorageError[],
  }
  const on: StoreEvents = {
    verified: (piece) => void log.verified.push(piece),
    failed: (piece) => void log.failed.push(piece),
    ...(options.doubts === false ? {} : { doubtful: (piece: number) => void log.doubtful.push(piece) }),
    error: (error) => void log.errors.push(error),
    drained: () => {},
  }
  const backend = options.backend ?? new MemoryStorage()
  const store = new Store({
    layout: metainfo.layout,
    files: metainfo.files.map((file) => ({ path: file.path, length: file.length, pad: file.pad })),
    pieces: metainfo.pieces,
    verifier: new MerkleVerifier(trees, metainfo.layout, metainfo.pieces),
    backend,
    defer: (call) => void setImmediate(call),
    ...(options.budget === undefined ? {} : { budget: options.budget }),
    on,
  })
  await store.open()
  const feed = (
    piece: number,
    blocks?: readonly number[],
    mend: (bytes: Uint8Array, block: number) => void = () => {},
  ) => {
    const { layout } = metainfo
    for (let block = 0; block < layout.blockCount(piece); block++) {
      if (blocks && !blocks.includes(block)) continue
      const { begin, length } = layout.blockAt(piece, block)
      const memory = store.place(piece, begin, length)
      if (!memory) throw new Error(`block ${block} of piece ${piece} has no place`)
      const start = piece * layout.pieceLength + begin
      memory.set(content.data.subarray(start, start + length))
      mend(memory, block)
      store.received(piece, begin, memory)
    }
  }
  const whole = () => {
    for (let piece = 0; piece < metainfo.pieceCount; piece++) feed(piece)
  }
  const filesMatch = () =>
    content.files.every(({ path, data }) =>
      same(backend.file(path.replace('set/', '')) ?? new Uint8Array(0), data),
    )
  return { store, log, trees, backend, feed, whole, filesMatch, metainfo }
}

function leavesOf(content: V2Content, piece: number): Uint8Array {
  const { layout } = content.metainfo
  const hasher = new LeafHasher(layout.blockCount(piece))
  const start = piece * layout.pieceLength
  hasher.update(content.data.subarray(start, start + layout.pieceSize(piece)))
  return hasher.finish()
}

/** Changes one byte of a file on the disk. */
async function spoil(backend: MemoryStorage, content: V2Content, name: string, at: number): Promise<void> {
  const stored = content.metainfo.files.filter((file) => !file.pad)
  const byte = ((backend.file(name) as Uint8Array)[at] as number) ^ 1
  const index = stored.findIndex((file) => file.path.join('/') === name)
  await backend.write(index, at, [Uint8Array.of(byte)])
}

/** Layouts with a gap behind nearly every file, single-block files, and empty ones. */
const LENGTHS = [100_000, 1, 0, 65_536, 16_385, 40_000, 131_072, 70_001, 0]

describe.each(['2', 'hybrid'] as const)('a torrent of version %s', (version) => {
  it('is verified, written file by file, and read back', async () => {
    const content = v2Content(LENGTHS, 32 * KIB, { version })
    const { store, log, whole, filesMatch, metainfo } = await open(content)
    whole()
    await turns()
    await store.createEmptyFiles()
    expect(log).toMatchObject({ failed: [], doubtful: [], errors: [] })
    expect(store.verified.isFull).toBe(true)
    expect(filesMatch()).toBe(true)
    for (let piece = 0; piece < metainfo.pieceCount; piece++) {
      // Gaps are zeros, also behind the last file, where nothing stands for them.
      const expected = new Uint8Array(metainfo.pieceLength)
      expected.set(content.data.subarray(piece * metainfo.pieceLength).subarray(0, metainfo.pieceLength))
      const read = async (begin: number, end: number) =>
        same(await readRange(store, piece, begin, end - begin), expected.subarray(begin, end))
      const size = metainfo.layout.pieceSize(piece)
      expect(await read(0, metainfo.pieceLength)).toBe(true)
      expect(await read(0, size)).toBe(true)
      if (size < metainfo.pieceLength) expect(await read(size, metainfo.pieceLength)).toBe(true)
    }
    expect(store.memory.pieces).toBe(0)
    await store.close()
  })

  it('is found on the disk again, as far as it is right', async () => {
    const content = v2Content(LENGTHS, 32 * KIB, { version })
    const first = await open(content)
    first.whole()
    await first.store.flush()
    await first.store.close()
    const second = await open(content, { backend: first.backend })
    expect((await second.store.check()).isFull).toBe(true)
    await spoil(first.backend, content, 'file-0006.bin', 40_000)
    const third = await open(content, { backend: first.backend })
    const valid = await third.store.check()
    expect(valid.count).toBe(content.metainfo.pieceCount - 1)
    expect(third.log.errors).toEqual([])
  })

  it.each([
    ['small pieces', 64 * KIB, undefined],
    ['pieces of more than a cell', 2 * MIB, undefined],
    ['pieces that spill to the disk', 8 * MIB, 512 * KIB],
  ])('keeps the right blocks of a wrong piece: %s', async (_name, pieceLength, budget) => {
    const content = v2Content([pieceLength + 50_000], pieceLength, { version })
    const { store, log, feed, filesMatch, metainfo } = await open(
      content,
      budget === undefined ? {} : { budget },
    )
    const bad = [1, metainfo.layout.blockCount(0) - 1]
    const order = Array.from({ length: metainfo.layout.blockCount(0) }, (_, block) => block)
    for (const block of order) {
      feed(0, [block], (bytes) => {
        if (bad.includes(block)) bytes[5] = (bytes[5] as number) ^ 0x40
      })
      if (block % 16 === 0) await turns(2)
    }
    feed(1)
    for (let i = 0; i < 50 && log.doubtful.length === 0; i++) await turns(10)
    expect(log).toMatchObject({ doubtful: [0], failed: [], verified: [1] })
    expect(store.place(0, 0, 16_384)).toBeUndefined()
    expect(store.reopen(0, leavesOf(content, 0))).toEqual(bad)
    expect(store.reopen(0, leavesOf(content, 0))).toEqual([])
    feed(0, bad)
    for (let i = 0; i < 50 && log.verified.length < 2; i++) await turns(10)
    expect(log).toMatchObject({ doubtful: [0], failed: [], verified: [1, 0], errors: [] })
    await store.flush()
    expect(filesMatch()).toBe(true)
    expect(store.memory.pieces).toBe(0)
    await store.close()
  })

  it('fails a wrong piece whole when nobody knows its leaves, and one of a single block at once', async () => {
    const content = v2Content([100_000, 5000], 64 * KIB, { version })
    const { store, log, feed } = await open(content)
    const zero = (bytes: Uint8Array): void => void bytes.fill(0)
    feed(0, undefined, zero)
    feed(2, undefined, zero)
    await turns()
    expect(log).toMatchObject({ doubtful: [0], failed: [2] })
    store.discard(0)
    store.discard(0)
    await turns()
    expect(log.failed).toEqual([2, 0])
    expect(store.memory.pieces).toBe(0)
    feed(0)
    feed(2)
    await turns()
    expect(log.verified.toSorted()).toEqual([0, 2])
    await store.close()
  })

  it('fails a wrong piece at once for those who do not ask about blocks', async () => {
    const content = v2Content([100_000], 64 * KIB, { version })
    const { store, log, feed } = await open(content, { doubts: false })
    feed(0, undefined, (bytes) => void bytes.fill(0))
    await turns()
    expect(log.failed).toEqual([0])
    await store.close()
  })

  it('hashes the leaves of what is there', async () => {
    const content = v2Content(LENGTHS, 64 * KIB, { version })
    const { store, whole, metainfo } = await open(content)
    whole()
    await store.flush()
    for (let piece = 0; piece < metainfo.pieceCount; piece++)
      expect(same(await store.leaves(piece), leavesOf(content, piece))).toBe(true)
    await store.close()
  })
})

describe('a v2 torrent without piece layers', () => {
  const content = v2Content([300_000, 20_000, 200_000], 32 * KIB)

  it('keeps whole pieces until their hash is known, and neither serves nor loses them', async () => {
    const { store, log, feed, trees } = await open(withoutLayers(content))
    feed(0)
    feed(1, undefined, (bytes) => void bytes.fill(7))
    feed(10)
    await turns()
    expect(log).toMatchObject({ verified: [10], failed: [], doubtful: [] })
    expect(store.verified.has(0)).toBe(false)
    expect(store.read(0, 0, 100, store.reader())).toBeUndefined()
    const full = new HashTrees(content.metainfo).at(0).tree
    const { tree } = trees.at(0)
    expect(tree.addHashes(tree.runRange(0), full.hashes(full.runRange(0)) as Uint8Array)).toBe('ok')
    store.hashesKnown()
    await turns()
    expect(log).toMatchObject({ verified: [10, 0], failed: [], doubtful: [1] })
    await store.close()
  })

  it('proves whole files on the disk by their roots alone', async () => {
    const first = await open(content)
    first.whole()
    await first.store.flush()
    const second = await open(withoutLayers(content), { backend: first.backend })
    expect((await second.store.check()).isFull).toBe(true)
    expect(second.trees.isComplete).toBe(true)
  })

  it('takes pieces from the disk as soon as their hashes are known', async () => {
    const first = await open(content)
    first.whole()
    await first.store.flush()
    await spoil(first.backend, content, 'file-0000.bin', 0)
    const { store, trees, log } = await open(withoutLayers(content), { backend: first.backend })
    const valid = await store.check()
    expect([valid.has(0), valid.has(1), valid.has(10), valid.has(11)]).toEqual([false, false, true, true])
    const { tree } = trees.at(0)
    expect(tree.addLayer([...content.metainfo.pieceLayers.values()][0] as Uint8Array)).toBe('ok')
    store.hashesKnown()
    await turns()
    expect(log.verified.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    await store.close()
  })
})

describe('a hybrid', () => {
  it('is right by its v1 half while layers are unknown, and proves its own layers', async () => {
    const content = v2Content([300_000, 20_000], 32 * KIB, { version: 'hybrid' })
    const { store, log, trees, whole } = await open(withoutLayers(content))
    whole()
    await turns()
    expect(store.verified.isFull).toBe(true)
    expect(trees.isComplete).toBe(true)
    expect(log.errors).toEqual([])
    await store.close()
  })

  it.each([
    ['arrives', false],
    ['is found on the disk', true],
  ])('whose halves disagree stops with a code when the piece %s', async (_name, onDisk) => {
    const lengths = [300_000, 20_000]
    const right = v2Content(lengths, 32 * KIB, { version: 'hybrid' })
    const broken = v2Content(lengths, 32 * KIB, {
      version: 'hybrid',
      lie: (pieces) => void pieces.fill(0, 40, 60),
    })
    const first = await open(right)
    first.whole()
    await first.store.flush()
    if (onDisk) {
      const { store } = await open(broken, { backend: first.backend })
      await expect(store.check()).rejects.toMatchObject({
        code: 'storage/contradiction',
        path: 'file-0000.bin',
      })
      return
    }
    const { store, log, feed } = await open(broken)
    feed(0)
    feed(2)
    await turns()
    expect(log).toMatchObject({ failed: [], doubtful: [] })
    expect(log.verified).not.toContain(2)
    expect(log.errors.map(({ code }) => code)).toEqual(['storage/contradiction'])
    expect(store.place(3, 0, 16_384)).toBeUndefined()
    await store.close()
  })

  it('finds out late that its halves disagree', async () => {
    const broken = v2Content([100_000], 32 * KIB, {
      version: 'hybrid',
      lie: (pieces) => void pieces.copyWithin(0, 20, 40),
    })
    const { store, log, feed } = await open(withoutLayers(broken))
    // By the v1 half alone the second piece stands first.
    feed(0, undefined, (bytes, block) =>
      bytes.set(broken.data.subarray(32 * KIB + block * 16_384, 32 * KIB + (block + 1) * 16_384)),
    )
    feed(1)
    feed(2)
    feed(3)
    await turns()
    expect(log.errors.map(({ code }) => code)).toEqual(['storage/contradiction'])
    await store.close()
  })
})
