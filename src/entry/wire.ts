/**
 * `rarest/wire`: the peer wire protocol without sockets (BEP 3, 5, 6, 10, 20, 52). Runs in a browser.
 * @module
 */

export { Bitfield } from '../util/bitfield.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
export * from '../wire/index.js'
