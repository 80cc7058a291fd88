/**
 * The codecs of trackers alone, for browsers too: `rarest/tracker/codec`.
 * @module
 */

export * from './http-codec.js'
export {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  MAX_PEERS,
  type NamedPeer,
  type ScrapeEntry,
  TrackerError,
  type TrackerPeer,
  type TrackerResult,
} from './types.js'
export * from './udp-codec.js'
