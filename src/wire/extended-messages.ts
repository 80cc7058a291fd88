/**
 * The remote's extended messages (BEP 10): its handshakes are merged and rationed, all else is passed on.
 * @module
 */

import { decodeExtensionHandshake, type ExtensionHandshake } from './extension.js'
import type { PeerContext } from './peer-context.js'

/** Extension handshakes that are read; later ones are skipped. Clients repeat them on changes only. */
const MAX_HANDSHAKES = 100

export class ExtendedMessages {
  private readonly context: PeerContext
  private handshakes = 0

  constructor(context: PeerContext) {
    this.context = context
  }

  /** Reads one. `known` is what the remote said of itself so far; gives what it says by now. */
  receive(known: ExtensionHandshake | undefined): ExtensionHandshake | undefined {
    const { context } = this
    if (!context.options.extended) return known
    const { body } = context.decoder
    const id = body[0] as number
    if (id !== 0) {
      context.push({ type: 'extended', id, payload: context.decoder.takeBody().subarray(1) })
      return known
    }
    if (++this.handshakes > MAX_HANDSHAKES) return known
    const handshake = decodeExtensionHandshake(body.subarray(1), known)
    if (handshake === undefined) return known
    context.push({ type: 'extension-handshake', handshake })
    return handshake
  }
}
