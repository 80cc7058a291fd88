/**
 * Blocks on their way to us: which to request, where they go, whom to cancel at, who is too slow, who
 * lied.
 * @module
 */

import type { Block } from '../../metainfo/layout.js'
import type { Picker, PickerPeer } from '../../picker/picker.js'
import type { Store } from '../../storage/store.js'
import type { Rate } from '../../util/rate.js'
import type { BlockEvent } from '../../wire/peer.js'
import type { Connection, Lease } from '../peers/connection.js'
import type { KnownPeer } from '../peers/peer-list.js'
import { fastRun, nextDepth } from './request-depth.js'

export interface DownloadsOptions {
  readonly picker: Picker<KnownPeer>
  readonly store: Store
  readonly connections: ReadonlySet<Connection>
  /** The connection of a known peer, while it has one. */
  readonly live: ReadonlyMap<KnownPeer, Connection>
  readonly rate: Rate
  readonly maxOutstanding: number
  readonly blocksPerPiece: number
}

/** ms without an awaited block until a peer counts as snubbing us (LT 20 s). */
const SNUB = 20_000
/** Requests that every connection may have open, however many share the open pieces. */
const LEAST_SHARE = 16

export class Downloads {
  /** Payload bytes that were of no use: duplicates, unrequested blocks. */
  wasted = 0
  readonly #options: DownloadsOptions
  readonly #wanting: Block[] = []
  readonly #cancels: PickerPeer<KnownPeer>[] = []
  #hungry = false
  #paused = false

  constructor(options: DownloadsOptions) {
    this.#options = options
  }

  /** Names the memory for a block that begins to arrive and notes it in the connection's lease. */
  place(lease: Lease, piece: number, begin: number, length: number): Uint8Array | undefined {
    const data = this.#options.store.place(piece, begin, length)
    lease.piece = piece
    lease.begin = begin
    lease.data = data
    return data
  }

  /** A block arrived whole. */
  received(connection: Connection, event: BlockEvent, now: number): void {
    const { picker, store, rate, live, maxOutstanding } = this.#options
    const { piece, begin, length, data } = event
    if (connection.lease.data === data) connection.lease.data = undefined
    connection.download.add(length, now)
    rate.add(length, now)
    connection.progressAt = now
    connection.fruitless = 0
    connection.snubbed = false
    if (connection.picks.isSnubbed) picker.setSnubbed(connection.picks, false)
    if (connection.depth < maxOutstanding) connection.depth++
    if (data === undefined) {
      this.wasted += length
      picker.dropRequest(connection.picks, piece, begin)
      return
    }
    const cancels = this.#cancels
    cancels.length = 0
    const fresh = picker.received(connection.picks, piece, begin, cancels) === 'fresh'
    for (const other of cancels) {
      const slower = live.get(other.owner)
      if (slower) this.#cancel(slower, piece, begin, now)
    }
    if (!fresh) {
      this.wasted += length
      store.release(piece, begin, data)
      return
    }
    if (store.isScratch(data)) this.#revoke(piece, begin, connection, now)
    store.received(piece, begin, data)
    if (store.congested && !this.#paused) this.throttle()
  }

  /** A block had arrived when its connection ended. */
  discarded(event: BlockEvent): void {
    if (event.data) this.#options.store.release(event.piece, event.begin, event.data)
  }

  /** A connection ended: what it was to send is free for others. */
  left(connection: Connection): void {
    this.#release(connection)
    this.#options.picker.removePeer(connection.picks)
    this.feed()
  }

  /** Asks for more when a quarter of the queue is free. */
  request(connection: Connection, now: number): void {
    const { picker, store } = this.#options
    const peer = connection.peer
    if (!peer.amInterested || store.congested) return
    if (peer.peerChoking && connection.picks.allowedFast.size === 0) return
    const depth = connection.snubbed
      ? 1
      : Math.min(connection.depth, peer.extension?.reqq ?? connection.depth)
    const room = depth - peer.outstanding
    if (room <= 0 || room < depth >> 2) return
    const blocks = this.#wanting
    blocks.length = 0
    const picked = picker.pick(connection.picks, room, now, blocks)
    if (picker.starved) this.#evict(now)
    if (picked < room) this.#hungry = true
    if (picked === 0) return
    if (peer.outstanding === 0) connection.progressAt = now
    for (const block of blocks) peer.request(block.piece, block.begin, block.length, now)
  }

  /** A piece is there without our doing: requests for it are taken back. */
  takeBack(piece: number, now: number): void {
    const { picker, live } = this.#options
    for (const { owner, begin } of picker.requests(piece)) {
      const connection = live.get(owner)
      if (connection) this.#cancel(connection, piece, begin, now)
    }
  }

  /** Gives connections that wait for work another chance. */
  feed(): void {
    if (!this.#hungry) return
    this.#hungry = false
    for (const connection of this.#options.connections) {
      if (connection.peer.outstanding < connection.depth / 2) connection.touch()
    }
  }

  /** The store takes or refuses more data: back-pressure down to the sockets. */
  throttle(): void {
    this.#paused = this.#options.store.congested
    for (const connection of this.#options.connections) {
      if (this.#paused) connection.stream.pause()
      else connection.stream.resume()
    }
    if (this.#paused) return
    this.#hungry = true
    this.feed()
  }

  /** Once a second: rates, queue depths, snubs. */
  tick(now: number): void {
    const { connections, picker, blocksPerPiece, maxOutstanding } = this.#options
    const blocks = picker.maxOpenPieces * blocksPerPiece * 1.5
    const share = Math.max(LEAST_SHARE, Math.ceil(blocks / Math.max(1, connections.size)))
    for (const connection of connections) {
      connection.measure(now)
      picker.setFastRun(connection.picks, fastRun(connection.downloadRate))
      connection.depth = nextDepth(connection.depth, connection.downloadRate, Math.min(maxOutstanding, share))
      if (this.#paused) connection.progressAt = now
      if (connection.peer.outstanding > 0 && now - connection.progressAt > SNUB) this.#snub(connection, now)
      else if (connection.peer.amInterested && connection.peer.outstanding < connection.depth / 2) {
        connection.touch()
      }
    }
  }

  /** Whoever else is in the middle of this block writes into memory that now has another owner. */
  #revoke(piece: number, begin: number, winner: Connection, now: number): void {
    for (const connection of this.#options.connections) {
      const { lease } = connection
      if (connection === winner || !lease.data || lease.piece !== piece || lease.begin !== begin) continue
      this.#cancel(connection, piece, begin, now)
    }
  }

  /** Takes a request back, with the memory that its answer is arriving in. */
  #cancel(connection: Connection, piece: number, begin: number, now: number): void {
    const { lease } = connection
    connection.peer.cancel(piece, begin, now)
    if (lease.data && lease.piece === piece && lease.begin === begin) this.#release(connection)
    connection.touch()
  }

  /** Gives the memory back that a block was arriving in. */
  #release(connection: Connection): void {
    const { lease } = connection
    if (lease.data) this.#options.store.release(lease.piece, lease.begin, lease.data)
    lease.data = undefined
  }

  /** Makes room for a new piece: one that only choked or departed peers could finish is forgotten. */
  #evict(now: number): void {
    const { picker, store } = this.#options
    const piece = picker.evict(now)
    if (piece === undefined) return
    store.abandon(piece)
    this.#hungry = true
    this.feed()
  }

  /** Lets others have what a peer does not send. */
  #snub(connection: Connection, now: number): void {
    connection.snubbed = true
    this.#options.picker.setSnubbed(connection.picks, true)
    connection.depth = 1
    connection.progressAt = now
    const { piece, begin, data } = connection.lease
    if (data) this.#cancel(connection, piece, begin, now)
    this.#options.picker.dropRequests(connection.picks)
    this.#hungry = true
    this.feed()
  }
}
