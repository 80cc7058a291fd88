/**
 * What we say of ourselves in the extension handshake (BEP 10). It is said anew when it has changed whether we
 * download (BEP 21).
 * @module
 */

import type { ByteStream } from '../../net/world.js'
import { ipToBytes } from '../../util/address.js'
import { encodeExtensionHandshake } from '../../wire/extension.js'
import type { Connection } from '../peers/connection.js'
import { EXTENSION_IDS, type Extension } from './extension.js'

export interface HelloOptions {
  readonly extensions: readonly Extension[]
  readonly clientName: string
  readonly requestQueue: number
  readonly prefersEncryption: boolean
  readonly listenPort: () => number
  /** Whether we are seen to download no more. */
  readonly uploadOnly: () => boolean
}

export class Hello {
  readonly #options: HelloOptions
  /** What we told peers last (BEP 21). */
  #uploadOnly: boolean

  constructor(options: HelloOptions) {
    this.#options = options
    this.#uploadOnly = options.uploadOnly()
  }

  /** The payload for the peer at the other end. `withdraw`: names offered before the metadata was known and not now are taken back. */
  to(stream: ByteStream, withdraw = false): Uint8Array {
    const { extensions, clientName, requestQueue, prefersEncryption, listenPort, uploadOnly } = this.#options
    const names = extensions.map(({ name }) => [name, EXTENSION_IDS[name]] as const)
    const yourIp = ipToBytes(stream.remote.host)
    const port = listenPort()
    return encodeExtensionHandshake({
      extensions: { ...(withdraw ? NO_EXTENSIONS : {}), ...Object.fromEntries(names) },
      ...Object.assign({}, ...extensions.map((extension) => extension.hello?.())),
      client: clientName,
      reqq: requestQueue,
      ...(prefersEncryption ? { prefersEncryption: true } : {}),
      uploadOnly: uploadOnly(),
      ...(yourIp ? { yourIp } : {}),
      ...(port > 0 ? { port } : {}),
    })
  }

  /** Says anew who we are when it has changed whether we download. */
  repeat(connections: Iterable<Connection>): void {
    const uploadOnly = this.#options.uploadOnly()
    if (this.#uploadOnly === uploadOnly) return
    this.#uploadOnly = uploadOnly
    for (const connection of connections) {
      connection.peer.extended(0, this.to(connection.stream))
      connection.touch()
    }
  }
}

const NO_EXTENSIONS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.keys(EXTENSION_IDS).map((name) => [name, 0]),
)
