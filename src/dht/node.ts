/**
 * One DHT node of one address family, sans-IO: datagrams in, datagrams out (BEP 5, 32, 33, 42 .. 44, 51).
 * @module
 */

import type { Address } from '../util/address.js'
import type { Item } from './items.js'
import type {
  Datagram,
  DhtEvent,
  DhtNodeOptions,
  DhtState,
  DhtStats,
  GetOptions,
  GetPeersOptions,
  LookupId,
  PutOptions,
} from './node-types.js'

export interface DhtNodeApi {
  readonly id: Uint8Array
  readonly family: 4 | 6
  /** What others see as our IP, once enough of them agree (BEP 42). */
  readonly externalAddress: string | undefined
  /** Takes in a datagram; the bytes are not kept. */
  receive(bytes: Uint8Array, from: Address, now: number): void
  timeout(now: number): void
  nextTimeout(): number
  /** The next datagram to send; drain after every call. Its bytes stay unchanged. */
  transmit(now: number): Datagram | undefined
  poll(): DhtEvent | undefined
  /** A node of which only the address is known (torrent `nodes`, PORT message): asked, kept if it answers. */
  addNode(address: Address, now: number): void
  /** A bootstrap router: asked whenever the table is too small, never kept in it. */
  addRouter(address: Address, now: number): void
  ping(address: Address, now: number): LookupId
  findNode(target: Uint8Array, now: number): LookupId
  getPeers(infoHash: Uint8Array, options: GetPeersOptions, now: number): LookupId
  get(target: Uint8Array, options: GetOptions, now: number): LookupId
  put(item: Item, options: PutOptions, now: number): LookupId
  /** A crawl towards `target`: every node on the way is asked for samples (BEP 51). */
  sample(target: Uint8Array, now: number): LookupId
  /** Ends a look-up; `done` with reason `aborted` follows. */
  abort(lookup: LookupId, now: number): void
  state(): DhtState
  readonly stats: DhtStats
}

export type { DhtNodeOptions }
