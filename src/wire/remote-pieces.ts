/**
 * The pieces that the remote has: exact once the layout is known, bounded bits before (BEP 3, 6, 9).
 * @module
 */

import { Bitfield } from '../util/bitfield.js'
import { MAX_PIECES } from './message.js'

const NOTHING: Uint8Array = new Uint8Array(0)
/** New pieces of a later bitfield that are told one by one: aria2 sends one in place of twenty haves. */
const FEW = 1024

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

  /**
   * Takes a bitfield, whose bytes are borrowed, in place of all that was told before. Gives the pieces that are
   * new when they are few and none is taken back, `changed` for any other difference, and undefined when it does
   * not fit the torrent.
   */
  bitfield(bytes: Uint8Array): readonly number[] | 'changed' | undefined {
    const before = this.set
    if (before === undefined) {
      this.all = false
      this.bits = new Uint8Array(bytes)
      this.bitfieldLength = bytes.length
      return 'changed'
    }
    const parsed = Bitfield.parse(new Uint8Array(bytes), before.length)
    if (parsed === undefined) return undefined
    this.set = parsed
    return difference(before.bytes, parsed.bytes)
  }

  /** The remote has everything; false when that is known. */
  haveAll(): boolean {
    if (this.isSeed) return false
    if (this.set === undefined) this.all = true
    else this.set = Bitfield.full(this.set.length)
    return true
  }

  /** The remote has nothing; false when that is known. */
  haveNone(): boolean {
    const { set } = this
    if (set === undefined) {
      const known = !this.all && this.bits.length === 0
      this.all = false
      this.bits = NOTHING
      this.bitfieldLength = -1
      return !known
    }
    if (set.isEmpty) return false
    this.set = new Bitfield(set.length)
    return true
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

/** The members of `after` that `before` lacks, in wire form both; `changed` when they are many or `after` lacks others. */
function difference(before: Uint8Array, after: Uint8Array): readonly number[] | 'changed' {
  const added: number[] = []
  for (let at = 0; at < after.length; at++) {
    const old = before[at] as number
    const now = after[at] as number
    if (old === now) continue
    if ((old & ~now) !== 0 || added.length > FEW) return 'changed'
    for (let bit = 0; bit < 8; bit++) if ((now & ~old & (0x80 >>> bit)) !== 0) added.push(8 * at + bit)
  }
  return added
}
