/**
 * One torrent of a session: checks what is on disk, joins the swarm, fetches what is wanted, serves
 * what is verified.
 * @module
 */

import { EventEmitter } from 'node:events'
import { magnetOf } from '../metainfo/magnet.js'
import type { Metainfo } from '../metainfo/model.js'
import { placeOf } from '../metainfo/place.js'
import { Picker } from '../picker/picker.js'
import type { StorageBackend } from '../storage/backend.js'
import { Store } from '../storage/store.js'
import type { TrackerSnapshot } from '../tracker/announcer.js'
import { Bitfield } from '../util/bitfield.js'
import { toHex } from '../util/bytes.js'
import { errorCode, errorMessage, RarestError } from '../util/errors.js'
import { Deferred } from './deferred.js'
import type { PeerSnapshot, TorrentEvents, TorrentState, TorrentStats } from './events.js'
import { TorrentFile } from './file.js'
import type { KnownPeer } from './peer-list.js'
import { Peering, type PeeringServices } from './peering.js'
import { Reading } from './reading.js'
import { Selection } from './selection.js'
import { peerSnapshots, torrentStats, verifiedBytes } from './snapshots.js'

/** What a session lends to its torrents. */
export interface TorrentServices extends PeeringServices {
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

export class Torrent extends EventEmitter<TorrentEvents> {
  readonly metainfo: Metainfo
  /** 40 hex digits. */
  readonly infoHash: string
  readonly name: string
  /** Without pad files; the order is that of the torrent. */
  readonly files: readonly TorrentFile[]
  readonly #services: TorrentServices
  readonly #store: Store
  readonly #selection: Selection
  readonly #peering: Peering
  #ready = new Deferred<void>()
  readonly #abort = new AbortController()
  #done = new Deferred<'complete' | 'closed'>()
  #picker: Picker<KnownPeer>
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
    register: (peering: Peering) => void,
  ) {
    super()
    const { world } = services
    this.#services = services
    this.metainfo = metainfo
    this.name = metainfo.name
    this.infoHash = toHex(metainfo.infoHash as Uint8Array)
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
        failed: (piece) => this.#peering.failed(piece),
        error: (error) => this.#fail(error),
        drained: () => this.#peering.throttle(),
      },
    })
    this.#picker = this.#makePicker(new Bitfield(metainfo.pieceCount), options.sequential === true)
    this.#peering = new Peering(services, {
      metainfo,
      trackers: options.trackers ?? [],
      left: () => metainfo.size - verifiedBytes(metainfo, this.#picker.have),
      connected: (address) => this.emit('peer', address),
      disconnected: (address, code, message) => this.emit('peer-closed', address, code, message),
      warning: (code, message) => this.#warn(code, message),
    })
    register(this.#peering)
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
    return torrentStats(this.#state, this.metainfo, this.#picker.have, this.#selection, this.#peering, now)
  }

  /** The connected peers. */
  get peers(): PeerSnapshot[] {
    return peerSnapshots(this.#peering.connections, this.#services.world.now())
  }

  /** What is known of each tracker. */
  get trackers(): readonly TrackerSnapshot[] {
    return this.#peering.trackers
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
    this.#peering.addPeers(peers)
  }

  /** Disconnects a peer, `host:port` with an IP as host, and forgets its address; false when it is not known. */
  removePeer(peer: string): boolean {
    return this.#peering.removePeer(peer)
  }

  /** Adds a tracker, in a tier of its own unless `tier` is given. */
  addTracker(url: string, tier?: number): void {
    this.#peering.addTracker(url, tier)
  }

  /** Removes a tracker; it is told that we leave. */
  removeTracker(url: string): void {
    this.#peering.removeTracker(url)
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
    this.#setState('paused')
    void this.#peering.stop('torrent/paused', 'the torrent was paused')
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
      this.#peering.prepare(this.#picker, this.#store)
      this.#reading?.close(new RarestError('torrent/checked', 'the data was checked again'))
      this.#reading = new Reading(this.metainfo.layout, this.#store, this.#picker, () =>
        this.#peering.reconsider(),
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

  #run(): void {
    this.#setState(this.#picker.isDone ? 'seeding' : 'downloading')
    this.#peering.start()
  }

  async #close(deleteData: boolean): Promise<void> {
    const closed = new RarestError('torrent/closed', 'the torrent was closed')
    this.#abort.abort(closed)
    this.#setState('closed')
    this.#reading?.close(closed)
    this.#ready.reject(closed)
    await this.#peering.stop(closed.code, closed.message)
    this.#peering.close()
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
    this.#setState('error')
    void this.#peering.stop(wrapped.code, wrapped.message)
    this.#ready.reject(wrapped)
    this.#done.reject(wrapped)
    this.#reading?.fail(wrapped)
    if (this.listenerCount('error') > 0) this.emit('error', wrapped)
    this.#services.warning(this, wrapped.code, `${this.name}: ${wrapped.message}`)
  }

  #verified(piece: number): void {
    this.#selection.verified(piece)
    this.#peering.verified(piece)
    this.#reading?.verified(piece)
    this.emit('piece', piece)
    this.#completeIfDone()
  }

  #completeIfDone(): void {
    if (this.#finished || !this.#checked || !this.#picker.isDone) return
    this.#finished = true
    if (this.#state === 'downloading') {
      this.#setState('seeding')
      if (this.#picker.have.isFull) this.#peering.completed()
    }
    this.#done.resolve('complete')
    this.emit('done')
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
      this.#peering.seek()
    }
    this.#peering.reconsider()
    this.#completeIfDone()
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
