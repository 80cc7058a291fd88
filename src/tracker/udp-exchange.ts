/**
 * The client's talk with one UDP tracker (BEP 15), sans-IO. All torrents share one connection id.
 *
 * | state of the connection | on | becomes | sends |
 * |---|---|---|---|
 * | none | a request | connecting | connect |
 * | connecting | 15 * 2^n s passed | connecting, n + 1 | connect |
 * | connecting | connect reply | usable for 60 s | every waiting request |
 * | usable | a request | usable | the request |
 * | usable | 15 * 2^n s of a request passed | usable | that request, n + 1 |
 * | expired | 15 * 2^n s of a request passed | connecting with that n + 1 | connect |
 * | expired | a request | connecting | connect |
 * @module
 */

import type { Address } from '../util/address.js'
import { familyOf } from '../util/address.js'
import type { Random } from '../util/random.js'
import { below } from '../util/random.js'
import { type AnnounceRequest, type AnnounceResponse, TrackerError } from './types.js'
import {
  decodeUdpResponse,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  type UdpResponse,
  type UdpScrapeEntry,
} from './udp-codec.js'

/** What a request came to; `id` is what {@link UdpExchange.announce} or {@link UdpExchange.scrape} returned. */
export type UdpExchangeEvent =
  | { readonly type: 'announced'; readonly id: number; readonly response: AnnounceResponse }
  | { readonly type: 'scraped'; readonly id: number; readonly entries: readonly UdpScrapeEntry[] }
  | { readonly type: 'failed'; readonly id: number; readonly error: TrackerError }

/** ms for which a client may use a connection id (BEP 15: one minute). */
const CONNECTION_LIFE = 60_000
/** ms before the first retransmission (BEP 15); it doubles each time. */
const FIRST_TIMEOUT = 15_000
/** n of the last retransmission (BEP 15): after 15 * 2^8 = 3840 s more, the request has failed. */
const LAST_RETRY = 8
/** Requests that wait for one tracker; more fail at once. Far above the torrents of a session. */
const MAX_REQUESTS = 10_000

interface Pending {
  readonly id: number
  transactionId: number
  /** Retransmissions so far. */
  n: number
  /** Sent with the present connection id or an earlier one, at least once. */
  sent: boolean
  /** When to send again; Infinity while the connection is being made. */
  deadline: number
  /** True when an error of the tracker already cost a new connection. */
  reconnected: boolean
  readonly kind: 'announce' | 'scrape'
  encode(connectionId: bigint, transactionId: number): Uint8Array
}

export class UdpExchange {
  /** The tracker; datagrams from elsewhere are ignored. */
  readonly remote: Address
  readonly #family: 4 | 6
  readonly #random: Random
  readonly #requests = new Map<number, Pending>()
  readonly #byTransaction = new Map<number, Pending>()
  #nextId = 1
  #connection: { readonly id: bigint; readonly until: number } | undefined
  #connecting: { readonly transactionId: number; n: number; deadline: number } | undefined
  readonly #outbox: Uint8Array[] = []
  readonly #events: UdpExchangeEvent[] = []

  /** @param remote the tracker's address, already resolved. */
  constructor(remote: Address, random: Random) {
    this.remote = remote
    this.#family = familyOf(remote)
    this.#random = random
  }

  /** Nothing is asked and nothing is left to drain. */
  get idle(): boolean {
    return this.#requests.size === 0 && this.#outbox.length === 0 && this.#events.length === 0
  }

  /** The last connection id may still be used, so the exchange is worth keeping. */
  isConnected(now: number): boolean {
    return this.#connection !== undefined && now < this.#connection.until
  }

  /**
   * Asks for an announce and returns its id. `target` is path and query of the tracker's URL (BEP 41).
   * Throws RangeError like {@link encodeAnnounce}.
   */
  announce(request: AnnounceRequest, target: string, now: number): number {
    return this.#request(
      'announce',
      (connection, transaction) => encodeAnnounce(connection, transaction, request, target),
      now,
    )
  }

  /** Asks for a scrape of at most 74 torrents and returns its id. Throws RangeError like {@link encodeScrape}. */
  scrape(infoHashes: readonly Uint8Array[], now: number): number {
    return this.#request(
      'scrape',
      (connection, transaction) => encodeScrape(connection, transaction, infoHashes),
      now,
    )
  }

  /** Forgets a request; no event follows. */
  cancel(id: number): void {
    const request = this.#requests.get(id)
    if (!request) return
    this.#drop(request)
    if (this.#requests.size === 0) this.#connecting = undefined
  }

  /**
   * Takes a datagram. True when it answers a request of ours. Anything else (another source, unknown
   * transaction, wrong action, too short) changes nothing: it may be forged.
   */
  receive(bytes: Uint8Array, from: Address, now: number): boolean {
    if (from.port !== this.remote.port || from.host !== this.remote.host) return false
    const decoded = decodeUdpResponse(bytes, this.#family)
    if (!decoded.ok) return false
    const response = decoded.value
    if (response.transactionId === this.#connecting?.transactionId) return this.#connected(response, now)
    const request = this.#byTransaction.get(response.transactionId)
    if (!request?.sent || (response.action !== 'error' && response.action !== request.kind)) return false
    if (response.action === 'error') this.#refused(request, response.message, now)
    else {
      this.#drop(request)
      this.#answered(request, response)
    }
    return true
  }

  /** The clock reached {@link nextTimeout}. */
  timeout(now: number): void {
    const connecting = this.#connecting
    if (connecting && connecting.deadline <= now) {
      if (connecting.n >= LAST_RETRY) {
        this.#connecting = undefined
        for (const request of [...this.#requests.values()]) this.#fail(request, timedOut())
        return
      }
      connecting.n++
      connecting.deadline = now + FIRST_TIMEOUT * 2 ** connecting.n
      this.#outbox.push(encodeConnect(connecting.transactionId))
    }
    for (const request of [...this.#requests.values()]) {
      if (request.deadline > now) continue
      if (request.n >= LAST_RETRY) this.#fail(request, timedOut())
      else {
        request.n++
        this.#send(request, now)
      }
    }
  }

  /** ms at which {@link timeout} is due, Infinity when nothing is asked. */
  nextTimeout(): number {
    let next = this.#connecting?.deadline ?? Number.POSITIVE_INFINITY
    for (const request of this.#requests.values()) if (request.deadline < next) next = request.deadline
    return next
  }

  /** The next datagram for {@link remote}. */
  transmit(): Uint8Array | undefined {
    return this.#outbox.shift()
  }

  poll(): UdpExchangeEvent | undefined {
    return this.#events.shift()
  }

  #request(kind: 'announce' | 'scrape', encode: Pending['encode'], now: number): number {
    const id = this.#nextId++
    if (this.#requests.size >= MAX_REQUESTS) {
      const error = new TrackerError('tracker/too-many-requests', 'too many requests wait for this tracker')
      this.#events.push({ type: 'failed', id, error })
      return id
    }
    const transactionId = this.#transaction()
    // What cannot be encoded is thrown at the caller now, not at the socket when the connection is made.
    encode(0n, transactionId)
    const request: Pending = {
      id,
      transactionId,
      n: 0,
      sent: false,
      deadline: Number.POSITIVE_INFINITY,
      reconnected: false,
      kind,
      encode,
    }
    this.#requests.set(id, request)
    this.#byTransaction.set(transactionId, request)
    this.#send(request, now)
    return id
  }

  #send(request: Pending, now: number): void {
    const connection = this.#connection
    if (!connection || now >= connection.until) {
      this.#connection = undefined
      request.deadline = Number.POSITIVE_INFINITY
      this.#connect(request.n, now)
      return
    }
    request.sent = true
    request.deadline = now + FIRST_TIMEOUT * 2 ** request.n
    this.#outbox.push(request.encode(connection.id, request.transactionId))
  }

  /** Starts to connect, with the patience that the request has already shown: n keeps rising (BEP 15). */
  #connect(n: number, now: number): void {
    const connecting = this.#connecting
    if (connecting) {
      // A tracker that was away for long must not keep a fresh request waiting as long: while there are
      // some, it is asked every 15 s.
      if (n < connecting.n) {
        connecting.n = n
        connecting.deadline = Math.min(connecting.deadline, now + FIRST_TIMEOUT * 2 ** n)
      }
      return
    }
    const transactionId = this.#transaction()
    this.#connecting = { transactionId, n, deadline: now + FIRST_TIMEOUT * 2 ** n }
    this.#outbox.push(encodeConnect(transactionId))
  }

  #connected(response: UdpResponse, now: number): boolean {
    if (response.action === 'error') {
      this.#connecting = undefined
      const waiting = [...this.#requests.values()].filter(
        (request) => request.deadline === Number.POSITIVE_INFINITY,
      )
      for (const request of waiting) this.#fail(request, refusal(response.message))
      return true
    }
    if (response.action !== 'connect') return false
    const n = this.#connecting?.n ?? 0
    this.#connecting = undefined
    this.#connection = { id: response.connectionId, until: now + CONNECTION_LIFE }
    for (const request of this.#requests.values()) {
      if (request.deadline !== Number.POSITIVE_INFINITY) continue
      if (request.sent) request.n = Math.max(request.n, n)
      this.#send(request, now)
    }
    return true
  }

  #answered(request: Pending, response: UdpResponse): void {
    if (response.action === 'scrape')
      this.#events.push({ type: 'scraped', id: request.id, entries: response.entries })
    else if (response.action === 'announce') {
      this.#events.push({
        type: 'announced',
        id: request.id,
        response: {
          interval: response.interval,
          peers: response.peers.map((address) => ({ address })),
          complete: response.seeders,
          incomplete: response.leechers,
        },
      })
    }
  }

  /** A tracker that restarted no longer knows our connection id: one new connection per request is worth a try. */
  #refused(request: Pending, message: string, now: number): void {
    if (request.reconnected || !/connection/i.test(message)) {
      this.#fail(request, refusal(message))
      return
    }
    request.reconnected = true
    this.#connection = undefined
    this.#send(request, now)
  }

  #fail(request: Pending, error: TrackerError): void {
    this.#drop(request)
    this.#events.push({ type: 'failed', id: request.id, error })
  }

  #drop(request: Pending): void {
    this.#requests.delete(request.id)
    this.#byTransaction.delete(request.transactionId)
  }

  /** Random, so that an attacker off the path cannot guess it (BEP 15), and not in use. */
  #transaction(): number {
    let transactionId = below(this.#random, 0x1_0000_0000)
    while (this.#byTransaction.has(transactionId) || this.#connecting?.transactionId === transactionId)
      transactionId = (transactionId + 1) >>> 0
    return transactionId
  }
}

function timedOut(): TrackerError {
  return new TrackerError('tracker/timeout', 'the tracker did not answer')
}

function refusal(message: string): TrackerError {
  return new TrackerError('tracker/failure', `the tracker refused: ${message || 'no reason given'}`)
}
