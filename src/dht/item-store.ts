/**
 * Items that others put on this node (BEP 44): for two hours after their last put, each replaced only by
 * a higher sequence number.
 * @module
 */

import { equalBytes, toLatin1 } from '../util/bytes.js'
import { below, type Random } from '../util/random.js'
import { type Item, isSigned, itemFault, itemTarget, type Signatures } from './items.js'

/** ms that an item is kept after its last put (BEP 44). */
export const ITEM_LIFE = 7_200_000
/** Items looked at to find one that makes room. */
const EVICTION_SAMPLE = 16

export interface ItemStoreOptions {
  /** Items; 0 refuses every put. Default 700 (libtorrent): at most 800 KiB. */
  readonly maxItems?: number
  /**
   * How well a target fits this node, higher for nearer: bits that it shares with the node's id. The item
   * that fits least makes room first, so that targets sprayed at random cannot push out what belongs here.
   */
  readonly closeness?: (target: Uint8Array) => number
}

interface Stored {
  readonly key: string
  readonly closeness: number
  item: Item
  /** ms of the last put. */
  at: number
  /** Where it stands in the list that victims are drawn from. */
  index: number
}

/** What became of a put: `code` and `message` are those of the error that answers it (BEP 44). */
export type PutOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: number; readonly message: string }

/** Keeps items in memory, within a cap. */
export class ItemStore {
  readonly #signatures: Signatures | undefined
  readonly #random: Random
  readonly #maxItems: number
  readonly #closeness: (target: Uint8Array) => number
  /** Least recently put first: all live equally long, so these expire first. */
  readonly #items = new Map<string, Stored>()
  readonly #list: Stored[] = []

  constructor(signatures: Signatures | undefined, random: Random, options: ItemStoreOptions = {}) {
    this.#signatures = signatures
    this.#random = random
    this.#maxItems = options.maxItems ?? 700
    this.#closeness = options.closeness ?? (() => 0)
  }

  /** Items kept, some of which may have expired. */
  get size(): number {
    return this.#list.length
  }

  get(target: Uint8Array, now: number): Item | undefined {
    const stored = this.#items.get(toLatin1(target))
    return stored && now - stored.at < ITEM_LIFE ? stored.item : undefined
  }

  /**
   * Stores an item (copied), or says why not: 203 malformed, 205 value too big, 206 bad signature, 207 salt
   * too big, 301 `cas` differs from the stored number, 302 a lower number than the stored one, or another
   * value under the same number. What is stored already lives on from now.
   */
  put(item: Item, cas: bigint | undefined, now: number): PutOutcome {
    const fault = itemFault(item)
    if (fault) return refuse(fault)
    if (this.#maxItems === 0) return refuse(NOTHING_KEPT)
    const target = itemTarget(item)
    const known = this.#items.get(toLatin1(target))
    if (known && now - known.at < ITEM_LIFE) {
      const { item: stored } = known
      // An immutable item can meet only itself, a mutable one only those of its own key.
      if (item.type === 'mutable' && stored.type === 'mutable') {
        if (cas !== undefined && cas !== stored.seq) return refuse(CAS_MISMATCH)
        if (item.seq < stored.seq) return refuse(SEQ_TOO_LOW)
        if (item.seq === stored.seq && !equalBytes(item.value, stored.value)) return refuse(SEQ_TAKEN)
      }
      if (item.type === 'immutable' || (stored.type === 'mutable' && item.seq === stored.seq)) {
        this.#refresh(known, now)
        return STORED
      }
    }
    // Last, since it costs a hundred times as much as all the rest.
    if (!isSigned(item, this.#signatures)) return refuse(BAD_SIGNATURE)
    this.#store(target, copyOf(item), now)
    return STORED
  }

  /** Forgets what has expired. */
  expire(now: number): void {
    for (const stored of this.#items.values()) {
      if (now - stored.at < ITEM_LIFE) break
      this.#delete(stored)
    }
  }

  #store(target: Uint8Array, item: Item, now: number): void {
    const key = toLatin1(target)
    const known = this.#items.get(key)
    if (known) {
      known.item = item
      this.#refresh(known, now)
      return
    }
    if (this.#list.length >= this.#maxItems) this.#delete(this.#victim())
    const stored = { key, closeness: this.#closeness(target), item, at: now, index: this.#list.length }
    this.#items.set(key, stored)
    this.#list.push(stored)
  }

  #refresh(stored: Stored, now: number): void {
    stored.at = now
    this.#items.delete(stored.key)
    this.#items.set(stored.key, stored)
  }

  #victim(): Stored {
    const draw = (): Stored => this.#list[below(this.#random, this.#list.length)] as Stored
    let victim = draw()
    for (let i = 1; i < EVICTION_SAMPLE; i++) {
      const other = draw()
      const difference = other.closeness - victim.closeness
      if (difference < 0 || (difference === 0 && other.at < victim.at)) victim = other
    }
    return victim
  }

  #delete(stored: Stored): void {
    this.#items.delete(stored.key)
    const last = this.#list.pop() as Stored
    if (last === stored) return
    this.#list[stored.index] = last
    last.index = stored.index
  }
}

const STORED: PutOutcome = { ok: true }
const NOTHING_KEPT = { code: 202, message: 'this node keeps no items' }
const BAD_SIGNATURE = { code: 206, message: 'the signature does not hold' }
const CAS_MISMATCH = { code: 301, message: 'the stored number is another: read again' }
const SEQ_TOO_LOW = { code: 302, message: 'a higher number is stored' }
const SEQ_TAKEN = { code: 302, message: 'another value is stored under this number' }

function refuse(fault: { readonly code: number; readonly message: string }): PutOutcome {
  return { ok: false, code: fault.code, message: fault.message }
}

/** The parts may be views of a datagram whose memory is used again. */
function copyOf(item: Item): Item {
  if (item.type === 'immutable') return { type: 'immutable', value: item.value.slice() }
  return {
    type: 'mutable',
    value: item.value.slice(),
    publicKey: item.publicKey.slice(),
    salt: item.salt.slice(),
    seq: item.seq,
    signature: item.signature.slice(),
  }
}
