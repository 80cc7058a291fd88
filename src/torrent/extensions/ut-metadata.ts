/**
 * Gives the info dictionary to peers that have only a magnet link (BEP 9).
 * @module
 */

import type { ExtensionHandshake } from '../../wire/extension.js'
import { MetadataServe } from '../../wire/metadata/index.js'
import type { Connection } from '../peers/connection.js'
import { type Extension, sendExtended } from './extension.js'

/** Bytes that may wait to be sent to a peer before its answers pause: some clients ask for everything at once. */
const ENOUGH = 1 << 18

export class MetadataExtension implements Extension {
  readonly name = 'ut_metadata'
  readonly #info: Uint8Array
  readonly #serving = new Map<Connection, MetadataServe>()

  /** `info`: the bytes that the infohash is made of. */
  constructor(info: Uint8Array) {
    this.#info = info
  }

  hello(): Partial<Omit<ExtensionHandshake, 'extensions'>> {
    return { metadataSize: this.#info.length }
  }

  received(connection: Connection, payload: Uint8Array, now: number): void {
    let serve = this.#serving.get(connection)
    if (!serve) {
      serve = new MetadataServe(this.#info, now)
      this.#serving.set(connection, serve)
    }
    const code = serve.receive(payload, now)
    if (code) connection.end(code, 'asked for metadata again and again')
    else this.#send(connection, serve)
  }

  closed(connection: Connection): void {
    this.#serving.delete(connection)
  }

  tick(): void {
    for (const [connection, serve] of this.#serving) {
      this.#send(connection, serve)
      connection.touch()
    }
  }

  #send(connection: Connection, serve: MetadataServe): void {
    while (connection.peer.waiting < ENOUGH) {
      const answer = serve.transmit()
      if (answer === undefined) return
      sendExtended(connection, this.name, answer)
      connection.tookMetadata = true
    }
  }
}
