import { describe, expect, it } from 'vitest'
import { sha1 } from '../../../src/hash/node.js'
import {
  automaticPieceLength,
  type CreateInput,
  createMetainfo,
  type Metainfo,
  parseMetainfo,
  withTrackers,
} from '../../../src/metainfo/index.js'
import { concatBytes, fromLatin1, utf8 } from '../../../src/util/bytes.js'

const KIB = 1024
const MIB = 1024 * KIB

const noise = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 2_654_435_761) >>> 24)

interface Memory {
  readonly input: CreateInput
  /** Reads open at the same time, at most. */
  peak: number
  reads: number
}

/** A torrent of files in memory, in the given order, whose reads end in any order. */
function memory(
  files: readonly (readonly [path: string, contents: Uint8Array])[],
  options: Partial<CreateInput> = {},
): Memory {
  let open = 0
  const state: Memory = {
    peak: 0,
    reads: 0,
    input: {
      name: 'folder',
      version: '1',
      files: files.map(([path, contents]) => ({ path: path.split('/'), length: contents.length })),
      read: async (file, offset, into) => {
        state.reads++
        state.peak = Math.max(state.peak, ++open)
        for (let turns = state.reads % 5; turns > 0; turns--) await Promise.resolve()
        open--
        const part = (files[file] as (typeof files)[number])[1].subarray(offset, offset + into.length)
        into.set(part)
        return part.length
      },
      ...options,
    },
  }
  return state
}

const created = async (input: CreateInput): Promise<Metainfo> => parseMetainfo(await createMetainfo(input))

const hashes = (data: Uint8Array, pieceLength: number): Uint8Array => {
  const list: Uint8Array[] = []
  for (let at = 0; at < data.length; at += pieceLength) list.push(sha1(data.subarray(at, at + pieceLength)))
  return concatBytes(...list)
}

describe('createMetainfo', () => {
  it('makes what every client reads unless told otherwise: no key of BEP 52, whose empty one some refuse', async () => {
    const { input } = memory([['a', noise(20_000, 1)]])
    const { version: _, ...unversioned } = input
    const metainfo = parseMetainfo(await createMetainfo(unversioned))
    expect(metainfo).toMatchObject({ version: '1', infoHashV2: undefined })
    expect(Buffer.from(metainfo.infoBytes).toString('latin1')).not.toMatch(/meta version|file tree/)
  })

  it.each([16 * KIB, 48 * KIB, 1 * MIB, 2 * MIB + 16 * KIB])(
    'hashes pieces of %d bytes',
    async (pieceLength) => {
      const contents = [
        noise(3 * MIB + 1, 1),
        noise(5, 2),
        new Uint8Array(0),
        noise(1 * MIB, 3),
        noise(100, 4),
      ]
      const files = contents.map((bytes, i) => [`${i}`, bytes] as const)
      const { input } = memory(files, { pieceLength })
      const metainfo = await created(input)
      expect(metainfo.pieces).toEqual(hashes(concatBytes(...contents), pieceLength))
      expect(metainfo.pieceLength).toBe(pieceLength)
    },
  )

  it('gives the same bytes for files in any order', async () => {
    const files = ['b', 'a.txt', 'a/y', 'a/x/1', 'a b', 'C', 'é'].map(
      (path, i) => [path, noise(9, i)] as const,
    )
    const first = await createMetainfo(memory(files).input)
    expect(await createMetainfo(memory([...files].reverse()).input)).toEqual(first)
    expect(parseMetainfo(first).files.map((file) => file.path.join('/'))).toEqual([
      'C',
      'a/x/1',
      'a/y',
      'a b',
      'a.txt',
      'b',
      'é',
    ])
  })

  it('reads several small files at a time, in bounded number', async () => {
    const files = Array.from({ length: 200 }, (_, i) => [`${i}`, noise(10 * KIB, i)] as const)
    const state = memory(files)
    await createMetainfo(state.input)
    expect(state.peak).toBeGreaterThan(2)
    expect(state.peak).toBeLessThanOrEqual(8)
  })

  it('takes names that are not UTF-8', async () => {
    const name = fromLatin1('caf\xe9')
    const input: CreateInput = { ...memory([['x', noise(1, 1)]]).input, files: [{ path: [name], length: 1 }] }
    expect((await created(input)).files[0]?.rawPath).toEqual([name])
  })

  it('writes every field', async () => {
    const { input } = memory([['x', noise(1, 1)]], {
      multiFile: false,
      name: 'x',
      trackers: [['http://a/', 'http://b/'], [], ['udp://c:1']],
      private: true,
      comment: 'ünïcode',
      source: 'here',
      webSeeds: ['http://w/'],
      createdBy: 'someone',
      creationDate: 1_700_000_000,
    })
    expect(await created(input)).toMatchObject({
      name: 'x',
      multiFile: false,
      announce: 'http://a/',
      trackers: [['http://a/', 'http://b/'], ['udp://c:1']],
      private: true,
      comment: 'ünïcode',
      source: 'here',
      webSeeds: ['http://w/'],
      createdBy: 'someone',
      creationDate: 1_700_000_000,
    })
  })

  it('writes nothing that was not asked for but its own name', async () => {
    const { input } = memory([['x', noise(1, 1)]], { multiFile: false, name: 'x' })
    const text = Buffer.from(await createMetainfo(input)).toString('latin1')
    expect(text).toMatch(
      /^d10:created by12:rarest\/0\.1\.04:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:/,
    )
    expect((await created({ ...input, createdBy: '' })).createdBy).toBeUndefined()
  })

  it('puts one tracker into announce, and one that the list lacks in front', async () => {
    const files = [['x', noise(1, 1)]] as const
    const one = await createMetainfo(memory(files, { announce: 'http://a/' }).input)
    expect(Buffer.from(one).toString('latin1')).not.toContain('announce-list')
    const two = await created(memory(files, { announce: 'http://a/', trackers: [['http://b/']] }).input)
    expect(two.trackers).toEqual([['http://a/'], ['http://b/']])
    const mixed = memory(files, { trackers: ['http://a/', ['http://b/', 'http://c/']] })
    expect((await created(mixed.input)).trackers).toEqual([['http://a/'], ['http://b/', 'http://c/']])
    const known = { announce: 'http://b/', trackers: [['http://a/'], ['http://b/']] }
    expect((await created(memory(files, known).input)).trackers).toEqual(known.trackers)
  })

  it('makes a torrent of empty files', async () => {
    const metainfo = await created(memory([['x', noise(0, 1)]]).input)
    expect(metainfo).toMatchObject({ size: 0, pieceCount: 0, pieceLength: 16 * KIB })
  })

  it('tells its progress', async () => {
    const seen: number[] = []
    const { input } = memory([['x', noise(2 * MIB + 5, 1)]], {
      onProgress: ({ hashed }) => seen.push(hashed),
    })
    await createMetainfo(input)
    expect(seen).toEqual([MIB, 2 * MIB, 2 * MIB + 5])
  })

  it('stops with the reason of its signal, after the reads that are under way', async () => {
    const signal = { aborted: false, reason: new Error('enough') }
    const state = memory([['x', new Uint8Array(20 * MIB)]], {
      signal,
      onProgress: () => {
        signal.aborted = true
      },
    })
    await expect(createMetainfo(state.input)).rejects.toBe(signal.reason)
    expect(state.reads).toBeLessThanOrEqual(3)
    const before = memory([['x', noise(5, 1)]], { signal })
    await expect(createMetainfo(before.input)).rejects.toBe(signal.reason)
    expect(before.reads).toBe(0)
  })

  it('passes on what a reader rejects with', async () => {
    const failure = new Error('EIO')
    const { input } = memory([['x', new Uint8Array(9 * MIB)]], {
      read: (_, offset, into) => (offset > 0 ? Promise.reject(failure) : Promise.resolve(into.length)),
    })
    await expect(createMetainfo(input)).rejects.toBe(failure)
  })

  it('names a file that got shorter', async () => {
    const { input } = memory([['dir/x', noise(9, 1)]], { read: () => Promise.resolve(4) })
    await expect(createMetainfo(input)).rejects.toMatchObject({
      code: 'metainfo/file-changed',
      message: 'dir/x ended after 4 bytes while it was hashed',
    })
  })

  it.each<[string, Partial<CreateInput>]>([
    ['announce', { announce: 'nowhere' }],
    ['trackers', { trackers: [['http://a/', 'x']] }],
    ['webSeeds', { webSeeds: ['udp://x'] }],
    ['creationDate', { creationDate: 1.5 }],
    ['creationDate', { creationDate: -1 }],
    ['pieceLength', { pieceLength: 16_383 }],
    ['pieceLength', { pieceLength: 20_000 }],
    ['pieceLength', { pieceLength: 2 ** 30 }],
    ['pieceLength', { pieceLength: Number.NaN }],
    ['pieceLength', { pieceLength: 16_384, files: [{ path: ['x'], length: 2 ** 36 }] }],
    ['length', { files: [{ path: ['x'], length: -1 }] }],
    ['length', { files: [{ path: ['x'], length: 2 ** 53 }] }],
    ['files', { multiFile: false, files: [] }],
  ])('refuses a bad %s', async (option, options) => {
    const state = memory([['x', noise(1, 1)]], options)
    await expect(createMetainfo(state.input)).rejects.toThrow(RangeError)
    await expect(createMetainfo(state.input)).rejects.toThrow(option)
    expect(state.reads).toBe(0)
  })

  it.each<[string, readonly string[]]>([
    ['metainfo/no-files', []],
    ['metainfo/path-clash', ['x', 'x']],
    ['metainfo/path-traversal', ['x\\..\\y']],
  ])('makes nothing that cannot be loaded: %s', async (code, paths) => {
    const state = memory(paths.map((path) => [path, noise(1, 1)] as const))
    await expect(createMetainfo(state.input)).rejects.toMatchObject({ code, fault: 'local' })
    expect(state.reads).toBe(0)
  })
})

describe('automaticPieceLength', () => {
  it.each([
    [0, 16 * KIB],
    [32 * MIB, 16 * KIB],
    [32 * MIB + 1, 32 * KIB],
    [1024 * MIB, 512 * KIB],
    [32 * 1024 * MIB, 16 * MIB],
    [1024 * 1024 * MIB, 16 * MIB],
    [2 ** 45, 16 * MIB],
    [2 ** 45 + 1, 32 * MIB],
  ])('%d bytes: pieces of %d', (size, pieceLength) => {
    expect(automaticPieceLength(size)).toBe(pieceLength)
  })
})

describe('withTrackers', () => {
  const info = `4:infod6:pieces20:${'x'.repeat(20)}4:name1:a12:piece lengthi16384e6:lengthi3ee`

  it('changes the trackers alone, and leaves info as it stands', () => {
    const bytes = fromLatin1(`d8:announce9:http://o/1:\xffi1e7:comment2:hi${info}e`)
    const before = parseMetainfo(bytes)
    const after = parseMetainfo(withTrackers(before, [['http://a/'], ['http://b/']]))
    expect(after.trackers).toEqual([['http://a/'], ['http://b/']])
    expect(after).toMatchObject({ announce: 'http://a/', comment: 'hi', infoBytes: before.infoBytes })
    expect(after.infoHash).toEqual(before.infoHash)
    expect(withTrackers(after, [])).toEqual(fromLatin1(`d7:comment2:hi${info}1:\xffi1ee`))
  })

  it('refuses what is no tracker', () => {
    expect(() => withTrackers(parseMetainfo(utf8(`d${info}e`)), [['x']])).toThrow(RangeError)
  })
})
