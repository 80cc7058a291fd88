import { createSocket, type Socket } from 'node:dgram'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { systemWorld } from '../../src/net/system/world.js'
import type { World } from '../../src/net/world.js'
import { wrapWorld } from '../../src/net/wrap-world.js'
import type { AnnounceRequest } from '../../src/tracker/types.js'
import {
  decodeUdpRequest,
  encodeUdpResponse,
  type UdpRequest,
  type UdpResponse,
} from '../../src/tracker/udp-codec.js'

/** The loopback addresses that this machine has. */
export const LOOPBACKS: readonly string[] = ['127.0.0.1', '::1'].filter((wanted) =>
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === wanted),
  ),
)

export const announceRequest = (changes: Partial<AnnounceRequest> = {}): AnnounceRequest => ({
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: new Uint8Array(20).fill(0x70),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  key: 1,
  ...changes,
})

/** The machine's world with some names of our own, and timers that run `speed` times faster. */
export function worldWithNames(names: Readonly<Record<string, readonly string[]>>, speed = 1): World {
  const world = systemWorld()
  return wrapWorld(world, {
    setTimer: (ms, call) => world.setTimer(ms / speed, call),
    lookup: (name, options) => {
      const known = names[name]
      return known ? Promise.resolve(known) : world.lookup(name, options)
    },
  })
}

/** An HTTP server that does as told, closed with whatever it still holds. */
export async function httpServer(respond: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(respond)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${portOf(server)}/announce`, close: () => closed(server) }
}

function closed(server: ReturnType<typeof createServer>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** A UDP tracker that answers as told; `send` takes any socket, so that replies may come from elsewhere. */
export async function udpServer(
  respond: (request: UdpRequest, send: (response: UdpResponse, from?: Socket) => void) => void,
): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const socket = await udpSocket()
  socket.on('message', (bytes, { port, address }) => {
    const decoded = decodeUdpRequest(bytes)
    if (!decoded.ok) return
    respond(decoded.value, (response, from = socket) => from.send(encodeUdpResponse(response), port, address))
  })
  const { port } = socket.address()
  return {
    url: `udp://127.0.0.1:${port}/announce`,
    port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

/** A UDP socket on a free port of loopback. */
export async function udpSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return socket
}
