/**
 * The peer wire protocol without sockets: handshake, messages, the peer core, the extension handshake,
 * peer ids, and the encrypted handshake that may come before it all (BEP 3, 5, 6, 10, 20, 52, MSE).
 * @module
 */

export { allowedFastSet } from './allowed-fast.js'
export { BAD, Decoder, type FramingCode, KEEP_ALIVE, NEED, PIECE_END, UNKNOWN } from './decoder.js'
export { ASSUMED_REQQ, decodeExtensionHandshake, encodeExtensionHandshake } from './extension.js'
export {
  decodeHandshake,
  encodeHandshake,
  HANDSHAKE_LENGTH,
  type Handshake,
  type HandshakeEvent,
  HandshakeReader,
  reservedBits,
  type Support,
  supports,
} from './handshake.js'
export {
  decodeHolepunch,
  encodeHolepunch,
  HOLEPUNCH_ERRORS,
  type HolepunchMessage,
} from './holepunch.js'
export {
  ALLOWED_FAST,
  BITFIELD,
  CANCEL,
  CHOKE,
  decodeMessage,
  EXTENDED,
  encodeMessage,
  HASH_REJECT,
  HASH_REQUEST,
  HASHES,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  INTERESTED,
  type Message,
  NOT_INTERESTED,
  PIECE,
  PORT,
  REJECT,
  REQUEST,
  SUGGEST,
  UNCHOKE,
} from './message.js'
export {
  isDegenerate,
  type KeyExchange,
  type MakeKeyExchange,
  MSE_PRIME,
  SkeyTable,
} from './mse/keys.js'
export {
  type CryptoMethod,
  MseAcceptor,
  type MseAcceptorOptions,
  type MseEvent,
  type MseFailure,
  MseInitiator,
  type MseInitiatorOptions,
} from './mse/mse.js'
export { Rc4 } from './mse/rc4.js'
export {
  type BlockEvent,
  type CloseReason,
  type Counters,
  type ExtensionHandshake,
  type HashRequest,
  Peer,
  type PeerEvent,
  type PeerOptions,
  type PeerTimings,
  type WireCloseCode,
} from './peer.js'
export { clientName, makePeerId, PEER_ID_PREFIX } from './peer-id.js'
