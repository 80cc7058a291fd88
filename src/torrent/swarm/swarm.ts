/**
 * The live connections of one torrent, from the first peer of a magnet on: they come, say who they are, speak the
 * extensions, and end. What they exchange is prepared once it is known (`transfer.ts`); they stay meanwhile.
 * @module
 */

import type { SlotClaim } from '../../choker/upload-slots.js'
import type { Greeting } from '../../net/peer/handshake.js'
import type { LinkOwner, LinkServices } from '../../net/peer/link.js'
import type { ByteStream } from '../../net/world.js'
import type { Rate } from '../../util/rate.js'
import { supports } from '../../wire/handshake.js'
import { type BlockEvent, Peer, type PeerEvent } from '../../wire/peer.js'
import type { Content } from '../content.js'
import type { DhtSchedule } from '../discovery/dht-schedule.js'
import { Intake } from '../download/block-source.js'
import { EXTENSION_IDS, type Extension } from '../extensions/extension.js'
import { LocalHandshake } from '../extensions/handshake.js'
import { DontHave } from '../extensions/lt-donthave.js'
import { Holepunch } from '../extensions/ut-holepunch.js'
import { MetadataExtension, type MetadataParts } from '../extensions/ut-metadata.js'
import { PeerExchange, type TakeFound } from '../extensions/ut-pex.js'
import type { Bans } from '../peers/bans.js'
import { Connection } from '../peers/connection.js'
import type { KnownPeer, PeerList } from '../peers/peer-list.js'
import type { SwarmContext } from '../peers/swarm-context.js'
import type { TorrentSettings } from '../settings.js'
import type { SuperseedMode } from '../upload/superseed.js'
import { DuplicateConnections } from './duplicate-connections.js'
import { ReportedAddresses } from './reported-addresses.js'
import { Transfer } from './transfer.js'
import { endIdle, replaceable, type Standing, standings } from './turnover.js'

/** What a swarm tells its torrent. */
export interface SwarmListener {
  /** A connection came about. */
  connected(connection: Connection): void
  /** A peer was cut off for what it did. */
  banned(peer: KnownPeer, code: string): void
  closed(connection: Connection, code: string, message: string): void
}

export interface SwarmParts {
  readonly services: LinkServices
  readonly settings: TorrentSettings
  readonly listenPort: () => number
  readonly peerId: Uint8Array
  /** True for connections that speak v2, which handshakes with this infohash say (BEP 52). */
  readonly speaksV2: (infoHash: Uint8Array) => boolean
  /** As far as it is known. */
  readonly private: boolean
  readonly peers: PeerList
  readonly bans: Bans
  /** Payload of all connections, counted by the swarm. */
  readonly download: Rate
  readonly upload: Rate
  /** This torrent's share of the upload slots. */
  readonly slots: SlotClaim
  /** Superseed if everything is there from the start. */
  readonly superseed: SuperseedMode | false
  readonly metadata: MetadataParts
  /** Addresses that peers told of. */
  readonly found: TakeFound
  /** There is somebody to dial. */
  readonly wake: () => void
  /** Undefined when the torrent stays out of the DHT. */
  readonly dht: () => DhtSchedule | undefined
  readonly listener: SwarmListener
}

/** Chokes in a row without a block in between; a choker with many peers needs hours for as many. */
const FRUITLESS = 200

export class Swarm implements LinkOwner<Connection> {
  readonly connections: Set<Connection> = new Set()
  readonly holepunch: Holepunch
  readonly #parts: SwarmParts
  readonly #context: SwarmContext
  readonly #live = new Map<KnownPeer, Connection>()
  readonly #duplicates: DuplicateConnections
  readonly #reported: ReportedAddresses
  readonly #handshake: LocalHandshake
  readonly #metadata: MetadataExtension
  readonly #exchange: PeerExchange
  /** Those that we take part in. */
  #extensions: readonly Extension[] = []
  #private: boolean
  #content: Content | undefined
  #transfer: Transfer | undefined
  /** What earlier transfers wasted. */
  #wasted = 0

  constructor(parts: SwarmParts) {
    this.#parts = parts
    this.#private = parts.private
    this.#context = {
      ...parts,
      world: parts.services.world,
      scheduler: parts.services.scheduler,
      connections: this.connections,
      live: this.#live,
    }
    this.#duplicates = new DuplicateConnections(parts.peerId)
    this.#reported = new ReportedAddresses(this.#context)
    this.#metadata = new MetadataExtension(this.#context, parts.metadata)
    this.#exchange = new PeerExchange(this.#context, parts.found)
    this.holepunch = new Holepunch(this.#context, {
      introducers: (address) => this.#exchange.introducers(address),
      wake: parts.wake,
    })
    this.#handshake = new LocalHandshake(this.#context, {
      extensions: () => this.#extensions,
      uploadOnly: () => this.#transfer?.isUploadOnly === true,
    })
    this.#chooseExtensions()
  }

  /** Payload bytes that were of no use: duplicates, unrequested blocks, failed pieces. */
  get wasted(): number {
    return this.#wasted + (this.#transfer?.wasted ?? 0)
  }

  /** Lets connections be made, at first or after {@link Swarm.close}. */
  open(): void {
    this.#transfer?.reopen()
    this.#metadata.start()
  }

  /** Closes every connection. */
  close(code: string, message: string): void {
    this.#transfer?.close()
    this.disconnectAll(code, message)
    this.#metadata.stop()
  }

  /** Closes every connection; new ones may come. */
  disconnectAll(code: string, message: string): void {
    for (const connection of [...this.connections]) connection.end(code, message)
  }

  /** Adopts a stream whose handshake is done. `rest` are bytes that followed it. */
  attach(
    stream: ByteStream,
    handshake: Greeting,
    rest: Uint8Array,
    known: KnownPeer,
    initiator: boolean,
  ): void {
    const { services, settings, listener, peers } = this.#parts
    const now = services.world.now()
    if (!this.#duplicates.admits(handshake, initiator)) {
      stream.destroy()
      if (known.state !== 'connected') peers.failed(known, now)
      return
    }
    const remote = supports(handshake.reserved)
    const dht = this.#parts.dht()
    const intake = new Intake(now)
    const peer = new Peer({
      layout: this.#content?.metainfo.layout,
      fast: remote.fast,
      extended: remote.extended,
      dht: remote.dht && dht !== undefined,
      v2: this.#parts.speaksV2(handshake.infoHash),
      maxRequests: settings.limits.queuedRequestsPerPeer,
      place: (piece, begin, length) => this.#transfer?.place(intake.lease, piece, begin, length),
      now,
    })
    const parts = { stream, peer, known, handshake, initiator, intake, now }
    const connection = new Connection(services, parts, this)
    peers.connected(known)
    this.connections.add(connection)
    this.#live.set(known, connection)
    this.#duplicates.joined(connection)
    this.#reported.joined(connection)
    this.#transfer?.joined(connection, this.#parts.speaksV2(handshake.infoHash), now)
    peer.start(this.#transfer?.bitfield, remote.extended ? this.#handshake.to(stream) : undefined, now)
    listener.connected(connection)
    if (dht) peer.port(dht.udpPort)
    connection.open(rest)
  }

  /** What there is to exchange is known, and was checked: the connections go on with it. */
  prepare(content: Content): void {
    const { services, slots, superseed, listener, speaksV2 } = this.#parts
    const { metainfo, picker, store, trees } = content
    const { layout, infoHash, infoHashV2 } = metainfo
    const now = services.world.now()
    this.#wasted = this.wasted
    const transfer = new Transfer(
      { ...this.#context, layout, picker, store },
      {
        infoHash: infoHash ?? (infoHashV2 as Uint8Array).subarray(0, 20),
        trees,
        slots,
        superseed,
        banned: (known, code) => listener.banned(known, code),
        changed: () => this.#handshake.repeatIfChanged(),
      },
    )
    this.#content = content
    this.#transfer = transfer
    this.#metadata.serve(metainfo.infoBytes)
    this.#chooseExtensions()
    content.observe(transfer)
    for (const connection of this.connections) {
      transfer.joined(connection, speaksV2(connection.handshake.infoHash), now)
      const have = transfer.bitfield
      if (!have) continue
      for (let piece = have.next(0); piece >= 0; piece = have.next(piece + 1))
        connection.peer.have(piece, now)
    }
    this.#handshake.repeat()
    for (const connection of [...this.connections]) {
      connection.peer.setLayout(layout, now)
      connection.process(now)
    }
  }

  /** The metadata says that the torrent is private (BEP 27): nobody is told of others any more, and these peers go. */
  makePrivate(strangers: ReadonlySet<KnownPeer>): void {
    this.#private = true
    this.#exchange.clear()
    this.#chooseExtensions()
    for (const connection of [...this.connections]) {
      if (strangers.has(connection.known)) connection.end('torrent/private', 'the torrent is private')
    }
  }

  /** The settings changed. `slots`: those of uploads among them. */
  configured(slots: boolean, now: number): void {
    const { limits, discovery } = this.#parts.settings
    for (const { peer } of this.connections) peer.allowRequests(limits.queuedRequestsPerPeer)
    if (!discovery.pex) this.#exchange.clear()
    this.#chooseExtensions()
    this.#handshake.repeat()
    if (slots) this.#transfer?.configured(now)
  }

  /** How much each connection is worth keeping. */
  standings(now: number): Standing[] {
    return standings(this.connections, this.#parts.peers, now)
  }

  /** The connection that a newcomer of this canonical priority may take the place of. */
  replaceable(priority: number, now: number): Connection | undefined {
    return replaceable(this.connections, this.#parts.peers, priority, now)
  }

  /** Interest changed for reasons of our own (priorities, resumed pieces). */
  reconsider(): void {
    this.#transfer?.reconsiderAll()
  }

  /** Once a second while there are connections. */
  tick(now: number): void {
    this.#reported.tick(!this.#private, now)
    this.#transfer?.tick(now)
    for (const extension of this.#extensions) extension.tick?.(now)
    // They make room when the torrent is full.
    if (this.#transfer) endIdle(this.connections, now)
  }

  event(connection: Connection, event: PeerEvent, now: number): void {
    switch (event.type) {
      case 'choke':
        this.#transfer?.event(connection, event, now)
        // Each unchoke makes us send a queue of requests: a few bytes must not buy that for ever.
        if (++connection.fruitless > FRUITLESS) {
          connection.end('torrent/choke-flood', 'unchoked us time and again without sending anything')
        }
        break
      case 'extension-handshake':
        for (const extension of this.#extensions) extension.handshakeReceived?.(connection, now)
        connection.known.seed = connection.isUploadOnly
        this.#transfer?.event(connection, event, now)
        break
      case 'port':
        // Once: a peer that names many ports would have us ping them all.
        if (!connection.namedNode) this.#parts.dht()?.addNode(connection.stream.remote.host, event.port)
        connection.namedNode = true
        break
      case 'extended':
        this.#extension(event.id)?.received?.(connection, event.payload, now)
        break
      default:
        this.#transfer?.event(connection, event, now)
        break
    }
  }

  delivered(connection: Connection, now: number): void {
    this.#transfer?.delivered(connection, now)
  }

  drained(connection: Connection, now: number): void {
    this.#transfer?.writable(connection, now)
  }

  sent(_connection: Connection, parts: readonly unknown[]): void {
    this.#transfer?.sent(parts)
  }

  discarded(_connection: Connection, event: BlockEvent): void {
    this.#transfer?.discarded(event)
  }

  closed(connection: Connection, code: string, message: string, now: number): void {
    const { peers, bans, listener } = this.#parts
    const { known } = connection
    this.connections.delete(connection)
    this.#duplicates.left(connection)
    if (this.#live.get(known) === connection) {
      this.#live.delete(known)
      peers.disconnected(known, connection.wasUseful, now)
    }
    if (bans.closed(known.address, code, now)) listener.banned(known, code)
    this.#transfer?.left(connection, now)
    for (const extension of this.#extensions) extension.closed?.(connection, now, code)
    listener.closed(connection, code, message)
  }

  #chooseExtensions(): void {
    const extensions: Extension[] = [this.#metadata]
    if (this.#content) extensions.push(new DontHave(this.#content.picker))
    // What peers of a torrent that is not private tell each other of peers.
    const { transport, discovery } = this.#parts.settings
    if (!this.#private && discovery.pex) extensions.push(this.#exchange)
    if (!this.#private && transport.utp) extensions.push(this.holepunch)
    this.#extensions = extensions
  }

  #extension(id: number): Extension | undefined {
    return this.#extensions.find(({ name }) => EXTENSION_IDS[name] === id)
  }
}
