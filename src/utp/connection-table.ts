/**
 * Connections by remote address and receive id (BEP 29).
 * @module
 */

import type { Address } from '../util/address.js'
import type { Connection } from './connection.js'

export class ConnectionTable {
  /** By host, then by port and id: no remote can make another's entries collide. */
  private readonly hosts: Map<string, Map<number, Connection>> = new Map()
  /** The last one found: packets come in bursts. */
  private last: Connection | undefined
  size = 0

  /** The connection whose packets carry this id. */
  find(from: Address, id: number): Connection | undefined {
    const { last } = this
    if (
      last !== undefined &&
      last.recvId === id &&
      last.remote.port === from.port &&
      last.remote.host === from.host
    )
      return last
    const found = this.hosts.get(from.host)?.get(keyOf(from.port, id))
    if (found !== undefined) this.last = found
    return found
  }

  add(connection: Connection): void {
    const { host, port } = connection.remote
    let ports = this.hosts.get(host)
    if (ports === undefined) {
      ports = new Map()
      this.hosts.set(host, ports)
    }
    ports.set(keyOf(port, connection.recvId), connection)
    this.size++
  }

  remove(connection: Connection): void {
    const { host, port } = connection.remote
    const ports = this.hosts.get(host)
    const key = keyOf(port, connection.recvId)
    if (this.last === connection) this.last = undefined
    if (ports?.get(key) !== connection) return
    ports.delete(key)
    if (ports.size === 0) this.hosts.delete(host)
    this.size--
  }

  *all(): Generator<Connection> {
    for (const ports of this.hosts.values()) yield* ports.values()
  }
}

/** Both in one 32-bit integer, which V8 keeps without allocating. */
function keyOf(port: number, id: number): number {
  return (port << 16) | id
}
