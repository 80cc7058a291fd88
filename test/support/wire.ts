import { Layout } from '../../src/metainfo/layout.js'
import { concatBytes } from '../../src/util/bytes.js'
import { decodeMessage, encodeMessage, type Message } from '../../src/wire/message.js'
import { Peer, type PeerEvent, type PeerOptions } from '../../src/wire/peer.js'

export const BLOCK = 16_384

/** Ten pieces of two blocks; the last piece is 3,000 bytes. */
export const layout: Layout = new Layout([{ length: 9 * 2 * BLOCK + 3000, pad: false }], 2 * BLOCK)

/** A peer core with `place` from fresh memory, limits small enough to be reached, and time 0. */
export function newPeer(options: Partial<PeerOptions> = {}): Peer {
  return new Peer({
    layout,
    fast: true,
    extended: true,
    dht: true,
    place: (_piece, _begin, length) => new Uint8Array(length),
    maxRequests: 4,
    now: 0,
    ...options,
  })
}

export function drain(peer: Peer): PeerEvent[] {
  const events: PeerEvent[] = []
  for (let event = peer.poll(); event !== undefined; event = peer.poll()) events.push(event)
  return events
}

/** What the peer wants to send, decoded. */
export function sent(peer: Peer, now = 0): Message[] {
  return messagesIn(concatBytes(...(peer.transmit(now) ?? [])))
}

export function messagesIn(bytes: Uint8Array): Message[] {
  const messages: Message[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0)
    const result = decodeMessage(bytes.subarray(at, end))
    if (!result.ok) throw result.error
    messages.push(result.value)
    at = end
  }
  return messages
}

/** Feeds bytes in chunks of `size`, each in memory that is spoilt afterwards, as sockets do. */
export function feed(peer: Peer, bytes: Uint8Array, size: number, now = 0): void {
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = Buffer.from(bytes.subarray(at, at + size))
    peer.receive(chunk, now)
    chunk.fill(0xee)
  }
}

export function bytesOf(...messages: readonly (Message | Uint8Array)[]): Uint8Array {
  return concatBytes(...messages.map((item) => (item instanceof Uint8Array ? item : encodeMessage(item))))
}
