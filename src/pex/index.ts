/**
 * Peer exchange (BEP 11): messages, what to tell a peer, what to believe of it. Runs in a browser.
 * @module
 */

export { decodePex, encodePex, MAX_PEX_MESSAGE, PEX_FLAGS, type PexMessage, type PexPeer } from './codec.js'
export { PEX_ENTRIES, PEX_INTERVAL, type PexPeers, PexSender } from './diff.js'
export { type PexOutcome, PexReceiver } from './receive.js'
