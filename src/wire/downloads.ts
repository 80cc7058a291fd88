/**
 * What we ask of the remote: which blocks it owes us, where an arriving block goes, what it lets us ask
 * for while choked.
 * @module
 */

import { BLOCK_LENGTH } from '../metainfo/layout.js'
import { CANCEL, MAX_PIECES, REQUEST } from './message.js'
import type { PeerContext } from './peer-context.js'
import { Requests } from './requests.js'

/** Most blocks never requested that are skipped on a connection without fast, where they can be honest mistakes. */
const MAX_UNREQUESTED = 64
/** Allowed-fast pieces of the remote that we remember; the BEP gives 10. */
const MAX_ALLOWED_FAST = 256

interface Arriving {
  readonly type: 'block'
  readonly piece: number
  readonly begin: number
  readonly length: number
  readonly data: Uint8Array | undefined
  rtt: number
}

export class Downloads {
  readonly requests: Requests = new Requests()
  /** Pieces that the remote lets us ask for while it chokes us. */
  readonly allowedFast: Set<number> = new Set()
  /** The block whose payload is arriving. */
  arriving: Arriving | undefined
  /** Bytes that had arrived of blocks cancelled half way. */
  discarded = 0

  private readonly context: PeerContext
  private unrequested = 0

  constructor(context: PeerContext) {
    this.context = context
  }

  request(piece: number, begin: number, length: number, now: number): void {
    const key = this.key(piece, begin)
    if (this.requests.time(key) !== undefined) return
    this.requests.add(key, now)
    this.context.outbox.ranged(REQUEST, piece, begin, length)
  }

  cancel(piece: number, begin: number): void {
    const { layout, decoder, outbox, answers } = this.context
    if (layout === undefined) return
    const key = this.key(piece, begin)
    const arriving = this.arriving
    if (arriving !== undefined && arriving.piece === piece && arriving.begin === begin) {
      this.requests.delete(key)
      if (arriving.data !== undefined) this.discarded += decoder.arrived
      decoder.discard()
      this.arriving = undefined
    } else if (this.requests.cancel(key, answers)) {
      const length = Math.min(BLOCK_LENGTH, layout.pieceSize(piece) - begin)
      outbox.ranged(CANCEL, piece, begin, length)
    }
  }

  /**
   * The remote lost a piece. With fast our requests for it wait for their rejects; without, they will not be
   * answered and are forgotten: returns their offsets.
   */
  lost(piece: number): number[] {
    const { layout, answers } = this.context
    const begins: number[] = []
    if (layout === undefined || answers || this.requests.size === 0) return begins
    const length = layout.pieceSize(piece)
    for (let begin = 0; begin < length; begin += BLOCK_LENGTH) {
      if (this.arriving?.piece === piece && this.arriving.begin === begin) continue
      if (this.requests.cancel(this.key(piece, begin), false)) begins.push(begin)
    }
    return begins
  }

  /** The header of a block is here: decides where its payload goes. */
  admit(): void {
    const { decoder, layout, options, answers } = this.context
    const { piece, begin, length } = decoder
    if (layout !== undefined && !layout.isBlock(piece, begin, length)) {
      this.context.fail('wire/bad-piece', `piece ${piece}, begin ${begin}, ${length} bytes`)
      return
    }
    const key = this.key(piece, begin)
    if (this.requests.time(key) !== undefined) {
      const data = options.place(piece, begin, length)
      if (data !== undefined && data.length !== length) {
        throw new RangeError(`place must give ${length} bytes, got ${data.length}`)
      }
      this.arriving = { type: 'block', piece, begin, length, data, rtt: 0 }
      decoder.into(data)
    } else if (!this.requests.excuse(key) && (answers || ++this.unrequested > MAX_UNREQUESTED)) {
      this.context.fail('wire/unrequested-piece', `piece ${piece}, begin ${begin} was not requested`)
    }
  }

  /** The payload is complete. */
  complete(now: number): void {
    const arriving = this.arriving
    if (arriving === undefined) return
    this.arriving = undefined
    const key = this.key(arriving.piece, arriving.begin)
    arriving.rtt = now - (this.requests.time(key) ?? now)
    this.requests.delete(key)
    this.context.push(arriving)
  }

  /** A reject came; `choked` tells whether the request can only have been for an allowed-fast piece. */
  rejected(choked: boolean): void {
    const { context, requests } = this
    const { piece, begin, length } = context.decoder
    if (!context.answers) {
      context.fail('wire/fast-not-negotiated', 'a reject')
      return
    }
    const key = this.key(piece, begin)
    const block = context.layout?.isBlock(piece, begin, length) === true
    if (block && requests.takeOwed(key)) return
    if (block && requests.time(key) !== undefined) {
      requests.delete(key)
      // Asking again at once would go round in circles.
      if (choked) this.allowedFast.delete(piece)
      context.push({ type: 'rejected', piece, begin })
    } else if (!block || !requests.excuse(key)) {
      context.fail('wire/unrequested-reject', `piece ${piece}, begin ${begin}, ${length} bytes`)
    }
  }

  choked(): void {
    if (!this.context.answers) this.requests.drop()
  }

  allow(): void {
    const { piece } = this.context.decoder
    if (piece >= (this.context.layout?.pieceCount ?? MAX_PIECES)) {
      this.context.fail('wire/bad-allowed-fast', `there is no piece ${piece}`)
      return
    }
    if (this.allowedFast.has(piece) || this.allowedFast.size >= MAX_ALLOWED_FAST) return
    this.allowedFast.add(piece)
    if (this.context.layout !== undefined) this.context.push({ type: 'allowed-fast', piece })
  }

  /** The layout became known: what was allowed before is checked and reported. */
  learn(pieceCount: number): void {
    for (const piece of this.allowedFast) {
      if (piece >= pieceCount) {
        this.context.fail('wire/bad-allowed-fast', `there is no piece ${piece}`)
        return
      }
      this.context.push({ type: 'allowed-fast', piece })
    }
  }

  clear(): void {
    this.arriving = undefined
    this.requests.clear()
  }

  private key(piece: number, begin: number): number {
    // Without a layout nothing was requested: any key will do.
    return piece * (this.context.layout?.blocksPerPiece ?? 1) + (begin >>> 14)
  }
}
