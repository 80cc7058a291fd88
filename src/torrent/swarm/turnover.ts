/**
 * Connections that are of no use to either side end: the place is for somebody else.
 * @module
 */

import type { Connection } from '../peers/connection.js'

/** ms within which a peer has told what it has. */
const SETTLED = 10_000

/** ms after which two that want nothing of each other part. */
const IDLE = 10 * 60_000

/** Seeds and partial seeds have nothing to do with each other (BEP 21). */
export function endAsSeeds(connection: Connection): void {
  connection.end('torrent/both-seeds', 'neither side needs anything')
}

/** Ends connections with peers that do nothing for us nor we for them. */
export function endIdle(connections: Iterable<Connection>, now: number): void {
  for (const connection of connections) {
    if (connection.peer.amInterested) continue
    // A partial seed that has nothing for us will never want anything of us either (BEP 21).
    if (connection.isUploadOnly && now - connection.connectedAt > SETTLED) {
      connection.end('torrent/no-interest', 'a partial seed that has nothing we want')
      continue
    }
    const idle = !connection.peer.peerInterested
    if (idle && now - Math.max(connection.progressAt, connection.connectedAt) > IDLE) {
      connection.end('torrent/no-interest', 'neither side wanted anything for ten minutes')
    }
  }
}
