/**
 * The DHT as applications use it: a node for each address family on one pair of sockets, and look-ups over
 * both (BEP 5, 32, 33, 51).
 * @module
 */

import type { Encodable } from '../bencode/value.js'
import { BloomFilter } from '../dht/bloom.js'
import type { Item, MutableItem } from '../dht/items.js'
import { DhtNode } from '../dht/node.js'
import type { LookupId, LookupStats } from '../dht/node-types.js'
import { decodeState, encodeState } from '../dht/state.js'
import { ed25519 } from '../hash/ed25519.js'
import { type Address, addressKey, familyOf, parseAddress, parseEndpoint } from '../util/address.js'
import { fromHex, toHex, toLatin1 } from '../util/bytes.js'
import { RarestError } from '../util/errors.js'
import { BOOTSTRAP_ROUTERS, DhtBootstrap } from './dht-bootstrap.js'
import {
  followUpdates,
  getImmutable,
  getMutable,
  type PutMutableOptions,
  putImmutable,
  putItem,
  putMutable,
  type SaltOptions,
} from './dht-items.js'
import { DhtLane, type DhtLookupEvent } from './dht-lane.js'
import { type DhtLookup, LookupStream } from './dht-lookup.js'
import type {
  DhtCallOptions,
  DhtNodeStats,
  DhtOptions,
  DhtSample,
  FoundItem,
  StoredItem,
} from './dht-options.js'
import type { Scheduler, Task } from './scheduler.js'
import type { UdpHub } from './udp-hub.js'
import type { World } from './world.js'

/** 20 bytes, or 40 hex digits. */
export type DhtKey = Uint8Array | string

/** What a DHT runs on. */
export interface DhtServices {
  readonly world: World
  readonly scheduler: Scheduler
  readonly hub: UdpHub
}

/** Addresses remembered so that none is told twice; a swarm in the DHT has a few hundred. */
const MAX_KNOWN = 10_000
/** Random targets that a crawl walks towards at once. */
const CRAWLERS = 4
/** ms that {@link Dht.ready} waits for routers that do not answer. */
const PATIENCE = 20_000
/** `v` of our messages: the client code of our peer ids and a version. */
const VERSION: Uint8Array = Uint8Array.of(0x52, 0x52, 0, 1)

export class Dht {
  readonly #services: DhtServices
  readonly #options: DhtOptions
  readonly #lanes = new Map<4 | 6, DhtLane>()
  readonly #running = new Set<(error: unknown) => void>()
  readonly #bootstrap: DhtBootstrap
  /** The sockets are open. */
  readonly #opened = new Milestone()
  /** The routers are known, as far as they will be. */
  readonly #begun = new Milestone()
  readonly #ready = new Milestone()
  #waitingFor = new Set<4 | 6>()
  #closed: RarestError | undefined

  /** Sends nothing before {@link Dht.start}. Throws RangeError for a router that is no `host:port`. */
  constructor(services: DhtServices, options: DhtOptions = {}) {
    for (const router of options.bootstrap ?? []) parseEndpoint(router)
    this.#services = services
    this.#options = options
    this.#bootstrap = new DhtBootstrap(services.world, services.scheduler, (address) =>
      this.#lanes.get(familyOf(address))?.tell((node, now) => node.addRouter(address, now)),
    )
  }

  /** The routing tables are filled as well as they will be; rejects when the node is closed first. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** The nodes, IPv4 first. */
  get stats(): readonly DhtNodeStats[] {
    return [...this.#lanes].map(([family, { node }]) => ({
      ...node.stats(this.#services.world.now()),
      family,
      id: toHex(node.id),
      externalAddress: node.externalAddress,
    }))
  }

  /** What the next run can begin with: its option `state`. */
  state(): Uint8Array {
    const node4 = this.#lanes.get(4)?.node
    const node6 = this.#lanes.get(6)?.node
    return encodeState({ ...(node4 && { 4: node4.state() }), ...(node6 && { 6: node6.state() }) })
  }

  /**
   * The peers of a torrent, as nodes tell of them, each once. Peers that `announce` names are told to the
   * closest nodes in the end.
   */
  getPeers(
    infoHash: DhtKey,
    options: DhtCallOptions & {
      /** Rather peers that are no seeds (BEP 33). */
      readonly noSeeds?: boolean
      /** Family of the peers, and of the nodes that are asked. Default both. */
      readonly family?: 4 | 6
    } = {},
  ): DhtLookup<Address> {
    const noSeed = options.noSeeds === true
    return this.#peers(keyOf('infoHash', infoHash), { noSeed }, options)
  }

  /**
   * Tells the nodes closest to an infohash that we have the torrent, on this port (TCP and uTP); finds its
   * peers on the way. `done` tells how many nodes took it (`stored`).
   */
  announce(
    infoHash: DhtKey,
    options: DhtCallOptions & {
      /** 1 .. 65535. */
      readonly port: number
      /** Nodes shall take the port that our datagrams come from, as a NAT has changed it. Default false. */
      readonly impliedPort?: boolean
      /** We have everything (BEP 33). Default false. */
      readonly seed?: boolean
    },
  ): DhtLookup<Address> {
    const { port, impliedPort = false, seed = false } = options
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new RangeError(`port must be an integer in 1 .. 65535, got ${port}`)
    return this.#peers(keyOf('infoHash', infoHash), { announce: { port, impliedPort, seed } }, options)
  }

  /** How many seeds and other peers the DHT knows of a torrent, estimated (BEP 33); within 10 % up to a few thousand. */
  async scrape(
    infoHash: DhtKey,
    options: DhtCallOptions = {},
  ): Promise<{ readonly seeds: number; readonly peers: number }> {
    const key = keyOf('infoHash', infoHash)
    const seeds = new BloomFilter()
    const peers = new BloomFilter()
    await this.lookup<never>(
      (node, now) => node.getPeers(key, { scrape: true }, now),
      (event) => {
        if (event.type !== 'scrape') return
        seeds.unite(event.seeds)
        peers.unite(event.peers)
      },
      options,
    ).done
    return { seeds: Math.round(seeds.estimate), peers: Math.round(peers.estimate) }
  }

  /** Infohashes that the nodes on the way to `target` show (BEP 51). */
  sample(target: DhtKey, options: DhtCallOptions = {}): DhtLookup<DhtSample> {
    const key = keyOf('target', target)
    return this.lookup<DhtSample>(
      (node, now) => node.sample(key, now),
      (event, found) => {
        if (event.type !== 'samples') return
        const { samples, num, interval, from } = event
        found({ from: from.address, infoHashes: samples, num, interval })
      },
      options,
    )
  }

  /**
   * Collects infohashes all over the DHT (BEP 51), each once, until the loop is left, the signal aborts, or
   * 16 walks in a row found nothing new.
   */
  async *crawl(options: DhtCallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { random } = this.#services.world
    const known = new Set<string>()
    for (let idle = 0; idle < 16; idle += CRAWLERS) {
      const walks = Array.from({ length: CRAWLERS }, () => this.sample(random.bytes(20), options))
      try {
        for (const walk of walks) {
          for await (const { infoHashes } of walk) {
            for (const infoHash of infoHashes) {
              const key = toLatin1(infoHash)
              if (known.has(key)) continue
              known.add(key)
              idle = -CRAWLERS
              yield infoHash
            }
          }
        }
      } finally {
        for (const walk of walks) await walk[Symbol.asyncIterator]().return?.()
      }
    }
  }

  /**
   * Asks a node, `host:port`, whether it is there. Rejects with `dht/no-answer`, or the code of a name that
   * is not found.
   */
  async ping(
    node: string,
    options: DhtCallOptions = {},
  ): Promise<{ readonly id: Uint8Array; readonly address: Address; readonly rtt: number }> {
    const address = await this.#resolve(node, options.signal)
    const pings = this.lookup<{ id: Uint8Array; address: Address; rtt: number }>(
      (core, now) => core.ping(address, now),
      (event, found) => {
        if (event.type === 'pong') found({ id: event.from.id, address, rtt: event.rtt })
      },
      { ...options, family: familyOf(address) },
    )
    for await (const pong of pings) return pong
    throw new RarestError('dht/no-answer', `${node} did not answer`)
  }

  /** Makes a node known, `host:port`; it is kept when it answers. Names that are not found are ignored. */
  addNode(node: string): void {
    void this.#resolve(node, undefined).then(
      (address) => this.#lanes.get(familyOf(address))?.tell((core, now) => core.addNode(address, now)),
      () => {},
    )
  }

  /** The immutable item of a target (BEP 44), or undefined when no node has it. */
  get(target: DhtKey, options: DhtCallOptions = {}): Promise<FoundItem | undefined> {
    return getImmutable(this, keyOf('target', target), options)
  }

  /** The newest item of an Ed25519 key (32 bytes) and salt (BEP 44), or undefined when no node has one. */
  getMutable(
    publicKey: Uint8Array,
    options: SaltOptions = {},
  ): Promise<(FoundItem & { readonly item: MutableItem }) | undefined> {
    return getMutable(this, publicKey, options)
  }

  /** Stores a value of at most 1,000 bytes bencoded under its hash. Rejects with `dht/not-stored`. */
  put(value: Encodable, options: DhtCallOptions = {}): Promise<StoredItem> {
    return putImmutable(this, value, options)
  }

  /** Signs a value and stores it under the key. Rejects with `dht/not-stored`, for instance when another was faster. */
  putMutable(value: Encodable, options: PutMutableOptions): Promise<StoredItem> {
    return putMutable(this, value, options)
  }

  /** Stores an item that was found or made before once more: it lives for two hours after the last put. */
  putItem(item: Item, options: DhtCallOptions = {}): Promise<StoredItem> {
    return putItem(this, item, options)
  }

  /**
   * The newest item of a key, and each newer one as it appears; `interval` ms (default 15 min) between two
   * looks. Torrents that follow a key do so by this (BEP 46): `torrentOf(item.value)` is their infohash.
   */
  updates(
    publicKey: Uint8Array,
    options: SaltOptions & { readonly interval?: number } = {},
  ): AsyncGenerator<FoundItem & { readonly item: MutableItem }, never, undefined> {
    return followUpdates(this, publicKey, options)
  }

  /** Puts an item on the nodes closest to it; how many took it, and why the others did not. */
  async store(
    item: Item,
    options: DhtCallOptions & { readonly cas?: bigint } = {},
  ): Promise<{ readonly stored: number; readonly refusal: string | undefined }> {
    const { cas } = options
    let refusal: string | undefined
    const { stored } = await this.lookup<never>(
      (node, now) => node.put(item, cas === undefined ? {} : { cas }, now),
      (event) => {
        if (event.type === 'done' && event.refusal)
          refusal ??= `${event.refusal.code} ${event.refusal.message}`
      },
      options,
    ).done
    return { stored, refusal }
  }

  /** Items stored under a target as nodes tell of them, all authentic; of mutable ones with a rising `seq`. */
  items(
    target: Uint8Array,
    options: DhtCallOptions & { readonly salt?: Uint8Array; readonly seq?: bigint } = {},
  ): DhtLookup<Item> {
    const { salt, seq } = options
    return this.lookup<Item>(
      (node, now) => node.get(target, { ...(salt && { salt }), ...(seq !== undefined && { seq }) }, now),
      (event, found) => {
        if (event.type === 'item') found(event.item)
      },
      options,
    )
  }

  /** Begins: the hub is open. */
  start(): void {
    if (this.#closed) return
    const { world, hub } = this.#services
    const states = this.#options.state ? decodeState(this.#options.state) : {}
    for (const family of [4, 6] as const) {
      if (hub.has(family)) this.#lanes.set(family, this.#lane(family, states[family]))
    }
    const lane4 = this.#lanes.get(4)
    const lane6 = this.#lanes.get(6)
    hub.onDht = (bytes, from, now) => (familyOf(from) === 4 ? lane4 : lane6)?.receive(bytes, from, now)
    if (lane4 && lane6) lane4.join(lane6)
    this.#waitingFor = new Set(this.#lanes.keys())
    for (const [family, lane] of this.#lanes) if (states[family]) lane.run(world.now())
    this.#opened.reach()
    void this.#begin()
  }

  /** Ends every look-up with this error: there are no sockets. */
  fail(error: RarestError): void {
    if (this.#closed) return
    this.#closed = error
    this.#bootstrap.close()
    for (const lane of this.#lanes.values()) lane.close()
    this.#services.hub.onDht = undefined
    for (const milestone of [this.#opened, this.#begun, this.#ready]) milestone.fail(error)
    for (const end of [...this.#running]) end(error)
  }

  /** Ends every look-up. The sockets are the hub's. */
  close(): void {
    this.fail(new RarestError('dht/closed', 'the DHT node was closed'))
  }

  /** Runs a look-up on the nodes of both families, or of one. For what has no method of its own. */
  lookup<T>(
    begin: (node: DhtNode, now: number) => LookupId,
    take: (event: DhtLookupEvent, found: (value: T) => void) => void,
    options: DhtCallOptions & { readonly family?: 4 | 6 },
  ): DhtLookup<T> {
    const { signal, family } = options
    const aborts: (() => void)[] = []
    const stop = (): void => {
      signal?.removeEventListener('abort', onAbort)
      this.#running.delete(fail)
      for (const abort of aborts) abort()
    }
    const fail = (error: unknown): void => {
      stop()
      stream.fail(error)
    }
    const onAbort = (): void => fail(signal?.reason)
    let stats = NOTHING
    const stream = new LookupStream<T>(() => {
      stop()
      stream.finish(stats)
    })
    const run = (): void => {
      if (stream.isOver) return
      const lanes = [...this.#lanes.values()].filter(
        ({ node }) => family === undefined || node.family === family,
      )
      let left = lanes.length
      const ended = (): void => {
        stop()
        stream.finish(stats)
      }
      if (left === 0) ended()
      for (const lane of lanes) {
        const abort = lane.start(begin, (event) => {
          take(event, (value) => stream.push(value))
          if (event.type !== 'done') return
          stats = sum(stats, event.stats)
          if (--left === 0) ended()
        })
        aborts.push(abort)
      }
      // Everything may have ended, or been aborted, while it was begun.
      if (stream.isOver) for (const abort of aborts) abort()
    }
    if (signal?.aborted) stream.fail(signal.reason)
    else if (this.#closed) stream.fail(this.#closed)
    else {
      signal?.addEventListener('abort', onAbort)
      this.#running.add(fail)
      this.#begun.promise.then(run, fail)
    }
    return stream
  }

  /** Resolves after so many ms; rejects with `signal.reason`, or when the node is closed first. */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { world, scheduler } = this.#services
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        scheduler.cancel(task)
        signal?.removeEventListener('abort', onAbort)
        this.#running.delete(fail)
      }
      const fail = (error: unknown): void => {
        stop()
        reject(error)
      }
      const onAbort = (): void => fail(signal?.reason)
      const task: Task = {
        run() {
          stop()
          resolve()
        },
      }
      if (signal?.aborted || this.#closed) {
        reject(this.#closed ?? signal?.reason)
        return
      }
      signal?.addEventListener('abort', onAbort)
      this.#running.add(fail)
      scheduler.schedule(task, world.now() + ms)
    })
  }

  #peers(
    infoHash: Uint8Array,
    query: Parameters<DhtNode['getPeers']>[1],
    options: DhtCallOptions & { readonly family?: 4 | 6 },
  ): DhtLookup<Address> {
    const known = new Set<string>()
    return this.lookup<Address>(
      (node, now) => node.getPeers(infoHash, query, now),
      (event, found) => {
        if (event.type !== 'peers') return
        for (const peer of event.peers) {
          const key = addressKey(peer)
          if (known.has(key) || known.size >= MAX_KNOWN) continue
          known.add(key)
          found(peer)
        }
      },
      options,
    )
  }

  #lane(family: 4 | 6, state: ReturnType<typeof decodeState>[4 | 6]): DhtLane {
    const { world } = this.#services
    const { bootstrap: _, state: __, externalIp, ...options } = this.#options
    const node = new DhtNode({
      ...options,
      ...state,
      ...(externalIp !== undefined && externalIp.includes(':') === (family === 6) && { externalIp }),
      random: world.random,
      now: world.now(),
      family,
      signatures: ed25519,
      version: VERSION,
    })
    return new DhtLane(this.#services, node, (event) => {
      if (event.type === 'ready' && this.#waitingFor.delete(family)) this.#checkReady()
    })
  }

  /** Fills the tables: from the routers, and from the nodes of the last run. */
  async #begin(): Promise<void> {
    const { bootstrap = BOOTSTRAP_ROUTERS, state } = this.#options
    await this.#bootstrap.start(bootstrap)
    // With nobody to ask there is nothing to wait for.
    if (bootstrap.length === 0 && state === undefined) this.#waitingFor.clear()
    const now = this.#services.world.now()
    for (const lane of this.#lanes.values()) lane.run(now)
    this.#begun.reach()
    this.#checkReady()
    try {
      await this.wait(PATIENCE, undefined)
      this.#ready.reach()
    } catch {
      // Closed meanwhile, or there was nothing more to wait for.
    }
  }

  #checkReady(): void {
    if (this.#waitingFor.size === 0 && this.#begun.isReached) this.#ready.reach()
  }

  async #resolve(node: string, signal: AbortSignal | undefined): Promise<Address> {
    const { host, port } = parseEndpoint(node)
    await this.#opened.promise
    const hosts = await this.#services.world.lookup(host, signal ? { signal } : {})
    const addresses = hosts.flatMap((ip) => parseAddress(ip, port) ?? [])
    const address = addresses.find((candidate) => this.#lanes.has(familyOf(candidate)))
    if (!address) throw new RarestError('dht/unreachable', `no socket for the addresses of ${node}`)
    return address
  }
}

/** Something that happens once, or never. */
class Milestone {
  readonly promise: Promise<void>
  isReached = false
  #resolve!: () => void
  #reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.promise.catch(() => {})
  }

  reach(): void {
    this.isReached = true
    this.#resolve()
  }

  fail(error: unknown): void {
    this.#reject(error)
  }
}

const NOTHING: LookupStats = { queries: 0, responded: 0, timedOut: 0, rounds: 0, stored: 0, duration: 0 }

/** Of look-ups that ran side by side. */
function sum(a: LookupStats, b: LookupStats): LookupStats {
  return {
    queries: a.queries + b.queries,
    responded: a.responded + b.responded,
    timedOut: a.timedOut + b.timedOut,
    rounds: Math.max(a.rounds, b.rounds),
    stored: a.stored + b.stored,
    duration: Math.max(a.duration, b.duration),
  }
}

/** The 20 bytes of a key. Throws TypeError or RangeError that names the argument. */
function keyOf(name: string, key: DhtKey): Uint8Array {
  const bytes = typeof key === 'string' ? fromHex(key) : key
  if (!(bytes instanceof Uint8Array) || bytes.length !== 20)
    throw new RangeError(`${name} must be 20 bytes or 40 hex digits`)
  return bytes
}
