/**
 * How a piece is verified, apart from how it is assembled and stored: SHA-1 of the whole piece for
 * v1; those for v2 and hybrids are in `merkle-verifier.ts`.
 * @module
 */

import { createSha1, type Hasher, sha1 } from '#hash'

/** The running verification of one piece. */
export interface PieceHash {
  /** Takes the next bytes of the piece, in order, pads included as zeros. */
  update(bytes: Uint8Array): void
  /** True when the bytes were the whole piece as the torrent describes it. Only after the last of them. */
  matches(): boolean
  /** Where a piece is verified by blocks: the hash of each, 32 bytes, after the last byte. */
  leaves?(): Uint8Array
}

export interface Verifier {
  /** For a piece that comes in parts. */
  start(piece: number): PieceHash
  /** For a piece that is all there: the same answer, with less ado for small pieces. */
  verify(piece: number, bytes: Uint8Array): boolean
  /** False while the hash of the piece is not known: nothing is right or wrong until it is. Absent: always known. */
  knows?(piece: number): boolean
  /** The bytes of a piece are about to change: what it hashed to before its hash was known is void. */
  forget?(piece: number): void
  /** True when {@link Verifier.takeVerified} has something to tell. */
  readonly hasVerified?: boolean
  /** Pieces found right by what they hashed to before their hash was known; each is told once. */
  takeVerified?(): number[]
  /** A piece that is right by one hash of the torrent and wrong by another: the torrent is broken. */
  readonly contradiction?: number | undefined
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

/** True when `digest` stands in `hashes` at this offset. */
export function isAt(hashes: Uint8Array, at: number, digest: Uint8Array): boolean {
  for (let i = 0; i < digest.length; i++) if (digest[i] !== hashes[at + i]) return false
  return true
}
