/**
 * Messages of `ut_metadata`: a bencoded dictionary, followed by the block in a data message (BEP 9).
 * @module
 */

import { asDict, asInteger, encode, tryDecodePrefix } from '../../bencode/index.js'
import { concatBytes } from '../../util/bytes.js'

/** Bytes of a metadata block; the last one of a torrent may be shorter (BEP 9). */
export const METADATA_BLOCK = 16_384

/** One message of `ut_metadata`. */
export type MetadataMessage =
  | { readonly type: 'request'; readonly piece: number }
  | {
      readonly type: 'data'
      readonly piece: number
      /** Bytes of the whole metadata; undefined when the sender did not say. */
      readonly totalSize: number | undefined
      /** The block: all bytes after the dictionary. Decoded, a view of the message. */
      readonly block: Uint8Array
    }
  | { readonly type: 'reject'; readonly piece: number }

/** The payload of an extended message. */
export function encodeMetadataMessage(message: MetadataMessage): Uint8Array {
  if (message.type !== 'data') {
    return encode({ msg_type: message.type === 'request' ? 0 : 2, piece: message.piece })
  }
  const head = encode({ msg_type: 1, piece: message.piece, total_size: message.totalSize })
  return concatBytes(head, message.block)
}

/**
 * Reads a message, tolerantly: keys in any order, unknown keys, bytes after a request or reject.
 * Undefined for whatever is no message, has no piece number of 0 .. 2^31 - 1, or is of an unknown type
 * (which must be ignored, BEP 9).
 */
export function decodeMetadataMessage(payload: Uint8Array): MetadataMessage | undefined {
  const decoded = tryDecodePrefix(payload, {
    unsortedKeys: true,
    maxDepth: 4,
    maxTokens: 100,
    maxDigits: 20,
  })
  const dict = decoded.ok ? asDict(decoded.value.value) : undefined
  const piece = asInteger(dict?.get('piece'))
  if (!decoded.ok || dict === undefined || piece === undefined || piece < 0 || piece > 0x7fff_ffff)
    return undefined
  switch (asInteger(dict.get('msg_type'))) {
    case 0:
      return { type: 'request', piece }
    case 1: {
      const totalSize = asInteger(dict.get('total_size'))
      return { type: 'data', piece, totalSize, block: payload.subarray(decoded.value.end) }
    }
    case 2:
      return { type: 'reject', piece }
    default:
      return undefined
  }
}
