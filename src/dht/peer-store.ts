/**
 * What was announced to this node: peers by infohash, for 45 minutes (BEP 5, 32, 33), with caps that no
 * announcer can turn against the others.
 * @module
 */

import { readU16 } from '../util/bytes.js'
import { below, type Random } from '../util/random.js'
import { BloomFilter } from './bloom.js'
import { PeerSet } from './peer-set.js'
import { SampleServer } from './sample-infohashes-server.js'

/** ms that a peer is remembered after its last announce (libtorrent); clients announce every 15 to 30 min. */
export const PEER_LIFE = 2_700_000

/** Caps of a {@link PeerStore}. */
export interface PeerStoreOptions {
  /** Infohashes. Default 2,000 (libtorrent). */
  readonly maxTorrents?: number
  /** Peers of one infohash and address family. Default 500 (libtorrent), far below the 6,000 of BEP 33. */
  readonly maxPeers?: number
}

/** Infohashes looked at to find one that makes room: the one with fewest peers, then the stalest. */
const EVICTION_SAMPLE = 16
/** ms for which the filters of a swarm may still hold peers that have left. */
const FILTER_LIFE = 60_000
/** Calls of `expire` in which all infohashes are looked through once: 250,000 peers in the worst call. */
const SWEEPS = 8

interface Torrent {
  readonly infoHash: Uint8Array
  readonly key: string
  readonly peers4: PeerSet
  readonly peers6: PeerSet
  /** Where it stands in the list that random ones are drawn from. */
  index: number
  /** Seconds of its last announce. */
  announced: number
  filters: Filters | undefined
}

interface Filters {
  readonly seeds: BloomFilter
  readonly others: BloomFilter
  /** ms at which they were made. */
  readonly madeAt: number
}

/** Keeps peers in memory, within caps; both families, though a node of either has a store of its own. */
export class PeerStore {
  readonly #random: Random
  readonly #sampling = new SampleServer()
  readonly #maxTorrents: number
  readonly #maxPeers: number
  readonly #torrents = new Map<string, Torrent>()
  readonly #list: Torrent[] = []
  /** Times are kept as whole seconds after this. */
  readonly #origin: number
  #peers = 0
  #swept = 0

  constructor(random: Random, now: number, options: PeerStoreOptions = {}) {
    this.#random = random
    this.#origin = now - PEER_LIFE
    this.#maxTorrents = options.maxTorrents ?? 2_000
    this.#maxPeers = options.maxPeers ?? 500
  }

  /** Infohashes stored. */
  get infoHashes(): number {
    return this.#list.length
  }

  /** Peers of all infohashes, some of which may have expired. */
  get peerCount(): number {
    return this.#peers
  }

  /** Stores or refreshes a compact endpoint (6 or 18 bytes, copied); anything else is ignored. */
  add(infoHash: Uint8Array, peer: Uint8Array, seed: boolean, now: number): void {
    if (peer.length !== 6 && peer.length !== 18) return
    // Whoever wants to keep nothing for others.
    if (this.#maxTorrents === 0 || this.#maxPeers === 0) return
    const torrent = this.#torrents.get(keyOf(infoHash)) ?? this.#create(infoHash)
    const set = peer.length === 6 ? torrent.peers4 : torrent.peers6
    const at = this.#seconds(now)
    this.#expireOf(torrent, now)
    this.#peers += set.add(peer, seed, at, this.#maxPeers, this.#random)
    torrent.announced = at
    // What comes is in the filters at once; what leaves, when they are made anew.
    const { filters } = torrent
    if (filters) (seed ? filters.seeds : filters.others).add(peer.subarray(0, -2))
  }

  /**
   * Up to `count` peers of one family at random; with `noSeed` those that are no seeds. They are entries of
   * a bencoded list, see {@link PeerSet.sample}, and last until the next call.
   */
  peers(infoHash: Uint8Array, family: 4 | 6, count: number, noSeed: boolean, now: number): Uint8Array {
    const torrent = this.#torrents.get(keyOf(infoHash))
    if (!torrent) return NONE
    const set = family === 4 ? torrent.peers4 : torrent.peers6
    return set.sample(count, this.#limit(now), noSeed, this.#random)
  }

  /** The filters of a swarm's seeds and other peers; undefined when no peer is known. */
  filters(
    infoHash: Uint8Array,
    now: number,
  ): { readonly seeds: Uint8Array; readonly peers: Uint8Array } | undefined {
    const torrent = this.#torrents.get(keyOf(infoHash))
    if (!torrent) return undefined
    this.#expireOf(torrent, now)
    if (sizeOf(torrent) === 0) return undefined
    torrent.filters = this.#filtersOf(torrent, now)
    return { seeds: torrent.filters.seeds.bytes, peers: torrent.filters.others.bytes }
  }

  /** Up to `count` different infohashes at random (BEP 51), the same ones for a while. */
  sample(
    count: number,
    now: number,
  ): { readonly samples: Uint8Array; readonly num: number; readonly interval: number } {
    const sample = this.#sampling.sample(this.#list.length, (most) => this.#draw(most), now)
    const samples = sample.samples.subarray(0, 20 * count)
    return { samples, num: this.#list.length, interval: sample.interval }
  }

  /** Forgets what has expired, in a part of the infohashes: called once a minute, all in eight minutes. */
  expire(now: number): void {
    const looks = Math.ceil(this.#list.length / SWEEPS)
    for (let i = 0; i < looks && this.#list.length > 0; i++) {
      if (this.#swept >= this.#list.length) this.#swept = 0
      const torrent = this.#list[this.#swept] as Torrent
      this.#expireOf(torrent, now)
      if (sizeOf(torrent) === 0) this.#delete(torrent)
      else this.#swept++
    }
  }

  #filtersOf(torrent: Torrent, now: number): Filters {
    if (torrent.filters && now - torrent.filters.madeAt < FILTER_LIFE) return torrent.filters
    const filters = { seeds: new BloomFilter(), others: new BloomFilter(), madeAt: now }
    const limit = this.#limit(now)
    torrent.peers4.fill(filters.seeds, filters.others, limit)
    torrent.peers6.fill(filters.seeds, filters.others, limit)
    return filters
  }

  #draw(count: number): Uint8Array {
    const list = this.#list
    const drawn = Math.min(count, list.length)
    const infoHashes = new Uint8Array(20 * drawn)
    for (let i = 0; i < drawn; i++) {
      this.#swap(i, i + below(this.#random, list.length - i))
      infoHashes.set((list[i] as Torrent).infoHash, 20 * i)
    }
    return infoHashes
  }

  #expireOf(torrent: Torrent, now: number): void {
    const limit = this.#limit(now)
    const gone = torrent.peers4.expire(limit) + torrent.peers6.expire(limit)
    this.#peers -= gone
  }

  #create(infoHash: Uint8Array): Torrent {
    if (this.#list.length >= this.#maxTorrents) this.#delete(this.#victim())
    const torrent: Torrent = {
      infoHash: infoHash.slice(),
      key: keyOf(infoHash),
      peers4: new PeerSet(4),
      peers6: new PeerSet(6),
      index: this.#list.length,
      announced: 0,
      filters: undefined,
    }
    this.#torrents.set(torrent.key, torrent)
    this.#list.push(torrent)
    return torrent
  }

  #victim(): Torrent {
    const draw = (): Torrent => this.#list[below(this.#random, this.#list.length)] as Torrent
    let victim = draw()
    for (let i = 1; i < EVICTION_SAMPLE; i++) {
      const other = draw()
      const difference = sizeOf(other) - sizeOf(victim)
      if (difference < 0 || (difference === 0 && other.announced < victim.announced)) victim = other
    }
    return victim
  }

  #delete(torrent: Torrent): void {
    this.#peers -= sizeOf(torrent)
    this.#torrents.delete(torrent.key)
    this.#swap(torrent.index, this.#list.length - 1)
    this.#list.pop()
  }

  #swap(a: number, b: number): void {
    const one = this.#list[a] as Torrent
    const other = this.#list[b] as Torrent
    this.#list[a] = other
    this.#list[b] = one
    other.index = a
    one.index = b
  }

  #seconds(now: number): number {
    return Math.max(0, Math.floor((now - this.#origin) / 1000))
  }

  /** Peers last announced before this second have expired. */
  #limit(now: number): number {
    return Math.max(0, Math.floor((now - PEER_LIFE - this.#origin) / 1000))
  }
}

const NONE = new Uint8Array(0)

/** Ten characters of two bytes each: a quarter of the time that text of one byte a character takes. */
function keyOf(infoHash: Uint8Array): string {
  return String.fromCharCode(
    readU16(infoHash, 0),
    readU16(infoHash, 2),
    readU16(infoHash, 4),
    readU16(infoHash, 6),
    readU16(infoHash, 8),
    readU16(infoHash, 10),
    readU16(infoHash, 12),
    readU16(infoHash, 14),
    readU16(infoHash, 16),
    readU16(infoHash, 18),
  )
}

function sizeOf(torrent: Torrent): number {
  return torrent.peers4.size + torrent.peers6.size
}
