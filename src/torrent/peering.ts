/**
 * How one torrent takes part in its swarm: joins the peers it knows, those it dials (`dials.ts`), its live
 * connections (`swarm.ts`, before the metadata is known `gathering.ts`), its trackers and the DHT.
 * @module
 */

import type { SlotClaim, UploadSlots } from '../choker/upload-slots.js'
import type { Metainfo } from '../metainfo/model.js'
import type { Dialer } from '../net/peer/dialer.js'
import { prefersEncryption } from '../net/peer/encryption.js'
import type { Greeting, Identity } from '../net/peer/handshake.js'
import type { LinkServices } from '../net/peer/link.js'
import type { Task } from '../net/scheduler.js'
import type { TrackerClient } from '../net/tracker/client.js'
import type { ByteStream } from '../net/world.js'
import type { Picker } from '../picker/picker.js'

import type { TrackerSnapshot } from '../tracker/announcer.js'
import { type Address, addressKey, parseAddress, parseEndpoint } from '../util/address.js'
import { equalBytes } from '../util/bytes.js'
import { Rate } from '../util/rate.js'
import { makePeerId } from '../wire/peer-id.js'
import type { Content } from './content.js'
import type { DhtSchedule } from './discovery/dht-schedule.js'
import { Discovery } from './discovery/discovery.js'
import { DontHave } from './extensions/lt-donthave.js'
import { Holepunch } from './extensions/ut-holepunch.js'
import { MetadataExtension } from './extensions/ut-metadata.js'
import { type ExchangeLink, type FoundPeer, PeerExchange } from './extensions/ut-pex.js'
import { type InfoHashes, swarmHashes } from './infohashes.js'
import type { TorrentLimits } from './limits.js'
import type { Bans } from './peers/bans.js'
import type { Connection } from './peers/connection.js'
import { type KnownPeer, PeerList, type PeerSource } from './peers/peer-list.js'
import type { Acquaintance } from './peers/pending-connection.js'
import { Dials } from './swarm/dial-queue.js'
import { dispensable } from './swarm/making-room.js'
import { Gathering } from './swarm/metadata-swarm.js'
import { Introductions } from './swarm/reported-addresses.js'
import { Swarm } from './swarm/swarm.js'
import type { SuperseedMode } from './upload/superseed.js'

/** What a session lends to the peering of its torrents. */
export interface PeeringServices extends LinkServices {
  readonly dialer: Dialer
  readonly trackers: TrackerClient
  readonly options: TorrentLimits
  readonly bans: Bans
  readonly uploadSlots: UploadSlots
  /** Port on which the session listens, 0 when it does not. */
  readonly port: () => number
  /** Undefined when the session takes no part in the DHT. */
  readonly dht?: DhtSchedule | undefined
}

export interface PeeringOptions {
  readonly hashes: InfoHashes
  /** Tiers of tracker URLs. */
  readonly trackers: readonly (readonly string[])[]
  readonly private: boolean
  /** Tells whether bytes are the info dictionary, and takes them, once, while it is not known. */
  readonly metadata: {
    readonly verify: (bytes: Uint8Array) => boolean
    readonly fetched: (bytes: Uint8Array) => void
  }
  readonly superseed: SuperseedMode | false
  /** Bytes of the torrent that are not verified. */
  readonly left: () => number
  /** A connection came about, by `host:port`. */
  readonly connected: (address: string) => void
  readonly disconnected: (address: string, code: string, message: string) => void
  readonly warning: (code: string, message: string) => void
}

/** ms between two looks at rates, queues and slots while there are connections. */
const TICK = 1_000

export class Peering implements Task {
  readonly download: Rate = new Rate()
  readonly upload: Rate = new Rate()
  readonly #services: PeeringServices
  readonly #options: PeeringOptions
  readonly #peers: PeerList
  readonly #slots: SlotClaim
  readonly #introductions: Introductions
  readonly #exchange: PeerExchange
  readonly #holepunch: Holepunch
  readonly #peerId: Uint8Array
  readonly #dials: Dials
  readonly #discovery: Discovery
  #hashes: InfoHashes
  #private: boolean
  #gathering: Gathering | undefined
  #picker: Picker<KnownPeer> | undefined
  #swarm: Swarm | undefined
  /** What earlier swarms wasted. */
  #wasted = 0
  #running = false

  constructor(services: PeeringServices, options: PeeringOptions) {
    this.#services = services
    this.#options = options
    this.#peers = new PeerList(services.bans)
    this.#slots = services.uploadSlots.claim(services.options.uploadSlots)
    this.#hashes = options.hashes
    this.#private = options.private
    this.#peerId = makePeerId(services.world.random)
    this.#introductions = new Introductions(this.#peers, services.port)
    this.#exchange = new PeerExchange({
      links: () => this.#links,
      listenPort: services.port,
      found: (peers, now) => this.#found(peers, now),
    })
    this.#holepunch = new Holepunch({
      links: () => this.#links,
      introducers: (address) => this.#exchange.introducers(address),
      listenPort: services.port,
      wake: () => services.dialer.wake(),
    })
    this.#dials = new Dials({
      world: services.world,
      peers: this.#peers,
      bans: services.bans,
      holepunch: this.#holepunch,
      ours: () => this.ours,
      oursV2: () => this.#oursV2,
      wanted: () => this.#running && this.#hasRoom,
      isSeed: () => this.#isSeed,
      connected: (stream, handshake, rest, known) => this.attach(stream, handshake, rest, known),
    })
    this.#discovery = new Discovery({
      ...services,
      dht: services.dht,
      infoHashes: swarmHashes(options.hashes),
      tiers: options.trackers,
      private: options.private,
      peerId: this.#peerId,
      totals: () => ({
        uploaded: this.upload.total,
        downloaded: this.download.total,
        left: options.left(),
      }),
      isSeed: () => this.#isSeed && this.#picker?.have.isFull === true,
      found: (addresses, source) => this.#add(addresses, source),
      warning: options.warning,
      switched: () => this.#swarm?.disconnectAll('torrent/tracker-changed', 'the private tracker changed'),
    })
  }

  /** Who we are to this torrent's peers and trackers. */
  get ours(): Identity {
    const [infoHash, upgrade] = swarmHashes(this.#hashes)
    const dht = this.#discovery.dht !== undefined
    return { infoHash: infoHash as Uint8Array, peerId: this.#peerId, dht, ...(upgrade ? { upgrade } : {}) }
  }

  /** True while we take part: connections may be made. */
  get isRunning(): boolean {
    return this.#running
  }

  /** The live connections, after the data was checked: to be told what becomes of pieces. */
  get swarm(): Swarm | undefined {
    return this.#swarm
  }

  get connections(): ReadonlySet<Connection> {
    return this.#swarm?.connections ?? NONE
  }

  /** Peers that wait with us for the metadata. */
  get acquaintances(): ReadonlySet<Acquaintance> {
    return this.#gathering?.links ?? NOBODY
  }

  /** Addresses known, connected or not. */
  get knownPeers(): number {
    return this.#peers.size
  }

  /** Payload bytes that were of no use. */
  get wasted(): number {
    return this.#wasted + (this.#swarm?.wasted ?? 0)
  }

  /** What is known of each tracker; a hybrid announces to each under both infohashes, this is the first. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#discovery.trackers.trackers
  }

  /** Connections, those included that wait for the metadata. */
  get size(): number {
    return this.connections.size + (this.#gathering?.links.size ?? 0)
  }

  /** The metadata became known: it may name a second infohash, and say that the torrent is private (BEP 27). */
  learned(metainfo: Metainfo): void {
    this.#hashes = { v1: metainfo.infoHash, v2: metainfo.infoHashV2 }
    if (metainfo.private) this.#makePrivate()
    this.#discovery.learned(swarmHashes(this.#hashes))
  }

  /** What there is to exchange, after the data was checked. */
  prepare(content: Content): void {
    const { options } = this.#services
    const { metainfo, picker, store, trees } = content
    const infoHashV2 = this.#infoHashV2
    this.#discovery.addNodes(metainfo.nodes)
    const swarm = new Swarm({
      services: this.#services,
      layout: metainfo.layout,
      infoHash: this.ours.infoHash,
      v2: trees && infoHashV2 && { infoHash: infoHashV2, trees },
      picker,
      store,
      peers: this.#peers,
      bans: this.#services.bans,
      download: this.download,
      upload: this.upload,
      clientName: options.clientName,
      listenPort: this.#services.port,
      slots: this.#slots,
      seedChoking: options.seedChoking,
      superseed: this.#options.superseed,
      requestQueue: options.requestQueue,
      prefersEncryption: prefersEncryption(options.encryption),
      maxOutstanding: options.maxOutstanding,
      extensions: [new MetadataExtension(metainfo.infoBytes), new DontHave(picker), ...this.#public],
      dht: this.#discovery.dht,
      listener: {
        connected: (connection) => this.#connected(connection),
        closed: (connection, code, message) => this.#disconnected(connection, code, message),
        banned: (known, code) => this.#options.warning(code, `${known.key} was banned`),
      },
    })
    this.#wasted = this.wasted
    this.#picker = picker
    this.#swarm = swarm
    const met = this.#gathering?.release() ?? []
    this.#gathering = undefined
    for (const peer of met) {
      const connection = swarm.adopt(peer, this.#peerId)
      this.#exchange.moved(peer, connection)
    }
  }

  /** Joins the swarm: announces `started`, dials. */
  start(): void {
    this.#running = true
    this.#peers.refresh(this.#services.world.now())
    this.#swarm?.reopen()
    if (!this.#swarm) this.#gathering ??= this.#gather()
    this.#discovery.start()
    this.#services.dialer.add(this.#dials)
  }

  /** Leaves the swarm: drops all peers; resolves when the trackers know, or the time for it is up. */
  async stop(code: string, message: string): Promise<void> {
    this.#running = false
    const told = this.#discovery.stop()
    this.#services.dialer.remove(this.#dials)
    this.#swarm?.close(code, message)
    this.#gathering?.close(code, message)
    this.#gathering = undefined
    this.#services.scheduler.cancel(this)
    await told
  }

  /** Gives up whatever is under way. After {@link Peering.stop}. */
  close(): void {
    this.#discovery.close()
  }

  /** Nothing is missing any more: for the `first` time, which trackers count, or again. */
  completed(first: boolean): void {
    const now = this.#services.world.now()
    const { trackers } = this.#discovery
    if (first && this.download.total > 0) trackers.completed(now)
    else trackers.needPeers(now)
  }

  /** We need peers again: those that left us as a seed may be dialled now. */
  seek(): void {
    this.#peers.refresh(this.#services.world.now())
    this.#discovery.needPeers()
    this.#services.dialer.wake()
  }

  /** What we want changed. */
  reconsider(): void {
    this.#swarm?.reconsiderAll()
    this.#services.dialer.wake()
  }

  /** Adds peers to dial, see `Torrent.addPeers`. */
  addPeers(peers: readonly string[]): void {
    this.#discovery.named.addAll(peers)
  }

  /** Adds a peer by name or address. */
  addPeer(host: string, port: number, source: PeerSource): void {
    this.#discovery.named.add(host, port, source)
  }

  /** Disconnects a peer and forgets its address; false when it is not known. */
  removePeer(peer: string): boolean {
    const { host, port } = parseEndpoint(peer)
    const address = parseAddress(host, port)
    const known = address && this.#peers.remove(addressKey(address))
    if (!known) return false
    for (const connection of this.connections) {
      if (connection.known === known) connection.end('torrent/removed', 'the peer was removed')
    }
    return true
  }

  addTracker(url: string, tier: number | undefined): void {
    this.#discovery.trackers.add(url, tier, this.#services.world.now())
  }

  removeTracker(url: string): void {
    this.#discovery.trackers.remove(url, this.#services.world.now())
  }

  /** True when an incoming connection from this host may come in: there is room, or it can be made. */
  welcomes(host: string): boolean {
    const now = this.#services.world.now()
    if (!this.#running || this.#peers.isBannedHost(host, now)) return false
    return this.#hasRoom || this.#dispensableFor({ host, port: 0 }, now) !== undefined
  }

  /** Closes connections with addresses that are banned by now. */
  dropBanned(): void {
    const now = this.#services.world.now()
    for (const connection of [...this.connections, ...this.acquaintances]) {
      const banned = this.#services.bans.has(connection.stream.remote, now)
      if (banned) connection.end('torrent/banned', 'the address is banned')
    }
  }

  /** A peer whose handshake is done, `dialled` by us or incoming. */
  attach(stream: ByteStream, handshake: Greeting, rest: Uint8Array, dialled: KnownPeer | undefined): void {
    const now = this.#services.world.now()
    const known = dialled ?? this.#peers.incoming(stream.remote, now)
    const ourselves = equalBytes(handshake.peerId, this.#peerId)
    this.#peers.prefer(known, stream.transport, now)
    const owner = this.#swarm ?? this.#gathering
    if (!owner || !this.#running || ourselves) {
      stream.destroy()
      if (dialled && ourselves) this.#peers.markSelf(known)
      else if (dialled) this.#peers.failed(known, now)
      return
    }
    if (!dialled && !this.#hasRoom) {
      const other = this.#dispensableFor(stream.remote, now)
      if (!other) {
        stream.destroy()
        return
      }
      other.end('torrent/replaced', 'another peer is to be preferred')
    }
    owner.attach(stream, handshake, rest, known, dialled !== undefined, this.#peerId)
  }

  run(now: number): void {
    if (this.size === 0) return
    if (this.#swarm) {
      this.#introductions.tick(this.connections, !this.#private, now)
      this.#swarm.tick(now)
    } else if (!this.#private) this.#exchange.tick(now)
    this.#services.scheduler.schedule(this, now + TICK)
  }

  get #oursV2(): Identity | undefined {
    const infoHash = this.#infoHashV2
    return infoHash && { infoHash, peerId: this.#peerId }
  }

  /** The infohash of connections that speak v2. */
  get #infoHashV2(): Uint8Array | undefined {
    return this.#hashes.v2?.subarray(0, 20)
  }

  get #isSeed(): boolean {
    return this.#picker?.isDone === true
  }

  get #hasRoom(): boolean {
    return this.size < this.#services.options.maxPeersPerTorrent
  }

  get #links(): Iterable<ExchangeLink> {
    return this.#swarm ? this.connections : this.acquaintances
  }

  /** What peers of a torrent that is not private, as far as we know, tell each other of peers. */
  get #public(): (PeerExchange | Holepunch)[] {
    if (this.#private) return []
    return this.#services.options.utp ? [this.#exchange, this.#holepunch] : [this.#exchange]
  }

  /** The connection that a newcomer may take the place of. */
  #dispensableFor(address: Address, now: number): Connection | undefined {
    return dispensable(this.connections, this.#peers, this.#peers.priorityOf(address), now)
  }

  #gather(): Gathering {
    const { options } = this.#services
    return new Gathering({
      services: this.#services,
      peers: this.#peers,
      clientName: options.clientName,
      listenPort: this.#services.port,
      requestQueue: options.requestQueue,
      infoHashV2: this.#infoHashV2,
      ...this.#options.metadata,
      extensions: () => this.#public,
      dht: this.#discovery.dht,
      connected: (known) => {
        this.#services.scheduler.schedule(this, this.#services.world.now() + TICK)
        this.#options.connected(known.key)
      },
      closed: (known, code, message) => this.#left(known, code, message),
      banned: (known, code) => this.#options.warning(code, `${known.key} was banned`),
    })
  }

  /** Nothing but the tracker may name peers from now on, and those whom others named are forgotten. */
  #makePrivate(): void {
    this.#private = true
    this.#discovery.makePrivate()
    const forgotten = new Set(this.#peers.forgetPublic())
    for (const link of [...this.acquaintances]) {
      this.#exchange.moved(link, undefined)
      if (forgotten.has(link.known)) link.end('torrent/private', 'the torrent is private')
    }
  }

  #connected(connection: Connection): void {
    this.#services.scheduler.schedule(this, this.#services.world.now() + TICK)
    this.#introductions.connected(connection)
    this.#options.connected(connection.known.key)
  }

  #disconnected(connection: Connection, code: string, message: string): void {
    this.#left(connection.known, code, message)
  }

  #left(known: KnownPeer, code: string, message: string): void {
    this.#services.dialer.wake()
    this.#options.disconnected(known.key, code, message)
    if (this.#running && this.size === 0 && !this.#isSeed) {
      this.#discovery.needPeers()
    }
  }

  #add(addresses: readonly Address[], source: PeerSource): void {
    this.#peers.add(addresses, source, this.#services.world.now())
    if (addresses.length > 0) this.#services.dialer.wake()
  }

  /** Peers told us of others. */
  #found(peers: readonly FoundPeer[], now: number): number {
    if (this.#private) return 0
    const fresh = this.#peers.add(
      peers.map(({ address }) => address),
      'pex',
      now,
      peers.map(({ hints }) => hints),
    )
    // One that was given up has another chance.
    if (peers.length > 0) this.#services.dialer.wake()
    return fresh
  }
}

const NONE: ReadonlySet<Connection> = new Set()
const NOBODY: ReadonlySet<Acquaintance> = new Set()
