/**
 * What blocks come from, as downloads see it: a connection with a peer, or a web seed (BEP 19), which never
 * chokes, takes many adjacent blocks at once and sends them in order. {@link Downloads} says what to ask a source
 * for and takes what comes; the source moves the bytes.
 *
 * A source is joined, asked, told to go on with `Downloads.request` after each {@link BlockSource.touch}, and
 * leaves. For each block that begins to arrive it asks `Downloads.place` for memory, writes to that alone, and
 * hands the block to `Downloads.received` when it is whole.
 * @module
 */

import type { Block } from '../../metainfo/layout.js'
import type { PickerPeer } from '../../picker/picker.js'
import { Rate } from '../../util/rate.js'
import type { Accountable } from './standing.js'

/** Whom blocks are credited to and blamed on. It outlives its sources and is the same when one comes again. */
export interface BlockOrigin extends Accountable {
  /** How logs and warnings name it: `host:port`, or a URL. */
  readonly key: string
}

/** Something that blocks can be asked of. */
export interface BlockSource<Origin extends BlockOrigin = BlockOrigin> {
  readonly origin: Origin
  /** Its handle in the picker, which knows what it has and what it is asked for. */
  readonly picks: PickerPeer<Origin>
  readonly intake: Intake
  /** Requests that it has not answered, those included that were taken back and may be answered all the same. */
  readonly outstanding: number
  /** The most requests that it takes at once; 0 while it is of no use: it chokes us, or has nothing that we want. */
  readonly requestLimit: number
  /**
   * Asks for blocks. Those of one piece come in ascending order and mostly in one run, which may become one range;
   * the array is only valid during the call.
   */
  request(blocks: readonly Block[], now: number): void
  /**
   * Takes a request back. The block may come all the same and is thrown away then; no more is written to memory
   * that was named for it.
   */
  cancel(piece: number, begin: number, now: number): void
  /** Nothing is to arrive until {@link BlockSource.resume}: the disk is behind. */
  pause(): void
  resume(): void
  /** Has `Downloads.request` called for it at the end of this turn. */
  touch(): void
  /** Ends it for good with a stable code; `Downloads.leave` follows from that. */
  end(code: string, message: string): void
}

/** The memory that a block is arriving in; no data while none is. */
export interface Lease {
  piece: number
  begin: number
  data: Uint8Array | undefined
}

/** Requests that a new source may have open before its rate is known. */
const FIRST_DEPTH = 8
/** Requests that even the slowest source gets: one under way, others waiting. */
const LEAST_DEPTH = 4

/** What comes in from one source: rate, request queue, the block that is arriving. {@link Downloads} keeps it. */
export class Intake {
  readonly lease: Lease = { piece: 0, begin: 0, data: undefined }
  /** Payload that came, useful or not. */
  readonly payload: Rate = new Rate()
  /** Bytes a second, as of the last tick. */
  rate = 0
  /** Requests to keep open. */
  depth: number
  /** The least of them: a source that is asked for ranges wants more than the default of 4. */
  readonly leastDepth: number
  /** Time (ms) of the last block, or of the first request since there was none. */
  progressAt: number

  constructor(now: number, leastDepth: number = LEAST_DEPTH) {
    this.progressAt = now
    this.leastDepth = leastDepth
    this.depth = Math.max(FIRST_DEPTH, leastDepth)
  }
}
