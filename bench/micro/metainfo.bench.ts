/** Parsing a torrent file against the npm package `parse-torrent`, and what creating one costs beside its hashing. */
import { bench, do_not_optimize, summary } from 'mitata'
import parseTorrent from 'parse-torrent'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { createMetainfo, magnetOf, parseMetainfo } from '../../src/metainfo/index.js'

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

const parsed = parseMetainfo(encode(torrent(1000)))
bench('magnet link', () => do_not_optimize(magnetOf(parsed)))

const data = noise(64 * MIB, 5)
for (const pieceLength of [16_384, MIB, 16 * MIB]) {
  bench(`create 64 MiB from memory, pieces of ${pieceLength / 1024} KiB`, async () =>
    do_not_optimize(
      await createMetainfo({
        name: 'data',
        multiFile: false,
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
