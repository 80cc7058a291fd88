/**
 * uTP on the UDP sockets of a session (BEP 29): drives the endpoint, makes and accepts byte streams.
 * @module
 */

import { type Address, familyOf } from '../../util/address.js'
import { withDeadline } from '../../util/async/deadline.js'
import { RarestError } from '../../util/errors.js'
import { UtpEndpoint, type UtpEndpointStats } from '../../utp/endpoint.js'
import type { UtpConnection, UtpEvent } from '../../utp/types.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { SocketPair } from '../udp/socket-pair.js'
import type { ConnectOptions, World } from '../world.js'
import { UtpStream, type UtpStreamHost } from './stream.js'

export interface UtpTransportOptions {
  readonly world: World
  readonly scheduler: Scheduler
  readonly udp: SocketPair
  /** Connections of all kinds, at most. Default 3,000 (libutp). */
  readonly maxConnections?: number
  /** True when a connection from this address may come in. */
  readonly welcome: (from: Address) => boolean
  /** A peer connected to us. */
  readonly accept: (stream: UtpStream) => void
  /** At the end of a turn there is no connection, lingering ones included. */
  readonly idle?: () => void
}

interface Attempt {
  readonly done: (stream: UtpStream) => void
  readonly failed: (error: Error) => void
}

export class UtpTransport implements Task, UtpStreamHost {
  readonly #options: UtpTransportOptions
  readonly #endpoint: UtpEndpoint
  readonly #streams = new Map<UtpConnection, UtpStream>()
  readonly #attempts = new Map<UtpConnection, Attempt>()
  readonly #awake = new Set<UtpStream>()
  #turning = false
  #closing = false
  #closed = false

  constructor(options: UtpTransportOptions) {
    const { world, udp, welcome, maxConnections } = options
    this.#options = options
    this.#endpoint = new UtpEndpoint({
      random: world.random,
      now: world.now(),
      accept: welcome,
      ...(maxConnections === undefined ? {} : { maxConnections }),
    })
    udp.onUtp = (bytes, from, now) => {
      if (this.#closed) return
      this.#endpoint.receive(bytes, from, now)
      this.#turn()
    }
  }

  /** Connections at most, those included that linger. */
  set maxConnections(count: number) {
    this.#endpoint.maxConnections = count
  }

  get stats(): UtpEndpointStats {
    return this.#endpoint.stats
  }

  /** Opens a connection. Rejects with a `utp/...` code, `ETIMEDOUT`, or `signal.reason`; at once where there is no socket of the family. */
  connect(to: Address, options: Pick<ConnectOptions, 'timeout' | 'signal'>): Promise<UtpStream> {
    const { world, udp } = this.#options
    const { signal, timeout } = options
    const late = (): Error => new RarestError('ETIMEDOUT', `no answer from ${to.host} over uTP`)
    return withDeadline({ clock: world, timeout, signal, late }, ({ resolve, reject }) => {
      if (this.#closed) throw new RarestError('utp/closed', 'uTP was closed')
      if (!udp.has(familyOf(to))) throw new RarestError('utp/no-socket', `no UDP socket for ${to.host}`)
      const connection = this.#endpoint.connect(to, world.now())
      this.#attempts.set(connection, { done: resolve, failed: reject })
      this.#turn()
      return (failure) => {
        this.#attempts.delete(connection)
        if (!failure) return
        // Without effect where it is the connection that failed.
        connection.destroy(world.now())
        this.#turn()
      }
    })
  }

  /** Ends every connection with a RESET. The sockets belong to the caller. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    const now = this.#options.world.now()
    this.#endpoint.close(now)
    this.#events()
    this.#send(now)
    this.#closed = true
    this.#options.scheduler.cancel(this)
    for (const stream of this.#awake) stream.settle()
    this.#awake.clear()
  }

  run(now: number): void {
    if (this.#closed) return
    this.#endpoint.timeout(now)
    if (this.#settle()) this.#turn()
  }

  now(): number {
    return this.#options.world.now()
  }

  wake(stream: UtpStream): void {
    if (this.#closed) {
      this.#options.world.defer(() => stream.settle())
      return
    }
    this.#awake.add(stream)
    this.#turn()
  }

  after(ms: number, call: () => void): () => void {
    const timer = this.#options.world.setTimer(ms, call)
    return () => timer.cancel()
  }

  /** Does all that is due once this turn of the event loop has read what there was. */
  #turn(): void {
    if (this.#turning || this.#closed) return
    this.#turning = true
    this.#options.world.defer(this.#endTurn)
  }

  /** Made once: a closure in `#turn` would be memory for every datagram. */
  readonly #endTurn = (): void => {
    const again = !this.#closed && this.#settle()
    this.#turning = false
    // What woke up while others were told has its turn next.
    if (again || this.#awake.size > 0) this.#turn()
  }

  /** True when the next turn is to be settled too. */
  #settle(): boolean {
    const again = this.#endpoint.endOfTurn(this.now())
    this.#events()
    for (const stream of this.#awake) {
      this.#awake.delete(stream)
      stream.settle()
      if (this.#closed) return false
    }
    this.#events()
    this.#send(this.now())
    const { scheduler, idle } = this.#options
    scheduler.schedule(this, this.#endpoint.nextTimeout())
    if (idle && this.#endpoint.stats.connections === 0) idle()
    return again
  }

  #events(): void {
    for (let event = this.#endpoint.poll(); event !== undefined; event = this.#endpoint.poll())
      this.#event(event)
  }

  #event(event: UtpEvent): void {
    const { connection } = event
    if (event.type === 'incoming') {
      this.#options.accept(this.#stream(connection))
      return
    }
    if (event.type === 'connected') {
      this.#attempts.get(connection)?.done(this.#stream(connection))
      return
    }
    const stream = this.#streams.get(connection)
    if (event.type === 'closed') {
      const code = event.code ?? 'utp/ended'
      this.#attempts.get(connection)?.failed(new RarestError(code, 'the uTP connection did not come about'))
      this.#streams.delete(connection)
      stream?.gone(event.code === 'utp/destroyed' && !this.#closing ? undefined : event.code)
    } else if (event.type === 'end') stream?.ended()
    else if (event.type === 'writable') stream?.feed()
    else stream?.becameReadable()
    if (stream) this.#awake.add(stream)
  }

  #stream(connection: UtpConnection): UtpStream {
    const family = familyOf(connection.remote)
    const local = this.#options.udp.addresses.find((address) => familyOf(address) === family)
    const stream = new UtpStream(this, connection, local ?? connection.remote)
    this.#streams.set(connection, stream)
    return stream
  }

  #send(now: number): void {
    const { udp } = this.#options
    for (let out = this.#endpoint.transmit(now); out !== undefined; out = this.#endpoint.transmit(now))
      udp.send(out.bytes, out.to)
  }
}
