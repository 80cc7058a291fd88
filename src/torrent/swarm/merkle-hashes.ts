/**
 * Merkle hashes on the connections of one v2 or hybrid torrent (BEP 52): asks for those that are missing,
 * serves those that others ask for, and finds the wrong blocks of a wrong piece.
 * @module
 */

import type { HashTrees } from '../../metainfo/hash-trees.js'
import type { Store } from '../../storage/store.js'
import type { Bitfield } from '../../util/bitfield.js'
import { concatBytes } from '../../util/bytes.js'
import { HashRequester } from '../../wire/hashes/requester.js'
import { type HashAnswer, HashServer } from '../../wire/hashes/server.js'
import type { HashRequest, PeerEvent } from '../../wire/peer.js'
import type { Connection } from '../peers/connection.js'

export interface HashesOptions {
  readonly trees: HashTrees
  readonly store: Store
  /** The verified pieces. */
  readonly have: Bitfield
  /** These blocks of a piece are proven wrong, and free again; all others of it are right. */
  readonly wrong: (piece: number, blocks: readonly number[]) => void
}

/** Bytes in the stream above which no hashes are added: a few answers. */
const MOST_QUEUED = 131_072
/** Answers given before others get their turn. */
const MOST_AT_ONCE = 8

export class Hashes {
  readonly #options: HashesOptions
  readonly #asker: HashRequester<Connection>
  readonly #server: HashServer<Connection>
  /** Connections that speak v2. */
  readonly #speaking = new Set<Connection>()
  /** Leaves are read from the disk for one peer at a time. */
  #reading: Promise<void> = Promise.resolve()

  constructor(options: HashesOptions) {
    this.#options = options
    this.#asker = new HashRequester(options.trees)
    this.#server = new HashServer(options.trees)
  }

  /** A connection that speaks v2. */
  joined(connection: Connection): void {
    this.#speaking.add(connection)
    this.#asker.addPeer(connection, () => connection.peer.pieces)
  }

  left(connection: Connection): void {
    if (!this.#speaking.delete(connection)) return
    this.#asker.removePeer(connection)
    this.#server.removePeer(connection)
    this.#askAgain()
  }

  /** The peer has more pieces than before. */
  told(connection: Connection): void {
    if (this.#asker.isBusy) this.#asker.refresh(connection)
  }

  received(connection: Connection, event: PeerEvent, now: number): void {
    if (event.type === 'hash-request') this.#requested(connection, event.request, now)
    else if (event.type === 'hashes') this.#answered(connection, event.request, event.hashes)
    else if (event.type === 'hash-reject') {
      const code = this.#asker.rejected(connection, event.request, now)
      if (code) connection.end(code, 'a reject of hashes that were not asked for')
      else this.#askAgain()
    }
  }

  /** All that came in one read was handled: asks and serves. */
  delivered(connection: Connection, now: number): void {
    if (!this.#speaking.has(connection)) return
    if (this.#asker.isBusy) this.#ask(connection, now)
    this.#serve(connection, now)
  }

  /** Once a second. */
  tick(now: number): void {
    const { store } = this.#options
    for (const piece of this.#asker.tick(now)) store.discard(piece)
    for (const connection of this.#speaking) {
      if (this.#asker.isBusy || this.#server.isWaiting(connection)) connection.touch()
    }
  }

  /** A piece is wrong; which of its blocks are right can be told once their hashes are known. */
  doubtful(piece: number, now: number): void {
    this.#asker.doubt(piece, now)
    if (!this.#resolve(piece)) this.#askAgain()
  }

  /** A piece was verified: what was asked about it is of no use any more. */
  verified(piece: number): void {
    const { tree, index } = this.#options.trees.at(piece)
    tree.forgetLeaves(index)
  }

  #ask(connection: Connection, now: number): void {
    for (
      let request = this.#asker.next(connection, now);
      request !== undefined;
      request = this.#asker.next(connection, now)
    )
      connection.peer.hashRequest(request)
  }

  #askAgain(): void {
    if (this.#asker.isBusy) for (const connection of this.#speaking) connection.touch()
  }

  #answered(connection: Connection, request: HashRequest, hashes: Uint8Array): void {
    const outcome = this.#asker.received(connection, request, hashes)
    if (outcome === 'late') return
    if (outcome !== 'ok') {
      connection.end(outcome, 'sent hashes that are wrong, or that nobody asked for')
      return
    }
    for (const piece of this.#asker.doubtful()) this.#resolve(piece)
    this.#options.store.hashesKnown()
  }

  /** Frees the wrong blocks of a piece if the hashes of all its blocks are proven; false when they are not. */
  #resolve(piece: number): boolean {
    const { store, wrong } = this.#options
    const leaves = this.#asker.leavesOf(piece)
    if (!leaves) return false
    this.#asker.forget(piece)
    const blocks = store.reopen(piece, leaves)
    if (blocks.length > 0) wrong(piece, blocks)
    else store.discard(piece)
    return true
  }

  #requested(connection: Connection, request: HashRequest, now: number): void {
    const verdict = this.#server.requested(connection, request, now)
    if (verdict === 'reject') connection.peer.hashReject(request)
    else if (verdict !== 'waits') connection.end(verdict, 'asks for more hashes than anyone needs')
  }

  #serve(connection: Connection, now: number): void {
    const { have } = this.#options
    const has = (piece: number): boolean => have.has(piece)
    for (let answers = 0; this.#server.isWaiting(connection); answers++) {
      if (connection.stream.queued > MOST_QUEUED) return
      if (answers === MOST_AT_ONCE) {
        connection.touch()
        return
      }
      const answer = this.#server.next(connection, has, connection.peer.amChoking, now)
      if (!answer) return
      if (answer.type === 'leaves') {
        const { first, last } = answer
        this.#reading = this.#reading.then(() => this.#readLeaves(connection, first, last))
        return
      }
      send(connection, answer)
    }
  }

  /** Never rejects. */
  async #readLeaves(connection: Connection, first: number, last: number): Promise<void> {
    const leaves: Uint8Array[] = []
    try {
      for (let piece = first; piece <= last && !connection.isClosed; piece++) {
        leaves.push(await this.#options.store.leaves(piece))
      }
    } catch {
      leaves.length = 0
    }
    if (connection.isClosed) return
    const answer = this.#server.leaves(connection, leaves.length > 0 ? concatBytes(...leaves) : undefined)
    if (answer) send(connection, answer)
    connection.touch()
  }
}

function send(connection: Connection, answer: HashAnswer): void {
  if (answer.type === 'hashes') connection.peer.hashes(answer.request, answer.hashes)
  else if (answer.type === 'reject') connection.peer.hashReject(answer.request)
}
