/**
 * Reading and writing items of the DHT (BEP 44), and following those that change (BEP 46).
 * @module
 */

import { decode } from '../../bencode/decode.js'
import { encode } from '../../bencode/encode.js'
import type { Encodable } from '../../bencode/value.js'
import {
  type Item,
  itemFault,
  itemTarget,
  MAX_SALT,
  type MutableItem,
  mutableTarget,
  signedBytes,
} from '../../dht/items.js'
import { ed25519 } from '../../hash/ed25519.js'
import { RarestError } from '../../util/errors.js'
import type { DhtLookup } from './lookup-stream.js'
import type { DhtLookups } from './lookups.js'
import type { DhtCallOptions, DhtPutOptions, FoundItem, StoredItem } from './options.js'
import { JointProgress } from './progress.js'

/** Which of the items of a key. */
export interface SaltOptions extends DhtCallOptions {
  /** At most 64 bytes. Default none. */
  readonly salt?: Uint8Array
}

export interface PutMutableOptions extends SaltOptions, DhtPutOptions {
  /** Seed of the Ed25519 key, 32 bytes: keep it, it is the only way to change the item. */
  readonly secretKey: Uint8Array
  /**
   * 0 .. 2^63 - 1. By default one more than what is found in the DHT, with `cas`, so that of two writers at
   * once one is refused.
   */
  readonly seq?: bigint
  /** Store only where this is the number stored now. */
  readonly cas?: bigint
}

/** ms between two looks for a new version: items live for two hours, and each look is 40 datagrams. */
const UPDATE_INTERVAL = 900_000

/** The immutable item of a target, or undefined when no node has it. Ends with the first that is found. */
export async function getImmutable(
  lookups: DhtLookups,
  target: Uint8Array,
  options: DhtCallOptions,
): Promise<FoundItem | undefined> {
  for await (const item of items(lookups, target, options)) if (item.type === 'immutable') return found(item)
  return undefined
}

/** The newest item of a key and salt that any of the closest nodes has. */
export async function getMutable(
  lookups: DhtLookups,
  publicKey: Uint8Array,
  options: SaltOptions & { readonly after?: bigint },
): Promise<(FoundItem & { readonly item: MutableItem }) | undefined> {
  checkSalt(options.salt)
  if (publicKey.length !== 32) throw new RangeError(`publicKey must be 32 bytes, got ${publicKey.length}`)
  const { after } = options
  const target = mutableTarget(publicKey, options.salt)
  let newest: MutableItem | undefined
  for await (const item of items(lookups, target, {
    ...options,
    ...(after !== undefined && { seq: after }),
  })) {
    if (item.type !== 'mutable' || (after !== undefined && item.seq <= after)) continue
    if (!newest || item.seq > newest.seq) newest = item
  }
  return newest && { ...found(newest), item: newest }
}

/** Puts a value under its hash. */
export function putImmutable(
  lookups: DhtLookups,
  value: Encodable,
  options: DhtCallOptions,
): Promise<StoredItem> {
  return putItem(lookups, { type: 'immutable', value: encode(value) }, options)
}

/** Signs a value and puts it under the key. */
export async function putMutable(
  lookups: DhtLookups,
  value: Encodable,
  options: PutMutableOptions,
): Promise<StoredItem> {
  const { secretKey, salt = NO_SALT, signal } = options
  const progress = new JointProgress(options.progress)
  const common: DhtCallOptions = signal ? { signal } : {}
  checkSalt(salt)
  const publicKey = ed25519.publicKeyOf(secretKey)
  let { seq, cas } = options
  if (seq === undefined) {
    const current = await getMutable(lookups, publicKey, progress.join({ ...common, salt }))
    progress.settle()
    seq = current ? current.item.seq + 1n : 1n
    if (current && cas === undefined) cas = current.item.seq
  }
  const unsigned = { type: 'mutable' as const, value: encode(value), publicKey, salt, seq }
  const item = { ...unsigned, signature: ed25519.sign(secretKey, signedBytes(unsigned)) }
  return putItem(lookups, item, progress.join({ ...common, ...(cas !== undefined && { cas }) }))
}

/**
 * Puts an item as it is, for instance one that was found, so that it lives on. Throws RangeError for one
 * that no node may store; rejects with `dht/not-stored` when none did.
 */
export async function putItem(
  lookups: DhtLookups,
  item: Item,
  options: DhtCallOptions & { readonly cas?: bigint },
): Promise<StoredItem> {
  const fault = itemFault(item)
  if (fault) throw new RangeError(`the item cannot be stored: ${fault.message}`)
  const { stored, refusal } = await store(lookups, item, options)
  if (stored === 0)
    throw new RarestError(
      'dht/not-stored',
      refusal === undefined ? 'no node stored it' : `refused: ${refusal}`,
    )
  return { item, target: itemTarget(item), stored }
}

/** The newest version of an item, and each newer one when it appears. Runs until the loop is left or the signal aborts. */
export async function* followUpdates(
  lookups: DhtLookups,
  publicKey: Uint8Array,
  options: SaltOptions & { readonly interval?: number; readonly after?: bigint },
): AsyncGenerator<FoundItem & { readonly item: MutableItem }, never, undefined> {
  const { interval = UPDATE_INTERVAL, ...rest } = options
  let { after } = options
  for (;;) {
    const next = await getMutable(lookups, publicKey, { ...rest, ...(after !== undefined && { after }) })
    if (next) {
      after = next.item.seq
      yield next
    }
    await lookups.wait(interval, options.signal)
  }
}

/** Items stored under a target as nodes tell of them, all authentic; of mutable ones with a rising `seq`. */
function items(
  lookups: DhtLookups,
  target: Uint8Array,
  options: SaltOptions & { readonly after?: bigint },
): DhtLookup<Item> {
  const { salt, after } = options
  const wanted = { ...(salt && { salt }), ...(after !== undefined && { seq: after }) }
  return lookups.lookup<Item>(
    (node, now) => node.get(target, wanted, now),
    (event, tell) => {
      if (event.type === 'item') tell(event.item)
    },
    options,
  )
}

/** Puts an item on the nodes closest to it; how many took it, and why the others did not. */
async function store(
  lookups: DhtLookups,
  item: Item,
  options: DhtCallOptions & { readonly cas?: bigint },
): Promise<{ readonly stored: number; readonly refusal: string | undefined }> {
  const { cas } = options
  let refusal: string | undefined
  const { stored } = await lookups.lookup<never>(
    (node, now) => node.put(item, cas === undefined ? {} : { cas }, now),
    (event) => {
      if (event.type === 'done' && event.refusal) refusal ??= `${event.refusal.code} ${event.refusal.message}`
    },
    options,
  ).done
  return { stored, refusal }
}

function found(item: Item): FoundItem {
  return { value: decode(item.value), item, target: itemTarget(item) }
}

function checkSalt(salt: Uint8Array | undefined): void {
  if (salt && salt.length > MAX_SALT) throw new RangeError(`salt must be at most ${MAX_SALT} bytes`)
}

const NO_SALT: Uint8Array = new Uint8Array(0)
