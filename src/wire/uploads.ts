/**
 * What the remote asks of us: which requests we take, and the answers that they get.
 * @module
 */

import type { Range } from '../metainfo/layout.js'
import { ALLOWED_FAST, MAX_BLOCK, PIECE, REJECT } from './message.js'
import type { PeerContext } from './peer-context.js'
import { UploadQueue } from './upload-queue.js'

/**
 * Requests held of a remote that cannot be told of a refusal, 120 KB: rtorrent keeps a fifth of its rate in KiB/s
 * open, whatever `reqq` says, and waits for a minute for each that is dropped.
 */
const DEEP = 10_000
/** A choked peer may fetch each allowed-fast piece this often: what libtorrent gives. */
const FAST_COPIES = 3

export class Uploads {
  readonly queue: UploadQueue = new UploadQueue()
  /** Bytes of data answered with. */
  sent = 0

  private readonly context: PeerContext
  /** Pieces we offered -> bytes that it may still fetch of each while choked. */
  private readonly offered: Map<number, number> = new Map()
  /** Requests refused since we last unchoked or answered. */
  private refused = 0
  private reported = false
  /** Requests that we hold, where the remote can be told of a refusal. */
  private most: number

  constructor(context: PeerContext) {
    this.context = context
    this.most = context.options.maxRequests
  }

  /** Holds so many from now on, unless it was more before: the remote may still go by that. */
  allow(requests: number): void {
    this.most = Math.max(this.most, requests)
  }

  /** New input: the next request is worth an event again. */
  expect(): void {
    this.reported = false
  }

  requested(choking: boolean): void {
    const { decoder, layout, answers } = this.context
    const { piece, begin, length } = decoder
    if (length > MAX_BLOCK) {
      this.context.fail('wire/request-too-long', `${length} bytes`)
      return
    }
    if (length === 0 || (layout !== undefined && !layout.isRange(piece, begin, length))) {
      this.context.fail('wire/bad-request', `piece ${piece}, begin ${begin}, ${length} bytes`)
      return
    }
    const depth = answers ? this.most : Math.max(DEEP, this.most)
    const full = this.queue.size >= depth
    const left = choking ? (this.offered.get(piece) ?? 0) : length
    if (left >= length && !full && layout !== undefined) {
      if (choking) this.offered.set(piece, left - length)
      this.queue.push(piece, begin, length)
      if (!this.reported) this.context.push({ type: 'requests' })
      this.reported = true
      return
    }
    // Twice what it may have under way when we choke it, and some for peers that ask before they look.
    if ((full && !answers) || ++this.refused > 2 * depth + 256) {
      this.context.fail('wire/request-flood', full ? `more than ${depth} requests` : 'while choked')
      return
    }
    this.refuse({ piece, begin, length })
  }

  cancelled(): void {
    const { decoder, layout } = this.context
    const { piece, begin, length } = decoder
    if (layout !== undefined && !layout.isRange(piece, begin, length)) {
      this.context.fail('wire/bad-cancel', `piece ${piece}, begin ${begin}, ${length} bytes`)
    } else if (this.queue.remove(piece, begin, length)) this.refuse({ piece, begin, length })
  }

  /** We choked or unchoked the remote. */
  choking(choking: boolean): void {
    this.refused = 0
    if (!choking) return
    const dropped = this.queue.filter((range) => this.context.answers && this.offered.has(range.piece))
    for (const range of dropped) this.refuse(range)
  }

  answer(data: readonly Uint8Array[]): void {
    const range = this.queue.head
    if (range === undefined) return
    let length = 0
    for (const part of data) length += part.length
    if (length !== range.length) throw new RangeError(`data must be ${range.length} bytes, got ${length}`)
    this.queue.shift()
    this.refused = 0
    this.sent += length
    this.context.outbox.block(PIECE, range.piece, range.begin, length, data)
  }

  reject(): void {
    const range = this.queue.head
    if (range === undefined) return
    this.queue.shift()
    this.refuse(range)
  }

  offer(pieces: readonly number[]): void {
    const { layout, outbox } = this.context
    if (layout === undefined) return
    for (const piece of pieces) {
      if (this.offered.has(piece)) continue
      this.offered.set(piece, FAST_COPIES * layout.pieceSize(piece))
      outbox.indexed(ALLOWED_FAST, piece)
    }
  }

  private refuse(range: Range): void {
    if (this.context.answers) this.context.outbox.ranged(REJECT, range.piece, range.begin, range.length)
  }
}
