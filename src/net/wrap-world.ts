/**
 * A world made out of another one: for proxies, bound interfaces, names of one's own, faults in tests.
 * @module
 */

import type { Address } from '../util/address.js'
import type { Random } from '../util/random.js'
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
} from './world.js'

/**
 * `world` with some of its methods replaced. What is not replaced is asked of `world`, and HTTP goes through the
 * result: `fetch` dials and looks names up by the replaced `connect` and `lookup`, `serveHttp` accepts by the
 * replaced `listen`. A replacement that throws where a promise is due rejects instead.
 *
 * ```ts
 * const bound = wrapWorld(world, {
 *   connect: (to, options) => world.connect(to, { ...options, localAddress: '10.8.0.2' }),
 * })
 * ```
 */
export function wrapWorld(world: World, replaced: Partial<World>): World {
  return new WrappedWorld(world, replaced)
}

class WrappedWorld implements World {
  readonly random: Random
  readonly #world: World
  readonly #replaced: Partial<World>

  constructor(world: World, replaced: Partial<World>) {
    this.#world = world
    this.#replaced = replaced
    this.random = replaced.random ?? world.random
  }

  now(): number {
    return this.#the('now').now()
  }

  unixTime(): number {
    return this.#the('unixTime').unixTime()
  }

  setTimer(ms: number, call: () => void): Timer {
    return this.#the('setTimer').setTimer(ms, call)
  }

  defer(call: () => void): void {
    this.#the('defer').defer(call)
  }

  async connect(to: Address, options: ConnectOptions): Promise<ByteStream> {
    return this.#the('connect').connect(to, options)
  }

  async listen(at: ListenOptions, accept: (stream: ByteStream) => void): Promise<StreamServer> {
    return this.#the('listen').listen(at, accept)
  }

  async bind(at: BindOptions, receive: (bytes: Uint8Array, from: Address) => void): Promise<DatagramSocket> {
    return this.#the('bind').bind(at, receive)
  }

  async fetch(request: HttpRequest, through: World = this): Promise<HttpResponse> {
    return this.#the('fetch').fetch(request, through)
  }

  async serveHttp(
    at: HttpServerOptions,
    respond: HttpResponder,
    through: World = this,
  ): Promise<StreamServer> {
    return this.#the('serveHttp').serveHttp(at, respond, through)
  }

  async lookup(
    name: string,
    options?: { readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<readonly string[]> {
    return this.#the('lookup').lookup(name, options)
  }

  async interfaces(): Promise<readonly NetworkInterface[]> {
    return this.#the('interfaces').interfaces()
  }

  watchInterfaces(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription {
    return this.#the('watchInterfaces').watchInterfaces(changed)
  }

  async gateway(family: 4 | 6): Promise<Gateway | undefined> {
    return this.#the('gateway').gateway(family)
  }

  /** What answers this method. */
  #the<K extends keyof World>(method: K): Pick<World, K> {
    return this.#replaced[method] === undefined ? this.#world : (this.#replaced as Pick<World, K>)
  }
}
