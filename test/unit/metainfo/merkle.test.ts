import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/hash/node.js'
import { FileHasher, LeafHasher, merkleRoot, padHash, pieceLayer } from '../../../src/metainfo/merkle.js'
import { concatBytes, toHex } from '../../../src/util/bytes.js'

/** As the BEP words it: every leaf, every pad, every layer. */
function plainRoot(data: Uint8Array): Uint8Array {
  let row: Uint8Array[] = []
  for (let at = 0; at < data.length; at += 16_384) row.push(sha256(data.subarray(at, at + 16_384)))
  while (!Number.isInteger(Math.log2(row.length))) row.push(new Uint8Array(32))
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < row.length; i += 2)
      above.push(sha256(concatBytes(row[i] as Uint8Array, row[i + 1] as Uint8Array)))
    row = above
  }
  return row[0] as Uint8Array
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 0xff)
}

describe('merkle trees', () => {
  it('has the pads of protocol.md 5.1', () => {
    expect(toHex(padHash(0))).toBe('0'.repeat(64))
    expect(toHex(padHash(10))).toBe('ffff0ad7e659772f9534c195c815efc4014ef1e1daed4404c06385d11192e92b')
    expect(toHex(padHash(1))).toBe('f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b')
    expect(toHex(merkleRoot(new Uint8Array(0), 2, 8))).toBe(toHex(padHash(5)))
  })

  it('pads nodes of any layer to any width', () => {
    const node = noise(32)
    expect(toHex(merkleRoot(node, 4))).toBe(toHex(node))
    const two = sha256(concatBytes(node, padHash(4)))
    expect(toHex(merkleRoot(node, 4, 2))).toBe(toHex(two))
    expect(toHex(merkleRoot(node, 4, 4))).toBe(toHex(sha256(concatBytes(two, padHash(5)))))
  })

  const KIB = 1024
  const lengths = [1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 48 * KIB, 64 * KIB, 64 * KIB + 1, 300 * KIB + 7]
  it.each(lengths)(
    'hashes a file of %i bytes in pieces of any length and in chunks of any size',
    (length) => {
      const data = noise(length)
      const root = toHex(plainRoot(data))
      for (const pieceLength of [16 * KIB, 64 * KIB, 256 * KIB]) {
        for (const step of [1000, 16 * KIB, 100_000, length]) {
          const hasher = new FileHasher(length, pieceLength)
          for (let at = 0; at < length; at += step) hasher.update(data.subarray(at, at + step))
          const hashed = hasher.finish()
          expect(toHex(hashed.root)).toBe(root)
          expect(hashed.layer.length).toBe(length > pieceLength ? 32 * Math.ceil(length / pieceLength) : 0)
          if (hashed.layer.length > 0)
            expect(toHex(merkleRoot(hashed.layer, pieceLayer(pieceLength)))).toBe(root)
        }
      }
    },
  )

  it('gives the leaves of one piece after another', () => {
    const hasher = new LeafHasher(2)
    const data = noise(20_000)
    for (let round = 0; round < 2; round++) {
      hasher.update(data.subarray(0, 5))
      hasher.update(data.subarray(5))
      expect(toHex(hasher.finish())).toBe(
        toHex(concatBytes(sha256(data.subarray(0, 16_384)), sha256(data.subarray(16_384)))),
      )
    }
    expect(hasher.finish().length).toBe(0)
  })
})
