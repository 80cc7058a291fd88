/**
 * Addresses that a session has nothing to do with: banned by the user, or for what they did. One for all
 * torrents of a session.
 * @module
 */

import { type Address, addressKey, ipFromBytes, ipToBytes, parseEndpoint } from '../../util/address.js'
import { type Kinds, number, text } from '../../util/options.js'

/** One ban at one moment. */
export interface Ban {
  /** IP, or `IP:port` for a loopback address. */
  readonly address: string
  /** What the user gave, or the code of the offence: `torrent/corrupt-data`, `wire/bad-have`. */
  readonly reason: string
  /** ms until it is over; Infinity for one that the user has to lift. */
  readonly remaining: number
}

/** What `Session.ban` can be told besides the address. */
export interface BanOptions {
  /** ms, from 1. Default until it is lifted. */
  readonly duration?: number
  /** Shown in `Session.bans`. Default `user`. */
  readonly reason?: string
}

/** What each of {@link BanOptions} may be. */
export const BAN_OPTIONS: Kinds<BanOptions> = { duration: number(1), reason: text }

interface Entry {
  readonly reason: string
  readonly until: number
}

/** How long an address is left alone, ms: an hour outlasts a download, not a dynamic address. */
export const BAN = 3_600_000
/** Automatic bans kept, the oldest makes room: a botnet costs a megabyte or two. */
const MAX_AUTOMATIC = 10_000
/** Bans of the user: long block lists fit. */
const MAX_USER = 1_000_000
/** Violations within the time (ms) below that get an address banned: once may be a bug, so often is none. */
const STRIKES = 4
const STRIKE_TIME = 3_600_000
/** Hosts whose violations are counted. */
const MAX_STRUCK = 4_096

export class Bans {
  readonly #byUser: Map<string, Entry> = new Map()
  readonly #automatic: Map<string, Entry> = new Map()
  readonly #strikes: Map<string, { count: number; readonly since: number }> = new Map()
  readonly #onBan: () => void

  /** @param onBan called after each ban: connections that it concerns are to be closed. */
  constructor(onBan: () => void = () => {}) {
    this.#onBan = onBan
  }

  /** Number of bans, some of which may just have expired. */
  get size(): number {
    return this.#byUser.size + this.#automatic.size
  }

  /**
   * Bans on behalf of the user: an IP, or `IP:port`, of which the port counts for loopback addresses only.
   * Throws RangeError for anything else, and above a million bans.
   */
  add(address: string, duration: number, reason: string, now: number): void {
    if (!(duration > 0)) throw new RangeError(`duration must be a positive number of ms, got ${duration}`)
    const key = keyOfText(address)
    if (this.#byUser.size >= MAX_USER) {
      this.#sweep(this.#byUser, now)
      if (this.#byUser.size >= MAX_USER) throw new RangeError(`at most ${MAX_USER} addresses can be banned`)
    }
    this.#byUser.set(key, { reason, until: now + duration })
    this.#onBan()
  }

  /** Lifts a ban, however it came about; false when there was none. Throws RangeError for a wrong address. */
  remove(address: string): boolean {
    const key = keyOfText(address)
    this.#strikes.delete(key)
    const byUser = this.#byUser.delete(key)
    return this.#automatic.delete(key) || byUser
  }

  /** Bans an address for an hour for what it did. */
  ban(address: Address, reason: string, now: number): void {
    const key = keyOf(address)
    if (key === undefined) return
    this.#automatic.delete(key)
    this.#automatic.set(key, { reason, until: now + BAN })
    this.#strikes.delete(key)
    if (this.#automatic.size > MAX_AUTOMATIC) drop(this.#automatic)
    this.#onBan()
  }

  /**
   * Judges why a connection ended: true when that got the address banned, for a flood at once, for other
   * violations of the protocol when they repeat.
   */
  closed(address: Address, code: string, now: number): boolean {
    const flood = FLOODS.has(code)
    if (!flood && !VIOLATIONS.has(code)) return false
    if (!flood && !this.#strike(address, now)) return false
    this.ban(address, code, now)
    return true
  }

  /** True when nothing is to be had to do with this address. */
  has(address: Address, now: number): boolean {
    return this.until(address) > now
  }

  /** Time (ms) until which an address is banned; 0 for one that is not. */
  until(address: Address): number {
    if (this.size === 0) return 0
    const host = hostOf(address.host)
    if (host === undefined) return 0
    const whole = this.#untilOf(host)
    return isLoopback(host) ? Math.max(whole, this.#untilOf(addressKey({ host, port: address.port }))) : whole
  }

  /** All bans that hold now. */
  list(now: number): Ban[] {
    const bans: Ban[] = []
    for (const entries of [this.#byUser, this.#automatic]) {
      this.#sweep(entries, now)
      for (const [address, { reason, until }] of entries)
        bans.push({ address, reason, remaining: until - now })
    }
    return bans
  }

  #untilOf(key: string): number {
    return Math.max(this.#byUser.get(key)?.until ?? 0, this.#automatic.get(key)?.until ?? 0)
  }

  /** Counts a violation; true when it was one too many. */
  #strike(address: Address, now: number): boolean {
    const key = keyOf(address)
    if (key === undefined) return false
    const before = this.#strikes.get(key)
    if (before && now - before.since < STRIKE_TIME) return ++before.count >= STRIKES
    this.#strikes.delete(key)
    this.#strikes.set(key, { count: 1, since: now })
    if (this.#strikes.size > MAX_STRUCK) drop(this.#strikes)
    return false
  }

  #sweep(entries: Map<string, Entry>, now: number): void {
    for (const [key, { until }] of entries) if (until <= now) entries.delete(key)
  }
}

/** A peer does this on purpose only. */
const FLOODS: ReadonlySet<string> = new Set([
  'wire/message-too-long',
  'wire/send-queue-full',
  'wire/hash-request-flood',
  'wire/bad-hashes',
  'metadata/request-flood',
  'metadata/flood',
  'metadata/bad-total-size',
  'metadata/bad-block',
  'metadata/wrong-hash',
])

/** What a client with a fault may do once. */
const VIOLATIONS: ReadonlySet<string> = new Set([
  'wire/bad-length',
  'wire/bad-bitfield',
  'wire/pieces-flood',
  'wire/bad-have',
  'wire/bad-request',
  'wire/request-too-long',
  'wire/bad-cancel',
  'wire/bad-piece',
  'wire/unrequested-piece',
  'wire/unrequested-reject',
  'wire/bad-suggest',
  'wire/bad-allowed-fast',
  'wire/fast-not-negotiated',
  'wire/hash-not-negotiated',
  'torrent/choke-flood',
])

/** The oldest entry makes room. */
function drop(entries: Map<string, unknown>): void {
  const oldest = entries.keys().next()
  if (!oldest.done) entries.delete(oldest.value)
}

/** The host in canonical form (IPv4-mapped addresses are IPv4), with the port for a loopback address, where tests and tools live. */
function keyOf({ host, port }: Address): string | undefined {
  const canonical = hostOf(host)
  return canonical !== undefined && isLoopback(canonical) ? addressKey({ host: canonical, port }) : canonical
}

function keyOfText(text: string): string {
  const host = hostOf(text)
  if (host !== undefined) return host
  const endpoint = parseEndpoint(text)
  const key = keyOf(endpoint)
  if (key === undefined) throw new RangeError(`address must be an IP or IP:port, got ${text}`)
  return key
}

function hostOf(host: string): string | undefined {
  const bytes = ipToBytes(host)
  return bytes && ipFromBytes(bytes)
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}
