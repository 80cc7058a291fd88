/**
 * The world of the machine: its clocks, timers, sockets and names.
 * @module
 */

import { randomFillSync } from 'node:crypto'
import type { Address } from '../../util/address.js'
import type { Random } from '../../util/random.js'
import { fetchOver } from '../http/fetch.js'
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
} from '../world.js'
import { Resolver } from './dns.js'
import { defaultGateway } from './gateway.js'
import { speakHttp } from './http-client.js'
import { serveHttp } from './http-server.js'
import { InterfaceWatch, systemInterfaces } from './interfaces.js'
import { connectStream, listenStreams } from './tcp.js'
import { SystemTimer } from './timer.js'
import { bindDatagrams } from './udp.js'

/** Bytes of randomness drawn at once: one system call serves 1,024 numbers. */
const RANDOM_POOL = 4_096

/** A world of its own over the machine's: the name cache is not shared with other worlds. */
export function systemWorld(): World {
  return new SystemWorld()
}

/** The machine as a {@link World}. Holds nothing open by itself. */
export class SystemWorld implements World {
  readonly random: Random = new SystemRandom()
  readonly #names = new Resolver(() => performance.now())
  readonly #interfaces = new InterfaceWatch(systemInterfaces)

  now(): number {
    return performance.now()
  }

  unixTime(): number {
    return Date.now()
  }

  setTimer(ms: number, call: () => void): Timer {
    return new SystemTimer(ms, call)
  }

  defer(call: () => void): void {
    setImmediate(call)
  }

  connect(to: Address, options: ConnectOptions): Promise<ByteStream> {
    return connectStream(to, options)
  }

  listen(at: ListenOptions, accept: (stream: ByteStream) => void): Promise<StreamServer> {
    return listenStreams(at, accept)
  }

  bind(at: BindOptions, receive: (bytes: Uint8Array, from: Address) => void): Promise<DatagramSocket> {
    return bindDatagrams(at, receive)
  }

  fetch(request: HttpRequest, through: World = this): Promise<HttpResponse> {
    return fetchOver(through, request, speakHttp)
  }

  serveHttp(at: HttpServerOptions, respond: HttpResponder, through: World = this): Promise<StreamServer> {
    return serveHttp(through, at, respond)
  }

  lookup(
    name: string,
    options?: { readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<readonly string[]> {
    return this.#names.lookup(name, options)
  }

  async interfaces(): Promise<readonly NetworkInterface[]> {
    return systemInterfaces()
  }

  watchInterfaces(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription {
    return this.#interfaces.add(changed)
  }

  gateway(family: 4 | 6): Promise<Gateway | undefined> {
    return defaultGateway(family)
  }
}

class SystemRandom implements Random {
  readonly #pool: Uint32Array = new Uint32Array(RANDOM_POOL / 4)
  #used: number = RANDOM_POOL / 4

  uint32(): number {
    if (this.#used === this.#pool.length) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    return this.#pool[this.#used++] as number
  }

  bytes(length: number): Uint8Array {
    return randomFillSync(new Uint8Array(length))
  }
}
