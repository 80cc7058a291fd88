/**
 * Peers that a user or a magnet link names by `host:port`. Hosts that are no addresses are looked up.
 * @module
 */

import type { World } from '../../net/world.js'
import { type Address, parseAddress, parseEndpoint } from '../../util/address.js'
import { errorCode, errorMessage } from '../../util/errors.js'
import type { PeerSource } from '../peers/peer-list.js'

export interface NamedPeersParts {
  readonly world: World
  readonly found: (addresses: readonly Address[], source: PeerSource) => void
  /** A name has no address. */
  readonly warning: (code: string, message: string) => void
}

export class NamedPeers {
  readonly #parts: NamedPeersParts
  readonly #abort = new AbortController()

  constructor(parts: NamedPeersParts) {
    this.#parts = parts
  }

  /** See `Torrent.addPeers`. */
  addAll(peers: readonly string[]): void {
    for (const { host, port } of peers.map(parseEndpoint)) this.add(host, port, 'user')
  }

  add(host: string, port: number, source: PeerSource): void {
    const address = parseAddress(host, port)
    if (address) this.#parts.found([address], source)
    else void this.#lookup(host, port, source)
  }

  /** Gives up the look-ups under way. */
  close(): void {
    this.#abort.abort(new Error('the torrent was closed'))
  }

  async #lookup(host: string, port: number, source: PeerSource): Promise<void> {
    const { world, found, warning } = this.#parts
    try {
      const hosts = await world.lookup(host, { signal: this.#abort.signal })
      found(
        hosts.map((ip) => ({ host: ip, port })),
        source,
      )
    } catch (error) {
      if (this.#abort.signal.aborted) return
      warning(errorCode(error), `peer ${host}:${port}: ${errorMessage(error)}`)
    }
  }
}
