/**
 * `rarest/utp`: streams over UDP that leave the link to other traffic (BEP 29). `connect` and `createServer` give
 * Node streams on UDP sockets of their own; `UtpEndpoint` is the protocol without sockets, clock and
 * randomness, for programs that have their own. Packets alone: `rarest/utp/packet`.
 * @module
 */

export { systemWorld } from '../net/system/world.js'
export {
  connect,
  createServer,
  type UtpConnectOptions,
  UtpServer,
  type UtpServerEvents,
  type UtpServerOptions,
} from '../net/utp/server.js'
export type { UtpSocket, UtpSocketOptions } from '../net/utp/socket.js'
export type * from '../net/world.js'
export type { Address } from '../util/address.js'
export type * from '../util/error-codes.js'
export { ProtocolError, RarestError } from '../util/errors.js'
export type { Random } from '../util/random.js'
export { UtpEndpoint, type UtpEndpointStats } from '../utp/endpoint.js'
export type {
  UtpCloseCode,
  UtpConnection,
  UtpDatagram,
  UtpEvent,
  UtpOptions,
  UtpStats,
} from '../utp/types.js'
