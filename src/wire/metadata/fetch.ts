/**
 * Fetching the metadata of a torrent from many peers of which any may lie (BEP 9).
 *
 * Peers that name the same size share a attempt. When a complete attempt has the wrong hash it is thrown
 * away: a peer that supplied it alone is to be closed, and of several each gets a attempt of its own, so
 * that the next time nothing wrong can hide. A wrong size leads to an attempt that never verifies beside the right
 * one, within a budget of memory: the attempt that is furthest from its end goes first, so that one always
 * gets there.
 * @module
 */

import { below, type Random } from '../../util/random.js'
import { MetadataAttempt } from './attempt.js'
import { decodeMetadataMessage, encodeMetadataMessage, type MetadataMessage } from './message.js'

/** Bytes of the largest metadata that is fetched (rqbit; libtorrent takes 30 MiB). */
export const MAX_METADATA: number = 32 << 20
/** Bytes that all attempts may hold together: two of the largest. */
const MAX_HELD = 2 * MAX_METADATA
/** Attempts kept although no peer adds to them at present. */
const MAX_ORPHANS = 16
/** Requests in flight per peer: one on the way while one is answered. */
const IN_FLIGHT = 2
/** ms until a request counts as unanswered (libtorrent: 3 s); a late answer is still taken. */
const TIMEOUT = 4_000
/** ms to leave a peer alone after a reject (libtorrent), and at most after unanswered requests. */
const REJECT_WAIT = 60_000
/** Messages of a peer that answer nothing before it is closed. */
const MAX_STRAY = 64
/** ms without a block after which a attempt counts as stalled. */
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
  attempt: MetadataAttempt<K>
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
  /** By size, the attempts that peers share. */
  readonly #shared = new Map<number, MetadataAttempt<K>>()
  /** The shared ones, and those that one peer has for itself. */
  readonly #attempts = new Set<MetadataAttempt<K>>()
  /** Bytes in all attempts. */
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
    let best: MetadataAttempt<K> | undefined
    for (const attempt of this.#attempts) if (!best || attempt.held > best.held) best = attempt
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
    let attempt = this.#shared.get(size)
    if (!attempt) {
      attempt = new MetadataAttempt(size, now)
      this.#shared.set(size, attempt)
      this.#attempts.add(attempt)
    }
    this.#peers.set(id, {
      size,
      attempt,
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
    for (const piece of source.asked.keys()) source.attempt.release(piece)
    if (this.#shared.get(source.size) !== source.attempt) this.#drop(source.attempt)
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
    source.attempt.release(message.piece)
    source.askAt = now + REJECT_WAIT + below(this.#options.random, REJECT_WAIT / 6)
    return undefined
  }

  /** The next request to send, undefined when there is none at present. */
  transmit(now: number): { readonly peer: K; readonly payload: Uint8Array } | undefined {
    if (this.#result) return undefined
    for (const [peer, source] of this.#peers) {
      if (source.asked.size >= IN_FLIGHT || source.askAt > now) continue
      const piece = source.attempt.choose(now, (piece) => source.asked.has(piece))
      if (piece === undefined) continue
      source.late.delete(piece)
      source.asked.set(piece, now)
      // A peer that was asked goes to the end of the queue.
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
        source.attempt.release(piece)
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
    for (const { asked, attempt, askAt } of this.#peers.values()) {
      for (const at of asked.values()) {
        next = Math.min(next, at + TIMEOUT)
        break
      }
      if (asked.size >= IN_FLIGHT) continue
      next = Math.min(
        next,
        Math.max(
          askAt,
          attempt.choosableAt((piece) => asked.has(piece)),
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
    const { attempt } = source
    const { piece, block, totalSize } = message
    if (totalSize !== undefined && totalSize !== attempt.size) return 'metadata/bad-total-size'
    if (block.length !== attempt.blockSize(piece)) return 'metadata/bad-block'
    if (source.silent > 0) {
      source.silent = 0
      source.askAt = now
    }
    if (attempt.has(piece)) return undefined
    attempt.add(piece, block, id, now)
    this.#held += block.length
    if (attempt.isComplete) return this.#judge(id, attempt, now)
    while (this.#held > MAX_HELD) this.#evict(now)
    return undefined
  }

  #judge(id: K, attempt: MetadataAttempt<K>, now: number): string | undefined {
    const bytes = attempt.bytes()
    if (this.#options.verify(bytes)) {
      this.#result = bytes
      this.#peers.clear()
      this.#shared.clear()
      this.#attempts.clear()
      this.#held = 0
      return undefined
    }
    const sources = [...attempt.sources]
    this.#empty(attempt)
    if (sources.length === 1) {
      this.removePeer(id, now)
      return 'metadata/wrong-hash'
    }
    for (const peer of sources) {
      const source = this.#peers.get(peer)
      if (!source) continue
      source.attempt = new MetadataAttempt(source.size, now)
      this.#attempts.add(source.attempt)
    }
    this.#prune()
    return undefined
  }

  /** Makes room: a stalled attempt, else the one furthest from its end, starts from nothing. */
  #evict(now: number): void {
    let worst: MetadataAttempt<K> | undefined
    const loss = (attempt: MetadataAttempt<K>) =>
      now - attempt.progressAt > STALLED ? Number.POSITIVE_INFINITY : attempt.remaining
    for (const attempt of this.#attempts) {
      if (attempt.held > 0 && (worst === undefined || loss(attempt) > loss(worst))) worst = attempt
    }
    if (worst) this.#empty(worst)
  }

  #empty(attempt: MetadataAttempt<K>): void {
    this.#held -= attempt.held
    attempt.clear()
  }

  #drop(attempt: MetadataAttempt<K>): void {
    this.#empty(attempt)
    this.#attempts.delete(attempt)
    if (this.#shared.get(attempt.size) === attempt) this.#shared.delete(attempt.size)
  }

  /** Of the attempts that no peer adds to, the latest with any blocks stay. */
  #prune(): void {
    const used = new Set<MetadataAttempt<K>>()
    for (const source of this.#peers.values()) used.add(source.attempt)
    const orphans = [...this.#attempts].filter((attempt) => !used.has(attempt))
    const kept = orphans.filter((attempt) => attempt.held > 0).slice(-MAX_ORPHANS)
    for (const attempt of orphans) if (!kept.includes(attempt)) this.#drop(attempt)
  }
}
