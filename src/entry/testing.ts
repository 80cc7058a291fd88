/**
 * `rarest/testing`: a virtual network, clock, disk and name service, to test swarms without sockets.
 * @module
 */

export type * from '../net/world.js'
export type { FileStatus, StorageBackend, StorageFile } from '../storage/backend/backend.js'
export * from '../testing/index.js'
export type { Address } from '../util/address.js'
export type { Random } from '../util/random.js'
