/**
 * What a peer core is made with.
 * @module
 */

import type { Layout } from '../metainfo/layout.js'

export interface PeerTimings {
  /** ms without sending after which a keep-alive goes out. Default 110 s: BEP 3 says about two minutes. */
  readonly keepAlive?: number
  /** ms of silence after which the connection closes. Default 150 s: somewhat more than two minutes. */
  readonly idle?: number
}

export interface PeerOptions {
  /** Undefined until the metadata is known: what the remote says is kept, bounded, and checked by `setLayout`. */
  readonly layout: Layout | undefined
  /** What both handshakes announce. */
  readonly fast: boolean
  readonly extended: boolean
  readonly dht: boolean
  /** The connection speaks v2 (BEP 52): hash messages are legal, every request gets an answer. Default false. */
  readonly v2?: boolean
  /**
   * Names the memory, exactly `length` bytes, for a block of ours that begins to arrive. Undefined skips the
   * payload. The memory is written to until the `block` event, `cancel` or the close.
   */
  place(piece: number, begin: number, length: number): Uint8Array | undefined
  /** Requests of the remote that we hold: the `reqq` that we announce. */
  readonly maxRequests: number
  readonly now: number
  readonly timings?: PeerTimings
}
