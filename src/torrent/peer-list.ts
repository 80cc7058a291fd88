/**
 * The peers that a torrent knows of, whether connected or not: where their addresses came from, when
 * they may be dialled again, what they did to us.
 * @module
 */

import { type Address, addressKey, isDialable } from '../util/address.js'

/** Where an address came from. `incoming` peers dialled us. */
export type PeerSource = 'tracker' | 'user' | 'incoming' | 'dht' | 'pex' | 'lsd' | 'magnet'

/** One known peer. It outlives its connections: blame and back-off stick to it. */
export interface KnownPeer {
  readonly address: Address
  readonly key: string
  readonly source: PeerSource
  /** Failed dials since the last success. */
  failures: number
  /** Time (ms) before which we do not dial; Infinity for a peer that cannot be dialled. */
  nextDial: number
  state: 'idle' | 'dialling' | 'connected'
  /** +1 for each piece it helped to complete (at most 8), -2 for each that failed (LT). */
  trust: number
  /** Time (ms) until which it is banned. */
  bannedUntil: number
  /** A seed when last seen: not dialled while we seed. */
  seed: boolean
}

/** Addresses kept; the least useful make room (LT). */
const MAX_KNOWN = 3_000
/** ms before a failed dial is repeated, six times as long after each further failure (RQ), at most an hour. */
const FIRST_RETRY = 10_000
const RETRY_FACTOR = 6
const LONGEST_RETRY = 3_600_000
/** ms before a peer that was of no use is dialled again: failures + 1 times this (LT). */
const USELESS = 60_000
/** ms before a peer that moved blocks is dialled again. */
const USEFUL = 10_000
/** Failed dials after which a peer is given up until it is named again (LT); never one that the user named. */
const MAX_FAILURES = 3
/** A banned address is left alone this long: an hour outlasts a download, not a dynamic address. */
const BAN = 3_600_000

export class PeerList {
  readonly #known = new Map<string, KnownPeer>()
  readonly #bannedHosts = new Map<string, number>()

  /** Number of known addresses. */
  get size(): number {
    return this.#known.size
  }

  /** Adds dialable addresses; returns how many were new. Naming a given-up peer again gives it another chance. */
  add(addresses: readonly Address[], source: PeerSource, now: number): number {
    let fresh = 0
    for (const address of addresses) {
      if (!isDialable(address)) continue
      const key = addressKey(address)
      const known = this.#known.get(key)
      if (known) {
        if (source === 'user') {
          known.failures = 0
          if (known.nextDial !== Number.POSITIVE_INFINITY) known.nextDial = Math.min(known.nextDial, now)
        } else if (known.failures >= MAX_FAILURES) known.failures = MAX_FAILURES - 1
        continue
      }
      if (this.#known.size >= MAX_KNOWN && !this.#makeRoom()) break
      this.#known.set(key, this.#create(address, key, source, now))
      fresh++
    }
    return fresh
  }

  /** The record of a peer that dialled us. Its port is not where it listens, so we do not dial it back. */
  incoming(address: Address, now: number): KnownPeer {
    const key = addressKey(address)
    const known = this.#known.get(key)
    if (known) return known
    const peer = this.#create(address, key, 'incoming', now)
    peer.nextDial = Number.POSITIVE_INFINITY
    return peer
  }

  /** The best peer to dial now, or undefined. `skipSeeds` while we are a seed ourselves. */
  next(now: number, skipSeeds: boolean): KnownPeer | undefined {
    let best: KnownPeer | undefined
    for (const peer of this.#known.values()) {
      if (peer.state !== 'idle' || peer.nextDial > now || isGivenUp(peer)) continue
      if ((skipSeeds && peer.seed) || this.isBanned(peer, now)) continue
      if (best === undefined || rank(peer) < rank(best)) best = peer
      if (rank(best) === 0) break
    }
    return best
  }

  /** When the next dial may be possible, ms; Infinity when there is no candidate. */
  nextDialAt(skipSeeds: boolean): number {
    let at = Number.POSITIVE_INFINITY
    for (const peer of this.#known.values()) {
      if (peer.state !== 'idle' || isGivenUp(peer) || (skipSeeds && peer.seed)) continue
      at = Math.min(at, Math.max(peer.nextDial, peer.bannedUntil))
    }
    return at
  }

  dialling(peer: KnownPeer): void {
    peer.state = 'dialling'
  }

  connected(peer: KnownPeer): void {
    peer.state = 'connected'
    peer.failures = 0
  }

  /** A dial or handshake that came to nothing. */
  failed(peer: KnownPeer, now: number): void {
    peer.state = 'idle'
    peer.failures++
    const wait = FIRST_RETRY * RETRY_FACTOR ** (peer.failures - 1)
    this.#postpone(peer, now + Math.min(LONGEST_RETRY, wait))
  }

  /** A connection that ended; `useful` when blocks were moved on it. */
  disconnected(peer: KnownPeer, useful: boolean, now: number): void {
    peer.state = 'idle'
    if (!useful) peer.failures++
    this.#postpone(peer, now + (useful ? USEFUL : (peer.failures + 1) * USELESS))
  }

  /** Forgets an address; its record, when there is one. */
  remove(key: string): KnownPeer | undefined {
    const known = this.#known.get(key)
    this.#known.delete(key)
    return known
  }

  /** Never dial this address again: it is ourselves. */
  forget(peer: KnownPeer): void {
    peer.state = 'idle'
    peer.nextDial = Number.POSITIVE_INFINITY
  }

  /** Bans the address for an hour; all its ports, unless it is a loopback address, where tests and tools live. */
  ban(peer: KnownPeer, now: number): void {
    peer.bannedUntil = now + BAN
    if (!isLoopback(peer.address.host)) this.#bannedHosts.set(peer.address.host, now + BAN)
    while (this.#bannedHosts.size > MAX_KNOWN) {
      const oldest = this.#bannedHosts.keys().next()
      if (!oldest.done) this.#bannedHosts.delete(oldest.value)
    }
  }

  isBanned(peer: KnownPeer, now: number): boolean {
    return peer.bannedUntil > now || this.isBannedHost(peer.address.host, now)
  }

  isBannedHost(host: string, now: number): boolean {
    return (this.#bannedHosts.get(host) ?? 0) > now
  }

  /** Lets every idle peer be dialled at once: the torrent was resumed. */
  refresh(now: number): void {
    for (const peer of this.#known.values()) {
      if (peer.nextDial !== Number.POSITIVE_INFINITY) peer.nextDial = now
      peer.failures = 0
    }
  }

  #create(address: Address, key: string, source: PeerSource, now: number): KnownPeer {
    return {
      address,
      key,
      source,
      failures: 0,
      nextDial: now,
      state: 'idle',
      trust: 0,
      bannedUntil: 0,
      seed: false,
    }
  }

  #postpone(peer: KnownPeer, at: number): void {
    if (peer.nextDial !== Number.POSITIVE_INFINITY) peer.nextDial = at
  }

  #makeRoom(): boolean {
    for (const [key, peer] of this.#known) {
      if (peer.state !== 'idle' || peer.failures === 0) continue
      this.#known.delete(key)
      return true
    }
    return false
  }
}

function isGivenUp(peer: KnownPeer): boolean {
  return peer.failures >= MAX_FAILURES && peer.source !== 'user'
}

/** Lower is dialled first: peers that the user named, then those that never failed. */
function rank(peer: KnownPeer): number {
  return peer.failures * 2 + (peer.source === 'user' ? 0 : 1)
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}
