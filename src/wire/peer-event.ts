/**
 * What a peer core reports, and why it closes.
 * @module
 */

import type { ExtensionHandshake } from './extension.js'
import type { HashRequest } from './message.js'

/** Codes of the closes that the peer core decides itself. */
export type WireCloseCode =
  /** A length prefix above the cap of its message id. */
  | 'wire/message-too-long'
  /** A length that does not fit the message id. */
  | 'wire/bad-length'
  /** A bitfield of the wrong size or with spare bits set. */
  | 'wire/bad-bitfield'
  /** A bitfield, have all or have none that is not the first message, or a second one. */
  | 'wire/pieces-flood'
  /** A have beyond the piece count. */
  | 'wire/bad-have'
  /** A request that is empty or not inside one piece. */
  | 'wire/bad-request'
  /** A request for more than 128 KiB. */
  | 'wire/request-too-long'
  /** More requests than we hold, or than a choked peer may send. */
  | 'wire/request-flood'
  /** A cancel that is not inside one piece. */
  | 'wire/bad-cancel'
  /** A block that is none of the torrent. */
  | 'wire/bad-piece'
  /** A block that was never requested. */
  | 'wire/unrequested-piece'
  /** A reject of what was never requested. */
  | 'wire/unrequested-reject'
  /** Suggest or allowed fast beyond the piece count. */
  | 'wire/bad-suggest'
  | 'wire/bad-allowed-fast'
  /** A message of the fast extension (ids 13-17) without it. */
  | 'wire/fast-not-negotiated'
  /** A hash message (ids 21-23) on a v1 connection. */
  | 'wire/hash-not-negotiated'
  /** Silence for longer than `timings.idle`. */
  | 'wire/idle'
  /** The remote does not read what it makes us send. */
  | 'wire/send-queue-full'

export interface CloseReason {
  /** A {@link WireCloseCode}, or whatever the caller of `close` gave. */
  readonly code: string
  readonly message: string
}

/** A block that has arrived. */
export interface BlockEvent {
  readonly type: 'block'
  readonly piece: number
  /** Offset in the piece, bytes. */
  readonly begin: number
  /** Bytes. */
  readonly length: number
  /** The memory that `place` gave, now full; undefined when it gave none. */
  readonly data: Uint8Array | undefined
  /** ms from the request to the end of the block. */
  readonly rtt: number
}

export type PeerEvent =
  /** The remote's set of pieces is known anew: read `peer.pieces`. */
  | { readonly type: 'pieces' }
  /** A piece that is new in `peer.pieces`. */
  | { readonly type: 'have'; readonly piece: number }
  | { readonly type: 'choke' }
  | { readonly type: 'unchoke' }
  | { readonly type: 'interested' }
  | { readonly type: 'not-interested' }
  /** There are new requests to answer; at most one of these per `receive`. */
  | { readonly type: 'requests' }
  | BlockEvent
  /** A request of ours will not be answered. */
  | { readonly type: 'rejected'; readonly piece: number; readonly begin: number }
  | { readonly type: 'suggest'; readonly piece: number }
  | { readonly type: 'allowed-fast'; readonly piece: number }
  /** An extension handshake; a repeated one is merged with those before. */
  | { readonly type: 'extension-handshake'; readonly handshake: ExtensionHandshake }
  /** `id` is one of our own; the payload is a copy. */
  | { readonly type: 'extended'; readonly id: number; readonly payload: Uint8Array }
  /** UDP port of the remote's DHT node, 1 .. 65535. */
  | { readonly type: 'port'; readonly port: number }
  | { readonly type: 'hash-request'; readonly request: HashRequest }
  | { readonly type: 'hashes'; readonly request: HashRequest; readonly hashes: Uint8Array }
  | { readonly type: 'hash-reject'; readonly request: HashRequest }
  /** The last event. */
  | { readonly type: 'close'; readonly code: string; readonly message: string }
