import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../../../src/storage/backend/memory.js'
import { Bitfield } from '../../../src/util/bitfield.js'
import { openStore, TestBackend, torrent } from './fixture.js'

const KIB = 1024
const MIB = 1024 * KIB

// 't/a' ends in the middle of piece 3, 't/small' lies inside it, 't/b' ends the torrent with a short piece.
const source = torrent(
  [
    { path: 't/a', length: 100 * KIB },
    { path: 't/small', length: 1000 },
    { path: 't/empty', length: 0 },
    { path: 't/b', length: 90 * KIB },
  ],
  32 * KIB,
)
const ALL = [0, 1, 2, 3, 4, 5]

type Disk = Partial<Record<number, Uint8Array>>

async function checked(
  disk: Disk,
  options: Parameters<Awaited<ReturnType<typeof openStore>>['store']['check']>[0] = {},
) {
  const inner = new MemoryStorage()
  for (const [file, bytes] of Object.entries(disk)) {
    if (bytes) await inner.write(Number(file), 0, [bytes])
  }
  const backend = new TestBackend(inner)
  const { store } = await openStore(source, { backend })
  const valid = await store.check(options)
  expect([...store.verified]).toEqual([...valid])
  return { valid: [...valid], backend, store }
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

describe('a check of what is on the disk', () => {
  const a = source.fileBytes(0)
  const small = source.fileBytes(1)
  const b = source.fileBytes(3)
  it.each<[string, Disk, number[]]>([
    ['nothing', {}, []],
    ['everything', { 0: a, 1: small, 3: b }, ALL],
    ['one file only', { 0: a }, [0, 1, 2]],
    ['the last file only', { 3: b }, [4, 5]],
    ['a missing small file', { 0: a, 3: b }, [0, 1, 2, 4, 5]],
    ['a file cut short', { 0: a.subarray(0, 70 * KIB), 1: small, 3: b }, [0, 1, 4, 5]],
    ['a file that is too long', { 0: Uint8Array.of(...a, 1, 2, 3), 1: small, 3: b }, ALL],
    ['a wrong byte in the first piece', { 0: changed(a, 0), 1: small, 3: b }, [1, 2, 3, 4, 5]],
    ['a wrong byte in the last piece', { 0: a, 1: small, 3: changed(b, b.length - 1) }, [0, 1, 2, 3, 4]],
    ['a wrong byte in the small file', { 0: a, 1: changed(small, 5), 3: b }, [0, 1, 2, 4, 5]],
    [
      'a hole where the first piece was',
      { 0: new Uint8Array([...new Uint8Array(32 * KIB), ...a.subarray(32 * KIB)]), 1: small, 3: b },
      [1, 2, 3, 4, 5],
    ],
    ['only zeros', { 0: new Uint8Array(a.length), 1: new Uint8Array(1000), 3: new Uint8Array(b.length) }, []],
    ['an empty file', { 0: new Uint8Array(0), 1: small, 3: b }, [4, 5]],
  ])('%s', async (_, disk, expected) => {
    const { valid, backend } = await checked(disk)
    expect(valid).toEqual(expected)
    for (const method of ['write', 'create', 'remove', 'destroy'] as const)
      expect(backend.count(method)).toBe(0)
  })

  it('reads nothing of files that do not exist', async () => {
    expect((await checked({})).backend.count('read')).toBe(0)
  })

  it('looks at the asked pieces only, and leaves what it knows of others', async () => {
    const pieces = new Bitfield(6)
    pieces.add(1)
    pieces.add(4)
    const seen: number[] = []
    const { valid, store } = await checked(
      { 0: a, 1: small, 3: b },
      { pieces, onProgress: (piece) => void seen.push(piece) },
    )
    expect(valid).toEqual([1, 4])
    expect(seen).toEqual([1, 4])
    pieces.delete(1)
    await store.check({ pieces })
    expect([...store.verified]).toEqual([1, 4])
  })

  it('tells of every piece in order', async () => {
    const seen: number[] = []
    await checked({ 0: a }, { onProgress: (piece) => void seen.push(piece) })
    expect(seen).toEqual(ALL)
  })

  it('finds that a verified piece went bad', async () => {
    const { store, backend } = await checked({ 0: a, 1: small, 3: b })
    await backend.inner.write(0, 40 * KIB, [new Uint8Array(10)])
    expect([...(await store.check())]).toEqual([0, 2, 3, 4, 5])
    expect(store.verified.has(1)).toBe(false)
    expect(store.place(1, 0, 16 * KIB)).toBeDefined()
  })

  it('stops with the reason of its signal, with no read left behind', async () => {
    const controller = new AbortController()
    const inner = new MemoryStorage()
    await inner.write(0, 0, [a])
    const backend = new TestBackend(inner)
    let running = 0
    backend.before = async (method) => {
      if (method !== 'read') return
      running++
      await new Promise((resolve) => setImmediate(resolve))
      running--
      controller.abort(new Error('enough'))
    }
    const { store } = await openStore(source, { backend })
    await expect(store.check({ signal: controller.signal, concurrency: 2 })).rejects.toThrow('enough')
    expect(running).toBe(0)
    await expect(store.check({ signal: AbortSignal.abort(new Error('at once')) })).rejects.toThrow('at once')
  })

  it('gives the event loop a turn after each MiB, and reads ahead', async () => {
    const big = torrent([{ path: 'big', length: 9 * MIB + 5 }], 4 * MIB)
    const inner = new MemoryStorage()
    await inner.write(0, 0, [big.data])
    const backend = new TestBackend(inner)
    let running = 0
    let most = 0
    backend.before = async (method) => {
      if (method !== 'read') return
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
    }
    let turns = 0
    const { store } = await openStore(big, {
      backend,
      defer: (call) => {
        turns++
        setImmediate(call)
      },
    })
    expect((await store.check()).isFull).toBe(true)
    expect(turns).toBeGreaterThanOrEqual(10)
    expect(most).toBe(3)
  })
})
