/**
 * `rarest/pex`: peer exchange, ut_pex (BEP 11). Runs in a browser.
 * @module
 */

export * from '../pex/index.js'
export { type Address, addressKey } from '../util/address.js'
export type * from '../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
