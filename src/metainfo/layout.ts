/**
 * The one place where remote numbers become checked pieces, blocks and ranges (BEP 3, 47). Behind
 * it bounds are not checked again.
 * @module
 */

/** Bytes in a request: the size every client serves (BEP 3). */
export const BLOCK_LENGTH = 16_384

/** A run of bytes inside one piece, checked against the layout: what a peer may ask of us. */
export interface Range {
  readonly piece: number
  /** Offset in the piece, bytes. */
  readonly begin: number
  /** Bytes, at least 1, ending inside the piece. */
  readonly length: number
}

/** A {@link Range} on our own block grid: `begin` is a multiple of 16 KiB and `length` is the whole block. */
export interface Block extends Range {}

/** What the layout needs to know of a file. */
export interface LayoutFile {
  /** Bytes. */
  readonly length: number
  /** True for a pad file: zeros that are hashed but never stored or requested (BEP 47). */
  readonly pad: boolean
}

/** How the files of a {@link Layout} lie in its pieces. */
export interface LayoutOptions {
  /**
   * v2 and hybrid torrents (BEP 52): every non-empty file starts a piece, so a piece holds data of one
   * file alone and ends with it; what follows up to the next boundary is no part of the piece. Peers may ask
   * for that gap all the same: in the v1 half of a hybrid it is a pad file (BEP 47), and libtorrent 2.0 fills
   * up the last block of every file also where v2 is all there is. Default false.
   */
  readonly aligned?: boolean
}

/** The part of one file that a range of the torrent covers. */
export interface FileSlice {
  /** Index in the list of files that made the layout. */
  readonly file: number
  /** Offset in the file, bytes. */
  readonly offset: number
  /** Bytes, at least 1. */
  readonly length: number
}

export class Layout {
  readonly pieceLength: number
  readonly pieceCount: number
  /** Bytes of all files, pads included. */
  readonly size: number
  readonly files: readonly LayoutFile[]
  /** Offset of each file in the torrent, bytes; one more entry than files, the last is `size`. */
  readonly offsets: Float64Array
  /** Blocks in a piece of full length. */
  readonly blocksPerPiece: number
  /** See {@link LayoutOptions.aligned}. */
  readonly aligned: boolean
  /** Bytes of each piece of an aligned layout. */
  readonly #sizes: Uint32Array | undefined

  /**
   * `files` in torrent order, pads included; lengths have been checked to sum below 2^53. Throws RangeError
   * when an aligned layout has a file that starts inside a piece.
   */
  constructor(files: readonly LayoutFile[], pieceLength: number, options: LayoutOptions = {}) {
    this.files = files
    this.pieceLength = pieceLength
    this.offsets = new Float64Array(files.length + 1)
    let size = 0
    for (let i = 0; i < files.length; i++) {
      size += (files[i] as LayoutFile).length
      this.offsets[i + 1] = size
    }
    this.size = size
    this.pieceCount = Math.ceil(size / pieceLength)
    this.blocksPerPiece = Math.ceil(pieceLength / BLOCK_LENGTH)
    this.aligned = options.aligned === true
    if (this.aligned) this.#sizes = this.#alignedSizes()
  }

  /**
   * Bytes of a piece that are stored and sent: the piece length, or less for the last piece of the torrent,
   * and of each file when the layout is aligned.
   */
  pieceSize(piece: number): number {
    return this.#sizes ? (this.#sizes[piece] as number) : this.pieceSpan(piece)
  }

  /** Bytes from the start of a piece to that of the next, or to the end of the torrent: what a v1 hash covers. */
  pieceSpan(piece: number): number {
    return piece === this.pieceCount - 1 ? this.size - piece * this.pieceLength : this.pieceLength
  }

  /** Number of blocks in a piece. */
  blockCount(piece: number): number {
    return Math.ceil(this.pieceSize(piece) / BLOCK_LENGTH)
  }

  /** Block number `index` of a piece; both must be in range. */
  blockAt(piece: number, index: number): Block {
    const begin = index * BLOCK_LENGTH
    return { piece, begin, length: Math.min(BLOCK_LENGTH, this.pieceSize(piece) - begin) }
  }

  /** True when remote numbers name a whole block of our grid. */
  isBlock(piece: number, begin: number, length: number): boolean {
    if (piece >= this.pieceCount || begin % BLOCK_LENGTH !== 0) return false
    return length > 0 && length === Math.min(BLOCK_LENGTH, this.pieceSize(piece) - begin)
  }

  /** True when remote numbers name a run of at least one byte inside one piece, or the gap behind it in an aligned layout. */
  isRange(piece: number, begin: number, length: number): boolean {
    if (piece >= this.pieceCount || length <= 0) return false
    return begin + length <= (this.aligned ? this.pieceLength : this.pieceSpan(piece))
  }

  /** The file parts under `length` bytes from `begin` of `piece`, in order, pads included, empty files left out. */
  slices(piece: number, begin: number, length: number): FileSlice[] {
    const slices: FileSlice[] = []
    let at = piece * this.pieceLength + begin
    const end = at + length
    for (let file = this.fileAt(at); at < end; file++) {
      const offset = at - (this.offsets[file] as number)
      const part = Math.min(end - at, (this.files[file] as LayoutFile).length - offset)
      if (part > 0) slices.push({ file, offset, length: part })
      at += part
    }
    return slices
  }

  /** Index of the file that holds the torrent byte at `position`; the position must be below `size`. */
  fileAt(position: number): number {
    let low = 0
    let high = this.files.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.offsets[middle] as number) <= position) low = middle
      else high = middle - 1
    }
    return low
  }

  /** First and last piece that hold bytes of a file, or undefined for an empty file. */
  piecesOf(file: number): { readonly first: number; readonly last: number } | undefined {
    const start = this.offsets[file] as number
    const end = this.offsets[file + 1] as number
    if (end === start) return undefined
    return { first: Math.floor(start / this.pieceLength), last: Math.floor((end - 1) / this.pieceLength) }
  }

  #alignedSizes(): Uint32Array {
    const sizes = new Uint32Array(this.pieceCount)
    for (let file = 0; file < this.files.length; file++) {
      const { length, pad } = this.files[file] as LayoutFile
      if (pad || length === 0) continue
      const start = this.offsets[file] as number
      if (start % this.pieceLength !== 0)
        throw new RangeError(`file ${file} of an aligned layout starts at ${start}`)
      const first = start / this.pieceLength
      const last = Math.ceil((start + length) / this.pieceLength) - 1
      sizes.fill(this.pieceLength, first, last)
      sizes[last] = length - (last - first) * this.pieceLength
    }
    return sizes
  }
}
