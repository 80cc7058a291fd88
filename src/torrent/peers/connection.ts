/**
 * A peer that we are connected to, from the first peer of a magnet on: its link, its handle in the picker and what
 * the choker must know.
 * @module
 */

import type { Candidate } from '../../choker/choker.js'
import type { Block } from '../../metainfo/layout.js'
import type { Greeting } from '../../net/peer/handshake.js'
import { Link, type LinkOwner, type LinkServices } from '../../net/peer/link.js'
import type { ByteStream } from '../../net/world.js'
import type { PickerPeer } from '../../picker/picker.js'
import { Reader } from '../../storage/store.js'
import { Rate } from '../../util/rate.js'
import { supports } from '../../wire/handshake.js'
import type { CryptoMethod } from '../../wire/mse/mse.js'
import type { Peer } from '../../wire/peer.js'
import type { BlockSource, Intake } from '../download/block-source.js'
import type { KnownPeer } from './peer-list.js'

export interface ConnectionParts {
  readonly stream: ByteStream
  readonly peer: Peer
  readonly known: KnownPeer
  readonly handshake: Greeting
  /** True when we dialled. */
  readonly initiator: boolean
  readonly intake: Intake
  readonly now: number
}

export class Connection extends Link implements Candidate, BlockSource<KnownPeer> {
  readonly known: KnownPeer
  readonly handshake: Greeting
  /** True when we dialled. */
  readonly initiator: boolean
  /** Both sides speak the fast extension (BEP 6). */
  readonly fast: boolean
  readonly intake: Intake
  /** Its handle in the picker. Not there before {@link Connection.prepare}, and nobody asks for it before. */
  picks!: PickerPeer<KnownPeer>
  /** Bytes of the torrent, 0 until they are known. */
  size = 0
  readonly reader: Reader = new Reader()
  /** Time (ms) at which it was made, or since which there has been something to exchange. */
  connectedAt: number
  readonly upload: Rate = new Rate()
  /** A read for its next request is under way. */
  loading = false
  /** While we superseed: the pieces that it knows we have. Undefined: all that we have. */
  shown: Set<number> | undefined
  /** Pieces that we suggested and it still lacks (BEP 6). */
  readonly suggested: Set<number> = new Set()
  /** Times that it choked us since the last block. */
  fruitless = 0
  /** It told us the port of its DHT node. */
  namedNode = false
  /** It got metadata from us (BEP 9), and will come back for the data; or gave us some. */
  sharedMetadata = false
  /** Time (ms) at which it last gave us some; 0 for never. */
  metadataAt = 0
  optimistic = false
  idle = false
  unchokedAt = 0
  waitingSince: number
  /** Time (ms) of its last request. */
  askedAt: number
  sentSinceUnchoke = 0
  recentDownload = 0
  #weighed = 0
  uploadRate = 0

  constructor(services: LinkServices, parts: ConnectionParts, owner: LinkOwner<Connection>) {
    super(services, parts.stream, parts.peer, owner as LinkOwner<Link>)
    this.known = parts.known
    this.handshake = parts.handshake
    this.initiator = parts.initiator
    this.fast = supports(parts.handshake.reserved).fast
    this.intake = parts.intake
    this.connectedAt = parts.now
    this.waitingSince = parts.now
    this.askedAt = parts.now
  }

  /** There is something to exchange from now on: its handle in the picker, and the bytes of the torrent. */
  prepare(picks: PickerPeer<KnownPeer>, size: number, now: number): void {
    this.picks = picks
    this.size = size
    this.connectedAt = now
    this.waitingSince = now
    this.askedAt = now
  }

  /** Something came of it: it is worth to be made again. */
  get wasUseful(): boolean {
    return this.sharedMetadata || this.download.total + this.upload.total > 0
  }

  /** `rc4`, `plaintext` after an encrypted handshake, or undefined when all of it is plain. */
  get encrypted(): CryptoMethod | undefined {
    return this.handshake.encryption
  }

  get interested(): boolean {
    return this.peer.peerInterested
  }

  get unchoked(): boolean {
    return !this.peer.amChoking
  }

  get isUploadOnly(): boolean {
    return this.peer.isSeed || this.peer.extension?.uploadOnly === true
  }

  get interesting(): boolean {
    return this.peer.amInterested
  }

  /** It does not send what we wait for. */
  get snubbed(): boolean {
    return this.size > 0 && this.picks.isSnubbed
  }

  /** Payload that it sent us. */
  get download(): Rate {
    return this.intake.payload
  }

  /** Time (ms) of its last block or metadata, or of the first request since there was none. */
  get progressAt(): number {
    return Math.max(this.intake.progressAt, this.metadataAt)
  }

  get downloaded(): number {
    return this.download.total
  }

  get uploaded(): number {
    return this.upload.total
  }

  get usedAt(): number {
    const pending = this.peer.queued > 0 || this.stream.queued > 0
    return pending ? Number.POSITIVE_INFINITY : Math.max(this.askedAt, this.unchokedAt)
  }

  /** What we sent it counts too, should it keep quiet about that. */
  get progress(): number {
    const { pieces } = this.peer
    if (pieces === undefined || pieces.length === 0) return 0
    return Math.max(pieces.count / pieces.length, Math.min(1, this.upload.total / this.size))
  }

  get origin(): KnownPeer {
    return this.known
  }

  get outstanding(): number {
    return this.peer.outstanding
  }

  get requestLimit(): number {
    const { peer } = this
    if (!peer.amInterested || (peer.peerChoking && this.picks.allowedFast.size === 0)) return 0
    return peer.extension?.reqq ?? Number.POSITIVE_INFINITY
  }

  request(blocks: readonly Block[], now: number): void {
    for (const block of blocks) this.peer.request(block.piece, block.begin, block.length, now)
  }

  cancel(piece: number, begin: number, now: number): void {
    this.peer.cancel(piece, begin, now)
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  /** Tells it that we have a piece. */
  show(piece: number, now: number): void {
    this.shown?.add(piece)
    this.peer.have(piece, now)
    this.touch()
  }

  /** A choke round: what it gave in the one before counts half as much. */
  weighDownload(): void {
    this.recentDownload = Math.floor(this.recentDownload / 2) + this.download.total - this.#weighed
    this.#weighed = this.download.total
  }

  /** Brings the rate that the choker reads up to `now`. */
  measure(now: number): void {
    this.uploadRate = this.upload.at(now)
  }
}
