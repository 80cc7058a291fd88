/**
 * Carries out what {@link Blame} finds: who sent wrong data is put on parole, or banned and cut off.
 * @module
 */

import type { Layout } from '../../metainfo/layout.js'
import type { Picker } from '../../picker/picker.js'
import type { Store } from '../../storage/store.js'
import type { Connection } from '../peers/connection.js'
import type { KnownPeer, PeerList } from '../peers/peer-list.js'
import { Blame } from './blame.js'

export interface ConvictionsOptions {
  readonly layout: Layout
  readonly picker: Picker<KnownPeer>
  readonly store: Store
  readonly peers: PeerList
  /** The connection of each connected peer. */
  readonly live: ReadonlyMap<KnownPeer, Connection>
  readonly now: () => number
  readonly banned: (peer: KnownPeer, code: string) => void
}

export class Convictions {
  readonly #options: ConvictionsOptions
  readonly #blame = new Blame()
  #failedBytes = 0

  constructor(options: ConvictionsOptions) {
    this.#options = options
  }

  /** Payload bytes that did not match their hashes. */
  get failedBytes(): number {
    return this.#failedBytes
  }

  /** A connection came about: suspicion outlives the one before. */
  joined(connection: Connection): void {
    this.#options.picker.setParole(connection.picks, this.#blame.isOnParole(connection.known))
  }

  /** A piece is on disk: the picker is told, and whoever had sent something else for it is found out. */
  verified(piece: number): void {
    const { picker, store } = this.#options
    const contributors = picker.contributors(piece)
    const liars = this.#blame.passed(piece, contributors, store.takeDigests(piece))
    picker.verified(piece)
    for (const known of contributors) this.#watch(known)
    this.#convict(liars)
  }

  /** A piece did not match its hash: the picker is told, and finds out who sent it. */
  failed(piece: number): void {
    const { picker, store, layout } = this.#options
    this.#failedBytes += layout.pieceSize(piece)
    const liars = this.#blame.failed(piece, picker.senders(piece), store.takeDigests(piece) ?? [])
    for (const known of picker.failed(piece)) this.#watch(known)
    this.#convict(liars)
  }

  /** Blocks of a piece are proven wrong: whoever sent them lied, the rest of the piece stays (v2). */
  failedBlocks(piece: number, blocks: readonly number[]): void {
    const { picker, layout } = this.#options
    for (const block of blocks) this.#failedBytes += layout.blockAt(piece, block).length
    this.#convict(picker.failedBlocks(piece, blocks))
  }

  /** A peer came under suspicion or out of it. */
  #watch(known: KnownPeer): void {
    const connection = this.#options.live.get(known)
    if (connection) this.joined(connection)
  }

  #convict(liars: readonly KnownPeer[]): void {
    const { peers, live, now, banned } = this.#options
    for (const known of liars) {
      peers.ban(known, 'torrent/corrupt-data', now())
      banned(known, 'torrent/corrupt-data')
      live.get(known)?.end('torrent/corrupt-data', 'sent data that does not match its hash')
    }
  }
}
