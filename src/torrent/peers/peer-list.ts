/**
 * The peers that a torrent knows of, whether connected or not: where their addresses came from, when
 * they may be dialled again, what they did to us.
 * @module
 */

import type { Transport } from '../../net/world.js'
import { type Address, addressKey, familyOf, isDialable } from '../../util/address.js'
import { peerPriority } from '../../wire/peer-priority.js'
import { joinStandings } from '../download/standing.js'
import { Bans } from './bans.js'

/** Where an address came from. `incoming` peers dialled us. */
export type PeerSource = 'tracker' | 'user' | 'incoming' | 'dht' | 'pex' | 'lsd' | 'magnet'

/** What others say of a peer (BEP 11): true or false only as a guess. */
export interface PeerHints {
  readonly prefersEncryption?: boolean
  readonly seed?: boolean
  readonly utp?: boolean
  readonly holepunch?: boolean
  /** Somebody has dialled it. */
  readonly reachable?: boolean
}

/** One known peer. It outlives its connections: its standing and back-off stick to it. */
export interface KnownPeer {
  readonly address: Address
  readonly key: string
  readonly source: PeerSource
  /** Dials that failed and connections that were of no use, since the last one that was. */
  failures: number
  /** Time (ms) before which we do not dial; Infinity for a peer that cannot be dialled. */
  nextDial: number
  state: 'idle' | 'dialling' | 'connected'
  /** How the pieces turned out that it had a part in, see `download/standing.ts`. */
  standing: number
  /** A seed when last seen, or by hearsay: not dialled while we seed. */
  seed: boolean
  /** What was said of it last. */
  hints: PeerHints
  /** What to try first: what the last connection went by, while that is no older than {@link REMEMBERED}. */
  transport: Transport | undefined
  /** When that was learned, or a connection last ended. */
  transportAt: number
  /** Of one that dialled us: where it listens, once it told. */
  listenAddress: Address | undefined
  /** Canonical priority (BEP 40), undefined until asked for. */
  priority: number | undefined
}

/** Sources that a private torrent must not use. */
const PUBLIC: ReadonlySet<PeerSource> = new Set(['dht', 'pex', 'lsd'])
/** Addresses kept; the least useful make room (libtorrent). */
const MAX_KNOWN = 3_000
/** Of these at most so many from other peers, which may be made up. */
const MAX_HEARSAY = 2_000
/** ms before a failed dial is repeated, six times as long after each further failure (rqbit), at most an hour. */
const FIRST_RETRY = 10_000
const RETRY_FACTOR = 6
const LONGEST_RETRY = 3_600_000
/** ms before a peer that was of no use is dialled again: failures + 1 times this (libtorrent), at most an hour. */
const USELESS = 60_000
/** ms before a peer that moved blocks is dialled again. */
const USEFUL = 10_000
/** ms for which a transport that worked is tried first: by then clients and NATs have been restarted. */
const REMEMBERED = 3_600_000
/** Failures after which a peer is given up until it is named again (libtorrent); never one that the user named. */
const MAX_FAILURES = 3

export class PeerList {
  readonly #known = new Map<string, KnownPeer>()
  /** Our own address by family: what we know, and whom we have to thank for a claim. */
  readonly #ours = new Map<4 | 6, { address: Address; claim: string; voter: string }>()
  #hearsay = 0
  readonly #bans: Bans

  /** @param bans addresses not to be dialled: those of the session. */
  constructor(bans: Bans = new Bans()) {
    this.#bans = bans
  }

  /** Number of known addresses. */
  get size(): number {
    return this.#known.size
  }

  /**
   * Adds dialable addresses; returns how many were new. Naming a given-up peer again gives it another chance.
   * `hints` are for the addresses in order.
   */
  add(addresses: readonly Address[], source: PeerSource, now: number, hints?: readonly PeerHints[]): number {
    let fresh = 0
    for (const [index, address] of addresses.entries()) {
      if (!isDialable(address)) continue
      const key = addressKey(address)
      const known = this.#known.get(key)
      if (known) {
        if (known.state === 'idle') hint(known, hints?.[index])
        if (source === 'user') {
          known.failures = 0
          if (known.nextDial !== Number.POSITIVE_INFINITY) known.nextDial = Math.min(known.nextDial, now)
        } else if (known.failures >= MAX_FAILURES) known.failures = MAX_FAILURES - 1
        continue
      }
      if (source === 'pex' && this.#hearsay >= MAX_HEARSAY) break
      if (this.#known.size >= MAX_KNOWN && !this.#makeRoom()) break
      const peer = this.#create(address, key, source, now)
      hint(peer, hints?.[index])
      this.#insert(key, peer)
      fresh++
    }
    return fresh
  }

  /** The record of an address at which a peer listens. */
  at(address: Address): KnownPeer | undefined {
    return this.#known.get(addressKey(address))
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

  /** A peer that dialled us told where it listens: it is known there from now on, and may be dialled there later. */
  setListenAddress(peer: KnownPeer, address: Address, now: number): void {
    if (peer.listenAddress !== undefined || peer.source !== 'incoming' || !isDialable(address)) return
    const key = addressKey(address)
    const other = this.#known.get(key)
    if (other === peer || (other && other.state !== 'idle')) return
    if (other) {
      joinStandings(peer, other)
      this.#delete(key)
    } else if (this.#known.size >= MAX_KNOWN) return
    peer.listenAddress = address
    peer.priority = undefined
    peer.nextDial = now
    this.#insert(key, peer)
  }

  /**
   * Our own endpoint, from which priorities follow: that of a socket, or with `voter` the one at which a peer
   * of that address sees us, which two must say in a row.
   */
  setOwnAddress(address: Address, voter?: string): void {
    const family = familyOf(address)
    const ours = this.#ours.get(family)
    if (ours) {
      if (voter === undefined || ours.address.host === address.host) return
      if (ours.claim !== address.host || ours.voter === voter) {
        Object.assign(ours, { claim: address.host, voter })
        return
      }
    } else if (voter !== undefined) return
    this.#ours.set(family, { address, claim: address.host, voter: voter ?? '' })
    for (const peer of this.#known.values()) peer.priority = undefined
  }

  /** Canonical priority of a connection to this peer (BEP 40), 0 while we do not know our address. Larger is better. */
  priority(peer: KnownPeer): number {
    peer.priority ??= this.priorityOf(peer.listenAddress ?? peer.address)
    return peer.priority
  }

  /** Canonical priority of an address that is not known yet (BEP 40). */
  priorityOf(address: Address): number {
    const ours = this.#ours.get(familyOf(address))
    return (ours && peerPriority(ours.address, address)) ?? 0
  }

  /**
   * The best peer to dial now, or undefined: the user's, then those that failed least, then the highest
   * priority (BEP 40). `skipSeeds` while we are a seed ourselves.
   */
  next(now: number, skipSeeds: boolean): KnownPeer | undefined {
    let best: KnownPeer | undefined
    for (const peer of this.#known.values()) {
      if (peer.state !== 'idle' || peer.nextDial > now || isGivenUp(peer)) continue
      if ((skipSeeds && isForLeechers(peer)) || this.#bans.has(peer.address, now)) continue
      if (best === undefined || this.#isBetter(peer, best)) best = peer
    }
    if (best && now - best.transportAt >= REMEMBERED) best.transport = undefined
    return best
  }

  /** When the next dial may be possible, ms; Infinity when there is no candidate. */
  nextDialAt(skipSeeds: boolean): number {
    let at = Number.POSITIVE_INFINITY
    for (const peer of this.#known.values()) {
      if (peer.state !== 'idle' || isGivenUp(peer) || (skipSeeds && isForLeechers(peer))) continue
      at = Math.min(at, Math.max(peer.nextDial, this.#bans.until(peer.address)))
    }
    return at
  }

  dialling(peer: KnownPeer): void {
    peer.state = 'dialling'
  }

  /** What failed before is forgotten only when the connection turns out to be of use. */
  connected(peer: KnownPeer): void {
    peer.state = 'connected'
  }

  /** What is to be tried first from now on. */
  prefer(peer: KnownPeer, transport: Transport, now: number): void {
    peer.transport = transport
    peer.transportAt = now
  }

  /** A dial or handshake that came to nothing. */
  failed(peer: KnownPeer, now: number): void {
    peer.state = 'idle'
    peer.failures++
    const wait = FIRST_RETRY * RETRY_FACTOR ** (peer.failures - 1)
    this.#postpone(peer, now + Math.min(LONGEST_RETRY, wait))
  }

  /** A connection that ended; `useful` when blocks or metadata were moved on it. */
  disconnected(peer: KnownPeer, useful: boolean, now: number): void {
    peer.state = 'idle'
    peer.transportAt = now
    peer.failures = useful ? 0 : peer.failures + 1
    const wait = useful ? USEFUL : Math.min(LONGEST_RETRY, (peer.failures + 1) * USELESS)
    this.#postpone(peer, now + wait)
  }

  /** Forgets an address; its record, when there is one. */
  remove(key: string): KnownPeer | undefined {
    const known = this.#known.get(key)
    this.#delete(key)
    return known
  }

  /** Forgets the addresses that no tracker and no user named (BEP 27); returns their records. */
  forgetPublic(): KnownPeer[] {
    const forgotten = [...this.#known.values()].filter(({ source }) => PUBLIC.has(source))
    for (const { key } of forgotten) this.#delete(key)
    // Peers that dialled us may stay, but are not dialled where they say that they listen.
    for (const peer of this.#known.values())
      if (peer.source === 'incoming') peer.nextDial = Number.POSITIVE_INFINITY
    return forgotten
  }

  /** Never dial this address again: it is ourselves. */
  markSelf(peer: KnownPeer): void {
    peer.state = 'idle'
    peer.nextDial = Number.POSITIVE_INFINITY
  }

  /** Bans the address for what it did. */
  ban(peer: KnownPeer, code: string, now: number): void {
    this.#bans.ban(peer.address, code, now)
  }

  isBannedHost(host: string, now: number): boolean {
    return this.#bans.has({ host, port: 0 }, now)
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
      standing: 0,
      seed: false,
      hints: {},
      transport: undefined,
      transportAt: now,
      listenAddress: undefined,
      priority: undefined,
    }
  }

  #insert(key: string, peer: KnownPeer): void {
    this.#known.set(key, peer)
    if (peer.source === 'pex') this.#hearsay++
  }

  #delete(key: string): void {
    if (this.#known.get(key)?.source === 'pex') this.#hearsay--
    this.#known.delete(key)
  }

  #isBetter(peer: KnownPeer, than: KnownPeer): boolean {
    const difference = rank(peer) - rank(than)
    return difference < 0 || (difference === 0 && this.priority(peer) > this.priority(than))
  }

  #postpone(peer: KnownPeer, at: number): void {
    if (peer.nextDial !== Number.POSITIVE_INFINITY) peer.nextDial = at
  }

  #makeRoom(): boolean {
    for (const [key, peer] of this.#known) {
      if (peer.state !== 'idle' || peer.failures === 0) continue
      this.#delete(key)
      return true
    }
    return false
  }
}

function hint(peer: KnownPeer, hints: PeerHints | undefined): void {
  if (!hints) return
  peer.hints = hints
  if (hints.seed !== undefined) peer.seed = hints.seed
}

function isGivenUp(peer: KnownPeer): boolean {
  return peer.failures >= MAX_FAILURES && peer.source !== 'user'
}

/** Of no use to a seed: another one, or a peer that dialled us and will again when it wants something. */
function isForLeechers(peer: KnownPeer): boolean {
  return peer.seed || peer.source === 'incoming'
}

/** Lower is dialled first: peers that the user named, then those that never failed. */
function rank(peer: KnownPeer): number {
  return peer.failures * 2 + (peer.source === 'user' ? 0 : 1)
}
