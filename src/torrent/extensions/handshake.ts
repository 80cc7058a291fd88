/**
 * What we say of ourselves in the extension handshake (BEP 10): to each peer once it is connected, and anew when it
 * has changed which extensions there are, or whether we download (BEP 21).
 * @module
 */

import { prefersEncryption } from '../../net/peer/encryption.js'
import type { ByteStream } from '../../net/world.js'
import { ipToBytes } from '../../util/address.js'
import { encodeExtensionHandshake } from '../../wire/extension.js'
import type { SwarmContext } from '../peers/swarm-context.js'
import { EXTENSION_IDS, type Extension } from './extension.js'

export interface LocalHandshakeParts {
  /** Those that we take part in now. */
  readonly extensions: () => readonly Extension[]
  /** Whether we are seen to download no more. */
  readonly uploadOnly: () => boolean
}

export class LocalHandshake {
  readonly #context: SwarmContext
  readonly #parts: LocalHandshakeParts
  /** What we told peers last (BEP 21). */
  #uploadOnly = false

  constructor(context: SwarmContext, parts: LocalHandshakeParts) {
    this.#context = context
    this.#parts = parts
  }

  /** The payload for the peer at the other end. */
  to(stream: ByteStream): Uint8Array {
    return this.#encode(stream, {})
  }

  /** Tells every peer anew; names of extensions that we took part in before, and do not now, are taken back. */
  repeat(): void {
    this.#uploadOnly = this.#parts.uploadOnly()
    for (const connection of this.#context.connections) {
      connection.peer.extended(0, this.#encode(connection.stream, NO_EXTENSIONS))
      connection.touch()
    }
  }

  /** Tells every peer anew when it has changed whether we download. */
  repeatIfChanged(): void {
    if (this.#uploadOnly === this.#parts.uploadOnly()) return
    this.#uploadOnly = !this.#uploadOnly
    for (const connection of this.#context.connections) {
      connection.peer.extended(0, this.to(connection.stream))
      connection.touch()
    }
  }

  #encode(stream: ByteStream, names: Readonly<Record<string, number>>): Uint8Array {
    const { settings, listenPort } = this.#context
    const extensions = this.#parts.extensions()
    const yourIp = ipToBytes(stream.remote.host)
    const port = listenPort()
    return encodeExtensionHandshake({
      extensions: {
        ...names,
        ...Object.fromEntries(extensions.map(({ name }) => [name, EXTENSION_IDS[name]])),
      },
      ...Object.assign({}, ...extensions.map((extension) => extension.handshake?.())),
      client: settings.client.name,
      reqq: settings.limits.queuedRequestsPerPeer,
      ...(prefersEncryption(settings.transport.encryption) ? { prefersEncryption: true } : {}),
      uploadOnly: this.#parts.uploadOnly(),
      ...(yourIp ? { yourIp } : {}),
      ...(port > 0 ? { port } : {}),
    })
  }
}

const NO_EXTENSIONS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.keys(EXTENSION_IDS).map((name) => [name, 0]),
)
