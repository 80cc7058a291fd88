import { describe, expect, it } from 'vitest'
import { Layout } from '../../../src/metainfo/index.js'

const layout = (lengths: readonly number[], pieceLength: number): Layout =>
  new Layout(
    lengths.map((length) => ({ length, pad: false })),
    pieceLength,
  )

describe('Layout', () => {
  it('counts pieces and blocks of odd sizes', () => {
    const odd = layout([40_000, 0, 25_537], 32_768)
    expect(odd).toMatchObject({ size: 65_537, pieceCount: 3, blocksPerPiece: 2 })
    expect([0, 1, 2].map((piece) => odd.pieceSize(piece))).toEqual([32_768, 32_768, 1])
    expect([0, 1, 2].map((piece) => odd.blockCount(piece))).toEqual([2, 2, 1])
    expect(odd.blockAt(0, 1)).toEqual({ piece: 0, begin: 16_384, length: 16_384 })
    expect(odd.blockAt(2, 0)).toEqual({ piece: 2, begin: 0, length: 1 })
  })

  it('has no pieces without bytes', () => {
    expect(layout([0, 0], 16_384)).toMatchObject({ size: 0, pieceCount: 0 })
  })

  it('handles piece lengths off the block grid', () => {
    const odd = layout([50_000], 20_000)
    expect(odd.blockCount(0)).toBe(2)
    expect(odd.blockAt(0, 1)).toEqual({ piece: 0, begin: 16_384, length: 3_616 })
    expect(odd.isBlock(0, 16_384, 3_616)).toBe(true)
    expect(odd.isBlock(0, 16_384, 16_384)).toBe(false)
  })

  it.each([
    [0, 0, 16_384, true, true],
    [0, 16_384, 16_384, true, true],
    [1, 0, 10_000, true, true],
    [1, 0, 16_384, false, false],
    [0, 0, 16_383, false, true],
    [0, 1, 16_384, false, true],
    [0, 16_385, 16_383, false, true],
    [0, 16_385, 16_384, false, false],
    [0, 0, 0, false, false],
    [0, 32_768, 1, false, false],
    [0, 32_768, 16_384, false, false],
    [2, 0, 1, false, false],
    [2 ** 32 - 1, 0, 16_384, false, false],
    [0, 2 ** 32 - 16_384, 16_384, false, false],
    [0, 0, 2 ** 32 - 1, false, false],
  ])('piece %d, begin %d, length %d: block %s, range %s', (piece, begin, length, isBlock, isRange) => {
    const two = layout([42_768], 32_768)
    expect(two.isBlock(piece, begin, length)).toBe(isBlock)
    expect(two.isRange(piece, begin, length)).toBe(isRange)
  })

  it('finds files and their pieces, empty ones left out', () => {
    const several = layout([0, 10, 0, 0, 30, 0], 16)
    expect([0, 9, 10, 39].map((position) => several.fileAt(position))).toEqual([1, 1, 4, 4])
    expect(several.slices(0, 5, 11)).toEqual([
      { file: 1, offset: 5, length: 5 },
      { file: 4, offset: 0, length: 6 },
    ])
    expect([0, 1, 4, 5].map((file) => several.piecesOf(file))).toEqual([
      undefined,
      { first: 0, last: 0 },
      { first: 0, last: 2 },
      undefined,
    ])
  })

  describe('of an aligned torrent', () => {
    const files = [
      { length: 40_000, pad: false },
      { length: 25_536, pad: true },
      { length: 0, pad: false },
      { length: 5, pad: false },
      { length: 32_763, pad: true },
      { length: 32_768, pad: false },
    ]

    it('ends pieces with their file, and lets others ask for the gaps', () => {
      const aligned = new Layout(files, 32_768, { aligned: true })
      expect(aligned).toMatchObject({ pieceCount: 4, aligned: true, size: 131_072 })
      expect([0, 1, 2, 3].map((piece) => aligned.pieceSize(piece))).toEqual([32_768, 7_232, 5, 32_768])
      expect([0, 1, 2, 3].map((piece) => aligned.pieceSpan(piece))).toEqual([32_768, 32_768, 32_768, 32_768])
      expect([0, 1, 2, 3].map((piece) => aligned.blockCount(piece))).toEqual([2, 1, 1, 2])
      expect(aligned.isBlock(1, 0, 7_232)).toBe(true)
      expect(aligned.isBlock(1, 0, 16_384)).toBe(false)
      expect(aligned.isRange(1, 0, 7_232)).toBe(true)
      expect(aligned.isRange(1, 16_384, 16_384)).toBe(true)
      expect(aligned.isRange(1, 16_384, 16_385)).toBe(false)
    })

    it('refuses a file off the grid', () => {
      const off = [
        { length: 1, pad: false },
        { length: 1, pad: false },
      ]
      expect(() => new Layout(off, 32_768, { aligned: true })).toThrow(RangeError)
    })
  })
})
