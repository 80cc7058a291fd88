/**
 * One number for TCP and UDP: peers and DHT nodes are told a single port.
 * @module
 */

import type { Listener } from '../net/peer/listener.js'
import type { SocketPair } from '../net/udp/socket-pair.js'
import { type ErrorCode, errorCode, errorMessage } from '../util/errors.js'

/** Free TCP ports tried until one is free for UDP as well. */
const TRIES = 10

/** What is open. */
export interface OpenPorts {
  /** TCP, 0 without a listener. */
  readonly tcp: number
  /** UDP, 0 when there is none. */
  readonly udp: number
  /** Why there is no UDP: the session works without. */
  readonly udpError?: { readonly code: ErrorCode; readonly message: string }
}

/**
 * Listens on TCP, then binds UDP to the same port; port 0 takes one that is free in both. Without a listener
 * UDP has the port to itself. Rejects with the system's code when TCP is refused, or UDP where `needsUdp`: without
 * TCP nothing works but by UDP.
 */
export async function openPorts(
  listener: Listener | undefined,
  udp: SocketPair | undefined,
  at: { readonly host?: string; readonly port: number },
  needsUdp: boolean,
): Promise<OpenPorts> {
  for (let tries = 1; ; tries++) {
    const tcp = listener ? await listener.open(at) : 0
    if (!udp) return { tcp, udp: 0 }
    try {
      return { tcp, udp: await udp.open({ ...at, port: listener ? tcp : at.port }) }
    } catch (error) {
      const code = errorCode(error)
      if (!listener || code !== 'EADDRINUSE' || at.port !== 0 || tries >= TRIES) {
        if (needsUdp) throw error
        return { tcp, udp: 0, udpError: { code, message: errorMessage(error) } }
      }
      await listener.close()
    }
  }
}
