import { describe, expect, it } from 'vitest'
import { type Encodable, encode } from '../../../src/bencode/index.js'
import {
  createMetainfo,
  FileHasher,
  type Metainfo,
  type ParseOptions,
  parseInfo,
  parseMetainfo,
  swarmHash,
  tryParseMetainfo,
  withPieceLayers,
  withTrackers,
} from '../../../src/metainfo/index.js'
import { concatBytes, fromLatin1, toLatin1 } from '../../../src/util/bytes.js'
import type { Fields } from './build.js'

const PIECE = 32_768

interface Tree {
  readonly root: Uint8Array
  readonly layer: Uint8Array
}

function treeOf(length: number, pieceLength = PIECE): Tree {
  const hasher = new FileHasher(length, pieceLength)
  hasher.update(new Uint8Array(length).fill(0x61))
  return hasher.finish()
}

/** Three pieces, one, and none. */
const LONG = 70_000
const long = treeOf(LONG)
const short = treeOf(100)
const entry = (length: number, tree: Tree, more: Fields = {}): Encodable => ({
  '': { length, 'pieces root': tree.root, ...more },
})
const TREE: Record<string, Encodable> = {
  a: { x: entry(100, short) },
  'a.txt': entry(LONG, long),
  empty: { '': { length: 0 } },
}
const LAYERS: Encodable = new Map([[toLatin1(long.root), long.layer]])
const FILES: readonly Fields[] = [
  { length: 100, path: ['a', 'x'] },
  { attr: 'p', length: PIECE - 100, path: ['.pad', String(PIECE - 100)] },
  { length: LONG, path: ['a.txt'] },
  { length: 0, path: ['empty'] },
]

function v2(info: Fields = {}, root: Fields = {}): Uint8Array {
  return encode({
    info: { 'file tree': TREE, 'meta version': 2, name: 'n', 'piece length': PIECE, ...info },
    'piece layers': LAYERS,
    ...root,
  })
}

function hybrid(files: readonly Fields[], info: Fields = {}): Uint8Array {
  return v2({ files: files as unknown as Encodable, pieces: new Uint8Array(80), ...info })
}

function code(bytes: Uint8Array, options?: ParseOptions): string {
  const result = tryParseMetainfo(bytes, options)
  return result.ok ? 'ok' : result.error.code
}

const listed = (metainfo: Metainfo): string[] =>
  metainfo.files.map((file) => `${file.path.join('/')} ${file.length} @${file.offset}`)

describe('v2 torrents', () => {
  it('list their files depth first, with pads in between', () => {
    const metainfo = parseMetainfo(v2())
    expect(metainfo).toMatchObject({ version: '2', infoHash: undefined, multiFile: true, size: LONG + 100 })
    expect(listed(metainfo)).toEqual([
      'a/x 100 @0',
      `.pad/${PIECE - 100} ${PIECE - 100} @100`,
      `a.txt ${LONG} @${PIECE}`,
      `empty 0 @${PIECE + LONG}`,
    ])
    expect(metainfo.files[1]).toMatchObject({ pad: true, piecesRoot: undefined })
    expect(metainfo.files[2]?.piecesRoot).toEqual(long.root)
    expect(metainfo.pieces.length).toBe(0)
    expect(metainfo.pieceCount).toBe(4)
    expect(metainfo.layout.pieceSize(0)).toBe(100)
    expect(swarmHash(metainfo)).toEqual(metainfo.infoHashV2?.subarray(0, 20))
  })

  it('are a single file when their one entry has their name, or they have none', () => {
    const tree = { n: entry(100, short) }
    const one = parseMetainfo(v2({ 'file tree': tree }, { 'piece layers': {} }))
    expect(one).toMatchObject({ multiFile: false, name: 'n' })
    expect(one.files[0]?.path).toEqual(['n'])
    const nameless = parseMetainfo(v2({ 'file tree': tree, name: undefined }, { 'piece layers': {} }))
    expect(nameless).toMatchObject({ multiFile: false, name: 'n' })
    const other = parseMetainfo(v2({ 'file tree': { m: entry(100, short) } }, { 'piece layers': {} }))
    expect(other).toMatchObject({ multiFile: true, name: 'n' })
  })

  it('keep attributes and symlinks', () => {
    const tree = {
      l: { '': { attr: 'l', length: 0, 'symlink path': ['x'] } },
      m: { '': { attr: 'l', 'symlink path': ['d', 'x'] } },
      x: entry(100, short, { attr: 'xh' }),
    }
    const { files } = parseMetainfo(v2({ 'file tree': tree }, { 'piece layers': {} }))
    expect(files[0]).toMatchObject({ symlink: ['x'], length: 0 })
    expect(files[1]).toMatchObject({ symlink: ['d', 'x'], length: 0 })
    expect(files[2]).toMatchObject({ executable: true, hidden: true })
  })

  it('share one layer between files of the same contents', () => {
    const tree = { b: entry(LONG, long), c: entry(LONG, long) }
    expect(parseMetainfo(v2({ 'file tree': tree })).pieceLayers.size).toBe(1)
  })

  it('may lack layers when read leniently, and get them later', () => {
    const bytes = v2({}, { 'piece layers': undefined, comment: 'kept' })
    expect(code(bytes)).toBe('metainfo/missing-piece-layer')
    expect(code(bytes, { pieceLayers: 'trusted' })).toBe('metainfo/missing-piece-layer')
    const metainfo = parseMetainfo(bytes, { pieceLayers: 'lenient' })
    expect(metainfo.pieceLayers.size).toBe(0)
    const whole = parseMetainfo(v2()).pieceLayers
    expect(withPieceLayers(metainfo, whole)).toEqual(v2({}, { comment: 'kept' }))
  })

  it('need no layers when no file is longer than a piece', () => {
    const info = { 'file tree': { x: entry(100, short) } }
    expect(code(v2(info, { 'piece layers': {} }))).toBe('ok')
    expect(code(v2(info, { 'piece layers': undefined }))).toBe('ok')
  })

  it('keep their bytes around other trackers', async () => {
    const bytes = await createMetainfo({
      name: 'n',
      files: [{ path: ['x'], length: 5 }],
      read: (_, __, into) => Promise.resolve(into.length),
    })
    const metainfo = parseMetainfo(bytes)
    const changed = parseMetainfo(withTrackers(metainfo, [['http://t/']]))
    expect(changed.infoHashV2).toEqual(metainfo.infoHashV2)
    expect(withTrackers(changed, [])).toEqual(bytes)
  })
})

describe('hybrids', () => {
  it('have the pads of their v1 half and the roots of the other', () => {
    const metainfo = parseMetainfo(hybrid(FILES))
    expect(metainfo).toMatchObject({ version: 'hybrid', pieceCount: 4, size: LONG + 100 })
    expect(metainfo.files[2]?.piecesRoot).toEqual(long.root)
    expect(metainfo.layout.pieceSize(0)).toBe(100)
    expect(swarmHash(metainfo)).toEqual(metainfo.infoHash)
  })

  const [x, pad, text, empty] = FILES as [Fields, Fields, Fields, Fields]
  const tail = { attr: 'p', length: 4 * PIECE - PIECE - LONG, path: ['.pad', '1'] }
  it.each([
    ['with a pad at the end', [...FILES, tail]],
    ['with an empty file in front of a pad at the end', [x, pad, text, empty, tail]],
    ['with an empty file behind a pad at the end', [x, pad, text, tail, empty]],
    ['with a pad that has no path', [x, { attr: 'p', length: PIECE - 100 }, text, empty]],
  ])('may come %s', (_, files) => {
    expect(code(hybrid(files))).toBe('ok')
  })

  it('may have an empty file on either side of a pad', () => {
    const tree = { a: entry(100, short), b: { '': { length: 0 } }, c: entry(100, short) }
    const file = (name: string, length: number): Fields => ({ length, path: [name] })
    for (const files of [
      [file('a', 100), file('b', 0), pad, file('c', 100)],
      [file('a', 100), pad, file('b', 0), file('c', 100)],
    ])
      expect(
        code(
          v2(
            { 'file tree': tree, files: files as Encodable, pieces: new Uint8Array(40) },
            { 'piece layers': {} },
          ),
        ),
      ).toBe('ok')
  })

  it.each([
    ['another name', [{ ...x, path: ['a', 'y'] }, pad, text, empty]],
    ['another folder', [{ ...x, path: ['x'] }, pad, text, empty]],
    ['another order', [text, x, pad, empty]],
    ['another length', [{ ...x, length: 99 }, { ...pad, length: PIECE - 99 }, text, empty]],
    ['a file too many', [...FILES, { length: 0, path: ['more'] }]],
    ['a file too few', [x, pad, text]],
    ['no pad', [x, text, empty]],
    ['a short pad', [x, { ...pad, length: PIECE - 101 }, text, empty]],
    ['a pad of a piece', [x, pad, { attr: 'p', length: PIECE }, text]],
    ['a pad first', [{ attr: 'p', length: 100 }, x, pad, text, empty]],
    ['a pad too long at the end', [x, pad, text, empty, { attr: 'p', length: PIECE - 1 }]],
    ['a symlink for a file', [x, pad, text, { attr: 'l', path: ['empty'], 'symlink path': ['a', 'x'] }]],
    ['many pads', [x, pad, text, empty, ...Array.from({ length: 9 }, () => ({ attr: 'p', length: 0 }))]],
  ])('are refused with %s', (_, files) => {
    expect(code(hybrid(files as readonly Fields[]))).toMatch(/hybrid-mismatch|bad-length/)
  })

  it.each([
    ['another name', { length: 100, name: 'm' }],
    ['another length', { length: 99, name: 'x' }],
  ])('of one file are refused with %s', (_, info) => {
    const one = { 'file tree': { x: entry(100, short) }, pieces: new Uint8Array(20), ...info }
    expect(code(v2(one, { 'piece layers': {} }))).toBe('metainfo/hybrid-mismatch')
    expect(code(v2({ ...one, length: 100, name: 'x' }, { 'piece layers': {} }))).toBe('ok')
  })
})

describe('refusals', () => {
  const tree = (value: Encodable): Uint8Array => v2({ 'file tree': value })
  const layers = (...entries: [Uint8Array | string, Encodable][]): Uint8Array =>
    v2({}, { 'piece layers': new Map(entries.map(([key, value]) => [toLatin1(key as Uint8Array), value])) })
  const leaves = treeOf(LONG, 16_384).layer
  const flipped = long.layer.map((byte, i) => (i === 40 ? byte ^ 1 : byte))
  const property = (more: Fields): Uint8Array => tree({ x: { '': more } })
  const deep = fromLatin1(`d4:infod9:file tree${'d1:d'.repeat(1000)}de${'e'.repeat(1000)}ee`)
  it.each<[string, string, Uint8Array]>([
    ['a later version, whatever else is wrong', 'version-too-new', encode({ info: { 'meta version': 3 } })],
    ['a v1 half without hashes', 'bad-pieces', v2({ length: 3 })],
    ['no tree', 'bad-file-tree', v2({ 'file tree': undefined })],
    ['a tree that is a list', 'bad-file-tree', tree([])],
    ['a tree that is a file', 'bad-file-tree', tree({ '': { length: 0 } })],
    ['a tree of nothing', 'no-files', tree({ a: { b: {} } })],
    ['a tree of text', 'bad-file-tree', tree({ a: 'b' })],
    ['a file of text', 'bad-file-tree', tree({ a: { '': 'b' } })],
    [
      'a file with siblings',
      'file-with-siblings',
      tree({ a: { '': { length: 0 }, b: { '': { length: 0 } } } }),
    ],
    ['a file without a length', 'bad-length', property({})],
    ['a negative length', 'bad-length', property({ length: -1 })],
    ['a huge length', 'size-overflow', property({ length: 2n ** 60n, 'pieces root': short.root })],
    ['a length without root', 'missing-root', property({ length: 1 })],
    ['a root without data', 'bad-root', property({ length: 0, 'pieces root': short.root })],
    ['a short root', 'bad-root', property({ length: 1, 'pieces root': new Uint8Array(31).fill(1) })],
    ['a root of zeros', 'bad-root', property({ length: 1, 'pieces root': new Uint8Array(32) })],
    ['a pad', 'pad-in-file-tree', property({ attr: 'p', length: 1, 'pieces root': short.root })],
    ['a symlink with data', 'bad-symlink', property({ attr: 'l', length: 1, 'symlink path': ['x'] })],
    ['a way out', 'path-traversal', tree({ '..': entry(1, short) })],
    [
      'a way out by a symlink',
      'path-traversal',
      property({ attr: 'l', length: 0, 'symlink path': ['..', 'x'] }),
    ],
    ['a path of dots', 'empty-path', tree({ '.': entry(1, short) })],
    ['the same path by dots', 'path-clash', tree({ '.': { a: entry(1, short) }, a: entry(1, short) })],
    ['too many pieces', 'too-many-pieces', property({ length: 2 ** 40, 'pieces root': short.root })],
    ['a piece length that is no power of two', 'bad-piece-length', v2({ 'piece length': 49_152 })],
    ['a piece length below a block', 'bad-piece-length', v2({ 'piece length': 8192 })],
    ['layers that are text', 'bad-piece-layers', v2({}, { 'piece layers': 'x' })],
    ['a layer that is a list', 'bad-piece-layers', layers([long.root, []])],
    ['no layer', 'missing-piece-layer', v2({}, { 'piece layers': {} })],
    ['a layer that does not fold', 'piece-layer-mismatch', layers([long.root, flipped])],
    ['a layer too short', 'bad-piece-layer-length', layers([long.root, long.layer.subarray(32)])],
    ['a layer of no whole hashes', 'bad-piece-layer-length', layers([long.root, long.layer.subarray(1)])],
    ['the leaves for a layer', 'wrong-piece-layer', layers([long.root, leaves])],
    ['the root for a layer', 'wrong-piece-layer', layers([long.root, long.root])],
    [
      'a layer of an unknown root',
      'unknown-piece-layer',
      layers([long.root, long.layer], [leaves.subarray(0, 32), leaves]),
    ],
    [
      'a layer of a short file',
      'unknown-piece-layer',
      layers([long.root, long.layer], [short.root, short.root]),
    ],
    [
      'a layer under a long key',
      'unknown-piece-layer',
      layers([long.root, long.layer], [new Uint8Array(5000).fill(255), '']),
    ],
  ])('%s: metainfo/%s', (_, expected, bytes) => {
    expect(code(bytes)).toBe(`metainfo/${expected}`)
    if (!expected.startsWith('missing-piece'))
      expect(code(bytes, { pieceLayers: 'lenient' })).toBe(`metainfo/${expected}`)
  })

  it('a tree a thousand deep, or out of order', () => {
    expect(code(deep)).toBe('bencode/too-deep')
    const swapped = toLatin1(v2()).replace('1:ad1:x', '1:zd1:x')
    expect(code(fromLatin1(swapped))).toBe('bencode/unsorted-key')
  })

  it('more files than allowed, and a million entries', () => {
    expect(code(v2(), { maxFiles: 2 })).toBe('metainfo/too-many-files')
    expect(code(v2(), { maxFiles: 3 })).toBe('ok')
    const list = 'de'.repeat(3_000_001)
    expect(code(fromLatin1(`d4:infod9:file treel${list}eee`))).toBe('bencode/too-many-tokens')
  })

  it('two lengths of one root', () => {
    const both = { a: entry(LONG, long), b: entry(LONG + PIECE, long) }
    expect(code(tree(both))).toBe('metainfo/bad-piece-layer-length')
  })
})

describe('parseInfo', () => {
  it('reads what peers send, with what the link says', () => {
    const { infoBytes, infoHashV2 } = parseMetainfo(v2())
    const metainfo = parseInfo(infoBytes, {
      trackers: [['http://t/a', 'nonsense'], [], ['udp://u:1']],
      webSeeds: ['http://w/', ''],
    })
    expect(metainfo.infoHashV2).toEqual(infoHashV2)
    expect(metainfo.infoBytes).toEqual(infoBytes)
    expect(metainfo.trackers).toEqual([['http://t/a'], ['udp://u:1']])
    expect(metainfo.webSeeds).toEqual(['http://w/'])
    expect(parseMetainfo(metainfo.bytes, { pieceLayers: 'lenient' }).trackers).toEqual(metainfo.trackers)
  })

  it('refuses keys behind the dictionary', () => {
    const { infoBytes } = parseMetainfo(v2())
    const bytes = concatBytes(infoBytes, fromLatin1('8:url-list9:http://w/'))
    expect(() => parseInfo(bytes)).toThrow(expect.objectContaining({ code: 'metainfo/missing-info' }))
  })
})
