/**
 * How a piece is verified, apart from how it is assembled and stored: SHA-1 of the whole piece for
 * v1; a merkle verifier for v2 has the same shape.
 * @module
 */

import { createSha1, type Hasher, sha1 } from '#hash'

/** The running verification of one piece. */
export interface PieceHash {
  /** Takes the next bytes of the piece, in order, pads included as zeros. */
  update(bytes: Uint8Array): void
  /** True when the bytes were the whole piece as the torrent describes it. Called once, last. */
  matches(): boolean
}

export interface Verifier {
  /** For a piece that comes in parts. */
  start(piece: number): PieceHash
  /** For a piece that is all there: the same answer, with less ado for small pieces. */
  verify(piece: number, bytes: Uint8Array): boolean
}

/** BEP 3: `pieces` is the concatenation of one SHA-1 for each piece. */
export class V1Verifier implements Verifier {
  readonly #pieces: Uint8Array

  constructor(pieces: Uint8Array) {
    this.#pieces = pieces
  }

  start(piece: number): PieceHash {
    return new V1PieceHash(this.#pieces, piece * 20)
  }

  verify(piece: number, bytes: Uint8Array): boolean {
    return isAt(this.#pieces, piece * 20, sha1(bytes))
  }
}

class V1PieceHash implements PieceHash {
  readonly #pieces: Uint8Array
  readonly #at: number
  readonly #hash: Hasher = createSha1()

  constructor(pieces: Uint8Array, at: number) {
    this.#pieces = pieces
    this.#at = at
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  matches(): boolean {
    return isAt(this.#pieces, this.#at, this.#hash.digest())
  }
}

function isAt(pieces: Uint8Array, at: number, digest: Uint8Array): boolean {
  for (let i = 0; i < 20; i++) if (digest[i] !== pieces[at + i]) return false
  return true
}
