/**
 * Peer exchange on the connections of a torrent (BEP 11): tells each peer once a minute who else is here,
 * and hands what peers tell to the peer list.
 * @module
 */

import { encodePex, PEX_FLAGS, type PexPeer, type PexPeers, PexReceiver, PexSender } from '../../pex/index.js'
import { type Address, addressKey, familyOf, isDialable } from '../../util/address.js'
import { reachOf } from '../../util/locality.js'
import type { Connection } from '../peers/connection.js'
import type { PeerHints } from '../peers/peer-list.js'
import type { SwarmContext } from '../peers/swarm-context.js'
import { type Extension, sendExtended } from './extension.js'

const NAME = 'ut_pex'
/** ms until it is looked again whether there is something to tell, after there was nothing. */
const LOOK_AGAIN = 10_000
/** ms that a list of those who are here serves. */
const FRESH = 2_000
/** New addresses taken of one connection: no peer may be the only source of our swarm. */
const MAX_FROM_ONE = 500
/** Peers that left remembered for others, and for how long, ms (BEP 11: 25 of a family). */
const MAX_RECENT = 25
const RECENT = 600_000
/** Why a peer left whom others may well want (BEP 11). */
const STILL_GOOD: ReadonlySet<string> = new Set([
  'torrent/no-interest',
  'torrent/both-seeds',
  'torrent/duplicate',
  'torrent/replaced',
  'torrent/limit',
  'torrent/lost-piece',
])

/** Takes addresses that a peer told of; returns how many were new. */
export type TakeFound = (peers: readonly FoundPeer[], now: number) => number

export interface FoundPeer {
  readonly address: Address
  readonly hints: PeerHints
}

type Reach = ReturnType<typeof reachOf>

/** Who is here, as far as peers of one reach may know. */
interface Audience {
  readonly live: PexPeers
  readonly recent: PexPeers
}

interface Exchange {
  readonly sender: PexSender
  readonly receiver: PexReceiver
  /** Time (ms) of the next look. */
  lookAt: number
  /** Addresses that it told us first. */
  found: number
}

export class PeerExchange implements Extension {
  readonly name: 'ut_pex' = NAME
  readonly #context: SwarmContext
  readonly #found: TakeFound
  readonly #exchanges = new Map<Connection, Exchange>()
  readonly #audiences = new Map<Reach, Audience>()
  #audiencesUntil = 0
  readonly #recent = new Map<string, { readonly peer: PexPeer; readonly until: number }>()

  constructor(context: SwarmContext, found: TakeFound) {
    this.#context = context
    this.#found = found
  }

  received(connection: Connection, payload: Uint8Array, now: number): void {
    const exchange = this.#exchange(connection)
    const outcome = exchange.receiver.receive(payload, (address) => this.#isOurs(connection, address), now)
    if (outcome.type !== 'peers') {
      if (outcome.type === 'close') connection.end(outcome.code, 'peer exchange against its rules')
      return
    }
    const found: FoundPeer[] = []
    for (const { address, flags } of outcome.added.slice(0, MAX_FROM_ONE - exchange.found)) {
      found.push({ address, hints: hintsOf(flags) })
    }
    if (found.length > 0) exchange.found += this.#found(found, now)
  }

  closed(connection: Connection, now: number, code: string): void {
    this.#exchanges.delete(connection)
    const peer = STILL_GOOD.has(code) ? asPexPeer(connection) : undefined
    if (!peer) return
    const key = addressKey(peer.address)
    this.#recent.delete(key)
    this.#recent.set(key, { peer, until: now + RECENT })
    for (const [other, { peer: old, until }] of this.#recent) {
      const crowded = this.#recent.size > MAX_RECENT && familyOf(old.address) === familyOf(peer.address)
      if (until <= now || crowded) this.#recent.delete(other)
      else if (this.#recent.size <= MAX_RECENT) break
    }
  }

  /** The torrent is private (BEP 27), or there is to be no exchange any more: what was told is forgotten. */
  clear(): void {
    this.#exchanges.clear()
    this.#audiences.clear()
    this.#recent.clear()
  }

  /** The connections that told us of being connected to this address, and have not taken it back. */
  *introducers(address: Address): Iterable<Connection> {
    const key = addressKey(address)
    for (const [connection, { receiver }] of this.#exchanges) if (receiver.peers.has(key)) yield connection
  }

  tick(now: number): void {
    for (const connection of this.#context.connections) {
      if (!connection.peer.extension?.extensions.has(NAME)) continue
      const exchange = this.#exchange(connection)
      if (now < exchange.lookAt || now < exchange.sender.nextAt) continue
      exchange.lookAt = now + LOOK_AGAIN
      const { live, recent } = this.#audience(connection, now)
      const own = listeningAddress(connection)
      const message = exchange.sender.message(live, recent, now, own && addressKey(own))
      if (message) sendExtended(connection, NAME, encodePex(message))
    }
  }

  #exchange(connection: Connection): Exchange {
    let exchange = this.#exchanges.get(connection)
    if (!exchange) {
      const { host } = connection.stream.remote
      exchange = { sender: new PexSender(), receiver: new PexReceiver(host), lookAt: 0, found: 0 }
      this.#exchanges.set(connection, exchange)
    }
    return exchange
  }

  /** What a peer may be told: no local addresses when it is far away. */
  #audience(connection: Connection, now: number): Audience {
    if (now >= this.#audiencesUntil) {
      this.#audiences.clear()
      this.#audiencesUntil = now + FRESH
    }
    const reach = reachOf(connection.stream.remote.host)
    let audience = this.#audiences.get(reach)
    if (!audience) {
      const live = new Map<string, PexPeer>()
      const recent = new Map<string, PexPeer>()
      for (const other of this.#context.connections) {
        const peer = asPexPeer(other)
        if (peer && isFor(reach, peer.address)) live.set(addressKey(peer.address), peer)
      }
      for (const [key, { peer, until }] of this.#recent) {
        if (until > now && isFor(reach, peer.address)) recent.set(key, peer)
      }
      audience = { live, recent }
      this.#audiences.set(reach, audience)
    }
    return audience
  }

  #isOurs(connection: Connection, { host, port }: Address): boolean {
    return port === this.#context.listenPort() && host === connection.stream.local.host
  }
}

/**
 * Where a connected peer can be dialled: where we dialled it, or the port that it told us (BEP 10). One that
 * came by uTP and may sit behind a NAT: where it came from, since that is the socket on which it listens.
 */
export function listeningAddress(connection: Connection): Address | undefined {
  if (connection.initiator) return connection.known.address
  const behindNat = connection.peer.extension?.extensions.has('ut_holepunch') === true
  if (connection.stream.transport === 'utp' && behindNat) return connection.stream.remote
  const port = connection.peer.extension?.port
  return port === undefined ? undefined : { host: connection.stream.remote.host, port }
}

/** What others are told of a connected peer; undefined when nobody could dial it. */
function asPexPeer(connection: Connection): PexPeer | undefined {
  const address = listeningAddress(connection)
  if (!address || !isDialable(address)) return undefined
  const { extension, isSeed } = connection.peer
  let flags = connection.initiator ? PEX_FLAGS.reachable : 0
  if (extension?.prefersEncryption) flags |= PEX_FLAGS.prefersEncryption
  if (isSeed || extension?.uploadOnly) flags |= PEX_FLAGS.seed
  if (connection.stream.transport === 'utp') flags |= PEX_FLAGS.utp
  if (extension?.extensions.has('ut_holepunch')) flags |= PEX_FLAGS.holepunch
  return { address, flags }
}

/** True when a peer this near may be told of the address. */
function isFor(reach: Reach, address: Address): boolean {
  const theirs = reachOf(address.host)
  return theirs === 'machine' ? reach === 'machine' : theirs === 'world' || reach !== 'world'
}

function hintsOf(flags: number): PeerHints {
  return {
    prefersEncryption: (flags & PEX_FLAGS.prefersEncryption) !== 0,
    seed: (flags & PEX_FLAGS.seed) !== 0,
    utp: (flags & PEX_FLAGS.utp) !== 0,
    holepunch: (flags & PEX_FLAGS.holepunch) !== 0,
    reachable: (flags & PEX_FLAGS.reachable) !== 0,
  }
}
