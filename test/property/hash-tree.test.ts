import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HashTree } from '../../src/metainfo/hash-tree.js'
import { merkleRoot, NODE_LENGTH, padHash, treeHeight } from '../../src/metainfo/merkle.js'
import { concatBytes, toHex } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'
import { seededRandom } from '../support/random.js'

const BLOCK = 16_384

/** A whole tree with made-up leaves: nodes[layer] are the nodes of a layer without pads. */
function grow(blocks: number, pieceBlocks: number, seed: number) {
  const leaves = seededRandom(seed).bytes(blocks * NODE_LENGTH)
  const pieces = Math.ceil(blocks / pieceBlocks)
  const layer = new Uint8Array(pieces * NODE_LENGTH)
  for (let piece = 0; piece < pieces; piece++) {
    const of = leaves.subarray(piece * pieceBlocks * NODE_LENGTH, (piece + 1) * pieceBlocks * NODE_LENGTH)
    layer.set(merkleRoot(of, 0, pieces > 1 ? pieceBlocks : undefined), piece * NODE_LENGTH)
  }
  const root = merkleRoot(leaves, 0)
  const length = (blocks - 1) * BLOCK + 1 + (seed % BLOCK)
  const tree = new HashTree(root, length, pieceBlocks * BLOCK, pieces > 1 ? layer : undefined)
  return { leaves, root, length, layer, tree, pieces }
}

const shapes = fc.record({
  blocks: fc.integer({ min: 1, max: 3000 }),
  pieceLog: fc.integer({ min: 0, max: 11 }),
  seed: fc.nat({ max: 1_000_000 }),
})

function piecesOf(tree: HashTree): Uint8Array {
  return concatBytes(
    ...Array.from({ length: tree.pieces }, (_, piece) => tree.pieceHash(piece) as Uint8Array),
  )
}

/** Any range of the tree in one of its two layers; undefined when it has none. */
function rangeOf(tree: HashTree, pick: readonly number[], leaf: boolean) {
  const base = leaf ? 0 : tree.base
  const layers = tree.height - base
  if (layers < 1) return undefined
  const log = 1 + ((pick[0] as number) % Math.min(9, layers))
  const length = 2 ** log
  const index = ((pick[1] as number) % 2 ** (layers - log)) * length
  // Few proofs may end at a node that a receiver does not know: all of them are asked for.
  return { base, index, length, proofs: layers - 1 }
}

it('gives proofs that verify, and none that does after a bit was flipped', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
      fc.boolean(),
      ({ blocks, pieceLog, seed }, pick, leaf) => {
        const { tree, root, length, leaves } = grow(blocks, 2 ** pieceLog, seed)
        const range = rangeOf(tree, pick, leaf)
        if (range === undefined) return
        expect(tree.isRange(range)).toBe(true)
        const { first } = tree.leafPieces(range)
        const hashes = tree.hashes(range, leaves.subarray(first * tree.blocksOf(0) * NODE_LENGTH))
        if (hashes === undefined) throw new Error('no answer')
        const flipped = hashes.slice()
        const bit = (pick[2] as number) % (8 * flipped.length)
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
        const blank = new HashTree(root, length, 2 ** pieceLog * BLOCK)
        expect(blank.addHashes(range, flipped)).toBe('metainfo/bad-hash-proof')
        expect(blank.export()).toHaveLength(0)
        expect(blank.addHashes(range, hashes)).toBe('ok')
        expect(blank.addHashes(range, hashes.subarray(NODE_LENGTH))).toBe('metainfo/bad-hash-count')
      },
    ),
  )
})

it('learns a piece layer run by run, proves it on, and survives a restart half way', () => {
  fc.assert(
    fc.property(shapes, fc.nat({ max: 5 }), ({ blocks, pieceLog, seed }, keep) => {
      const { tree, root, length, layer, pieces } = grow(blocks, 2 ** (pieceLog % 3), seed)
      if (pieces === 1) return
      const pieceLength = 2 ** (pieceLog % 3) * BLOCK
      let learner = new HashTree(root, length, pieceLength)
      for (let run = 0; run < tree.runs; run++) {
        const range = tree.runRange(run)
        expect(learner.knowsRun(run)).toBe(false)
        expect(learner.addHashes(range, tree.hashes(range) as Uint8Array)).toBe('ok')
        expect(toHex(learner.hashes(range) as Uint8Array)).toBe(toHex(tree.hashes(range) as Uint8Array))
        if (run % 6 !== keep) continue
        const saved = learner.export()
        learner = new HashTree(root, length, pieceLength)
        expect(learner.import(saved)).toBe(run + 1)
      }
      expect(learner.isComplete).toBe(true)
      expect(toHex(piecesOf(learner))).toBe(toHex(layer))
      expect(new HashTree(root, length, pieceLength).addLayer(layer)).toBe('ok')
      const saved = learner.export()
      saved[saved.length - 1] = (saved[saved.length - 1] as number) ^ 1
      expect(new HashTree(root, length, pieceLength).import(saved)).toBe(learner.runs - 1)
    }),
    { numRuns: runs(10) },
  )
})

it('gathers the leaves of a piece from the ranges that it names', () => {
  fc.assert(
    fc.property(shapes, fc.nat(), ({ blocks, pieceLog, seed }, pick) => {
      const { tree, leaves, pieces, root, length, layer } = grow(blocks, 2 ** pieceLog, seed)
      const piece = pick % pieces
      const learner = new HashTree(root, length, 2 ** pieceLog * BLOCK, pieces > 1 ? layer : undefined)
      const own = leaves.subarray(
        piece * 2 ** pieceLog * NODE_LENGTH,
        (piece + 1) * 2 ** pieceLog * NODE_LENGTH,
      )
      const ranges = learner.leafRanges(piece)
      for (const range of ranges) {
        expect(learner.leavesOf(piece)).toBeUndefined()
        expect(learner.addHashes(range, tree.hashes(range, own) as Uint8Array)).toBe('ok')
      }
      if (ranges.length > 0) expect(toHex(learner.leavesOf(piece) as Uint8Array)).toBe(toHex(own))
      learner.forgetLeaves(piece)
      expect(learner.leavesOf(piece)).toBeUndefined()
    }),
    { numRuns: runs(20) },
  )
})

it('takes no range that the tree has not, and never throws', () => {
  const odd = fc.oneof(
    fc.nat({ max: 0xffff_ffff }),
    fc.nat({ max: 1024 }),
    fc.constantFrom(2, 4, 512, 513, 1024),
  )
  fc.assert(
    fc.property(
      shapes,
      odd,
      odd,
      odd,
      odd,
      fc.uint8Array({ maxLength: 200 }),
      (shape, base, index, length, proofs, bytes) => {
        const { tree, leaves } = grow(shape.blocks, 2 ** shape.pieceLog, shape.seed)
        const range = { base, index, length, proofs }
        const blank = new HashTree(tree.root, shape.blocks * BLOCK, 2 ** shape.pieceLog * BLOCK)
        if (!tree.isRange(range)) expect(blank.addHashes(range, bytes)).toBe('metainfo/bad-hash-range')
        else {
          expect(length <= 512 && index % length === 0 && index + length <= 2 ** (tree.height - base)).toBe(
            true,
          )
          expect(blank.addHashes(range, bytes)).not.toBe('ok')
          tree.hashes(range, leaves)
        }
        expect(blank.import(bytes)).toBe(0)
      },
    ),
  )
})

it('fills up with pads', () => {
  const { tree } = grow(513, 1, 7)
  const range = tree.runRange(1)
  const hashes = tree.hashes(range) as Uint8Array
  expect(range.length).toBe(512)
  expect(hashes.subarray(NODE_LENGTH, 512 * NODE_LENGTH).every((byte) => byte === 0)).toBe(true)
  expect(treeHeight(513)).toBe(10)
  expect(padHash(0).every((byte) => byte === 0)).toBe(true)
})
