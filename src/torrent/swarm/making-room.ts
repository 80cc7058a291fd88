/**
 * Who leaves a full torrent when a better peer knocks (BEP 40).
 * @module
 */

import type { Connection } from '../peers/connection.js'
import type { PeerList } from '../peers/peer-list.js'

/** ms that a connection gets to come to something. */
const GRACE = 60_000

/**
 * The connection to give up for a newcomer of this canonical priority: of those with nothing to do the one
 * of the lowest priority, when that is lower. Undefined when the newcomer has to wait.
 */
export function dispensable(
  connections: Iterable<Connection>,
  peers: PeerList,
  priority: number,
  now: number,
): Connection | undefined {
  let worst: Connection | undefined
  let lowest = priority
  for (const connection of connections) {
    if (connection.known.source === 'user' || !isIdle(connection, now)) continue
    const theirs = peers.priority(connection.known)
    if (theirs >= lowest) continue
    worst = connection
    lowest = theirs
  }
  return worst
}

/** Nothing has moved either way of late, and nothing is about to. */
function isIdle(connection: Connection, now: number): boolean {
  const { peer, connectedAt, progressAt, download, upload } = connection
  if (now - Math.max(connectedAt, progressAt) < GRACE) return false
  return peer.outstanding === 0 && peer.queued === 0 && download.at(now) === 0 && upload.at(now) === 0
}
