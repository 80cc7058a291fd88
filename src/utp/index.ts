/**
 * uTP (BEP 29) without sockets: a byte stream over datagrams that leaves the link to other traffic.
 * @module
 */

export { UtpEndpoint, type UtpEndpointStats } from './endpoint.js'
export type {
  UtpCloseCode,
  UtpConnection,
  UtpDatagram,
  UtpEvent,
  UtpOptions,
  UtpStats,
} from './types.js'
