/**
 * The info dictionary between peers (BEP 9): fetched of all that have it while we do not know it, whose requests
 * are refused meanwhile, and given to all that ask from then on.
 * @module
 */

import type { Task } from '../../net/scheduler.js'
import type { ExtensionHandshake } from '../../wire/extension.js'
import { MetadataFetch, MetadataServe } from '../../wire/metadata/index.js'
import type { Connection } from '../peers/connection.js'
import type { SwarmContext } from '../peers/swarm-context.js'
import { type Extension, sendExtended } from './extension.js'

const NAME = 'ut_metadata'
/** Bytes that may wait to be sent to a peer before its answers pause: some clients ask for everything at once. */
const ENOUGH = 1 << 18

export interface MetadataParts {
  /** True when these bytes are the info dictionary that the infohashes name. */
  readonly verify: (bytes: Uint8Array) => boolean
  /** Takes the verified info dictionary, in a turn of its own. */
  readonly fetched: (bytes: Uint8Array) => void
}

export class MetadataExtension implements Extension, Task {
  readonly name: typeof NAME = NAME
  readonly #context: SwarmContext
  readonly #parts: MetadataParts
  /** The bytes that the infohash is made of; undefined until they are known. */
  #info: Uint8Array | undefined
  #fetch: MetadataFetch<Connection> | undefined
  readonly #serving = new Map<Connection, MetadataServe>()

  constructor(context: SwarmContext, parts: MetadataParts) {
    this.#context = context
    this.#parts = parts
  }

  /** Looks for the metadata, unless it is known. */
  start(): void {
    if (this.#info !== undefined) return
    const { random } = this.#context.world
    this.#fetch ??= new MetadataFetch({ verify: this.#parts.verify, random })
  }

  /** Gives up the search. */
  stop(): void {
    this.#fetch = undefined
    this.#context.scheduler.cancel(this)
  }

  /** From now on it is given to peers. */
  serve(info: Uint8Array): void {
    this.stop()
    this.#info = info
    this.#serving.clear()
  }

  handshake(): Partial<Omit<ExtensionHandshake, 'extensions'>> {
    return this.#info ? { metadataSize: this.#info.length } : {}
  }

  handshakeReceived(connection: Connection, now: number): void {
    const { extensions, metadataSize } = connection.peer.extension as ExtensionHandshake
    if (!extensions.has(NAME) || metadataSize === undefined) return
    this.#fetch?.addPeer(connection, metadataSize, now)
    this.#request(now)
  }

  received(connection: Connection, payload: Uint8Array, now: number): void {
    const code = this.#asked(connection, payload, now) ?? this.#answered(connection, payload, now)
    if (code) connection.end(code, 'broke the rules of the metadata exchange')
  }

  closed(connection: Connection, now: number): void {
    this.#serving.delete(connection)
    this.#fetch?.removePeer(connection, now)
    this.#request(now)
  }

  tick(): void {
    for (const [connection, serve] of this.#serving) this.#answer(connection, serve)
  }

  run(now: number): void {
    this.#fetch?.timeout(now)
    this.#request(now)
  }

  /** A peer may have asked us for a part of it. A code says: close the connection. */
  #asked(connection: Connection, payload: Uint8Array, now: number): string | undefined {
    let serve = this.#serving.get(connection)
    if (!serve) {
      serve = new MetadataServe(this.#info, now)
      this.#serving.set(connection, serve)
    }
    const code = serve.receive(payload, now)
    if (!code) this.#answer(connection, serve)
    return code
  }

  #answer(connection: Connection, serve: MetadataServe): void {
    while (connection.peer.waiting < ENOUGH) {
      const answer = serve.transmit()
      if (answer === undefined) return
      sendExtended(connection, NAME, answer)
      if (this.#info) connection.sharedMetadata = true
    }
  }

  /** A peer may have given us a part of it. A code says: close the connection. */
  #answered(connection: Connection, payload: Uint8Array, now: number): string | undefined {
    const fetch = this.#fetch
    if (!fetch) return undefined
    const held = fetch.heldBytes
    const code = fetch.receive(connection, payload, now)
    if (fetch.heldBytes > held || fetch.result) {
      connection.sharedMetadata = true
      connection.metadataAt = now
    }
    this.#request(now)
    return code
  }

  /** Asks for what is due, and hands the whole on once it is there. */
  #request(now: number): void {
    const fetch = this.#fetch
    if (!fetch) return
    for (let message = fetch.transmit(now); message !== undefined; message = fetch.transmit(now)) {
      sendExtended(message.peer, NAME, message.payload)
    }
    const { scheduler, world } = this.#context
    const { result } = fetch
    if (result === undefined) {
      scheduler.schedule(this, fetch.nextTimeout())
      return
    }
    this.stop()
    world.defer(() => this.#parts.fetched(result))
  }
}
