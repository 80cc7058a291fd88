/**
 * Every option of a session with its default and the reason for it. Resolved once; inside nothing is
 * optional.
 * @module
 */

import type { SeedChoking } from '../choker/choker.js'
import { type DhtOptions, resolveDht } from '../net/dht/options.js'
import {
  DEFAULT_ENCRYPTION,
  type Encryption,
  type EncryptionOptions,
  type EncryptionPolicy,
  resolveEncryption,
} from '../net/peer/encryption.js'
import type { World } from '../net/world.js'
import type { StorageBackend } from '../storage/backend/backend.js'

/** What a {@link Session} can be told. */
export interface SessionOptions {
  /** Folder below which torrents are stored. Default: `downloads` in the working directory. */
  readonly path?: string
  /**
   * Folder in which the metadata of magnets is kept as torrent files, so that a magnet added again needs no
   * peer to tell what it is. Default none.
   */
  readonly metadataCache?: string
  /** Local address to listen on. Default: all, IPv6 and IPv4. */
  readonly host?: string
  /** TCP port to listen on. Default 0, a free one: fixed low ports are throttled by some networks, and several sessions fit on a machine. */
  readonly port?: number
  /** Accept connections. Default true; without it peers can only be dialled. */
  readonly listen?: boolean
  /** Make and take TCP connections to peers. Default true. */
  readonly tcp?: boolean
  /**
   * Make and take uTP connections to peers (BEP 29), on the UDP port of the same number. Default true: a dial
   * begins with TCP, which costs a tenth of the CPU time, and goes on with uTP when that takes long.
   */
  readonly utp?: boolean
  /** Name sent to peers and trackers. Default `rarest/<version>`. */
  readonly clientName?: string
  /** Connections of the whole session. Default 500: about 10 KiB of memory each. */
  readonly maxConnections?: number
  /** Connections of one torrent. Default 100: enough for rarest-first, LT and TR allow 50 to 200. */
  readonly maxPeersPerTorrent?: number
  /** Dials under way at once. Default 25 (AT): home routers drop more. */
  readonly maxHalfOpen?: number
  /** Dials started a second. Default 30 (LT). */
  readonly dialsPerSecond?: number
  /** Peers of one torrent that we send to at once, the optimistic one included. Default 8 (TR). */
  readonly uploadSlots?: number
  /**
   * Peers of all torrents that we send to at once. Default 64: beyond that each gets too little of a home
   * line to complete pieces. Torrents share them evenly.
   */
  readonly maxUploadSlots?: number
  /**
   * How a complete torrent gives its slots away: to each peer in turn, for the same time (`round-robin`), to
   * those that take fastest (`fastest`), or first to peers at the beginning and the end of their download
   * (`anti-leech`). Default `round-robin` (LT): nobody starves, and nobody gains by reconnecting.
   */
  readonly seedChoking?: SeedChoking
  /** ms for a TCP connection to come about. Default 10,000. */
  readonly connectTimeout?: number
  /** ms for a handshake. Default 15,000 (BEP 3 practice is 10 to 20 s). */
  readonly handshakeTimeout?: number
  /**
   * Message stream encryption (MSE/PE), one policy for both directions or one each. Default `enabled`: we
   * take both kinds of connections, and make encrypted ones to peers that cut plain ones off.
   */
  readonly encryption?: EncryptionPolicy | EncryptionOptions
  /** Requests of one peer that we queue, told it as `reqq`. Default 500 (TR): 8 MiB, a second at 64 Mbit/s. */
  readonly requestQueue?: number
  /** Requests that we keep at one peer at most. Default 500: 8 MiB fill a gigabit link at 60 ms. */
  readonly maxOutstanding?: number
  /**
   * Bytes of memory for pieces under way, per torrent. Default 32 MiB. Pieces of up to 1 MiB take half of it:
   * 16 MiB on order fill a gigabit link at 130 ms, and more would only leave the processor's cache.
   */
  readonly pieceBudget?: number
  /** Bytes of memory for cached reads while seeding, per torrent. Default 16 MiB. */
  readonly readBudget?: number
  /** Open files of one torrent. Default 40 (LT). */
  readonly maxOpenFiles?: number
  /** Where the bytes of a torrent go. Default: files below `path`. */
  readonly storage?: (torrent: StorageTarget) => StorageBackend
  /**
   * Take part in the DHT, on the UDP port of the same number. Default true on this machine's network; false on
   * a virtual one, and when `host` is a loopback address, from where the well-known routers cannot be reached.
   * With options it is on wherever it runs.
   */
  readonly dht?: boolean | DhtOptions
  /** Clocks, sockets and names. Default: this machine's. `rarest/testing` makes virtual ones. */
  readonly world?: World
}

/** What a storage factory knows of a torrent. */
export interface StorageTarget {
  /** Torrent name, safe as a file name. */
  readonly name: string
  /** 40 hex digits. */
  readonly infoHash: string
  /** The folder that the session or the torrent was given. */
  readonly path: string
}

export const VERSION = '0.1.0'

/** The numbers behind {@link SessionOptions}. */
export const DEFAULTS: Readonly<{
  path: string
  port: number
  listen: boolean
  tcp: boolean
  utp: boolean
  clientName: string
  maxConnections: number
  maxPeersPerTorrent: number
  maxHalfOpen: number
  dialsPerSecond: number
  uploadSlots: number
  maxUploadSlots: number
  seedChoking: SeedChoking
  connectTimeout: number
  handshakeTimeout: number
  encryption: Encryption
  requestQueue: number
  maxOutstanding: number
  pieceBudget: number
  readBudget: number
  maxOpenFiles: number
}> = Object.freeze({
  path: 'downloads',
  port: 0,
  listen: true,
  tcp: true,
  utp: true,
  clientName: `rarest/${VERSION}`,
  maxConnections: 500,
  maxPeersPerTorrent: 100,
  maxHalfOpen: 25,
  dialsPerSecond: 30,
  uploadSlots: 8,
  maxUploadSlots: 64,
  seedChoking: 'round-robin',
  connectTimeout: 10_000,
  handshakeTimeout: 15_000,
  encryption: DEFAULT_ENCRYPTION,
  requestQueue: 500,
  maxOutstanding: 500,
  pieceBudget: 32 * 1024 * 1024,
  readBudget: 16 * 1024 * 1024,
  maxOpenFiles: 40,
})

/** {@link SessionOptions} with every number filled in. */
export type ResolvedOptions = typeof DEFAULTS &
  Pick<SessionOptions, 'host' | 'storage' | 'metadataCache'> & {
    /** Undefined: no DHT. */
    readonly dht: DhtOptions | undefined
  }

const SEED_CHOKING: ReadonlySet<SeedChoking> = new Set(['round-robin', 'fastest', 'anti-leech'])

const INTEGERS: Readonly<Record<string, readonly [number, number]>> = {
  port: [0, 65_535],
  maxConnections: [1, 100_000],
  maxPeersPerTorrent: [1, 100_000],
  maxHalfOpen: [1, 10_000],
  dialsPerSecond: [1, 10_000],
  uploadSlots: [1, 10_000],
  maxUploadSlots: [1, 100_000],
  connectTimeout: [1, 600_000],
  handshakeTimeout: [1, 600_000],
  requestQueue: [1, 10_000],
  maxOutstanding: [1, 10_000],
  pieceBudget: [1, Number.MAX_SAFE_INTEGER],
  readBudget: [0, Number.MAX_SAFE_INTEGER],
  maxOpenFiles: [1, 1_000_000],
}

/** Checks and completes options. Throws TypeError or RangeError that names the option. */
export function resolveOptions(options: SessionOptions): ResolvedOptions {
  const resolved: Record<string, unknown> = { ...DEFAULTS }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) resolved[name] = value
  }
  for (const [name, [least, most]] of Object.entries(INTEGERS))
    checkInteger(name, resolved[name], least, most)
  const given = ['host', 'metadataCache'].filter((name) => name in resolved)
  for (const name of ['path', 'clientName', ...given]) {
    if (typeof resolved[name] !== 'string')
      throw new TypeError(`${name} must be a string, got ${typeof resolved[name]}`)
  }
  for (const name of ['listen', 'tcp', 'utp']) {
    if (typeof resolved[name] !== 'boolean')
      throw new TypeError(`${name} must be a boolean, got ${typeof resolved[name]}`)
  }
  if (!resolved.tcp && !resolved.utp) throw new RangeError('tcp and utp must not both be false')
  if (!SEED_CHOKING.has(resolved.seedChoking as SeedChoking)) {
    throw new RangeError(
      `seedChoking must be one of ${[...SEED_CHOKING].join(', ')}, got ${resolved.seedChoking}`,
    )
  }
  resolved.encryption = resolveEncryption(options.encryption)
  resolved.dht = resolveDht(options.dht, options)
  return Object.freeze(resolved) as unknown as ResolvedOptions
}

function checkInteger(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, got ${typeof value}`)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be an integer in ${least} .. ${most}, got ${value}`)
  }
}
