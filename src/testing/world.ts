/**
 * The `World` that a virtual host offers to the code under test.
 * @module
 */

import type {
  BindOptions,
  ByteStream,
  ConnectOptions,
  DatagramSocket,
  Gateway,
  HttpRequest,
  HttpResponder,
  HttpResponse,
  HttpServerOptions,
  ListenOptions,
  NetworkInterface,
  StreamServer,
  Subscription,
  Timer,
  World,
} from '../net/world.js'
import { type Address, addressKey } from '../util/address.js'
import { RarestError } from '../util/errors.js'
import type { Random } from '../util/random.js'
import { bindVirtual } from './datagrams.js'
import type { Surroundings, VirtualHost } from './host.js'
import { fetchVirtual, serveVirtual } from './http.js'
import { VirtualStream } from './stream.js'

export class VirtualWorld implements World {
  readonly random: Random
  readonly #host: VirtualHost
  readonly #around: Surroundings

  constructor(host: VirtualHost, around: Surroundings, random: Random) {
    this.#host = host
    this.#around = around
    this.random = random
  }

  now(): number {
    return this.#around.wire.clock.now
  }

  unixTime(): number {
    return this.#around.startTime + this.#around.wire.clock.now
  }

  /** At least 1 ms ahead, as the system's timers are. */
  setTimer(ms: number, call: () => void): Timer {
    const { clock } = this.#around.wire
    const { waiting } = this.#host
    const timer = {
      kind: 'timer',
      cancel(): void {
        waiting.delete(timer)
        clock.cancel(event)
      },
    }
    const event = clock.at(clock.now + Math.max(1, ms), () => {
      waiting.delete(timer)
      call()
    })
    waiting.add(timer)
    return timer
  }

  defer(call: () => void): void {
    this.#around.wire.clock.defer(call)
  }

  connect(to: Address, { timeout, signal, localAddress }: ConnectOptions): Promise<ByteStream> {
    const host = this.#host
    const around = this.#around
    const { clock, random, trace } = around.wire
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const local = { host: localAddress ?? host.addressTowards(to.host), port: host.freePort() }
      if (host.lacks(local.host)) {
        reject(new RarestError('ENETUNREACH', `no interface leads to ${addressKey(to)}`))
        return
      }
      const dial = { kind: `dial ${addressKey(to)}` }
      const record = (kind: 'dial' | 'open' | 'refuse'): void =>
        trace?.({ time: clock.now, kind, from: addressKey(local), to: addressKey(to), bytes: 0 })
      const settle = (): void => {
        host.waiting.delete(dial)
        clock.cancel(limit)
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        if (!host.waiting.has(dial)) return
        settle()
        reject(error)
      }
      const onAbort = (): void => fail(signal?.reason)
      const limit = clock.at(clock.now + timeout, () =>
        fail(new RarestError('ETIMEDOUT', `no connection to ${addressKey(to)} within ${timeout} ms`)),
      )
      host.waiting.add(dial)
      signal?.addEventListener('abort', onAbort)
      record('dial')
      const remote = around.hostAt(to.host) ?? (host.addressTowards(to.host) === to.host ? host : undefined)
      if (!remote) return
      const latency = around.latencyBetween(host, remote)
      clock.at(clock.now + latency, () => {
        if (!host.waiting.has(dial) || !around.canReach(host, remote)) return
        if (remote.options.nat && remote !== host) return
        const bound = remote.boundTo('tcp', to)
        if (!bound?.accept || random.happens(remote.options.refuse ?? 0)) {
          clock.at(clock.now + latency, () => {
            record('refuse')
            fail(new RarestError('ECONNREFUSED', `${addressKey(to)} refused the connection`))
          })
          return
        }
        const [dialled, accepted] = VirtualStream.pair(
          around.wire,
          { host, address: local },
          { host: remote, address: to },
          latency,
        )
        clock.at(clock.now + latency, () => {
          if (!host.waiting.has(dial)) {
            dialled.destroy()
            return
          }
          settle()
          record('open')
          resolve(dialled)
        })
        const { connectionLife } = remote.options
        if (connectionLife !== undefined)
          clock.at(clock.now - Math.log(1 - random.fraction()) * connectionLife, () =>
            dialled.cut('ECONNRESET'),
          )
        bound.accept(accepted)
      })
    })
  }

  async listen(at: ListenOptions, accept: (stream: ByteStream) => void): Promise<StreamServer> {
    const host = this.#host
    const bound = host.bind({ kind: 'tcp', host: at.host, accept }, at.port)
    if (!bound) throw new RarestError('EADDRINUSE', `TCP port ${at.port} is taken`)
    return {
      address: { host: at.host ?? '::', port: bound.port },
      async close() {
        host.release(bound)
      },
    }
  }

  bind(at: BindOptions, receive: (bytes: Uint8Array, from: Address) => void): Promise<DatagramSocket> {
    return bindVirtual(this.#host, this.#around, at, receive)
  }

  fetch(request: HttpRequest, through: World = this): Promise<HttpResponse> {
    return fetchVirtual(through, request)
  }

  serveHttp(at: HttpServerOptions, respond: HttpResponder, through: World = this): Promise<StreamServer> {
    return serveVirtual(through, at, respond)
  }

  lookup(
    name: string,
    options?: { readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<readonly string[]> {
    return this.#around.lookup(name, options)
  }
  async interfaces(): Promise<readonly NetworkInterface[]> {
    return this.#host.interfaces.list
  }

  watchInterfaces(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription {
    return this.#host.interfaces.watch(changed)
  }

  async gateway(family: 4 | 6): Promise<Gateway | undefined> {
    return this.#host.interfaces.gateways[family]
  }
}
