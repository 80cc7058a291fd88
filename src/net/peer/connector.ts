/**
 * Connects to peers by TCP or uTP, whichever comes about: one is tried first, the other joins in after a
 * moment, or at once when the first fails.
 * @module
 */

import { type Address, familyOf } from '../../util/address.js'
import { withDeadline } from '../../util/async/deadline.js'
import { RarestError } from '../../util/errors.js'
import type { SocketPair } from '../udp/socket-pair.js'
import type { UtpTransport } from '../utp/transport.js'
import type { ByteStream, ConnectOptions, Transport, World } from '../world.js'

export interface ConnectorOptions {
  readonly world: World
  /** Undefined: TCP alone. */
  readonly utp: { readonly transport: UtpTransport; readonly udp: SocketPair } | undefined
  /** False: uTP alone. */
  readonly tcp: boolean
  /** ms that the transport tried first has for itself. */
  readonly headStart: number
}

export interface PeerConnectOptions extends ConnectOptions {
  /** Tried first. Default `tcp`: a tenth of the CPU time, and most peers take both. */
  readonly prefer?: Transport | undefined
  /** Nothing else is tried. */
  readonly only?: Transport | undefined
}

export class Connector {
  readonly #options: ConnectorOptions

  constructor(options: ConnectorOptions) {
    this.#options = options
  }

  /** Rejects with the code of the transport that failed last, `net/no-transport`, or `signal.reason`. */
  connect(to: Address, options: PeerConnectOptions): Promise<ByteStream> {
    const ways = this.#ways(to, options)
    const [first, second] = ways
    if (first === undefined)
      return Promise.reject(new RarestError('net/no-transport', `no way to connect to ${to.host}`))
    return second === undefined ? this.#by(first, to, options) : this.#race(first, second, to, options)
  }

  #ways(to: Address, { prefer = 'tcp', only }: PeerConnectOptions): Transport[] {
    const { utp, tcp } = this.#options
    const possible: Transport[] = []
    if (tcp) possible.push('tcp')
    if (utp?.udp.has(familyOf(to))) possible.push('utp')
    if (only !== undefined) return possible.filter((way) => way === only)
    return prefer === 'utp' ? possible.reverse() : possible
  }

  #by(way: Transport, to: Address, options: ConnectOptions): Promise<ByteStream> {
    const { world, utp } = this.#options
    return way === 'utp' && utp ? utp.transport.connect(to, options) : world.connect(to, options)
  }

  #race(first: Transport, second: Transport, to: Address, options: ConnectOptions): Promise<ByteStream> {
    const { world, headStart } = this.#options
    const { signal } = options
    return withDeadline<ByteStream>({ clock: world, signal }, ({ resolve, reject }) => {
      const abort = new AbortController()
      let under = 0
      let waiting = true
      let isOver = false
      const start = (way: Transport) => {
        under++
        this.#by(way, to, { ...options, signal: abort.signal }).then(
          (stream) => {
            under--
            if (isOver) stream.destroy()
            else resolve(stream)
          },
          (error: unknown) => {
            under--
            if (isOver) return
            if (waiting) next()
            else if (under === 0) reject(error)
          },
        )
      }
      const next = () => {
        if (!waiting) return
        waiting = false
        timer.cancel()
        start(second)
      }
      const timer = world.setTimer(headStart, next)
      start(first)
      return (failure) => {
        isOver = true
        timer.cancel()
        abort.abort(
          failure ? failure.error : new RarestError('net/overtaken', 'another transport was faster'),
        )
      }
    })
  }
}
