/**
 * `rarest/tracker`: clients of HTTP and UDP trackers, a schedule of announces, and a tracker to embed
 * (BEP 3, 7, 12, 15, 21, 23, 24, 31, 41, 48). The codecs alone, for browsers too: `rarest/tracker/codec`.
 * @module
 */

export type { InfoHash } from '../metainfo/infohash.js'
export { systemWorld } from '../net/system/world.js'
export {
  type SharedSockets,
  type TrackerCallOptions,
  TrackerClient,
  type TrackerClientOptions,
  type TrackerRequest,
  type UdpSender,
} from '../net/tracker/client.js'
export { type TrackerListening, TrackerServer, type TrackerServerOptions } from '../net/tracker/server.js'
export type * from '../net/world.js'
export {
  type AnnounceAction,
  type AnnounceOrder,
  Announcer,
  type AnnouncerOptions,
  type IntervalLimits,
  type TrackerSnapshot,
} from '../tracker/announcer.js'
export * from '../tracker/codec.js'
export { type HttpReply, TrackerCore, type TrackerCoreOptions, type TrackerStats } from '../tracker/server.js'
export type { Address } from '../util/address.js'
export type * from '../util/error-codes.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
export type { Random } from '../util/random.js'
