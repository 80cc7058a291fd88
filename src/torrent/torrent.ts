/**
 * One torrent of a session: checks what is on disk, joins the swarm, fetches what is wanted, serves
 * what is verified.
 * @module
 */

import { EventEmitter } from 'node:events'
import { magnetOf } from '../metainfo/magnet.js'
import type { Metainfo } from '../metainfo/model.js'
import { placeOf } from '../metainfo/place.js'
import type { Dialer, Dialling, DialTarget } from '../net/dialer.js'
import type { Identity } from '../net/handshaking.js'
import type { LinkServices } from '../net/link.js'
import type { Task } from '../net/scheduler.js'
import type { TrackerClient } from '../net/tracker-client.js'
import type { ByteStream } from '../net/world.js'
import type { ResolvedOptions } from '../options.js'
import { Picker } from '../picker/picker.js'
import type { StorageBackend } from '../storage/backend.js'
import { Store } from '../storage/store.js'
import type { TrackerSnapshot } from '../tracker/announcer.js'
import { type Address, parseAddress, parseEndpoint } from '../util/address.js'
import { Bitfield } from '../util/bitfield.js'
import { equalBytes, toHex } from '../util/bytes.js'
import { errorCode, errorMessage, RarestError } from '../util/errors.js'
import { Rate } from '../util/rate.js'
import type { Handshake } from '../wire/handshake.js'
import { makePeerId } from '../wire/peer-id.js'
import { Announces } from './announces.js'
import type { Connection } from './connection.js'
import { Deferred } from './deferred.js'
import type { PeerSnapshot, TorrentEvents, TorrentState, TorrentStats } from './events.js'
import { TorrentFile } from './file.js'
import { type KnownPeer, PeerList } from './peer-list.js'
import { Reading } from './reading.js'
import { Selection } from './selection.js'
import { peerSnapshots, verifiedBytes } from './snapshots.js'
import { Swarm } from './swarm.js'

/** What a session lends to its torrents. */
export interface TorrentServices extends LinkServices {
  readonly dialer: Dialer
  readonly trackers: TrackerClient
  readonly options: ResolvedOptions
  /** Port on which the session listens, 0 when it does not. */
  readonly port: () => number
  /** The torrent is gone. */
  readonly removed: (torrent: Torrent) => void
  readonly warning: (torrent: Torrent, code: string, message: string) => void
}

export interface TorrentOptions {
  /** Tracker URLs besides those of the torrent. */
  readonly trackers?: readonly string[]
  /** Peers to dial, `host:port` with an IP as host. */
  readonly peers?: readonly string[]
  /** Indices of the files to fetch; all by default. */
  readonly select?: readonly number[]
  /** Pieces in order instead of rarest first. */
  readonly sequential?: boolean
  /** Add it without starting. */
  readonly paused?: boolean
  /** Trust that nothing is on disk instead of checking. */
  readonly skipCheck?: boolean
}

const TICK = 1_000

export class Torrent extends EventEmitter<TorrentEvents> implements Dialling, Task {
  readonly metainfo: Metainfo
  /** 40 hex digits. */
  readonly infoHash: string
  readonly name: string
  /** Without pad files; the order is that of the torrent. */
  readonly files: readonly TorrentFile[]
  /** Who we are to this torrent's peers and trackers. */
  readonly ours: Identity
  readonly #services: TorrentServices
  readonly #store: Store
  readonly #peers = new PeerList()
  readonly #selection: Selection
  readonly #announces: Announces
  #ready = new Deferred<void>()
  readonly #abort = new AbortController()
  #done = new Deferred<'complete' | 'closed'>()
  readonly #download = new Rate()
  readonly #upload = new Rate()
  #picker: Picker<KnownPeer>
  #swarm: Swarm | undefined
  #reading: Reading | undefined
  #state: TorrentState = 'checking'
  #checked = false
  #wantsRun: boolean
  #finished = false
  #error: RarestError | undefined
  #closing: Promise<void> | undefined

  constructor(
    services: TorrentServices,
    metainfo: Metainfo,
    backend: StorageBackend,
    options: TorrentOptions,
  ) {
    super()
    const { world, scheduler } = services
    this.#services = services
    this.metainfo = metainfo
    this.name = metainfo.name
    const infoHash = metainfo.infoHash as Uint8Array
    this.infoHash = toHex(infoHash)
    this.ours = { infoHash, peerId: makePeerId(world.random) }
    const host = {
      fileDownloaded: (index: number) => verifiedBytes(metainfo, this.#picker.have, index),
      filePriority: (index: number) => this.#selection.priority(index),
      setFilePriority: (index: number, priority: number) => this.#prioritise(index, priority),
      readFile: (index: number, offset: number, most: number, signal: AbortSignal | undefined) =>
        this.#readFile(index, offset, most, signal),
    }
    this.files = metainfo.files.flatMap((file, index) =>
      file.pad ? [] : [new TorrentFile(host, index, file)],
    )
    this.#selection = new Selection(metainfo)
    if (options.select) this.#selection.only(options.select.map((index) => this.#fileAt(index).index))
    this.#wantsRun = options.paused !== true
    this.#store = new Store({
      layout: metainfo.layout,
      files: metainfo.files.map((file) => ({
        ...placeOf(metainfo, file),
        length: file.length,
        pad: file.pad,
        symlink: file.symlink !== undefined,
      })),
      backend,
      pieces: metainfo.pieces,
      defer: (call) => world.defer(call),
      budget: services.options.pieceBudget,
      readBudget: services.options.readBudget,
      on: {
        verified: (piece) => this.#verified(piece),
        failed: (piece) => this.#swarm?.failed(piece),
        error: (error) => this.#fail(error),
        drained: () => this.#swarm?.throttle(),
      },
    })
    this.#picker = this.#makePicker(new Bitfield(metainfo.pieceCount), options.sequential === true)
    this.#announces = new Announces({
      world,
      scheduler,
      client: services.trackers,
      trackers: [...metainfo.trackers, ...(options.trackers ?? []).map((url) => [url])],
      infoHash,
      peerId: this.ours.peerId,
      private: metainfo.private,
      port: services.port,
      totals: () => this.#totals(),
      peers: (addresses) => this.#addAddresses(addresses, 'tracker'),
      warning: (code, message) => this.#warn(code, message),
      switched: () => this.#swarm?.disconnectAll('torrent/tracker-changed', 'the private tracker changed'),
    })
    if (options.peers) this.addPeers(options.peers)
    void this.#open(options.skipCheck ? new Bitfield(metainfo.pieceCount) : undefined)
  }

  /** Settles when existing data was checked: resolves, or rejects with the error that prevented it. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** `'complete'` when all that is wanted is verified and written, `'closed'` when the torrent is closed first; rejects on a fatal error. */
  get done(): Promise<'complete' | 'closed'> {
    return this.#done.promise
  }

  get state(): TorrentState {
    return this.#state
  }

  /** Why the torrent stopped, while its state is `error`. */
  get error(): RarestError | undefined {
    return this.#error
  }

  /** A magnet link with the torrent's trackers and web seeds. */
  get magnet(): string {
    return magnetOf(this.metainfo)
  }

  get stats(): TorrentStats {
    const now = this.#services.world.now()
    const { metainfo } = this
    const have = this.#picker.have
    const downloaded = verifiedBytes(metainfo, have)
    const { leftBytes: left, wantedBytes: wanted } = this.#selection
    const rate = this.#download.at(now)
    let seeds = 0
    for (const connection of this.#swarm?.connections ?? []) if (connection.peer.isSeed) seeds++
    return {
      state: this.#state,
      size: metainfo.size,
      downloaded,
      wanted,
      left,
      received: this.#download.total,
      uploaded: this.#upload.total,
      wasted: this.#swarm?.wasted ?? 0,
      downloadRate: rate,
      uploadRate: this.#upload.at(now),
      eta: left === 0 ? 0 : left / rate,
      progress: wanted === 0 ? 1 : 1 - left / wanted,
      pieces: metainfo.pieceCount,
      verifiedPieces: have.count,
      peers: this.#swarm?.connections.size ?? 0,
      seeds,
      knownPeers: this.#peers.size,
    }
  }

  /** The connected peers. */
  get peers(): PeerSnapshot[] {
    return peerSnapshots(this.#swarm?.connections ?? [], this.#services.world.now())
  }

  /** What is known of each tracker. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#announces.trackers
  }

  /** The verified pieces, a copy in wire form: bit 7 of byte 0 is piece 0. */
  get bitfield(): Uint8Array {
    return this.#picker.have.bytes.slice()
  }

  /**
   * Adds peers to dial: `host:port` or `[v6]:port`; names are looked up, a name that has no address is a
   * warning. Throws RangeError for anything else.
   */
  addPeers(peers: readonly string[]): void {
    const endpoints = peers.map(parseEndpoint)
    for (const { host, port } of endpoints) {
      const address = parseAddress(host, port)
      if (address) this.#addAddresses([address], 'user')
      else void this.#lookup(host, port)
    }
  }

  /** Adds a tracker, in a tier of its own unless `tier` is given. */
  addTracker(url: string, tier?: number): void {
    this.#announces.addTracker(url, tier, this.#services.world.now())
  }

  removeTracker(url: string): void {
    this.#announces.removeTracker(url, this.#services.world.now())
  }

  /** Fetches exactly these files (indices into `files`). */
  select(indices: readonly number[]): void {
    this.#selection.only(indices.map((index) => this.#fileAt(index).index))
    this.#selectionChanged()
  }

  /** Pieces in order instead of rarest first. */
  set sequential(value: boolean) {
    this.#picker.sequential = value
  }

  get sequential(): boolean {
    return this.#picker.sequential
  }

  /** Drops all peers, tells the trackers `stopped`, keeps everything that is verified. */
  pause(): void {
    this.#wantsRun = false
    if (this.#state !== 'downloading' && this.#state !== 'seeding') return
    this.#stop('torrent/paused', 'the torrent was paused')
    this.#setState('paused')
    this.emit('paused')
  }

  /**
   * Undoes {@link pause}; after a fatal error it tries again from where it stopped. Files that were found
   * missing or changed are checked again, and what they lost is downloaded.
   */
  resume(): void {
    this.#wantsRun = true
    if (this.#state === 'error') {
      this.#error = undefined
      this.#done = new Deferred()
      this.#finished = false
      this.#store.retry()
      const suspects = this.#store.suspects
      if (!this.#checked || suspects) {
        this.#ready = new Deferred()
        this.#setState('checking')
        void this.#open(this.#checked ? suspects : undefined)
        return
      }
    } else if (this.#state !== 'paused') return
    this.#peers.refresh(this.#services.world.now())
    this.#run()
    this.#store.createEmptyFiles().catch((error: unknown) => this.#fail(error))
    this.emit('resumed')
    this.#completeIfDone()
  }

  /** Leaves the swarm: says `stopped`, writes what is verified, frees everything. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close(false)
    return this.#closing
  }

  /** Closes it and takes it from the session, with its files when `deleteData` is set. Rejects when they cannot be deleted. */
  async remove(options: { readonly deleteData?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(options.deleteData === true)
    await this.#closing
  }

  /** For the dialer: the next peer to dial. */
  nextDial(now: number): DialTarget | undefined {
    if (!this.#swarm || !this.#hasRoom()) return undefined
    const known = this.#peers.next(now, this.#picker.isDone)
    if (!known) return undefined
    this.#peers.dialling(known)
    return {
      address: known.address,
      connected: (stream, handshake, rest) => this.attach(stream, handshake, rest, known),
      failed: () => this.#peers.failed(known, this.#services.world.now()),
    }
  }

  nextDialAt(): number {
    return this.#swarm && this.#hasRoom()
      ? this.#peers.nextDialAt(this.#picker.isDone)
      : Number.POSITIVE_INFINITY
  }

  /** For the session: true when an incoming connection from this host may come in. */
  welcomes(host: string): boolean {
    return this.#hasRoom() && !this.#peers.isBannedHost(host, this.#services.world.now())
  }

  /** Open connections. */
  get connectionCount(): number {
    return this.#swarm?.connections.size ?? 0
  }

  /** True while the torrent takes part in its swarm. */
  get isRunning(): boolean {
    return this.#state === 'downloading' || this.#state === 'seeding'
  }

  /** For dialer and listener: a peer whose handshake is done. */
  attach(stream: ByteStream, handshake: Handshake, rest: Uint8Array, dialled: KnownPeer | undefined): void {
    const now = this.#services.world.now()
    const known = dialled ?? this.#peers.incoming(stream.remote, now)
    if (!this.#swarm || !this.isRunning) {
      stream.destroy()
      if (dialled) this.#peers.failed(known, now)
      return
    }
    if (equalBytes(handshake.peerId, this.ours.peerId)) {
      stream.destroy()
      if (dialled) this.#peers.forget(known)
      return
    }
    this.#swarm.attach(stream, handshake, rest, known, dialled !== undefined, this.ours.peerId)
  }

  run(now: number): void {
    const swarm = this.#swarm
    if (!swarm || swarm.connections.size === 0) return
    swarm.tick(now)
    this.#services.scheduler.schedule(this, now + TICK)
  }

  /** Checks what is on the disk, these pieces or all, and starts. */
  async #open(pieces: Bitfield | undefined): Promise<void> {
    try {
      await this.#store.open()
      if (!this.#selection.isAll) await this.#store.setWanted(this.#selection.wantedFiles())
      if (!pieces?.isEmpty) {
        await this.#store.check({
          ...(pieces ? { pieces } : {}),
          signal: this.#abort.signal,
          onProgress: (checked) => this.emit('checking', checked, this.metainfo.pieceCount),
        })
      }
      if (this.#closing) return
      // A picker that starts anew knows nothing of pieces half way there.
      for (let piece = 0; piece < this.metainfo.pieceCount; piece++) this.#store.abandon(piece)
      this.#picker = this.#makePicker(this.#store.verified.clone(), this.#picker.sequential)
      if (this.#wantsRun) await this.#store.createEmptyFiles()
      if (this.#closing) return
      this.#checked = true
      this.#swarm = this.#makeSwarm()
      this.#reading?.close(new RarestError('torrent/checked', 'the data was checked again'))
      this.#reading = new Reading(this.metainfo.layout, this.#store, this.#picker, () =>
        this.#swarm?.reconsiderAll(),
      )
      if (this.#wantsRun) this.#run()
      else this.#setState('paused')
      this.#ready.resolve()
      this.emit('ready')
      this.#completeIfDone()
    } catch (error) {
      if (!this.#closing) this.#fail(error)
    }
  }

  #makePicker(have: Bitfield, sequential: boolean): Picker<KnownPeer> {
    const picker = new Picker<KnownPeer>({
      layout: this.metainfo.layout,
      random: this.#services.world.random,
      have,
      maxOpenPieces: this.#store.maxOpenPieces,
    })
    picker.setPriorities(this.#selection.pieces(have))
    picker.sequential = sequential
    return picker
  }

  #makeSwarm(): Swarm {
    const { options } = this.#services
    const swarm = new Swarm({
      services: this.#services,
      layout: this.metainfo.layout,
      infoHash: this.ours.infoHash,
      picker: this.#picker,
      store: this.#store,
      peers: this.#peers,
      download: this.#download,
      upload: this.#upload,
      clientName: options.clientName,
      listenPort: this.#services.port,
      uploadSlots: options.uploadSlots,
      requestQueue: options.requestQueue,
      maxOutstanding: options.maxOutstanding,
      listener: {
        connected: (connection) => this.#connected(connection),
        closed: (connection, code, message) => this.#disconnected(connection, code, message),
        banned: (known, code) => this.#warn(code, `${known.key} was banned`),
      },
    })
    swarm.wasted = this.#swarm?.wasted ?? 0
    return swarm
  }

  #run(): void {
    const now = this.#services.world.now()
    this.#setState(this.#picker.isDone ? 'seeding' : 'downloading')
    this.#swarm?.reopen()
    this.#announces.start(now)
    this.#services.dialer.add(this)
  }

  #stop(code: string, message: string): void {
    this.#services.dialer.remove(this)
    this.#swarm?.close(code, message)
    this.#services.scheduler.cancel(this)
    void this.#announces.stop(this.#services.world.now())
  }

  async #close(deleteData: boolean): Promise<void> {
    const stopped = this.isRunning || this.#state === 'paused'
    const { dialer, scheduler, world } = this.#services
    dialer.remove(this)
    this.#abort.abort(new RarestError('torrent/closed', 'the torrent was closed'))
    this.#swarm?.close('torrent/closed', 'the torrent was closed')
    scheduler.cancel(this)
    this.#setState('closed')
    const closed = new RarestError('torrent/closed', 'the torrent was closed')
    this.#reading?.close(closed)
    this.#ready.reject(closed)
    if (stopped) await this.#announces.stop(world.now())
    this.#announces.close()
    let failure: unknown
    if (deleteData) await this.#store.destroy().catch((error: unknown) => (failure = error))
    await this.#store.close().catch((error: unknown) => this.#warn(errorCode(error), errorMessage(error)))
    this.#done.resolve('closed')
    this.#services.removed(this)
    this.emit('closed')
    if (failure !== undefined) throw failure
  }

  #fail(error: unknown): void {
    if (this.#error || this.#closing) return
    const wrapped =
      error instanceof RarestError
        ? error
        : new RarestError(errorCode(error), errorMessage(error), { cause: error })
    this.#error = wrapped
    this.#stop(wrapped.code, wrapped.message)
    this.#setState('error')
    this.#ready.reject(wrapped)
    this.#done.reject(wrapped)
    this.#reading?.fail(wrapped)
    if (this.listenerCount('error') > 0) this.emit('error', wrapped)
    this.#services.warning(this, wrapped.code, `${this.name}: ${wrapped.message}`)
  }

  #verified(piece: number): void {
    this.#selection.verified(piece)
    this.#swarm?.verified(piece)
    this.#reading?.verified(piece)
    this.emit('piece', piece)
    this.#completeIfDone()
  }

  #completeIfDone(): void {
    if (this.#finished || !this.#checked || !this.#picker.isDone) return
    this.#finished = true
    if (this.#state === 'downloading') {
      this.#setState('seeding')
      if (this.#picker.have.isFull) this.#announces.completed(this.#services.world.now())
    }
    this.#done.resolve('complete')
    this.emit('done')
  }

  #connected(connection: Connection): void {
    this.#services.scheduler.schedule(this, this.#services.world.now() + TICK)
    this.emit('peer', connection.known.key)
  }

  #disconnected(connection: Connection, code: string, message: string): void {
    this.#services.dialer.wake()
    this.emit('peer-closed', connection.known.key, code, message)
    if (this.#swarm?.connections.size === 0 && this.#state === 'downloading') {
      this.#announces.needPeers(this.#services.world.now())
    }
  }

  #addAddresses(addresses: readonly Address[], source: 'tracker' | 'user'): void {
    const now = this.#services.world.now()
    this.#peers.add(addresses, source, now)
    if (addresses.length > 0) this.#services.dialer.wake()
  }

  async #lookup(host: string, port: number): Promise<void> {
    try {
      const hosts = await this.#services.world.lookup(host, { signal: this.#abort.signal })
      this.#addAddresses(
        hosts.map((ip) => ({ host: ip, port })),
        'user',
      )
    } catch (error) {
      if (!this.#closing) this.#warn(errorCode(error), `peer ${host}:${port}: ${errorMessage(error)}`)
    }
  }

  #hasRoom(): boolean {
    return (this.#swarm?.connections.size ?? 0) < this.#services.options.maxPeersPerTorrent
  }

  #fileAt(index: number): TorrentFile {
    const file = this.files[index]
    if (!file) throw new RangeError(`file index must be in 0 .. ${this.files.length - 1}, got ${index}`)
    return file
  }

  #prioritise(index: number, priority: number): void {
    this.#selection.set(index, priority)
    this.#selectionChanged()
  }

  #selectionChanged(): void {
    this.#store.setWanted(this.#selection.wantedFiles()).catch((error: unknown) => this.#fail(error))
    this.#picker.setPriorities(this.#selection.pieces(this.#picker.have))
    if (!this.#picker.isDone && this.#finished) {
      this.#finished = false
      this.#done = new Deferred()
      if (this.#state === 'seeding') this.#setState('downloading')
    }
    this.#swarm?.reconsiderAll()
    this.#services.dialer.wake()
    this.#completeIfDone()
  }

  #totals(): { uploaded: number; downloaded: number; left: number } {
    const { layout } = this.metainfo
    const missing = layout.size - verifiedBytes(this.metainfo, this.#picker.have)
    return {
      uploaded: this.#upload.total,
      downloaded: this.#download.total,
      left: this.#picker.have.isFull ? 0 : missing,
    }
  }

  async #readFile(
    index: number,
    offset: number,
    most: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    await this.#ready.promise
    if (this.#error || !this.#reading)
      throw this.#error ?? new RarestError('torrent/closed', 'the torrent was closed')
    const position = (this.metainfo.layout.offsets[index] as number) + offset
    return this.#reading.read(position, most, this.#services.world.now(), signal)
  }

  #setState(state: TorrentState): void {
    this.#state = state
  }

  #warn(code: string, message: string): void {
    this.emit('warning', { code, message })
    this.#services.warning(this, code, `${this.name}: ${message}`)
  }
}
