import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sha1 } from '../../../src/hash/node.js'
import { type Metainfo, parseMetainfo } from '../../../src/metainfo/index.js'
import { type CreateTorrentOptions, createTorrent, type PathFilter } from '../../../src/storage/create.js'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rarest-create-'))
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function write(path: string, contents: string | Uint8Array = path): Promise<string> {
  const file = join(root, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, contents)
  return file
}

const created = async (path: string | readonly string[], options?: CreateTorrentOptions): Promise<Metainfo> =>
  parseMetainfo(await createTorrent(path, options))

const listed = (metainfo: Metainfo): string[] =>
  metainfo.files.filter((file) => !file.pad).map((file) => file.path.join('/'))

async function openFiles(): Promise<number | undefined> {
  return readdir('/proc/self/fd').then(
    (list) => list.length,
    () => undefined,
  )
}

describe('createTorrent', () => {
  it('makes a single-file torrent of a file', async () => {
    const metainfo = await created(await write('one.txt', 'hello'))
    expect(metainfo).toMatchObject({ name: 'one.txt', multiFile: false, size: 5, createdBy: 'rarest/0.1.0' })
    expect(metainfo.pieces).toEqual(sha1(Buffer.from('hello')))
  })

  it('makes a folder of a folder, even around one file', async () => {
    await write('dir/one.txt')
    const metainfo = await created(join(root, 'dir'))
    expect(metainfo).toMatchObject({ name: 'dir', multiFile: true })
    expect(listed(metainfo)).toEqual(['one.txt'])
  })

  it('lists files in raw-byte order, hidden and empty ones too, and leaves empty folders out', async () => {
    for (const path of ['z', 'a.txt', 'a/x', 'a/.hidden', 'B', 'é']) await write(`dir/${path}`)
    await write('dir/empty', '')
    await mkdir(join(root, 'dir/nothing'))
    const metainfo = await created(join(root, 'dir'), { name: 'other' })
    expect(metainfo.name).toBe('other')
    expect(listed(metainfo)).toEqual(['B', 'a/.hidden', 'a/x', 'a.txt', 'empty', 'z', 'é'])
  })

  it('joins several paths below one name', async () => {
    const paths = [await write('one/b'), join(root, 'two')]
    await write('two/c')
    await expect(createTorrent(paths)).rejects.toThrow(TypeError)
    await expect(createTorrent([])).rejects.toThrow(RangeError)
    const metainfo = await created(paths, { name: 'both' })
    expect(metainfo).toMatchObject({ name: 'both', multiFile: true })
    expect(listed(metainfo)).toEqual(['b', 'two/c'])
  })

  it('hashes large files and closes every one', async () => {
    const big = Uint8Array.from({ length: 5 * 1024 * 1024 + 3 }, (_, i) => (i * 7) >>> 3)
    const small = Array.from({ length: 300 }, (_, i) => write(`dir/small/${String(i).padStart(3, '0')}`))
    await Promise.all(small)
    await write('dir/big', big)
    const before = await openFiles()
    const metainfo = await created(join(root, 'dir'), { pieceLength: 32_768, version: '1' })
    expect(await openFiles()).toBe(before)
    expect(metainfo.pieces.subarray(0, 20)).toEqual(sha1(big.subarray(0, 32_768)))
    const data = Buffer.concat([
      big,
      ...metainfo.files.slice(1).map((file) => Buffer.from(`dir/${file.path.join('/')}`)),
    ])
    expect(metainfo.pieces.subarray(-20)).toEqual(
      sha1(data.subarray((metainfo.pieceCount - 1) * metainfo.pieceLength)),
    )
  })

  it.each<[string, PathFilter | undefined, PathFilter | undefined, string[]]>([
    ['a glob on names', '*.txt', undefined, ['a/x.txt', 'y.txt']],
    ['a glob on paths', 'a/*', undefined, ['a/x.txt', 'a/z.md']],
    ['a glob across folders', 'a/**', undefined, ['a/b/w.md', 'a/x.txt', 'a/z.md']],
    ['a glob at any depth', '**/?.md', undefined, ['a/b/w.md', 'a/z.md']],
    ['a regular expression', /\.md$/g, undefined, ['a/b/w.md', 'a/z.md']],
    ['a function', (path: string) => path.length === 5, undefined, ['y.txt']],
    ['a list', ['y.*', /w/], undefined, ['a/b/w.md', 'y.txt']],
    ['a folder left out', undefined, 'b', ['a/x.txt', 'a/z.md', 'y.txt']],
    ['both', '*.md', 'a/b', ['a/z.md']],
  ])('chooses files by %s', async (_, include, exclude, expected) => {
    for (const path of ['a/b/w.md', 'a/x.txt', 'a/z.md', 'y.txt']) await write(`dir/${path}`)
    const options = { ...(include && { include }), ...(exclude && { exclude }) }
    expect(listed(await created(join(root, 'dir'), options))).toEqual(expected)
  })

  it('does not look into what is left out', async () => {
    await write('dir/keep')
    await write('dir/skip/inner')
    const seen: string[] = []
    await createTorrent(join(root, 'dir'), {
      exclude: (path) => {
        seen.push(path)
        return path === 'skip'
      },
    })
    expect(seen.sort()).toEqual(['keep', 'skip'])
  })

  it('takes special characters of a glob as they are', async () => {
    for (const path of ['a+b', 'aab', '[x]', 'x']) await write(`dir/${path}`)
    expect(listed(await created(join(root, 'dir'), { include: ['a+b', '[x]'] }))).toEqual(['[x]', 'a+b'])
  })

  it.each([
    ['an empty folder', undefined],
    ['nothing matches', 'nothing'],
  ])('refuses a torrent without files: %s', async (_, include) => {
    await mkdir(join(root, 'dir'))
    const one = await write('one')
    const options = include === undefined ? {} : { include }
    await expect(createTorrent(join(root, 'dir'), options)).rejects.toMatchObject({
      code: 'metainfo/no-files',
    })
    if (include !== undefined)
      await expect(createTorrent(one, options)).rejects.toMatchObject({ code: 'metainfo/no-files' })
  })

  it.skipIf(process.platform === 'win32')('follows links, but neither broken nor circular ones', async () => {
    await write('dir/sub/file', 'x')
    await write('outside/far', 'y')
    await symlink('sub/file', join(root, 'dir/link'))
    await symlink('../outside', join(root, 'dir/folder'))
    await symlink('nowhere', join(root, 'dir/broken'))
    await symlink('self', join(root, 'dir/self'))
    await symlink('..', join(root, 'dir/sub/loop'))
    const metainfo = await created(join(root, 'dir'))
    expect(listed(metainfo)).toEqual(['folder/far', 'link', 'sub/file'])
    expect(metainfo.size).toBe(3)
  })

  it.skipIf(process.platform !== 'linux')('reads names that are not UTF-8', async () => {
    await mkdir(join(root, 'dir'))
    await writeFile(Buffer.concat([Buffer.from(`${root}/dir/`), Buffer.from([0x61, 0xe9])]), 'hi')
    const metainfo = await created(join(root, 'dir'))
    expect(metainfo.files[0]).toMatchObject({
      path: ['aé'],
      rawPath: [new Uint8Array([0x61, 0xe9])],
      length: 2,
    })
  })

  it('rejects for a path that does not exist', async () => {
    await expect(createTorrent(join(root, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('notices a file that got shorter, and closes it', async () => {
    const file = await write('file', new Uint8Array(8 * 1024 * 1024))
    const before = await openFiles()
    let cut: Promise<void> | undefined
    const made = createTorrent(file, {
      onProgress: () => {
        cut ??= truncate(file, 1024)
      },
    })
    await expect(made).rejects.toMatchObject({ code: 'metainfo/file-changed' })
    await cut
    expect(await openFiles()).toBe(before)
  })

  it('stops with the reason of its signal, and closes its files', async () => {
    const file = await write('file', new Uint8Array(8 * 1024 * 1024))
    const before = await openFiles()
    const controller = new AbortController()
    const reason = new Error('enough')
    const made = createTorrent(file, {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(made).rejects.toBe(reason)
    expect(await openFiles()).toBe(before)
    await expect(createTorrent(root, { signal: controller.signal })).rejects.toBe(reason)
  })
})
