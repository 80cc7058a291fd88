/**
 * KRPC, the protocol of the DHT (BEP 5): its messages, and how they are read and written.
 * @module
 */

export { decodeKrpc } from './decode.js'
export { encodeError, encodeQuery, encodeReply } from './encode.js'
export * from './message.js'
