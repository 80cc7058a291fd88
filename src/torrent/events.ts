/**
 * What torrents and sessions emit, and the plain snapshots that they hand out.
 * @module
 */

import type { Metainfo } from '../metainfo/model.js'
import type { Transport } from '../net/world.js'
import type { AnnounceEvent } from '../tracker/types.js'
import type { ErrorCode, RarestError } from '../util/errors.js'
import type { CryptoMethod } from '../wire/mse/mse.js'
import type { PeerSource } from './peers/peer-list.js'
import type { TorrentState } from './states.js'

export type { TorrentState } from './states.js'

/** Something went wrong that the torrent survives: a peer, a tracker. */
export interface Warning {
  /** Stable identifier, for instance `tracker/timeout` or `torrent/corrupt-data`. */
  readonly code: ErrorCode
  /** One readable sentence. */
  readonly message: string
}

/**
 * Events of a `Torrent` with their arguments.
 *
 * They come in the order in which things happened, those of the session's other torrents and its own included, in
 * a turn of the event loop of their own: what a listener reads (`torrent.state`, `stats`, `files`) is as new as
 * the event or newer. What a listener throws is an `uncaughtException`, as with every emitter of Node, and
 * changes nothing for the torrent; later events come all the same. `metadata`, `ready`, `done` and the promises
 * of methods settle after the events of what they stand for.
 */
export interface TorrentEvents {
  /** The state changed: see `docs/states.md` for what leads from where to where. */
  state: [from: TorrentState, to: TorrentState]
  /** The metadata of a magnet was fetched from peers and verified. Not emitted for torrent files. */
  metadata: [metainfo: Metainfo]
  /** Existing data was checked and the torrent takes part in its swarm. */
  ready: []
  /**
   * While data on the disk is checked, at the start or by `recheck()`: pieces looked at so far, of how many. At
   * most 20 times a second, and when all were looked at.
   */
  checking: [checked: number, pieces: number]
  /** A piece was verified and written, or found by `recheck()`. */
  piece: [index: number]
  /** `recheck()` found that a piece that was verified is no longer right on the disk. */
  lost: [index: number]
  /**
   * A file is complete, by its index in `torrent.files`: it is wanted, and its last piece was verified, or it was
   * selected when all of it was there. Not emitted for what the first check found: `file.progress` tells.
   */
  file: [index: number]
  /** All that is wanted is verified and written. Emitted once per completion, also when it was there from the start. */
  done: []
  /** A peer connected, by `host:port`. */
  peer: [address: string]
  /** A connection ended. */
  'peer-closed': [address: string, code: ErrorCode, message: string]
  /** A tracker answered an announce, or did not. Failures come as a `warning` too. */
  tracker: [report: TrackerReport]
  warning: [warning: Warning]
  /** Fatal to this torrent; emitted only when listened to. `torrent.error` holds it, `torrent.resume()` tries again. */
  error: [error: RarestError]
  /** The key of the link that the torrent came from names another one now (BEP 46). See `AddOptions.updates`. */
  update: [update: TorrentUpdate]
  paused: []
  resumed: []
  closed: []
}

/** What came of one announce to a tracker. */
export type TrackerReport = TrackerAnswer | TrackerFailure

export interface TrackerAnnounce {
  readonly url: string
  /** Under which the torrent was announced, 40 hex digits: a hybrid's v1 and truncated v2 ones are announced apart. */
  readonly infoHash: string
  /** What the tracker was told; undefined for a regular announce (BEP 3). */
  readonly event: AnnounceEvent | undefined
  /** When it is asked next; undefined when it is not, as after `stopped`. */
  readonly next: Date | undefined
}

export interface TrackerAnswer extends TrackerAnnounce {
  readonly type: 'answer'
  /** Peers that it named. */
  readonly peers: number
  /** Seeds and other peers in its list, where it says so. */
  readonly seeders?: number
  readonly leechers?: number
}

export interface TrackerFailure extends TrackerAnnounce {
  readonly type: 'failure'
  /** `tracker/timeout`, `tracker/failure` (it refused), `ECONNREFUSED` ... */
  readonly code: ErrorCode
  readonly message: string
}

/** A torrent that takes the place of another one under the same key (BEP 46). */
export interface TorrentUpdate {
  /** 40 hex digits. */
  readonly infoHash: string
  /** Of the item that names it; rises with every version. */
  readonly seq: bigint
  /** What adds it, with the key, so that it is followed on. */
  readonly magnet: string
}

/** What `Torrent.recheck` found. Numbers of pieces. */
export interface RecheckResult {
  readonly pieces: number
  /** On the disk and right, as of the end of the re-check. */
  readonly valid: number
  readonly missing: number
  /** True when none is missing. */
  readonly complete: boolean
  /** Were verified, and are no longer there. */
  readonly lost: number
  /** Were there without being known. */
  readonly found: number
}

/** Numbers of a torrent at one moment. Bytes and bytes a second. */
export interface TorrentStats {
  readonly state: TorrentState
  /** Bytes of all files, without pads. */
  readonly size: number
  /** Bytes that are verified and on disk, pads left out. */
  readonly verified: number
  /** Bytes of the pieces that hold anything wanted: `size`, unless files were deselected. */
  readonly wanted: number
  /** Bytes of wanted pieces that are not verified yet. */
  readonly left: number
  /** Payload bytes that arrived in this run, useful or not. */
  readonly downloaded: number
  /** Payload bytes sent. */
  readonly uploaded: number
  /** Payload bytes of no use: duplicates, failed pieces. */
  readonly wasted: number
  readonly downloadRate: number
  readonly uploadRate: number
  /** Seconds until done at the present rate; Infinity when nothing moves. */
  readonly eta: number
  /** Part of the wanted pieces that is verified, 0 .. 1. */
  readonly progress: number
  readonly pieces: number
  readonly verifiedPieces: number
  /** Open connections, and those among them that download nothing more: seeds and partial seeds (BEP 21). */
  readonly peers: number
  readonly seeds: number
  /** Addresses known, connected or not. */
  readonly knownPeers: number
}

/** One connected peer at one moment. */
export interface PeerSnapshot {
  /** `host:port` or `[v6]:port`. */
  readonly address: string
  readonly source: PeerSource
  readonly incoming: boolean
  readonly transport: Transport
  /** `rc4`, `plaintext` after an encrypted handshake, or undefined when all of it is plain. */
  readonly encryption: CryptoMethod | undefined
  /** Client name from its extension handshake or its peer id. */
  readonly client: string
  /** Part of the torrent that it has, 0 .. 1. */
  readonly progress: number
  readonly downloadRate: number
  readonly uploadRate: number
  /** Payload bytes on this connection. */
  readonly downloaded: number
  readonly uploaded: number
  /** We do not answer its requests (BEP 3). */
  readonly amChoking: boolean
  /** It has something that we want. */
  readonly amInterested: boolean
  /** It does not answer our requests. */
  readonly peerChoking: boolean
  /** It wants something of us. */
  readonly peerInterested: boolean
  /** Blocks asked of it that are on their way. */
  readonly outstanding: number
  readonly snubbed: boolean
}

/** Numbers of a session at one moment. */
export interface SessionStats {
  readonly torrents: number
  readonly connections: number
  readonly halfOpen: number
  /** Addresses banned. */
  readonly banned: number
  readonly downloadRate: number
  readonly uploadRate: number
  /** Payload bytes of the torrents that are there now. */
  readonly downloaded: number
  readonly uploaded: number
  /** Undefined when the session has neither DHT nor uTP, or before {@link Session.ready}. */
  readonly udp: UdpStats | undefined
}

/** Numbers of a session's UDP sockets at one moment. */
export interface UdpStats {
  /**
   * Bytes of the smaller receive buffer that the system granted, of 4 MiB asked for; as it counts them, which on
   * Linux is twice the bytes. With less than about 1 MiB fast uTP downloads lose packets: raise the system's
   * limit (`net.core.rmem_max`). Undefined in a virtual world.
   */
  readonly receiveBuffer: number | undefined
  /** uTP connections, lingering ones included. */
  readonly utpConnections: number
}
