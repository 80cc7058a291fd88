/**
 * How a torrent comes by addresses of peers: its trackers, the DHT, and the peers that a user or a magnet link
 * names. What peers tell of others comes by their connections (`extensions/ut-pex.ts`).
 * @module
 */

import type { Scheduler } from '../../net/scheduler.js'
import type { TrackerClient } from '../../net/tracker/client.js'
import type { World } from '../../net/world.js'
import type { Address } from '../../util/address.js'
import type { TrackerReport } from '../events.js'
import type { PeerSource } from '../peers/peer-list.js'
import { DhtAnnouncer } from './dht-announcer.js'
import type { DhtSchedule } from './dht-schedule.js'
import { NamedPeers } from './named-peers.js'
import { TrackerAnnouncer } from './tracker-announcer.js'

export interface DiscoveryParts {
  readonly world: World
  readonly scheduler: Scheduler
  readonly trackers: TrackerClient
  /** Undefined when the session takes no part in the DHT. */
  readonly dht: DhtSchedule | undefined
  /** 20 bytes each: v1, truncated v2, or both of a hybrid; as far as they are known. */
  readonly infoHashes: readonly Uint8Array[]
  /** Tracker URLs by tier. */
  readonly tiers: readonly (readonly string[])[]
  /** As far as it is known. */
  readonly private: boolean
  readonly peerId: Uint8Array
  /** Port on which we listen, 0 when we do not. */
  readonly port: () => number
  /** Bytes uploaded, downloaded and left, at the moment of an announce. */
  readonly totals: () => { readonly uploaded: number; readonly downloaded: number; readonly left: number }
  /** We have everything. */
  readonly isSeed: () => boolean
  readonly found: (addresses: readonly Address[], source: PeerSource) => void
  /** A tracker answered, or did not. */
  readonly report: (report: TrackerReport) => void
  readonly warning: (code: string, message: string) => void
  /** A private torrent changed its tracker: all its connections are to be closed (BEP 27). */
  readonly switched: () => void
}

export class Discovery {
  readonly named: NamedPeers
  readonly trackers: TrackerAnnouncer
  readonly #world: World
  readonly #dht: DhtAnnouncer

  constructor(parts: DiscoveryParts) {
    const { found } = parts
    this.#world = parts.world
    this.named = new NamedPeers(parts)
    this.trackers = new TrackerAnnouncer({
      ...parts,
      client: parts.trackers,
      peers: (addresses) => found(addresses, 'tracker'),
    })
    this.#dht = new DhtAnnouncer({
      ...parts,
      schedule: parts.dht,
      found: (addresses) => found(addresses, 'dht'),
    })
  }

  /** The session's DHT, for peers to hear of and to tell theirs; undefined when the torrent stays out of it. */
  get dht(): DhtSchedule | undefined {
    return this.#dht.schedule
  }

  /** Joins the swarm: announces `started`. */
  start(): void {
    this.trackers.start(this.#world.now())
    this.#dht.start()
  }

  /** Leaves the swarm; resolves when the trackers know, or the time for it is up. */
  async stop(): Promise<void> {
    this.#dht.stop()
    await this.trackers.stop(this.#world.now())
  }

  /** There are too few peers: asks as early as everybody asked allows. May be called as often as one likes. */
  needPeers(): void {
    this.trackers.needPeers(this.#world.now())
    this.#dht.needPeers()
  }

  /** The metadata became known, and with it all infohashes. */
  learned(infoHashes: readonly Uint8Array[]): void {
    this.#dht.setInfoHashes(infoHashes)
    this.trackers.setInfoHashes(infoHashes, this.#world.now())
  }

  /** The metadata says that the torrent is private (BEP 27): trackers alone, and one at a time. */
  makePrivate(): void {
    this.#dht.makePrivate()
    this.trackers.makePrivate(this.#world.now())
  }

  /** DHT nodes that a torrent file names; hosts are names or addresses. */
  addNodes(nodes: readonly { readonly host: string; readonly port: number }[]): void {
    this.#dht.addNodes(nodes)
  }

  /** Gives up whatever is under way. After {@link Discovery.stop}. */
  close(): void {
    this.named.close()
    this.trackers.close()
  }
}
