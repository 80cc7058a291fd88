/**
 * What a connected peer tells of addresses in its extension handshake (BEP 10): its own port (`p`), and ours as
 * it sees it (`yourip`).
 * @module
 */

import { ipFromBytes, isDialable } from '../../util/address.js'
import { listeningAddress } from '../extensions/ut-pex.js'
import type { Connection } from '../peers/connection.js'
import type { SwarmContext } from '../peers/swarm-context.js'

export class ReportedAddresses {
  readonly #context: SwarmContext
  readonly #heard = new WeakSet<Connection>()

  constructor(context: SwarmContext) {
    this.#context = context
  }

  /** A connection came about: our end of it is an address of ours, where the system told it (of a UDP socket it does not). */
  joined(connection: Connection): void {
    const { host } = connection.stream.local
    if (isDialable({ host, port: 1 })) this.#setOwnAddress(host)
  }

  /** Once a second. Without `dialBack`, a peer that dialled us is not to be dialled where it listens (BEP 27). */
  tick(dialBack: boolean, now: number): void {
    for (const connection of this.#context.connections) {
      const { extension } = connection.peer
      if (!extension || this.#heard.has(connection)) continue
      this.#heard.add(connection)
      const { yourIp } = extension
      if (yourIp) this.#setOwnAddress(ipFromBytes(yourIp), connection.stream.remote.host)
      const address = dialBack && !connection.initiator ? listeningAddress(connection) : undefined
      if (address) this.#context.peers.setListenAddress(connection.known, address, now)
    }
  }

  #setOwnAddress(host: string, voter?: string): void {
    this.#context.peers.setOwnAddress({ host, port: this.#context.listenPort() }, voter)
  }
}
