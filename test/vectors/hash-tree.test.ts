/** The answers to hash requests of protocol.md 13: a file of 65537 times `a`, five leaves. */

import { expect, it } from 'vitest'
import { HashTree } from '../../src/metainfo/hash-tree.js'
import { FileHasher, LeafHasher } from '../../src/metainfo/merkle.js'
import { concatBytes, fromHex, toHex } from '../../src/util/bytes.js'
import { encodeMessage } from '../../src/wire/message.js'

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array

const ROOT = 'cbe670dfa716866e158dcf7a8671595c5c20bff22a4394f9657aa2864f98d7d2'
const LAYER1 = [
  '363dae905aefc97b7f8550cb59b232bb1f7685ed85c629b1e6f8553b90ce9b38',
  '363dae905aefc97b7f8550cb59b232bb1f7685ed85c629b1e6f8553b90ce9b38',
  'f73902761f5d940342851b717c1d23bc1f78b1e93d554db2b55b0ef4a045de8f',
]
const Z1 = 'f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b'
const LAYER2 = [
  '92157cae1e6def216a25d2d97d6078a494e3479f36da0887a7c37c164925cc61',
  'a8efe8010d28c9703af50f4293d734b397d1ed6fd7e7029aa6b18b7e7304db45',
]
const FULL = 'f3336bea752b5a28743033dd2c844a4a63fba08871aaee2586a2bf2d69be83a2'
const LAST = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
const ZERO = '0'.repeat(64)

const content = new Uint8Array(65537).fill(97)
const leaves = (): Uint8Array => {
  const hasher = new LeafHasher(5)
  hasher.update(content)
  return hasher.finish().slice()
}

const rows = [
  { base: 0, index: 0, length: 2, proofs: 2, sent: [FULL, FULL, LAYER1[1], LAYER2[1]], bytes: 177 },
  { base: 0, index: 4, length: 2, proofs: 2, sent: [LAST, ZERO, Z1, LAYER2[0]], bytes: 177 },
  { base: 0, index: 0, length: 4, proofs: 2, sent: [FULL, FULL, FULL, FULL, LAYER2[1]], bytes: 209 },
  {
    base: 0,
    index: 0,
    length: 8,
    proofs: 2,
    sent: [FULL, FULL, FULL, FULL, LAST, ZERO, ZERO, ZERO],
    bytes: 305,
  },
  { base: 1, index: 0, length: 2, proofs: 1, sent: [LAYER1[0], LAYER1[1], LAYER2[1]], bytes: 145 },
]

it.each(rows)('answers base $base, index $index, length $length', ({ sent, bytes, ...range }) => {
  const pieceLength = 16384 * 2 ** (range.base === 1 ? 1 : 2)
  const hasher = new FileHasher(content.length, pieceLength)
  hasher.update(content)
  const { root, layer } = hasher.finish()
  expect(toHex(root)).toBe(ROOT)
  const tree = new HashTree(root, content.length, pieceLength, layer)
  const expected = sent.map((text) => hex(text as string))
  const { first } = tree.leafPieces(range)
  const hashes = tree.hashes(range, leaves().subarray(first * tree.blocksOf(0) * 32)) as Uint8Array
  expect(toHex(hashes)).toBe(toHex(concatBytes(...expected)))
  const message = encodeMessage({ type: 'hashes', request: { root, ...range }, hashes })
  expect(message.length - 4).toBe(bytes)
  const blank = new HashTree(root, content.length, pieceLength)
  expect(blank.addHashes(range, hashes)).toBe('ok')
  if (range.base === 1) expect([0, 1, 2].map((piece) => blank.knows(piece))).toEqual([true, true, false])
})

it('writes the request of row 2', () => {
  const request = { root: hex(ROOT), base: 0, index: 4, length: 2, proofs: 2 }
  const bytes = encodeMessage({ type: 'hash-request', request })
  expect(toHex(bytes)).toBe(`0000003115${ROOT}00000000000000040000000200000002`)
})
