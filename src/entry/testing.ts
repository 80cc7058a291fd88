/**
 * `rarest/testing`: a virtual network, clock, disk and name service, to test swarms without sockets.
 * @module
 */

export type * from '../net/world.js'
export * from '../testing/index.js'
