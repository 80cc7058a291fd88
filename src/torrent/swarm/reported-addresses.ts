/**
 * What a connected peer tells of addresses in its extension handshake (BEP 10): its own port, and ours as it
 * sees it.
 * @module
 */

import { ipFromBytes, isDialable } from '../../util/address.js'
import { type ExchangeLink, listeningAddress } from '../extensions/ut-pex.js'
import type { PeerList } from '../peers/peer-list.js'

export class Introductions {
  readonly #peers: PeerList
  readonly #listenPort: () => number
  readonly #heard = new WeakSet<ExchangeLink>()

  constructor(peers: PeerList, listenPort: () => number) {
    this.#peers = peers
    this.#listenPort = listenPort
  }

  /** A connection came about: our end of it is an address of ours, where the system told it (of a UDP socket it does not). */
  connected(link: ExchangeLink): void {
    const { host } = link.stream.local
    if (isDialable({ host, port: 1 })) this.#peers.setOwnAddress({ host, port: this.#listenPort() })
  }

  /** Once a second. Without `dialBack`, a peer that dialled us is not to be dialled where it listens (BEP 27). */
  tick(links: Iterable<ExchangeLink>, dialBack: boolean, now: number): void {
    for (const link of links) {
      const { extension } = link.peer
      if (!extension || this.#heard.has(link)) continue
      this.#heard.add(link)
      const { yourIp } = extension
      if (yourIp) {
        const host = ipFromBytes(yourIp)
        this.#peers.setOwnAddress({ host, port: this.#listenPort() }, link.stream.remote.host)
      }
      const address = dialBack && !link.initiator ? listeningAddress(link) : undefined
      if (address) this.#peers.setListenAddress(link.known, address, now)
    }
  }
}
