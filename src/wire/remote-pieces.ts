/**
 * The pieces that the remote has: exact once the layout is known, bounded bits before (BEP 3, 6, 9).
 * @module
 */

import { Bitfield } from '../util/bitfield.js'
import { MAX_PIECES } from './message.js'

const NOTHING: Uint8Array = new Uint8Array(0)

export class RemotePieces {
  /** Undefined until the piece count is known. */
  set: Bitfield | undefined
  /** What came before that: everything, or these bits in wire order. */
  private all = false
  private bits: Uint8Array = NOTHING
  private bitfieldLength = -1

  constructor(pieceCount: number | undefined) {
    if (pieceCount !== undefined) this.set = new Bitfield(pieceCount)
  }

  get isSeed(): boolean {
    return this.set === undefined ? this.all : this.set.isFull
  }

  /** Adds one piece: true when it is new, false when it was known, undefined when there is no such piece. */
  have(piece: number): boolean | undefined {
    if (this.set !== undefined) return piece < this.set.length ? this.set.add(piece) : undefined
    if (piece >= MAX_PIECES) return undefined
    const at = piece >>> 3
    if (at >= this.bits.length) this.grow(at + 1)
    const bit = 0x80 >>> (piece & 7)
    const byte = this.bits[at] as number
    this.bits[at] = byte | bit
    return (byte & bit) === 0
  }

  /** Takes one piece back: false when it was not there, undefined when there is no such piece or the piece count is unknown. */
  lost(piece: number): boolean | undefined {
    return this.set !== undefined && piece < this.set.length ? this.set.delete(piece) : undefined
  }

  /** Takes a bitfield, whose bytes are borrowed; false when it does not fit the torrent. */
  bitfield(bytes: Uint8Array): boolean {
    if (this.set === undefined) {
      this.bits = new Uint8Array(bytes)
      this.bitfieldLength = bytes.length
      return true
    }
    const parsed = Bitfield.parse(new Uint8Array(bytes), this.set.length)
    if (parsed === undefined) return false
    this.set = parsed
    return true
  }

  haveAll(): void {
    if (this.set === undefined) this.all = true
    else this.set = Bitfield.full(this.set.length)
  }

  /** The piece count became known: false when what came before does not fit it. */
  learn(pieceCount: number): boolean {
    const bytes = (pieceCount + 7) >>> 3
    if (this.bitfieldLength >= 0 && this.bitfieldLength !== bytes) return false
    for (let i = bytes; i < this.bits.length; i++) if (this.bits[i] !== 0) return false
    const exact = new Uint8Array(bytes)
    exact.set(this.bits.subarray(0, bytes))
    this.bits = NOTHING
    const parsed = Bitfield.parse(exact, pieceCount)
    if (parsed === undefined) return false
    this.set = this.all ? Bitfield.full(pieceCount) : parsed
    return true
  }

  private grow(bytes: number): void {
    const grown = new Uint8Array(Math.min(MAX_PIECES / 8, Math.max(bytes, 2 * this.bits.length)))
    grown.set(this.bits)
    this.bits = grown
  }
}
