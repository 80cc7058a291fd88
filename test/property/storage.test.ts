import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/storage/store.js'
import { runs } from '../support/depth.js'
import {
  alignedTorrent,
  openStore,
  readRange,
  same,
  systemError,
  TestBackend,
  type Torrent,
  torrent,
  turns,
} from '../unit/storage/fixture.js'

/**
 * Torrents with every odd boundary: pads, files inside a piece, short last blocks, and pieces of several
 * cells that spill (the budget of 256 KiB is far below them).
 */
const SOURCES: readonly Torrent[] = [
  torrent(
    [
      { path: 't/a', length: 50_000 },
      { path: 't/b', length: 1 },
      { path: 't/c', length: 60_001 },
    ],
    32_768,
  ),
  torrent(
    [
      { path: 't/a', length: 20_000 },
      { path: 't/pad', length: 45_536, pad: true },
      { path: 't/b', length: 70_000 },
    ],
    65_536,
  ),
  torrent([{ path: 'large', length: 6_000_000 }], 5 * 1_048_576),
  torrent([{ path: 'odd', length: 90_001 }], 20_000),
  alignedTorrent([50_000, 1, 0, 60_001, 32_768], 32_768, '2'),
  alignedTorrent([50_000, 1, 0, 60_001, 32_768], 65_536, 'hybrid'),
  alignedTorrent([5_400_000, 20_000], 8 * 1_048_576, 'hybrid'),
]

interface Lease {
  readonly piece: number
  readonly block: number
  readonly begin: number
  readonly data: Uint8Array
}

type Step =
  | { readonly type: 'place'; readonly at: number }
  | { readonly type: 'received' | 'corrupt' | 'release'; readonly at: number; readonly revoke: boolean }
  | { readonly type: 'abandon'; readonly at: number }
  | { readonly type: 'deliver'; readonly at: number }
  | { readonly type: 'damage'; readonly at: number }
  | { readonly type: 'recheck'; readonly abort: boolean }
  | { readonly type: 'turn' }
  | { readonly type: 'fail' }

const nat = fc.nat(1_000_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('place' as const), at: nat }) },
  {
    weight: 9,
    arbitrary: fc.record({ type: fc.constant('received' as const), at: nat, revoke: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('corrupt' as const), at: nat, revoke: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('release' as const), at: nat, revoke: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('abandon' as const), at: nat }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('deliver' as const), at: nat }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('damage' as const), at: nat }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('recheck' as const), abort: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constant({ type: 'turn' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'fail' as const }) },
)

function fill(source: Torrent, lease: Lease): void {
  const start = lease.piece * source.layout.pieceLength + lease.begin
  lease.data.set(source.data.subarray(start, start + lease.data.length))
}

/** An honest peer sends whatever is missing of a piece. */
function deliver(store: Store, source: Torrent, piece: number): void {
  for (let block = 0; block < source.layout.blockCount(piece); block++) {
    const { begin, length } = source.layout.blockAt(piece, block)
    const data = store.place(piece, begin, length)
    if (!data) continue
    fill(source, { piece, block, begin, data })
    store.received(piece, begin, data)
  }
}

/** Changes a byte of a piece on the disk; false where there is none that is not a pad. */
async function damage(source: Torrent, backend: TestBackend, piece: number): Promise<boolean> {
  const { layout, files } = source
  for (const { file, offset } of layout.slices(piece, 0, layout.pieceSize(piece))) {
    if (files[file]!.pad) continue
    const bytes = new Uint8Array(1)
    const index = files.slice(0, file).filter((each) => !each.pad).length
    await backend.inner.read(index, offset, bytes)
    await backend.inner.write(index, offset, [Uint8Array.of(bytes[0]! ^ 1)])
    return true
  }
  return false
}

/** Other writers of the block are told to stop. */
function revoke(store: Store, leases: Lease[], winner: Lease): void {
  for (const other of leases.filter(
    (lease) => lease.piece === winner.piece && lease.begin === winner.begin,
  )) {
    leases.splice(leases.indexOf(other), 1)
    store.release(other.piece, other.begin, other.data)
  }
}

describe('the store', () => {
  it('ends with the right bytes on the disk, whatever peers and others do to it', {
    timeout: 60_000,
  }, async () => {
    let losses = 0
    await fc.assert(
      fc.asyncProperty(
        fc.nat(SOURCES.length - 1),
        fc.array(step, { maxLength: 120, size: 'max' }),
        async (which, steps) => {
          const source = SOURCES[which]!
          const { layout } = source
          const backend = new TestBackend()
          let failures = 0
          backend.before = (method) => {
            if (method === 'write' && failures > 0) {
              failures--
              throw systemError('ENOSPC')
            }
          }
          const { store, log } = await openStore(source, { backend, budget: 262_144, readBudget: 65_536 })
          const leases: Lease[] = []
          const corrupted = new Set<number>()
          const damaged = new Set<number>()
          const abort = new AbortController()
          let recheck: Promise<unknown> = Promise.resolve()
          for (const now of steps) {
            // Slow writers: whatever is lent may change at any time until it is given back.
            for (const lease of leases) lease.data.fill(0x55)
            if (now.type === 'turn') {
              await turns(3)
              if (store.error) store.retry()
            } else if (now.type === 'fail') failures++
            else if (now.type === 'deliver') deliver(store, source, now.at % layout.pieceCount)
            else if (now.type === 'damage') {
              const piece = [...store.verified][now.at % Math.max(1, store.verified.count)]
              if (piece !== undefined && (await damage(source, backend, piece))) damaged.add(piece)
            } else if (now.type === 'recheck') {
              // Beside everything that follows.
              const signal = now.abort ? abort.signal : new AbortController().signal
              recheck = recheck.then(() => store.recheck({ signal }).catch(() => undefined))
            } else if (now.type === 'abandon') store.abandon(now.at % layout.pieceCount)
            else if (now.type === 'place') {
              const piece = now.at % layout.pieceCount
              const block = Math.floor(now.at / 7) % layout.blockCount(piece)
              const { begin, length } = layout.blockAt(piece, block)
              const data = store.place(piece, begin, length)
              if (data) leases.push({ piece, block, begin, data })
              if (data) data.fill(0xaa)
            } else {
              const [lease] = leases.splice(now.at % Math.max(1, leases.length), 1)
              if (!lease) continue
              if (now.revoke) revoke(store, leases, lease)
              if (now.type === 'release') store.release(lease.piece, lease.begin, lease.data)
              else {
                fill(source, lease)
                if (now.type === 'corrupt') {
                  lease.data[lease.data.length - 1] = (lease.data[lease.data.length - 1] ?? 0) ^ 1
                  corrupted.add(lease.piece)
                }
                store.received(lease.piece, lease.begin, lease.data)
              }
            }
          }
          // Honest peers finish the rest; those who still hold a lease leave.
          for (const lease of leases.splice(0)) store.release(lease.piece, lease.begin, lease.data)
          abort.abort(new Error('enough'))
          failures = 0
          for (let round = 0; round < 400; round++) {
            if (store.error) store.retry()
            if (store.verified.isFull) {
              // What was spoiled after it was looked at is found now, and fetched once more.
              await recheck
              await store.recheck()
              if (store.verified.isFull) break
            }
            for (let piece = 0; piece < layout.pieceCount; piece++) deliver(store, source, piece)
            await turns(4)
          }
          await store.flush()
          expect(store.verified.isFull).toBe(true)
          const times = (pieces: readonly number[], piece: number): number =>
            pieces.filter((each) => each === piece).length
          for (let piece = 0; piece < layout.pieceCount; piece++)
            expect(times(log.verified, piece)).toBe(times(log.lost, piece) + 1)
          // Nothing that is right is ever lost.
          expect(log.lost.filter((piece) => !damaged.has(piece))).toEqual([])
          losses += log.lost.length
          // Only pieces that a corrupt block went into may have failed.
          expect(log.failed.filter((piece) => !corrupted.has(piece))).toEqual([])
          expect(store.memory.pieces).toBe(0)
          for (let file = 0; file < source.files.length; file++) {
            if (source.files[file]!.pad || source.files[file]!.length === 0) continue
            expect(same(backend.inner.file(source.files[file]!.path.join('/')), source.fileBytes(file))).toBe(
              true,
            )
          }
          await store.close()
        },
      ),
      { numRuns: runs(20) },
    )
    expect(losses).toBeGreaterThan(0)
  })

  it('reads any range right, however many read, and keeps parts until they are sent', async () => {
    const sources = [65_536, 16_384, 20_000].map((length) =>
      torrent([{ path: 'a', length: 700_000 }], length),
    )
    const range = fc.record({
      reader: fc.nat(4),
      start: fc.nat(699_999),
      length: fc.integer({ min: 1, max: 40_000 }),
      sequential: fc.boolean(),
      hold: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(range, { maxLength: 60 }), async (which, ranges) => {
        const source = sources[which]!
        const { pieceLength } = source.layout
        const backend = new TestBackend()
        await backend.inner.write(0, 0, [source.data])
        const { store } = await openStore(source, { backend, readBudget: 131_072 })
        await store.check()
        const readers = Array.from({ length: 5 }, () => store.reader())
        const held: { parts: Uint8Array[]; start: number; length: number }[] = []
        for (const { reader: index, start: wish, length: most, sequential, hold } of ranges) {
          const reader = readers[index]!
          const start = sequential && reader.next >= 0 && reader.next < 700_000 ? reader.next : wish
          const piece = Math.floor(start / pieceLength)
          const begin = start - piece * pieceLength
          const length = Math.min(most, source.layout.pieceSize(piece) - begin)
          if (hold) {
            await new Promise<void>((resolve) => store.load(piece, begin, length, reader, () => resolve()))
            const parts = store.read(piece, begin, length, reader)
            if (parts) held.push({ parts, start, length })
          } else {
            const bytes = await readRange(store, piece, begin, length, reader)
            expect(same(bytes, source.data.subarray(start, start + length))).toBe(true)
          }
          if (held.length > 5) {
            const [oldest] = held.splice(0, 1)
            expect(
              same(
                Buffer.concat(oldest!.parts),
                source.data.subarray(oldest!.start, oldest!.start + oldest!.length),
              ),
            ).toBe(true)
            store.sent(oldest!.parts)
          }
        }
        for (const { parts, start, length } of held) {
          expect(same(Buffer.concat(parts), source.data.subarray(start, start + length))).toBe(true)
          store.sent(parts)
        }
        await store.close()
      }),
      { numRuns: runs(20) },
    )
  })

  it('finds exactly the pieces that are right on the disk', async () => {
    const source = SOURCES[0]!
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ file: fc.nat(2), at: fc.nat(70_000), cut: fc.boolean() }), { maxLength: 4 }),
        async (damage) => {
          const disk = [0, 1, 2].map((file) => source.fileBytes(file))
          const wrong = new Set<number>()
          for (const { file, at, cut } of damage) {
            const bytes = disk[file]!
            if (at >= bytes.length) continue
            const start = source.layout.offsets[file]!
            if (cut) {
              disk[file] = bytes.slice(0, at)
              const first = Math.floor((start + at) / 32_768)
              const last = Math.floor((source.layout.offsets[file + 1]! - 1) / 32_768)
              for (let piece = first; piece <= last; piece++) wrong.add(piece)
            } else {
              bytes[at] = source.data[start + at]! ^ 1
              wrong.add(Math.floor((start + at) / 32_768))
            }
          }
          const backend = new TestBackend()
          for (let file = 0; file < 3; file++) await backend.inner.write(file, 0, [disk[file]!])
          const { store } = await openStore(source, { backend })
          const valid = await store.check()
          const expected = [0, 1, 2, 3].filter((piece) => !wrong.has(piece))
          expect([...valid]).toEqual(expected)
        },
      ),
      { numRuns: runs(20) },
    )
  })
})
