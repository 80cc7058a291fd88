/**
 * A session: one port, one set of services, many torrents.
 * @module
 */

import { EventEmitter } from 'node:events'
import { UploadSlots } from './choker/upload-slots.js'
import { type InfoHash, swarmKey } from './metainfo/infohash.js'
import type { Metainfo } from './metainfo/model.js'
import { DualStackDht } from './net/dht/dht.js'
import type { Dht } from './net/dht/dht-api.js'
import { Connector } from './net/peer/connector.js'
import { Dialer } from './net/peer/dialer.js'
import { Listener } from './net/peer/listener.js'
import { Scheduler } from './net/scheduler.js'
import { systemWorld } from './net/system/world.js'
import { TrackerClient } from './net/tracker/client.js'
import { SocketPair } from './net/udp/socket-pair.js'
import { UtpTransport } from './net/utp/transport.js'
import type { World } from './net/world.js'
import { ADD_OPTIONS, type AddOptions } from './session/add-options.js'
import { UpdateWatch } from './session/mutable-torrents.js'
import { openPorts } from './session/ports.js'
import { LiveSettings } from './session/settings.js'
import type { SessionOptions, Settings, SettingsChange } from './session/settings-types.js'
import { type FoundSource, SourceReader } from './session/source.js'
import { FileStorage } from './storage/backend/file.js'
import { DhtSchedule } from './torrent/discovery/dht-schedule.js'
import type { SessionStats, TorrentUpdate, UdpStats, Warning } from './torrent/events.js'
import { idOf, swarmHashes } from './torrent/infohashes.js'
import type { Peering } from './torrent/peering.js'
import { BAN_OPTIONS, type Ban, type BanOptions, Bans } from './torrent/peers/bans.js'
import type { TorrentSource } from './torrent/source.js'
import { endLeastUseful } from './torrent/swarm/turnover.js'
import { SessionTorrent, type TorrentServices } from './torrent/torrent.js'
import type { Torrent } from './torrent/torrent-api.js'
import type { Address } from './util/address.js'
import { abortable, Deferred } from './util/async/deferred.js'
import { EventQueue } from './util/async/event-queue.js'
import { fromHex, toHex } from './util/bytes.js'
import { type ErrorCode, errorCode, errorMessage, RarestError } from './util/errors.js'
import { checkOptions } from './util/options.js'

/** Events of a {@link Session} with their arguments. They come as those of a torrent do: see `TorrentEvents`. */
export interface SessionEvents {
  /** Listening, on this port; 0 when the session only dials. */
  listening: [port: number]
  /** A torrent was added. */
  added: [torrent: Torrent]
  /** A torrent was removed or closed. */
  removed: [torrent: Torrent]
  /** The key of a link names another torrent than this one now (BEP 46). */
  update: [torrent: Torrent, update: TorrentUpdate]
  /** A torrent took the place of the one before it, which is closed: `updates.follow` asked for it. */
  followed: [torrent: Torrent, previous: Torrent]
  /** Trouble that the session survives; `torrent` names the one it came from. */
  warning: [warning: Warning & { readonly torrent?: Torrent }]
  closed: []
}

/** ms that TCP has before uTP is tried as well: a handshake across the world and a bit. */
const TCP_HEAD_START = 500

export class Session extends EventEmitter<SessionEvents> {
  readonly #world: World
  readonly #settings: LiveSettings
  readonly #events: EventQueue
  readonly #scheduler: Scheduler
  readonly #dialer: Dialer
  readonly #listener: Listener | undefined
  readonly #trackers: TrackerClient
  readonly #udp: SocketPair
  readonly #utp: UtpTransport | undefined
  readonly #dht: DualStackDht | undefined
  readonly #dhtSchedule: DhtSchedule | undefined
  readonly #bans = new Bans(() => this.#dropBanned())
  readonly #slots: UploadSlots
  readonly #torrents = new Map<string, SessionTorrent>()
  readonly #paths = new WeakMap<Torrent, string>()
  readonly #peerings = new Map<string, Peering>()
  /** Storage of torrents, by infohash, whose open files are counted here. */
  readonly #fileStorages = new Map<string, FileStorage>()
  readonly #failing = new Map<Peering, (error: RarestError) => void>()
  readonly #ready = new Deferred<number>()
  readonly #abort = new AbortController()
  readonly #sources: SourceReader
  readonly #updates: UpdateWatch | undefined
  readonly #opening: Promise<void>
  #port = 0
  #closing: Promise<void> | undefined

  /** Starts to listen at once. Throws TypeError or RangeError for a wrong option. */
  constructor(options: SessionOptions = {}) {
    super()
    this.#settings = new LiveSettings(options)
    const { transport, limits, discovery } = this.#settings
    this.#world = this.#settings.world ?? systemWorld()
    this.#events = new EventQueue((call) => this.#world.defer(call))
    this.#scheduler = new Scheduler(this.#world)
    this.#slots = new UploadSlots(limits.uploadSlots)
    this.#udp = new SocketPair(this.#world)
    this.#trackers = new TrackerClient(this.#world, { shared: this.#udp })
    this.#udp.onOther = (bytes, from) => this.#trackers.receive(bytes, from)
    this.#listener = transport.listen ? this.#makeListener() : undefined
    const services = { world: this.#world, scheduler: this.#scheduler, udp: this.#udp }
    if (transport.utp) {
      this.#utp = new UtpTransport({
        ...services,
        maxConnections: utpConnections(limits.connections),
        welcome: (from) => this.#listener !== undefined && this.#welcomes(from),
        accept: (stream) => this.#listener?.accept(stream),
      })
    }
    this.#dialer = new Dialer({
      settings: this.#settings,
      world: this.#world,
      scheduler: this.#scheduler,
      connector: new Connector({
        world: this.#world,
        tcp: transport.tcp,
        utp: this.#utp && { transport: this.#utp, udp: this.#udp },
        headStart: TCP_HEAD_START,
      }),
      room: () => this.#room(),
    })
    if (discovery.dht) {
      this.#dht = new DualStackDht(services, discovery.dht)
      this.#updates = new UpdateWatch({
        dht: this.#dht,
        told: (torrent, update) => {
          this.#events.push(() => torrent.emit('update', update))
          this.#tell('update', torrent, update)
        },
        add: (magnet, options) => this.add(magnet, options),
        followed: (torrent, previous) => this.#tell('followed', torrent, previous),
        warning: (warning) => this.#tell('warning', warning),
      })
      this.#dhtSchedule = new DhtSchedule({
        ...services,
        dht: this.#dht,
        port: () => this.#port,
        udpPort: () => this.#udp.port,
      })
    }
    this.#sources = new SourceReader({
      world: this.#world,
      dht: this.#dht,
      cache: () => this.#settings.storage.metadataCache,
    })
    this.#opening = this.#open()
  }

  /** A session that listens. Rejects as {@link ready}, and leaves nothing open then. */
  static async open(options: SessionOptions = {}): Promise<Session> {
    const session = new Session(options)
    try {
      await session.ready
    } catch (error) {
      await session.close()
      throw error
    }
    return session
  }

  /** Resolves to the port when the session listens (0 when it only dials), or rejects, for instance with `EADDRINUSE`. */
  get ready(): Promise<number> {
    return this.#ready.promise
  }

  /** All settings as they are now, frozen. */
  get settings(): Settings {
    return this.#settings.snapshot
  }

  /**
   * Changes settings while the session runs; docs/settings.md says of each when the new value takes effect. What is
   * not given stays. Throws TypeError or RangeError as the constructor does, `session/fixed-setting` for what
   * cannot change, `session/closed` after {@link Session.close}: then nothing is changed.
   */
  configure(settings: SettingsChange): void {
    this.#assertOpen()
    const before = this.#settings.limits
    const choking = this.#settings.client.seedChoking
    this.#settings.change(settings)
    const { limits, client } = this.#settings
    const slots =
      limits.uploadSlots !== before.uploadSlots ||
      limits.uploadSlotsPerTorrent !== before.uploadSlotsPerTorrent ||
      client.seedChoking !== choking
    if (slots) this.#slots.max = limits.uploadSlots
    if (this.#utp) this.#utp.maxConnections = utpConnections(limits.connections)
    for (const storage of this.#fileStorages.values()) storage.maxHandles = limits.openFilesPerTorrent
    const torrents = new Set(this.#torrents.values())
    for (const torrent of torrents) torrent.configured(slots)
    const now = this.#world.now()
    endLeastUseful(
      [...torrents].flatMap((torrent) => torrent.standings(now)),
      limits.connections,
    )
    this.#dialer.configured()
  }

  /** The DHT node of the session; undefined when its option `dht` is off. */
  get dht(): Dht | undefined {
    return this.#dht
  }

  get torrents(): readonly Torrent[] {
    return [...new Set(this.#torrents.values())]
  }

  /** The torrent of an infohash, or undefined. Throws TypeError or RangeError for what is no infohash. */
  torrent(infoHash: InfoHash): Torrent | undefined {
    return this.#torrents.get(toHex(swarmKey('infoHash', infoHash)))
  }

  get stats(): SessionStats {
    const sums = { downloadRate: 0, uploadRate: 0, downloaded: 0, uploaded: 0, connections: 0 }
    for (const torrent of this.torrents) {
      const stats = torrent.stats
      sums.downloadRate += stats.downloadRate
      sums.uploadRate += stats.uploadRate
      sums.downloaded += stats.downloaded
      sums.uploaded += stats.uploaded
      sums.connections += stats.peers
    }
    return {
      torrents: this.torrents.length,
      halfOpen: this.#dialer.halfOpen,
      banned: this.bans.length,
      udp: this.#udpStats,
      ...sums,
    }
  }

  /**
   * Adds a torrent: a magnet link, a path or http(s) URL of a .torrent file, its bytes, or parsed metainfo.
   * Rejects with a code when the torrent cannot be read, with TypeError or RangeError for a wrong option, and with
   * `session/closed` when the session closes first; nothing is left then. A magnet resolves at once:
   * `torrent.metadata` tells when peers gave what it names.
   *
   * A torrent that is there gives the same handle, and takes what is new:
   *
   * | given | what becomes of it |
   * |---|---|
   * | a torrent file, after its magnet | gives it the metadata |
   * | trackers and peers of the source | are added; those of a link not to a private torrent (BEP 27): warning `session/private` |
   * | `trackers`, `peers` | are added |
   * | `select`, `sequential` | hold from now on |
   * | `paused` | `true` pauses, `false` resumes, not given leaves it as it is |
   * | `updates` | hold from now on, `false` ends the looking |
   * | `path`, `superseed`, `skipCheck`, `so=` of a link | hold from the first time; another value is a warning `session/ignored-option` |
   * | `signal` | ends the waiting |
   *
   * A torrent that is closing or being removed is waited for, and then added anew.
   */
  async add(source: string | URL | Uint8Array | Metainfo, options: AddOptions = {}): Promise<Torrent> {
    this.#assertOpen()
    checkOptions(options, ADD_OPTIONS)
    options.signal?.throwIfAborted()
    const { source: found, publication } = await this.#read(source, options.signal)
    await abortable(this.#opening, options.signal)
    this.#assertOpen()
    const hashes = swarmHashes(found.hashes).map(toHex)
    let there = this.#find(hashes)
    while (there?.isClosing) {
      // How the removal ends is the business of its caller.
      const gone = there.close().catch(() => {})
      await abortable(gone, options.signal)
      this.#assertOpen()
      there = this.#find(hashes)
    }
    const torrent = there ?? this.#make(found, options)
    if (there) this.#merge(there, found, options)
    if (options.updates && !(publication && this.#updates))
      torrent.ignored('updates', publication ? 'it needs the DHT' : 'the link names no key')
    this.#updates?.watch(torrent, publication, options)
    return torrent
  }

  /** Addresses that are banned now: by {@link Session.ban}, or for what they did. */
  get bans(): readonly Ban[] {
    return this.#bans.list(this.#world.now())
  }

  /**
   * Has nothing to do with an address any more, all torrents alike: an IP, or `IP:port`, where the port
   * counts for loopback addresses only. Its connections are closed. Throws RangeError for anything else, TypeError
   * or RangeError for a wrong option.
   */
  ban(address: string, options: BanOptions = {}): void {
    checkOptions(options, BAN_OPTIONS)
    const { duration = Number.POSITIVE_INFINITY, reason = 'user' } = options
    this.#bans.add(address, duration, reason, this.#world.now())
  }

  /** Lifts a ban, however it came about; false when there was none. Throws RangeError for what is no address. */
  unban(address: string): boolean {
    return this.#bans.remove(address)
  }

  /**
   * Closes every torrent (announcing `stopped`) and every socket. Nothing stays open. Rejects with `signal.reason`
   * alone, which ends the waiting: the closing itself goes on.
   */
  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closing ??= this.#close()
    return abortable(this.#closing, options.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #find(hashes: readonly string[]): SessionTorrent | undefined {
    return hashes.map((hash) => this.#torrents.get(hash)).find((torrent) => torrent !== undefined)
  }

  #make(found: TorrentSource, options: AddOptions): SessionTorrent {
    const { storage } = this.#settings
    const path = options.path ?? storage.path
    const infoHash = idOf(found.hashes)
    const services = this.#services((name) =>
      storage.factory === 'files'
        ? this.#fileStorage(path, infoHash)
        : storage.factory({ name, infoHash, path }),
    )
    // The link of a private torrent may be a stranger's: its trackers are all there are, its peers are not taken.
    const isStrange = found.magnet !== undefined && found.metainfo?.private === true
    const source = isStrange ? { ...found, peers: [] } : found
    const torrent: SessionTorrent = new SessionTorrent(services, source, options, (peering, fail) => {
      for (const hash of swarmHashes(found.hashes)) this.#enlist(hash, peering)
      this.#failing.set(peering, fail)
      // Before all that the torrent itself tells.
      this.#events.push(() => this.emit('added', torrent))
    })
    for (const hash of swarmHashes(found.hashes)) this.#torrents.set(toHex(hash), torrent)
    this.#paths.set(torrent, path)
    if (isStrange) torrent.warnPrivate(found)
    return torrent
  }

  #fileStorage(path: string, infoHash: string): FileStorage {
    const storage = new FileStorage(path, { maxHandles: this.#settings.limits.openFilesPerTorrent })
    this.#fileStorages.set(infoHash, storage)
    return storage
  }

  #merge(torrent: SessionTorrent, found: TorrentSource, options: AddOptions): void {
    torrent.merge(found, options)
    const path = this.#paths.get(torrent)
    if (options.path !== undefined && options.path !== path)
      torrent.ignored('path', `the files of this torrent are in ${path}`)
  }

  get #udpStats(): UdpStats | undefined {
    if (this.#udp.port === 0) return undefined
    const { receiveBuffer } = this.#udp
    return { receiveBuffer, utpConnections: this.#utp?.stats.connections ?? 0 }
  }

  async #open(): Promise<void> {
    try {
      const { host, port, tcp } = this.#settings.transport
      const ports = await openPorts(
        tcp ? this.#listener : undefined,
        this.#dht || this.#utp ? this.#udp : undefined,
        host === undefined ? { port } : { host, port },
        !tcp,
      )
      this.#port = tcp || !this.#listener ? ports.tcp : ports.udp
      if (this.#closing) return
      if (ports.udpError) this.#withoutUdp(ports.udpError)
      else this.#dht?.start()
      this.#ready.resolve(this.#port)
      this.#tell('listening', this.#port)
    } catch (error) {
      this.#ready.reject(error)
      this.#dht?.end()
      const message = error instanceof Error ? error.message : String(error)
      this.#tell('warning', { code: 'session/listen-failed', message: `cannot listen: ${message}` })
    }
  }

  #withoutUdp({ code, message }: { readonly code: ErrorCode; readonly message: string }): void {
    this.#dht?.fail(new RarestError(code, message))
    this.#tell('warning', { code: 'session/udp-failed', message: `no DHT and no uTP: ${message}` })
  }

  async #close(): Promise<void> {
    const closed = new RarestError('session/closed', 'the session was closed')
    this.#abort.abort(closed)
    this.#ready.reject(closed)
    this.#dialer.close()
    await this.#opening
    await Promise.all(this.torrents.map((torrent) => torrent.close()))
    this.#dht?.end()
    this.#utp?.close()
    await this.#listener?.close()
    await this.#trackers.close()
    await this.#udp.close()
    this.#scheduler.close()
    this.#tell('closed')
    await this.#events.flushed()
  }

  async #read(
    source: string | URL | Uint8Array | Metainfo,
    signal: AbortSignal | undefined,
  ): Promise<FoundSource> {
    const closing = this.#abort.signal
    return this.#sources.read(source, signal ? AbortSignal.any([closing, signal]) : closing)
  }

  #makeListener(): Listener {
    return new Listener({
      world: this.#world,
      scheduler: this.#scheduler,
      settings: this.#settings,
      welcome: ({ remote }) => this.#welcomes(remote),
      identify: (infoHash) => {
        const peering = this.#peerings.get(toHex(infoHash))
        return peering?.isRunning ? peering.ours : undefined
      },
      accepted: (stream, handshake, rest) => {
        const peering = this.#peerings.get(toHex(handshake.infoHash))
        if (peering?.welcomes(stream.remote.host)) peering.attach(stream, handshake, rest, undefined)
        else stream.destroy()
      },
    })
  }

  #services(storage: TorrentServices['storage']): TorrentServices {
    return {
      world: this.#world,
      scheduler: this.#scheduler,
      events: this.#events,
      dialer: this.#dialer,
      trackers: this.#trackers,
      settings: this.#settings,
      bans: this.#bans,
      uploadSlots: this.#slots,
      port: () => this.#port,
      dht: this.#dhtSchedule,
      storage,
      learned: (torrent, metainfo) => this.#learned(torrent, metainfo),
      removed: (torrent) => {
        this.#updates?.end(torrent)
        this.#fileStorages.delete(torrent.infoHash)
        for (const [hash, each] of this.#torrents) if (each === torrent) this.#strike(hash)
        const listed = new Set(this.#peerings.values())
        for (const peering of this.#failing.keys()) if (!listed.has(peering)) this.#failing.delete(peering)
        this.#tell('removed', torrent)
      },
      warning: (torrent, code, message) => this.#tell('warning', { code, message, torrent }),
    }
  }

  /** Lets connections that name this infohash find their torrent. */
  #enlist(hash: Uint8Array, peering: Peering): void {
    this.#peerings.set(toHex(hash), peering)
    this.#listener?.skeys.add(hash)
  }

  #strike(hash: string): void {
    this.#torrents.delete(hash)
    this.#peerings.delete(hash)
    this.#listener?.skeys.delete(fromHex(hash) as Uint8Array)
  }

  /**
   * A magnet with one infohash may turn out to be a hybrid, which has two. What waits under the other one is
   * the same torrent, and ends: the first to know goes on.
   */
  #learned(torrent: SessionTorrent, metainfo: Metainfo): void {
    const hashes = swarmHashes({ v1: metainfo.infoHash, v2: metainfo.infoHashV2 })
    for (const hash of hashes) {
      const other = this.#torrents.get(toHex(hash))
      if (!other || other === torrent) continue
      const same = (one: Torrent) =>
        new RarestError('session/duplicate', `this is the same torrent as ${one.infoHash}`)
      if (other.metainfo) throw same(other)
      this.#failing.get(this.#peerings.get(toHex(hash)) as Peering)?.(same(torrent))
      void other.close()
      // Its link named the same torrent.
      if (!metainfo.private) for (const { url } of other.trackers) torrent.addTracker(url)
    }
    this.#sources.keep(torrent.infoHash, metainfo).catch((error: unknown) => {
      this.#tell('warning', { code: errorCode(error), message: errorMessage(error), torrent })
    })
    const peering = this.#peerings.get(torrent.infoHash) as Peering
    for (const hash of hashes) {
      this.#torrents.set(toHex(hash), torrent)
      this.#enlist(hash, peering)
    }
  }

  #welcomes(remote: Address): boolean {
    return this.#room() > 0 && !this.#bans.has(remote, this.#world.now())
  }

  #room(): number {
    let used = 0
    for (const peering of new Set(this.#peerings.values())) used += peering.size
    return this.#settings.limits.connections - used
  }

  /** At the end of this turn: bans come about while connections are being closed. */
  #dropBanned(): void {
    this.#world.defer(() => {
      for (const peering of this.#peerings.values()) peering.dropBanned()
    })
  }

  /** Emits an event in a turn of its own. */
  #tell<K extends keyof SessionEvents>(event: K, ...args: SessionEvents[K]): void {
    this.#events.push(() => (this as EventEmitter).emit(event, ...args))
  }

  #assertOpen(): void {
    if (this.#closing) throw new RarestError('session/closed', 'the session was closed')
  }
}

/** Connections that uTP may hold: those that ended linger for a while. */
function utpConnections(connections: number): number {
  return 2 * connections + 100
}
