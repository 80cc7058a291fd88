/**
 * What is believed of the exchange of one peer (BEP 11): little, and not too often.
 * @module
 */

import { type Address, addressKey } from '../util/address.js'
import type { ErrorCode } from '../util/errors.js'
import { reachOf } from '../util/locality.js'
import { decodePex, type PexPeer } from './codec.js'

/** ms in which a peer may send six messages; the seventh closes it (libtorrent). */
const FLOOD_WINDOW = 60_000
const FLOOD = 7
/** ms before the next message of a peer is read. A minute by the BEP; some send every 45 s (anacrolix/torrent). */
const SHORTEST = 40_000
/** Messages that are no messages before the peer is closed. */
const MAX_BAD = 5
/** Addresses taken of one message, and remembered of one peer (libtorrent keeps 50, sends 100). */
const MAX_TAKEN = 100
const MAX_PEERS = 200

/** What became of a message: peers to try, or why it was ignored, or why the sender is to be closed. */
export type PexOutcome =
  | { readonly type: 'peers'; readonly added: readonly PexPeer[] }
  | { readonly type: 'ignored'; readonly code: ErrorCode }
  | { readonly type: 'close'; readonly code: ErrorCode }

/** The exchange from one peer. */
export class PexReceiver {
  readonly #reach: 'machine' | 'network' | 'world'
  readonly #peers = new Map<string, PexPeer>()
  readonly #times: number[] = []
  #nextAt = 0
  #bad = 0

  /** @param host the IP under which the sender is connected: local addresses are believed of local senders alone (libtorrent). */
  constructor(host: string) {
    this.#reach = reachOf(host) ?? 'world'
  }

  /** The peers to which the sender is connected, as far as it told; at most 200, by address key. */
  get peers(): ReadonlyMap<string, PexPeer> {
    return this.#peers
  }

  /** Takes a message. `isOurs` tells whether an address is our own. */
  receive(payload: Uint8Array, isOurs: (address: Address) => boolean, now: number): PexOutcome {
    this.#times.push(now)
    if (this.#times.length > FLOOD) this.#times.shift()
    if (this.#times.length === FLOOD && now - (this.#times[0] as number) < FLOOD_WINDOW) {
      return { type: 'close', code: 'pex/flood' }
    }
    if (now < this.#nextAt) return { type: 'ignored', code: 'pex/too-frequent' }
    this.#nextAt = now + SHORTEST
    const decoded = decodePex(payload)
    if (!decoded.ok) {
      const { code } = decoded.error
      return { type: ++this.#bad >= MAX_BAD ? 'close' : 'ignored', code }
    }
    for (const address of decoded.value.dropped) this.#peers.delete(addressKey(address))
    const hosts = new Set<string>()
    const added: PexPeer[] = []
    for (const peer of decoded.value.added) {
      if (added.length >= MAX_TAKEN) break
      const { address } = peer
      const reach = reachOf(address.host)
      if (!this.#believes(reach) || isOurs(address)) continue
      // One host with many ports is a favourite of attackers; on one machine it is a test.
      if (reach !== 'machine' && hosts.has(address.host)) continue
      hosts.add(address.host)
      added.push(peer)
      const key = addressKey(address)
      if (this.#peers.has(key) || this.#peers.size < MAX_PEERS) this.#peers.set(key, peer)
    }
    return { type: 'peers', added }
  }

  #believes(reach: ReturnType<typeof reachOf>): boolean {
    if (reach === 'machine') return this.#reach === 'machine'
    return reach === 'network' ? this.#reach !== 'world' : reach === 'world'
  }
}
