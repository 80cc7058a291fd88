/** Parsing a torrent file against the npm package `parse-torrent`, and what creating one costs beside its hashing. */
import { bench, do_not_optimize, summary } from 'mitata'
import parseTorrent from 'parse-torrent'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { createMetainfo, FileHasher, magnetOf, parseMetainfo } from '../../src/metainfo/index.js'
import { toLatin1 } from '../../src/util/bytes.js'

const MIB = 1024 * 1024

const noise = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2_654_435_761) >>> 13) & 0xff)

/** A torrent of `files` equal files, four pieces of 1 MiB each. */
const torrent = (files: number): Encodable => ({
  announce: 'http://tracker.example.org:6969/announce',
  'announce-list': [['http://tracker.example.org:6969/announce'], ['udp://tracker.example.net:1337']],
  'created by': 'rarest/0.1.0',
  'creation date': 1_700_000_000,
  info: {
    files: Array.from({ length: files }, (_, i) => ({
      length: 4 * MIB,
      path: [`disc ${(i % 7) + 1}`, `${String(i).padStart(5, '0')} - a name of usual length.flac`],
    })),
    name: 'a collection of many files',
    'piece length': MIB,
    pieces: noise(80 * files, 1),
  },
})

for (const files of [1, 1000, 20_000]) {
  const bytes = encode(torrent(files))
  summary(() => {
    bench(`parse ${files} files, ${bytes.length} bytes: rarest`, () => do_not_optimize(parseMetainfo(bytes)))
    bench(`parse ${files} files, ${bytes.length} bytes: parse-torrent`, async () =>
      do_not_optimize(await parseTorrent(bytes)),
    )
  })
}

/** A hybrid of `files` files of ten pieces each, with hashes of no data: only the trees above them are right. */
const hybrid = (files: number): Uint8Array => {
  const pieceLength = 16_384
  const layers = new Map<string, Encodable>()
  const roots = Array.from({ length: files }, (_, i) => {
    const hasher = new FileHasher(10 * pieceLength, pieceLength)
    hasher.update(new Uint8Array(10 * pieceLength).fill(i).fill(i >>> 8, 0, 9))
    const { root, layer } = hasher.finish()
    layers.set(toLatin1(root), layer)
    return root
  })
  const folders = new Map<string, Map<string, Encodable>>()
  const list: Encodable[] = []
  roots.forEach((root, i) => {
    const path = [
      `disc ${Math.floor((i * 7) / files) + 1}`,
      `${String(i).padStart(5, '0')} - a name of usual length.flac`,
    ]
    const [folder, name] = path as [string, string]
    list.push({ length: 10 * pieceLength, path })
    if (!folders.has(folder)) folders.set(folder, new Map())
    folders.get(folder)?.set(name, { '': { length: 10 * pieceLength, 'pieces root': root } })
  })
  return encode({
    info: {
      'file tree': folders,
      files: list,
      'meta version': 2,
      name: 'a collection of many files',
      'piece length': pieceLength,
      pieces: noise(200 * files, 1),
    },
    'piece layers': layers,
  })
}

const large = hybrid(10_000)
const trusted = { pieceLayers: 'trusted' } as const
bench(`parse a hybrid of 100,000 pieces in 10,000 files, ${large.length} bytes`, () =>
  do_not_optimize(parseMetainfo(large)),
)
bench('the same without the check of its layers', () => do_not_optimize(parseMetainfo(large, trusted)))

const parsed = parseMetainfo(encode(torrent(1000)))
bench('magnet link', () => do_not_optimize(magnetOf(parsed)))

const data = noise(64 * MIB, 5)
for (const version of ['1', '2', 'hybrid'] as const) {
  const pieceLength = MIB
  bench(`create 64 MiB from memory, version ${version}`, async () =>
    do_not_optimize(
      await createMetainfo({
        name: 'data',
        multiFile: false,
        version,
        pieceLength,
        files: [{ path: ['data'], length: data.length }],
        read: (_, offset, into) => {
          into.set(data.subarray(offset, offset + into.length))
          return Promise.resolve(into.length)
        },
      }),
    ),
  )
}
