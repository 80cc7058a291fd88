import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CreateInput, createMetainfo, type HashPlan } from '../../../src/metainfo/index.js'
import { hashOnThreads, type PoolOptions } from '../../../src/storage/hash-pool.js'

const MIB = 1024 * 1024
const LENGTHS = [3 * MIB + 1, 0, 16_384, 32_769, 5, 9 * MIB]

let root: string
let contents: Uint8Array[]
let locations: string[]

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rarest-pool-'))
  contents = LENGTHS.map((length, seed) => new Uint8Array(length).map((_, i) => (i >>> 7) + i * seed))
  locations = LENGTHS.map((_, i) => join(root, String(i)))
  await Promise.all(locations.map((path, i) => writeFile(path, contents[i] as Uint8Array)))
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

function inputOf(options: Partial<CreateInput>): CreateInput {
  return {
    name: 'n',
    files: LENGTHS.map((length, i) => ({ path: [String(i)], length })),
    read: (file, offset, into) => {
      into.set((contents[file] as Uint8Array).subarray(offset, offset + into.length))
      return Promise.resolve(into.length)
    },
    ...options,
  }
}

const threads =
  (options: Partial<PoolOptions> = {}) =>
  (plan: HashPlan): ReturnType<typeof hashOnThreads> =>
    hashOnThreads(plan, { locations, signal: undefined, onProgress: undefined, ...options })

describe('hashOnThreads', () => {
  it.each([
    ['1', 49_152],
    ['1', 4 * MIB],
    ['2', 16_384],
    ['2', 2 * MIB],
    ['hybrid', 16_384],
    ['hybrid', 32_768],
    ['hybrid', 8 * MIB],
  ] as const)('gives what one thread gives: version %s, pieces of %i bytes', async (version, pieceLength) => {
    const expected = await createMetainfo(inputOf({ version, pieceLength }))
    expect(await createMetainfo(inputOf({ version, pieceLength, hash: threads() }))).toEqual(expected)
  })

  it('tells its progress', async () => {
    const seen: number[] = []
    const hash = threads({ onProgress: ({ hashed }) => seen.push(hashed) })
    await createMetainfo(inputOf({ hash }))
    expect(seen.at(-1)).toBe(LENGTHS.reduce((sum, length) => sum + length))
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('tells of a file that got shorter, and of one that is gone', async () => {
    await truncate(locations[5] as string, 100)
    await expect(createMetainfo(inputOf({ hash: threads() }))).rejects.toMatchObject({
      code: 'metainfo/file-changed',
    })
    await rm(locations[5] as string)
    await expect(createMetainfo(inputOf({ hash: threads() }))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('stops with the reason of the signal', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const { signal } = controller
    const made = createMetainfo(
      inputOf({ hash: threads({ signal, onProgress: () => controller.abort(reason) }) }),
    )
    await expect(made).rejects.toBe(reason)
    await expect(createMetainfo(inputOf({ hash: threads({ signal }) }))).rejects.toBe(reason)
  })
})
