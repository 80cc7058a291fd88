/** Whole DHT nodes in the virtual world. */
import { expect } from 'vitest'
import type { Dht } from '../../src/net/dht/dht-api.js'
import { type OpenDht, type OpenDhtOptions, openDht } from '../../src/net/dht/open.js'
import { type VirtualHost, VirtualNetwork } from '../../src/testing/index.js'

/** Where nodes begin: the first one. */
export const ROUTER = 'router.example:6881'

/** A network of DHT nodes, which bootstrap from one of them. */
export class DhtNet {
  readonly network: VirtualNetwork
  readonly nodes: { readonly dht: OpenDht; readonly host: VirtualHost }[] = []

  /** @param on a network with a seed, or one that exists. */
  constructor(on: number | VirtualNetwork, loss = 0) {
    this.network = typeof on === 'number' ? new VirtualNetwork({ seed: on, datagrams: { loss } }) : on
  }

  open(options: OpenDhtOptions = {}, ip?: string, ip6?: string): Promise<Dht> {
    return this.openOn(this.network.host({ ...(ip && { ip }), ...(ip6 && { ip6 }) }), options)
  }

  async openOn(host: VirtualHost, options: OpenDhtOptions = {}): Promise<Dht> {
    const { ip6 } = host
    if (this.nodes.length === 0) this.network.names.set('router.example', [host.ip, ...(ip6 ? [ip6] : [])])
    const bootstrap = this.nodes.length === 0 ? [] : [ROUTER]
    const open = openDht({ world: host.world, port: 6881, bootstrap, ...options })
    const dht = await this.network.run({ until: open })
    this.nodes.push({ dht, host })
    return dht
  }

  /** Opens `count` nodes and waits until their tables are filled. */
  async grow(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.open({}, `${20 + i}.7.0.1`, `2a00:${(i + 1).toString(16)}::1`)
    await this.run(Promise.all(this.nodes.map(({ dht }) => dht.ready)))
    // Those that came when nobody was there yet try again.
    await this.network.advance(120_000)
  }

  run<T>(until: Promise<T>, limit = 120_000): Promise<T> {
    return this.network.run({ until, limit })
  }

  at(index: number): Dht {
    return this.nodes[index]!.dht
  }

  async close(): Promise<void> {
    await this.run(Promise.all(this.nodes.map(({ dht }) => dht.close())))
    await this.network.advance(10_000)
    for (const { host } of this.nodes) expect(host.open).toEqual([])
  }
}

/** All values, once it ended. */
export async function all<T>(found: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of found) values.push(value)
  return values
}
