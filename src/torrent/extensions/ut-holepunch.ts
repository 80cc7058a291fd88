/**
 * Connections between peers that cannot be dialled, brought about by a peer that both are connected to
 * (BEP 55).
 *
 * | we are | on | do |
 * |---|---|---|
 * | initiator | a failed dial of a peer that PEX marks | `rendezvous` to one who told us of it |
 * | initiator | `error` | the same with another one who told us, three in all |
 * | relay | `rendezvous` for a peer of ours | `connect` to both, with the other's address |
 * | relay | `rendezvous` that cannot be met | `error` to the initiator |
 * | initiator, target | `connect` | one uTP dial, at once, unless connected already |
 *
 * Nobody proves that an address is whose it is said to be: all of it is rationed, and no local address is
 * named to, or believed of, a peer that is further away.
 * @module
 */

import { type Address, addressKey, isDialable } from '../../util/address.js'
import { reachOf } from '../../util/locality.js'
import { decodeHolepunch, encodeHolepunch, HOLEPUNCH_ERRORS } from '../../wire/holepunch.js'
import type { Connection } from '../peers/connection.js'
import type { KnownPeer } from '../peers/peer-list.js'
import type { SwarmContext } from '../peers/swarm-context.js'
import { type Extension, sendExtended } from './extension.js'
import { listeningAddress } from './ut-pex.js'

const NAME = 'ut_holepunch'
/** Messages that we act on of one connection in a minute, by type: a peer has few to be introduced to. */
const RENDEZVOUS_A_MINUTE = 20
const CONNECTS_A_MINUTE = 10
const MINUTE = 60_000
/** Relays asked for one peer in a while, in ms: NATs forget, peers come back. */
const MAX_RELAYS = 3
const ASK_AGAIN = 900_000
/** Introductions that wait to be dialled, and ms that they are worth it: the other side dials now. */
const MAX_DUE = 20
const STALE = 5_000

export interface HolepunchParts {
  /** The connections whose peers say by PEX that they are connected to this address. */
  readonly introducers: (address: Address) => Iterable<Connection>
  /** There is somebody to dial. */
  readonly wake: () => void
}

interface Quota {
  since: number
  rendezvous: number
  connects: number
}

export class Holepunch implements Extension {
  readonly name: 'ut_holepunch' = NAME
  readonly #context: SwarmContext
  readonly #parts: HolepunchParts
  readonly #quotas = new WeakMap<Connection, Quota>()
  /** Relays that were asked for a peer, and when the first of them was. */
  readonly #asked = new WeakMap<KnownPeer, { readonly relays: Set<Connection>; readonly since: number }>()
  /** Peers that we wait to be introduced to, by address; those that relays keep silent about leave in time. */
  readonly #hoped = new Map<string, KnownPeer>()
  #due: { readonly address: Address; readonly until: number }[] = []

  constructor(context: SwarmContext, parts: HolepunchParts) {
    this.#context = context
    this.#parts = parts
  }

  /** A dial of this peer came to nothing: asks others to introduce us, once per dial and relay. */
  unreachable(known: KnownPeer, now: number): void {
    if (known.hints.holepunch !== true) return
    const { address } = known
    let asked = this.#asked.get(known)
    if (!asked || now - asked.since >= ASK_AGAIN) {
      asked = { relays: new Set(), since: now }
      this.#asked.set(known, asked)
    }
    const { relays } = asked
    for (const relay of this.#parts.introducers(address)) {
      if (relays.size >= MAX_RELAYS) return
      if (relays.has(relay) || !this.#send(relay, 'rendezvous', address)) continue
      relays.add(relay)
      const key = addressKey(address)
      this.#hoped.delete(key)
      this.#hoped.set(key, known)
      const [oldest] = this.#hoped.keys()
      if (this.#hoped.size > MAX_DUE && oldest !== undefined) this.#hoped.delete(oldest)
      return
    }
  }

  /** We are connected to this peer: should that end, those who introduced us may do so again. */
  met(known: KnownPeer): void {
    this.#asked.delete(known)
  }

  /** An address to dial now over uTP, and not again. */
  next(now: number): Address | undefined {
    this.#due = this.#due.filter(({ until }) => until > now)
    return this.#due.shift()?.address
  }

  received(connection: Connection, payload: Uint8Array, now: number): void {
    const message = decodeHolepunch(payload)
    // A peer that does not take such messages has no business to send them.
    if (!message || !connection.peer.extension?.extensions.has(NAME)) return
    const quota = this.#quota(connection, now)
    if (message.type === 'rendezvous') {
      if (++quota.rendezvous <= RENDEZVOUS_A_MINUTE) this.#introduce(connection, message.address)
    } else if (message.type === 'connect') {
      if (++quota.connects <= CONNECTS_A_MINUTE) this.#introduced(connection, message.address, now)
    } else {
      const known = this.#hoped.get(addressKey(message.address))
      if (known && this.#asked.get(known)?.relays.has(connection)) this.unreachable(known, now)
    }
  }

  /** We are the relay. */
  #introduce(initiator: Connection, address: Address): void {
    const refuse = (error: number) => this.#send(initiator, 'error', address, error)
    if (!isDialable(address)) {
      refuse(HOLEPUNCH_ERRORS.noSuchPeer)
      return
    }
    if (this.#isOurs(initiator, address)) {
      refuse(HOLEPUNCH_ERRORS.noSelf)
      return
    }
    const target = this.#find(address)
    const theirs = target && endpointOf(target)
    const own = endpointOf(initiator)
    // No word of a peer that the initiator cannot know of: one of another network.
    if (!target || !theirs || !own || target === initiator || !near(theirs, own)) {
      refuse(HOLEPUNCH_ERRORS.notConnected)
      return
    }
    if (!this.#send(target, 'connect', own)) refuse(HOLEPUNCH_ERRORS.noSupport)
    else this.#send(initiator, 'connect', theirs)
  }

  /** We are one of those who are to meet. */
  #introduced(relay: Connection, address: Address, now: number): void {
    this.#hoped.delete(addressKey(address))
    if (!isDialable(address) || !near(address, relay.stream.remote) || this.#isOurs(relay, address)) return
    if (this.#find(address) || this.#due.length >= MAX_DUE) return
    this.#due.push({ address, until: now + STALE })
    this.#parts.wake()
  }

  #find(address: Address): Connection | undefined {
    const key = addressKey(address)
    for (const connection of this.#context.connections) {
      const own = listeningAddress(connection)
      if (addressKey(connection.stream.remote) === key || (own && addressKey(own) === key)) return connection
    }
    return undefined
  }

  #isOurs(connection: Connection, { host, port }: Address): boolean {
    return port === this.#context.listenPort() && host === connection.stream.local.host
  }

  /** False when the peer takes no such message. */
  #send(
    connection: Connection,
    type: 'rendezvous' | 'connect' | 'error',
    address: Address,
    error = 0,
  ): boolean {
    const message = type === 'error' ? ({ type, address, error } as const) : ({ type, address } as const)
    return sendExtended(connection, NAME, encodeHolepunch(message))
  }

  #quota(connection: Connection, now: number): Quota {
    let quota = this.#quotas.get(connection)
    if (!quota || now - quota.since >= MINUTE) {
      quota = { since: now, rendezvous: 0, connects: 0 }
      this.#quotas.set(connection, quota)
    }
    return quota
  }
}

/** Where a peer's uTP socket is: seen by us when the connection is one, else the port of its TCP. */
function endpointOf(connection: Connection): Address | undefined {
  return connection.stream.transport === 'utp' || connection.initiator
    ? connection.stream.remote
    : listeningAddress(connection)
}

function near(a: Address, b: Address): boolean {
  return reachOf(a.host) === reachOf(b.host)
}
