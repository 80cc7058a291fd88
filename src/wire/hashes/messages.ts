/**
 * Requests for hashes of a v2 torrent and the answers to them, both ways (BEP 52); an offence on a v1 connection.
 * @module
 */

import {
  decodeHashRequest,
  encodeHashRequest,
  HASH_REJECT,
  HASH_REQUEST,
  type HashRequest,
} from '../message.js'
import type { PeerContext } from '../peer-context.js'

export class HashMessages {
  private readonly context: PeerContext

  constructor(context: PeerContext) {
    this.context = context
  }

  receive(code: number): void {
    const { context } = this
    if (context.options.v2 !== true) {
      context.fail('wire/hash-not-negotiated', `message id ${code} on a v1 connection`)
      return
    }
    const request = decodeHashRequest(context.decoder.body)
    if (code === HASH_REQUEST) context.push({ type: 'hash-request', request })
    else if (code === HASH_REJECT) context.push({ type: 'hash-reject', request })
    else context.push({ type: 'hashes', request, hashes: context.decoder.takeBody().subarray(48) })
  }

  /** Nothing on a v1 connection, or a closed one. */
  send(code: number, request: HashRequest, hashes: Uint8Array): void {
    const { context } = this
    if (!context.closed && context.options.v2) context.outbox.body(code, encodeHashRequest(request), hashes)
  }
}
