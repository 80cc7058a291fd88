/**
 * Blocks on their way to us: which to request of which source, where they go, where to cancel, what is too slow,
 * and what became of their pieces.
 * @module
 */

import type { Block, Layout } from '../../metainfo/layout.js'
import type { Picker, PickerPeer } from '../../picker/picker.js'
import type { Store } from '../../storage/store.js'
import type { Rate } from '../../util/rate.js'
import type { TorrentSettings } from '../settings.js'
import type { BlockOrigin, BlockSource, Lease } from './block-source.js'
import { fastRun, nextDepth } from './request-depth.js'
import { SmartBan } from './smart-ban.js'
import { raise } from './standing.js'

export interface DownloadsParts<Origin extends BlockOrigin> {
  readonly layout: Layout
  readonly picker: Picker<Origin>
  readonly store: Store
  /** Payload of all sources, counted here. */
  readonly rate: Rate
  readonly settings: TorrentSettings
  /** Keeps an origin away for good that sent wrong data, and tells the user. Its source is ended after that. */
  readonly ban: (origin: Origin, code: string) => void
}

/** A block that a source delivered. */
export interface ArrivedBlock {
  readonly piece: number
  readonly begin: number
  readonly length: number
  /** The memory that `place` named for it, filled; undefined when it named none. */
  readonly data: Uint8Array | undefined
}

/** ms without an awaited block until a source counts as snubbing us (libtorrent: 20 s). */
const SNUB = 20_000
/** Requests that every source may have open, however many share the open pieces. */
const LEAST_SHARE = 16

export class Downloads<Origin extends BlockOrigin> {
  readonly #parts: DownloadsParts<Origin>
  readonly #sources = new Set<BlockSource<Origin>>()
  readonly #live = new Map<Origin, BlockSource<Origin>>()
  readonly #smartBan: SmartBan<Origin>
  readonly #wanting: Block[] = []
  readonly #cancels: PickerPeer<Origin>[] = []
  #wasted = 0
  #hungry = false
  #paused = false

  constructor(parts: DownloadsParts<Origin>) {
    this.#parts = parts
    this.#smartBan = new SmartBan({ picker: parts.picker, sources: this.#live, ban: parts.ban })
  }

  /** Payload bytes that were of no use: duplicates, unrequested blocks, blocks of wrong pieces. */
  get wasted(): number {
    return this.#wasted
  }

  /** A source came about. */
  join(source: BlockSource<Origin>, now: number): void {
    source.intake.progressAt = now
    this.#sources.add(source)
    this.#live.set(source.origin, source)
    this.#smartBan.joined(source)
  }

  /** A source ended: what it was to send is free for others. */
  leave(source: BlockSource<Origin>): void {
    this.#sources.delete(source)
    if (this.#live.get(source.origin) === source) this.#live.delete(source.origin)
    this.#release(source)
    this.#parts.picker.removePeer(source.picks)
    this.feed()
  }

  /** The source answers no requests from now on; without `rejects` (BEP 6) those that it has are forgotten. */
  choked(source: BlockSource<Origin>, rejects: boolean): void {
    const { picker } = this.#parts
    picker.choked(source.picks)
    if (!rejects) picker.dropRequests(source.picks)
  }

  /** The source answers requests. */
  unchoked(source: BlockSource<Origin>, now: number): void {
    this.#parts.picker.unchoked(source.picks)
    source.intake.progressAt = now
  }

  /** Names the memory for a block that begins to arrive and notes it in the source's lease. */
  place(lease: Lease, piece: number, begin: number, length: number): Uint8Array | undefined {
    const data = this.#parts.store.place(piece, begin, length)
    lease.piece = piece
    lease.begin = begin
    lease.data = data
    return data
  }

  /** A block arrived whole. */
  received(source: BlockSource<Origin>, block: ArrivedBlock, now: number): void {
    const { picker, store, rate, settings } = this.#parts
    const { picks, intake } = source
    const { piece, begin, length, data } = block
    if (intake.lease.data === data) intake.lease.data = undefined
    intake.payload.add(length, now)
    rate.add(length, now)
    intake.progressAt = now
    if (picks.isSnubbed) picker.setSnubbed(picks, false)
    if (intake.depth < settings.limits.outstandingRequestsPerPeer) intake.depth++
    if (data === undefined) {
      this.#wasted += length
      picker.dropRequest(picks, piece, begin)
      return
    }
    const cancels = this.#cancels
    cancels.length = 0
    const fresh = picker.received(picks, piece, begin, cancels) === 'fresh'
    for (const other of cancels) {
      const slower = this.#live.get(other.owner)
      if (slower) this.#cancel(slower, piece, begin, now)
    }
    if (!fresh) {
      this.#wasted += length
      store.release(piece, begin, data)
      return
    }
    if (store.isScratch(data)) this.#revoke(piece, begin, source, now)
    store.received(piece, begin, data)
    if (store.congested && !this.#paused) this.throttle()
  }

  /** A block had arrived when its source ended. */
  discarded(block: ArrivedBlock): void {
    if (block.data) this.#parts.store.release(block.piece, block.begin, block.data)
  }

  /** Asks for more when a quarter of the queue is free. */
  request(source: BlockSource<Origin>, now: number): void {
    const { picker, store, settings } = this.#parts
    const { picks, intake, requestLimit, outstanding } = source
    const most = Math.min(requestLimit, settings.limits.outstandingRequestsPerPeer)
    if (requestLimit === 0 || store.congested) return
    const depth = picks.isSnubbed ? 1 : Math.min(intake.depth, most)
    const room = depth - outstanding
    if (room <= 0 || room < depth >> 2) return
    const blocks = this.#wanting
    blocks.length = 0
    const picked = picker.pick(picks, room, now, blocks)
    if (picker.starved) this.#evict(now)
    if (picked < room) this.#hungry = true
    if (picked === 0) return
    if (outstanding === 0) intake.progressAt = now
    source.request(blocks, now)
  }

  /** A piece is on disk: what had a part in it is credited, and what had sent something else for it is found out. */
  verified(piece: number): void {
    const { picker, store } = this.#parts
    const contributors = picker.contributors(piece)
    picker.verified(piece)
    for (const origin of contributors) raise(origin)
    this.#smartBan.passed(piece, contributors, store.takeDigests(piece))
  }

  /** A piece did not match its hash: it is wanted anew, and what sent it is found out. */
  failed(piece: number): void {
    const { picker, store, layout } = this.#parts
    this.#wasted += layout.pieceSize(piece)
    const senders = picker.senders(piece)
    picker.failed(piece)
    this.#smartBan.failed(piece, senders, store.takeDigests(piece) ?? [])
    this.feed()
  }

  /** Blocks of a piece are proven wrong and wanted anew, the rest of it stays (v2). */
  failedBlocks(piece: number, blocks: readonly number[]): void {
    const { picker, layout } = this.#parts
    for (const block of blocks) this.#wasted += layout.blockAt(piece, block).length
    this.#smartBan.failedBlocks(picker.failedBlocks(piece, blocks))
    this.feed()
  }

  /** A piece is there without our doing: requests for it are taken back. */
  takeBack(piece: number, now: number): void {
    for (const { owner, begin } of this.#parts.picker.requests(piece)) {
      const source = this.#live.get(owner)
      if (source) this.#cancel(source, piece, begin, now)
    }
  }

  /** Gives sources that wait for work another chance. */
  feed(): void {
    if (!this.#hungry) return
    this.#hungry = false
    for (const source of this.#sources) {
      if (source.outstanding < source.intake.depth / 2) source.touch()
    }
  }

  /** The store takes or refuses more data: back-pressure down to the sockets. */
  throttle(): void {
    this.#paused = this.#parts.store.congested
    for (const source of this.#sources) {
      if (this.#paused) source.pause()
      else source.resume()
    }
    if (this.#paused) return
    this.#hungry = true
    this.feed()
  }

  /** Once a second: rates, queue depths, snubs. */
  tick(now: number): void {
    const { picker, layout, settings } = this.#parts
    const blocks = picker.maxOpenPieces * layout.blocksPerPiece * 1.5
    const share = Math.max(LEAST_SHARE, Math.ceil(blocks / Math.max(1, this.#sources.size)))
    const most = Math.min(settings.limits.outstandingRequestsPerPeer, share)
    for (const source of this.#sources) {
      const { picks, intake, outstanding } = source
      intake.rate = intake.payload.at(now)
      picker.setFastRun(picks, fastRun(intake.rate))
      intake.depth = nextDepth(intake.depth, intake.rate, intake.leastDepth, most)
      if (this.#paused) intake.progressAt = now
      if (outstanding > 0 && now - intake.progressAt > SNUB) this.#snub(source, now)
      else if (source.requestLimit > 0 && outstanding < intake.depth / 2) source.touch()
    }
  }

  /** Whatever else is in the middle of this block writes into memory that now has another owner. */
  #revoke(piece: number, begin: number, winner: BlockSource<Origin>, now: number): void {
    for (const source of this.#sources) {
      const { lease } = source.intake
      if (source === winner || !lease.data || lease.piece !== piece || lease.begin !== begin) continue
      this.#cancel(source, piece, begin, now)
    }
  }

  /** Takes a request back, with the memory that its answer is arriving in. */
  #cancel(source: BlockSource<Origin>, piece: number, begin: number, now: number): void {
    const { lease } = source.intake
    source.cancel(piece, begin, now)
    if (lease.data && lease.piece === piece && lease.begin === begin) this.#release(source)
    source.touch()
  }

  /** Gives the memory back that a block was arriving in. */
  #release(source: BlockSource<Origin>): void {
    const { lease } = source.intake
    if (lease.data) this.#parts.store.release(lease.piece, lease.begin, lease.data)
    lease.data = undefined
  }

  /** Makes room for a new piece: one that only choked or departed sources could finish is forgotten. */
  #evict(now: number): void {
    const { picker, store } = this.#parts
    const piece = picker.evict(now)
    if (piece === undefined) return
    store.abandon(piece)
    this.#hungry = true
    this.feed()
  }

  /** Lets others have what a source does not send. */
  #snub(source: BlockSource<Origin>, now: number): void {
    const { picks, intake } = source
    const { piece, begin, data } = intake.lease
    this.#parts.picker.setSnubbed(picks, true)
    intake.depth = 1
    intake.progressAt = now
    if (data) this.#cancel(source, piece, begin, now)
    this.#parts.picker.dropRequests(picks)
    this.#hungry = true
    this.feed()
  }
}
