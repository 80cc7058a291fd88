/**
 * `rarest/wire`: the peer wire protocol without sockets (BEP 3, 5, 6, 10, 20, 52). Runs in a browser.
 * @module
 */

export {
  type Block,
  type FileSlice,
  Layout,
  type LayoutFile,
  type LayoutOptions,
  type Range,
} from '../metainfo/layout.js'
export type { Address } from '../util/address.js'
export { Bitfield } from '../util/bitfield.js'
export type * from '../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
export type { Random } from '../util/random.js'
export * from '../wire/index.js'
export type { MseCore, MseOptions } from '../wire/mse/mse.js'
