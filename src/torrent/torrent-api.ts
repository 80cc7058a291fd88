/**
 * A torrent as users see it. What runs behind it is in `torrent.ts`.
 * @module
 */

import type { EventEmitter } from 'node:events'
import type { TrackerTiers } from '../metainfo/create.js'
import type { Metainfo } from '../metainfo/model.js'
import type { TrackerSnapshot } from '../tracker/announcer.js'
import type { RarestError } from '../util/errors.js'
import type { PeerSnapshot, RecheckResult, TorrentEvents, TorrentState, TorrentStats } from './events.js'
import type { TorrentFile } from './files/file-api.js'
import type { SuperseedMode } from './upload/superseed.js'

/** What a torrent can be told when it is added. */
export interface TorrentOptions {
  /** Tracker URLs besides those of the torrent. */
  readonly trackers?: TrackerTiers
  /** Peers to dial, `host:port` with an IP as host. */
  readonly peers?: readonly string[]
  /** Indices of the files to fetch; by default those that the magnet names (BEP 53), or else all. */
  readonly select?: readonly number[]
  /** Pieces in order instead of rarest first. */
  readonly sequential?: boolean
  /** Add it without starting. */
  readonly paused?: boolean
  /**
   * Seed as if it were the only copy (BEP 16), when everything is there from the start: peers are shown one
   * piece at a time, so that each is sent about once. `strict`: the next one only after others have the last;
   * `normal`: also when that takes long. Slower than plain seeding, and over when another seed is met.
   * Default false.
   */
  readonly superseed?: SuperseedMode | false
  /** Trust that nothing is on disk instead of checking. */
  readonly skipCheck?: boolean
}

/**
 * One torrent of a session: checks what is on disk, joins the swarm, fetches what is wanted, serves what is
 * verified. `Session.add` makes it. Its events are those of {@link TorrentEvents}; it is an emitter of Node, so
 * that `once` and `on` of `node:events` take it.
 */
export interface Torrent extends EventEmitter<TorrentEvents> {
  /** What the torrent file or the fetched metadata says; undefined while a magnet link is all there is. */
  readonly metainfo: Metainfo | undefined
  /** 40 hex digits: the v1 infohash, or the first 20 bytes of the v2 one where there is no other. */
  readonly infoHash: string
  /** 64 hex digits, of v2 and hybrid torrents. */
  readonly infoHashV2: string | undefined
  /** Of a magnet whose metadata is not there yet: what the link says, or the infohash. */
  readonly name: string
  /**
   * The folder that each `TorrentFile.path` is below, absolute: one of the torrent's own, or that of the session
   * for a torrent of a single file. Known from {@link ready} on; undefined where its storage has no files.
   */
  readonly path: string | undefined
  /** Without pad files; the order is that of the torrent. Empty until the metadata is known. */
  readonly files: readonly TorrentFile[]
  /** Settles when the metadata is known, at once unless it comes from peers; rejects when the torrent closes or fails first. */
  readonly metadata: Promise<Metainfo>
  /** Settles when existing data was checked: resolves, or rejects with the error that prevented it. */
  readonly ready: Promise<void>
  /** `'complete'` when all that is wanted is verified and written, `'closed'` when the torrent is closed first; rejects on a fatal error. */
  readonly done: Promise<'complete' | 'closed'>
  readonly state: TorrentState
  /** Why the torrent stopped, while its state is `error`. */
  readonly error: RarestError | undefined
  /** A magnet link with the torrent's trackers and web seeds. */
  readonly magnet: string
  /** Numbers of this moment. */
  readonly stats: TorrentStats
  /** The connected peers. */
  readonly peers: readonly PeerSnapshot[]
  /** What is known of each tracker. */
  readonly trackers: readonly TrackerSnapshot[]
  /** The verified pieces, a copy in wire form: bit 7 of byte 0 is piece 0. Empty until the metadata is known. */
  readonly bitfield: Uint8Array
  /** Pieces in order instead of rarest first. May be set at any time. */
  sequential: boolean

  /**
   * Adds peers to dial: `host:port` or `[v6]:port`; names are looked up, a name that has no address is a
   * warning. Throws RangeError for anything else.
   */
  addPeers(peers: readonly string[]): void

  /** Disconnects a peer, `host:port` with an IP as host, and forgets its address; false when it is not known. */
  removePeer(peer: string): boolean

  /** Adds a tracker, in a tier of its own unless `tier` is given. */
  addTracker(url: string, tier?: number): void

  /** Removes a tracker; it is told that we leave. */
  removeTracker(url: string): void

  /** Fetches exactly these files (indices into `files`). Throws RangeError for others, also before the metadata is known. */
  select(indices: readonly number[]): void

  /**
   * The verified bytes of a piece, fetched before all others when it is missing, also when no file in it
   * was selected. Throws RangeError for a piece that there is not; rejects when the torrent closes or fails.
   */
  readPiece(index: number, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>

  /**
   * Drops all peers, tells the trackers `stopped`, keeps everything that is verified. The state is `paused` when
   * this returns, unless data is being checked: then as soon as that is done. Resolves when the peers are gone and
   * the trackers know, or did not answer for 5 s; rejects with `signal.reason` alone, which ends the waiting.
   */
  pause(options?: { readonly signal?: AbortSignal }): Promise<void>

  /**
   * Undoes {@link pause}; after a fatal error it tries again from where it stopped. Files that were found
   * missing or changed are checked again, and what they lost is downloaded.
   *
   * Resolves when the torrent takes part in its swarm again, or looks for its metadata, which may take the check of
   * its data. Rejects with the error that stopped it, `torrent/paused` when it is paused first, `torrent/closed`,
   * or with `signal.reason`, which ends the waiting alone. Not to wait is no unhandled rejection.
   */
  resume(options?: { readonly signal?: AbortSignal }): Promise<void>

  /**
   * Verifies again what is on the disk, while peers stay connected and pieces come and go. Pieces that are no
   * longer right are lost: a `lost` event each, served no more, fetched again if they are wanted, and the peers
   * are told (BEP 54; one that cannot be told is disconnected). Pieces that somebody put there count as
   * verified. Pieces that are downloaded or written meanwhile are left alone, and none is served before it was
   * looked at. Progress comes as `checking` events.
   *
   * Calls while one runs share it; it ends when the signals of all of them are aborted, and what it found out by
   * then holds. By state:
   * - `downloading`, `seeding`, `paused`: as above; the state follows what is there.
   * - `checking`: gives the result of that check, unless it looks at some pieces only, which is then followed
   *   by one of all.
   * - `error`: checks, and when all could be read leaves the error, to where `resume()` or an earlier `pause()`
   *   would. `resume()` meanwhile waits for the outcome, and then does what it always does.
   * - no metadata yet: rejects with `torrent/no-metadata`; data is checked once it is known.
   *
   * Rejects with `signal.reason`, with `torrent/closed`, or with what prevented it, which is fatal to the torrent.
   */
  recheck(options?: { readonly signal?: AbortSignal }): Promise<RecheckResult>

  /**
   * Leaves the swarm: says `stopped`, writes what is verified, frees everything. Rejects with `signal.reason`
   * alone, which ends the waiting: the closing itself goes on.
   */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>

  /**
   * Closes it and takes it from the session, with its files when `deleteData` is set. Rejects when they cannot
   * be deleted, or with `signal.reason`, which ends the waiting: the removal itself goes on.
   */
  remove(options?: { readonly deleteData?: boolean; readonly signal?: AbortSignal }): Promise<void>

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void>
}
