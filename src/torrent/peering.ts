/**
 * How one torrent takes part in its swarm: who we are, the peers that it knows and how it comes by them
 * (`discovery/`), those that it dials (`swarm/dial-queue.ts`), how many it has room for, and its live connections
 * (`swarm/swarm.ts`).
 * @module
 */

import type { SlotClaim, UploadSlots } from '../choker/upload-slots.js'
import type { Metainfo } from '../metainfo/model.js'
import type { Dialer } from '../net/peer/dialer.js'
import type { Greeting, Identity } from '../net/peer/handshake.js'
import type { LinkServices } from '../net/peer/link.js'
import type { Task } from '../net/scheduler.js'
import type { TrackerClient } from '../net/tracker/client.js'
import type { ByteStream } from '../net/world.js'
import type { TrackerSnapshot } from '../tracker/announcer.js'
import { type Address, addressKey, parseAddress, parseEndpoint } from '../util/address.js'
import { equalBytes } from '../util/bytes.js'
import { Rate } from '../util/rate.js'
import { makePeerId } from '../wire/peer-id.js'
import type { Content } from './content.js'
import type { DhtSchedule } from './discovery/dht-schedule.js'
import { Discovery } from './discovery/discovery.js'
import type { TrackerReport } from './events.js'
import type { MetadataParts } from './extensions/ut-metadata.js'
import type { FoundPeer } from './extensions/ut-pex.js'
import { type InfoHashes, swarmHashes } from './infohashes.js'
import type { Bans } from './peers/bans.js'
import type { Connection } from './peers/connection.js'
import { type KnownPeer, PeerList, type PeerSource } from './peers/peer-list.js'
import type { TorrentSettings } from './settings.js'
import { DialQueue } from './swarm/dial-queue.js'
import { Swarm } from './swarm/swarm.js'
import { endLeastUseful, type Standing } from './swarm/turnover.js'
import type { SuperseedMode } from './upload/superseed.js'

/** What a session lends to the peering of its torrents. */
export interface PeeringServices extends LinkServices {
  readonly dialer: Dialer
  readonly trackers: TrackerClient
  readonly settings: TorrentSettings
  readonly bans: Bans
  readonly uploadSlots: UploadSlots
  /** Port on which the session listens, 0 when it does not. */
  readonly port: () => number
  /** Undefined when the session takes no part in the DHT. */
  readonly dht?: DhtSchedule | undefined
}

export interface PeeringParts {
  readonly hashes: InfoHashes
  /** Tiers of tracker URLs. */
  readonly trackers: readonly (readonly string[])[]
  readonly private: boolean
  readonly metadata: MetadataParts
  readonly superseed: SuperseedMode | false
  /** Bytes of the torrent that are not verified. */
  readonly left: () => number
  /** A connection came about, by `host:port`. */
  readonly connected: (address: string) => void
  readonly disconnected: (address: string, code: string, message: string) => void
  /** A tracker answered, or did not. */
  readonly tracker: (report: TrackerReport) => void
  readonly warning: (code: string, message: string) => void
}

/** ms between two looks at rates, queues and slots while there are connections. */
const TICK = 1_000

export class Peering implements Task {
  readonly download: Rate = new Rate()
  readonly upload: Rate = new Rate()
  readonly #services: PeeringServices
  readonly #parts: PeeringParts
  readonly #peers: PeerList
  readonly #peerId: Uint8Array
  readonly #dials: DialQueue
  readonly #discovery: Discovery
  readonly #swarm: Swarm
  readonly #slots: SlotClaim
  #hashes: InfoHashes
  #private: boolean
  #content: Content | undefined
  #running = false

  constructor(services: PeeringServices, parts: PeeringParts) {
    this.#services = services
    this.#parts = parts
    this.#peers = new PeerList(services.bans)
    this.#hashes = parts.hashes
    this.#private = parts.private
    this.#peerId = makePeerId(services.world.random)
    this.#slots = services.uploadSlots.claim(services.settings.limits.uploadSlotsPerTorrent)
    this.#swarm = new Swarm({
      services,
      settings: services.settings,
      listenPort: services.port,
      peerId: this.#peerId,
      speaksV2: (infoHash) => this.#speaksV2(infoHash),
      private: parts.private,
      peers: this.#peers,
      bans: services.bans,
      download: this.download,
      upload: this.upload,
      slots: this.#slots,
      superseed: parts.superseed,
      metadata: parts.metadata,
      found: (peers, now) => this.#found(peers, now),
      wake: () => services.dialer.wake(),
      dht: () => this.#discovery.dht,
      listener: {
        connected: (connection) => {
          services.scheduler.schedule(this, services.world.now() + TICK)
          parts.connected(connection.known.key)
        },
        closed: (connection, code, message) => this.#left(connection, code, message),
        banned: (known, code) => parts.warning(code, `${known.key} was banned`),
      },
    })
    this.#dials = new DialQueue({
      world: services.world,
      peers: this.#peers,
      bans: services.bans,
      holepunch: this.#swarm.holepunch,
      ours: () => this.ours,
      oursV2: () => this.#oursV2,
      wanted: () => this.#running && this.#hasRoom,
      isSeed: () => this.#isSeed,
      connected: (stream, handshake, rest, known) => this.attach(stream, handshake, rest, known),
    })
    this.#discovery = new Discovery({
      ...services,
      dht: services.dht,
      infoHashes: swarmHashes(parts.hashes),
      tiers: parts.trackers,
      private: parts.private,
      peerId: this.#peerId,
      totals: () => ({
        uploaded: this.upload.total,
        downloaded: this.download.total,
        left: parts.left(),
      }),
      isSeed: () => this.#isSeed && this.#content?.picker.have.isFull === true,
      found: (addresses, source) => this.#add(addresses, source),
      report: parts.tracker,
      warning: parts.warning,
      switched: () => this.#swarm.disconnectAll('torrent/tracker-changed', 'the private tracker changed'),
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

  get connections(): ReadonlySet<Connection> {
    return this.#swarm.connections
  }

  /** Addresses known, connected or not. */
  get knownPeers(): number {
    return this.#peers.size
  }

  /** Payload bytes that were of no use. */
  get wasted(): number {
    return this.#swarm.wasted
  }

  /** What is known of each tracker; a hybrid announces to each under both infohashes, this is the first. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#discovery.trackers.trackers
  }

  /** Number of connections. */
  get size(): number {
    return this.connections.size
  }

  /** The metadata became known: it may name a second infohash, and say that the torrent is private (BEP 27). */
  learned(metainfo: Metainfo): void {
    this.#hashes = { v1: metainfo.infoHash, v2: metainfo.infoHashV2 }
    if (metainfo.private) this.#makePrivate()
    this.#discovery.learned(swarmHashes(this.#hashes))
  }

  /** What there is to exchange, after the data was checked. */
  prepare(content: Content): void {
    this.#content = content
    this.#discovery.addNodes(content.metainfo.nodes)
    this.#swarm.prepare(content)
  }

  /** Joins the swarm: announces `started`, dials. */
  start(): void {
    this.#running = true
    this.#peers.refresh(this.#services.world.now())
    this.#swarm.open()
    this.#discovery.start()
    this.#services.dialer.add(this.#dials)
  }

  /** Leaves the swarm: drops all peers; resolves when the trackers know, or the time for it is up. */
  async stop(code: string, message: string): Promise<void> {
    this.#running = false
    const told = this.#discovery.stop()
    this.#services.dialer.remove(this.#dials)
    this.#swarm.close(code, message)
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
    this.#swarm.reconsider()
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

  /** The settings changed. `slots`: those of uploads among them. */
  configured(slots: boolean): void {
    const { peersPerTorrent, uploadSlotsPerTorrent } = this.#services.settings.limits
    const now = this.#services.world.now()
    if (slots) this.#slots.most = uploadSlotsPerTorrent
    endLeastUseful(this.standings(now), peersPerTorrent)
    this.#swarm.configured(slots, now)
  }

  /** How much each connection is worth keeping. */
  standings(now: number): Standing[] {
    return this.#swarm.standings(now)
  }

  /** True when an incoming connection from this host may come in: there is room, or it can be made. */
  welcomes(host: string): boolean {
    const now = this.#services.world.now()
    if (!this.#running || this.#peers.isBannedHost(host, now)) return false
    return this.#hasRoom || this.#replaceableFor({ host, port: 0 }, now) !== undefined
  }

  /** Closes connections with addresses that are banned by now. */
  dropBanned(): void {
    const now = this.#services.world.now()
    for (const connection of [...this.connections]) {
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
    if (!this.#running || ourselves) {
      stream.destroy()
      if (dialled && ourselves) this.#peers.markSelf(known)
      else if (dialled) this.#peers.failed(known, now)
      return
    }
    if (!dialled && !this.#hasRoom) {
      const other = this.#replaceableFor(stream.remote, now)
      if (!other) {
        stream.destroy()
        return
      }
      other.end('torrent/replaced', 'another peer is to be preferred')
    }
    this.#swarm.attach(stream, handshake, rest, known, dialled !== undefined)
  }

  run(now: number): void {
    if (this.size === 0) return
    this.#swarm.tick(now)
    this.#services.scheduler.schedule(this, now + TICK)
  }

  get #oursV2(): Identity | undefined {
    const infoHash = this.#hashes.v2?.subarray(0, 20)
    return infoHash && { infoHash, peerId: this.#peerId }
  }

  #speaksV2(infoHash: Uint8Array): boolean {
    const { v2 } = this.#hashes
    return v2 !== undefined && equalBytes(infoHash, v2.subarray(0, 20))
  }

  get #isSeed(): boolean {
    return this.#content?.picker.isDone === true
  }

  get #hasRoom(): boolean {
    return this.size < this.#services.settings.limits.peersPerTorrent
  }

  /** The connection that a newcomer may take the place of. */
  #replaceableFor(address: Address, now: number): Connection | undefined {
    return this.#swarm.replaceable(this.#peers.priorityOf(address), now)
  }

  /** Nothing but the tracker may name peers from now on, and those whom others named are forgotten. */
  #makePrivate(): void {
    this.#private = true
    this.#discovery.makePrivate()
    this.#swarm.makePrivate(new Set(this.#peers.forgetPublic()))
  }

  #left(connection: Connection, code: string, message: string): void {
    this.#services.dialer.wake()
    this.#parts.disconnected(connection.known.key, code, message)
    if (this.#running && this.size === 0 && !this.#isSeed) this.#discovery.needPeers()
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
