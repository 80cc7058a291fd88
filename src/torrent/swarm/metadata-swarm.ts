/**
 * The time between a magnet link and its metadata: peers are met, asked for the info dictionary (BEP 9),
 * and kept for the swarm that follows.
 * @module
 */

import type { Greeting } from '../../net/peer/handshake.js'
import type { LinkOwner, LinkServices } from '../../net/peer/link.js'
import type { Task } from '../../net/scheduler.js'
import type { ByteStream } from '../../net/world.js'
import { ipToBytes } from '../../util/address.js'
import { equalBytes } from '../../util/bytes.js'
import { encodeExtensionHandshake } from '../../wire/extension.js'
import { supports } from '../../wire/handshake.js'
import { MetadataFetch } from '../../wire/metadata/index.js'
import { Peer, type PeerEvent } from '../../wire/peer.js'
import type { DhtSchedule } from '../discovery/dht-schedule.js'
import { EXTENSION_IDS, type ExtensionName } from '../extensions/extension.js'
import type { ExchangeLink } from '../extensions/ut-pex.js'
import type { KnownPeer, PeerList } from '../peers/peer-list.js'
import { Acquaintance, type Placing } from '../peers/pending-connection.js'

export interface GatheringOptions {
  readonly services: LinkServices
  readonly peers: PeerList
  readonly clientName: string
  readonly listenPort: () => number
  readonly requestQueue: number
  /** The infohash of connections that speak v2, 20 bytes. */
  readonly infoHashV2: Uint8Array | undefined
  /** True when these bytes are the info dictionary that the infohashes name. */
  readonly verify: (bytes: Uint8Array) => boolean
  readonly connected: (peer: KnownPeer) => void
  readonly closed: (peer: KnownPeer, code: string, message: string) => void
  readonly banned: (peer: KnownPeer, code: string) => void
  /** What peers may tell beside metadata. Not asked any more once the torrent turns out private. */
  readonly extensions: () => readonly GatheringExtension[]
  /** Nodes of peers are handed to it; undefined when we take no part in the DHT. */
  readonly dht: DhtSchedule | undefined
  /** The verified info dictionary, once. */
  readonly fetched: (bytes: Uint8Array) => void
}

/** An extension that needs no metadata. */
export interface GatheringExtension {
  readonly name: ExtensionName
  received(link: ExchangeLink, payload: Uint8Array, now: number): void
  closed?(link: ExchangeLink, now: number, code: string): void
}

const NAME = 'ut_metadata'

export class Gathering implements LinkOwner<Acquaintance>, Task {
  readonly links: Set<Acquaintance> = new Set()
  readonly #options: GatheringOptions
  readonly #fetch: MetadataFetch<Acquaintance>
  #fetched = false

  constructor(options: GatheringOptions) {
    this.#options = options
    this.#fetch = new MetadataFetch({ verify: options.verify, random: options.services.world.random })
  }

  /** Adopts a stream whose handshake is done. `rest` are bytes that followed it. */
  attach(
    stream: ByteStream,
    handshake: Greeting,
    rest: Uint8Array,
    known: KnownPeer,
    initiator: boolean,
    _ourPeerId: Uint8Array,
  ): void {
    const { services, peers, requestQueue, infoHashV2, dht } = this.#options
    const now = services.world.now()
    const remote = supports(handshake.reserved)
    const placing: Placing = { place: undefined }
    const peer = new Peer({
      layout: undefined,
      fast: remote.fast,
      extended: remote.extended,
      dht: remote.dht && dht !== undefined,
      v2: infoHashV2 !== undefined && equalBytes(handshake.infoHash, infoHashV2),
      maxRequests: requestQueue,
      place: (piece, begin, length) => placing.place?.(piece, begin, length),
      now,
    })
    const link = new Acquaintance(services, { stream, peer, known, handshake, initiator, placing, now }, this)
    this.links.add(link)
    peers.connected(known)
    peer.start(undefined, remote.extended ? this.#hello(stream) : undefined, now)
    this.#options.connected(known)
    if (dht) peer.port(dht.udpPort)
    link.open(rest)
  }

  /** Peers go on under another owner; this one is done. */
  release(): Acquaintance[] {
    const links = [...this.links]
    for (const link of links) link.release()
    this.links.clear()
    this.#options.services.scheduler.cancel(this)
    return links
  }

  /** Closes every connection. */
  close(code: string, message: string): void {
    for (const link of [...this.links]) link.end(code, message)
    this.#options.services.scheduler.cancel(this)
  }

  event(link: Acquaintance, event: PeerEvent, now: number): void {
    if (event.type === 'extension-handshake') {
      const { extensions, metadataSize } = event.handshake
      if (extensions.has(NAME) && metadataSize !== undefined) this.#fetch.addPeer(link, metadataSize, now)
    } else if (event.type === 'extended' && event.id === EXTENSION_IDS[NAME]) {
      this.#received(link, event.payload, now)
    } else if (event.type === 'extended') {
      const extension = this.#options.extensions().find(({ name }) => EXTENSION_IDS[name] === event.id)
      extension?.received(link, event.payload, now)
    } else if (event.type === 'port') {
      // Once: whoever names many ports would have us ping them all.
      if (!link.namedNode) this.#options.dht?.addNode(link.stream.remote.host, event.port)
      link.namedNode = true
    }
  }

  delivered(_link: Acquaintance, now: number): void {
    this.#pump(now)
  }

  drained(): void {}

  sent(): void {}

  discarded(): void {}

  closed(link: Acquaintance, code: string, message: string, now: number): void {
    this.links.delete(link)
    this.#fetch.removePeer(link, now)
    for (const extension of this.#options.extensions()) extension.closed?.(link, now, code)
    this.#options.peers.disconnected(link.known, false, now)
    this.#options.closed(link.known, code, message)
    this.#pump(now)
  }

  run(now: number): void {
    this.#fetch.timeout(now)
    this.#pump(now)
  }

  #received(link: Acquaintance, payload: Uint8Array, now: number): void {
    const refusals = link.refusals
    const code = refusals.receive(payload, now) ?? this.#fetch.receive(link, payload, now)
    for (let no = refusals.transmit(); no !== undefined; no = refusals.transmit()) this.#send(link, no)
    if (code !== undefined) this.#offends(link, code, now)
  }

  #offends(link: Acquaintance, code: string, now: number): void {
    this.#options.peers.ban(link.known, code, now)
    this.#options.banned(link.known, code)
    link.end(code, 'sent metadata that is none')
  }

  #pump(now: number): void {
    if (this.#fetched) return
    const fetch = this.#fetch
    for (let message = fetch.transmit(now); message !== undefined; message = fetch.transmit(now)) {
      this.#send(message.peer, message.payload)
    }
    this.#options.services.scheduler.schedule(this, fetch.nextTimeout())
    if (fetch.result === undefined) return
    this.#fetched = true
    this.#options.services.scheduler.cancel(this)
    const { result } = fetch
    this.#options.services.world.defer(() => this.#options.fetched(result))
  }

  #send(link: Acquaintance, payload: Uint8Array): void {
    const id = link.peer.extension?.extensions.get(NAME)
    if (id === undefined) return
    link.peer.extended(id, payload)
    link.touch()
  }

  #hello(stream: ByteStream): Uint8Array {
    const { clientName, requestQueue, listenPort } = this.#options
    const yourIp = ipToBytes(stream.remote.host)
    const port = listenPort()
    const names = [NAME, ...this.#options.extensions().map(({ name }) => name)] as const
    return encodeExtensionHandshake({
      extensions: Object.fromEntries(names.map((name) => [name, EXTENSION_IDS[name]])),
      client: clientName,
      reqq: requestQueue,
      ...(yourIp ? { yourIp } : {}),
      ...(port > 0 ? { port } : {}),
    })
  }
}
