/**
 * `rarest/testing`: a virtual network, clock, disk and name service, to test swarms without sockets.
 * @module
 */

export * from '../testing/index.js'
