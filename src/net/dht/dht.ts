/**
 * The DHT as applications use it: a node for each address family on one pair of sockets, and look-ups over
 * both (BEP 5, 32, 33, 51).
 * @module
 */

import type { Encodable } from '../../bencode/value.js'
import { BloomFilter } from '../../dht/bloom.js'
import type { Item } from '../../dht/items.js'
import { DhtNode } from '../../dht/node.js'
import { decodeState, encodeState } from '../../dht/state.js'
import { ed25519 } from '../../hash/ed25519.js'
import { hashBytes, type InfoHash, swarmKey } from '../../metainfo/infohash.js'
import { type Address, addressKey, familyOf, parseAddress, parseEndpoint } from '../../util/address.js'
import { abortable, Deferred } from '../../util/async/deferred.js'
import { toHex } from '../../util/bytes.js'
import { RarestError } from '../../util/errors.js'
import { checkOptions } from '../../util/options.js'
import type { Scheduler } from '../scheduler.js'
import type { SocketPair } from '../udp/socket-pair.js'
import type { World } from '../world.js'
import { BOOTSTRAP_ROUTERS, DhtBootstrap } from './bootstrap.js'
import { crawl } from './crawl.js'
import type {
  Dht,
  DhtAnnounceOptions,
  DhtKey,
  DhtPeersOptions,
  DhtPong,
  DhtScrape,
  DhtUpdatesOptions,
  FoundMutableItem,
} from './dht-api.js'
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
import { DHT_OPTIONS } from './options.js'
import { Republisher } from './republisher.js'

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

/** The DHT behind {@link Dht}: a node for each address family of one pair of sockets. */
export class DualStackDht implements Dht {
  readonly #services: DhtServices
  readonly #options: DhtOptions
  readonly #drivers = new Map<4 | 6, DhtDriver>()
  readonly #bootstrap: DhtBootstrap
  /** Aborts with the error that ended the node. */
  readonly #closing = new AbortController()
  /** The sockets are open. */
  readonly #opened = new Deferred<void>()
  /** The routers are known, as far as they will be. */
  readonly #begun = new Deferred<void>()
  readonly #ready = new Deferred<void>()
  readonly #lookups: DhtLookups
  readonly #republisher: Republisher
  #waitingFor = new Set<4 | 6>()

  /** Sends nothing before {@link DualStackDht.start}. Throws TypeError or RangeError for a wrong option. */
  constructor(services: DhtServices, options: DhtOptions = {}) {
    checkOptions(options, DHT_OPTIONS)
    this.#services = services
    this.#options = options
    this.#lookups = new DhtLookups(services, this.#drivers, this.#begun.promise)
    this.#republisher = new Republisher(services, this.#lookups)
    this.#bootstrap = new DhtBootstrap(services.world, services.scheduler, (address) =>
      this.#drivers.get(familyOf(address))?.tell((node, now) => node.addRouter(address, now)),
    )
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get stats(): readonly DhtNodeStats[] {
    return [...this.#drivers].map(([family, { node }]) => ({
      ...node.stats(this.#services.world.now()),
      family,
      id: toHex(node.id),
      externalAddress: node.externalAddress,
    }))
  }

  state(): Uint8Array {
    const node4 = this.#drivers.get(4)?.node
    const node6 = this.#drivers.get(6)?.node
    return encodeState({ ...(node4 && { 4: node4.state() }), ...(node6 && { 6: node6.state() }) })
  }

  getPeers(infoHash: InfoHash, options: DhtPeersOptions = {}): DhtLookup<Address> {
    const noSeed = options.noSeeds === true
    return this.#peers(swarmKey('infoHash', infoHash), { noSeed }, options)
  }

  announce(infoHash: InfoHash, options: DhtAnnounceOptions): DhtLookup<Address> {
    const { port, impliedPort = false, seed = false } = options
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new RangeError(`port must be an integer in 1 .. 65535, got ${port}`)
    const query = { announce: { port, impliedPort, seed }, noSeed: seed }
    return this.#peers(swarmKey('infoHash', infoHash), query, options)
  }

  async scrape(infoHash: InfoHash, options: DhtCallOptions = {}): Promise<DhtScrape> {
    const key = swarmKey('infoHash', infoHash)
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

  sample(target: DhtKey, options: DhtCallOptions = {}): DhtLookup<DhtSample> {
    const key = hashBytes('target', target, [20])
    return this.#lookups.lookup<DhtSample>(
      (node, now) => node.sample(key, now),
      (event, found) => {
        if (event.type !== 'samples') return
        const { samples, num, interval, from } = event
        found({ from: from.address, infoHashes: samples.map(toHex), num, interval })
      },
      options,
    )
  }

  crawl(options: DhtCallOptions = {}): AsyncGenerator<string, void, undefined> {
    const { random } = this.#services.world
    return crawl((target, each) => this.sample(target, each), random, options)
  }

  async ping(node: string, options: DhtCallOptions = {}): Promise<DhtPong> {
    const address = await this.#resolve(node, options.signal)
    const pings = this.#lookups.lookup<DhtPong>(
      (core, now) => core.ping(address, now),
      (event, found) => {
        if (event.type === 'pong') found({ id: toHex(event.from.id), address, rtt: event.rtt })
      },
      { ...options, family: familyOf(address) },
    )
    for await (const pong of pings) return pong
    throw new RarestError('dht/no-answer', `${node} did not answer`)
  }

  addNode(node: string): void {
    void this.#resolve(node, undefined).then(
      (address) => this.#drivers.get(familyOf(address))?.tell((core, now) => core.addNode(address, now)),
      () => {},
    )
  }

  async get(target: DhtKey, options: DhtCallOptions = {}): Promise<FoundItem | undefined> {
    return getImmutable(this.#lookups, hashBytes('target', target, [20]), options)
  }

  getMutable(publicKey: Uint8Array, options: SaltOptions = {}): Promise<FoundMutableItem | undefined> {
    return getMutable(this.#lookups, publicKey, options)
  }

  put(value: Encodable, options: DhtPutOptions = {}): Promise<StoredItem> {
    return this.#kept(putImmutable(this.#lookups, value, options), options)
  }

  putMutable(value: Encodable, options: PutMutableOptions): Promise<StoredItem> {
    return this.#kept(putMutable(this.#lookups, value, options), options)
  }

  putItem(item: Item, options: DhtPutOptions = {}): Promise<StoredItem> {
    return this.#kept(putItem(this.#lookups, item, options), options)
  }

  get kept(): readonly StoredItem[] {
    return this.#republisher.kept
  }

  release(target: DhtKey): boolean {
    return this.#republisher.release(hashBytes('target', target, [20]))
  }

  updates(
    publicKey: Uint8Array,
    options: DhtUpdatesOptions = {},
  ): AsyncGenerator<FoundMutableItem, never, undefined> {
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
    this.#opened.resolve()
    void this.#begin()
  }

  /** Ends every look-up with this error: there are no sockets. */
  fail(error: RarestError): void {
    if (this.#lookups.closed) return
    this.#closing.abort(error)
    this.#bootstrap.close()
    for (const driver of this.#drivers.values()) driver.close()
    this.#services.udp.onDht = undefined
    for (const deferred of [this.#opened, this.#begun, this.#ready]) deferred.reject(error)
    this.#lookups.close(error)
    this.#republisher.close()
  }

  /** Ends every look-up. The sockets belong to the caller. */
  end(): void {
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
    this.#begun.resolve()
    this.#checkReady()
    try {
      await this.#lookups.wait(PATIENCE, undefined)
      this.#ready.resolve()
    } catch {
      // Closed meanwhile, or there was nothing more to wait for.
    }
  }

  #checkReady(): void {
    if (this.#waitingFor.size === 0 && this.#begun.isResolved) this.#ready.resolve()
  }

  async #resolve(node: string, signal: AbortSignal | undefined): Promise<Address> {
    const { host, port } = parseEndpoint(node)
    const ends = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    await abortable(this.#opened.promise, ends)
    ends.throwIfAborted()
    const hosts = await abortable(this.#services.world.lookup(host, { signal: ends }), ends)
    const addresses = hosts.flatMap((ip) => parseAddress(ip, port) ?? [])
    const address = addresses.find((candidate) => this.#drivers.has(familyOf(candidate)))
    if (!address) throw new RarestError('dht/unreachable', `no socket for the addresses of ${node}`)
    return address
  }
}
