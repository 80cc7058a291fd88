/**
 * `rarest/tracker`: clients of HTTP and UDP trackers, a schedule of announces, and a tracker to embed
 * (BEP 3, 7, 12, 15, 21, 23, 24, 31, 41, 48). The codecs alone, for browsers too: `rarest/tracker/codec`.
 * @module
 */

export { systemWorld } from '../net/system/world.js'
export { type TrackerCallOptions, TrackerClient, type TrackerClientOptions } from '../net/tracker/client.js'
export { type TrackerListening, TrackerServer, type TrackerServerOptions } from '../net/tracker/server.js'
export type { World } from '../net/world.js'
export {
  type AnnounceAction,
  type AnnounceOrder,
  Announcer,
  type AnnouncerOptions,
  type IntervalLimits,
  type TrackerSnapshot,
} from '../tracker/announcer.js'
export * from '../tracker/codec.js'
export { TrackerCore, type TrackerCoreOptions, type TrackerStats } from '../tracker/server.js'
export { ProtocolError, RarestError, type Result } from '../util/errors.js'
