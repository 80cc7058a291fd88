/**
 * `rarest/bencode`: strict decoding and canonical encoding (BEP 3). Runs in a browser.
 * @module
 */

export * from '../bencode/index.js'
export type * from '../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
