/**
 * `rarest/tracker/codec`: announces and scrapes over HTTP and UDP as bytes (BEP 3, 7, 15, 21, 23, 24, 31,
 * 41, 48). Runs in a browser.
 * @module
 */

export * from '../../tracker/codec.js'
export type { Address } from '../../util/address.js'
export type * from '../../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../../util/errors.js'
