/**
 * The receive half of the store: lends memory to whoever downloads a block, hashes pieces as their
 * gapless prefix grows, and judges them.
 * @module
 */

import { BLOCK_LENGTH, type Layout } from '../metainfo/layout.js'
import { FREE, LEASED, OpenPiece, PAD } from './open-piece.js'
import { Scratch } from './scratch.js'
import type { SlabPool } from './slab.js'
import { isAt, type Verifier } from './verifier.js'

/** Bytes hashed in one turn of the event loop, about half a millisecond: 1 MiB. */
const HASH_PER_TURN = 1_048_576

/** Bytes that are hashed at once: from 128 KiB on the cost of a call does not show. */
const HASH_UNIT = 131_072

export interface AssemblyEvents {
  /** There is work for the end of this turn. */
  work(): void
  /** Hashed as far as possible; the disk has to give back what comes next. */
  away(piece: OpenPiece): void
  /** More of a piece is hashed. */
  hashed(piece: OpenPiece): void
  /** All of a piece is here, and its hash is right (`matched`) or wrong, maybe with blocks that are right (`doubtful`). */
  judged(piece: OpenPiece): void
  /** Nobody writes into an abandoned piece any more. */
  orphaned(piece: OpenPiece): void
}

export class Assembly {
  readonly #layout: Layout
  readonly #verifier: Verifier
  readonly #pool: SlabPool
  readonly #on: AssemblyEvents
  readonly #scratch = new Scratch()
  /** Every piece of which something was placed, until it is written, failed or abandoned. */
  readonly #open = new Map<number, OpenPiece>()
  /** Abandoned pieces whose memory is still lent to someone. */
  readonly #abandoned = new Set<OpenPiece>()
  /** Blocks that arrived in scratch memory while another writer held their place: they go in when it is free. */
  readonly #parked = new Map<OpenPiece, Map<number, Uint8Array>>()
  readonly #hasPads: boolean
  readonly #hashQueue: OpenPiece[] = []
  #sealedBytes = 0
  #allowance = HASH_PER_TURN

  constructor(layout: Layout, verifier: Verifier, pool: SlabPool, on: AssemblyEvents) {
    this.#layout = layout
    this.#verifier = verifier
    this.#pool = pool
    this.#on = on
    // In an aligned layout pads lie behind the pieces, not in them.
    this.#hasPads = !layout.aligned && layout.files.some((file) => file.pad)
  }

  /** Bytes of whole pieces that wait to be hashed. */
  get waiting(): number {
    return this.#sealedBytes
  }

  /** Bytes of scratch memory that are lent. */
  get scratchUsed(): number {
    return this.#scratch.used
  }

  get pieces(): Iterable<OpenPiece> {
    return this.#open.values()
  }

  /** True when the next turn has something to hash. */
  get isBusy(): boolean {
    return this.#hashQueue.length > 0
  }

  has(piece: number): boolean {
    return this.#open.has(piece)
  }

  /** True when a piece is not open, or waits for blocks or hashes and the disk has nothing to do with it. */
  isIdle(piece: number): boolean {
    const open = this.#open.get(piece)
    if (!open) return true
    const waits = open.missing > 0 || open.waiting || open.doubtful
    return waits && open.runs === 0 && open.busy.size === 0
  }

  place(piece: number, begin: number, length: number): Uint8Array | undefined {
    const open = this.#open.get(piece) ?? this.#openPiece(piece)
    const block = Math.floor(begin / BLOCK_LENGTH)
    const state = open.states[block]
    if (state === FREE) {
      open.states[block] = LEASED
      open.leases++
      return open.memory(begin, length)
    }
    return state === LEASED || state === PAD ? this.#scratch.take(length) : undefined
  }

  isScratch(data: Uint8Array): boolean {
    return this.#scratch.owns(data)
  }

  /** `welcome` is false when the piece is of no use any more unless it is open. */
  received(piece: number, begin: number, data: Uint8Array, welcome: boolean): void {
    const block = Math.floor(begin / BLOCK_LENGTH)
    let open = this.#open.get(piece)
    if (open?.owns(begin, data) && open.states[block] === LEASED) {
      open.leases--
      this.#receive(open, block)
      return
    }
    if (!open && welcome) open = this.#openPiece(piece)
    const state = open?.states[block]
    if (open && state === LEASED) this.#park(open, block, data.slice())
    else if (open && state === FREE) open.memory(begin, data.length).set(data)
    this.#giveBack(piece, begin, data)
    if (open && state === FREE) this.#receive(open, block)
  }

  release(piece: number, begin: number, data: Uint8Array): void {
    const open = this.#open.get(piece)
    const block = Math.floor(begin / BLOCK_LENGTH)
    if (!open?.owns(begin, data) || open.states[block] !== LEASED) {
      this.#giveBack(piece, begin, data)
      return
    }
    open.leases--
    open.states[block] = FREE
    const parked = this.#parked.get(open)?.get(block)
    if (!parked) return
    this.#parked.get(open)?.delete(block)
    open.memory(begin, parked.length).set(parked)
    this.#receive(open, block)
  }

  abandon(piece: number): void {
    const open = this.#open.get(piece)
    if (!open || (open.missing === 0 && !open.waiting && !open.doubtful)) return
    this.close(open)
    open.gone = true
    open.waiting = false
    open.doubtful = false
    const queued = this.#hashQueue.indexOf(open)
    if (queued >= 0) this.#hashQueue.splice(queued, 1)
    if (open.leases > 0) this.#abandoned.add(open)
    else this.#on.orphaned(open)
  }

  /** Goes on with a piece after the disk gave back what comes next. */
  resume(open: OpenPiece): void {
    if (open.gone || open.matched || open.queued || open.hashed >= open.hashable) return
    this.#hash(open)
    this.#on.work()
  }

  /** Judges the whole pieces whose hash was not known before. */
  judgeWaiting(): void {
    for (const open of [...this.#open.values()]) {
      if (!open.waiting || this.#verifier.knows?.(open.piece) === false) continue
      open.waiting = false
      this.#judge(open)
    }
  }

  /**
   * Frees those blocks of a doubtful piece whose hash is not the proven one, `leaves` having 32 bytes for each;
   * gives their numbers. None for a piece that is not doubtful.
   */
  reopen(piece: number, leaves: Uint8Array): number[] {
    const open = this.#open.get(piece)
    const own = open?.doubtful === true ? open.leaves() : undefined
    if (!open || own?.length !== leaves.length) return []
    const wrong: number[] = []
    for (let block = 0; block < open.blockCount; block++) {
      if (!isAt(own, block * 32, leaves.subarray(block * 32, block * 32 + 32))) wrong.push(block)
    }
    if (wrong.length > 0) open.reopen(wrong)
    return wrong
  }

  /** The open piece of that number whose blocks are in doubt. */
  doubtful(piece: number): OpenPiece | undefined {
    const open = this.#open.get(piece)
    return open?.doubtful === true ? open : undefined
  }

  /** The piece is written, or has failed: `place` opens it anew. */
  close(open: OpenPiece): void {
    if (this.#open.get(open.piece) === open) this.#open.delete(open.piece)
    this.#parked.delete(open)
  }

  /** A new turn of the event loop: hashes what the last one left over. */
  turn(): void {
    this.#allowance = HASH_PER_TURN
    while (this.#allowance > 0) {
      const open = this.#hashQueue.shift()
      if (!open) return
      open.queued = false
      this.#hash(open)
    }
  }

  clear(): void {
    this.#open.clear()
    this.#parked.clear()
    this.#abandoned.clear()
    this.#hashQueue.length = 0
    this.#sealedBytes = 0
  }

  #openPiece(piece: number): OpenPiece {
    const size = this.#layout.pieceSize(piece)
    const pads = this.#hasPads ? padsOf(this.#layout, piece) : undefined
    this.#verifier.forget?.(piece)
    const open = new OpenPiece(piece, size, this.#verifier, this.#pool, pads)
    this.#open.set(piece, open)
    if (open.missing === 0) this.#seal(open)
    return open
  }

  #receive(open: OpenPiece, block: number): void {
    const grown = open.receive(block)
    if (open.missing === 0) {
      this.#seal(open)
      return
    }
    if (!grown || open.queued || open.hashable - open.hashed < HASH_UNIT) return
    this.#hash(open)
    this.#on.work()
  }

  /** All blocks are here. */
  #seal(open: OpenPiece): void {
    this.#sealedBytes += open.size
    if (!open.queued) this.#hash(open)
    this.#on.work()
  }

  /** Hashes what this turn allows, and judges the piece when that was all of it. */
  #hash(open: OpenPiece): void {
    const done = open.hashSome(this.#allowance)
    this.#allowance -= done
    if (open.hashed < open.size) {
      if (done > 0) this.#on.hashed(open)
      if (open.hashed === open.hashable) return
      if (open.isAway(open.hashCell)) {
        this.#on.away(open)
        return
      }
      open.queued = true
      this.#hashQueue.push(open)
      return
    }
    this.#sealedBytes -= open.size
    if (this.#verifier.knows?.(open.piece) === false) open.waiting = true
    else this.#judge(open)
  }

  #judge(open: OpenPiece): void {
    open.matched = open.matches()
    if (!open.matched) {
      open.doubtful = open.blockCount > 1 && open.leaves() !== undefined
      open.gone = !open.doubtful
    }
    this.#on.judged(open)
  }

  #park(open: OpenPiece, block: number, bytes: Uint8Array): void {
    let parked = this.#parked.get(open)
    if (!parked) {
      parked = new Map()
      this.#parked.set(open, parked)
    }
    parked.set(block, bytes)
  }

  /** Memory that is not a block's own comes back: scratch, or a lease on a piece that was abandoned. */
  #giveBack(piece: number, begin: number, data: Uint8Array): void {
    if (this.#scratch.give(data)) return
    for (const open of this.#abandoned) {
      if (open.piece !== piece || !open.owns(begin, data)) continue
      open.leases--
      if (open.leases > 0) return
      this.#abandoned.delete(open)
      this.#on.orphaned(open)
      return
    }
  }
}

/** Start and end of each pad in a piece; neighbouring pads count as one. */
function padsOf(layout: Layout, piece: number): number[] {
  const pads: number[] = []
  let at = 0
  for (const slice of layout.slices(piece, 0, layout.pieceSize(piece))) {
    if (layout.files[slice.file]?.pad === true) {
      if (pads[pads.length - 1] === at) pads[pads.length - 1] = at + slice.length
      else pads.push(at, at + slice.length)
    }
    at += slice.length
  }
  return pads
}
