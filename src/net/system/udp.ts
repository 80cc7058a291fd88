/**
 * UDP sockets of the system world.
 * @module
 */

import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import type { Address } from '../../util/address.js'
import { RarestError } from '../../util/errors.js'
import type { BindOptions, DatagramSocket, MulticastOptions } from '../world.js'
import { systemInterfaces } from './interfaces.js'
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
  at: BindOptions,
  receive: (bytes: Uint8Array, from: Address) => void,
): Promise<DatagramSocket> {
  const family = at.family ?? (at.host?.includes(':') ? 6 : 4)
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      ipv6Only: family === 6,
      reuseAddr: at.reuse ?? false,
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
      try {
        setMulticast(socket, family, at.multicast)
      } catch (error) {
        socket.close()
        reject(error)
        return
      }
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
      resolve(new SystemDatagrams(socket, family))
    })
  })
}

function setMulticast(socket: Socket, family: 4 | 6, options: MulticastOptions = {}): void {
  if (options.interface !== undefined)
    socket.setMulticastInterface(multicastInterface(options.interface, family))
  if (options.ttl !== undefined) socket.setMulticastTTL(options.ttl)
  if (options.loopback !== undefined) socket.setMulticastLoopback(options.loopback)
}

/** How the system wants an interface named: by its address in IPv4, by its zone in IPv6. */
function multicastInterface(name: string, family: 4 | 6): string {
  const found = systemInterfaces().find((each) => each.name === name)
  const address = found?.addresses.find((each) => each.family === family)
  if (!address) throw new RarestError('ENODEV', `no interface ${name} with an address of IPv${family}`)
  return family === 4 ? address.host : `::%${zoneOf(name)}`
}

/** Windows counts its interfaces, other systems name them. */
function zoneOf(name: string): string {
  if (process.platform !== 'win32') return name
  const zone = networkInterfaces()[name]?.find(({ family }) => family === 'IPv6')
  return String(zone?.family === 'IPv6' ? zone.scopeid : 0)
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
  private readonly family: 4 | 6
  /** Groups joined, each with its interface. */
  private readonly joined = new Set<string>()

  constructor(socket: Socket, family: 4 | 6) {
    this.socket = socket
    this.family = family
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

  async join(group: string, by?: string): Promise<void> {
    const key = `${group} ${by ?? ''}`
    if (this.joined.has(key)) return
    if (this.closing) throw new RarestError('EBADF', 'the socket is closed')
    if (by === undefined) this.socket.addMembership(group)
    else this.socket.addMembership(group, multicastInterface(by, this.family))
    this.joined.add(key)
  }

  async leave(group: string, by?: string): Promise<void> {
    if (!this.joined.delete(`${group} ${by ?? ''}`) || this.closing) return
    try {
      if (by === undefined) this.socket.dropMembership(group)
      else this.socket.dropMembership(group, multicastInterface(by, this.family))
    } catch {
      // The interface has gone, and the membership with it.
    }
  }

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.socket.removeAllListeners('message')
      this.socket.close(() => resolve())
    })
    return this.closing
  }
}
