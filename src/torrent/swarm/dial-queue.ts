/**
 * The peers that a torrent dials, and when: those that others introduced us to first, since those dial us at this very
 * moment, then known peers as their failures allow; and what follows when a dial fails.
 * @module
 */

import type { Dialling, DialTarget } from '../../net/peer/dialer.js'
import type { Greeting, Identity } from '../../net/peer/handshake.js'
import type { ByteStream, World } from '../../net/world.js'
import type { Holepunch } from '../extensions/ut-holepunch.js'
import type { Bans } from '../peers/bans.js'
import type { KnownPeer, PeerList } from '../peers/peer-list.js'

export interface DialQueueParts {
  readonly world: World
  readonly peers: PeerList
  readonly bans: Bans
  readonly holepunch: Holepunch
  /** Who we are to the torrent's peers, and to those that know it by its v2 infohash alone. */
  readonly ours: () => Identity
  readonly oursV2: () => Identity | undefined
  /** True while the torrent runs and has room for another connection. */
  readonly wanted: () => boolean
  /** True when we need nothing of other seeds. */
  readonly isSeed: () => boolean
  readonly connected: (stream: ByteStream, handshake: Greeting, rest: Uint8Array, known: KnownPeer) => void
}

export class DialQueue implements Dialling {
  readonly #parts: DialQueueParts
  /** Peers of a hybrid that are dialled under its v2 infohash. */
  readonly #knowsV2Only: WeakSet<KnownPeer> = new WeakSet()

  constructor(parts: DialQueueParts) {
    this.#parts = parts
  }

  get ours(): Identity {
    return this.#parts.ours()
  }

  nextDial(now: number): DialTarget | undefined {
    const { world, peers, holepunch, oursV2, wanted, isSeed, connected } = this.#parts
    if (!wanted()) return undefined
    const introduced = this.#introduced(now)
    if (introduced) return introduced
    const known = peers.next(now, isSeed())
    if (!known) return undefined
    peers.dialling(known)
    return {
      address: known.listenAddress ?? known.address,
      prefersEncryption: known.hints.prefersEncryption === true,
      prefer: known.transport,
      connected: (stream, handshake, rest) => connected(stream, handshake, rest, known),
      ours: this.#knowsV2Only.has(known) ? oursV2() : undefined,
      failed: (code, transport) => {
        peers.failed(known, world.now())
        // Some take TCP connections to hang up at once: the other way comes first next time.
        const other = transport === 'tcp' ? 'utp' : 'tcp'
        if (transport) peers.prefer(known, other, world.now())
        if (!/^(wire|mse)\//.test(code)) holepunch.unreachable(known, world.now())
        // It may know the torrent by its other infohash alone: a magnet link names but one.
        if (!/^(wire|mse)\//.test(code) || !this.ours.upgrade) return
        if (!this.#knowsV2Only.delete(known)) this.#knowsV2Only.add(known)
      },
    }
  }

  nextDialAt(): number {
    const { peers, wanted, isSeed } = this.#parts
    return wanted() ? peers.nextDialAt(isSeed()) : Number.POSITIVE_INFINITY
  }

  /** A peer behind a NAT that others introduced us to (BEP 55): one dial over uTP, whatever else is due. */
  #introduced(now: number): DialTarget | undefined {
    const { world, peers, bans, holepunch, connected } = this.#parts
    for (let address = holepunch.next(now); address; address = holepunch.next(now)) {
      if (bans.has(address, now)) continue
      const fresh = peers.add([address], 'pex', now) > 0
      const known = peers.at(address)
      if (known?.state !== 'idle') continue
      peers.dialling(known)
      return {
        address,
        only: 'utp',
        connected: (stream, handshake, rest) => {
          holepunch.met(known)
          connected(stream, handshake, rest, known)
        },
        failed: () => {
          if (fresh) peers.remove(known.key)
          else peers.failed(known, world.now())
        },
      }
    }
    return undefined
  }
}
