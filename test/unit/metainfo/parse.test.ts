import { describe, expect, it } from 'vitest'
import { encode } from '../../../src/bencode/index.js'
import { sha1 } from '../../../src/hash/node.js'
import { magnetOf, parseMetainfo, pieceHash, tryParseMetainfo } from '../../../src/metainfo/index.js'
import { concatBytes, fromLatin1, toHex, utf8 } from '../../../src/util/bytes.js'
import { type Fields, HASH, multi, torrent } from './build.js'

function code(bytes: Uint8Array): string | undefined {
  const result = tryParseMetainfo(bytes)
  return result.ok ? undefined : result.error.code
}

/** `info` as its bytes stand, so that what our encoder never writes can be tested. */
function withInfo(info: string): Uint8Array {
  return fromLatin1(`d4:info${info}e`)
}

const HASH_TEXT = `20:${'x'.repeat(20)}`

describe('parseMetainfo', () => {
  it('reads a single-file torrent with every key', () => {
    const bytes = torrent(
      { private: 1, source: 'here', attr: 'xh', sha1: HASH, md5sum: 'abc', 'update-url': 'http://u/' },
      {
        announce: 'http://t/announce',
        'announce-list': [['http://t/announce', 'udp://b:80'], ['wss://c/']],
        comment: 'words',
        'created by': 'maker',
        'creation date': 12,
        encoding: 'UTF-8',
        'url-list': 'http://w/a',
        httpseeds: ['http://h/'],
        nodes: [['1.2.3.4', 80], ['::1', 81], ['name', 0], ['no port'], 'x', ['a b', 1]],
        similar: [HASH, new Uint8Array(3)],
        collections: ['group'],
      },
    )
    const metainfo = parseMetainfo(bytes)
    expect(metainfo).toMatchObject({
      version: '1',
      name: 'a',
      multiFile: false,
      pieceLength: 16384,
      pieceCount: 1,
      size: 3,
      private: true,
      source: 'here',
      comment: 'words',
      createdBy: 'maker',
      creationDate: 12,
      encoding: 'UTF-8',
      announce: 'http://t/announce',
      trackers: [['http://t/announce', 'udp://b:80'], ['wss://c/']],
      webSeeds: ['http://w/a'],
      httpSeeds: ['http://h/'],
      nodes: [
        { host: '1.2.3.4', port: 80 },
        { host: '::1', port: 81 },
      ],
      similar: [HASH],
      collections: ['group'],
      updateUrl: 'http://u/',
    })
    expect(metainfo.files).toMatchObject([
      {
        path: ['a'],
        length: 3,
        offset: 0,
        pad: false,
        executable: true,
        hidden: true,
        sha1: HASH,
        md5sum: 'abc',
      },
    ])
    expect(toHex(metainfo.infoHash as Uint8Array)).toBe(toHex(sha1(metainfo.infoBytes)))
    expect(pieceHash(metainfo, 0)).toEqual(HASH)
    expect(metainfo.bytes).toBe(bytes)
  })

  it('reads files, pads and symlinks of a multi-file torrent', () => {
    const metainfo = parseMetainfo(
      multi(
        [
          { path: ['dir', 'one'], attr: 'x' },
          { length: 16381, path: ['.pad', '16381'], attr: 'p' },
          { path: ['two'], attr: 'h' },
          { length: 16381, attr: 'p' },
          { length: undefined, path: ['link'], attr: 'l', 'symlink path': ['dir', 'one'] },
          { length: 0, path: ['empty'], attr: 'l' },
        ],
        { pieces: new Uint8Array(40) },
      ),
    )
    expect(metainfo).toMatchObject({ multiFile: true, size: 6, pieceCount: 2 })
    expect(metainfo.layout.size).toBe(32768)
    expect(metainfo.files).toMatchObject([
      { path: ['dir', 'one'], length: 3, offset: 0, pad: false, executable: true },
      { path: ['.pad', '16381'], length: 16381, offset: 3, pad: true },
      { path: ['two'], length: 3, offset: 16384, pad: false, hidden: true },
      { path: ['.pad', '16381'], length: 16381, offset: 16387, pad: true, rawPath: [] },
      { path: ['link'], length: 0, offset: 32768, symlink: ['dir', 'one'] },
      { path: ['empty'], length: 0, symlink: undefined },
    ])
  })

  it('needs no more than the pieces and the length', () => {
    const metainfo = parseMetainfo(torrent({ name: undefined }))
    expect(metainfo).toMatchObject({ private: false, trackers: [], webSeeds: [], nodes: [], similar: [] })
    expect(metainfo.name).toBe(toHex(metainfo.infoHash as Uint8Array))
    expect(metainfo.comment).toBeUndefined()
  })

  it('reads an empty file', () => {
    const metainfo = parseMetainfo(torrent({ length: 0, pieces: '' }))
    expect(metainfo).toMatchObject({ size: 0, pieceCount: 0 })
  })

  it('takes unsorted keys and hashes the bytes as they stand', () => {
    const info = `d6:pieces${HASH_TEXT}4:name1:a12:piece lengthi16384e6:lengthi3ee`
    const metainfo = parseMetainfo(fromLatin1(`d4:info${info}8:announce11:http://t/ane`))
    expect(metainfo.infoHash).toEqual(sha1(fromLatin1(info)))
    expect(metainfo.trackers).toEqual([['http://t/an']])
  })

  it('gives plain views for a Buffer', () => {
    const metainfo = parseMetainfo(Buffer.from(torrent()))
    expect(metainfo.pieces.constructor).toBe(Uint8Array)
    expect(metainfo.bytes.constructor).toBe(Uint8Array)
  })

  it('refuses a hybrid with unsorted keys', () => {
    const info = `d6:pieces${HASH_TEXT}4:name1:a12:piece lengthi16384e6:lengthi3e12:meta versioni2ee`
    expect(code(withInfo(info))).toBe('bencode/unsorted-key')
  })

  it('prefers name.utf-8 and path.utf-8', () => {
    const metainfo = parseMetainfo(
      multi([{ path: [fromLatin1('\xe9')], 'path.utf-8': ['é'] }], {
        name: fromLatin1('n\xe9'),
        'name.utf-8': 'né',
      }),
    )
    expect(metainfo.name).toBe('né')
    expect(metainfo.nameBytes).toEqual(fromLatin1('n\xe9'))
    expect(metainfo.files[0]).toMatchObject({ path: ['é'], rawPath: [fromLatin1('\xe9')] })
  })

  it('takes path and name where path.utf-8 and name.utf-8 are empty', () => {
    const entries = [
      { path: ['a'], 'path.utf-8': [] },
      { path: ['b'], 'path.utf-8': [''] },
    ]
    const metainfo = parseMetainfo(multi(entries, { name: 'n', 'name.utf-8': '' }))
    expect(metainfo.name).toBe('n')
    expect(metainfo.files.map((file) => file.path.join('/'))).toEqual(['a', 'b'])
  })

  it.each<[string, Uint8Array, Uint8Array]>([
    ['a line feed behind', new Uint8Array(0), utf8('\n')],
    ['a carriage return and a line feed behind', new Uint8Array(0), utf8('\r\n')],
    ['zeros behind', new Uint8Array(0), new Uint8Array(2)],
    ['a whole torrent behind', new Uint8Array(0), torrent({ name: 'other' })],
    ['a byte order mark in front', Uint8Array.of(0xef, 0xbb, 0xbf), new Uint8Array(0)],
    ['blanks in front', utf8(' \t\r\n'), new Uint8Array(0)],
    ['blanks on both sides', utf8('\n'), utf8('\n')],
  ])('loads with %s, and keeps the dictionary alone', (_, front, behind) => {
    const bytes = torrent({ name: 'this' })
    expect(parseMetainfo(concatBytes(front, bytes, behind))).toEqual(parseMetainfo(bytes))
  })

  it('goes by files where length stands beside them, and by length where files is empty', () => {
    for (const length of [0, 3])
      expect(parseMetainfo(multi([{ path: ['a'] }], { name: 'n', length }))).toMatchObject({
        multiFile: true,
        files: [{ path: ['a'], length: 3 }],
      })
    for (const files of [[], 'x'])
      expect(parseMetainfo(torrent({ name: 'n', files }))).toMatchObject({
        multiFile: false,
        files: [{ path: ['n'], length: 3 }],
      })
  })

  it('gives symlinks no room, whatever length they claim', () => {
    const link = { path: ['l'], attr: 'l', 'symlink path': ['a'], length: 99 }
    const { files } = parseMetainfo(multi([link, { path: ['a'] }]))
    expect(files).toMatchObject([
      { symlink: ['a'], length: 0 },
      { offset: 0, length: 3 },
    ])
  })

  it('knows the pads of BitComet by their names', () => {
    const name = '_____padding_file_0_if you see this file, please update to BitComet 0.85 or above____'
    const list = [{ path: ['a'] }, { path: [name], length: 16381 }, { path: ['b'] }]
    const bytes = multi(list, { pieces: new Uint8Array(40) })
    expect(parseMetainfo(bytes).files.map(({ pad, path }) => (pad ? 'pad' : path.join('/')))).toEqual([
      'a',
      'pad',
      'b',
    ])
  })

  it('merges hints from inside and outside info', () => {
    const metainfo = parseMetainfo(torrent({ collections: ['in'] }, { collections: ['out', 5] }))
    expect(metainfo.collections).toEqual(['in', 'out'])
  })

  it.each<[string, Fields, readonly (readonly string[])[]]>([
    ['announce alone', { announce: 'http://a/x' }, [['http://a/x']]],
    [
      'a list instead of announce',
      { announce: 'http://a/x', 'announce-list': [['udp://b:1/']] },
      [['udp://b:1/']],
    ],
    ['an empty list', { announce: 'http://a/x', 'announce-list': [] }, [['http://a/x']]],
    [
      'a list of nothing usable',
      { announce: 'http://a/x', 'announce-list': [['', 'x:'], [], [3]] },
      [['http://a/x']],
    ],
    ['a flat list', { 'announce-list': ['http://a/', 'http://b/'] }, [['http://a/'], ['http://b/']]],
    ['repetitions', { 'announce-list': [['http://a/', 'http://a/'], ['http://a/']] }, [['http://a/']]],
    ['spaces around', { announce: ' http://a/x\n' }, [['http://a/x']]],
    ['another scheme', { announce: 'file:///etc/passwd' }, []],
    ['no host', { announce: 'http:///x' }, []],
    ['a space inside', { announce: 'http://a b/x' }, []],
    ['IPv6 and a user', { announce: 'http://u:p@[::1]:80/x?k=1' }, [['http://u:p@[::1]:80/x?k=1']]],
    ['something else', { announce: 5, 'announce-list': 7 }, []],
    ['a URL without end', { announce: `http://a/${'x'.repeat(5000)}` }, []],
  ])('reads trackers: %s', (_, root, tiers) => {
    expect(parseMetainfo(torrent({}, root)).trackers).toEqual(tiers)
  })

  it('keeps at most a thousand URLs of a key', () => {
    const urls = Array.from({ length: 1500 }, (_, i) => [`http://a/${i}`])
    expect(parseMetainfo(torrent({}, { 'announce-list': urls })).trackers).toHaveLength(1000)
  })

  it.each<[string, Fields, readonly string[]]>([
    ['one string', { 'url-list': 'http://a/' }, ['http://a/']],
    ['a list', { 'url-list': ['http://a/', 'ftp://b/c d', 'http://a/'] }, ['http://a/', 'ftp://b/c d']],
    ['nothing usable', { 'url-list': ['', 'b', 4] }, []],
    ['an empty string', { 'url-list': '' }, []],
  ])('reads web seeds: %s', (_, root, urls) => {
    expect(parseMetainfo(torrent({}, root)).webSeeds).toEqual(urls)
  })

  it('treats only the integer 1 as private', () => {
    for (const value of [0, 2, '1', [1]])
      expect(parseMetainfo(torrent({ private: value })).private).toBe(false)
  })

  it('ignores optional keys of another type', () => {
    const metainfo = parseMetainfo(
      torrent(
        { attr: 1, sha1: 'short', md5sum: [], source: 3 },
        { comment: 1, 'creation date': 'x', nodes: 2 },
      ),
    )
    expect(metainfo.comment).toBeUndefined()
    expect(metainfo.files[0]).toMatchObject({ executable: false, sha1: undefined, md5sum: undefined })
  })
})

describe('refusals', () => {
  it.each<[string, string, Uint8Array]>([
    ['no bytes', 'bencode/unexpected-end', new Uint8Array(0)],
    ['no bencode', 'bencode/unknown-type', utf8('<html>')],
    ['cut off', 'bencode/unexpected-end', torrent().slice(0, -1)],
    ['keys twice', 'bencode/duplicate-key', withInfo('d6:lengthi1e6:lengthi1ee')],
    ['deep nesting', 'bencode/too-deep', fromLatin1(`d1:x${'l'.repeat(200)}${'e'.repeat(200)}e`)],
    ['a list', 'metainfo/not-a-dictionary', utf8('le')],
    ['no info', 'metainfo/missing-info', utf8('de')],
    ['info a string', 'metainfo/missing-info', withInfo('1:x')],
    ['version 3', 'metainfo/version-too-new', encode({ info: { 'meta version': 3 } })],
    ['version 2^70', 'metainfo/version-too-new', torrent({ 'meta version': 2n ** 70n })],
    ['v2 without its version', 'metainfo/bad-version', encode({ info: { 'file tree': {} } })],
    ['piece length missing', 'metainfo/bad-piece-length', torrent({ 'piece length': undefined })],
    ['piece length 0', 'metainfo/bad-piece-length', torrent({ 'piece length': 0 })],
    ['piece length negative', 'metainfo/bad-piece-length', torrent({ 'piece length': -16384 })],
    ['piece length 2^31', 'metainfo/bad-piece-length', torrent({ 'piece length': 2 ** 31 })],
    ['piece length 2^64', 'metainfo/bad-piece-length', torrent({ 'piece length': 2n ** 64n })],
    ['piece length a string', 'metainfo/bad-piece-length', torrent({ 'piece length': '16384' })],
    ['pieces missing', 'metainfo/bad-pieces', torrent({ pieces: undefined })],
    ['pieces a list', 'metainfo/bad-pieces', torrent({ pieces: [HASH] })],
    ['pieces of 21 bytes', 'metainfo/bad-pieces', torrent({ pieces: new Uint8Array(21) })],
    ['pieces too many', 'metainfo/wrong-piece-count', torrent({ pieces: new Uint8Array(40) })],
    ['pieces too few', 'metainfo/wrong-piece-count', torrent({ length: 16385 })],
    ['pieces for nothing', 'metainfo/wrong-piece-count', torrent({ length: 0 })],
    ['neither length nor files', 'metainfo/missing-length', torrent({ length: undefined })],
    ['length negative', 'metainfo/bad-length', torrent({ length: -1 })],
    ['length -2^70', 'metainfo/bad-length', torrent({ length: -(2n ** 70n) })],
    ['length a string', 'metainfo/bad-length', torrent({ length: '3' })],
    ['length 2^53', 'metainfo/size-overflow', torrent({ length: 2n ** 53n })],
    ['length 2^53 - 1', 'metainfo/wrong-piece-count', torrent({ length: 2 ** 53 - 1 })],
    [
      'lengths that sum to 2^53',
      'metainfo/size-overflow',
      multi([
        { path: ['a'], length: 2 ** 53 - 1 },
        { path: ['b'], length: 1 },
      ]),
    ],
    ['a file without length', 'metainfo/bad-length', multi([{ path: ['a'], length: undefined }])],
    ['a file of negative length', 'metainfo/bad-length', multi([{ path: ['a'], length: -3 }])],
    ['files no list', 'metainfo/bad-files', torrent({ length: undefined, files: {} })],
    ['files of strings', 'metainfo/bad-files', torrent({ length: undefined, files: ['a'] })],
    ['files empty', 'metainfo/no-files', torrent({ length: undefined, files: [] })],
    ['files all pads', 'metainfo/no-files', multi([{ attr: 'p' }])],
    ['a pad of a piece', 'metainfo/pad-too-long', multi([{ path: ['a'] }, { attr: 'p', length: 16384 }])],
    [
      'pads of a piece, with nothing between them',
      'metainfo/pad-too-long',
      multi([
        { path: ['a'] },
        { attr: 'p', length: 16383 },
        { path: ['empty'], length: 0 },
        { attr: 'p', length: 1 },
        { path: ['b'] },
      ]),
    ],
    ['name a number', 'metainfo/bad-name', torrent({ name: 4 })],
    ['path missing', 'metainfo/bad-path', multi([{}])],
    ['path a string', 'metainfo/bad-path', multi([{ path: 'a' }])],
    ['path of numbers', 'metainfo/bad-path', multi([{ path: ['a', 1] }])],
    [
      'a symlink out of the folder',
      'metainfo/path-traversal',
      multi([{ path: ['a'], length: 0, attr: 'l', 'symlink path': ['..', 'b'] }]),
    ],
  ])('%s: %s', (_, expected, bytes) => {
    expect(code(bytes)).toBe(expected)
    expect(() => parseMetainfo(bytes)).toThrow(expect.objectContaining({ code: expected, fault: 'remote' }))
  })

  it.each([
    ['maxLength', { maxLength: 50 }, 'bencode/too-long'],
    ['maxDepth', { maxDepth: 1 }, 'bencode/too-deep'],
    ['maxTokens', { maxTokens: 5 }, 'bencode/too-many-tokens'],
    ['maxPieces', { maxPieces: 0 }, 'metainfo/too-many-pieces'],
    ['maxFiles', { maxFiles: 1 }, 'metainfo/too-many-files'],
    ['maxPieceLength', { maxPieceLength: 16383 }, 'metainfo/bad-piece-length'],
  ])('holds to %s', (_, limits, expected) => {
    const bytes = multi([{ path: ['a'] }, { path: ['b'] }])
    const result = tryParseMetainfo(bytes, limits)
    expect(result.ok ? undefined : result.error.code).toBe(expected)
  })

  it('names the key and stays short whatever the torrent holds', () => {
    const result = tryParseMetainfo(multi([{ path: ['ok'] }, { path: [`/${'x'.repeat(1e6)}`] }]))
    const message = result.ok ? '' : result.error.message
    expect(message).toMatch(/^info\.files\[1\]\.path holds /)
    expect(message.length).toBeLessThan(200)
  })

  it('lets errors of its caller through', () => {
    expect(() => tryParseMetainfo('text' as unknown as Uint8Array)).toThrow(TypeError)
  })
})

describe('magnetOf', () => {
  it('links hash, name, size, trackers and web seeds', () => {
    const metainfo = parseMetainfo(
      torrent(
        { name: 'a & b' },
        { 'announce-list': [['http://t/a?x=1'], ['udp://u:1']], 'url-list': ['http://w/'] },
      ),
    )
    const hash = toHex(metainfo.infoHash as Uint8Array)
    expect(magnetOf(metainfo)).toBe(
      `magnet:?xt=urn:btih:${hash}&dn=a%20%26%20b&xl=3&tr=http%3A%2F%2Ft%2Fa%3Fx%3D1&tr=udp%3A%2F%2Fu%3A1&ws=http%3A%2F%2Fw%2F`,
    )
    const v2 = { ...metainfo, infoHashV2: new Uint8Array(32).fill(0xab) }
    expect(magnetOf(v2)).toContain(`&xt=urn:btmh:1220${'ab'.repeat(32)}&`)
  })
})
