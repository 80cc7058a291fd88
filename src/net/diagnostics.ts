/**
 * What happens, for tools that watch a process from within: channels of `node:diagnostics_channel`, documented
 * in docs/diagnostics.md. Free while nobody listens: a publisher asks `hasSubscribers` before it makes a
 * message. `DEBUG=rarest:*` prints what they tell. No message holds the URL of a tracker, only its origin:
 * the rest may be a passkey.
 * @module
 */

import { type Channel, channel } from 'node:diagnostics_channel'
import createDebug from 'debug'

/** On `rarest:peer`: a connection that passed its handshake, and its end. */
export type PeerMessage =
  | { readonly type: 'connected'; readonly infoHash: string; readonly address: string }
  | { readonly type: 'closed'; readonly infoHash: string; readonly address: string; readonly code: string }

/** On `rarest:piece`: a piece that was complete, and what its hash said. */
export interface PieceMessage {
  readonly type: 'verified' | 'failed'
  readonly infoHash: string
  readonly piece: number
}

/** On `rarest:tracker`: what came of an announce. */
export type TrackerMessage =
  | { readonly type: 'answer'; readonly infoHash: string; readonly tracker: string; readonly peers: number }
  | { readonly type: 'failure'; readonly infoHash: string; readonly tracker: string; readonly code: string }

/** On `rarest:dht`: a look-up that ended by itself, with what it took. Durations in ms. */
export interface DhtMessage {
  readonly type: 'lookup'
  readonly queries: number
  readonly responded: number
  readonly timedOut: number
  readonly duration: number
}

/** A channel for messages of one type. */
export interface DiagnosticChannel<Message> {
  /** True while somebody listens; make no message otherwise. */
  readonly hasSubscribers: boolean
  publish(message: Message): void
}

export const peerChannel: DiagnosticChannel<PeerMessage> = open('peer')
export const pieceChannel: DiagnosticChannel<PieceMessage> = open('piece')
export const trackerChannel: DiagnosticChannel<TrackerMessage> = open('tracker')
export const dhtChannel: DiagnosticChannel<DhtMessage> = open('dht')

/** Scheme, host and port of a tracker's URL, without what may be secret. */
export function trackerOrigin(url: string): string {
  const [, scheme, rest] = /^([a-z]+:\/\/)([^/?#]*)/i.exec(url) ?? []
  return scheme === undefined || rest === undefined ? '' : scheme + rest.slice(rest.lastIndexOf('@') + 1)
}

function open(name: string): Channel {
  const opened = channel(`rarest:${name}`)
  const log = createDebug(`rarest:${name}`)
  // Asked for by the environment, before anything is loaded; a subscriber that prints nothing would cost.
  if (log.enabled) opened.subscribe((message) => log('%o', message))
  return opened
}
