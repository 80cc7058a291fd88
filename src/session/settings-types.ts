/**
 * The options and the settings of a session. Written by `npm run settings` from settings-table.ts: change that,
 * not this.
 * @module
 */

import type { SeedChoking } from '../choker/choker.js'
import type { DhtOptions } from '../net/dht/options.js'
import type { Encryption, EncryptionOptions, EncryptionPolicy } from '../net/peer/encryption.js'
import type { World } from '../net/world.js'
import type { StorageBackend } from '../storage/backend/backend.js'

/** What a storage factory knows of a torrent. */
export interface StorageTarget {
  /** Torrent name, safe as a file name. */
  readonly name: string
  /** 40 hex digits. */
  readonly infoHash: string
  /** The folder that the session or the torrent was given. */
  readonly path: string
}

/** Makes the storage of a torrent, once its name is known. */
export type StorageFactory = (torrent: StorageTarget) => StorageBackend

/**
 * The options of the group `limits`. How much a session may use: connections, upload slots, requests, memory,
 * files.
 */
export interface LimitOptions {
  /**
   * Connections of the whole session. Lowered below what there is: those that are of least use are closed.
   * Integer, 1 .. 100,000 connections. Default 500: about 10 KiB of memory each; libtorrent has 200,
   * Transmission 200, qBittorrent 500. Changes at once.
   */
  readonly connections?: number
  /**
   * Connections of one torrent. Lowered below what there is: those that are of least use are closed. Integer,
   * 1 .. 100,000 connections. Default 100: enough for rarest first; libtorrent and Transmission allow 50 to
   * 200. Changes at once.
   */
  readonly peersPerTorrent?: number
  /**
   * Dials under way at once. Those that are under way go on when it is lowered. Integer, 1 .. 10,000 dials.
   * Default 25: home routers drop more; anacrolix/torrent has 25. Changes at once.
   */
  readonly halfOpen?: number
  /**
   * Dials started a second. Integer, 1 .. 10,000 dials a second. Default 30: as libtorrent. Changes at once.
   */
  readonly dialsPerSecond?: number
  /**
   * Peers of all torrents that we send to at once. Torrents share them evenly. Integer, 1 .. 100,000 peers.
   * Default 64: beyond that each gets too little of a home line to complete pieces. Changes at once.
   */
  readonly uploadSlots?: number
  /**
   * Peers of one torrent that we send to at once, the optimistic one included. Integer, 1 .. 10,000 peers.
   * Default 8: as Transmission. Changes at once.
   */
  readonly uploadSlotsPerTorrent?: number
  /**
   * Requests of one peer that we queue, told it as `reqq`. Peers that were told more than a lower value may
   * go on using that. Integer, 1 .. 10,000 requests. Default 500: 8 MiB, a second at 64 Mbit/s; as
   * Transmission. Changes at once.
   */
  readonly queuedRequestsPerPeer?: number
  /**
   * Requests that we keep at one peer at most. Integer, 1 .. 10,000 requests. Default 500: 8 MiB fill a
   * gigabit link at 60 ms. Changes at once.
   */
  readonly outstandingRequestsPerPeer?: number
  /**
   * Memory for pieces under way, per torrent. Pieces of up to 1 MiB take half of it. Lowered: pieces that are
   * open are finished. Integer, from 1 bytes. Default 32 MiB: 16 MiB on order fill a gigabit link at 130 ms,
   * and more would only leave the cache of the processor. Changes at once.
   */
  readonly pieceBytesPerTorrent?: number
  /**
   * Memory for cached reads while seeding, per torrent. 0: nothing is read ahead. Integer, from 0 bytes.
   * Default 16 MiB: windows of 1 MiB for 8 peers that upload at once, one at work and one ahead. Changes at
   * once.
   */
  readonly readBytesPerTorrent?: number
  /**
   * Files of one torrent kept open, those that were idle longest closed first. Integer, 1 .. 1,000,000 files.
   * Default 40: as libtorrent, and a small part of the 256 that the tightest system allows a process. Changes
   * at once.
   */
  readonly openFilesPerTorrent?: number
}

/** The options of the group `transport`. How peers are reached and reach us. */
export interface TransportOptions {
  /**
   * Local address to listen on. Default all addresses, IPv6 and IPv4: peers come by either. Fixed while a
   * session runs.
   */
  readonly host?: string | undefined
  /**
   * Port to listen on: TCP, and UDP of the same number. Integer, 0 .. 65,535. Default 0, a free one: fixed
   * low ports are throttled by some networks, and several sessions fit on a machine. Fixed while a session
   * runs.
   */
  readonly port?: number
  /**
   * Accept connections. Without it peers can only be dialled. Default `true`: peers that we cannot reach can
   * reach us. Fixed while a session runs.
   */
  readonly listen?: boolean
  /**
   * Make and take TCP connections to peers. Default `true`: all peers speak it. Fixed while a session runs.
   */
  readonly tcp?: boolean
  /**
   * Make and take uTP connections to peers (BEP 29), on the UDP port of the same number. A dial begins with
   * TCP, which costs a tenth of the CPU time, and goes on with uTP when that takes long. Default `true`: it
   * reaches peers behind NATs and makes way for other traffic. Fixed while a session runs.
   */
  readonly utp?: boolean
  /**
   * Message stream encryption (MSE/PE), one policy for both directions or one each. `enabled`: we take both
   * kinds of connections, and make encrypted ones to peers that cut plain ones off. Default `enabled` both
   * ways, whichever method the acceptor chooses: as libtorrent; RC4 costs both sides 4 s of CPU per GiB.
   * Changes for new connections.
   */
  readonly encryption?: EncryptionPolicy | EncryptionOptions
  /**
   * Time for a TCP connection to come about. Integer, 1 .. 600,000 ms. Default 10,000: a SYN is sent four
   * times by then; libtorrent waits 15 s. Changes for new connections.
   */
  readonly connectTimeoutMs?: number
  /**
   * Time for a handshake, the encrypted one included. Integer, 1 .. 600,000 ms. Default 15,000: BEP 3
   * practice is 10 to 20 s. Changes for new connections.
   */
  readonly handshakeTimeoutMs?: number
}

/** The options of the group `discovery`. How peers are found, besides trackers. */
export interface DiscoveryOptions {
  /**
   * Take part in the DHT (BEP 5), on the UDP port of the same number. With options it is on wherever it runs.
   * Default true on this machine's network; false on a virtual one, and when `host` is a loopback address:
   * magnets without trackers need it; from a loopback address the well-known routers cannot be reached. Fixed
   * while a session runs.
   */
  readonly dht?: boolean | DhtOptions
  /**
   * Tell peers of others and learn of others from them (BEP 11), except in private torrents (BEP 27). Off,
   * hole punching (BEP 55) finds no one to ask either. Default `true`: a swarm stays whole when its tracker
   * is gone. Changes at once.
   */
  readonly pex?: boolean
}

/** The options of the group `storage`. Where things are kept. */
export interface StorageOptions {
  /**
   * Folder below which torrents are stored. Default `downloads` in the working directory: never into the
   * working directory itself. Changes for torrents added later.
   */
  readonly path?: string
  /**
   * Where the bytes of a torrent go: a function that makes its backend, or files below `path`. Default
   * `'files'`: what people expect of a download. Changes for torrents added later.
   */
  readonly factory?: StorageFactory | 'files'
  /**
   * Folder in which the metadata of magnets is kept as torrent files, so that a magnet added again needs no
   * peer to tell what it is. Default `false`: no file appears that nobody asked for. Changes for torrents
   * added later.
   */
  readonly metadataCache?: string | false
}

/** The options of the group `client`. Who we are, and how we treat peers. */
export interface ClientOptions {
  /**
   * Name sent to peers (BEP 10). Default `rarest/<version>`: others can tell which program misbehaves.
   * Changes at once.
   */
  readonly name?: string
  /**
   * How a complete torrent gives its slots away: to each peer in turn, for the same time (`round-robin`), to
   * those that take fastest (`fastest`), or first to peers at the beginning and the end of their download
   * (`anti-leech`). Default `'round-robin'`: nobody starves, and nobody gains by reconnecting; as libtorrent.
   * Changes at once.
   */
  readonly seedChoking?: SeedChoking
}

/**
 * What a `Session` can be told: settings in their groups, or at the top level what nearly every program sets. One
 * setting under both names with different values is a RangeError, a name that does not exist a TypeError.
 */
export interface SessionOptions {
  /** `transport.host`. Local address to listen on. Default all addresses, IPv6 and IPv4. */
  readonly host?: string | undefined
  /** `transport.port`. Port to listen on: TCP, and UDP of the same number. Default 0, a free one. */
  readonly port?: number
  /** `transport.listen`. Accept connections. Without it peers can only be dialled. Default `true`. */
  readonly listen?: boolean
  /** `transport.tcp`. Make and take TCP connections to peers. Default `true`. */
  readonly tcp?: boolean
  /**
   * `transport.utp`. Make and take uTP connections to peers (BEP 29), on the UDP port of the same number. A
   * dial begins with TCP, which costs a tenth of the CPU time, and goes on with uTP when that takes long.
   * Default `true`.
   */
  readonly utp?: boolean
  /**
   * `transport.encryption`. Message stream encryption (MSE/PE), one policy for both directions or one each.
   * `enabled`: we take both kinds of connections, and make encrypted ones to peers that cut plain ones off.
   * Default `enabled` both ways, whichever method the acceptor chooses.
   */
  readonly encryption?: EncryptionPolicy | EncryptionOptions
  /**
   * `discovery.dht`. Take part in the DHT (BEP 5), on the UDP port of the same number. With options it is on
   * wherever it runs. Default true on this machine's network; false on a virtual one, and when `host` is a
   * loopback address.
   */
  readonly dht?: boolean | DhtOptions
  /** `storage.path`. Folder below which torrents are stored. Default `downloads` in the working directory. */
  readonly path?: string
  /** How much a session may use: connections, upload slots, requests, memory, files. */
  readonly limits?: LimitOptions
  /** How peers are reached and reach us. */
  readonly transport?: TransportOptions
  /** How peers are found, besides trackers. */
  readonly discovery?: DiscoveryOptions
  /** Who we are, and how we treat peers. */
  readonly client?: ClientOptions
  /** Where things are kept. A function is `storage.factory`. */
  readonly storage?: StorageOptions | StorageFactory
  /** Clocks, sockets and names. Default: this machine's. `rarest/testing` makes virtual ones. Fixed while a session runs. */
  readonly world?: World
}

/** What `Session.configure` takes: the same names; those of settings that are fixed only with the value they have. */
export type SettingsChange = SessionOptions

/** All settings of a session with their values, see `Session.settings`. */
export interface Settings {
  readonly limits: Required<LimitOptions>
  readonly transport: Required<Omit<TransportOptions, 'host' | 'encryption'>> & {
    readonly host: string | undefined
    readonly encryption: Encryption
  }
  readonly discovery: Required<Omit<DiscoveryOptions, 'dht'>> & {
    readonly dht: DhtOptions | false
  }
  readonly storage: Required<StorageOptions>
  readonly client: Required<ClientOptions>
}
