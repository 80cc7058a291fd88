/**
 * Peer turnover: connections that are of no use to either side end, and in a full torrent an idle one makes
 * room for a better peer that knocks (BEP 21, 40).
 * @module
 */

import type { Connection } from '../peers/connection.js'
import type { PeerList } from '../peers/peer-list.js'

/** ms within which a peer has told what it has. */
const TOLD = 10_000
/** ms after which two that want nothing of each other part. */
const IDLE = 10 * 60_000
/** ms that a connection gets to come to something before another may take its place. */
const GRACE = 60_000

/** Seeds and partial seeds have nothing to do with each other (BEP 21). */
export function endAsSeeds(connection: Connection): void {
  connection.end('torrent/both-seeds', 'neither side needs anything')
}

/** Ends connections with peers that do nothing for us nor we for them. */
export function endIdle(connections: Iterable<Connection>, now: number): void {
  for (const connection of connections) {
    if (connection.peer.amInterested) continue
    // A partial seed that has nothing for us will never want anything of us either (BEP 21).
    if (connection.isUploadOnly && now - connection.connectedAt > TOLD) {
      connection.end('torrent/no-interest', 'a partial seed that has nothing we want')
      continue
    }
    const idle = !connection.peer.peerInterested
    if (idle && now - Math.max(connection.progressAt, connection.connectedAt) > IDLE) {
      connection.end('torrent/no-interest', 'neither side wanted anything for ten minutes')
    }
  }
}

/**
 * The connection to give up for a newcomer of this canonical priority (BEP 40): of those with nothing to do the
 * one of the lowest priority, when that is lower. Undefined when the newcomer has to wait.
 */
export function replaceable(
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

/** A connection with what tells whether it is worth keeping. */
export interface Standing {
  readonly connection: Connection
  /** The user named it. */
  readonly isNamed: boolean
  readonly isIdle: boolean
  /** Payload bytes/s, both ways. */
  readonly rate: number
  /** BEP 40, larger is better. */
  readonly priority: number
}

export function standings(connections: Iterable<Connection>, peers: PeerList, now: number): Standing[] {
  return Array.from(connections, (connection) => ({
    connection,
    isNamed: connection.known.source === 'user',
    isIdle: isIdle(connection, now),
    rate: connection.download.at(now) + connection.upload.at(now),
    priority: peers.priority(connection.known),
  }))
}

/**
 * Ends all but `most` connections: first those with nothing to do, then the slow ones, and those last that the user
 * named; among equals those of the lowest canonical priority (BEP 40).
 */
export function endLeastUseful(all: Standing[], most: number): void {
  if (all.length <= most) return
  all.sort(
    (a, b) =>
      Number(a.isNamed) - Number(b.isNamed) ||
      Number(b.isIdle) - Number(a.isIdle) ||
      a.rate - b.rate ||
      a.priority - b.priority,
  )
  for (const { connection } of all.slice(0, all.length - most))
    connection.end('torrent/limit', 'the limit of connections was lowered')
}

/** Nothing has moved either way of late, and nothing is about to. */
function isIdle(connection: Connection, now: number): boolean {
  const { peer, connectedAt, progressAt, download, upload } = connection
  if (now - Math.max(connectedAt, progressAt) < GRACE) return false
  return peer.outstanding === 0 && peer.queued === 0 && download.at(now) === 0 && upload.at(now) === 0
}
