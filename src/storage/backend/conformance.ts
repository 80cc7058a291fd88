/**
 * What every {@link StorageBackend} must do, as plain functions that any test runner can call:
 *
 * ```ts
 * for (const { name, run } of storageConformance) it(name, () => run(() => new MyStorage()))
 * ```
 * @module
 */

import type { StorageBackend, StorageFile } from './backend.js'

/**
 * A fresh backend with nothing stored. A test may ask for `'again'`: another backend over what the last
 * one of this test has left behind, as after a restart of the process.
 */
export type MakeBackend = (which: 'fresh' | 'again') => StorageBackend | Promise<StorageBackend>

export interface ConformanceCase {
  /** What is expected, as a sentence. */
  readonly name: string
  /** Resolves when the backend does it; rejects with an Error that says what it did instead. */
  run(make: MakeBackend): Promise<void>
}

const FILES: readonly StorageFile[] = [
  { path: ['torrent', 'a'], length: 100_000 },
  { path: ['torrent', 'folder', 'b'], length: 3 },
  { path: ['torrent', 'folder', 'deeper', 'empty'], length: 0 },
]

export const storageConformance: readonly ConformanceCase[] = [
  {
    name: 'a file that was never written does not exist, and opening creates none',
    run: async (make) => {
      const backend = await opened(make)
      for (let file = 0; file < FILES.length; file++) {
        equal((await backend.status(file)).length, -1, 'status().length')
        equal(await backend.read(file, 0, new Uint8Array(10)), 0, 'bytes read')
        equal((await backend.status(file)).length, -1, 'status().length after a read')
      }
      await backend.close()
    },
  },
  {
    name: 'bytes are read as they were written, from any offset',
    run: async (make) => {
      const backend = await opened(make)
      const data = pattern(100_000)
      await backend.write(0, 0, [data])
      equal((await backend.status(0)).length, 100_000, 'status().length')
      for (const [offset, length] of [
        [0, 100_000],
        [1, 1],
        [16_383, 16_385],
        [99_999, 1],
      ] as const) {
        same(await readExactly(backend, 0, offset, length), data.subarray(offset, offset + length))
      }
      await backend.close()
    },
  },
  {
    name: 'several chunks are written one after another, views into larger memory included',
    run: async (make) => {
      const backend = await opened(make)
      const data = pattern(50_000)
      const chunks = [
        data.subarray(0, 1),
        data.subarray(1, 20_000),
        data.subarray(20_000, 20_000),
        data.subarray(20_000),
      ]
      await backend.write(0, 7, chunks)
      same(await readExactly(backend, 0, 7, 50_000), data)
      await backend.close()
    },
  },
  {
    name: 'a write beyond the end leaves zeros before it',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(0, 70_000, [pattern(10)])
      equal((await backend.status(0)).length, 70_010, 'status().length')
      same(await readExactly(backend, 0, 0, 70_000), new Uint8Array(70_000))
      same(await readExactly(backend, 0, 70_000, 10), pattern(10))
      await backend.close()
    },
  },
  {
    name: 'a later write replaces those bytes and no others, and never shortens the file',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(0, 0, [pattern(1000)])
      await backend.write(0, 100, [new Uint8Array(50)])
      const expected = pattern(1000)
      expected.fill(0, 100, 150)
      same(await readExactly(backend, 0, 0, 1000), expected)
      equal((await backend.status(0)).length, 1000, 'status().length')
      await backend.close()
    },
  },
  {
    name: 'a read over the end gives what there is, and leaves the rest of the memory alone',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(1, 0, [pattern(3)])
      const into = new Uint8Array(8).fill(0xee)
      equal(await backend.read(1, 1, into), 2, 'bytes read')
      same(into, Uint8Array.of(...pattern(3).subarray(1), 0xee, 0xee, 0xee, 0xee, 0xee, 0xee))
      equal(await backend.read(1, 3, new Uint8Array(1)), 0, 'bytes read at the end')
      equal(await backend.read(1, 50, new Uint8Array(1)), 0, 'bytes read beyond the end')
      await backend.close()
    },
  },
  {
    name: 'files do not touch each other',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(0, 0, [pattern(10)])
      await backend.write(1, 0, [Uint8Array.of(1, 2, 3)])
      same(await readExactly(backend, 0, 0, 10), pattern(10))
      same(await readExactly(backend, 1, 0, 3), Uint8Array.of(1, 2, 3))
      await backend.close()
    },
  },
  {
    name: 'reads and writes of different ranges may run at the same time',
    run: async (make) => {
      const backend = await opened(make)
      const data = pattern(100_000)
      await backend.write(0, 0, [data.subarray(0, 50_000)])
      const work: Promise<unknown>[] = []
      for (let at = 50_000; at < 100_000; at += 5000)
        work.push(backend.write(0, at, [data.subarray(at, at + 5000)]))
      for (let at = 0; at < 50_000; at += 5000) {
        work.push(
          readExactly(backend, 0, at, 5000).then((bytes) => same(bytes, data.subarray(at, at + 5000))),
        )
      }
      await Promise.all(work)
      same(await readExactly(backend, 0, 0, 100_000), data)
      await backend.close()
    },
  },
  {
    name: 'the memory of a write may be reused once it has resolved',
    run: async (make) => {
      const backend = await opened(make)
      const memory = pattern(10)
      await backend.write(0, 0, [memory])
      memory.fill(0)
      same(await readExactly(backend, 0, 0, 10), pattern(10))
      await backend.close()
    },
  },
  {
    name: 'create makes an empty file and leaves an existing one alone',
    run: async (make) => {
      const backend = await opened(make)
      await backend.create(2)
      equal((await backend.status(2)).length, 0, 'status().length')
      await backend.write(1, 0, [pattern(3)])
      await backend.create(1)
      same(await readExactly(backend, 1, 0, 3), pattern(3))
      await backend.close()
    },
  },
  {
    name: 'remove deletes one file, and does nothing when it is not there',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(0, 0, [pattern(10)])
      await backend.write(1, 0, [pattern(3)])
      await backend.remove(0)
      await backend.remove(0)
      equal((await backend.status(0)).length, -1, 'status().length')
      equal((await backend.status(1)).length, 3, 'status().length of the other file')
      await backend.write(0, 0, [pattern(5)])
      equal((await backend.status(0)).length, 5, 'status().length of the file written anew')
      await backend.close()
    },
  },
  {
    name: 'what was flushed and closed is there for the next one',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(0, 0, [pattern(1000)])
      await backend.flush()
      await backend.close()
      await backend.close()
      const next = await opened(make, 'again')
      same(await readExactly(next, 0, 0, 1000), pattern(1000))
      await next.close()
    },
  },
  {
    name: 'destroy deletes every file',
    run: async (make) => {
      const backend = await opened(make)
      await backend.write(0, 0, [pattern(10)])
      await backend.write(1, 0, [pattern(3)])
      await backend.create(2)
      await backend.destroy()
      await backend.close()
      const next = await opened(make, 'again')
      for (let file = 0; file < FILES.length; file++)
        equal((await next.status(file)).length, -1, 'status().length')
      await next.close()
    },
  },
]

async function opened(make: MakeBackend, which: 'fresh' | 'again' = 'fresh'): Promise<StorageBackend> {
  const backend = await make(which)
  await backend.open(FILES)
  return backend
}

async function readExactly(
  backend: StorageBackend,
  file: number,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const into = new Uint8Array(length)
  equal(await backend.read(file, offset, into), length, 'bytes read')
  return into
}

/** Bytes that differ at every offset that a mistaken backend might confuse. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + 5) & 0xff
  return bytes
}

function equal(got: number, expected: number, what: string): void {
  if (got !== expected) throw new Error(`${what}: expected ${expected}, got ${got}`)
}

function same(got: Uint8Array, expected: Uint8Array): void {
  equal(got.length, expected.length, 'length')
  for (let i = 0; i < got.length; i++) {
    if (got[i] !== expected[i]) throw new Error(`byte ${i}: expected ${expected[i]}, got ${got[i]}`)
  }
}
