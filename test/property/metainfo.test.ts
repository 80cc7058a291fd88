import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { sha1 } from '../../src/hash/node.js'
import { createMetainfo, Layout, parseMetainfo, tryParseMetainfo } from '../../src/metainfo/index.js'
import { compareBytes, concatBytes, equalBytes, utf8 } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'

const lengths = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })), {
  minLength: 1,
  maxLength: 12,
})

describe('Layout', () => {
  it('maps every byte of every file exactly once when it is aligned, and no piece to two files', () => {
    const around = [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 65_536, 100_000]
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...around), { minLength: 1, maxLength: 10 }),
        fc.constantFrom(16_384, 32_768, 65_536),
        fc.boolean(),
        (sizes, pieceLength, tail) => {
          const files: { length: number; pad: boolean }[] = []
          for (const [i, length] of sizes.entries()) {
            const more = tail || sizes.slice(i + 1).some((next) => next > 0)
            const gap = more ? (pieceLength - (length % pieceLength)) % pieceLength : 0
            files.push({ length, pad: false })
            if (gap > 0) files.push({ length: gap, pad: true })
          }
          const layout = new Layout(files, pieceLength, { aligned: true })
          const covered = files.map(() => 0)
          for (let piece = 0; piece < layout.pieceCount; piece++) {
            const owners = new Set<number>()
            let blocks = 0
            for (let block = 0; block < layout.blockCount(piece); block++) {
              const { begin, length } = layout.blockAt(piece, block)
              expect(layout.isBlock(piece, begin, length)).toBe(true)
              blocks += length
              for (const { file, offset, length: part } of layout.slices(piece, begin, length)) {
                expect(offset).toBe(covered[file])
                covered[file] = offset + part
                owners.add(file)
              }
            }
            expect(blocks).toBe(layout.pieceSize(piece))
            expect(owners.size).toBe(1)
            expect(layout.isRange(piece, 0, pieceLength)).toBe(true)
            expect(layout.isRange(piece, 0, pieceLength + 1)).toBe(false)
          }
          expect(covered).toEqual(files.map(({ length, pad }) => (pad ? 0 : length)))
        },
      ),
    )
  })

  it('maps every byte to one file exactly once, pads and empty files between', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 90 }), (sizes, pieceLength) => {
        const layout = new Layout(
          sizes.map((length, i) => ({ length, pad: i % 3 === 1 })),
          pieceLength,
        )
        const covered = sizes.map(() => 0)
        let total = 0
        for (let piece = 0; piece < layout.pieceCount; piece++) {
          const size = layout.pieceSize(piece)
          expect(layout.isRange(piece, 0, size)).toBe(true)
          expect(layout.isRange(piece, 0, size + 1)).toBe(false)
          for (const { file, offset, length } of layout.slices(piece, 0, size)) {
            expect(length).toBeGreaterThan(0)
            expect(offset).toBe(covered[file])
            covered[file] = offset + length
            const pieces = layout.piecesOf(file)
            expect(pieces !== undefined && pieces.first <= piece && piece <= pieces.last).toBe(true)
          }
          total += size
        }
        expect(covered).toEqual(sizes)
        expect(total).toBe(layout.size)
        expect(layout.piecesOf(sizes.length - 1) === undefined).toBe(sizes.at(-1) === 0)
      }),
    )
  })

  it('cuts a piece into blocks without gap or overlap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 1, max: 70_000 }),
        (size, pieceLength) => {
          const layout = new Layout([{ length: size, pad: false }], pieceLength)
          for (let piece = 0; piece < Math.min(layout.pieceCount, 20); piece++) {
            let begin = 0
            for (let index = 0; index < layout.blockCount(piece); index++) {
              const block = layout.blockAt(piece, index)
              expect(block.begin).toBe(begin)
              expect(layout.isBlock(piece, block.begin, block.length)).toBe(true)
              begin += block.length
            }
            expect(begin).toBe(layout.pieceSize(piece))
          }
        },
      ),
    )
  })
})

/** Names of any bytes, but none that is refused. */
const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }),
    fc.constantFrom('con', 'A', 'a', 'a.', 'a ', 'b?', 'B*', '\u00e9', 'e\u0301', 'x'.repeat(300)),
  )
  .map((text) => text.replace(/[\\/]/g, '-'))
  .filter((text) => text !== '..' && text !== '.')

describe('names', () => {
  it('are safe on every platform and all different there, whatever the torrent holds', () => {
    const element = fc.oneof(name.map(utf8), fc.uint8Array({ maxLength: 6 }))
    const paths = fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(paths, (list) => {
        const bytes = encode({
          info: {
            files: list.map((path) => ({ length: 0, path })),
            name: 'n',
            'piece length': 16384,
            pieces: '',
          },
        })
        const result = tryParseMetainfo(bytes)
        if (!result.ok) {
          expect(result.error.code).toMatch(
            /^metainfo\/(path-clash|path-traversal|absolute-path|empty-path)$/,
          )
          return
        }
        const files = new Set<string>()
        const folders = new Set<string>()
        for (const { path } of result.value.files) {
          for (const element of path) {
            expect(element).not.toMatch(
              /^\.{0,2}$|[<>:"/\\|?*\p{Cc}\u202a-\u202e]|[. ]$|^(con|nul|aux|prn)(\.|$)/iu,
            )
            expect(utf8(element).length).toBeLessThanOrEqual(255)
          }
          const folded = path.map((element) => element.normalize('NFD').toLowerCase())
          expect(files.has(folded.join('/'))).toBe(false)
          files.add(folded.join('/'))
          for (let depth = 1; depth < folded.length; depth++) folders.add(folded.slice(0, depth).join('/'))
        }
        for (const folder of folders) expect(files.has(folder)).toBe(false)
      }),
      { numRuns: runs(60) },
    )
  })
})

describe('create and parse', () => {
  const file = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 3 }),
    contents: fc.uint8Array({ maxLength: 40_000 }),
  })

  it('parses what it creates, in byte order of the paths, with the hashes of the contents', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 6 }), async (given) => {
        const input = {
          name: 'n',
          version: '1' as const,
          pieceLength: 16384,
          files: given.map(({ path, contents }) => ({ path, length: contents.length })),
          read: (index: number, offset: number, into: Uint8Array): Promise<number> => {
            into.set((given[index] as (typeof given)[number]).contents.subarray(offset, offset + into.length))
            return Promise.resolve(into.length)
          },
        }
        let bytes: Uint8Array
        try {
          bytes = await createMetainfo(input)
        } catch (error) {
          expect(error).toMatchObject({ code: 'metainfo/path-clash', fault: 'local' })
          return
        }
        expect(await createMetainfo({ ...input, files: input.files })).toEqual(bytes)
        const metainfo = parseMetainfo(bytes)
        const sorted = [...given].sort((a, b) => {
          for (const [i, element] of a.path.entries()) {
            const other = b.path[i]
            const order = other === undefined ? 1 : compareBytes(utf8(element), utf8(other))
            if (order !== 0) return order
          }
          return -1
        })
        expect(metainfo.files.map(({ rawPath }) => rawPath)).toEqual(sorted.map(({ path }) => path.map(utf8)))
        const data = concatBytes(...sorted.map(({ contents }) => contents))
        for (let piece = 0; piece < metainfo.pieceCount; piece++) {
          const hash = sha1(data.subarray(piece * 16384, (piece + 1) * 16384))
          expect(equalBytes(metainfo.pieces.subarray(20 * piece, 20 * piece + 20), hash)).toBe(true)
        }
      }),
      { numRuns: runs(20) },
    )
  })
})

describe('hostile torrents', () => {
  const seed = encode({
    announce: 'http://t/a',
    'announce-list': [['http://t/a']],
    info: {
      files: [
        { length: 20000, path: ['a', 'b'] },
        { attr: 'p', length: 12768, path: ['.pad', '12768'] },
        { attr: 'l', length: 0, path: ['l'], 'symlink path': ['a', 'b'] },
      ],
      name: 'n',
      'piece length': 16384,
      pieces: new Uint8Array(40),
    },
    'url-list': ['http://w/'],
  })

  it('never throw, with bytes changed, cut out or put in', () => {
    const edit = fc.record({
      at: fc.nat(seed.length),
      cut: fc.nat(6),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc.constantFrom('i-1e', 'le', 'de', '2:..', '0:').map(utf8),
      ),
    })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let bytes: Uint8Array = seed
        for (const { at, cut, put } of edits)
          bytes = concatBytes(bytes.subarray(0, at), put, bytes.subarray(at + cut))
        const result = tryParseMetainfo(bytes)
        if (!result.ok) expect(result.error.code).toMatch(/^(bencode|metainfo)\/[a-z0-9-]+$/)
      }),
      { numRuns: runs(600) },
    )
  })

  it('never throw, with any value under any key', () => {
    const { value } = fc.letrec<{ value: Encodable }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.bigInt(),
        fc.uint8Array({ maxLength: 41 }),
        fc.constantFrom(1, 16384, 40, 'a', '..', 'plx', 'http://a/'),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('length', 'path', 'attr', 'symlink path', ''), tie('value'), {
          maxKeys: 4,
        }),
      ) as fc.Arbitrary<Encodable>,
    }))
    const keys = [
      'length',
      'files',
      'name',
      'name.utf-8',
      'piece length',
      'pieces',
      'meta version',
      'file tree',
      'private',
      'attr',
      'similar',
    ]
    const rootKeys = [
      'announce',
      'announce-list',
      'url-list',
      'httpseeds',
      'nodes',
      'creation date',
      'similar',
    ]
    const good = { length: 3, name: 'n', 'piece length': 16384, pieces: new Uint8Array(20) }
    const info = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 3 })
    const root = fc.dictionary(fc.constantFrom(...rootKeys), value, { maxKeys: 4 })
    fc.assert(
      fc.property(info, root, (changed, around) => {
        const { length, ...rest } = { ...good, ...changed } as Record<string, Encodable>
        const whole = 'files' in changed ? rest : { ...rest, length: length as Encodable }
        const result = tryParseMetainfo(encode({ ...around, info: whole }))
        if (!result.ok) expect(result.error.code).toMatch(/^metainfo\/[a-z0-9-]+$/)
        else if (result.value.version !== '2')
          expect(result.value.layout.pieceCount * 20).toBe(result.value.pieces.length)
      }),
      { numRuns: runs(400) },
    )
  })
})
