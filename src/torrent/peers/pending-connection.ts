/**
 * A connected peer of a torrent whose metadata is not known yet.
 * @module
 */

import type { Greeting } from '../../net/peer/handshake.js'
import { Link, type LinkOwner, type LinkServices } from '../../net/peer/link.js'
import type { ByteStream } from '../../net/world.js'
import { MetadataServe } from '../../wire/metadata/index.js'
import type { Peer, PeerOptions } from '../../wire/peer.js'
import type { KnownPeer } from './peer-list.js'

/** Where the blocks of a peer will go, once there is a store. */
export interface Placing {
  place: PeerOptions['place'] | undefined
}

/** A peer that we met before we knew what there is to exchange. */
export class Acquaintance extends Link {
  readonly known: KnownPeer
  readonly handshake: Greeting
  /** True when we dialled. */
  readonly initiator: boolean
  readonly placing: Placing
  /** Tells it that we have no metadata either (BEP 9). */
  readonly refusals: MetadataServe
  /** It told us the port of its DHT node. */
  namedNode = false

  constructor(
    services: LinkServices,
    parts: {
      readonly stream: ByteStream
      readonly peer: Peer
      readonly known: KnownPeer
      readonly handshake: Greeting
      readonly initiator: boolean
      readonly placing: Placing
      readonly now: number
    },
    owner: LinkOwner<Acquaintance>,
  ) {
    super(services, parts.stream, parts.peer, owner as LinkOwner<Link>)
    this.known = parts.known
    this.handshake = parts.handshake
    this.initiator = parts.initiator
    this.placing = parts.placing
    this.refusals = new MetadataServe(undefined, parts.now)
  }
}
