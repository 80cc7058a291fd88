/**
 * How one torrent takes part in its swarm: the peers it knows, dialling them, its connections, its
 * trackers.
 * @module
 */

import type { Metainfo } from '../metainfo/model.js'
import type { Dialer, Dialling, DialTarget } from '../net/dialer.js'
import { prefersEncryption } from '../net/encryption.js'
import type { Greeting, Identity } from '../net/handshaking.js'
import type { LinkServices } from '../net/link.js'
import type { Task } from '../net/scheduler.js'
import type { TrackerClient } from '../net/tracker-client.js'
import type { ByteStream } from '../net/world.js'
import type { ResolvedOptions } from '../options.js'
import type { Picker } from '../picker/picker.js'
import type { Store } from '../storage/store.js'
import type { TrackerSnapshot } from '../tracker/announcer.js'
import { type Address, addressKey, parseAddress, parseEndpoint } from '../util/address.js'
import { equalBytes } from '../util/bytes.js'
import { errorCode, errorMessage } from '../util/errors.js'
import { Rate } from '../util/rate.js'
import { makePeerId } from '../wire/peer-id.js'
import { Announces } from './announces.js'
import type { Connection } from './connection.js'
import { type KnownPeer, PeerList } from './peer-list.js'
import { Swarm } from './swarm.js'

/** What a session lends to the peering of its torrents. */
export interface PeeringServices extends LinkServices {
  readonly dialer: Dialer
  readonly trackers: TrackerClient
  readonly options: ResolvedOptions
  /** Port on which the session listens, 0 when it does not. */
  readonly port: () => number
}

export interface PeeringOptions {
  readonly metainfo: Metainfo
  /** Tracker URLs besides those of the torrent. */
  readonly trackers: readonly string[]
  /** Bytes of the torrent that are not verified. */
  readonly left: () => number
  /** A connection came about, by `host:port`. */
  readonly connected: (address: string) => void
  readonly disconnected: (address: string, code: string, message: string) => void
  readonly warning: (code: string, message: string) => void
}

/** ms between two looks at rates, queues and slots while there are connections. */
const TICK = 1_000

export class Peering implements Dialling, Task {
  /** Who we are to this torrent's peers and trackers. */
  readonly ours: Identity
  readonly download: Rate = new Rate()
  readonly upload: Rate = new Rate()
  readonly #services: PeeringServices
  readonly #options: PeeringOptions
  readonly #peers = new PeerList()
  readonly #announces: Announces
  readonly #abort = new AbortController()
  #picker: Picker<KnownPeer> | undefined
  #swarm: Swarm | undefined
  /** What earlier swarms wasted. */
  #wasted = 0
  #running = false

  constructor(services: PeeringServices, options: PeeringOptions) {
    const { metainfo, trackers, left, warning } = options
    this.#services = services
    this.#options = options
    this.ours = { infoHash: metainfo.infoHash as Uint8Array, peerId: makePeerId(services.world.random) }
    this.#announces = new Announces({
      world: services.world,
      scheduler: services.scheduler,
      client: services.trackers,
      trackers: [...metainfo.trackers, ...trackers.map((url) => [url])],
      ...this.ours,
      private: metainfo.private,
      port: services.port,
      totals: () => ({ uploaded: this.upload.total, downloaded: this.download.total, left: left() }),
      peers: (addresses) => this.#add(addresses, 'tracker'),
      warning,
      switched: () => this.#swarm?.disconnectAll('torrent/tracker-changed', 'the private tracker changed'),
    })
  }

  /** True while we take part: connections may be made. */
  get isRunning(): boolean {
    return this.#running
  }

  get connections(): ReadonlySet<Connection> {
    return this.#swarm?.connections ?? NONE
  }

  /** Addresses known, connected or not. */
  get knownPeers(): number {
    return this.#peers.size
  }

  /** Payload bytes that were of no use. */
  get wasted(): number {
    return this.#wasted + (this.#swarm?.wasted ?? 0)
  }

  get trackers(): readonly TrackerSnapshot[] {
    return this.#announces.trackers
  }

  /** What there is to exchange, after the data was checked. */
  prepare(picker: Picker<KnownPeer>, store: Store): void {
    const { options } = this.#services
    const swarm = new Swarm({
      services: this.#services,
      layout: this.#options.metainfo.layout,
      infoHash: this.ours.infoHash,
      picker,
      store,
      peers: this.#peers,
      download: this.download,
      upload: this.upload,
      clientName: options.clientName,
      listenPort: this.#services.port,
      uploadSlots: options.uploadSlots,
      requestQueue: options.requestQueue,
      prefersEncryption: prefersEncryption(options.encryption),
      maxOutstanding: options.maxOutstanding,
      extensions: [],
      listener: {
        connected: (connection) => this.#connected(connection),
        closed: (connection, code, message) => this.#disconnected(connection, code, message),
        banned: (known, code) => this.#options.warning(code, `${known.key} was banned`),
      },
    })
    this.#wasted = this.wasted
    this.#picker = picker
    this.#swarm = swarm
  }

  /** Joins the swarm: announces `started`, dials. */
  start(): void {
    this.#running = true
    const now = this.#services.world.now()
    this.#peers.refresh(now)
    this.#swarm?.reopen()
    this.#announces.start(now)
    this.#services.dialer.add(this)
  }

  /** Leaves the swarm: drops all peers; resolves when the trackers know, or the time for it is up. */
  stop(code: string, message: string): Promise<void> {
    this.#running = false
    this.#services.dialer.remove(this)
    this.#swarm?.close(code, message)
    this.#services.scheduler.cancel(this)
    return this.#announces.stop(this.#services.world.now())
  }

  /** Gives up whatever is under way. After {@link Peering.stop}. */
  close(): void {
    this.#abort.abort(new Error('the torrent was closed'))
    this.#announces.close()
  }

  /** The download is complete. */
  completed(): void {
    this.#announces.completed(this.#services.world.now())
  }

  verified(piece: number): void {
    this.#swarm?.verified(piece)
  }

  failed(piece: number): void {
    this.#swarm?.failed(piece)
  }

  /** The store takes or refuses data. */
  throttle(): void {
    this.#swarm?.throttle()
  }

  /** We need peers again: those that left us as a seed may be dialled now. */
  seek(): void {
    const now = this.#services.world.now()
    this.#peers.refresh(now)
    this.#announces.needPeers(now)
  }

  /** What we want changed. */
  reconsider(): void {
    this.#swarm?.reconsiderAll()
    this.#services.dialer.wake()
  }

  /** Adds peers to dial, see `Torrent.addPeers`. */
  addPeers(peers: readonly string[]): void {
    for (const { host, port } of peers.map(parseEndpoint)) {
      const address = parseAddress(host, port)
      if (address) this.#add([address], 'user')
      else void this.#lookup(host, port)
    }
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
    this.#announces.addTracker(url, tier, this.#services.world.now())
  }

  removeTracker(url: string): void {
    this.#announces.removeTracker(url, this.#services.world.now())
  }

  nextDial(now: number): DialTarget | undefined {
    if (!this.#running || !this.#hasRoom) return undefined
    const known = this.#peers.next(now, this.#isSeed)
    if (!known) return undefined
    this.#peers.dialling(known)
    return {
      address: known.address,
      connected: (stream, handshake, rest) => this.attach(stream, handshake, rest, known),
      failed: () => this.#peers.failed(known, this.#services.world.now()),
    }
  }

  nextDialAt(): number {
    return this.#running && this.#hasRoom ? this.#peers.nextDialAt(this.#isSeed) : Number.POSITIVE_INFINITY
  }

  /** True when an incoming connection from this host may come in. */
  welcomes(host: string): boolean {
    return this.#running && this.#hasRoom && !this.#peers.isBannedHost(host, this.#services.world.now())
  }

  /** A peer whose handshake is done, `dialled` by us or incoming. */
  attach(stream: ByteStream, handshake: Greeting, rest: Uint8Array, dialled: KnownPeer | undefined): void {
    const now = this.#services.world.now()
    const known = dialled ?? this.#peers.incoming(stream.remote, now)
    const ourselves = equalBytes(handshake.peerId, this.ours.peerId)
    if (!this.#swarm || !this.#running || ourselves) {
      stream.destroy()
      if (dialled && ourselves) this.#peers.forget(known)
      else if (dialled) this.#peers.failed(known, now)
      return
    }
    this.#swarm.attach(stream, handshake, rest, known, dialled !== undefined, this.ours.peerId)
  }

  run(now: number): void {
    if (!this.#swarm || this.#swarm.connections.size === 0) return
    this.#swarm.tick(now)
    this.#services.scheduler.schedule(this, now + TICK)
  }

  get #isSeed(): boolean {
    return this.#picker?.isDone === true
  }

  get #hasRoom(): boolean {
    return this.connections.size < this.#services.options.maxPeersPerTorrent
  }

  #connected(connection: Connection): void {
    this.#services.scheduler.schedule(this, this.#services.world.now() + TICK)
    this.#options.connected(connection.known.key)
  }

  #disconnected(connection: Connection, code: string, message: string): void {
    this.#services.dialer.wake()
    this.#options.disconnected(connection.known.key, code, message)
    if (this.#running && this.connections.size === 0 && !this.#isSeed) {
      this.#announces.needPeers(this.#services.world.now())
    }
  }

  #add(addresses: readonly Address[], source: 'tracker' | 'user'): void {
    this.#peers.add(addresses, source, this.#services.world.now())
    if (addresses.length > 0) this.#services.dialer.wake()
  }

  async #lookup(host: string, port: number): Promise<void> {
    try {
      const hosts = await this.#services.world.lookup(host, { signal: this.#abort.signal })
      this.#add(
        hosts.map((ip) => ({ host: ip, port })),
        'user',
      )
    } catch (error) {
      if (this.#abort.signal.aborted) return
      this.#options.warning(errorCode(error), `peer ${host}:${port}: ${errorMessage(error)}`)
    }
  }
}

const NONE: ReadonlySet<Connection> = new Set()
