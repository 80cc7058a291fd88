/**
 * The DHT as applications use it: a node for each address family on one pair of sockets, and look-ups over
 * both (BEP 5, 32, 33, 51).
 * @module
 */

import type { Encodable } from '../../bencode/value.js'
import { BloomFilter } from '../../dht/bloom.js'
import type { Item, MutableItem } from '../../dht/items.js'
import { DhtNode } from '../../dht/node.js'
import { decodeState, encodeState } from '../../dht/state.js'
import { ed25519 } from '../../hash/ed25519.js'
import { type Address, addressKey, familyOf, parseAddress, parseEndpoint } from '../../util/address.js'
import { Milestone } from '../../util/async/milestone.js'
import { fromHex, toHex } from '../../util/bytes.js'
import { RarestError } from '../../util/errors.js'
import type { Scheduler } from '../scheduler.js'
import type { SocketPair } from '../udp/socket-pair.js'
import type { World } from '../world.js'
import { BOOTSTRAP_ROUTERS, DhtBootstrap } from './bootstrap.js'
import { crawl } from './crawl.js'
import { DhtDriver } from './driver.js'
import {
  followUpdates,
  getImmutable,
  getMutable,
  type PutMutableOptions,
  putImmutable,
  putItem,
  putMutable,
  type SaltOptions,
} from './items.js'
import type { DhtLookup } from './lookup-stream.js'
import { type DhtLookupOptions, DhtLookups } from './lookups.js'
import type {
  DhtCallOptions,
  DhtNodeStats,
  DhtOptions,
  DhtPutOptions,
  DhtSample,
  FoundItem,
  StoredItem,
} from './options.js'
import { Republisher } from './republisher.js'

/** 20 bytes, or 40 hex digits. */
export type DhtKey = Uint8Array | string

/** What a DHT runs on. */
export interface DhtServices {
  readonly world: World
  readonly scheduler: Scheduler
  readonly udp: SocketPair
}

/** Addresses remembered so that none is told twice; a swarm in the DHT has a few hundred. */
const MAX_KNOWN = 10_000
/** ms that {@link Dht.ready} waits for routers that do not answer. */
const PATIENCE = 20_000
/** `v` of our messages: the client code of our peer ids and a version. */
const VERSION: Uint8Array = Uint8Array.of(0x52, 0x52, 0, 1)

export class Dht {
  readonly #services: DhtServices
  readonly #options: DhtOptions
  readonly #drivers = new Map<4 | 6, DhtDriver>()
  readonly #bootstrap: DhtBootstrap
  /** The sockets are open. */
  readonly #opened = new Milestone()
  /** The routers are known, as far as they will be. */
  readonly #begun = new Milestone()
  readonly #ready = new Milestone()
  readonly #lookups: DhtLookups
  readonly #republisher: Republisher
  #waitingFor = new Set<4 | 6>()

  /** Sends nothing before {@link Dht.start}. Throws RangeError for a router that is no `host:port`. */
  constructor(services: DhtServices, options: DhtOptions = {}) {
    for (const router of options.bootstrap ?? []) parseEndpoint(router)
    this.#services = services
    this.#options = options
    this.#lookups = new DhtLookups(services, this.#drivers, this.#begun.promise)
    this.#republisher = new Republisher(services, this.#lookups)
    this.#bootstrap = new DhtBootstrap(services.world, services.scheduler, (address) =>
      this.#drivers.get(familyOf(address))?.tell((node, now) => node.addRouter(address, now)),
    )
  }

  /** The routing tables are filled as well as they will be; rejects when the node is closed first. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** The nodes, IPv4 first. */
  get stats(): readonly DhtNodeStats[] {
    return [...this.#drivers].map(([family, { node }]) => ({
      ...node.stats(this.#services.world.now()),
      family,
      id: toHex(node.id),
      externalAddress: node.externalAddress,
    }))
  }

  /** What the next run can begin with: its option `state`. */
  state(): Uint8Array {
    const node4 = this.#drivers.get(4)?.node
    const node6 = this.#drivers.get(6)?.node
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
      /** We have everything, and rather look for peers that have not (BEP 33). Default false. */
      readonly seed?: boolean
    },
  ): DhtLookup<Address> {
    const { port, impliedPort = false, seed = false } = options
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new RangeError(`port must be an integer in 1 .. 65535, got ${port}`)
    const query = { announce: { port, impliedPort, seed }, noSeed: seed }
    return this.#peers(keyOf('infoHash', infoHash), query, options)
  }

  /** How many seeds and other peers the DHT knows of a torrent, estimated (BEP 33); within 10 % up to a few thousand. */
  async scrape(
    infoHash: DhtKey,
    options: DhtCallOptions = {},
  ): Promise<{ readonly seeds: number; readonly peers: number }> {
    const key = keyOf('infoHash', infoHash)
    const seeds = new BloomFilter()
    const peers = new BloomFilter()
    await this.#lookups.lookup<never>(
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

  /**
   * Infohashes that the nodes on the way to `target` show (BEP 51). Those that showed some before, and said
   * when they will show others, are asked for the way alone until then.
   */
  sample(target: DhtKey, options: DhtCallOptions = {}): DhtLookup<DhtSample> {
    const key = keyOf('target', target)
    return this.#lookups.lookup<DhtSample>(
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
   * 16 walks in a row found nothing new. A node that said when it will show others is not asked sooner.
   */
  crawl(options: DhtCallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const { random } = this.#services.world
    return crawl((target, each) => this.sample(target, each), random, options)
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
    const pings = this.#lookups.lookup<{ id: Uint8Array; address: Address; rtt: number }>(
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
      (address) => this.#drivers.get(familyOf(address))?.tell((core, now) => core.addNode(address, now)),
      () => {},
    )
  }

  /** The immutable item of a target (BEP 44), or undefined when no node has it. */
  get(target: DhtKey, options: DhtCallOptions = {}): Promise<FoundItem | undefined> {
    return getImmutable(this.#lookups, keyOf('target', target), options)
  }

  /** The newest item of an Ed25519 key (32 bytes) and salt (BEP 44), or undefined when no node has one. */
  getMutable(
    publicKey: Uint8Array,
    options: SaltOptions = {},
  ): Promise<(FoundItem & { readonly item: MutableItem }) | undefined> {
    return getMutable(this.#lookups, publicKey, options)
  }

  /** Stores a value of at most 1,000 bytes bencoded under its hash. Rejects with `dht/not-stored`. */
  put(value: Encodable, options: DhtPutOptions = {}): Promise<StoredItem> {
    return this.#kept(putImmutable(this.#lookups, value, options), options)
  }

  /** Signs a value and stores it under the key. Rejects with `dht/not-stored`, for instance when another was faster. */
  putMutable(value: Encodable, options: PutMutableOptions): Promise<StoredItem> {
    return this.#kept(putMutable(this.#lookups, value, options), options)
  }

  /** Stores an item that was found or made before once more: it lives for two hours after the last put. */
  putItem(item: Item, options: DhtPutOptions = {}): Promise<StoredItem> {
    return this.#kept(putItem(this.#lookups, item, options), options)
  }

  /** Items that were put with `keep`, as they are put again; `stored` is 0 when no node took it last time. */
  get kept(): readonly StoredItem[] {
    return this.#republisher.kept
  }

  /** Lets an item that was put with `keep` expire; false when there is none of this target. */
  release(target: DhtKey): boolean {
    return this.#republisher.release(keyOf('target', target))
  }

  /**
   * The newest item of a key, and each newer one as it appears; `interval` ms (default 15 min) between two
   * looks, `after` the number of an older one that is known. Torrents that follow a key do so by this
   * (BEP 46): `torrentOf(item.value)` is their infohash.
   */
  updates(
    publicKey: Uint8Array,
    options: SaltOptions & { readonly interval?: number; readonly after?: bigint } = {},
  ): AsyncGenerator<FoundItem & { readonly item: MutableItem }, never, undefined> {
    return followUpdates(this.#lookups, publicKey, options)
  }

  /** Begins: the sockets are open. */
  start(): void {
    if (this.#lookups.closed) return
    const { world, udp } = this.#services
    const states = this.#options.state ? decodeState(this.#options.state) : {}
    for (const family of [4, 6] as const) {
      if (udp.has(family)) this.#drivers.set(family, this.#driver(family, states[family]))
    }
    const driver4 = this.#drivers.get(4)
    const driver6 = this.#drivers.get(6)
    udp.onDht = (bytes, from, now) => (familyOf(from) === 4 ? driver4 : driver6)?.receive(bytes, from, now)
    if (driver4 && driver6) driver4.join(driver6)
    this.#waitingFor = new Set(this.#drivers.keys())
    for (const [family, driver] of this.#drivers) if (states[family]) driver.run(world.now())
    this.#opened.reach()
    void this.#begin()
  }

  /** Ends every look-up with this error: there are no sockets. */
  fail(error: RarestError): void {
    if (this.#lookups.closed) return
    this.#bootstrap.close()
    for (const driver of this.#drivers.values()) driver.close()
    this.#services.udp.onDht = undefined
    for (const milestone of [this.#opened, this.#begun, this.#ready]) milestone.fail(error)
    this.#lookups.close(error)
    this.#republisher.close()
  }

  /** Ends every look-up. The sockets belong to the caller. */
  close(): void {
    this.fail(new RarestError('dht/closed', 'the DHT node was closed'))
  }

  async #kept(put: Promise<StoredItem>, { keep = false, signal }: DhtPutOptions): Promise<StoredItem> {
    const stored = await put
    if (keep) this.#republisher.keep(stored, signal)
    return stored
  }

  #peers(
    infoHash: Uint8Array,
    query: Parameters<DhtNode['getPeers']>[1],
    options: DhtLookupOptions,
  ): DhtLookup<Address> {
    const known = new Set<string>()
    return this.#lookups.lookup<Address>(
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

  #driver(family: 4 | 6, state: ReturnType<typeof decodeState>[4 | 6]): DhtDriver {
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
    return new DhtDriver(this.#services, node, (event) => {
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
    for (const driver of this.#drivers.values()) driver.run(now)
    this.#begun.reach()
    this.#checkReady()
    try {
      await this.#lookups.wait(PATIENCE, undefined)
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
    const address = addresses.find((candidate) => this.#drivers.has(familyOf(candidate)))
    if (!address) throw new RarestError('dht/unreachable', `no socket for the addresses of ${node}`)
    return address
  }
}

/** The 20 bytes of a key. Throws TypeError or RangeError that names the argument. */
function keyOf(name: string, key: DhtKey): Uint8Array {
  const bytes = typeof key === 'string' ? fromHex(key) : key
  if (!(bytes instanceof Uint8Array) || bytes.length !== 20)
    throw new RangeError(`${name} must be 20 bytes or 40 hex digits`)
  return bytes
}
