/**
 * What the parts of a peer core share: the bytes in both directions, the events, the end.
 * @module
 */

import type { Layout } from '../metainfo/layout.js'
import { Decoder } from './decoder.js'
import { Outbox } from './outbox.js'
import type { CloseReason, PeerEvent, WireCloseCode } from './peer-event.js'
import type { PeerOptions } from './peer-options.js'

const NOTHING: Uint8Array = new Uint8Array(0)

export class PeerContext {
  readonly options: PeerOptions
  /** Every request gets an answer, and nothing else is an answer: fast or v2. */
  readonly answers: boolean
  layout: Layout | undefined
  readonly decoder: Decoder = new Decoder()
  readonly outbox: Outbox = new Outbox()
  closed: CloseReason | undefined
  private events: PeerEvent[] = []
  private polled = 0

  constructor(options: PeerOptions) {
    this.options = options
    this.answers = options.fast || options.v2 === true
    if (options.layout !== undefined) this.learn(options.layout)
  }

  learn(layout: Layout): void {
    this.layout = layout
    this.decoder.expectBitfield((layout.pieceCount + 7) >>> 3)
  }

  push(event: PeerEvent): void {
    this.events.push(event)
  }

  poll(): PeerEvent | undefined {
    if (this.polled === this.events.length) return undefined
    const event = this.events[this.polled++]
    if (this.polled === this.events.length) {
      this.events = []
      this.polled = 0
    }
    return event
  }

  /** Ends the connection for what the remote did. */
  fail(code: WireCloseCode, message: string): void {
    this.close(code, message)
  }

  close(code: string, message: string): void {
    if (this.closed !== undefined) return
    this.closed = { code, message }
    this.decoder.discard()
    this.decoder.feed(NOTHING)
    this.outbox.clear()
    this.push({ type: 'close', code, message })
  }
}
