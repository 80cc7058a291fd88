/**
 * A session: one port, one set of services, many torrents.
 * @module
 */

import { EventEmitter } from 'node:events'
import type { Metainfo } from './metainfo/model.js'
import { parseMetainfo } from './metainfo/parse.js'
import { Dialer } from './net/dialer.js'
import { Listener } from './net/listener.js'
import { Scheduler } from './net/scheduler.js'
import { systemWorld } from './net/system.js'
import { TrackerClient } from './net/tracker-client.js'
import type { World } from './net/world.js'
import { type ResolvedOptions, resolveOptions, type SessionOptions } from './options.js'
import { FileStorage } from './storage/file.js'
import { readTorrentFile } from './storage/torrent-file.js'
import { abortable, Deferred } from './torrent/deferred.js'
import type { SessionStats, Warning } from './torrent/events.js'
import type { Peering } from './torrent/peering.js'
import { Torrent, type TorrentOptions, type TorrentServices } from './torrent/torrent.js'
import { toHex } from './util/bytes.js'
import { RarestError } from './util/errors.js'

/** Events of a {@link Session} with their arguments. */
export interface SessionEvents {
  /** Listening, on this port; 0 when the session only dials. */
  listening: [port: number]
  /** A torrent was added. */
  added: [torrent: Torrent]
  /** A torrent was removed or closed. */
  removed: [torrent: Torrent]
  /** Trouble that the session survives; `torrent` names the one it came from. */
  warning: [warning: Warning & { readonly torrent?: Torrent }]
  closed: []
}

/** What {@link Session.add} can be told besides the torrent. */
export interface AddOptions extends TorrentOptions {
  /** Folder for this torrent's files. Default: the session's. */
  readonly path?: string
  readonly signal?: AbortSignal
}

/** Bytes of a .torrent fetched from a URL (LT: 10 MB; a 2^21-piece torrent has 42 MB). */
const MAX_TORRENT_FILE = 64 * 1024 * 1024
const FETCH_TIMEOUT = 30_000

export class Session extends EventEmitter<SessionEvents> {
  readonly #world: World
  readonly #options: ResolvedOptions
  readonly #scheduler: Scheduler
  readonly #dialer: Dialer
  readonly #listener: Listener | undefined
  readonly #trackers: TrackerClient
  readonly #torrents = new Map<string, Torrent>()
  readonly #peerings = new Map<string, Peering>()
  readonly #ready = new Deferred<number>()
  readonly #abort = new AbortController()
  readonly #opening: Promise<void>
  #port = 0
  #closing: Promise<void> | undefined

  /** Starts to listen at once. Throws TypeError or RangeError for a wrong option. */
  constructor(options: SessionOptions = {}) {
    super()
    this.#options = resolveOptions(options)
    this.#world = options.world ?? systemWorld()
    this.#scheduler = new Scheduler(this.#world)
    this.#trackers = new TrackerClient(this.#world)
    this.#dialer = new Dialer({
      ...this.#options,
      world: this.#world,
      scheduler: this.#scheduler,
      room: () => this.#room(),
    })
    this.#listener = this.#options.listen ? this.#makeListener() : undefined
    this.#opening = this.#open()
  }

  /** Resolves to the port when the session listens (0 when it only dials), or rejects, for instance with `EADDRINUSE`. */
  get ready(): Promise<number> {
    return this.#ready.promise
  }

  get torrents(): readonly Torrent[] {
    return [...this.#torrents.values()]
  }

  /** The torrent of an infohash (40 hex digits). */
  torrent(infoHash: string): Torrent | undefined {
    return this.#torrents.get(infoHash.toLowerCase())
  }

  get stats(): SessionStats {
    const sums = { downloadRate: 0, uploadRate: 0, received: 0, uploaded: 0, connections: 0 }
    for (const torrent of this.#torrents.values()) {
      const stats = torrent.stats
      sums.downloadRate += stats.downloadRate
      sums.uploadRate += stats.uploadRate
      sums.received += stats.received
      sums.uploaded += stats.uploaded
      sums.connections += stats.peers
    }
    return { torrents: this.#torrents.size, halfOpen: this.#dialer.halfOpen, ...sums }
  }

  /**
   * Adds a torrent: a path or http(s) URL of a .torrent file, its bytes, or parsed metainfo. The same
   * torrent twice gives the same handle and merges trackers and peers. Rejects with a code when the
   * torrent cannot be read, and with `session/closed` when the session closes first.
   */
  async add(source: string | URL | Uint8Array | Metainfo, options: AddOptions = {}): Promise<Torrent> {
    this.#assertOpen()
    options.signal?.throwIfAborted()
    const metainfo = await this.#read(source, options.signal)
    await abortable(this.#opening, options.signal)
    this.#assertOpen()
    if (!metainfo.infoHash) {
      throw new RarestError(
        'metainfo/v2-unsupported',
        'this torrent has no v1 part, which is all that is supported yet',
      )
    }
    const infoHash = toHex(metainfo.infoHash)
    const existing = this.#torrents.get(infoHash)
    if (existing) {
      for (const url of [...metainfo.trackers.flat(), ...(options.trackers ?? [])]) existing.addTracker(url)
      if (options.peers) existing.addPeers(options.peers)
      return existing
    }
    const path = options.path ?? this.#options.path
    const backend = this.#options.storage
      ? this.#options.storage({ name: metainfo.name, infoHash, path })
      : new FileStorage(path, { maxHandles: this.#options.maxOpenFiles })
    const torrent = new Torrent(this.#services(), metainfo, backend, options, (peering) => {
      this.#peerings.set(infoHash, peering)
      this.#listener?.skeys.add(peering.ours.infoHash)
    })
    this.#torrents.set(infoHash, torrent)
    this.emit('added', torrent)
    return torrent
  }

  /** Closes every torrent (announcing `stopped`) and every socket. Nothing stays open. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #open(): Promise<void> {
    try {
      const { host, port } = this.#options
      if (this.#listener)
        this.#port = await this.#listener.open(host === undefined ? { port } : { host, port })
      if (this.#closing) return
      this.#ready.resolve(this.#port)
      this.emit('listening', this.#port)
    } catch (error) {
      this.#ready.reject(error)
      const message = error instanceof Error ? error.message : String(error)
      this.emit('warning', { code: 'session/listen-failed', message: `cannot listen: ${message}` })
    }
  }

  async #close(): Promise<void> {
    const closed = new RarestError('session/closed', 'the session was closed')
    this.#abort.abort(closed)
    this.#ready.reject(closed)
    this.#dialer.close()
    await this.#opening
    await Promise.all([...this.#torrents.values()].map((torrent) => torrent.close()))
    await this.#listener?.close()
    await this.#trackers.close()
    this.#scheduler.close()
    this.emit('closed')
  }

  async #read(
    source: string | URL | Uint8Array | Metainfo,
    signal: AbortSignal | undefined,
  ): Promise<Metainfo> {
    if (source instanceof Uint8Array) return parseMetainfo(source)
    if (typeof source !== 'string' && !(source instanceof URL)) return source
    const text = String(source)
    if (text.startsWith('magnet:')) {
      throw new RarestError(
        'session/magnet-unsupported',
        'magnet links are not supported yet: give a .torrent file',
      )
    }
    if (/^https?:/i.test(text)) return parseMetainfo(await this.#fetch(text, signal))
    return parseMetainfo(await abortable(readTorrentFile(source, MAX_TORRENT_FILE), signal))
  }

  async #fetch(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const response = await this.#world.fetch({
      url,
      timeout: FETCH_TIMEOUT,
      maxBytes: MAX_TORRENT_FILE,
      maxRedirects: 5,
      signal: signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal,
    })
    if (response.status !== 200)
      throw new RarestError('session/http-status', `${url} answered with status ${response.status}`)
    return response.body
  }

  #makeListener(): Listener {
    return new Listener({
      world: this.#world,
      scheduler: this.#scheduler,
      handshakeTimeout: this.#options.handshakeTimeout,
      encryption: this.#options.encryption,
      welcome: () => this.#room() > 0,
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

  #services(): TorrentServices {
    return {
      world: this.#world,
      scheduler: this.#scheduler,
      dialer: this.#dialer,
      trackers: this.#trackers,
      options: this.#options,
      port: () => this.#port,
      removed: (torrent) => {
        this.#torrents.delete(torrent.infoHash)
        const peering = this.#peerings.get(torrent.infoHash)
        if (peering) this.#listener?.skeys.delete(peering.ours.infoHash)
        this.#peerings.delete(torrent.infoHash)
        this.emit('removed', torrent)
      },
      warning: (torrent, code, message) => this.emit('warning', { code, message, torrent }),
    }
  }

  #room(): number {
    let used = 0
    for (const peering of this.#peerings.values()) used += peering.connections.size
    return this.#options.maxConnections - used
  }

  #assertOpen(): void {
    if (this.#closing) throw new RarestError('session/closed', 'the session was closed')
  }
}
