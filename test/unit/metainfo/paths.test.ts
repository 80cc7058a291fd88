import { describe, expect, it } from 'vitest'
import { parseMetainfo, tryParseMetainfo } from '../../../src/metainfo/index.js'
import { nameDanger, posixName, readableName, safeName } from '../../../src/metainfo/paths.js'
import { fromLatin1, utf8 } from '../../../src/util/bytes.js'
import { torrent, withPaths } from './build.js'

const paths = (...list: readonly (readonly (string | Uint8Array)[])[]): string[] =>
  parseMetainfo(withPaths(...list)).files.map((file) => file.path.join('/'))

const code = (bytes: Uint8Array): string | undefined => {
  const result = tryParseMetainfo(bytes)
  return result.ok ? undefined : result.error.code
}

describe('safeName', () => {
  it.each([
    ['a plain name.txt', 'a plain name.txt'],
    ['.hidden', '.hidden'],
    ['日本語.txt', '日本語.txt'],
    ['👩‍👧.png', '👩‍👧.png'],
    ['...', '___'],
    ['a.', 'a_'],
    ['a. . ', 'a____'],
    ['.. ', '___'],
    ['a:b', 'a_b'],
    ['<>:"|?*', '_______'],
    ['a/b\\c', 'a_b_c'],
    ['C:', 'C_'],
    ['a\0b\nc\x7f\x85', 'a_b_c__'],
    ['exe\u202etxt', 'exe_txt'],
    ['a\u2066b\u200f', 'a_b_'],
    ['CON', '_CON'],
    ['con.txt', '_con.txt'],
    ['Nul', '_Nul'],
    ['NUL.tar.gz', '_NUL.tar.gz'],
    ['com1', '_com1'],
    ['COM¹.x', '_COM¹.x'],
    ['LPT9', '_LPT9'],
    ['aux .c', '_aux .c'],
    ['CONIN$', '_CONIN$'],
    ['nul ', 'nul_'],
    ['console', 'console'],
    ['com10', 'com10'],
    ['xcon', 'xcon'],
  ])('%j becomes %j', (name, expected) => {
    expect(nameDanger(name)).toBeUndefined()
    expect(safeName(name)).toBe(expected)
    expect(safeName(expected)).toBe(expected)
  })

  it.each([
    ['x'.repeat(240), 'x'.repeat(240)],
    ['x'.repeat(300), 'x'.repeat(240)],
    [`${'x'.repeat(300)}.tar`, `${'x'.repeat(236)}.tar`],
    [`${'é'.repeat(200)}.txt`, `${'é'.repeat(118)}.txt`],
    ['👍'.repeat(100), '👍'.repeat(60)],
    [`x${'👍'.repeat(100)}`, `x${'👍'.repeat(59)}`],
    [`${'x'.repeat(239)} y`, `${'x'.repeat(239)}_`],
  ])('keeps names below 240 bytes (%#)', (name, expected) => {
    expect(safeName(name)).toBe(expected)
  })
})

describe('names of a torrent', () => {
  it.each<[string, string]>([
    ['..', 'metainfo/path-traversal'],
    ['../x', 'metainfo/path-traversal'],
    ['a/../b', 'metainfo/path-traversal'],
    ['a\\..', 'metainfo/path-traversal'],
    ['/etc/passwd', 'metainfo/absolute-path'],
    ['\\\\server\\share', 'metainfo/absolute-path'],
    ['C:\\x', 'metainfo/absolute-path'],
    ['c:/x', 'metainfo/absolute-path'],
  ])('%j is refused as a name and in a path', (name, expected) => {
    expect(code(torrent({ name }))).toBe(expected)
    expect(code(withPaths([name]))).toBe(expected)
    expect(code(withPaths(['a', name, 'b']))).toBe(expected)
  })

  it.each<[string, string[][], string]>([
    ['nothing', [[]], 'metainfo/empty-path'],
    ['nothing but empty elements', [['', '.']], 'metainfo/empty-path'],
    ['too many elements', [Array(101).fill('a')], 'metainfo/path-too-deep'],
    ['too many characters', [Array(30).fill('x'.repeat(200))], 'metainfo/path-too-long'],
    ['the same file twice', [['a'], ['b'], ['a']], 'metainfo/path-clash'],
    [
      'the same file twice but for an empty element',
      [
        ['d', 'a'],
        ['d', '', 'a'],
      ],
      'metainfo/path-clash',
    ],
    ['a file that is a folder', [['a'], ['a', 'b']], 'metainfo/path-clash'],
    [
      'a folder that is a file',
      [
        ['a', 'b', 'c'],
        ['a', 'b'],
      ],
      'metainfo/path-clash',
    ],
  ])('%s is refused', (_, list, expected) => {
    expect(code(withPaths(...list))).toBe(expected)
  })

  it.each<[string, string[][], string[]]>([
    ['empty elements and dots', [['', 'a', '.', 'b', '']], ['a/b']],
    [
      'the same name in two folders',
      [
        ['a', 'x'],
        ['b', 'x'],
      ],
      ['a/x', 'b/x'],
    ],
    ['a name that is a folder elsewhere', [['a', 'b', 'c'], ['b']], ['a/b/c', 'b']],
    [
      'names equal but for case',
      [['README'], ['readme'], ['ReadMe']],
      ['README', 'readme (2)', 'ReadMe (3)'],
    ],
    ['the number before the extension', [['a.TXT'], ['a.txt']], ['a.TXT', 'a (2).txt']],
    ['Unicode forms', [['\u00e9'], ['e\u0301']], ['\u00e9', 'e\u0301 (2)']],
    ['full case folding', [['straße'], ['STRASSE']], ['straße', 'STRASSE (2)']],
    [
      'folders equal but for case',
      [
        ['A', 'x'],
        ['a', 'x'],
        ['a', 'y'],
      ],
      ['A/x', 'a/x (2)', 'a/y'],
    ],
    ['a file and a folder equal but for case', [['a'], ['A', 'x']], ['a (2)', 'A/x']],
    ['names that become equal', [['a?'], ['a*'], ['a_']], ['a_', 'a_ (2)', 'a_ (3)']],
    ['a number that is taken', [['a'], ['A (2)'], ['A']], ['a', 'A (2)', 'A (3)']],
    ['a number that is taken later', [['a'], ['A'], ['A (2)']], ['a', 'A (3)', 'A (2)']],
    ['a dot at the end', [['a'], ['a.']], ['a', 'a_']],
  ])('%s', (_, list, expected) => {
    expect(paths(...list)).toEqual(expected)
  })

  it('numbers many equal names in linear time', () => {
    const names = Array.from({ length: 4096 }, (_, i) =>
      Array.from({ length: 12 }, (_, bit) => ((i >> bit) & 1 ? 'A' : 'a')).join(''),
    )
    expect(new Set(paths(...names.map((name) => [name])).map((path) => path.toLowerCase())).size).toBe(4096)
  })

  it('shows bytes that are not UTF-8 and keeps them', () => {
    const latin1 = fromLatin1('caf\xe9')
    const damaged = new Uint8Array([...utf8('日本'), 0xe8])
    const [first, second] = parseMetainfo(withPaths([latin1], ['x', damaged])).files
    expect(first).toMatchObject({ path: ['café'], rawPath: [latin1], originalPath: undefined })
    expect(second).toMatchObject({ path: ['x', '日本_'], originalPath: undefined })
  })

  it('remembers how the torrent spells a path that it changes', () => {
    const { files } = parseMetainfo(withPaths(['a', 'b: c?'], ['plain'], ['PLAIN'], ['a/b'], ['', 'aux.c']))
    expect(files.map((file) => file.originalPath)).toEqual([
      ['a', 'b: c?'],
      undefined,
      ['PLAIN'],
      undefined,
      ['aux.c'],
    ])
    expect(parseMetainfo(torrent({ name: 'What?' }))).toMatchObject({
      name: 'What_',
      originalName: 'What?',
      files: [{ path: ['What_'], originalPath: ['What?'] }],
    })
  })

  it.each(['', '.'])('calls a torrent named %j after its hash', (name) => {
    const metainfo = parseMetainfo(torrent({ name }))
    expect(metainfo.name).toMatch(/^[0-9a-f]{40}$/)
    expect(metainfo.originalName).toBeUndefined()
  })

  it('survives names of megabytes', () => {
    expect(code(withPaths([`a${'/'.repeat(4e6)}`]))).toBeUndefined()
    expect(code(withPaths(['. '.repeat(2e6)]))).toBeUndefined()
    expect(code(torrent({ name: 'é'.repeat(2e6) }))).toBeUndefined()
  })
})

describe('readableName and posixName', () => {
  it.each<[Uint8Array, string, string | undefined]>([
    [utf8('a'), 'a', 'a'],
    [utf8('\ufffd'), '\ufffd', '\ufffd'],
    [fromLatin1('\xfc'), 'ü', undefined],
    [new Uint8Array([0xc0, 0xae, 0xc0, 0xae]), 'À®À®', undefined],
    [new Uint8Array([0xc3, 0xa9, 0xff]), 'é_', undefined],
    [utf8('a/b'), 'a/b', undefined],
    [utf8('a\0'), 'a\0', undefined],
    [utf8('a\\b'), 'a\\b', 'a\\b'],
  ])('%j', (bytes, readable, posix) => {
    expect(readableName(bytes)).toBe(readable)
    expect(posixName(bytes)).toBe(posix)
  })
})
