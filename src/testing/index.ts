/**
 * A virtual network, clock, disk and name service: test your swarms, or anything else that takes a
 * `World`, without sockets, in virtual time, repeatable from a seed.
 * @module
 */

export type { Timer, World } from '../net/world.js'
export { type DiskOperation, type DiskOptions, VirtualDisk } from './disk.js'
export { type HostOptions, VirtualHost } from './host.js'
export { type InterfaceOptions, VirtualInterfaces } from './interfaces.js'
export { VirtualNames } from './names.js'
export { type DatagramOptions, type NetworkOptions, VirtualNetwork } from './network.js'
export { SeededRandom } from './random.js'
export type { RunOptions } from './run.js'
export { type Site, type SiteFault, type SiteOptions, type SiteRequest, serveSite } from './site.js'
export type { TraceEvent } from './wire.js'
