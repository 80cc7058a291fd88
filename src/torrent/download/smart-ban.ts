/**
 * Finds out what sent wrong data, and bans it: evidence, verdict and execution.
 *
 * | evidence | what is banned |
 * |---|---|
 * | all blocks of a wrong piece came from one origin | that one |
 * | the wrong blocks are proven by the hashes of blocks (v2) | what sent them; the rest of the piece stays |
 * | the piece arrives right later | what had sent blocks that differ: digests of the blocks of a wrong piece are kept until then |
 * | none of these | the worst contributor, once its standing is unacceptable |
 *
 * Until it is clear, every contributor is on parole: it gets whole pieces alone (libtorrent), so that the next wrong
 * one names its sender. Costs nothing for pieces that are right at once.
 * @module
 */

import type { Picker } from '../../picker/picker.js'
import { equalBytes } from '../../util/bytes.js'
import type { BlockOrigin, BlockSource } from './block-source.js'
import { isUnacceptable, lower, restore } from './standing.js'

/** Digests of the blocks of a piece, undefined where the bytes were not at hand. */
export type BlockDigests = readonly (Uint8Array | undefined)[]

export interface SmartBanParts<Origin extends BlockOrigin> {
  readonly picker: Picker<Origin>
  /** The source of each origin that has one now. */
  readonly sources: ReadonlyMap<Origin, BlockSource<Origin>>
  /** Keeps an origin away for good, and tells the user. Its source is ended after that. */
  readonly ban: (origin: Origin, code: string) => void
}

/** Digests remembered in all: about 2 MiB. The oldest pieces are forgotten beyond that. */
const MAX_DIGESTS = 16_384
/** Arrivals of one wrong piece that are remembered. */
const MAX_ARRIVALS = 8

const CODE = 'torrent/corrupt-data'

/** One arrival of a piece that was wrong. */
interface Arrival<Origin> {
  readonly digests: BlockDigests
  /** What sent each block; undefined for blocks of an earlier run and pads. */
  readonly senders: readonly (Origin | undefined)[]
}

export class SmartBan<Origin extends BlockOrigin> {
  readonly #parts: SmartBanParts<Origin>
  readonly #parole: WeakSet<Origin> = new WeakSet()
  /** Banned since they were last here: other wrong pieces of theirs say nothing new. */
  readonly #banned: WeakSet<Origin> = new WeakSet()
  readonly #arrivals = new Map<number, Arrival<Origin>[]>()
  #digests = 0

  constructor(parts: SmartBanParts<Origin>) {
    this.#parts = parts
  }

  /** Wrong pieces that are remembered. */
  get size(): number {
    return this.#arrivals.size
  }

  /** A source came about: parole outlives the one before. */
  joined(source: BlockSource<Origin>): void {
    this.#banned.delete(source.origin)
    if (this.#parole.has(source.origin)) this.#parts.picker.setParole(source.picks, true)
  }

  /** A piece is wrong; `digests` is what its blocks were. */
  failed(piece: number, senders: readonly (Origin | undefined)[], digests: BlockDigests): void {
    const contributors = [...new Set(senders)].filter((origin) => origin !== undefined)
    const [alone] = contributors
    if (alone !== undefined && contributors.length === 1 && !senders.includes(undefined)) {
      this.#ban(alone)
      return
    }
    this.#remember(piece, { digests, senders })
    let worst: Origin | undefined
    for (const origin of contributors) {
      lower(origin)
      this.#setParole(origin, true)
      if (worst === undefined || origin.standing < worst.standing) worst = origin
    }
    // The worst one only, so that it does not take honest ones along.
    if (worst !== undefined && isUnacceptable(worst)) this.#ban(worst)
  }

  /** Blocks are proven wrong that these sent. */
  failedBlocks(senders: readonly Origin[]): void {
    for (const origin of senders) this.#ban(origin)
  }

  /** A piece is right; `digests` of its blocks when it was wrong before. */
  passed(piece: number, contributors: readonly Origin[], digests: BlockDigests | undefined): void {
    const [alone] = contributors
    if (alone !== undefined && contributors.length === 1) this.#setParole(alone, false)
    if (digests === undefined) return
    const { wrong, right } = this.#compare(piece, digests)
    for (const origin of right) {
      restore(origin)
      this.#setParole(origin, false)
    }
    for (const origin of wrong) this.#ban(origin)
  }

  #remember(piece: number, arrival: Arrival<Origin>): void {
    const arrivals = this.#arrivals.get(piece) ?? []
    // The piece that was wrong last is the last to be forgotten.
    this.#arrivals.delete(piece)
    if (arrivals.length === MAX_ARRIVALS) this.#digests -= arrivals.shift()?.senders.length ?? 0
    arrivals.push(arrival)
    this.#digests += arrival.senders.length
    this.#arrivals.set(piece, arrivals)
    for (const oldest of this.#arrivals.keys()) {
      if (this.#digests <= MAX_DIGESTS || oldest === piece) break
      this.#forget(oldest)
    }
  }

  #forget(piece: number): void {
    for (const { senders } of this.#arrivals.get(piece) ?? []) this.#digests -= senders.length
    this.#arrivals.delete(piece)
  }

  /**
   * What sent blocks that differ from the right ones, and what had a part in wrong arrivals with right blocks only,
   * once for each. Forgets the piece.
   */
  #compare(piece: number, expected: BlockDigests): { wrong: ReadonlySet<Origin>; right: readonly Origin[] } {
    const arrivals = this.#arrivals.get(piece) ?? []
    this.#forget(piece)
    const wrong = new Set<Origin>()
    const right: Origin[] = []
    for (const { digests, senders } of arrivals) {
      const outcomes = new Map<Origin, boolean>()
      for (const [block, sender] of senders.entries()) {
        if (sender === undefined) continue
        const sent = digests[block]
        const proof = expected[block]
        const isRight = sent !== undefined && proof !== undefined ? equalBytes(sent, proof) : undefined
        if (isRight === false) wrong.add(sender)
        // A block that cannot be compared clears nobody.
        outcomes.set(sender, (outcomes.get(sender) ?? true) && isRight === true)
      }
      for (const [sender, isRight] of outcomes) if (isRight) right.push(sender)
    }
    return { wrong, right: right.filter((origin) => !wrong.has(origin)) }
  }

  #setParole(origin: Origin, isOnParole: boolean): void {
    if (isOnParole) this.#parole.add(origin)
    else if (!this.#parole.delete(origin)) return
    const source = this.#parts.sources.get(origin)
    if (source) this.#parts.picker.setParole(source.picks, isOnParole)
  }

  #ban(origin: Origin): void {
    if (this.#banned.has(origin)) return
    this.#banned.add(origin)
    this.#parts.ban(origin, CODE)
    this.#parts.sources.get(origin)?.end(CODE, 'sent data that does not match its hash')
  }
}
