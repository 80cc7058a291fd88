/**
 * Fetching the metadata of a torrent from many peers of which any may lie (BEP 9).
 *
 * Peers that name the same size share a draft. When a complete draft has the wrong hash it is thrown
 * away: a peer that supplied it alone is to be closed, and of several each gets a draft of its own, so
 * that the next time nobody can hide. A wrong size leads to a draft that never verifies beside the right
 * one, within a budget of memory: the draft that is furthest from its end goes first, so that one always
 * gets there.
 * @module
 */

import { below, type Random } from '../../util/random.js'
import { MetadataDraft } from './attempt.js'
import { decodeMetadataMessage, encodeMetadataMessage, type MetadataMessage } from './message.js'

/** Bytes of the largest metadata that is fetched (RQ; LT takes 30 MiB). */
export const MAX_METADATA: number = 32 << 20
/** Bytes that all drafts may hold together: two of the largest. */
const MAX_HELD = 2 * MAX_METADATA
/** Drafts kept although nobody adds to them at present. */
const MAX_ORPHANS = 16
/** Requests in flight per peer: one on the way while one is answered. */
const IN_FLIGHT = 2
/** ms until a request counts as unanswered (LT: 3 s); a late answer is still taken. */
const TIMEOUT = 4_000
/** ms to leave a peer alone after a reject (LT), and at most after unanswered requests. */
const REJECT_WAIT = 60_000
/** Messages of a peer that answer nothing before it is closed. */
const MAX_STRAY = 64
/** ms without a block after which a draft counts as stalled. */
const STALLED = 30_000

export interface MetadataFetchOptions {
  /** True when these are the metadata: their hash is that of the torrent. They are not changed afterwards. */
  readonly verify: (bytes: Uint8Array) => boolean
  readonly random: Random
}

/** How far the furthest attempt is, bytes. */
export interface MetadataProgress {
  readonly received: number
  readonly size: number
}

/** A peer of the fetch. */
interface Source<K> {
  readonly size: number
  draft: MetadataDraft<K>
  /** Blocks asked for, with the time: those in flight, and those that timed out and may still come. */
  readonly asked: Map<number, number>
  readonly late: Set<number>
  /** Unanswered requests in a row. */
  silent: number
  /** Time (ms) before which it is asked nothing. */
  askAt: number
  stray: number
}

/**
 * A fetch under way. `K` names a peer, by identity. Give it peers and their messages, send what
 * {@link MetadataFetch.transmit} gives, call {@link MetadataFetch.timeout} at
 * {@link MetadataFetch.nextTimeout}, until there is a {@link MetadataFetch.result}.
 */
export class MetadataFetch<K> {
  readonly #options: MetadataFetchOptions
  readonly #peers = new Map<K, Source<K>>()
  /** By size, the drafts that peers share. */
  readonly #shared = new Map<number, MetadataDraft<K>>()
  /** The shared ones, and those that one peer has for itself. */
  readonly #drafts = new Set<MetadataDraft<K>>()
  /** Bytes in all drafts. */
  #held = 0
  #result: Uint8Array | undefined

  constructor(options: MetadataFetchOptions) {
    this.#options = options
  }

  /** The verified metadata, once there. From then on nothing is sent, and messages are ignored. */
  get result(): Uint8Array | undefined {
    return this.#result
  }

  /** Bytes held in memory, at most 64 MiB. */
  get heldBytes(): number {
    return this.#held
  }

  /** Undefined before a peer named a size. */
  get progress(): MetadataProgress | undefined {
    if (this.#result) return { received: this.#result.length, size: this.#result.length }
    let best: MetadataDraft<K> | undefined
    for (const draft of this.#drafts) if (!best || draft.held > best.held) best = draft
    return best && { received: best.held, size: best.size }
  }

  /**
   * A peer offers metadata of `size` bytes (`metadata_size` of its extension handshake), for the first
   * time or with another size than before. False when that is no size to believe in (1 byte .. 32 MiB):
   * it is asked nothing.
   */
  addPeer(id: K, size: number, now: number): boolean {
    if (this.#result) return false
    const before = this.#peers.get(id)
    if (before?.size === size) return true
    if (before) this.removePeer(id, now)
    if (!Number.isInteger(size) || size < 1 || size > MAX_METADATA) return false
    let draft = this.#shared.get(size)
    if (!draft) {
      draft = new MetadataDraft(size, now)
      this.#shared.set(size, draft)
      this.#drafts.add(draft)
    }
    this.#peers.set(id, {
      size,
      draft,
      asked: new Map(),
      late: new Set(),
      silent: 0,
      askAt: 0,
      stray: before?.stray ?? 0,
    })
    return true
  }

  /** The peer is gone, or has no metadata any more. */
  removePeer(id: K, _now: number): void {
    const source = this.#peers.get(id)
    if (!source) return
    this.#peers.delete(id)
    for (const piece of source.asked.keys()) source.draft.release(piece)
    if (this.#shared.get(source.size) !== source.draft) this.#drop(source.draft)
    this.#prune()
  }

  /** Takes a `ut_metadata` message. A code says: close this peer, and do not come back to it. */
  receive(id: K, payload: Uint8Array, now: number): string | undefined {
    const source = this.#peers.get(id)
    if (!source || this.#result) return undefined
    const message = decodeMetadataMessage(payload)
    if (message?.type === 'request') return undefined
    if (!message || !(source.asked.has(message.piece) || source.late.has(message.piece))) {
      return ++source.stray > MAX_STRAY ? 'metadata/flood' : undefined
    }
    source.asked.delete(message.piece)
    source.late.delete(message.piece)
    if (message.type === 'data') return this.#data(id, source, message, now)
    source.draft.release(message.piece)
    source.askAt = now + REJECT_WAIT + below(this.#options.random, REJECT_WAIT / 6)
    return undefined
  }

  /** The next request to send, undefined when there is none at present. */
  transmit(now: number): { readonly peer: K; readonly payload: Uint8Array } | undefined {
    if (this.#result) return undefined
    for (const [peer, source] of this.#peers) {
      if (source.asked.size >= IN_FLIGHT || source.askAt > now) continue
      const piece = source.draft.choose(now, (piece) => source.asked.has(piece))
      if (piece === undefined) continue
      source.late.delete(piece)
      source.asked.set(piece, now)
      // Whoever was asked goes to the end of the line.
      this.#peers.delete(peer)
      this.#peers.set(peer, source)
      return { peer, payload: encodeMetadataMessage({ type: 'request', piece }) }
    }
    return undefined
  }

  /** The clock reached {@link MetadataFetch.nextTimeout}. Drain {@link MetadataFetch.transmit} afterwards. */
  timeout(now: number): void {
    for (const source of this.#peers.values()) {
      let silent = false
      for (const [piece, at] of source.asked) {
        if (now - at < TIMEOUT) break
        source.asked.delete(piece)
        source.late.add(piece)
        source.draft.release(piece)
        silent = true
      }
      if (!silent) continue
      source.askAt = now + Math.min(REJECT_WAIT, TIMEOUT * 2 ** source.silent)
      source.silent++
    }
  }

  /** When {@link MetadataFetch.timeout} has something to do or {@link MetadataFetch.transmit} something to send, ms. */
  nextTimeout(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { asked, draft, askAt } of this.#peers.values()) {
      for (const at of asked.values()) {
        next = Math.min(next, at + TIMEOUT)
        break
      }
      if (asked.size >= IN_FLIGHT) continue
      next = Math.min(
        next,
        Math.max(
          askAt,
          draft.choosableAt((piece) => asked.has(piece)),
        ),
      )
    }
    return next
  }

  #data(
    id: K,
    source: Source<K>,
    message: Extract<MetadataMessage, { readonly type: 'data' }>,
    now: number,
  ): string | undefined {
    const { draft } = source
    const { piece, block, totalSize } = message
    if (totalSize !== undefined && totalSize !== draft.size) return 'metadata/bad-total-size'
    if (block.length !== draft.blockSize(piece)) return 'metadata/bad-block'
    if (source.silent > 0) {
      source.silent = 0
      source.askAt = now
    }
    if (draft.has(piece)) return undefined
    draft.add(piece, block, id, now)
    this.#held += block.length
    if (draft.isComplete) return this.#judge(id, draft, now)
    while (this.#held > MAX_HELD) this.#evict(now)
    return undefined
  }

  #judge(id: K, draft: MetadataDraft<K>, now: number): string | undefined {
    const bytes = draft.bytes()
    if (this.#options.verify(bytes)) {
      this.#result = bytes
      this.#peers.clear()
      this.#shared.clear()
      this.#drafts.clear()
      this.#held = 0
      return undefined
    }
    const sources = [...draft.sources]
    this.#empty(draft)
    if (sources.length === 1) {
      this.removePeer(id, now)
      return 'metadata/wrong-hash'
    }
    for (const peer of sources) {
      const source = this.#peers.get(peer)
      if (!source) continue
      source.draft = new MetadataDraft(source.size, now)
      this.#drafts.add(source.draft)
    }
    this.#prune()
    return undefined
  }

  /** Makes room: a stalled draft, else the one furthest from its end, starts from nothing. */
  #evict(now: number): void {
    let worst: MetadataDraft<K> | undefined
    const loss = (draft: MetadataDraft<K>) =>
      now - draft.progressAt > STALLED ? Number.POSITIVE_INFINITY : draft.remaining
    for (const draft of this.#drafts) {
      if (draft.held > 0 && (worst === undefined || loss(draft) > loss(worst))) worst = draft
    }
    if (worst) this.#empty(worst)
  }

  #empty(draft: MetadataDraft<K>): void {
    this.#held -= draft.held
    draft.clear()
  }

  #drop(draft: MetadataDraft<K>): void {
    this.#empty(draft)
    this.#drafts.delete(draft)
    if (this.#shared.get(draft.size) === draft) this.#shared.delete(draft.size)
  }

  /** Of the drafts that no peer adds to, the latest with any blocks stay. */
  #prune(): void {
    const used = new Set<MetadataDraft<K>>()
    for (const source of this.#peers.values()) used.add(source.draft)
    const orphans = [...this.#drafts].filter((draft) => !used.has(draft))
    const kept = orphans.filter((draft) => draft.held > 0).slice(-MAX_ORPHANS)
    for (const draft of orphans) if (!kept.includes(draft)) this.#drop(draft)
  }
}
