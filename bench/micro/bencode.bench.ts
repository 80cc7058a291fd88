/** bencode against the npm package `bencode`, on a big torrent file and on a DHT reply. */
import baseline from 'bencode'
import { bench, do_not_optimize, summary } from 'mitata'
import { decode, type Encodable, encode, span } from '../../src/bencode/index.js'

const noise = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2_654_435_761) >>> 13) & 0xff)

/** 10,000 pieces and 1,000 files: about 270 KB. */
const torrent: Encodable = {
  announce: 'http://tracker.example.org:6969/announce',
  'announce-list': [['http://tracker.example.org:6969/announce'], ['udp://tracker.example.net:1337']],
  'created by': 'rarest 0.1.0',
  'creation date': 1_700_000_000,
  info: {
    files: Array.from({ length: 1000 }, (_, i) => ({
      length: 1_234_567 + i * 991,
      path: [`disc ${(i % 7) + 1}`, `${String(i).padStart(4, '0')} - a name of usual length.flac`],
    })),
    name: 'a collection of a thousand files',
    'piece length': 1_048_576,
    pieces: noise(200_000, 1),
  },
}

/** A get_peers answer with 8 nodes and 50 peers: about 700 bytes. */
const reply: Encodable = {
  ip: noise(6, 2),
  r: {
    id: noise(20, 3),
    nodes: noise(208, 4),
    token: noise(8, 5),
    values: Array.from({ length: 46 }, (_, i) => noise(6, i)),
  },
  t: noise(2, 6),
  v: 'LT\x01\x02',
  y: 'r',
}

for (const [name, value] of [
  ['torrent', torrent],
  ['DHT reply', reply],
] as const) {
  const bytes = encode(value)
  const label = `${name}, ${bytes.length} bytes`
  const decoded = decode(bytes)
  const theirs: unknown = baseline.decode(bytes)
  summary(() => {
    bench(`decode ${label}: rarest`, () => do_not_optimize(decode(bytes)))
    bench(`decode ${label}: bencode 4.0.1`, () => do_not_optimize(baseline.decode(bytes)))
  })
  summary(() => {
    bench(`encode ${label}: rarest, plain objects`, () => do_not_optimize(encode(value)))
    bench(`encode ${label}: rarest, decoded maps`, () => do_not_optimize(encode(decoded)))
    bench(`encode ${label}: bencode 4.0.1, plain objects`, () => do_not_optimize(baseline.encode(value)))
    bench(`encode ${label}: bencode 4.0.1, as decoded`, () => do_not_optimize(baseline.encode(theirs)))
  })
  const path = name === 'torrent' ? ['info'] : ['r', 'values', 20]
  bench(`span of ${path.join('.')} in ${label}`, () => do_not_optimize(span(bytes, path)))
}
