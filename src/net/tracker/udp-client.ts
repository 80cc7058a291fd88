/**
 * The sockets of UDP trackers: one exchange per tracker, one timer for all.
 * @module
 */

import { type AnnounceRequest, type AnnounceResponse, TrackerError } from '../../tracker/types.js'
import type { UdpScrapeEntry } from '../../tracker/udp-codec.js'
import { UdpExchange } from '../../tracker/udp-exchange.js'
import { type Address, addressKey, familyOf } from '../../util/address.js'
import { withDeadline } from '../../util/async/deadline.js'
import type { DatagramSocket, Timer, World } from '../world.js'

/** Where datagrams leave: a {@link DatagramSocket}, or the session's shared one. */
export type UdpSender = Pick<DatagramSocket, 'send'>

/** The sockets of a session, of both families, one, or none. */
export interface SharedSockets extends UdpSender {
  /** True when it can send to this family. */
  has(family: 4 | 6): boolean
}

interface Waiting {
  readonly announced: (response: AnnounceResponse) => void
  readonly scraped: (entries: readonly UdpScrapeEntry[]) => void
  readonly failed: (error: TrackerError) => void
}

/** Trackers remembered while nothing is asked of them; their connection ids last a minute anyway. */
const MAX_IDLE = 256

export class TrackerSockets {
  readonly #world: World
  readonly #given: { readonly 4?: UdpSender; readonly 6?: UdpSender } | undefined
  readonly #localAddresses: { readonly 4?: string; readonly 6?: string }
  readonly #shared: SharedSockets | undefined
  readonly #bound = new Map<4 | 6, Promise<DatagramSocket>>()
  readonly #exchanges = new Map<string, { readonly exchange: UdpExchange; readonly sender: UdpSender }>()
  readonly #waiting = new Map<UdpExchange, Map<number, Waiting>>()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #closed = false

  constructor(
    world: World,
    given: { readonly 4?: UdpSender; readonly 6?: UdpSender } | undefined,
    localAddresses: { readonly 4?: string; readonly 6?: string },
    shared?: SharedSockets,
  ) {
    this.#world = world
    this.#given = given
    this.#localAddresses = localAddresses
    this.#shared = shared
  }

  announce(
    to: Address,
    request: AnnounceRequest,
    target: string,
    signal: AbortSignal,
  ): Promise<AnnounceResponse> {
    return this.#ask(to, signal, (exchange, now) => exchange.announce(request, target, now), 'announced')
  }

  scrape(
    to: Address,
    infoHashes: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly UdpScrapeEntry[]> {
    return this.#ask(to, signal, (exchange, now) => exchange.scrape(infoHashes, now), 'scraped')
  }

  receive(bytes: Uint8Array, from: Address): boolean {
    const known = this.#exchanges.get(addressKey(from))
    const taken = known?.exchange.receive(bytes, from, this.#world.now()) ?? false
    if (taken) this.#drain()
    return taken
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#exchanges.clear()
    this.#waiting.clear()
    const sockets = await Promise.allSettled(this.#bound.values())
    this.#bound.clear()
    await Promise.all(
      sockets.map(async (socket) => {
        if (socket.status === 'fulfilled') await socket.value.close()
      }),
    )
  }

  async #ask<T>(
    to: Address,
    signal: AbortSignal,
    start: (exchange: UdpExchange, now: number) => number,
    outcome: 'announced' | 'scraped',
  ): Promise<T> {
    // Closing may have come while the name was looked up: no socket may be bound after it.
    if (signal.aborted) throw signal.reason
    const sender = await this.#sender(familyOf(to))
    if (signal.aborted) throw signal.reason
    if (this.#closed) throw new TrackerError('tracker/closed', 'the tracker client is closed')
    const exchange = this.#exchange(to, sender)
    return withDeadline({ clock: this.#world, signal }, ({ resolve, reject }) => {
      const id = start(exchange, this.#world.now())
      const ignore = (): void => {}
      let isAnswered = false
      const succeed = (value: unknown): void => {
        isAnswered = true
        resolve(value as T)
      }
      const waiting: Waiting = {
        announced: outcome === 'announced' ? succeed : ignore,
        scraped: outcome === 'scraped' ? succeed : ignore,
        failed(error) {
          isAnswered = true
          reject(error)
        },
      }
      const all = this.#waiting.get(exchange) ?? new Map<number, Waiting>()
      this.#waiting.set(exchange, all.set(id, waiting))
      this.#drain()
      return () => {
        this.#waiting.get(exchange)?.delete(id)
        if (isAnswered) return
        exchange.cancel(id)
        this.#drain()
      }
    })
  }

  #sender(family: 4 | 6): Promise<UdpSender> | UdpSender {
    if (this.#given) {
      const sender = this.#given[family]
      if (!sender) throw new TrackerError('tracker/unreachable', `no UDP socket for IPv${family}`)
      return sender
    }
    if (this.#shared?.has(family)) return this.#shared
    let socket = this.#bound.get(family)
    if (!socket) {
      const host = this.#localAddresses[family]
      socket = this.#world.bind({ port: 0, family, ...(host !== undefined && { host }) }, (bytes, from) => {
        this.receive(bytes, from)
      })
      this.#bound.set(family, socket)
      // A bind that failed is tried again next time: the network may have come up.
      socket.catch(() => this.#bound.delete(family))
    }
    return socket
  }

  #exchange(to: Address, sender: UdpSender): UdpExchange {
    const key = addressKey(to)
    const known = this.#exchanges.get(key)
    if (known) return known.exchange
    if (this.#exchanges.size >= MAX_IDLE) this.#forgetIdle()
    const exchange = new UdpExchange(to, this.#world.random)
    this.#exchanges.set(key, { exchange, sender })
    return exchange
  }

  #forgetIdle(): void {
    for (const [key, { exchange }] of this.#exchanges) {
      if (!exchange.idle || exchange.isConnected(this.#world.now())) continue
      this.#exchanges.delete(key)
      this.#waiting.delete(exchange)
    }
  }

  #drain(): void {
    if (this.#closed) return
    let next = Number.POSITIVE_INFINITY
    for (const { exchange, sender } of this.#exchanges.values()) {
      for (let bytes = exchange.transmit(); bytes; bytes = exchange.transmit())
        sender.send(bytes, exchange.remote)
      for (let event = exchange.poll(); event; event = exchange.poll()) {
        const waiting = this.#waiting.get(exchange)?.get(event.id)
        if (event.type === 'announced') waiting?.announced(event.response)
        else if (event.type === 'scraped') waiting?.scraped(event.entries)
        else waiting?.failed(event.error)
      }
      next = Math.min(next, exchange.nextTimeout())
    }
    this.#arm(next)
  }

  #arm(at: number): void {
    if (at === this.#timerAt && this.#timer) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = at
    if (at === Number.POSITIVE_INFINITY) return
    this.#timer = this.#world.setTimer(Math.max(0, at - this.#world.now()), () => {
      this.#timer = undefined
      const now = this.#world.now()
      for (const { exchange } of this.#exchanges.values())
        if (exchange.nextTimeout() <= now) exchange.timeout(now)
      this.#drain()
    })
  }
}
