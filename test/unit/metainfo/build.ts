/** Small torrents, with keys changed, added or (undefined) left out. */
import { type Encodable, encode } from '../../../src/bencode/index.js'

export type Fields = { readonly [key: string]: Encodable | undefined }

export const HASH: Uint8Array = new Uint8Array(20).fill(7)

/** A single file of three bytes. */
export function torrent(info: Fields = {}, root: Fields = {}): Uint8Array {
  return encode({ info: { length: 3, name: 'a', 'piece length': 16384, pieces: HASH, ...info }, ...root })
}

/** Files in a folder, in one piece; each is three bytes long unless it says otherwise. */
export function multi(files: readonly Fields[], info: Fields = {}): Uint8Array {
  return torrent({ length: undefined, files: files.map((file) => ({ length: 3, ...file })), ...info })
}

/** Files of three bytes at these paths. */
export function withPaths(...paths: readonly (readonly (string | Uint8Array)[])[]): Uint8Array {
  return multi(paths.map((path) => ({ path })))
}
