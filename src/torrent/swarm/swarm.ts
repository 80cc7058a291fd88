/**
 * The live connections of one torrent. Every block passes here: from a peer core to the picker and the
 * store, and from the store to a peer core.
 * @module
 */

import type { SeedChoking } from '../../choker/choker.js'
import type { SlotClaim } from '../../choker/upload-slots.js'
import type { HashTrees } from '../../metainfo/hash-trees.js'
import type { Layout } from '../../metainfo/layout.js'
import type { Greeting } from '../../net/peer/handshake.js'
import type { LinkOwner, LinkServices } from '../../net/peer/link.js'
import type { ByteStream } from '../../net/world.js'
import type { Picker } from '../../picker/picker.js'
import type { Store } from '../../storage/store.js'
import { equalBytes } from '../../util/bytes.js'
import type { Rate } from '../../util/rate.js'
import { supports } from '../../wire/handshake.js'
import { type BlockEvent, Peer, type PeerEvent } from '../../wire/peer.js'
import type { DhtSchedule } from '../discovery/dht-schedule.js'
import { Convictions } from '../download/convictions.js'
import { Downloads } from '../download/downloads.js'
import { Hashes } from '../download/merkle-hashes.js'
import { EXTENSION_IDS, type Extension } from '../extensions/extension.js'
import { Hello } from '../extensions/handshake.js'
import { tellLost } from '../extensions/lt-donthave.js'
import type { Bans } from '../peers/bans.js'
import { Connection, type Lease } from '../peers/connection.js'
import type { KnownPeer, PeerList } from '../peers/peer-list.js'
import type { Acquaintance } from '../peers/pending-connection.js'
import { Offers } from '../upload/advertising.js'
import { Choking } from '../upload/choking.js'
import type { SuperseedMode } from '../upload/superseed.js'
import { Uploads } from '../upload/uploads.js'
import { Twins } from './duplicates.js'
import { endAsSeeds, endIdle } from './turnover.js'

/** What a swarm tells its torrent. */
export interface SwarmListener {
  /** A connection came about. */
  connected(connection: Connection): void
  /** A peer was cut off for what it did. */
  banned(peer: KnownPeer, code: string): void
  closed(connection: Connection, code: string, message: string): void
}

export interface SwarmOptions {
  readonly services: LinkServices
  readonly layout: Layout
  readonly infoHash: Uint8Array
  /** Of a v2 or hybrid torrent: the infohash of connections that speak v2, 20 bytes, and the merkle trees. */
  readonly v2?: { readonly infoHash: Uint8Array; readonly trees: HashTrees } | undefined
  readonly picker: Picker<KnownPeer>
  readonly store: Store
  readonly peers: PeerList
  readonly bans: Bans
  /** Payload of all connections, counted by the swarm. */
  readonly download: Rate
  readonly upload: Rate
  readonly clientName: string
  readonly listenPort: () => number
  /** This torrent's share of the upload slots. */
  readonly slots: SlotClaim
  readonly seedChoking: SeedChoking
  /** Superseed if everything is there from the start. */
  readonly superseed: SuperseedMode | false
  readonly requestQueue: number
  /** Tell peers that we prefer encrypted connections. */
  readonly prefersEncryption: boolean
  readonly maxOutstanding: number
  readonly extensions: readonly Extension[]
  /** Undefined when the torrent stays out of the DHT. */
  readonly dht?: DhtSchedule | undefined
  readonly listener: SwarmListener
}

const NOTHING: Uint8Array = new Uint8Array(0)

/** Chokes in a row without a block in between; a choker with many peers needs hours for as many. */
const FRUITLESS = 200

export class Swarm implements LinkOwner<Connection> {
  readonly connections: Set<Connection> = new Set()
  readonly #options: SwarmOptions
  readonly #choking: Choking
  readonly #uploads: Uploads
  readonly #downloads: Downloads
  readonly #hashes: Hashes | undefined
  readonly #convictions: Convictions
  readonly #offers: Offers
  readonly #hello: Hello
  readonly #twins = new Twins()
  readonly #live = new Map<KnownPeer, Connection>()
  readonly #fresh: number[] = []
  #announcing = false
  #wasDone: boolean
  #closed = false

  constructor(options: SwarmOptions) {
    this.#options = options
    this.#choking = new Choking({
      connections: this.connections,
      slots: options.slots,
      seedChoking: options.seedChoking,
      pieceLength: options.layout.pieceLength,
      world: options.services.world,
    })
    this.#convictions = new Convictions({
      layout: options.layout,
      picker: options.picker,
      store: options.store,
      peers: options.peers,
      live: this.#live,
      now: () => options.services.world.now(),
      banned: (peer, code) => options.listener.banned(peer, code),
    })
    this.#offers = new Offers({
      layout: options.layout,
      infoHash: options.infoHash,
      picker: options.picker,
      store: options.store,
      connections: this.connections,
      superseed: options.superseed,
    })
    this.#uploads = new Uploads(options.store, options.picker.have, options.upload)
    this.#downloads = new Downloads({
      picker: options.picker,
      store: options.store,
      connections: this.connections,
      live: this.#live,
      rate: options.download,
      maxOutstanding: options.maxOutstanding,
      blocksPerPiece: options.layout.blocksPerPiece,
    })
    if (options.v2) {
      this.#hashes = new Hashes({
        trees: options.v2.trees,
        store: options.store,
        have: options.picker.have,
        wrong: (piece, blocks) => {
          this.#convictions.failedBlocks(piece, blocks)
          this.#downloads.feed()
        },
      })
    }
    this.#wasDone = options.picker.isDone
    this.#hello = new Hello({
      extensions: options.extensions,
      clientName: options.clientName,
      requestQueue: options.requestQueue,
      prefersEncryption: options.prefersEncryption,
      listenPort: options.listenPort,
      // A superseed looks like a peer that still downloads.
      uploadOnly: () => options.picker.isDone && !this.#offers.isSuperseeding,
    })
  }

  /** Payload bytes that were of no use: duplicates, unrequested blocks, failed pieces. */
  get wasted(): number {
    return this.#downloads.wasted + this.#convictions.failedBytes
  }

  /** Adopts a stream whose handshake is done. `rest` are bytes that followed it. */
  attach(
    stream: ByteStream,
    handshake: Greeting,
    rest: Uint8Array,
    known: KnownPeer,
    initiator: boolean,
    ourPeerId: Uint8Array,
  ): void {
    const { services, layout, picker } = this.#options
    const now = services.world.now()
    if (!this.#twins.admits(handshake, initiator, ourPeerId)) {
      stream.destroy()
      if (known.state !== 'connected') this.#options.peers.failed(known, now)
      return
    }
    const remote = supports(handshake.reserved)
    const lease: Lease = { piece: 0, begin: 0, data: undefined }
    const peer = new Peer({
      layout,
      fast: remote.fast,
      extended: remote.extended,
      dht: remote.dht && this.#options.dht !== undefined,
      v2: this.#speaksV2(handshake),
      maxRequests: this.#options.requestQueue,
      place: (piece, begin, length) => this.#downloads.place(lease, piece, begin, length),
      now,
    })
    const connection = this.#join(stream, peer, handshake, known, initiator, lease, now)
    peer.start(
      this.#offers.isSuperseeding ? undefined : picker.have,
      remote.extended ? this.#hello.to(stream) : undefined,
      now,
    )
    this.#options.listener.connected(connection)
    if (this.#options.dht) peer.port(this.#options.dht.udpPort)
    connection.open(rest)
  }

  /** Goes on with a peer that we met before the metadata was known; undefined when it is connected already. */
  adopt(met: Acquaintance, ourPeerId: Uint8Array): Connection | undefined {
    const { stream, peer, handshake, known, initiator, placing } = met
    const { services, layout, picker } = this.#options
    const now = services.world.now()
    if (!this.#twins.admits(handshake, initiator, ourPeerId)) {
      stream.destroy()
      this.#options.peers.failed(known, now)
      return undefined
    }
    const lease: Lease = { piece: 0, begin: 0, data: undefined }
    placing.place = (piece, begin, length) => this.#downloads.place(lease, piece, begin, length)
    const connection = this.#join(stream, peer, handshake, known, initiator, lease, now)
    connection.namedNode = met.namedNode
    if (!this.#offers.isSuperseeding) {
      for (let piece = picker.have.next(0); piece >= 0; piece = picker.have.next(piece + 1))
        peer.have(piece, now)
    }
    if (supports(handshake.reserved).extended) peer.extended(0, this.#hello.to(stream, true))
    peer.setLayout(layout, now)
    connection.open(NOTHING)
    return connection
  }

  event(connection: Connection, event: PeerEvent, now: number): void {
    const { picker } = this.#options
    switch (event.type) {
      case 'block':
        this.#downloads.received(connection, event, now)
        break
      case 'have':
        picker.peerHas(connection.picks, event.piece)
        this.#hashes?.told(connection)
        if (!connection.peer.amInterested && picker.wanted(event.piece)) {
          connection.peer.setInterested(true, now)
        }
        this.#offers.has(connection, event.piece, now)
        if (connection.peer.isSeed) this.#seedFound(connection, now)
        break
      case 'pieces':
        if (connection.peer.pieces) picker.setPieces(connection.picks, connection.peer.pieces)
        this.#hashes?.told(connection)
        this.#reconsider(connection, now)
        this.#offers.told(connection, now)
        if (connection.peer.isSeed) this.#seedFound(connection, now)
        break
      case 'choke':
        picker.choked(connection.picks)
        if (!connection.fast) picker.dropRequests(connection.picks)
        // Each unchoke makes us send a queue of requests: a few bytes must not buy that for ever.
        if (++connection.fruitless > FRUITLESS) {
          connection.end('torrent/choke-flood', 'unchoked us time and again without sending anything')
        }
        break
      case 'unchoke':
        picker.unchoked(connection.picks)
        connection.progressAt = now
        break
      case 'allowed-fast':
        picker.allowFast(connection.picks, event.piece)
        break
      case 'suggest':
        picker.suggested(connection.picks, event.piece)
        break
      case 'interested':
        this.#choking.interested(connection, now)
        break
      case 'not-interested':
        connection.idle = false
        this.#choking.released(connection, now)
        break
      case 'requests':
        connection.askedAt = now
        connection.idle = false
        break
      case 'rejected':
        picker.rejected(connection.picks, event.piece, event.begin)
        break
      case 'extension-handshake':
        for (const extension of this.#options.extensions) extension.greeted?.(connection, now)
        connection.known.seed = connection.isUploadOnly
        if (connection.isUploadOnly && picker.isDone) endAsSeeds(connection)
        else this.#choking.released(connection, now)
        break
      case 'port':
        // Once: whoever names many ports would have us ping them all.
        if (!connection.namedNode) this.#options.dht?.addNode(connection.stream.remote.host, event.port)
        connection.namedNode = true
        break
      case 'extended':
        this.#extension(event.id)?.received?.(connection, event.payload, now)
        break
      default:
        this.#hashes?.received(connection, event, now)
        break
    }
  }

  delivered(connection: Connection, now: number): void {
    this.#uploads.serve(connection, now)
    this.#hashes?.delivered(connection, now)
    if (!this.#closed) this.#downloads.request(connection, now)
  }

  drained(connection: Connection, now: number): void {
    this.#uploads.serve(connection, now)
    connection.flush(now)
  }

  sent(connection: Connection, parts: readonly unknown[]): void {
    this.#uploads.sent(connection, parts)
  }

  discarded(_connection: Connection, event: BlockEvent): void {
    this.#downloads.discarded(event)
  }

  closed(connection: Connection, code: string, message: string, now: number): void {
    const { peers, bans, listener } = this.#options
    this.connections.delete(connection)
    this.#downloads.left(connection)
    this.#twins.left(connection)
    if (this.#live.get(connection.known) === connection) {
      this.#live.delete(connection.known)
      const useful = connection.tookMetadata || connection.download.total + connection.upload.total > 0
      peers.disconnected(connection.known, useful, now)
    }
    if (bans.closed(connection.known.address, code, now)) listener.banned(connection.known, code)
    this.#uploads.forget(connection)
    this.#hashes?.left(connection)
    this.#offers.left(connection)
    for (const extension of this.#options.extensions) extension.closed?.(connection, now, code)
    if (this.#closed) this.#choking.close()
    else this.#choking.fill(now)
    listener.closed(connection, code, message)
  }

  /** A piece is on disk: tell those that lack it, at the end of this turn. */
  verified(piece: number): void {
    this.#convictions.verified(piece)
    this.#hashes?.verified(piece)
    this.#fresh.push(piece)
    if (this.#announcing) return
    this.#announcing = true
    this.#options.services.world.defer(() => this.#announce())
  }

  /** A verified piece is no longer on the disk: it is served no more, wanted again, and the peers are told. */
  lost(piece: number): void {
    const { picker, services } = this.#options
    const now = services.world.now()
    if (!picker.have.has(piece)) {
      // Written a moment ago, and nobody was told yet.
      picker.failed(piece)
      return
    }
    picker.unverify(piece)
    this.#wasDone = picker.isDone
    tellLost(this.connections, picker, piece, now)
    this.#offers.lost(now)
    this.#hello.repeat(this.connections)
  }

  /** A piece was on the disk already: what is asked for of it is taken back. */
  found(piece: number): void {
    this.#downloads.takeBack(piece, this.#options.services.world.now())
    this.#options.picker.failed(piece)
  }

  /** A piece did not match its hash: find out who lied. */
  failed(piece: number): void {
    this.#convictions.failed(piece)
    this.#downloads.feed()
  }

  /** A piece did not match its hash, and the hashes of its blocks tell which of them do (v2). */
  doubtful(piece: number): void {
    this.#hashes?.doubtful(piece, this.#options.services.world.now())
  }

  /** The store takes or refuses more data: back-pressure down to the sockets. */
  throttle(): void {
    this.#downloads.throttle()
  }

  /** Once a second while there are connections: rates, queue depths, snubs; choke rounds when due. */
  tick(now: number): void {
    this.#downloads.tick(now)
    this.#hashes?.tick(now)
    this.#choking.tick(now, this.#options.picker.isDone)
    this.#offers.tick(now)
    for (const extension of this.#options.extensions) extension.tick?.(now)
    // They make room when the torrent is full.
    endIdle(this.connections, now)
  }

  /** Interest changed for reasons of our own (priorities, resumed pieces). */
  reconsiderAll(): void {
    const now = this.#options.services.world.now()
    this.#wasDone = this.#options.picker.isDone
    for (const connection of this.connections) {
      this.#reconsider(connection, now)
      connection.touch()
    }
    this.#hello.repeat(this.connections)
  }

  /** Closes every connection. */
  close(code: string, message: string): void {
    this.#closed = true
    for (const connection of [...this.connections]) connection.end(code, message)
    this.#choking.close()
  }

  /** Closes every connection; new ones may come. */
  disconnectAll(code: string, message: string): void {
    for (const connection of [...this.connections]) connection.end(code, message)
  }

  /** Lets connections be made again after {@link Swarm.close}. */
  reopen(): void {
    this.#closed = false
  }

  #join(
    stream: ByteStream,
    peer: Peer,
    handshake: Greeting,
    known: KnownPeer,
    initiator: boolean,
    lease: Lease,
    now: number,
  ): Connection {
    const { services, picker, store, peers, layout } = this.#options
    const { size } = layout
    const { fast } = supports(handshake.reserved)
    const picks = picker.addPeer(known)
    const connection = new Connection(
      services,
      { stream, peer, known, handshake, initiator, fast, lease, picks, reader: store.reader(), size, now },
      this,
    )
    this.#offers.joined(connection)
    this.#convictions.joined(connection)
    peers.connected(known)
    this.connections.add(connection)
    this.#twins.joined(connection)
    this.#live.set(known, connection)
    if (this.#speaksV2(handshake)) this.#hashes?.joined(connection)
    return connection
  }

  #speaksV2({ infoHash }: { readonly infoHash: Uint8Array }): boolean {
    const { v2 } = this.#options
    return v2 !== undefined && equalBytes(infoHash, v2.infoHash)
  }

  #extension(id: number): Extension | undefined {
    return this.#options.extensions.find(({ name }) => EXTENSION_IDS[name] === id)
  }

  #reconsider(connection: Connection, now: number): void {
    connection.peer.setInterested(this.#options.picker.isInteresting(connection.picks), now)
  }

  #announce(): void {
    this.#announcing = false
    const { picker, services } = this.#options
    const now = services.world.now()
    // Some may be lost again by now.
    const pieces = this.#fresh.splice(0).filter((piece) => picker.have.has(piece))
    if (this.#closed) return
    const done = picker.isDone
    for (const connection of [...this.connections]) {
      const peer = connection.peer
      // A superseed that showed us the piece waits to hear that it has arrived (BEP 16), so all but seeds are told.
      if (!peer.isSeed) for (const piece of pieces) peer.have(piece, now)
      if (peer.amInterested && !picker.isInteresting(connection.picks)) peer.setInterested(false, now)
      if (done && connection.isUploadOnly) endAsSeeds(connection)
      else connection.touch()
    }
    this.#hello.repeat(this.connections)
    if (done && !this.#wasDone) {
      this.#wasDone = true
      this.#choking.round(now, true, true)
    }
  }

  #seedFound(connection: Connection, now: number): void {
    connection.known.seed = true
    this.#offers.seedFound(now)
    if (this.#options.picker.isDone) endAsSeeds(connection)
    else this.#choking.released(connection, now)
  }
}
