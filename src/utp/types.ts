/**
 * What an application of the uTP endpoint sees: options, events, connections.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Random } from '../util/random.js'

/** Why a connection ended other than by a FIN of both sides. */
export type UtpCloseCode =
  /** The remote answered our SYN with a RESET. */
  | 'utp/refused'
  /** The remote sent a RESET. */
  | 'utp/reset'
  /** Our SYN and its resends were not answered. */
  | 'utp/connect-timeout'
  /** The remote stopped acknowledging, or stopped answering probes of its closed window. */
  | 'utp/timeout'
  /** The endpoint holds `maxConnections` already, or has no free id for this remote. */
  | 'utp/too-many-connections'
  /** This side called {@link UtpConnection.destroy} or closed the endpoint. */
  | 'utp/destroyed'

/** What {@link UtpEndpoint.poll} returns. */
export type UtpEvent =
  /** A remote connected and has proved that its address is not spoofed: it answered our answer. */
  | { readonly type: 'incoming'; readonly connection: UtpConnection }
  /** Our SYN was answered. */
  | { readonly type: 'connected'; readonly connection: UtpConnection }
  /** {@link UtpConnection.read} has bytes. Comes again only after `read` has returned undefined. */
  | { readonly type: 'readable'; readonly connection: UtpConnection }
  /** A `write` that took less than it was offered may be repeated. */
  | { readonly type: 'writable'; readonly connection: UtpConnection }
  /** The remote sent its FIN and all bytes before it were read. Our direction is still open. */
  | { readonly type: 'end'; readonly connection: UtpConnection }
  /** Nothing follows. `code` is undefined when both sides sent their FIN and acknowledged it. */
  | {
      readonly type: 'closed'
      readonly connection: UtpConnection
      readonly code: UtpCloseCode | undefined
    }

/** A datagram to be sent. The object is reused; `bytes` are lent until the next call of any method of the endpoint. */
export interface UtpDatagram {
  readonly bytes: Uint8Array
  readonly to: Address
}

/** Counters and estimates of one connection. */
export interface UtpStats {
  /** Datagrams, and bytes of payload in those that were sent or arrived first. */
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Packets of payload that were sent again, and how many of these because of a time-out. */
  readonly resent: number
  readonly timeouts: number
  /** Times that the window was cut because of loss. */
  readonly lossCuts: number
  /** Probes of the path MTU sent and lost. */
  readonly probesSent: number
  readonly probesLost: number
  /** Packets that arrived twice, and packets that were dropped: out of range, or no room. */
  readonly duplicates: number
  readonly dropped: number
  /** Smoothed round trip and its variation, ms; 0 before the first sample. */
  readonly rtt: number
  readonly rttVariation: number
  /** Congestion window, bytes in flight, and the last window the remote advertised: bytes of payload. */
  readonly window: number
  readonly inFlight: number
  readonly remoteWindow: number
  /** Queueing delay of what we send, ms, as LEDBAT sees it. */
  readonly delay: number
  /** Bytes of a full datagram that are known to pass. */
  readonly mtu: number
}

/** One connection: a byte stream in both directions. Methods take `now` in monotonic ms. */
export interface UtpConnection {
  readonly remote: Address
  /** True when the remote connected to us. */
  readonly incoming: boolean
  /** A snapshot. */
  readonly stats: UtpStats
  /** Bytes written that the remote has not acknowledged yet. */
  readonly queued: number
  /**
   * Copies `bytes[from .. to)` into packets and returns how many it took: all, or less when the send
   * buffer is full; `'writable'` follows then. 0 after `end`, `destroy` or `'closed'`.
   */
  write(bytes: Uint8Array, from: number, to: number, now: number): number
  /**
   * The next bytes in order, or undefined when there are none for now. They are lent until the next
   * call of `read` and may be changed in place. A reader that stops closes the window of the remote.
   */
  read(now: number): Uint8Array | undefined
  /** Sends a FIN after what is queued. The other direction stays open. */
  end(now: number): void
  /** Sends a RESET and forgets the connection at once; `'closed'` follows. */
  destroy(now: number): void
}

/** Options of an endpoint. */
export interface UtpOptions {
  readonly random: Random
  /** Monotonic ms. */
  readonly now: number
  /** Connections of all kinds, at most; default 3,000 (libutp's cap). Further SYNs are ignored. */
  readonly maxConnections?: number
  /**
   * Largest window advertised by a connection, bytes; default 4 MiB. It starts at 1 MiB (a smaller one makes
   * fast senders stop and start) and doubles when a sender fills half of it in two round trips.
   */
  readonly receiveBuffer?: number
  /** Bytes that all connections together may hold unread or out of order; default 64 MiB. */
  readonly receiveBudget?: number
  /** Bytes a connection may hold unacknowledged and unsent, at most; default 4 MiB. It follows the window. */
  readonly sendBuffer?: number
  /** Largest datagram tried; default 1,472 for IPv4 and 1,452 for IPv6 (Ethernet without fragments). */
  readonly maxDatagram?: number
  /** Whether a SYN from this address may open a connection; default always. Must not call the endpoint. */
  readonly accept?: (from: Address) => boolean
}
