/**
 * A peer without manners: a virtual host that speaks the wire protocol as a test scripts it, byte by
 * byte when need be, against real sessions.
 */

import type { ByteStream } from '../../src/net/world.js'
import type { HostOptions, VirtualHost, VirtualNetwork } from '../../src/testing/index.js'
import { concatBytes, readU32 } from '../../src/util/bytes.js'
import {
  decodeMessage,
  encodeHandshake,
  encodeMessage,
  HANDSHAKE_LENGTH,
  type Message,
  reservedBits,
} from '../../src/wire/index.js'
import type { Content } from './world.js'

export interface RawOptions {
  readonly host?: HostOptions
  /** Announce the fast extension. Default true. */
  readonly fast?: boolean
  /** Announce the extension protocol. Default false. */
  readonly extended?: boolean
  /** Announce a DHT node. Default false. */
  readonly dht?: boolean
  readonly peerId?: Uint8Array
  /** Default: that of the torrent. */
  readonly infoHash?: Uint8Array
  /** Send our handshake as soon as the connection is there. Default true. */
  readonly greet?: boolean
  /** The remote's handshake has come. */
  readonly open?: (link: RawLink) => void
  readonly message?: (link: RawLink, message: Message) => void
}

/** One connection of a {@link RawPeer}. */
export class RawLink {
  readonly stream: ByteStream
  /** All messages that came, in order. */
  readonly received: Message[] = []
  /** True once the handshake of the other side has come. */
  greeted = false
  /** True once the other side is gone. */
  closed = false
  readonly #peer: RawPeer
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(peer: RawPeer, stream: ByteStream) {
    this.#peer = peer
    this.stream = stream
    stream.listen({
      data: (chunk) => this.#data(chunk),
      drain: () => {},
      close: () => {
        this.closed = true
      },
    })
    if (peer.options.greet !== false) this.send(peer.handshake)
  }

  /** Sends messages, and bytes as they are. */
  send(...items: readonly (Message | Uint8Array)[]): void {
    const bytes = items.map((item) => (item instanceof Uint8Array ? item : encodeMessage(item)))
    this.stream.write([concatBytes(...bytes)])
  }

  /** Sends bytes one at a time, `ms` apart, until they are all sent or the connection is gone. */
  drip(bytes: Uint8Array, ms: number): void {
    const next = (at: number) => {
      if (this.closed || at === bytes.length) return
      this.stream.write([bytes.slice(at, at + 1)])
      this.#peer.host.world.setTimer(ms, () => next(at + 1))
    }
    next(0)
  }

  #data(chunk: Uint8Array): void {
    this.#bytes = concatBytes(this.#bytes, chunk)
    if (!this.greeted) {
      if (this.#bytes.length < HANDSHAKE_LENGTH) return
      this.#bytes = this.#bytes.subarray(HANDSHAKE_LENGTH)
      this.greeted = true
      this.#peer.options.open?.(this)
    }
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + readU32(this.#bytes, 0)) {
      const end = 4 + readU32(this.#bytes, 0)
      const message = decodeMessage(this.#bytes.slice(0, end))
      this.#bytes = this.#bytes.subarray(end)
      if (!message.ok) throw message.error
      this.received.push(message.value)
      this.#peer.options.message?.(this, message.value)
    }
  }
}

export class RawPeer {
  readonly host: VirtualHost
  readonly options: RawOptions
  readonly links: RawLink[] = []
  readonly handshake: Uint8Array
  readonly infoHash: Uint8Array

  constructor(network: VirtualNetwork, torrent: Content, options: RawOptions = {}) {
    this.host = network.host(options.host)
    this.options = options
    this.infoHash = options.infoHash ?? (torrent.metainfo.infoHash as Uint8Array)
    this.handshake = encodeHandshake({
      infoHash: this.infoHash,
      peerId: options.peerId ?? this.host.world.random.bytes(20),
      reserved: reservedBits({
        fast: options.fast !== false,
        extended: options.extended === true,
        dht: options.dht === true,
      }),
    })
  }

  /** Address for `peers`, after {@link RawPeer.listen}. */
  get address(): string {
    return `${this.host.ip}:6881`
  }

  async listen(): Promise<this> {
    await this.host.world.listen({ port: 6881 }, (stream) => this.links.push(new RawLink(this, stream)))
    return this
  }

  async dial(host: VirtualHost, port = 6881): Promise<RawLink> {
    const stream = await this.host.world.connect({ host: host.ip, port }, { timeout: 10_000 })
    const link = new RawLink(this, stream)
    this.links.push(link)
    return link
  }
}

/** The block that a request asks for, as `piece` message; `mend` may change its bytes. */
export function blockOf(
  torrent: Content,
  request: Extract<Message, { type: 'request' | 'cancel' | 'reject' }>,
  mend: (data: Uint8Array) => void = () => {},
): Message {
  const { piece, begin, length } = request
  const from = piece * torrent.metainfo.pieceLength + begin
  const data = torrent.data.slice(from, from + length)
  mend(data)
  return { type: 'piece', piece, begin, data }
}

/** A script that plays a seed and answers every request at once; `mend` may corrupt what it sends. */
export function seeding(torrent: Content, mend?: (data: Uint8Array, piece: number) => void): RawOptions {
  return {
    open: (link) => link.send({ type: 'have-all' }, { type: 'unchoke' }),
    message: (link, message) => {
      if (message.type === 'request')
        link.send(blockOf(torrent, message, (data) => mend?.(data, message.piece)))
    },
  }
}

/** A message with this length prefix, id and payload, whether or not they agree. */
export function frame(length: number, id: number, ...payload: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length)
  new DataView(bytes.buffer).setUint32(0, length)
  bytes[4] = id
  bytes.set(payload, 5)
  return bytes
}
