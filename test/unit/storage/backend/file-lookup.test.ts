import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encode } from '../../../../src/bencode/index.js'
import { filePathOf, parseMetainfo } from '../../../../src/metainfo/index.js'
import { FileStorage } from '../../../../src/storage/backend/file.js'
import { lookUpFiles } from '../../../../src/storage/backend/file-lookup.js'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rarest-location-'))
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

/** Writes `there` to disk and tells where the files of a torrent with these paths are taken from. */
async function located(name: string, paths: readonly string[], there: readonly string[]): Promise<string[]> {
  for (const path of there) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), path)
  }
  const files = paths.map((path) => ({ length: 0, path: path.split('/') }))
  const metainfo = parseMetainfo(encode({ info: { files, name, 'piece length': 16384, pieces: '' } }))
  const known = metainfo.files.map((file) => ({ ...filePathOf(metainfo, file), length: file.length }))
  return (await lookUpFiles(root, known)).map((path) => path.join('/'))
}

describe('lookUpFiles', () => {
  it.each<[string, string, string[], string[], string[]]>([
    ['nothing there', 'n?', ['a:b', 'c'], [], ['n_/a_b', 'n_/c']],
    ['nothing to choose', 'n', ['a', 'b'], ['n/a'], ['n/a', 'n/b']],
    ['a backslash', 'n', ['a\\b'], ['n/a\\b'], ['n/a_b']],
  ])('uses safe names: %s', async (_, name, paths, there, expected) => {
    expect(await located(name, paths, there)).toEqual(expected)
  })

  // Windows cannot hold these names; macOS would hold some pairs as one.
  const linux = it.skipIf(process.platform !== 'linux')
  linux.each<[string, string, string[], string[], string[]]>([
    ['as spelt', 'n', ['a:b', 'c'], ['n/a:b', 'n/c'], ['n/a:b', 'n/c']],
    ['a folder as spelt', 'n?', ['a', 'b'], ['n?/a'], ['n?/a', 'n_/b']],
    ['both', 'n', ['a:b'], ['n/a:b', 'n/a_b'], ['n/a_b']],
    [
      'two that differ in case',
      'n',
      ['README', 'readme'],
      ['n/README', 'n/readme'],
      ['n/README', 'n/readme'],
    ],
    ['one of two that differ in case', 'n', ['README', 'readme'], ['n/readme'], ['n/README', 'n/readme (2)']],
    ['a spelling that is the safe name of another', 'n', ['x:', 'x_'], ['n/x_'], ['n/x_', 'n/x_ (2)']],
  ])('finds what is there: %s', async (_, name, paths, there, expected) => {
    expect(await located(name, paths, there)).toEqual(expected)
  })

  linux('reads and writes the file that it found', async () => {
    await writeFile(join(root, 'a:b'), 'hello')
    const storage = new FileStorage(root)
    await storage.open([{ path: ['a_b'], originalPath: ['a:b'], length: 5 }])
    expect((await storage.status(0)).length).toBe(5)
    await storage.write(0, 0, [Buffer.from('J')])
    await storage.close()
    expect(await readFile(join(root, 'a:b'), 'utf8')).toBe('Jello')
  })
})
