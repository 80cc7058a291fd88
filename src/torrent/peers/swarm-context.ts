/**
 * What the parts of one swarm share: they get it whole, not each a selection of its own.
 * @module
 */

import type { Layout } from '../../metainfo/layout.js'
import type { Scheduler } from '../../net/scheduler.js'
import type { World } from '../../net/world.js'
import type { Picker } from '../../picker/picker.js'
import type { Store } from '../../storage/store.js'
import type { Rate } from '../../util/rate.js'
import type { TorrentSettings } from '../settings.js'
import type { Connection } from './connection.js'
import type { KnownPeer, PeerList } from './peer-list.js'

/** From the first connection on. */
export interface SwarmContext {
  readonly world: World
  readonly scheduler: Scheduler
  readonly settings: TorrentSettings
  /** Port on which we listen, 0 when we do not. */
  readonly listenPort: () => number
  readonly peers: PeerList
  /** All connections of the torrent. */
  readonly connections: ReadonlySet<Connection>
  /** The connection of a known peer, while it has one. */
  readonly live: ReadonlyMap<KnownPeer, Connection>
  /** Payload of all connections, counted by the swarm. */
  readonly download: Rate
  readonly upload: Rate
}

/** What there is to exchange, once the metadata is known and the data on the disk was checked. */
export interface ContentContext extends SwarmContext {
  readonly layout: Layout
  readonly picker: Picker<KnownPeer>
  readonly store: Store
}
