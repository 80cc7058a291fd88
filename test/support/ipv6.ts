import { networkInterfaces } from 'node:os'

/** Whether this machine speaks IPv6 to itself: many containers do not. */
export const hasIpv6: boolean = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
