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
import type { Line } from '../peer-context.js'

export class HashMessages {
  private readonly line: Line

  constructor(line: Line) {
    this.line = line
  }

  receive(code: number): void {
    const { line } = this
    if (line.options.v2 !== true) {
      line.fail('wire/hash-not-negotiated', `message id ${code} on a v1 connection`)
      return
    }
    const request = decodeHashRequest(line.decoder.body)
    if (code === HASH_REQUEST) line.push({ type: 'hash-request', request })
    else if (code === HASH_REJECT) line.push({ type: 'hash-reject', request })
    else line.push({ type: 'hashes', request, hashes: line.decoder.takeBody().subarray(48) })
  }

  /** Nothing on a v1 connection, or a closed one. */
  send(code: number, request: HashRequest, hashes: Uint8Array): void {
    const { line } = this
    if (!line.closed && line.options.v2) line.outbox.body(code, encodeHashRequest(request), hashes)
  }
}
