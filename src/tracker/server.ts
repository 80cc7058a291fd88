/**
 * A tracker in memory, sans-IO: requests in, answers out, over UDP (BEP 15) and HTTP (BEP 3, 7, 21, 23,
 * 48). Bounded in swarms, peers, sizes and requests per address; it never sends to an address that did not ask.
 * @module
 */

import { ipFromBytes, ipToBytes } from '../util/address.js'
import { toLatin1, utf8 } from '../util/bytes.js'
import { boolean, callback, checkOptions, integer, type Kinds, number, object } from '../util/options.js'
import type { Random } from '../util/random.js'
import { ConnectionIds } from './connection-id.js'
import {
  encodeHttpAnnounce,
  encodeHttpFailure,
  encodeHttpScrape,
  parseAnnounceQuery,
  parseScrapeQuery,
} from './http-server-codec.js'
import { AddressLimit } from './rate-limit.js'
import { Swarm, type SwarmAnnounce, type SwarmPeer } from './swarm.js'
import {
  decodeUdpRequest,
  encodeAnnounceResponse,
  encodeUdpResponse,
  SCRAPE_BATCH,
  type UdpRequest,
} from './udp-codec.js'

/** What an answer has room for. */
const MOST_SECONDS = 2 ** 31 - 1

export interface TrackerCoreOptions {
  readonly random: Random
  /** Seconds between announces. Default 1800: what public trackers ask. */
  readonly interval?: number
  /** Seconds below which a client shall not announce again. Default 60, never above `interval`. */
  readonly minInterval?: number
  /** Torrents remembered; the one idle for longest goes first. Default 100,000. */
  readonly maxSwarms?: number
  /** Peers remembered over all torrents. Default 500,000, about 200 MB. */
  readonly maxPeers?: number
  /** Peers in one answer at most. Default 200; a UDP answer also stays within {@link maxDatagram}. */
  readonly maxPeersPerAnswer?: number
  /** Bytes of a UDP answer. Default 1400: passes every usual link in one piece. */
  readonly maxDatagram?: number
  /** Requests per second that one IPv4 address or IPv6 /64 may sustain. Default 50; Infinity for no limit. */
  readonly requestsPerSecond?: number
  /** Requests that it may send at once. Default 500: a client with as many torrents that starts. */
  readonly burst?: number
  /** Answer a scrape without infohash with all torrents. Default false: it is a gift to harvesters. */
  readonly fullScrape?: boolean
  /** Which torrents are tracked. Default all. Must be quick and must not throw. */
  readonly allow?: (infoHash: Uint8Array) => boolean
}

/** What each of {@link TrackerCoreOptions} may be. */
export const TRACKER_CORE_OPTIONS: Kinds<TrackerCoreOptions> = {
  random: object,
  interval: integer(1, MOST_SECONDS),
  minInterval: integer(1, MOST_SECONDS),
  maxSwarms: integer(1),
  maxPeers: integer(1),
  maxPeersPerAnswer: integer(1, 100_000),
  maxDatagram: integer(20, 65_507),
  requestsPerSecond: number(0.001),
  burst: number(1),
  fullScrape: boolean,
  allow: callback,
}

/** Counts since the start, and what is in memory now. */
export interface TrackerStats {
  readonly announces: number
  readonly scrapes: number
  readonly connects: number
  /** Requests that were malformed, forged, refused or above the rate limit. */
  readonly refused: number
  readonly swarms: number
  readonly peers: number
}

/** An answer over HTTP. */
export interface HttpReply {
  readonly status: number
  readonly contentType: string
  readonly body: Uint8Array
}

/** An announce after its transport was read. */
export interface CoreAnnounce extends SwarmAnnounce {
  readonly infoHash: Uint8Array
  /** Undefined for the tracker's default, 50. */
  readonly numwant: number | undefined
}

/** Peers given to a client that does not say how many: libtorrent's and opentracker's usual number. */
const DEFAULT_NUMWANT = 50
/** Peers expired per announce beyond the announced swarm, so that the work stays constant. */
const SWEEP = 16

export class TrackerCore {
  /** Seconds. */
  readonly interval: number
  readonly minInterval: number
  readonly #random: Random
  readonly #ids: ConnectionIds
  readonly #limit: AddressLimit
  readonly #maxSwarms: number
  readonly #maxPeers: number
  readonly #maxAnswer: number
  readonly #maxDatagram: number
  readonly #fullScrape: boolean
  readonly #allow: ((infoHash: Uint8Array) => boolean) | undefined
  /** In the order of their last announce, idle ones first. */
  readonly #swarms = new Map<string, Swarm>()
  #peers = 0
  #announces = 0
  #scrapes = 0
  #connects = 0
  #refused = 0

  /** Throws TypeError or RangeError for a wrong option. */
  constructor(options: TrackerCoreOptions) {
    checkOptions(options, TRACKER_CORE_OPTIONS)
    this.interval = options.interval ?? 1800
    this.minInterval = Math.min(this.interval, options.minInterval ?? 60)
    this.#random = options.random
    this.#ids = new ConnectionIds(options.random)
    this.#limit = new AddressLimit(options.requestsPerSecond ?? 50, options.burst ?? 500)
    this.#maxSwarms = options.maxSwarms ?? 100_000
    this.#maxPeers = options.maxPeers ?? 500_000
    this.#maxAnswer = options.maxPeersPerAnswer ?? 200
    this.#maxDatagram = options.maxDatagram ?? 1400
    this.#fullScrape = options.fullScrape ?? false
    this.#allow = options.allow
  }

  get stats(): TrackerStats {
    return {
      announces: this.#announces,
      scrapes: this.#scrapes,
      connects: this.#connects,
      refused: this.#refused,
      swarms: this.#swarms.size,
      peers: this.#peers,
    }
  }

  /** The answer to a datagram from `host` (an IP), or undefined: whatever is malformed or forged gets none. */
  udp(bytes: Uint8Array, host: string, now: number): Uint8Array | undefined {
    const decoded = decodeUdpRequest(bytes)
    if (!decoded.ok) return this.#drop()
    const request = decoded.value
    const { transactionId } = request
    const ip = canonical(host)
    if (request.action === 'connect') {
      this.#connects++
      // As long as the request, so of no use to amplify, and not limited: its source may be forged.
      return encodeUdpResponse({ action: 'connect', transactionId, connectionId: this.#ids.issue(ip, now) })
    }
    if (!this.#ids.verify(request.connectionId, ip, now) || !this.#limit.take(ip, 1, now)) return this.#drop()
    if (request.action === 'scrape') {
      const entries = request.infoHashes
        .slice(0, SCRAPE_BATCH)
        .map((hash) => this.#scrape(toLatin1(hash), now))
      this.#scrapes++
      return encodeUdpResponse({ action: 'scrape', transactionId, entries })
    }
    return this.#udpAnnounce(request, ip, now)
  }

  /** The answer to a GET of `target` (path and query as received) from `host` (an IP). */
  http(target: string, host: string, now: number): HttpReply {
    const mark = target.indexOf('?')
    const path = mark < 0 ? target : target.slice(0, mark)
    const query = mark < 0 ? '' : target.slice(mark + 1)
    if (path !== '/announce' && path !== '/scrape')
      return {
        status: 404,
        contentType: 'text/plain',
        body: utf8('This is a BitTorrent tracker: /announce, /scrape\n'),
      }
    const ip = canonical(host)
    if (!this.#limit.take(ip, 1, now)) return this.#refuse('too many requests', 1)
    return path === '/announce' ? this.#httpAnnounce(query, ip, now) : this.#httpScrape(query, now)
  }

  /**
   * Enters an announce and picks peers of the asked families: the core of both transports. The asker
   * is not among them; seeds are given to seeds last.
   * @internal
   */
  announce(
    announce: CoreAnnounce,
    families: readonly (4 | 6)[],
    now: number,
  ): { swarm: Swarm; peers: SwarmPeer[][] } {
    this.#announces++
    const key = toLatin1(announce.infoHash)
    const isFarewell = announce.event === 'stopped'
    const known = this.#swarms.get(key)
    const swarm = known ?? new Swarm()
    const before = now - this.#life
    if (known) {
      this.#swarms.delete(key)
      this.#peers -= swarm.expire(before, SWEEP)
    }
    // A farewell to an unknown swarm leaves nothing behind.
    if (known || !isFarewell) this.#swarms.set(key, swarm)
    this.#peers += swarm.announce(announce, now)
    this.#sweep(before)
    if (isFarewell) return { swarm, peers: families.map(() => []) }
    const { host, port, numwant } = announce
    const takes = !announce.isSeed && !announce.isPartialSeed
    const most = Math.min(numwant ?? DEFAULT_NUMWANT, this.#maxAnswer)
    return { swarm, peers: swarm.pick(families, most, host, port, takes, this.#random) }
  }

  /** Peers are forgotten after two intervals and a bit without an announce. */
  get #life(): number {
    return 2_200 * this.interval
  }

  #udpAnnounce(request: Extract<UdpRequest, { action: 'announce' }>, host: string, now: number): Uint8Array {
    const { transactionId } = request
    const failure = request.port === 0 ? 'port must be 1 to 65535' : this.#refusal(request.infoHash)
    if (failure !== undefined) {
      this.#refused++
      return encodeUdpResponse({ action: 'error', transactionId, message: failure })
    }
    const family = host.includes(':') ? 6 : 4
    const fitting = Math.floor((this.#maxDatagram - 20) / (family === 4 ? 6 : 18))
    const isSeed = request.left === 0
    const { swarm, peers } = this.announce(
      {
        host,
        port: request.port,
        infoHash: request.infoHash,
        peerId: request.peerId,
        isSeed,
        isPartialSeed: !isSeed && request.event === 'paused',
        event: request.event,
        numwant: Math.min(request.numwant ?? DEFAULT_NUMWANT, fitting),
      },
      family === 4 ? [4] : [6],
      now,
    )
    const compact = (peers[0] ?? []).map((peer) => peer.compact)
    return encodeAnnounceResponse(transactionId, this.interval, swarm.incomplete, swarm.complete, compact)
  }

  #httpAnnounce(query: string, host: string, now: number): HttpReply {
    const request = parseAnnounceQuery(query)
    if ('failure' in request) return this.#refuse(request.failure, 'never')
    const refusal = this.#refusal(request.infoHash)
    if (refusal !== undefined) return this.#refuse(refusal, 'never')
    const { swarm, peers } = this.announce(
      {
        host,
        port: request.port,
        infoHash: request.infoHash,
        peerId: request.peerId,
        isSeed: request.isComplete,
        isPartialSeed: !request.isComplete && request.event === 'paused',
        event: request.event,
        numwant: request.numwant,
      },
      host.includes(':') ? [6, 4] : [4, 6],
      now,
    )
    const [own = [], other = []] = peers
    const [peers4, peers6] = host.includes(':') ? [other, own] : [own, other]
    const counts = {
      interval: this.interval,
      minInterval: this.minInterval,
      complete: swarm.complete,
      incomplete: swarm.incomplete,
      downloaded: swarm.downloaded,
      externalIp: ipToBytes(host),
    }
    return bencoded(encodeHttpAnnounce(counts, peers4, peers6, request))
  }

  #httpScrape(query: string, now: number): HttpReply {
    const request = parseScrapeQuery(query)
    if ('failure' in request) return this.#refuse(request.failure, 'never')
    let keys = request.infoHashes.map(toLatin1)
    if (keys.length === 0) {
      if (!this.#fullScrape) return this.#refuse('a scrape needs info_hash', 'never')
      keys = [...this.#swarms.keys()]
    }
    this.#scrapes++
    const files = new Map<string, ReturnType<TrackerCore['scrape']>>()
    for (const key of keys) files.set(key, this.#scrape(key, now))
    return bencoded(encodeHttpScrape(files))
  }

  /** The counts of a torrent; zeros when it is unknown. */
  scrape(
    infoHash: Uint8Array,
    now: number,
  ): {
    readonly complete: number
    readonly downloaded: number
    readonly incomplete: number
    readonly downloaders: number
  } {
    return this.#scrape(toLatin1(infoHash), now)
  }

  #scrape(key: string, now: number): ReturnType<TrackerCore['scrape']> {
    const swarm = this.#swarms.get(key)
    if (!swarm) return { complete: 0, downloaded: 0, incomplete: 0, downloaders: 0 }
    this.#peers -= swarm.expire(now - this.#life, SWEEP)
    const { complete, downloaded, incomplete, downloaders } = swarm
    return { complete, downloaded, incomplete, downloaders }
  }

  /** Frees what is old, and what is too much, a bounded bit at a time. */
  #sweep(before: number): void {
    for (const [key, swarm] of this.#swarms) {
      this.#peers -= swarm.expire(before, SWEEP)
      if (swarm.size === 0 && swarm.touched < before) this.#swarms.delete(key)
      else if (this.#swarms.size > this.#maxSwarms) {
        this.#peers -= swarm.size
        this.#swarms.delete(key)
      } else if (this.#peers > this.#maxPeers) {
        if (swarm.evict()) this.#peers--
        else this.#swarms.delete(key)
      }
      if (this.#swarms.size <= this.#maxSwarms && this.#peers <= this.#maxPeers) return
    }
  }

  #refusal(infoHash: Uint8Array): string | undefined {
    return this.#allow && !this.#allow(infoHash) ? 'this torrent is not tracked here' : undefined
  }

  #refuse(reason: string, retryMinutes: number | 'never'): HttpReply {
    this.#refused++
    return bencoded(encodeHttpFailure(reason, retryMinutes))
  }

  #drop(): undefined {
    this.#refused++
    return undefined
  }
}

function bencoded(body: Uint8Array): HttpReply {
  // A text type, as all trackers do: some clients' proxies compress or scan anything else.
  return { status: 200, contentType: 'text/plain', body }
}

/** One spelling per address, so that a peer is not two: an IPv4-mapped address is IPv4. */
function canonical(host: string): string {
  if (!host.includes(':')) return host
  const bytes = ipToBytes(host)
  return bytes ? ipFromBytes(bytes) : host
}
