/**
 * `rarest/metainfo`: torrent files parsed, checked and made (BEP 3, 9, 12, 19, 27, 38, 47, 52, 53). Runs in a browser;
 * `createTorrent` of `rarest` reads the files for it.
 * @module
 */

export * from '../metainfo/index.js'
export type * from '../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
