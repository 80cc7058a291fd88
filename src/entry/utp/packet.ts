/**
 * `rarest/utp/packet`: uTP packets as bytes (BEP 29). Runs in a browser.
 * @module
 */

export type * from '../../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../../util/errors.js'
export {
  decodePacket,
  encodePacket,
  HEADER_LENGTH,
  type UtpPacket,
  type UtpPacketType,
} from '../../utp/packet.js'
