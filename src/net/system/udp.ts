/**
 * UDP sockets of the system world.
 * @module
 */

import { createSocket, type Socket } from 'node:dgram'
import type { Address } from '../../util/address.js'
import type { DatagramSocket } from '../world.js'
import { plainIp } from './tcp.js'

/**
 * Receive and send buffers to ask for, best first. Bursts of 64 datagrams lose 9 % with the usual
 * default and none with 4 MiB; some systems refuse what exceeds their limit instead of granting less.
 */
const SOCKET_BUFFERS: readonly number[] = [4_194_304, 1_048_576, 262_144]

/** Bytes waiting in the process beyond which datagrams are dropped, as a full router would. */
const QUEUE_LIMIT = 4_194_304

/** Copies of outgoing datagrams live in blocks of this many bytes; at least the largest datagram. */
const STAGE_BYTES = 262_144

/** Binds a UDP socket; the contract is `World.bind`. */
export function bindDatagrams(
  at: { readonly host?: string; readonly port: number; readonly family?: 4 | 6 },
  receive: (bytes: Uint8Array, from: Address) => void,
): Promise<DatagramSocket> {
  const family = at.family ?? (at.host?.includes(':') ? 6 : 4)
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      ipv6Only: family === 6,
      // The default look-up is asynchronous, also for an IP: a buffer reused meanwhile would be sent changed.
      lookup: (host, _options, done) => done(null, host, family),
    })
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ port: at.port, ...(at.host === undefined ? {} : { address: at.host }) }, () => {
      socket.removeAllListeners('error')
      socket.on('error', ignore)
      enlarge((bytes) => socket.setRecvBufferSize(bytes))
      enlarge((bytes) => socket.setSendBufferSize(bytes))
      // A burst comes from one sender, and needs one object.
      let text = ''
      let sender: Address = { host: text, port: -1 }
      socket.on('message', (bytes, { address, port }) => {
        if (port !== sender.port || address !== text) {
          text = address
          // Only IPv6 text needs a look: it may be a mapped address, or have a zone.
          sender = { host: family === 4 ? text : plainIp(text), port }
        }
        receive(bytes, sender)
      })
      resolve(new SystemDatagrams(socket))
    })
  })
}

function enlarge(set: (bytes: number) => void): void {
  for (const bytes of SOCKET_BUFFERS) {
    try {
      set(bytes)
      return
    } catch {
      // Refused: ask for less.
    }
  }
}

function ignore(): void {}

class SystemDatagrams implements DatagramSocket {
  readonly address: Address
  readonly receiveBuffer: number
  private readonly socket: Socket
  private stage: Uint8Array = new Uint8Array(STAGE_BYTES)
  private staged = 0
  /** The begin of the stage, as long as the last datagram: a view costs more than the copy, and most are alike. */
  private first: Uint8Array = this.stage
  private closing: Promise<void> | undefined

  constructor(socket: Socket) {
    this.socket = socket
    const { address, port } = socket.address()
    this.address = { host: address, port }
    this.receiveBuffer = socket.getRecvBufferSize()
  }

  send(bytes: Uint8Array, to: Address): void {
    if (this.closing || bytes.length > 65_507) return
    const socket = this.socket
    // Sent at once in most cases; what the system does not take stays queued, in memory that only we know.
    if (socket.getSendQueueCount() === 0) this.staged = 0
    else if (socket.getSendQueueSize() > QUEUE_LIMIT) return
    if (this.staged + bytes.length > STAGE_BYTES) {
      this.stage = new Uint8Array(STAGE_BYTES)
      this.first = this.stage
      this.staged = 0
    }
    const copy = this.place(bytes.length)
    copy.set(bytes)
    this.staged += bytes.length
    try {
      socket.send(copy, to.port, to.host)
    } catch {
      // Port 0 and the like: lost, as the contract says.
    }
  }

  private place(length: number): Uint8Array {
    if (this.staged > 0) return this.stage.subarray(this.staged, this.staged + length)
    if (this.first.length !== length) this.first = this.stage.subarray(0, length)
    return this.first
  }

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.socket.removeAllListeners('message')
      this.socket.close(() => resolve())
    })
    return this.closing
  }
}
