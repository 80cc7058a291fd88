/**
 * One torrent of a session: checks what is on disk, joins the swarm, fetches what is wanted, serves
 * what is verified. What state it is in, and why, is in `lifecycle.ts`.
 * @module
 */

import { EventEmitter } from 'node:events'
import { tiersOf } from '../metainfo/create.js'
import { formatMagnet, magnetOf } from '../metainfo/magnet.js'
import type { Metainfo } from '../metainfo/model.js'
import { parseInfo } from '../metainfo/parse-info.js'
import {
  peerChannel,
  pieceChannel,
  type TrackerMessage,
  trackerChannel,
  trackerOrigin,
} from '../net/diagnostics.js'
import type { StorageBackend } from '../storage/backend/backend.js'
import type { TrackerSnapshot } from '../tracker/announcer.js'
import { addressKey, parseEndpoint } from '../util/address.js'
import { abortable } from '../util/async/deferred.js'
import type { EventQueue } from '../util/async/event-queue.js'
import { Bitfield } from '../util/bitfield.js'
import { toHex } from '../util/bytes.js'
import { type ErrorCode, errorCode, errorMessage, RarestError } from '../util/errors.js'
import { Content } from './content.js'
import type {
  PeerSnapshot,
  RecheckResult,
  TorrentEvents,
  TorrentState,
  TorrentStats,
  TrackerReport,
} from './events.js'
import type { TorrentFile } from './files/file-api.js'
import type { ReadRange } from './files/reading.js'
import { type InfoHashes, idOf, namesInfo } from './infohashes.js'
import { Life } from './lifecycle.js'
import { Peering, type PeeringServices } from './peering.js'
import type { TorrentSource } from './source.js'
import { peerSnapshots, torrentStats } from './stats.js'
import type { Standing } from './swarm/turnover.js'
import type { Torrent, TorrentOptions } from './torrent-api.js'

/** What a session lends to its torrents. */
export interface TorrentServices extends PeeringServices {
  /** Of all events that the session and its torrents emit. */
  readonly events: EventQueue
  /** Where the bytes of a torrent go, once its name is known. */
  readonly storage: (name: string) => StorageBackend
  /** The metadata of a magnet was fetched. Throws when another torrent has one of its infohashes. */
  readonly learned: (torrent: SessionTorrent, metainfo: Metainfo) => void
  /** The torrent is gone. */
  readonly removed: (torrent: Torrent) => void
  readonly warning: (torrent: Torrent, code: ErrorCode, message: string) => void
}

/** Bytes left that trackers are told while nobody knows: some (libtorrent does the same). */
const UNKNOWN_LEFT = 16_384

/** The torrent behind {@link Torrent}, as its session runs it. */
export class SessionTorrent extends EventEmitter<TorrentEvents> implements Torrent {
  readonly #services: TorrentServices
  readonly #options: TorrentOptions
  readonly #source: TorrentSource
  readonly #peering: Peering
  readonly #life: Life
  #hashes: InfoHashes
  #content: Content | undefined
  #select: readonly number[] | undefined
  #sequential: boolean
  #closing: Promise<void> | undefined
  /** Priorities were set that nothing has heeded yet. */
  #isSelectionDue = false

  constructor(
    services: TorrentServices,
    source: TorrentSource,
    options: TorrentOptions,
    register: (peering: Peering, fail: (error: RarestError) => void) => void,
  ) {
    super()
    this.#services = services
    this.#options = options
    this.#source = source
    this.#hashes = source.hashes
    this.#select = options.select
    this.#sequential = options.sequential === true
    const { metainfo } = source
    // What throws comes first: a torrent that is refused leaves nothing.
    const peers = (options.peers ?? []).map(parseEndpoint)
    if (metainfo) this.#content = this.#makeContent(metainfo)
    this.#peering = new Peering(services, {
      hashes: source.hashes,
      trackers: [...source.trackers, ...tiersOf(options.trackers ?? [])],
      private: metainfo?.private === true,
      metadata: {
        verify: (bytes) => namesInfo(this.#hashes, bytes),
        fetched: (bytes) => this.#fetched(bytes),
      },
      superseed: options.superseed ?? false,
      left: () => (this.#content ? this.#content.metainfo.size - this.#content.verified : UNKNOWN_LEFT),
      connected: (address) => {
        if (peerChannel.hasSubscribers) {
          peerChannel.publish({ type: 'connected', infoHash: this.infoHash, address })
        }
        this.#tell('peer', address)
      },
      disconnected: (address, code, message) => {
        if (peerChannel.hasSubscribers) {
          peerChannel.publish({ type: 'closed', infoHash: this.infoHash, address, code })
        }
        this.#tell('peer-closed', address, code as ErrorCode, message)
      },
      tracker: (report) => {
        if (trackerChannel.hasSubscribers) trackerChannel.publish(trackerMessage(report))
        this.#tell('tracker', report)
      },
      warning: (code, message) => this.#warn(code as ErrorCode, message),
    })
    this.#life = new Life(
      {
        peering: this.#peering,
        content: () => this.#content,
        now: () => services.world.now(),
        tell: (event, ...args) => this.#tell(event, ...args),
        later: (call) => services.events.push(call),
        bug: (message) => this.#bug(message),
        failed: (error) => this.#failed(error),
      },
      options.paused !== true,
    )
    register(this.#peering, (error) => this.#life.fail(error))
    for (const { host, port } of peers) this.#peering.addPeer(host, port, 'user')
    for (const { host, port } of source.peers) this.#peering.addPeer(host, port, 'magnet')
    if (metainfo) {
      this.#life.learned(metainfo)
      this.#life.check(options.skipCheck ? new Bitfield(metainfo.pieceCount) : undefined)
    } else this.#life.seekMetadata()
  }

  get metainfo(): Metainfo | undefined {
    return this.#content?.metainfo
  }

  get infoHash(): string {
    return idOf(this.#source.hashes)
  }

  get infoHashV2(): string | undefined {
    return this.#hashes.v2 && toHex(this.#hashes.v2)
  }

  get name(): string {
    return this.#content?.metainfo.name ?? this.#source.name
  }

  get path(): string | undefined {
    return this.#content?.path
  }

  get files(): readonly TorrentFile[] {
    return this.#content?.files ?? []
  }

  get metadata(): Promise<Metainfo> {
    return this.#life.metadata
  }

  get ready(): Promise<void> {
    return this.#life.ready
  }

  get done(): Promise<'complete' | 'closed'> {
    return this.#life.done
  }

  get state(): TorrentState {
    return this.#life.state
  }

  get error(): RarestError | undefined {
    return this.#life.error
  }

  get magnet(): string {
    const { magnet } = this.#source
    return this.#content || !magnet ? magnetOf(this.metainfo as Metainfo) : formatMagnet(magnet)
  }

  get stats(): TorrentStats {
    this.#settleSelection()
    return torrentStats(this.#life.state, this.#content, this.#peering, this.#services.world.now())
  }

  get peers(): PeerSnapshot[] {
    return peerSnapshots(this.#peering, this.#services.world.now())
  }

  get trackers(): readonly TrackerSnapshot[] {
    return this.#peering.trackers
  }

  get bitfield(): Uint8Array {
    return this.#content?.picker.have.bytes.slice() ?? new Uint8Array(0)
  }

  addPeers(peers: readonly string[]): void {
    this.#peering.addPeers(peers)
  }

  removePeer(peer: string): boolean {
    return this.#peering.removePeer(peer)
  }

  addTracker(url: string, tier?: number): void {
    this.#peering.addTracker(url, tier)
  }

  removeTracker(url: string): void {
    this.#peering.removeTracker(url)
  }

  select(indices: readonly number[]): void {
    if (!this.#content && indices.length > 0) throw new RangeError('there are no files before the metadata')
    this.#content?.select(indices)
    this.#selectionChanged()
  }

  set sequential(value: boolean) {
    this.#sequential = value
    if (this.#content) this.#content.picker.sequential = value
  }

  get sequential(): boolean {
    return this.#sequential
  }

  async readPiece(index: number, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
    await abortable(this.#life.ready, options.signal)
    const content = this.#content
    if (this.#life.error || !content?.reading)
      throw this.#life.error ?? new RarestError('torrent/closed', 'the torrent was closed')
    const { pieceCount } = content.metainfo
    if (!Number.isInteger(index) || index < 0 || index >= pieceCount)
      throw new RangeError(`piece must be an integer in 0 .. ${pieceCount - 1}, got ${index}`)
    const range = content.pieceRange(index, options.signal)
    const bytes = new Uint8Array(range.end - range.position)
    const release = content.picker.have.has(index) ? undefined : content.selection.ask(index)
    if (release) this.#selectionChanged()
    try {
      while (range.position < range.end) {
        const part = await content.read(range, bytes.length)
        bytes.set(part, bytes.length - (range.end - range.position))
        range.position += part.length
      }
    } finally {
      content.reading?.leave(range)
      release?.()
      if (release && !this.#closing) this.#selectionChanged()
    }
    return bytes
  }

  pause(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#life.pause(options.signal)
  }

  resume(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#life.resume(options.signal)
  }

  recheck(options: { readonly signal?: AbortSignal } = {}): Promise<RecheckResult> {
    return this.#life.recheck(options.signal)
  }

  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closing ??= this.#close(false)
    return abortable(this.#closing, options.signal)
  }

  async remove(
    options: { readonly deleteData?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#closing ??= this.#close(options.deleteData === true)
    await abortable(this.#closing, options.signal)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** True once it closes or is removed: adding it anew makes another one. */
  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /**
   * It was added again: see `Session.add` for what becomes of each option. Throws before anything is changed.
   */
  merge(source: TorrentSource, options: TorrentOptions): void {
    const peers = (options.peers ?? []).map(parseEndpoint)
    const superseed = options.superseed ?? false
    const { metainfo } = this.#content ?? source
    if (options.select && metainfo) checkSelection(options.select, metainfo)
    const adopts = !this.#content && source.metainfo !== undefined
    if (options.select && (adopts || !this.#content)) this.#select = options.select
    if (adopts) this.#adopt(source.metainfo, options.skipCheck ?? this.#options.skipCheck)
    else if (options.select && this.#content) this.select(options.select)

    const isLink = source.magnet !== undefined
    if (isLink && this.#content?.metainfo.private) this.warnPrivate(source)
    else {
      for (const url of source.trackers.flat()) this.addTracker(url)
      for (const { host, port } of source.peers) this.#peering.addPeer(host, port, 'magnet')
    }
    for (const url of (options.trackers ?? []).flat()) this.addTracker(url)
    for (const { host, port } of peers) this.#peering.addPeer(host, port, 'user')

    if (options.sequential !== undefined) this.sequential = options.sequential
    if (options.paused !== undefined) void (options.paused ? this.pause() : this.resume())
    if (options.superseed !== undefined && superseed !== (this.#options.superseed ?? false))
      this.ignored('superseed', 'it is chosen when the torrent is added first')
    if (options.skipCheck && !adopts) this.ignored('skipCheck', 'what is on the disk was looked at already')
    if (source.select && !options.select && !adopts)
      this.ignored('so= of the link', 'the files are chosen: give the option select')
  }

  /** An option of `Session.add` has no effect. */
  ignored(option: string, why: string): void {
    this.#warn('session/ignored-option', `${option} has no effect: ${why}`)
  }

  /** A link names trackers or peers for a torrent that is private: they are not taken (BEP 27). */
  warnPrivate({ trackers, peers }: TorrentSource): void {
    const known = new Set(this.trackers.map(({ url }) => url))
    const strange = trackers.flat().filter((url) => !known.has(url))
    if (strange.length + peers.length === 0) return
    const what = `${strange.length} trackers and ${peers.length} peers of the link`
    this.#warn('session/private', `${what} are not taken: the torrent is private`)
  }

  /** @internal The settings of the session changed. `slots`: those of uploads among them. */
  configured(slots: boolean): void {
    const { pieceBytesPerTorrent, readBytesPerTorrent } = this.#services.settings.limits
    this.#content?.budgets(pieceBytesPerTorrent, readBytesPerTorrent)
    this.#peering.configured(slots)
    this.#peering.reconsider()
  }

  /** @internal How much each connection is worth keeping. */
  standings(now: number): Standing[] {
    return this.#peering.standings(now)
  }

  #makeContent(metainfo: Metainfo): Content {
    const { world, settings, storage } = this.#services
    const content = new Content({
      metainfo,
      backend: storage(metainfo.name),
      world,
      pieceBudget: settings.limits.pieceBytesPerTorrent,
      readBudget: settings.limits.readBytesPerTorrent,
      sequential: this.#sequential,
      on: {
        verified: (piece) => this.#verified(piece),
        lost: (piece) => this.#lost(piece),
        error: (error) => this.#life.fail(error),
        urgent: () => this.#peering.reconsider(),
        prioritise: (file, priority) => this.#prioritise(file, priority),
        read: (range, most) => this.#read(range, most),
      },
    })
    const chosen = this.#select ?? this.#source.select
    if (chosen) content.select(this.#select ?? chosen.filter((index) => index < content.files.length))
    return content
  }

  /** The info dictionary came from peers, and is what the infohashes name. */
  #fetched(bytes: Uint8Array): void {
    if (this.#closing || this.#content) return
    try {
      const { trackers, webSeeds } = this.#source
      this.#learn(parseInfo(bytes, { trackers, webSeeds }), this.#options.skipCheck)
    } catch (error) {
      this.#life.fail(error)
    }
  }

  /** The metadata is known: registers all names of the torrent, and looks at what is on the disk. */
  #learn(metainfo: Metainfo, skipCheck: boolean | undefined): void {
    this.#services.learned(this, metainfo)
    this.#content = this.#makeContent(metainfo)
    this.#hashes = { v1: metainfo.infoHash, v2: metainfo.infoHashV2 }
    this.#peering.learned(metainfo)
    this.#tell('metadata', metainfo)
    this.#life.learned(metainfo)
    // After an error, `resume()` looks.
    if (!this.#life.error) this.#life.check(skipCheck ? new Bitfield(metainfo.pieceCount) : undefined)
  }

  /** Metadata that came from somewhere else than peers. A private torrent leaves what its link named (BEP 27). */
  #adopt(metainfo: Metainfo, skipCheck: boolean | undefined): void {
    if (!namesInfo(this.#hashes, metainfo.infoBytes))
      throw new RarestError('session/duplicate', `${this.name} is another torrent by one of its infohashes`)
    this.#learn(metainfo, skipCheck)
    if (!metainfo.private) return
    const own = new Set(metainfo.trackers.flat())
    for (const url of this.#source.trackers.flat()) if (!own.has(url)) this.removeTracker(url)
    for (const address of this.#source.peers) this.removePeer(addressKey(address))
  }

  async #close(deleteData: boolean): Promise<void> {
    const closed = new RarestError('torrent/closed', 'the torrent was closed')
    this.#life.close(closed)
    const content = this.#content
    await this.#peering.stop(closed.code, closed.message)
    this.#peering.close()
    let failure: unknown
    if (deleteData) await content?.store.destroy().catch((error: unknown) => (failure = error))
    await content?.store.close().catch((error: unknown) => this.#warn(errorCode(error), errorMessage(error)))
    this.#life.closed()
    this.#services.removed(this)
    this.#tell('closed')
    await this.#services.events.flushed()
    if (failure !== undefined) throw failure
  }

  #failed(error: RarestError): void {
    // An `error` that nobody hears would be thrown.
    this.#services.events.push(() => this.listenerCount('error') > 0 && this.emit('error', error))
    this.#services.warning(this, error.code, `${this.name}: ${error.message}`)
  }

  #verified(piece: number): void {
    if (pieceChannel.hasSubscribers) {
      pieceChannel.publish({ type: 'verified', infoHash: this.infoHash, piece })
    }
    this.#tell('piece', piece)
    this.#tellWhole(this.#content?.completion?.verified(piece))
    this.#life.completeIfDone()
  }

  #tellWhole(files: readonly number[] | undefined): void {
    for (const file of files ?? []) this.#tell('file', file)
  }

  /** A re-check found that a piece is gone. */
  #lost(piece: number): void {
    this.#life.wantMore()
    this.#tell('lost', piece)
  }

  #prioritise(index: number, priority: number): void {
    this.#content?.selection.set(index, priority)
    if (this.#isSelectionDue) return
    this.#isSelectionDue = true
    // All files that are set in one go, together: each time costs as much as there are files and pieces.
    void Promise.resolve().then(() => this.#settleSelection())
  }

  /** Heeds the priorities that were set since. */
  #settleSelection(): void {
    if (this.#isSelectionDue && !this.#closing) this.#selectionChanged()
  }

  #selectionChanged(): void {
    this.#isSelectionDue = false
    const content = this.#content
    if (!content) return
    const { store, selection, picker } = content
    store.setWanted(selection.wantedFiles()).catch((error: unknown) => this.#life.fail(error))
    picker.setPriorities(selection.pieces(picker.have))
    this.#tellWhole(content.completion?.newlyWhole())
    this.#life.wantMore()
    this.#peering.reconsider()
    this.#life.completeIfDone()
  }

  async #read(range: ReadRange, most: number): Promise<Uint8Array> {
    await abortable(this.#life.ready, range.signal)
    if (this.#life.error || !this.#content?.reading)
      throw this.#life.error ?? new RarestError('torrent/closed', 'the torrent was closed')
    return this.#content.read(range, most)
  }

  #warn(code: ErrorCode, message: string): void {
    this.#tell('warning', { code, message })
    this.#services.warning(this, code, `${this.name}: ${message}`)
  }

  /** A mistake of ours: tests fail, applications go on. */
  #bug(message: string): void {
    if (process.env.NODE_ENV === 'test') throw new Error(message)
    this.#warn('internal', message)
  }

  /** Emits an event in a turn of its own. */
  #tell<K extends keyof TorrentEvents>(event: K, ...args: TorrentEvents[K]): void {
    this.#services.events.push(() => (this as EventEmitter).emit(event, ...args))
  }
}

/** A report without what a tracker's URL and its words may give away. */
function trackerMessage(report: TrackerReport): TrackerMessage {
  const { infoHash, url } = report
  const tracker = trackerOrigin(url)
  return report.type === 'answer'
    ? { type: 'answer', infoHash, tracker, peers: report.peers }
    : { type: 'failure', infoHash, tracker, code: report.code }
}

/** Throws RangeError for an index that no file has. */
function checkSelection(indices: readonly number[], metainfo: Metainfo): void {
  const count = metainfo.files.filter(({ pad }) => !pad).length
  for (const index of indices) {
    if (!Number.isInteger(index) || index < 0 || index >= count)
      throw new RangeError(`file index must be in 0 .. ${count - 1}, got ${index}`)
  }
}
