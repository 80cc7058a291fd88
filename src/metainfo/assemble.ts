/**
 * A torrent file around the raw bytes of `info`.
 * @module
 */

import { type Encodable, encode } from '../bencode/index.js'
import { concatBytes, fromLatin1 } from '../util/bytes.js'

/** `info` is never encoded again; `root` has that key for its place. Keys of `root` are Latin-1. */
export function assemble(root: ReadonlyMap<string, Encodable>, infoBytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [fromLatin1('d')]
  const keys = [...root.keys()].sort((a, b) => (a < b ? -1 : 1))
  for (const key of keys) {
    parts.push(encode(fromLatin1(key)), key === 'info' ? infoBytes : encode(root.get(key) as Encodable))
  }
  return concatBytes(...parts, fromLatin1('e'))
}
