/**
 * What moves between the connections of a swarm once its content is known: every block passes here, from a peer
 * core to the picker and the store, and from the store to a peer core.
 * @module
 */

import type { SlotClaim } from '../../choker/upload-slots.js'
import type { HashTrees } from '../../metainfo/hash-trees.js'
import type { BlockEvent, PeerEvent } from '../../wire/peer.js'
import type { ContentObserver } from '../content.js'
import type { Lease } from '../download/block-source.js'
import { Downloads } from '../download/downloads.js'
import { tellLost } from '../extensions/lt-donthave.js'
import type { Connection } from '../peers/connection.js'
import type { KnownPeer } from '../peers/peer-list.js'
import type { ContentContext } from '../peers/swarm-context.js'
import { Advertising } from '../upload/advertising.js'
import { Choking } from '../upload/choking.js'
import type { SuperseedMode } from '../upload/superseed.js'
import { Uploads } from '../upload/uploads.js'
import { Hashes } from './merkle-hashes.js'
import { endAsSeeds } from './turnover.js'

export interface TransferParts {
  /** The one by which peers of v1 know the torrent, 20 bytes; that of v2 where there is no other. */
  readonly infoHash: Uint8Array
  /** Of a v2 or hybrid torrent. */
  readonly trees: HashTrees | undefined
  /** This torrent's share of the upload slots. */
  readonly slots: SlotClaim
  /** Superseed if everything is there from the start. */
  readonly superseed: SuperseedMode | false
  /** A peer was cut off for what it did. */
  readonly banned: (peer: KnownPeer, code: string) => void
  /** What we have changed, and with it perhaps whether we still download. */
  readonly changed: () => void
}

export class Transfer implements ContentObserver {
  readonly #context: ContentContext
  readonly #parts: TransferParts
  readonly #choking: Choking
  readonly #uploads: Uploads
  readonly #downloads: Downloads<KnownPeer>
  readonly #hashes: Hashes | undefined
  readonly #advertising: Advertising
  /** Verified pieces that peers are not told of yet. */
  readonly #fresh: number[] = []
  #announcing = false
  #wasDone: boolean
  #closed = false

  constructor(context: ContentContext, parts: TransferParts) {
    this.#context = context
    this.#parts = parts
    const { world, store, picker, settings, peers } = context
    this.#choking = new Choking(context, parts.slots)
    this.#advertising = new Advertising(context, parts)
    this.#uploads = new Uploads(context)
    this.#downloads = new Downloads({
      ...context,
      rate: context.download,
      settings,
      ban: (known, code) => {
        peers.ban(known, code, world.now())
        parts.banned(known, code)
      },
    })
    if (parts.trees) {
      this.#hashes = new Hashes({
        trees: parts.trees,
        store,
        have: picker.have,
        wrong: (piece, blocks) => this.#downloads.failedBlocks(piece, blocks),
      })
    }
    this.#wasDone = picker.isDone
  }

  /** Payload bytes that were of no use: duplicates, unrequested blocks, failed pieces. */
  get wasted(): number {
    return this.#downloads.wasted
  }

  /** Whether peers see us as one that downloads no more (BEP 21). A superseed looks like a peer that still does. */
  get isUploadOnly(): boolean {
    return this.#context.picker.isDone && !this.#advertising.isSuperseeding
  }

  /** The pieces that a new peer is told of; undefined for none. */
  get bitfield(): ContentContext['picker']['have'] | undefined {
    return this.#advertising.isSuperseeding ? undefined : this.#context.picker.have
  }

  /** Names the memory for a block that begins to arrive and notes it in the lease. */
  place(lease: Lease, piece: number, begin: number, length: number): Uint8Array | undefined {
    return this.#downloads.place(lease, piece, begin, length)
  }

  /** A connection came about, which `speaksV2` or not; or was there already when the content became known. */
  joined(connection: Connection, speaksV2: boolean, now: number): void {
    const { picker, layout } = this.#context
    connection.prepare(picker.addPeer(connection.known), layout.size, now)
    this.#advertising.joined(connection)
    this.#downloads.join(connection, now)
    if (!connection.peer.peerChoking) this.#downloads.unchoked(connection, now)
    if (speaksV2) this.#hashes?.joined(connection)
  }

  /** The settings changed: slots are given anew. */
  configured(now: number): void {
    this.#choking.round(now, this.#context.picker.isDone, false)
    this.#choking.fill(now)
  }

  left(connection: Connection, now: number): void {
    this.#downloads.leave(connection)
    this.#uploads.forget(connection)
    this.#hashes?.left(connection)
    this.#advertising.left(connection)
    if (this.#closed) this.#choking.close()
    else this.#choking.fill(now)
  }

  event(connection: Connection, event: PeerEvent, now: number): void {
    const { picker } = this.#context
    switch (event.type) {
      case 'block':
        connection.fruitless = 0
        this.#downloads.received(connection, event, now)
        break
      case 'have':
        picker.peerHas(connection.picks, event.piece)
        this.#hashes?.told(connection)
        if (!connection.peer.amInterested && picker.wanted(event.piece)) {
          connection.peer.setInterested(true, now)
        }
        this.#advertising.has(connection, event.piece, now)
        if (connection.peer.isSeed) this.#seedFound(connection, now)
        break
      case 'pieces':
        if (connection.peer.pieces) picker.setPieces(connection.picks, connection.peer.pieces)
        this.#hashes?.told(connection)
        this.#reconsider(connection, now)
        this.#advertising.told(connection, now)
        if (connection.peer.isSeed) this.#seedFound(connection, now)
        break
      case 'choke':
        this.#downloads.choked(connection, connection.fast)
        break
      case 'unchoke':
        this.#downloads.unchoked(connection, now)
        break
      case 'allowed-fast':
        picker.allowFast(connection.picks, event.piece)
        break
      case 'suggest':
        picker.suggested(connection.picks, event.piece)
        break
      case 'interested':
        this.#choking.interested(connection, now)
        break
      case 'not-interested':
        connection.idle = false
        this.#choking.released(connection, now)
        break
      case 'requests':
        connection.askedAt = now
        connection.idle = false
        break
      case 'rejected':
        picker.rejected(connection.picks, event.piece, event.begin)
        break
      case 'extension-handshake':
        if (connection.isUploadOnly && picker.isDone) endAsSeeds(connection)
        else this.#choking.released(connection, now)
        break
      default:
        this.#hashes?.received(connection, event, now)
        break
    }
  }

  /** All that came in one read was handled: asks for more, and answers. */
  delivered(connection: Connection, now: number): void {
    this.#uploads.serve(connection, now)
    this.#hashes?.delivered(connection, now)
    if (!this.#closed) this.#downloads.request(connection, now)
  }

  /** What was queued for a peer has left: room for more. */
  writable(connection: Connection, now: number): void {
    this.#uploads.serve(connection, now)
    connection.flush(now)
  }

  sent(parts: readonly unknown[]): void {
    this.#uploads.sent(parts)
  }

  discarded(event: BlockEvent): void {
    this.#downloads.discarded(event)
  }

  /** A piece is on disk: tell those that lack it, at the end of this turn. */
  verified(piece: number): void {
    this.#downloads.verified(piece)
    this.#hashes?.verified(piece)
    this.#fresh.push(piece)
    if (this.#announcing) return
    this.#announcing = true
    this.#context.world.defer(() => this.#announce())
  }

  /** A verified piece is no longer on the disk: it is served no more, wanted again, and the peers are told. */
  lost(piece: number): void {
    const { picker, world, connections } = this.#context
    const now = world.now()
    if (!picker.have.has(piece)) {
      // Written a moment ago, and nobody was told yet.
      picker.failed(piece)
      return
    }
    picker.unverify(piece)
    this.#wasDone = picker.isDone
    tellLost(connections, picker, piece, now)
    this.#advertising.lost(now)
    this.#parts.changed()
  }

  /** A piece was on the disk already: what is asked for of it is taken back. {@link Transfer.verified} follows. */
  found(piece: number): void {
    this.#downloads.takeBack(piece, this.#context.world.now())
    this.#context.picker.failed(piece)
  }

  /** A piece did not match its hash: find out what sent it. */
  failed(piece: number): void {
    this.#downloads.failed(piece)
  }

  /** A piece did not match its hash, and the hashes of its blocks tell which of them do (v2). */
  doubtful(piece: number): void {
    this.#hashes?.doubtful(piece, this.#context.world.now())
  }

  /** The store takes data again: back-pressure off the sockets. */
  drained(): void {
    this.#downloads.throttle()
  }

  /** Once a second while there are connections: rates, queue depths, snubs; choke rounds when due. */
  tick(now: number): void {
    for (const connection of this.#context.connections) connection.measure(now)
    this.#downloads.tick(now)
    this.#hashes?.tick(now)
    this.#choking.tick(now, this.#context.picker.isDone)
    this.#advertising.tick(now)
  }

  /** Interest changed for reasons of our own (priorities, resumed pieces). */
  reconsiderAll(): void {
    const now = this.#context.world.now()
    this.#wasDone = this.#context.picker.isDone
    for (const connection of this.#context.connections) {
      this.#reconsider(connection, now)
      connection.touch()
    }
    this.#parts.changed()
  }

  /** We leave the swarm: nothing is asked for any more, and our upload slots are free for others. */
  close(): void {
    this.#closed = true
    this.#choking.close()
  }

  /** Undoes {@link Transfer.close}. */
  reopen(): void {
    this.#closed = false
  }

  #reconsider(connection: Connection, now: number): void {
    connection.peer.setInterested(this.#context.picker.isInteresting(connection.picks), now)
  }

  #announce(): void {
    this.#announcing = false
    const { picker, world, connections } = this.#context
    const now = world.now()
    // Some may be lost again by now.
    const pieces = this.#fresh.splice(0).filter((piece) => picker.have.has(piece))
    if (this.#closed) return
    const done = picker.isDone
    for (const connection of [...connections]) {
      const peer = connection.peer
      // A superseed that showed us the piece waits to hear that it has arrived (BEP 16), so all but seeds are told.
      if (!peer.isSeed) for (const piece of pieces) peer.have(piece, now)
      if (peer.amInterested && !picker.isInteresting(connection.picks)) peer.setInterested(false, now)
      if (done && connection.isUploadOnly) endAsSeeds(connection)
      else connection.touch()
    }
    this.#parts.changed()
    if (done && !this.#wasDone) {
      this.#wasDone = true
      this.#choking.round(now, true, true)
    }
  }

  #seedFound(connection: Connection, now: number): void {
    connection.known.seed = true
    this.#advertising.seedFound(now)
    if (this.#context.picker.isDone) endAsSeeds(connection)
    else this.#choking.released(connection, now)
  }
}
