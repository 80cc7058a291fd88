/**
 * The client of HTTP(S) and UDP trackers on a {@link World}: names, address families, sockets and
 * time-outs around the cores of `tracker/`. It keeps no schedule: that is the announcer's.
 * @module
 */

import { type InfoHash, infoHashBytes } from '../../metainfo/infohash.js'
import { announceUrl, decodeAnnounce, decodeScrape, scrapeUrl } from '../../tracker/http-codec.js'
import { parseTrackerUrl, type TrackerUrl } from '../../tracker/text.js'
import {
  type AnnounceRequest,
  type AnnounceResponse,
  type ScrapeEntry,
  TrackerError,
  type TrackerPeer,
  type TrackerResult,
} from '../../tracker/types.js'
import { SCRAPE_BATCH } from '../../tracker/udp-codec.js'
import { type Address, isDialable, parseAddress } from '../../util/address.js'
import { withDeadline } from '../../util/async/deadline.js'
import { Semaphore } from '../../util/async/semaphore.js'
import { toHex } from '../../util/bytes.js'
import { errorCode, errorMessage } from '../../util/errors.js'
import {
  abortSignal,
  bag,
  checkOptions,
  integer,
  type Kinds,
  listOf,
  number,
  object,
  outOfRange,
  text,
} from '../../util/options.js'
import { readAll } from '../http/body.js'
import type { HttpHop, World } from '../world.js'
import { type SharedSockets, TrackerSockets, type UdpSender } from './udp-client.js'

export type { SharedSockets, UdpSender } from './udp-client.js'

/** How a {@link TrackerClient} reaches trackers. */
export interface TrackerClientOptions {
  /** Families to announce on (BEP 7); each one that the tracker has an address of. Default both. */
  readonly families?: readonly (4 | 6)[]
  /**
   * Shared sockets for UDP trackers, one per family: their owner hands what arrives to
   * {@link TrackerClient.receive}. Without any, the client binds a socket of its own when it needs one.
   */
  readonly sockets?: { readonly 4?: UdpSender; readonly 6?: UdpSender }
  /**
   * The sockets of a session, which may open later or lack a family: they are used for families that they
   * have at the time, one of the client's own for others. Their owner hands over what arrives, as above.
   */
  readonly shared?: SharedSockets
  /** Local addresses to announce from, one per family (BEP 7). Default: the system's choice. */
  readonly localAddresses?: { readonly 4?: string; readonly 6?: string }
  /** The `user-agent` of HTTP. Default `rarest`. */
  readonly userAgent?: string
  /** HTTP requests at once; further ones wait. Default 50, as libtorrent. */
  readonly maxConcurrent?: number
}

/** {@link AnnounceRequest} as users make it: the infohash in hex or bytes. */
export interface TrackerRequest extends Omit<AnnounceRequest, 'infoHash'> {
  readonly infoHash: InfoHash
}

/** Options of one announce or scrape. */
export interface TrackerCallOptions {
  readonly signal?: AbortSignal | undefined
  /**
   * ms for the whole call. Default 30 s over HTTP (libtorrent), 60 s over UDP: two retransmissions,
   * after which another tracker is worth more (BEP 15 goes on for two hours).
   */
  readonly timeout?: number | undefined
}

const ADDRESSES: Kinds<{ readonly 4?: string; readonly 6?: string }> = { 4: text, 6: text }

const CLIENT_OPTIONS: Kinds<TrackerClientOptions> = {
  families: listOf({
    type: '4 | 6',
    words: '4 or 6',
    check: (value, name) => {
      if (value !== 4 && value !== 6) throw outOfRange(name, '4 or 6', value)
      return value
    },
  }),
  sockets: object,
  shared: object,
  localAddresses: bag(ADDRESSES),
  userAgent: text,
  maxConcurrent: integer(1, 100_000),
}

const CALL_OPTIONS: Kinds<TrackerCallOptions> = { signal: abortSignal, timeout: number(1, 2 ** 31 - 1) }

const HTTP_TIMEOUT = 30_000
const UDP_TIMEOUT = 60_000
/** Bytes of an answer: libtorrent's cap, a hundred times what 200 peers need. */
const MAX_BODY = 1_048_576
const MAX_REDIRECTS = 5
/** ms that a second family may lag behind the first one that answered. */
const FAMILY_GRACE = 3_000
/** Peers looked up by name, and ms for it, per answer. */
const MAX_NAMES = 20
const NAMES_TIMEOUT = 5_000
/** Hashes in one HTTP scrape: with 67 characters each the request stays below the 8 KiB that servers take. */
const HTTP_SCRAPE_BATCH = 50

/** One per session: all torrents share its UDP sockets and connection ids. */
export class TrackerClient {
  readonly #world: World
  readonly #families: readonly (4 | 6)[]
  readonly #localAddresses: { readonly 4?: string; readonly 6?: string }
  readonly #userAgent: string
  readonly #sockets: TrackerSockets
  readonly #requests: Semaphore
  readonly #open = new Set<(error: TrackerError) => void>()
  #closed: Promise<void> | undefined

  /** Throws TypeError or RangeError for a wrong option. */
  constructor(world: World, options: TrackerClientOptions = {}) {
    checkOptions(options, CLIENT_OPTIONS)
    this.#world = world
    this.#families = options.families ?? [4, 6]
    this.#localAddresses = options.localAddresses ?? {}
    this.#userAgent = options.userAgent ?? 'rarest'
    this.#sockets = new TrackerSockets(world, options.sockets, this.#localAddresses, options.shared)
    this.#requests = new Semaphore(options.maxConcurrent ?? 50)
  }

  /**
   * Announces to one tracker, over every address family that it has. Resolves when one family
   * answered and the others did or lag; peers are joined. Rejects with {@link TrackerError}
   * (code `tracker/...`) or `signal.reason`; with TypeError or RangeError for what is no infohash.
   */
  announce(
    url: string,
    announce: TrackerRequest,
    options: TrackerCallOptions = {},
  ): Promise<AnnounceResponse> {
    return this.#call(url, options, async (parsed, signal, timeout) => {
      const request = { ...announce, infoHash: infoHashBytes('infoHash', announce.infoHash) }
      const addresses = await this.#resolve(parsed, signal)
      const answers = await this.#eachFamily(addresses, signal, (address, family, inner) =>
        parsed.scheme === 'udp'
          ? this.#sockets.announce(address, request, parsed.target, inner)
          : this.#httpAnnounce(url, request, family, inner, timeout),
      )
      return joinAnswers(answers)
    })
  }

  /**
   * Scrapes torrents of one tracker: entries by infohash (as trackers know it, 20 bytes) in
   * lower-case hex; torrents that it does not know may be missing. Rejects like {@link announce},
   * also with `tracker/scrape-unsupported`.
   */
  scrape(
    url: string,
    infoHashes: readonly InfoHash[],
    options: TrackerCallOptions = {},
  ): Promise<Map<string, ScrapeEntry>> {
    return this.#call(url, options, async (parsed, signal, timeout) => {
      const addresses = await this.#resolve(parsed, signal)
      const family = this.#families.find((wanted) => addresses[wanted] !== undefined)
      const address = family === undefined ? undefined : addresses[family]
      if (!address) throw noAddress(parsed)
      const hashes = infoHashes.map((each) => infoHashBytes('infoHashes', each))
      const entries = new Map<string, ScrapeEntry>()
      const size = parsed.scheme === 'udp' ? SCRAPE_BATCH : HTTP_SCRAPE_BATCH
      for (let at = 0; at < hashes.length; at += size) {
        const batch = hashes.slice(at, at + size)
        if (parsed.scheme === 'udp') {
          const answer = await this.#sockets.scrape(address, batch, signal)
          for (const [i, entry] of answer.entries()) {
            const hash = batch[i]
            if (hash) entries.set(toHex(hash.subarray(0, 20)), entry)
          }
        } else {
          const target = scrapeUrl(url, batch)
          if (target === undefined)
            throw new TrackerError('tracker/scrape-unsupported', 'this tracker has no scrape (BEP 48)')
          const answer = await this.#fetch(target, family ?? 4, signal, timeout, decodeScrape)
          for (const [hash, entry] of answer) entries.set(hash, entry)
        }
      }
      return entries
    })
  }

  /** Takes a datagram of a shared socket; true when it was a tracker's answer to us. */
  receive(bytes: Uint8Array, from: Address): boolean {
    return this.#sockets.receive(bytes, from)
  }

  /** Rejects every call that is under way with `tracker/closed` and closes the sockets that we bound. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      for (const abort of [...this.#open])
        abort(new TrackerError('tracker/closed', 'the tracker client is closed'))
      await this.#sockets.close()
    })()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Runs a call under its time-out and signal; leaves no timer and no listener behind. */
  #call<T>(
    url: string,
    options: TrackerCallOptions,
    run: (parsed: TrackerUrl, signal: AbortSignal, timeout: number) => Promise<T>,
  ): Promise<T> {
    try {
      checkOptions(options, CALL_OPTIONS)
    } catch (error) {
      return Promise.reject(error)
    }
    const parsed = parseTrackerUrl(url)
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (!parsed || (parsed.scheme === 'udp' && parsed.port === 0))
      return Promise.reject(new TrackerError('tracker/invalid-url', 'not a valid tracker URL'))
    if (parsed.scheme !== 'http' && parsed.scheme !== 'https' && parsed.scheme !== 'udp') {
      const message = `trackers speak http, https or udp, not ${parsed.scheme.slice(0, 20)}`
      return Promise.reject(new TrackerError('tracker/unsupported-scheme', message))
    }
    if (this.#closed)
      return Promise.reject(new TrackerError('tracker/closed', 'the tracker client is closed'))
    const timeout = options.timeout ?? (parsed.scheme === 'udp' ? UDP_TIMEOUT : HTTP_TIMEOUT)
    const late = (): Error =>
      new TrackerError('tracker/timeout', `the tracker did not answer within ${timeout} ms`)
    return withDeadline({ clock: this.#world, timeout, signal, late }, ({ resolve, reject }) => {
      const controller = new AbortController()
      this.#open.add(reject)
      run(parsed, controller.signal, timeout).then(resolve, (error: unknown) => reject(asTrackerError(error)))
      return (failure) => {
        this.#open.delete(reject)
        controller.abort(failure?.error)
      }
    })
  }

  /** The first address of each family that we announce on. */
  async #resolve(url: TrackerUrl, signal: AbortSignal): Promise<{ 4?: Address; 6?: Address }> {
    const ips = await this.#world.lookup(url.host, { signal })
    const addresses: { 4?: Address; 6?: Address } = {}
    for (const ip of ips) {
      const address = parseAddress(ip, url.port)
      if (!address) continue
      const family = address.host.includes(':') ? 6 : 4
      if (this.#families.includes(family)) addresses[family] ??= address
    }
    if (!addresses[4] && !addresses[6]) throw noAddress(url)
    return addresses
  }

  /** Asks on all families at once; one answer is enough, the others get a short grace. */
  #eachFamily<T>(
    addresses: { readonly 4?: Address; readonly 6?: Address },
    signal: AbortSignal,
    ask: (address: Address, family: 4 | 6, signal: AbortSignal) => Promise<T>,
  ): Promise<T[]> {
    const calls: Promise<T>[] = []
    for (const family of this.#families) {
      const address = addresses[family]
      if (address) calls.push(ask(address, family, signal))
    }
    return new Promise((resolve, reject) => {
      const answers: T[] = []
      let left = calls.length
      let grace: { cancel(): void } | undefined
      const finish = (): void => {
        grace?.cancel()
        resolve(answers)
      }
      const done = (error?: unknown): void => {
        left--
        if (signal.aborted) reject(signal.reason)
        else if (left === 0 && answers.length === 0) reject(error)
        else if (left === 0) finish()
        else if (answers.length > 0) grace ??= this.#world.setTimer(FAMILY_GRACE, finish)
      }
      signal.addEventListener('abort', () => grace?.cancel(), { once: true })
      for (const call of calls) {
        call.then((answer) => {
          answers.push(answer)
          done()
        }, done)
      }
    })
  }

  async #httpAnnounce(
    url: string,
    request: AnnounceRequest,
    family: 4 | 6,
    signal: AbortSignal,
    timeout: number,
  ): Promise<AnnounceResponse> {
    const { named, ...answer } = await this.#fetch(
      announceUrl(url, request),
      family,
      signal,
      timeout,
      decodeAnnounce,
    )
    if (!named) return answer
    const found = await Promise.all(
      named.slice(0, MAX_NAMES).map(async ({ name, port, peerId }): Promise<TrackerPeer[]> => {
        const ips = await this.#world.lookup(name, { signal, timeout: NAMES_TIMEOUT }).catch(() => [])
        const address = parseAddress(ips[0] ?? '', port)
        return address && isDialable(address) ? [{ address, ...(peerId && { peerId }) }] : []
      }),
    )
    return { ...answer, peers: [...answer.peers, ...found.flat()] }
  }

  async #fetch<T>(
    url: string,
    family: 4 | 6,
    signal: AbortSignal,
    timeout: number,
    decode: (body: Uint8Array) => TrackerResult<T>,
  ): Promise<T> {
    const leave = await this.#requests.enter(signal)
    try {
      const localAddress = this.#localAddresses[family]
      const response = await this.#world.fetch({
        url,
        headers: { 'user-agent': this.#userAgent },
        limits: { bodyBytes: MAX_BODY, firstByte: timeout, total: timeout, redirects: MAX_REDIRECTS },
        permit: permitTracker,
        family,
        signal,
        ...(localAddress !== undefined && { localAddress }),
      })
      const decoded = decode(await readAll(response.body))
      const isFine = response.status >= 200 && response.status < 300
      if (decoded.ok && isFine) return decoded.value
      // Many trackers send their reason with a 4xx or 5xx; without one the status says more than the body.
      if (!decoded.ok && (isFine || decoded.error.code === 'tracker/failure')) throw decoded.error
      const seconds = /^\d{1,6}$/.exec(response.headers['retry-after'] ?? '')
      throw new TrackerError(
        'tracker/http-status',
        `the tracker answered with HTTP status ${response.status}`,
        seconds ? { retryIn: Number(seconds[0]) * 1000 } : {},
      )
    } finally {
      leave()
    }
  }
}

/** Peers of all families; the more patient interval, so that no family is asked too often. */
function joinAnswers(answers: readonly AnnounceResponse[]): AnnounceResponse {
  const [first, second] = answers
  if (!first) throw new TrackerError('tracker/unreachable', 'no address family answered')
  if (!second) return first
  return {
    ...second,
    ...first,
    interval: Math.max(first.interval, second.interval),
    peers: [...first.peers, ...second.peers],
  }
}

/** Loopback, and the unspecified addresses, which connect to it too. */
function isThisMachine(host: string): boolean {
  return host.startsWith('127.') || host.startsWith('0.') || host === '::1' || host === '::'
}

/** A torrent must not make us call any service of this machine: a tracker here is one by its path. */
function permitTracker({ url, addresses, redirects }: HttpHop): void {
  // Only a server of this machine can redirect here: that is its own affair.
  if (redirects > 0) return
  // Judged after dot segments are resolved, as they are when it is fetched.
  if (!addresses.some(isThisMachine) || /^\/(announce|scrape)/.test(new URL(url).pathname)) return
  throw new TrackerError(
    'tracker/refused-address',
    'a tracker on this machine must have the path /announce, or /scrape',
  )
}

function noAddress(url: TrackerUrl): TrackerError {
  return new TrackerError('tracker/unreachable', `${url.host} has no address of a usable family`)
}

/** Whatever the world reports, under a code of ours; the cause stays attached. */
function asTrackerError(error: unknown): unknown {
  if (error instanceof TrackerError) return error
  const code = errorCode(error)
  if (code === 'internal') return error
  const known =
    code === 'ETIMEDOUT'
      ? 'tracker/timeout'
      : code === 'http/too-large'
        ? 'tracker/too-large'
        : (code.startsWith('http/') && code.endsWith('redirect')) || code === 'http/too-many-redirects'
          ? 'tracker/bad-redirect'
          : 'tracker/unreachable'
  return new TrackerError(known, `the tracker cannot be reached: ${errorMessage(error)}`, { cause: error })
}
